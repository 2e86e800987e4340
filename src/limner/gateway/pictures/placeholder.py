"""The picture that stands where one could not be drawn: it says so, and what would have been seen.

PNG, never SVG: it is served under our own origin, and whatever the alt text holds stays pixels.
"""

from __future__ import annotations

import io
import unicodedata
from collections import OrderedDict
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread

from limner.reply.markdown import tidy
from limner.reply.notices import language, missing

from .fonts import font_for, writable

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

    from .fonts import Font

__all__ = ["Placeholders", "placeholder"]

_WIDTH, _HEIGHT = 768, 512
_MARGIN = 64
_PAPER, _EDGE, _INK, _SOFT, _SIGN = "#f5f3ee", "#d8d3c8", "#3c3a36", "#6d6a63", "#b9b2a4"
_SENTENCE_PX, _ALT_PX = 26, 22
_MOST_LINES = 5
"""Of the alt text; what is longer ends in an ellipsis."""
_LONGEST_ALT = 400
_REMEMBERED = 64
_AT_ONCE = 2


class Placeholders:
    """Draws them in threads, two at once, and remembers the last ones: pages ask for them again."""

    def __init__(self) -> None:
        self._remembered: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._places: CapacityLimiter | None = None

    async def drawn(self, alt: str, code: str) -> bytes:
        """The picture for a call that failed with `code`. Cancel: safe."""
        key = (alt, code)
        found = self._remembered.get(key)
        if found is None:
            self._places = self._places or CapacityLimiter(_AT_ONCE)
            found = await to_thread.run_sync(placeholder, alt, code, limiter=self._places)
        self._remembered[key] = found
        self._remembered.move_to_end(key)
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return found


def placeholder(alt: str, code: str) -> bytes:
    """A PNG that says in the language of `alt` why there is no picture; blocks for some milliseconds.

    What the machine has no letters for is left out of the picture. All of it also stands beside the
    pixels, as PNG text, for whoever cannot see it.
    """
    from PIL import Image, ImageDraw, PngImagePlugin

    alt = _clean(alt)
    # Without the alt text in it: that is escaped for Markdown there, and stands below it here.
    sentence = missing("", code, language(alt))
    image = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, _WIDTH - 1, _HEIGHT - 1), outline=_EDGE, width=4)
    blocks = [
        block
        for text, size_px, colour, most in (
            (sentence, _SENTENCE_PX, _INK, 3),
            (alt, _ALT_PX, _SOFT, _MOST_LINES),
        )
        if text and (block := _Block.of(draw, text, size_px, colour, most)) is not None
    ]
    height = _SIGN_HEIGHT + sum(_GAP + block.height for block in blocks)
    top = (_HEIGHT - height) // 2
    _sign(draw, _WIDTH // 2, top)
    top += _SIGN_HEIGHT
    for block in blocks:
        top += _GAP
        block.write(draw, top)
        top += block.height
    said = PngImagePlugin.PngInfo()
    said.add_itxt("Title", sentence)
    if alt:
        said.add_itxt("Description", alt)
    target = io.BytesIO()
    image.save(target, "PNG", pnginfo=said, optimize=True)
    return target.getvalue()


_SIGN_WIDTH, _SIGN_HEIGHT, _GAP = 132, 104, 28


def _sign(draw: ImageDraw, middle: int, top: int) -> None:
    """A framed landscape that is torn: understood without words."""
    left, right, bottom = middle - _SIGN_WIDTH // 2, middle + _SIGN_WIDTH // 2, top + _SIGN_HEIGHT
    draw.rounded_rectangle((left, top, right, bottom), radius=10, outline=_SIGN, width=6)
    draw.ellipse((right - 42, top + 18, right - 22, top + 38), fill=_SIGN)
    ground = bottom - 14
    draw.polygon(
        ((left + 14, ground), (left + 48, top + 42), (left + 74, top + 72), (left + 88, top + 58),
         (right - 14, ground)),
        fill=_SIGN,
    )  # fmt: skip
    tear = (
        (middle + 12, top - 4),
        (middle - 10, top + 34),
        (middle + 12, top + 58),
        (middle - 14, bottom + 4),
    )
    draw.line(tear, fill=_PAPER, width=12, joint="curve")


class _Block:
    """Some lines of text in one font, set in the middle."""

    def __init__(self, lines: list[str], font: Font, size_px: int, colour: str) -> None:
        self._lines = lines
        self._font = font
        self._line_px = round(size_px * 1.4)
        self._colour = colour

    @classmethod
    def of(cls, draw: ImageDraw, text: str, size_px: int, colour: str, most: int) -> _Block | None:
        """`text` in `most` lines; None where no font of this machine can write it."""
        font = font_for(text, size_px)
        if font is None:
            return None
        lines = _lines(draw, writable(text, font), font, most)
        return cls(lines, font, size_px, colour) if lines else None

    @property
    def height(self) -> int:
        return self._line_px * len(self._lines)

    def write(self, draw: ImageDraw, top: int) -> None:
        for line in self._lines:
            width = draw.textlength(line, font=self._font)
            draw.text(((_WIDTH - width) / 2, top), line, fill=self._colour, font=self._font)
            top += self._line_px


def _lines(draw: ImageDraw, text: str, font: Font, most: int) -> list[str]:
    """`text` broken where it may be: between words, and between the signs of scripts without spaces."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line and draw.textlength((line + piece).rstrip(), font=font) > _WIDTH - 2 * _MARGIN:
            lines.append(line.strip())
            line = ""
        line += piece
    lines.append(line.strip())
    lines = [each for each in lines if each]
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1].rstrip()[:-1]}…"]
    return lines


_LONGEST_PIECE = 24
"""Letters that stand together; longer ones are broken, for nothing may stick out."""


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    piece = ""
    for each in text:
        wide = unicodedata.east_asian_width(each) in "WF"
        if wide and unicodedata.category(each)[0] != "P":
            pieces.append(piece)
            piece = ""
        piece += each
        if each == " " or len(piece) >= _LONGEST_PIECE:
            pieces.append(piece)
            piece = ""
    return [each for each in (*pieces, piece) if each]


def _clean(alt: str) -> str:
    """One line without what cannot be written, and without what turns the direction of its neighbours."""
    words = tidy(alt)
    seen = "".join(each for each in words if unicodedata.category(each) not in ("Cc", "Cf", "Co", "Cn", "Cs"))
    return seen if len(seen) <= _LONGEST_ALT else f"{seen[:_LONGEST_ALT].rstrip()}…"
