"""The provider that all contestants ask: chats whole and streamed, Responses, pictures; in a process of its own.

How it behaves stands in the path that a request begins with, as `Behaviour.prefix` writes it, so one process
serves every measurement; where that is no more than `/v1`, in the model's name. It is a bare protocol that
parses no more of a request than it must: what is measured is who asks.

A turn is asked for with a text that begins with `QUESTION`. As long as nothing after its last question is the
address of a picture, the model calls the image tool, once for each picture; then it says `WORDS`, and
shows each address that the tool has answered. So a turn's text shows its pictures only where all tools have run.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import re
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from itertools import count
from random import Random
from typing import Any

from benchmarks.telling import ANSWER, END, WORDS, Chat, Responses, Teller, head_of, piece

__all__ = ["QUESTION", "WORDS", "Behaviour", "complete"]

QUESTION = "Illustrate, please:"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_ADDRESS = re.compile(rb"""imageUrl\\*["']: ?\\*["']([^"'\\\s]+)""")
_ANSWER = ANSWER.encode()
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_PATH = re.compile(rb"(?:POST|GET) (?:https?://[^/]+)?/([^/]*)(/\S*)")
_QUESTION = QUESTION.encode()
_CHAT, _RESPONSES = Chat(), Responses()
_MODEL = re.compile(rb'"model": ?"([^"]+)"')
_STREAM = re.compile(rb'"stream": ?true')
_FINAL = re.compile(rb'"name": ?"final_answer"')
_SHOWN = re.compile(r"!\[[^\]]*\]\([^)\s]+\)")


@dataclass(frozen=True)
class Behaviour:
    """How the provider answers."""

    pictures: int = 4
    picture_s: float = 0.0
    picture_bytes: int = 8_000
    reply_s: float = 0.0
    """Until the first byte of a chat's answer."""
    deltas: int = 8
    """Of the words of a streamed answer, beside its pictures."""
    gap_s: float = 0.0
    """Between two deltas; 0: all of an answer leave at once."""

    @property
    def prefix(self) -> str:
        """What the path of a request begins with."""
        return "-".join(f"{value:g}" for value in asdict(self).values())

    @property
    def longest_chain_s(self) -> float:
        """The least that a whole turn can take: all of the first reply, then the slower of pictures and words."""
        asking, telling = (
            self.reply_s
            + self.gap_s * (sum(1 for _ in _CHAT.events(self.pictures, addresses, False, self.deltas)) - 1)
            for addresses in ([], ["image"] * self.pictures)
        )
        return asking + max(self.picture_s, telling)

    @classmethod
    @cache
    def read(cls, prefix: str) -> Behaviour:
        pictures, picture_s, picture_bytes, reply_s, deltas, gap_s = map(float, prefix.split("-"))
        return cls(int(pictures), picture_s, int(picture_bytes), reply_s, int(deltas), gap_s)


def complete(text: str, pictures: int) -> bool:
    """Whether `text` is the whole illustrated reply."""
    return WORDS.split(" ", 1)[0] in text and len(_SHOWN.findall(text)) == pictures


