"""Closed eyes for those who sleep."""

from __future__ import annotations

from .tables import table

__all__ = ["lids"]

_LID = "#2b2027"


def lids(name: str) -> str:
    """What closes the eyes of the icon of that name, drawn over it; nothing where none are known."""
    colour, _, boxes = str(table("eyes").get(name, "")).partition(" ")
    sides = [float(side) for side in boxes.split()]
    return "".join(_lid(colour, *sides[at : at + 4]) for at in range(0, len(sides), 4))


def _lid(colour: str, left: float, top: float, right: float, bottom: float) -> str:
    """The skin over one eye, and the line where the lids meet."""
    wide, high = right - left, bottom - top
    middle = (left + right) / 2, (top + bottom) / 2
    reach = wide + min(0.7, wide * 0.5)
    sag = min(max(wide, 1.2) * 0.8, 2.2)
    # Eyes of people are flat below, those of animals round.
    round_ = 0.25 if wide > high * 1.3 else 0.5
    return (
        f'<rect x="{left - 0.12:.2f}" y="{top - 0.12:.2f}" width="{wide + 0.24:.2f}" height="{high + 0.24:.2f}" '
        f'rx="{(wide + 0.24) * round_:.2f}" ry="{(high + 0.24) * round_:.2f}" fill="{colour}"/>'
        f'<path fill="none" stroke="{_LID}" stroke-width="{min(max(0.45, wide * 0.3), 0.7):.2f}" '
        f'stroke-linecap="round" d="M{middle[0] - reach / 2:.2f} {middle[1]:.2f}'
        f'q{reach / 2:.2f} {sag:.2f} {reach:.2f} 0"/>'
    )
