"""The provider that all contestants ask: chats whole and streamed, Responses, pictures; in a process of its own.

How it behaves stands in the path that a request begins with, as `Behaviour.prefix` writes it, so one process
serves every measurement. It is a bare protocol that parses no more of a request than it must: what is
measured is who asks.

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
from functools import cache
from itertools import count
from random import Random
from typing import Any

__all__ = ["QUESTION", "WORDS", "Behaviour", "complete"]

QUESTION = "Illustrate, please:"
WORDS = "Here is what you asked for, step by step."
_ADDRESS = re.compile(rb"""imageUrl\\*["']: ?\\*["']([^"'\\\s]+)""")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_PATH = re.compile(rb"(?:POST|GET) (?:https?://[^/]+)?/([^/]*)(/\S*)")
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

    @classmethod
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
    return _whole(
        b'{"created": 1763700000, "data": [{"b64_json": "%s%s"}], "usage": {"total_tokens": 10}}'
        % (_pixels(size_bytes), base64.b64encode(tail))
    )


def _whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
USAGE = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}


def _piece(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _calls(behaviour: Behaviour) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{number:05}",
            "type": "function",
            "function": {
                "name": "generate_image",
                "arguments": json.dumps({"prompt": f"Step {number}: a paper crane", "alt": f"Step {number}"}),
            },
        }
        for number in range(1, behaviour.pictures + 1)
    ]


def _said(addresses: list[str]) -> list[str]:
    """The reply of a finished turn, in tokens."""
    shown = (f"\n\n![Step {number}]({address})" for number, address in enumerate(addresses, 1))
    return [*re.findall(r"\S+\s?", WORDS), *shown]


class _Chat:
    """Answers as a chat model behind Chat Completions does."""

    _STAMP = {"id": "chatcmpl-Abcdefghijklmnop", "created": 1763700000, "model": "gpt-4o-2024-08-06"}

    def whole(self, behaviour: Behaviour, addresses: list[str], final: bool) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": None}
        if not addresses and behaviour.pictures:
            message["tool_calls"] = _calls(behaviour)
        elif final:
            message["tool_calls"] = _final("".join(_said(addresses)))
        else:
            message["content"] = "".join(_said(addresses))
        reason = "tool_calls" if "tool_calls" in message else "stop"
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        body = {"object": "chat.completion", **self._STAMP, "choices": [choice], "usage": USAGE}
        return _whole(json.dumps(body).encode())

    def pieces(self, behaviour: Behaviour, addresses: list[str], final: bool) -> Iterator[bytes]:
        calls = _calls(behaviour) if behaviour.pictures and not addresses else []
        calls = _final("".join(_said(addresses))) if addresses and final else calls
        yield self._chunk({"role": "assistant", "content": None if calls else ""})
        for index, call in enumerate(calls):
            named = call | {"index": index, "function": call["function"] | {"arguments": ""}}
            yield self._chunk({"tool_calls": [named]})
            arguments = call["function"]["arguments"]
            for at in range(0, len(arguments), 24):
                said = {"index": index, "function": {"arguments": arguments[at : at + 24]}}
                yield self._chunk({"tool_calls": [said]})
        if not calls:
            for token in (*(["word "] * max(0, behaviour.deltas - 8)), *_said(addresses)):
                yield self._chunk({"content": token})
        yield self._chunk({}, "tool_calls" if calls else "stop")
        yield self._event({"object": "chat.completion.chunk", **self._STAMP, "choices": [], "usage": USAGE})
        yield b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._event({"object": "chat.completion.chunk", **self._STAMP, "choices": [choice]})

    def _event(self, body: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def _final(text: str) -> list[dict[str, Any]]:
    """The reply as the call that some agents want it in."""
    function = {"name": "final_answer", "arguments": json.dumps({"answer": text})}
    return [{"id": "call_final", "type": "function", "function": function}]


CHAT = _Chat()


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
        self._answer(found[1].decode(), found[2], body)

    def _answer(self, prefix: str, path: bytes, body: bytes) -> None:
        if path == b"/counted":
            self._transport.write(_whole(json.dumps(self._counted).encode()))
            self._counted.clear()
            return
        behaviour = Behaviour.read(prefix)
        if path.endswith(b"/images/generations"):
            self._counted["pictures"] += 1
            self._later(behaviour.picture_s, _drawn(behaviour.picture_bytes, next(self._numbers)))
            return
        self._counted["requests"] += 1
        addresses = self._addresses(body)
        final = _FINAL.search(body) is not None
        if not _STREAM.search(body):
            self._later(behaviour.reply_s, CHAT.whole(behaviour, addresses, final))
            return
        pieces = CHAT.pieces(behaviour, addresses, final)
        self._transport.write(HEAD)
        if behaviour.gap_s:
            self._loop.call_later(behaviour.reply_s, self._drip, pieces, behaviour.gap_s)
        else:
            self._later(behaviour.reply_s, b"".join(map(_piece, pieces)) + END)

    def _addresses(self, body: bytes) -> list[str]:
        asked = body.rfind(QUESTION.encode())
        return [each.decode() for each in _ADDRESS.findall(body, max(asked, 0))]

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
        self._transport.write(_piece(piece))
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
