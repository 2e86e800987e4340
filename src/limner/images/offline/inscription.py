"""A few hundred bytes of text inside a picture, where programs that know nothing of us keep it.

It is a property of the picture's XMP packet: PNG, JPEG and WebP each have a place for that.
Source: XMP Specification Part 3, "Storage in Files" (2020); PNG 3rd edition, 11.3.3.4 (2025);
WebP Container Specification (2025).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from html import escape, unescape

__all__ = ["inscription", "into_png", "packet"]

_MOST_BLOCKS = 64
"""Chunks or segments that are looked at: ours stands among the first, or right behind the pixels."""
_MOST_PACKET_BYTES = 64 * 1024
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_BYTES = len(_PNG_SIGNATURE) + 25
_PNG_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"
"""Keyword, no compression, no language, no translated keyword."""
_JPEG_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
_PROPERTY = re.compile(rb'limner:scene="([^"]{1,16000})"')
_PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:limner="urn:limner:painter:1" limner:scene="{}"/></rdf:RDF></x:xmpmeta>'
)


def packet(text: str) -> bytes:
    """An XMP packet that says `text` (ASCII)."""
    return _PACKET.format(escape(text)).encode("ascii")


def into_png(picture: bytes, xmp: bytes) -> bytes:
    """The same PNG with the packet right behind its header; JPEG and WebP get theirs from Pillow."""
    body = b"iTXt" + _PNG_KEYWORD + xmp
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return picture[:_PNG_HEADER_BYTES] + chunk + picture[_PNG_HEADER_BYTES:]


def inscription(picture: bytes) -> str | None:
    """The text of the packet in a picture, whatever else the bytes are; None where there is none.

    Looks at a bounded number of blocks and decodes nothing.
    """
    if picture.startswith(_PNG_SIGNATURE):
        blocks = _png_packets(picture)
    elif picture.startswith(b"\xff\xd8"):
        blocks = _jpeg_packets(picture)
    elif picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        blocks = _webp_packets(picture)
    else:
        return None
    for block in blocks:
        found = _PROPERTY.search(block)
        if found and found[1].isascii():
            return unescape(found[1].decode("ascii"))
    return None


def _png_packets(picture: bytes) -> Iterator[bytes]:
    at = len(_PNG_SIGNATURE)
    for _ in range(_MOST_BLOCKS):
        if at + 12 > len(picture):
            return
        (length,) = struct.unpack_from(">I", picture, at)
        kind, content = picture[at + 4 : at + 8], at + 8
        if kind == b"iTXt" and length <= _MOST_PACKET_BYTES and picture.startswith(_PNG_KEYWORD, content):
            yield picture[content : content + length]
        at = content + length + 4


def _jpeg_packets(picture: bytes) -> Iterator[bytes]:
    at = 2
    for _ in range(_MOST_BLOCKS):
        # Pixels begin with a scan; whatever is said stands before them.
        if at + 4 > len(picture) or picture[at] != 0xFF or picture[at + 1] == 0xDA:
            return
        (length,) = struct.unpack_from(">H", picture, at + 2)
        if picture[at + 1] == 0xE1 and picture.startswith(_JPEG_NAMESPACE, at + 4):
            yield picture[at + 4 : at + 2 + length]
        at += 2 + length


def _webp_packets(picture: bytes) -> Iterator[bytes]:
    at = 12
    for _ in range(_MOST_BLOCKS):
        if at + 8 > len(picture):
            return
        (length,) = struct.unpack_from("<I", picture, at + 4)
        if picture[at : at + 4] == b"XMP " and length <= _MOST_PACKET_BYTES:
            yield picture[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
