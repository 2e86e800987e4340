"""Bodies for the animals of which the icons show only the head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .coats import dyed
from .eyelids import lids
from .icons import Icon, icon
from .palette import mix

__all__ = ["BODIES", "COATS", "figure"]


@dataclass(frozen=True, slots=True)
class _Body:
    fur: str
    belly: str
    paws: str
    tail: str = ""
    """ "bushy", "thin", "round" or none."""
    tip: str = ""
    """The colour of the tail's end."""


BODIES: Mapping[str, _Body] = {
    "fox": _Body("#ff822d", "#ffe8d2", "#4a3b33", "bushy", "#fff3e6"),
    "wolf": _Body("#7f7f8a", "#d5d5dc", "#5d5d68", "bushy", "#b8b8c2"),
    "raccoon": _Body("#848592", "#d3d3dc", "#48464f", "bushy", "#48464f"),
    "lion": _Body("#ffb02e", "#ffd88a", "#f5a01e", "thin", "#8a4a2a"),
    "bear": _Body("#8c5543", "#b98468", "#6f4033"),
    "panda": _Body("#f4f4f8", "#ffffff", "#33303c"),
    "polar-bear": _Body("#eceaf2", "#ffffff", "#d3d0de"),
    "koala": _Body("#8e8f9c", "#dcdce4", "#73747f"),
    "rabbit-face": _Body("#d9d3e3", "#f7f3fb", "#c4bcd2", "round", "#ffffff"),
    "hamster": _Body("#f3ad61", "#fff1df", "#ff9fb0"),
    "frog": _Body("#2fa84f", "#c9efb0", "#26883a"),
    "mouse-face": _Body("#b9b4c4", "#e4e0ea", "#ff9fb0", "thin", "#ff9fb0"),
    "dog-face": _Body("#e0a070", "#ffe3c9", "#c98458", "thin", "#c98458"),
    "monkey-face": _Body("#8c5543", "#d9a48a", "#6f4033", "thin", "#6f4033"),
}

COATS: Mapping[str, Mapping[str, str]] = {
    "dog": {"#f3ad61": "#9a6a4a", "#d3883e": "#5f3d2a", "#ffdea7": "#e9cdb0"},
}
"""Other colours than the icon's: its dog has the very coat of its cat."""

_GROUND = 45.0


def figure(name: str, coat: str | None = None, *, asleep: bool = False) -> Icon:
    """The icon of that name, sitting on a body where it would be a head alone; `coat`: a colour's name."""
    whole = _seated(name, lids(name) if asleep else "")
    return dyed(whole, coat) if coat else whole


def _seated(name: str, face: str) -> Icon:
    """The figure with `face` drawn over its head."""
    head = _recoloured(icon(name))
    head = replace(head, body=head.body + face)
    body = BODIES.get(name)
    if body is None:
        return head
    # The head's chin comes to rest on the shoulders, wherever in its box the icon drew it.
    sink = 29.0 - head.bottom
    drawing = f'{_tail(body)}{_trunk(body)}<g transform="translate(0 {sink:.1f})">{head.body}</g>'
    right = 31.0 if body.tail in {"bushy", "thin"} else head.right
    return Icon(
        name, drawing, head.subgroup, head.left, head.top + sink, max(head.right, right), _GROUND, 6.0, 26.0
    )


def _recoloured(plain: Icon) -> Icon:
    drawing = plain.body
    for colour, other in COATS.get(plain.name, {}).items():
        drawing = drawing.replace(colour, other)
    return replace(plain, body=drawing)


def _trunk(body: _Body) -> str:
    shade = mix(body.fur, "#000000", 0.12)
    return (
        f'<path fill="{body.fur}" d="M16 22c7 0 9.500 8 9.500 15 0 5-4 7.500-9.500 7.500S6.500 42 6.500 37C6.500 30 9 22 16 22z"/>'
        f'<path fill="{body.belly}" d="M16 25c4 0 5.300 6 5.300 11 0 4-2.300 6.500-5.300 6.500S10.700 40 10.700 36c0-5 1.300-11 5.300-11z"/>'
        f'<path fill="{shade}" d="M8.200 29c2 .500 3.400 6 3 11.500-.100 1.500-3.600 1.500-4.200 0-.900-4-.800-9 1.200-11.500zM23.800 29c-2 .500-3.400 6-3 11.500.100 1.500 3.600 1.500 4.200 0 .900-4 .800-9-1.200-11.500z"/>'
        f'<ellipse cx="9.500" cy="43" rx="4.200" ry="2.200" fill="{body.paws}"/>'
        f'<ellipse cx="22.500" cy="43" rx="4.200" ry="2.200" fill="{body.paws}"/>'
    )


def _tail(body: _Body) -> str:
    if body.tail == "bushy":
        return (
            f'<path fill="{mix(body.fur, "#000000", 0.08)}" d="M22 43c6 1.500 11-4 9-11-.700-2.600-1.700-4.500-1.400-7-3 1.800-4.600 5-4.800 8.500-.200 4-2.500 5.500-4.800 6.500z"/>'
            f'<path fill="{body.tip}" d="M29.600 25c-3 1.800-4.400 4.400-4.700 7.500 1.700-1.300 2.400.300 3.500-.700.900-.900 1.300.400 2.400-.300-.600-2-1.500-4.200-1.200-6.500z"/>'
        )
    if body.tail == "thin":
        return (
            f'<path fill="none" stroke="{body.fur}" stroke-width="1.800" stroke-linecap="round" d="M23 42c6 1 7-4 5.500-9"/>'
            f'<circle cx="28.400" cy="32.500" r="1.900" fill="{body.tip}"/>'
        )
    if body.tail == "round":
        return f'<circle cx="26.500" cy="39.500" r="3.200" fill="{body.tip}"/>'
    return ""
