"""A tool that the caller executes: the conversation rests until the result is there.

A question to a person works the same way: nothing runs, and nothing times out, while it waits.
The chat model here follows a script.
"""

import asyncio
import json

from limner import Engine, Reply, Tool
from limner.core.messages import ChatRequest
from limner.testing import PlainImages, Say, ScriptedModel

APPROVE = Tool(
    name="approve",
    description="Ask the customer whether the picture may be drawn.",
    parameters={
        "type": "object",
        "properties": {"question": {"type": "string"}},
        "required": ["question"],
    },
    run=None,  # ours to execute, so the engine hands it back
)


def script(request: ChatRequest) -> Say:
    results = [json.loads(message.text) for message in request.messages if message.role == "tool"]
    if not results:
        return Say("One question first. ", calls=[("approve", {"question": "May I draw your cat?"})])
    if len(results) == 1:
        assert results[0] == {"approved": True}
        return Say(calls=[("generate_image", {"prompt": "A tabby cat on a sofa", "alt": "The cat"})])
    return Say(f"Here it is: ![The cat on its sofa]({results[1]['imageUrl']})")


async def main() -> tuple[Reply, Reply]:
    async with Engine(ScriptedModel(script), PlainImages(), tools=[APPROVE]) as engine:
        conversation = engine.conversation()
        question = await conversation.ask("Draw my cat, please")
        answers = {}
        for call in question.waiting:
            print(json.loads(call.arguments)["question"], "yes")
            answers[call.id] = {"approved": True}
        return question, await conversation.resume(answers)


if __name__ == "__main__":
    question, reply = asyncio.run(main())
    print(reply.markdown())
    assert [call.name for call in question.waiting] == ["approve"]
    assert not question.images, "nothing was drawn before the answer"
    assert reply.text.startswith("One question first."), "one reply, both rounds"
    assert [part.alt for part in reply.images] == ["The cat on its sofa"]
    assert reply.waiting == ()
