"""A process dies in the middle of a turn; the next one goes on, and buys nothing twice.

The first process draws two of five pictures and is killed while the third one is under way.
The maker is of the kind that cannot be asked again (`at_most_once`), so the third is never
ordered again: its place says so, and the receipt lists it. The chat model follows a script.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from limner import Engine, FolderStorage, Purchase, Reply, SQLiteRecorder
from limner.core.messages import ChatRequest
from limner.images.protocol import ImageRequest
from limner.testing import PlainImages, Say, ScriptedModel

STEPS = ("soil", "seed", "sprout", "stem", "flower")


def script(request: ChatRequest) -> Say:
    results = [json.loads(message.text) for message in request.messages if message.role == "tool"]
    if not results:
        return Say(calls=[("generate_image", {"prompt": f"A {step}", "alt": step}) for step in STEPS])
    drawn = [f"![{s}]({r['imageUrl']})" for s, r in zip(STEPS, results, strict=True) if r["status"] == "ok"]
    return Say("From seed to flower:\n\n" + "\n\n".join(drawn))


async def die_at_the_third(request: ImageRequest, _: Purchase) -> None:
    if request.prompt == "A sprout":
        os.kill(os.getpid(), signal.SIGKILL)


async def turn(folder: Path, images: PlainImages, *, resume: bool) -> Reply:
    storage, recorder = FolderStorage(folder / "store"), SQLiteRecorder(folder / "journal.sqlite")
    async with Engine(ScriptedModel(script), images, storage=storage, recorder=recorder) as engine:
        if resume:
            return await (await engine.resume("tulip")).resume()
        return await engine.conversation("tulip").ask("How does a tulip grow?")


if __name__ == "__main__":
    if sys.argv[1:]:
        images = PlainImages(concurrency=1, before=die_at_the_third)
        asyncio.run(turn(Path(sys.argv[1]), images, resume=False))
        sys.exit("the first process should have been killed")
    with TemporaryDirectory() as name:
        killed = subprocess.run([sys.executable, *sys.orig_argv[1:], name], check=False)
        assert killed.returncode == -signal.SIGKILL
        images = PlainImages(concurrency=1)
        reply = asyncio.run(turn(Path(name), images, resume=True))
    print(reply.markdown())
    assert [each.prompt for each in images.requests] == ["A stem", "A flower"], "only what was not ordered"
    assert [part.alt for part in reply.images] == ["soil", "seed", "stem", "flower"]
    assert [call["code"] for call in reply.calls] == [None, None, "outcome_unknown", None, None]
    assert len(reply.receipt["unknown"]) == 1
