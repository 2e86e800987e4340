"""Sizes and ratios: what a model draws, and which of it comes nearest to what was asked. Pure.

A rule says what a model takes: a list, sizes in steps, tiers of a table of ratios, or ratios alone.
An aspect ratio stays in the class of sizes that the model draws by itself, so asking for a shape
never asks for more pixels than asking for nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = [
    "AUTO",
    "ListedSizes",
    "RatiosOnly",
    "Shape",
    "Size",
    "SizeRule",
    "SteppedSizes",
    "TieredSizes",
    "nearest",
    "parse_ratio",
    "parse_size",
    "spoken",
]

AUTO = "auto"
"""The word of many parameters for: as you like."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels; as text "1024x768"."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.width * self.height

    @property
    def ratio(self) -> Fraction:
        """Width to height."""
        return Fraction(self.width, self.height)


@dataclass(frozen=True, slots=True)
class Shape:
    """What will be drawn, as far as it is known."""

    size: Size | None = None
    aspect_ratio: str | None = None
    """By the name that the model has for it: "16:9" also where the pixels are 7:4."""
    tier: str | None = None
    """The model's word for a class of sizes: "2K"."""


def parse_size(text: str) -> Size | None:
    """Text like "1024x768" as a size; None for anything else."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", text)
    return Size(int(found[1]), int(found[2])) if found else None


def parse_ratio(text: str) -> Fraction | None:
    """Text like "16:9" or "19.5:9" as width to height; None for anything else."""
    found = re.fullmatch(r"([0-9]{1,5}(?:\.[0-9]{1,4})?):([0-9]{1,5}(?:\.[0-9]{1,4})?)", text)
    if not found:
        return None
    width, height = Fraction(found[1]), Fraction(found[2])
    return width / height if width and height else None


def nearest(ratio: Fraction, shapes: Iterable[Shape]) -> Shape:
    """The shape of that name, else the one nearest by logarithm; of equals the one with fewer pixels.

    By logarithm 2:1 is as far from 1:1 as 1:2 is, which differences get wrong.
    """
    candidates = list(shapes)
    named = [shape for shape in candidates if _named(shape) == ratio]
    return min(named or candidates, key=lambda shape: _closeness(ratio, shape))


def spoken(names: Sequence[str]) -> str:
    """Names as a sentence has them: "low, medium or high"."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


@dataclass(frozen=True, slots=True)
class ListedSizes:
    """These sizes and no others."""

    sizes: tuple[Shape, ...]
    """Each with its size and the ratio that it is called by."""
    usual: tuple[str, ...]
    """Those that the model may draw by itself, and that an aspect ratio may become."""
    words: tuple[str, ...] = ()
    """What may stand in the place of pixels: "auto"."""

    def shape(self, size: str) -> Shape | None:
        """What an explicit size is; None where it is not drawn."""
        if size in self.words:
            return Shape(tier=size)
        return next((shape for shape in self.sizes if str(shape.size) == size), None)

    def pick(self, ratio: Fraction, tier: str | None) -> Shape:  # noqa: ARG002 - the rule of all rules
        """What an aspect ratio becomes."""
        return nearest(ratio, self.by_itself())

    def by_itself(self) -> tuple[Shape, ...]:
        """What may be drawn where no size is said."""
        return tuple(shape for shape in self.sizes if str(shape.size) in self.usual)

    def examples(self) -> tuple[Shape, ...]:
        """Shapes whose prices say enough of all."""
        return self.sizes

    def __str__(self) -> str:
        return spoken([*(str(shape.size) for shape in self.sizes), *self.words])


