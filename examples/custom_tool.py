"""A tool of your own beside the image tool.

Both run at the same time in one turn, and your tool may return pictures itself: they get
references like every other. The chat model here follows a script; leave `model` and `images`
away to talk to the one that your environment names.
"""

import asyncio
import json

from limner import Engine, Reply, Tool, ToolPicture, ToolResult
from limner.core.messages import ChatRequest
from limner.testing import PlainImages, Say, ScriptedModel, plain_png


async def tide(harbour: str) -> ToolResult:
    chart = ToolPicture(plain_png(harbour, 64, 32), alt=f"Tide chart of {harbour}")
    return ToolResult({"harbour": harbour, "high_water": "14:20"}, pictures=(chart,))


TIDE = Tool(
    name="tide",
    description="Today's high water in a harbour, with a chart.",
    parameters={
        "type": "object",
        "properties": {"harbour": {"type": "string", "minLength": 1}},
        "required": ["harbour"],
        "additionalProperties": False,
    },
    run=tide,
    timeout_s=5,
)


def script(request: ChatRequest) -> Say:
    results = [json.loads(message.text) for message in request.messages if message.role == "tool"]
    if not results:
        boat = {"prompt": "A sailing boat at a quay, ink drawing", "alt": "A boat at the quay"}
        return Say(calls=[("tide", {"harbour": "Whitby"}), ("generate_image", boat)])
    chart, boat_url = results[0]["images"][0]["imageUrl"], results[1]["imageUrl"]
    return Say(
        f"High water is at 14:20.\n\n![The tide]({chart})\n\nThen we sail.\n\n![The boat]({boat_url})\n"
    )


async def main() -> Reply:
    async with Engine(ScriptedModel(script), PlainImages(), tools=[TIDE]) as engine:
        return await engine.conversation().ask("When can we sail from Whitby?")


if __name__ == "__main__":
    reply = asyncio.run(main())
    print(reply.markdown())
    assert [call["tool"] for call in reply.calls] == ["tide", "generate_image"]
    assert all(call["status"] == "ok" for call in reply.calls)
    assert [part.alt for part in reply.images] == ["The tide", "The boat"]
    assert "14:20" in reply.text
