"""A program for the test of memory: it keeps many large pictures at once, and prints what that took, as JSON.

python keeping_memory.py FOLDER COUNT MEBIBYTES BACKEND
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import anyio

import pictures
from limner.images.inspector import Inspector
from limner.storage.folder import FolderStorage
from limner.storage.keeping import keep


async def work(folder: Path, count: int, mebibytes: int) -> dict[str, Any]:
    store, inspector = FolderStorage(folder / "store"), Inspector(workers=2)

    async def kept(path: Path) -> None:
        picture = await keep(store, inspector, "local", path)
        sizes.append(picture.size_bytes)

    sizes: list[int] = []
    small = folder / "small"
    small.write_bytes(pictures.png())
    # What is imported and started with the first picture does not depend on its size.
    await kept(small)
    before = memory_kib("VmRSS")
    large = folder / "large"
    with large.open("wb") as file:
        file.write(pictures.png(extra=pictures.png_chunk(b"caBX", os.urandom(mebibytes << 20))))
    paths = [folder / str(number) for number in range(count)]
    for path in paths:
        os.link(large, path)
    forget_the_most()
    async with anyio.create_task_group() as tasks:
        for path in paths:
            tasks.start_soon(kept, path)
    grown = memory_kib("VmHWM") - before
    left = [path.name for path in paths if path.exists()]
    await inspector.aclose()
    await store.aclose()
    return {"grown_kib": grown, "bytes": sum(sizes[1:]), "left": left}


def forget_the_most() -> None:
    """Have the system count anew what is in memory at most."""
    Path("/proc/self/clear_refs").write_text("5")


def memory_kib(what: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1])
    raise AssertionError(what)


if __name__ == "__main__":
    print(
        json.dumps(
            anyio.run(work, Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), backend=sys.argv[4])
        )
    )