@dataclass(frozen=True, slots=True)
class SteppedSizes:
    """Any size within bounds, in steps of so many pixels."""

    step: int
    usual_pixels: tuple[int, int]
    """Fewest and most pixels that an aspect ratio becomes, and that the model draws by itself."""
    usual_step: int
    """The step that an aspect ratio keeps to, a multiple of `step`."""
    min_pixels: int | None = None
    max_pixels: int | None = None
    min_edge: int | None = None
    max_edge: int | None = None
    max_ratio: Fraction | None = None
    """Of the long side to the short one."""
    named: tuple[Shape, ...] = ()
    """Sizes that the model's documents give for a ratio."""
    words: tuple[str, ...] = ()

    def shape(self, size: str) -> Shape | None:
        """What an explicit size is; None where it is not drawn."""
        if size in self.words:
            return Shape(tier=size)
        found = parse_size(size)
        if found is None or not self._draws(found):
            return None
        known = next((shape.aspect_ratio for shape in self.named if shape.size == found), None)
        return Shape(found, known or _reduced(found))

    def pick(self, ratio: Fraction, tier: str | None) -> Shape:  # noqa: ARG002 - the rule of all rules
        """What an aspect ratio becomes."""
        for shape in self.named:
            if _named(shape) == ratio:
                return shape
        drawn = self._nearest(ratio)
        assert drawn is not None, "a rule whose class has no sizes is refused where it is read"
        return Shape(drawn, _reduced(drawn))

    @property
    def empty(self) -> bool:
        """Whether no size is both legal and of the class."""
        return next(self._columns(), None) is None

    def by_itself(self) -> tuple[Shape, ...]:
        """The most that may be drawn where no size is said: no legal size of the class has more pixels."""
        side = math.isqrt(self.usual_pixels[1] - 1) + 1
        return (Shape(Size(side, side)),)

    def examples(self) -> tuple[Shape, ...]:
        """Shapes whose prices say enough of all."""
        return self.named or (self.pick(Fraction(1), None),)

    @property
    def pixels(self) -> str:
        """How many a picture may have, in words; empty where nothing is said."""
        if self.min_pixels and self.max_pixels:
            return f"{self.min_pixels:,} to {self.max_pixels:,} pixels"
        least = f"{self.min_pixels:,} pixels or more" if self.min_pixels else ""
        return f"at most {self.max_pixels:,} pixels" if self.max_pixels else least

    def _draws(self, size: Size) -> bool:
        short, long = sorted((size.width, size.height))
        return (
            size.width % self.step == size.height % self.step == 0
            and (self.min_pixels or 0) <= size.pixels <= (self.max_pixels or size.pixels)
            and (self.min_edge or 0) <= short
            and long <= (self.max_edge or long)
            and (self.max_ratio is None or long <= self.max_ratio * short)
        )

    def _nearest(self, ratio: Fraction) -> Size | None:
        """The legal size of the class that comes nearest; None where the class has none."""
        best: tuple[float, int, int, int] | None = None
        wanted = float(ratio)
        for width, first, last in self._columns():
            steps = int(width / wanted / self.usual_step)
            for each in {min(max(steps, first), last), min(max(steps + 1, first), last)}:
                height = each * self.usual_step
                # Rounded, so that what is equally near stays equal in floating point.
                distance = round(abs(math.log(width / height / wanted)), 12)
                here = (distance, width * height, width, height)
                best = here if best is None or here < best else best
        return Size(best[2], best[3]) if best else None

    def _columns(self) -> Iterator[tuple[int, int, int]]:
        """Every width of the class, with the fewest and the most steps of height that are legal with it."""
        fewest, most = self.usual_pixels
        step, bound = self.usual_step, self.max_ratio or Fraction(most)
        low = -(-(self.min_edge or step) // step) * step
        for width in range(low, min(self.max_edge or most, most // low) + 1, step):
            # Whole numbers throughout: a bound that is met exactly is met.
            flattest, steepest = -(-width * bound.denominator // bound.numerator), width * bound.numerator
            least = max(low, -(-fewest // width), flattest)
            greatest = min(self.max_edge or most, most // width, steepest // bound.denominator)
            first, last = -(-least // step), greatest // step
            if first <= last:
                yield width, first, last

    def __str__(self) -> str:
        bounds = [
            f"both sides multiples of {self.step}" if self.step > 1 else "",
            self.pixels,
            f"no side below {self.min_edge}" if self.min_edge else "",
            f"no side above {self.max_edge}" if self.max_edge else "",
            f"no side more than {_plain(self.max_ratio)} times the other" if self.max_ratio else "",
        ]
        said = [bound for bound in bounds if bound]
        return spoken([f"WIDTHxHEIGHT ({', '.join(said) or 'any'})", *self.words])


@dataclass(frozen=True, slots=True)
class TieredSizes:
    """A table of ratios with the pixels of each, in tiers that multiply them."""

    table: tuple[Shape, ...]
    """The pixels of each ratio at a factor of one."""
    tiers: tuple[tuple[str, Fraction], ...]
    """Their names and factors."""
    usual: str
    """The tier that is drawn where none is said."""

    @property
    def words(self) -> tuple[str, ...]:
        """What may stand in the place of pixels: a tier."""
        return tuple(name for name, _ in self.tiers)

    def shape(self, size: str) -> Shape | None:
        """What an explicit size or tier is; None where it is not drawn."""
        if size in self.words:
            return Shape(tier=size)
        drawn = (shape for tier in self.words for shape in self._at(tier))
        return next((shape for shape in drawn if str(shape.size) == size), None)

    def pick(self, ratio: Fraction, tier: str | None) -> Shape:
        """What an aspect ratio becomes, in this tier or in the usual one."""
        return nearest(ratio, self._at(tier or self.usual))

    def by_itself(self) -> tuple[Shape, ...]:
        """What may be drawn where no size is said."""
        return self._at(self.usual)

    def examples(self) -> tuple[Shape, ...]:
        """Shapes whose prices say enough of all."""
        return tuple(nearest(Fraction(1), self._at(tier)) for tier in self.words)

    def _at(self, tier: str) -> tuple[Shape, ...]:
        factor = dict(self.tiers)[tier]
        return tuple(
            Shape(
                Size(int(shape.size.width * factor), int(shape.size.height * factor)),
                shape.aspect_ratio,
                tier,
            )
            for shape in self.table
            if shape.size is not None
        )

    def __str__(self) -> str:
        ratios = spoken([str(shape.aspect_ratio) for shape in self.table])
        return f"{spoken(self.words)}, or the pixels that these have for {ratios}"


@dataclass(frozen=True, slots=True)
class RatiosOnly:
    """Aspect ratios, and at most a tier beside them; never pixels."""

    ratios: tuple[str, ...]
    words: tuple[str, ...] = ()
    """Tiers, or "auto"."""
    usual: str | None = None
    """The tier that is drawn where none is said."""

    def shape(self, size: str) -> Shape | None:
        """What an explicit tier is; None where it is not drawn, and so for all pixels."""
        return Shape(tier=size) if size in self.words else None

    def pick(self, ratio: Fraction, tier: str | None) -> Shape:
        """Which of the ratios comes nearest."""
        return nearest(ratio, (Shape(aspect_ratio=name, tier=tier or self.usual) for name in self.ratios))

    def by_itself(self) -> tuple[Shape, ...]:
        """What may be drawn where no size is said."""
        return (Shape(tier=self.usual),)

    def examples(self) -> tuple[Shape, ...]:
        """Shapes whose prices say enough of all."""
        return tuple(Shape(tier=word) for word in self.words if word != AUTO) or (Shape(),)

    def __str__(self) -> str:
        instead = f"an aspect_ratio instead: {spoken(self.ratios)}"
        return f"{spoken(self.words)}, or {instead}" if self.words else instead


SizeRule = ListedSizes | SteppedSizes | TieredSizes | RatiosOnly


def _closeness(ratio: Fraction, shape: Shape) -> tuple[float, int]:
    drawn = shape.size.ratio if shape.size else _named(shape)
    if drawn is None:
        return math.inf, 0
    # The quotient is exact, so that an exact ratio is at a distance of nothing at all.
    distance = abs(math.log(drawn / ratio))
    return round(distance, 12), shape.size.pixels if shape.size else 0


def _named(shape: Shape) -> Fraction | None:
    return parse_ratio(shape.aspect_ratio) if shape.aspect_ratio else None


def _reduced(size: Size) -> str:
    return f"{size.ratio.numerator}:{size.ratio.denominator}"


def _plain(ratio: Fraction) -> str:
    return f"{float(ratio):g}"
