"""What is judged in this process: nothing is fine there that is not fine, to the byte, for a decoder."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import pictures
from limner.errors import PictureError
from limner.images.inspection.checking import inspect
from limner.images.inspection.inspected import Inspected
from limner.images.inspection.limits import MAX_BYTES
from limner.images.inspection.usual import effort_bytes, judged
from limner.testing import plain_png

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
Chunk = tuple[bytes, bytes]

NOTES: tuple[Chunk, ...] = (
    (b"tEXt", b"Comment\0a note"),
    (b"tEXt", b"no zero"),
    (b"tIME", b"\x07\xea\x0b\x15\0\0\0"),
    (b"caBX", bytes(300)),
    (b"eXIf", b"MM\0*\0\0\0\x08\0\0"),
    (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),
    (b"iTXt", b"broken\0\0\0\xff\xfe"),
    (b"iTXt", b""),
)
LOOKS: tuple[Chunk, ...] = (
    (b"gAMA", b"\0\0\xb1\x8f"),
    (b"cHRM", bytes(32)),
    (b"sRGB", b"\0"),
    (b"pHYs", b"\0\0\x0b\x13\0\0\x0b\x13\x01"),
    (b"sBIT", b"\x08\x08\x08"),
    (b"bKGD", bytes(6)),
    (b"cICP", b"\x01\x0d\0\x01"),
)
UNUSUAL: tuple[Chunk, ...] = (
    (b"tRNS", bytes(6)),
    (b"tRNS", b""),
    (b"PLTE", bytes(6)),
    (b"iCCP", b"name\0\0" + zlib.compress(b"profile")),
    (b"iCCP", b"name\0\1"),
    (b"iCCP", b"name\0\0" + zlib.compress(bytes(2 << 20))),
    (b"zTXt", b"a\0\0" + zlib.compress(b"b")),
    (b"zTXt", b"a\0\1"),
    (b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2 << 20))),
    (b"gAMA", b"\0"),
    (b"cHRM", b""),
    (b"sRGB", b""),
    (b"pHYs", b"\0\0"),
    (b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0)),
    (b"IDAT", b"\0"),
    (b"IEND", b""),
    (b"acTL", struct.pack(">II", 1, 0)),
    (b"fcTL", bytes(26)),
    (b"fdAT", bytes(8)),
    (b"vpAg", bytes(9)),
    (b"ABCD", b""),
    (b"a-b!", b""),
)


def built(chunks: list[Chunk], tail: bytes = b"") -> bytes:
    return SIGNATURE + b"".join(pictures.png_chunk(*each) for each in chunks) + tail


def header(width: int, height: int, depth: int = 8, colour: int = 2, rest: bytes = b"\0\0\0") -> Chunk:
    return b"IHDR", struct.pack(">IIBB", width, height, depth, colour) + rest


def rows(chance: Random, width: int, height: int, depth: int, colour: int, filters: bytes) -> bytes:
    length = (width * SAMPLES[colour] * depth + 7) // 8
    return b"".join(bytes((chance.choice(filters),)) + chance.randbytes(length) for _ in range(height))


def split(chance: Random, packed: bytes, pieces: int) -> list[Chunk]:
    cuts = sorted(chance.randrange(len(packed) + 1) for _ in range(pieces - 1))
    return [(b"IDAT", packed[a:b]) for a, b in zip([0, *cuts], [*cuts, len(packed)], strict=True)]


def said(data: bytes) -> Inspected | str:
    """By a decoder."""
    try:
        return inspect(data)
    except PictureError as error:
        return error.code


def agreed(data: bytes) -> bool:
    """Whether it was judged in this process, which says what a decoder says or nothing at all."""
    found = judged(data)
    assert found is None or found == said(data)
    assert found is None or effort_bytes(data) > 0
    return found is not None


def sampled(chance: Random) -> tuple[list[Chunk], bytes]:
    """The chunks of a PNG of any kind, and what follows them; mostly nothing is wrong with it."""
    width, height = chance.choice([1, 2, 7, 16, 33, 300]), chance.choice([1, 2, 5, 16, 40])
    depth, colour = chance.choice([8] * 6 + [16, 4, 1]), chance.choice([2, 2, 2, 6, 6, 0, 4, 3])
    filters = chance.choice([b"\0", bytes(range(5)), b"\2\1", b"\4", bytes(range(5)) * 30 + b"\5"])
    pixels = rows(chance, width, height, depth, colour, filters)
    pixels += chance.choice([b""] * 20 + [b"\0", pixels])
    pixels = pixels[: len(pixels) - chance.choice([0] * 20 + [1, 9])]
    packed = zlib.compress(pixels, chance.randrange(10))
    packed = chance.choice(
        [packed] * 30 + [packed[:-1], packed[:-4], packed[:-5], packed + b"\0", packed * 2]
    )
    rest = bytes(chance.choice([0] * 20 + [1]) for _ in range(3))
    before = chance.choices(NOTES + LOOKS, k=chance.randrange(4))
    behind = chance.choices(NOTES, k=chance.randrange(3))
    idats = split(chance, packed, chance.choice([1, 1, 2, 9]))
    chunks = [header(width, height, depth, colour, rest), *before, *idats, *behind, (b"IEND", b"")]
    if colour == 3:
        chunks.insert(1, (b"PLTE", chance.randbytes(768)))
    return chunks, chance.choice([b"", b"", b"tail", plain_png("x")])


def mutated(chance: Random, chunks: list[Chunk], tail: bytes) -> bytes:
    """One or a few things that go wrong, with checksums that are right or not."""
    chunks = list(chunks)
    for _ in range(chance.choice([0, 0, 1, 1, 2])):
        at = chance.randrange(len(chunks))
        kind, body = chunks[at]
        match chance.randrange(6):
            case 0:
                chunks.insert(at, chance.choice((*UNUSUAL, *NOTES, *LOOKS, (b"IDAT", b""))))
            case 1:
                del chunks[at]
            case 2:
                chunks.insert(chance.randrange(len(chunks)), chunks.pop(at))
            case 3 if body:
                where = chance.randrange(len(body))
                chunks[at] = kind, body[:where] + chance.randbytes(1) + body[where + 1 :]
            case 4:
                chunks[at] = kind, body[: chance.randrange(len(body) + 1)]
            case _:
                chunks.insert(at, chunks[at])
        chunks = chunks or [(b"IEND", b"")]
    data = built(chunks, tail)
    for _ in range(chance.choice([0, 0, 0, 1, 3])):
        where = chance.randrange(len(data))
        data = data[:where] + chance.randbytes(1) + data[where + 1 :]
    return data[: chance.randrange(len(data) + 1)] if chance.random() < 0.05 else data


def tried(chance: Random, count: int) -> int:
    """How many of so many were judged in this process."""
    return sum(agreed(mutated(chance, *sampled(chance))) for _ in range(count))


def test_i08_whatever_is_fine_here_is_fine_for_a_decoder_and_the_same_to_the_byte() -> None:
    """I08: gray, colours, palettes, interlaced, 16 bit, notes, several IDATs; whole, cut, mixed up and broken."""
    fine = tried(Random(8), 6000)
    # Neither is everything left to a decoder nor everything let through.
    assert 600 < fine < 4000


@pytest.mark.soak
def test_i08_nothing_else_is_fine_in_a_hundred_thousand_tries() -> None:
    """I08: as above, for as long as it takes."""
    assert tried(Random(), 100_000) > 10_000


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False), st.binary(max_size=40), st.integers(0, 400), st.integers(0, 40))
def test_i08_bytes_that_were_put_into_a_picture_are_never_overlooked(
    chance: Random, other: bytes, at: int, gone: int
) -> None:
    """I08: some bytes anywhere replaced by others, of another length too."""
    data = built(*sampled(chance))
    agreed(data[:at] + other + data[at + gone :])


def noise(width: int, height: int, mode: str = "RGB", **options: int) -> bytes:
    target = io.BytesIO()
    pixels = os.urandom(width * height * len(mode))
    Image.frombytes(mode, (width, height), pixels).save(target, "PNG", **options)
    return target.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        pictures.png(),
        plain_png("a fox"),
        noise(60, 50, "L"),
        noise(60, 50, "LA"),
        noise(700, 700, "RGB"),
        noise(500, 700, "RGBA", compress_level=0),
        pictures.png(extra=b"".join(pictures.png_chunk(*each) for each in NOTES + LOOKS)),
        built([header(3, 2, 16), (b"IDAT", zlib.compress(bytes(38))), (b"IEND", b"")]),
        # Its rows are read in slices of another length, its pixels are a thousand times its bytes.
        pictures.png(3000, 3000),
    ],
    ids=["RGB", "plain", "L", "LA", "large", "stored", "notes", "16 bit", "packed"],
)
def test_usual_pictures_are_judged_without_a_decoder(data: bytes, tmp_path: Path) -> None:
    """0026: what image models send; what follows the end is cut, from files too."""
    assert agreed(data)
    assert agreed(data + b"<script>")
    path = tmp_path / "picture"
    path.write_bytes(data + b"<script>")
    found = judged(path)
    assert found is not None
    assert (found.content, path.read_bytes()) == (path, data)
    assert (found.sha256, found.size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        pictures.jpeg(),
        pictures.png()[:-1],
        pictures.png_claiming(20_000, 20_000),
        pictures.png_claiming(1, 30_000),
        pictures.png(6000, 6000),
        pictures.png(extra=pictures.png_chunk(b"caBX", b"") * 65),
        *(pictures.png(extra=pictures.png_chunk(*each)) for each in UNUSUAL),
        pictures.png().replace(b"IEND\xae", b"IEND\xaf"),
    ],
)
def test_everything_else_is_left_to_a_decoder(data: bytes, tmp_path: Path) -> None:
    """0026: unusual, dear, made of too many pieces, or wrong: nothing is said of it, and a file stays as it is."""
    assert judged(data) is None
    path = tmp_path / "picture"
    path.write_bytes(data + b"tail")
    assert judged(path) is None
    assert path.read_bytes() == data + b"tail"


def test_what_is_too_large_or_not_there_is_left_to_whoever_says_so(tmp_path: Path) -> None:
    """0026: refusals have one place."""
    path = tmp_path / "picture"
    assert judged(path) is None
    with path.open("wb") as file:
        file.write(pictures.png())
        file.truncate(MAX_BYTES + 1)
    assert judged(path) is None
    assert path.stat().st_size == MAX_BYTES + 1


@pytest.mark.parametrize(
    "pixels",
    [bytes(19 * 6 - 1), bytes(19 * 6 + 1), bytes(50_000_000), bytes(19 * 5) + b"\5" + bytes(18), b""],
    ids=["short", "long", "a bomb", "unknown filter", "nothing"],
)
def test_pixels_that_are_not_what_the_header_says_are_not_fine(pixels: bytes) -> None:
    """I12: one row more or less, a stream without end, a row that no decoder can read."""
    data = built([header(6, 6), (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")])
    assert judged(data) is None


def test_effort_is_what_is_unpacked_not_what_came() -> None:
    """P13: few bytes may unpack to many."""
    large = pictures.png(2000, 2000)
    assert len(large) < 50_000
    assert effort_bytes(large) > 5_000_000
    assert effort_bytes(pictures.png()) < 200
    assert effort_bytes(pictures.jpeg()) == 0
