"""Bodies that are forms, as `multipart/form-data`: their parts, within bounds.

The frame is checked before anything is parsed: so the parser goes through no more than a few dozen parts,
and never through what only looks like one.
"""

from __future__ import annotations

import re

from limner.beside import beside
from limner.wire.forms import FormPart

from ..refusal import Refusal

__all__ = ["MOST_PARTS", "boundary_of", "is_form", "read_form"]

_FORM = "multipart/form-data"
MOST_PARTS = 64
"""Sixteen pictures, a mask, and every parameter there is, twice over."""
_MOST_HEADERS = 8
_HEADER_BYTES = 1024
_BOUNDARY = re.compile(r"""boundary=(?:"([^"\\]{1,70})"|([^\s";]{1,70}))""", re.IGNORECASE)
"""Source: RFC 2046, section 5.1.1."""
_CHARACTERS = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]", re.ASCII)
_PLAIN = (b"", b"7bit", b"8bit", b"binary")


def is_form(content_type: str) -> bool:
    """Whether a body of this type is a form."""
    return content_type.partition(";")[0].strip().lower() == _FORM


def boundary_of(content_type: str) -> bytes | None:
    """What stands between the parts of a form; None where the body is none, or its type does not say it."""
    if not is_form(content_type):
        return None
    _, *parameters = content_type.split(";")
    # None of its characters can be a semicolon.
    found = [match for each in parameters if (match := _BOUNDARY.fullmatch(each.strip()))]
    if len(found) != 1:
        return None
    boundary = found[0][1] or found[0][2]
    return boundary.encode("ascii") if _CHARACTERS.fullmatch(boundary) else None


async def read_form(body: bytes, content_type: str) -> tuple[FormPart, ...]:
    """The parts of the form that `body` is, in the order sent; a large one is read beside the event loop.

    Raises: Refusal (`invalid_form`, `body_too_large`).
    """
    boundary = boundary_of(content_type)
    if boundary is None:
        raise Refusal(
            "invalid_form",
            "The Content-Type names no valid boundary; let your HTTP client write this header by itself.",
        )
    return await beside(len(body), lambda: _read_form(body, boundary))


def _read_form(body: bytes, boundary: bytes) -> tuple[FormPart, ...]:
    from python_multipart import MultipartParser
    from python_multipart.exceptions import FormParserError

    _check_frame(body, b"--" + boundary)
    parts = _Parts()
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": parts.begin,
            "on_header_field": parts.header_name,
            "on_header_value": parts.header_value,
            "on_header_end": parts.header_end,
            "on_headers_finished": parts.headers_end,
            "on_part_data": parts.content,
            "on_part_end": parts.end,
            "on_end": parts.finish,
        },
        max_header_count=_MOST_HEADERS,
        max_header_size=_HEADER_BYTES,
    )
    try:
        parser.write(body)
    except FormParserError as error:
        raise Refusal("invalid_form") from error
    if not parts.finished:
        raise _cut_short()
    return tuple(parts.read)


def _check_frame(body: bytes, delimiter: bytes) -> None:
    """That the delimiter stands only between parts, and not too often; and that the last of them is there."""
    if not body.startswith(delimiter):
        raise Refusal("invalid_form", "The body does not begin with the boundary of its Content-Type.")
    at, count = 0, 0
    while at >= 0:
        after = body[at + len(delimiter) : at + len(delimiter) + 2]
        alone = at == 0 or body[at - 2 : at] == b"\r\n"
        if alone and after == b"--":
            return
        if not alone or after != b"\r\n":
            raise Refusal(
                "invalid_form", "The boundary stands in the middle of a part; let your HTTP client choose it."
            )
        count += 1
        if count > MOST_PARTS:
            raise Refusal("body_too_large", f"The form has more than {MOST_PARTS} parts; send fewer.")
        at = body.find(delimiter, at + len(delimiter))
    raise _cut_short()


def _cut_short() -> Refusal:
    return Refusal("invalid_form", "The form ends before its closing boundary; send all of it.")


class _Parts:
    """Collects what the parser finds."""

    def __init__(self) -> None:
        self.read: list[FormPart] = []
        self.finished = False
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""
        self._pieces: list[bytes] = []
        self._about: tuple[str, str | None] = ("", None)

    def begin(self) -> None:
        self._headers, self._pieces = {}, []

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        name = self._name.lower()
        if name in self._headers:
            raise Refusal("invalid_form", "A part of the form has the same header twice; send it once.")
        self._headers[name] = self._value
        self._name, self._value = b"", b""

    def headers_end(self) -> None:
        self._about = _about(self._headers)

    def content(self, data: bytes, start: int, end: int) -> None:
        self._pieces.append(data[start:end])

    def end(self) -> None:
        name, filename = self._about
        self.read.append(FormPart(name, b"".join(self._pieces), filename))

    def finish(self) -> None:
        self.finished = True


def _about(headers: dict[bytes, bytes]) -> tuple[str, str | None]:
    """A part's name, and its file's. What it says of its type is not asked: what it is stands in its bytes."""
    from python_multipart.multipart import parse_options_header

    if headers.get(b"content-transfer-encoding", b"").strip().lower() not in _PLAIN:
        raise Refusal("invalid_form", "A part of the form is encoded; send its bytes as they are.")
    kind, options = parse_options_header(headers.get(b"content-disposition"))
    name = options.get(b"name", b"")
    if kind != b"form-data" or not name:
        raise Refusal(
            "invalid_form", 'A part has no name; each needs Content-Disposition: form-data; name="…".'
        )
    filename = options.get(b"filename")
    return _words(name), None if filename is None else _words(filename)


def _words(said: bytes) -> str:
    return said.decode("utf-8", "replace")
