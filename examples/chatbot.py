"""A chatbot in a terminal: one conversation, turn after turn.

    python examples/chatbot.py                         talk to it; an empty line ends the talk
    printf 'Draw a fox\n' | python examples/chatbot.py

Without a key the words and pictures come from the offline default; with one in the environment
the same program talks to a real chat model.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from limner import Engine, FolderStorage, Reply


async def typed() -> AsyncIterator[str]:
    """What a person types, line by line, read beside the event loop."""
    while True:
        print("\n> ", end="", flush=True)
        line = await asyncio.to_thread(sys.stdin.readline)
        if not line.strip():
            return
        yield line.strip()


async def main() -> list[Reply]:
    replies = []
    async with Engine(storage=FolderStorage(Path("chat-pictures"))) as engine:
        for note in engine.notes:
            print(note, file=sys.stderr)
        conversation = engine.conversation()
        async for line in typed():
            reply = await conversation.ask(line)
            print(reply.markdown())
            replies.append(reply)
        said = [message.role for message in conversation.messages]
        assert said.count("user") == len(replies), "the conversation remembers every turn"
    return replies


if __name__ == "__main__":
    for reply in asyncio.run(main()):
        assert reply.text.strip(), "every turn has an answer"
        assert reply.complete, "every picture that was asked for is there"
        assert reply.markdown().count("![") == len(reply.images), "each picture stands once"
