"""Two programs for the test of memory: a server of large pictures, and who downloads them.

    python download_memory.py serve COUNT MEBIBYTES          prints its origin
    python download_memory.py many ORIGIN COUNT BACKEND      downloads COUNT pictures at once
    python download_memory.py endless ORIGIN COUNT BACKEND   downloads one that has no end, COUNT times

The last two print what they took, as JSON. The server keeps back the second half of every picture
until COUNT of them are under way, so all are in the middle at the same time.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio

from limner.errors import PictureError
from limner.images.download import download, fetch_picture

_PART = b"\x5a" * (256 * 1024)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
_SCAN = b"\xff\xd8\xff\xda\x00\x02"
_END_OF_SCAN = b"\xff\xd9"


class Server:
    """Answers /small, /endless, and every other path with a picture."""

    def __init__(self, count: int, mebibytes: int) -> None:
        self._count = count
        self._size = mebibytes * 1024 * 1024
        self._under_way = 0
        self._halfway = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        try:
            if request.startswith(b"GET /small"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall")
            elif request.startswith(b"GET /endless"):
                await self._endless(writer)
            else:
                await self._picture(writer, request.split()[1].endswith(b".jpg"))
            await writer.drain()
        except ConnectionError:
            pass  # the client has seen enough
        finally:
            writer.close()

    async def _endless(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"%x\r\n%s\r\n" % (len(_PART), _PART))
            await writer.drain()

    async def _picture(self, writer: asyncio.StreamWriter, as_jpeg: bool) -> None:
        head, end = (_SCAN, _END_OF_SCAN) if as_jpeg else (self._png_head(), _END)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self._size + head)
        left, waited = self._size - len(head) - len(end), False
        while left:
            part = _PART[: min(len(_PART), left)]
            writer.write(part)
            await writer.drain()
            left -= len(part)
            if left < self._size // 2 and not waited:
                waited = True
                self._under_way += 1
                if self._under_way == self._count:
                    self._halfway.set()
                await self._halfway.wait()
        writer.write(end)

    def _png_head(self) -> bytes:
        """One chunk fills the picture: whoever looks for its end has to find it behind all of that."""
        filling = self._size - len(_SIGNATURE) - 12 - len(_END)
        return _SIGNATURE + filling.to_bytes(4, "big") + b"teXt"


async def serve(count: int, mebibytes: int) -> None:
    server = await asyncio.start_server(Server(count, mebibytes).answer, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


async def many(origin: str, folder: Path, count: int) -> None:
    async def one(number: int) -> None:
        kind = "jpg" if number % 2 else "png"
        await fetch_picture(f"/{number}.{kind}", trusted=origin, left_s=300.0, folder=folder)

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(one, number)


async def endless(origin: str, folder: Path, count: int) -> None:
    for _ in range(count):
        try:
            await download("/endless", trusted=origin, folder=folder)
        except PictureError as error:
            if error.code != "image_too_large":
                raise


async def measured(
    work: Callable[[str, Path, int], Awaitable[None]], origin: str, count: int
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # What libraries and a first connection take, they take once.
        first = await download("/small", trusted=origin, folder=folder)
        assert isinstance(first, Path)
        first.unlink()
        before = _memory_kib("VmRSS")
        _forget_the_peak()
        await work(origin, folder, count)
        grown = _memory_kib("VmHWM") - before
        sizes = _sizes(folder)
    return {"grown_kib": grown, "files": len(sizes), "bytes": sum(sizes)}


def _sizes(folder: Path) -> list[int]:
    return [file.stat().st_size for file in folder.iterdir()]


def _forget_the_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _memory_kib(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(int(sys.argv[2]), int(sys.argv[3])))
    else:
        kind = {"many": many, "endless": endless}[sys.argv[1]]
        print(json.dumps(anyio.run(measured, kind, sys.argv[2], int(sys.argv[3]), backend=sys.argv[4])))
