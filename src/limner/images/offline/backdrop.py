"""From a place's name to its picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import elsewhere, interiors, landscapes, waters
from .easel import Easel

__all__ = ["PLACES", "backdrop"]

_OUTDOORS: Mapping[str, Callable[..., None]] = {
    "field": landscapes.field,
    "savanna": landscapes.savanna,
    "garden": landscapes.garden,
    "forest": landscapes.forest,
    "snow": landscapes.snow,
    "desert": landscapes.desert,
    "sky": landscapes.sky,
    "sea": waters.sea,
    "beach": waters.beach,
    "underwater": waters.underwater,
    "city": elsewhere.city,
    "space": elsewhere.space,
}
PLACES = frozenset((*_OUTDOORS, "kitchen", "room"))
"""Wherever a scene can play."""


def backdrop(easel: Easel, place: str, *, floor: bool, snowy: bool, body: bool) -> None:
    """Paint the place.

    `floor`: indoors, the floor in place of a table; `snowy`: snow lies where it can;
    `body`: the sky has a sun or moon of its own.
    """
    if place == "kitchen":
        interiors.kitchen(easel, floor=floor)
    elif place == "room":
        interiors.room(easel, floor=floor)
    elif place == "forest":
        landscapes.forest(easel, body=body, snowy=snowy)
    else:
        chosen = "snow" if snowy and place in {"field", "garden", "savanna"} else place
        _OUTDOORS[chosen](easel, body=body)