def _part(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def _pixels(size_bytes: int) -> bytes:
    """The beginning of a picture of noise that has about `size_bytes`, as base64."""
    side = max(8, round((size_bytes / 3) ** 0.5))
    random = Random(size_bytes)
    rows = b"".join(b"\0" + random.randbytes(3 * side) for _ in range(side))
    head = _part(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + _part(b"IDAT", zlib.compress(rows, 1))
    # So that what follows can be encoded by itself.
    padding = _part(b"tEXt", b"Comment\0".ljust(9 + -(len(data) + 21) % 3))
    return base64.b64encode(data + padding)


def _drawn(size_bytes: int, number: int) -> bytes:
    """The answer to an order; no two pictures are the same."""
    tail = _part(b"tEXt", b"Title\0%d" % number) + _part(b"IEND", b"")
    body = b'{"created": 1763700000, "data": [{"b64_json": "%s%s"}], "usage": {"total_tokens": 10}}' % (
        _pixels(size_bytes),
        base64.b64encode(tail),
    )
    return head_of(len(body)) + body


@lru_cache(maxsize=256)
def _told(teller: Teller, behaviour: Behaviour, addresses: tuple[str, ...], final: bool) -> tuple[bytes, ...]:
    """The chunks of a streamed answer; the same requests are asked again and again."""
    said = teller.events(behaviour.pictures, list(addresses), final, behaviour.deltas)
    return tuple(map(piece, said))


@lru_cache(maxsize=256)
def _burst(teller: Teller, behaviour: Behaviour, addresses: tuple[str, ...], final: bool) -> bytes:
    return b"".join(_told(teller, behaviour, addresses, final)) + END


@lru_cache(maxsize=256)
def _whole(teller: Teller, behaviour: Behaviour, addresses: tuple[str, ...], final: bool) -> bytes:
    body = teller.whole(behaviour.pictures, list(addresses), final)
    return head_of(len(body)) + body


class Provider(asyncio.Protocol):
    """One connection."""

    def __init__(self, counted: Counter[str], numbers: Iterator[int]) -> None:
        self._counted = counted
        self._numbers = numbers
        self._data = bytearray()
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._data[:end])
        length = _LENGTH.search(head)
        needed = end + 4 + (int(length[1]) if length else 0)
        if len(self._data) < needed:
            return
        body = bytes(self._data[end + 4 : needed])
        del self._data[:needed]
        found = _PATH.match(head)
        assert found is not None, head[:80]
        self._answer(found[1], found[2], body)

    def _answer(self, prefix: bytes, path: bytes, body: bytes) -> None:
        if path == b"/counted":
            data = json.dumps(self._counted).encode()
            self._transport.write(head_of(len(data)) + data)
            self._counted.clear()
            return
        if prefix == b"v1":
            named = _MODEL.search(body)
            assert named is not None, body[:80]
            prefix = named[1]
        behaviour = Behaviour.read(prefix.decode())
        if path.endswith(b"/images/generations"):
            self._counted["pictures"] += 1
            self._later(behaviour.picture_s, _drawn(behaviour.picture_bytes, next(self._numbers)))
            return
        self._counted["requests"] += 1
        self._counted["request_bytes"] += len(body)
        teller: Teller = _RESPONSES if path.endswith(b"/responses") else _CHAT
        asked = teller, behaviour, self._addresses(body), _FINAL.search(body) is not None
        # Some who ask throw away what has an id that they know already.
        own = b"%08x" % next(self._numbers)
        if not _STREAM.search(body):
            self._later(behaviour.reply_s, _whole(*asked).replace(_ANSWER, own))
            return
        self._transport.write(HEAD)
        if behaviour.gap_s:
            pieces = (each.replace(_ANSWER, own) for each in _told(*asked))
            self._loop.call_later(behaviour.reply_s, self._drip, pieces, behaviour.gap_s)
        else:
            self._later(behaviour.reply_s, _burst(*asked).replace(_ANSWER, own))

    def _addresses(self, body: bytes) -> tuple[str, ...]:
        asked = body.rfind(_QUESTION)
        return tuple(each.decode() for each in _ADDRESS.findall(body, max(asked, 0)))

    def _later(self, after_s: float, data: bytes) -> None:
        if after_s:
            self._loop.call_later(after_s, self._transport.write, data)
        else:
            self._transport.write(data)

    def _drip(self, pieces: Iterator[bytes], gap_s: float, at: float | None = None) -> None:
        if self._transport.is_closing():
            return
        piece = next(pieces, None)
        if piece is None:
            self._transport.write(END)
            return
        self._transport.write(piece)
        # As of the last one's time, not of its writing: a late piece makes no other late.
        at = (self._loop.time() if at is None else at) + gap_s
        self._loop.call_at(at, self._drip, pieces, gap_s, at)


def main() -> None:
    """Serve on a free port of loopback, which is printed, until standard input ends."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    import uvloop

    async def serve() -> None:
        counted: Counter[str] = Counter()
        numbers = count()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Provider(counted, numbers), "127.0.0.1", 0, backlog=4096)
        print(server.sockets[0].getsockname()[1], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)

    uvloop.run(serve())


if __name__ == "__main__":
    main()
