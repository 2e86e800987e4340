"""Words before pictures: the model writes on while its pictures are drawn.

With `promise_after_s=0` no round waits for a picture. A reader gets the text at once, with
places that are filled as the pictures arrive. The picture maker here is a slow one for tests.
"""

import asyncio

from limner import (
    Engine,
    ImageFailed,
    ImageFinished,
    ImagePlaced,
    OfflineModel,
    Reply,
    TextDelta,
)
from limner.testing import PlainImages


async def main() -> tuple[list[str], Reply]:
    told: list[str] = []
    async with Engine(OfflineModel(), PlainImages(delay_s=0.5), promise_after_s=0) as engine:
        conversation = engine.conversation()
        async with conversation.stream("Teach me to tie a bowline in three steps") as stream:
            async for event in stream:
                told.append(event.type)
                match event:
                    case TextDelta(text=text):
                        print(text, end="")
                    case ImagePlaced(number=number, alt=alt, picture=None):
                        print(f"[picture {number}, being drawn: {alt}]", end="")
                    case ImageFinished(number=number):
                        print(f"\n[picture {number} is there]")
                    case ImageFailed(notice=notice):
                        print(f"\n[{notice}]")
        return told, stream.reply


if __name__ == "__main__":
    told, reply = asyncio.run(main())
    assert told.count("image-promised") == 3
    assert told.index("image-placed") < told.index("image-finished"), "the place comes before its picture"
    assert told.index("text-finished") < told.index("image-finished"), "so do all the words"
    assert told[-1] == "reply-finished"
    assert len(reply.images) == 3, "every promise was kept"
    assert reply.complete
