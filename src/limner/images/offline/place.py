"""Where a scene plays: the backdrop that fits its things, and where they can stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .canvas import Canvas
from .dice import Dice
from .icons import icon
from .reading import Reading
from .tables import table, word_set

__all__ = ["Stage", "company", "flies", "kin", "place_of", "stage", "swims"]

Surface = Literal["ground", "table", "water", "float"]

_EATEN = range(42, 49)
_GROWN = range(42, 44)
_LIVING = frozenset({11, *range(23, 30), *range(34, 38), 54})
_INDOORS = frozenset({"kitchen", "room"})

_BY_SUBGROUP: Mapping[int, str] = {
    **dict.fromkeys((34, 35, 36, 37, 39, 40, 41), "field"),
    38: "underwater",
    **dict.fromkeys(_EATEN, "kitchen"),
    50: "field", 51: "city", 52: "field", 53: "field", 54: "city", 55: "sea", 56: "sky", 57: "room", 58: "room",
    59: "field", 60: "room", 62: "field", 11: "forest",
    23: "field", 25: "city", 26: "forest", 27: "field", 28: "field", 29: "room",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """Where things stand, in pixels."""

    place: str
    surface: Surface
    horizon: float
    near: float
    far: float
    """Things stand with their feet between `far` and `near`, counted from the top."""
    floor: bool = False
    """Indoors: the floor in place of a table."""

    @property
    def indoors(self) -> bool:
        """Whether there is a roof over it."""
        return self.place in _INDOORS


def flies(name: str, where: Stage) -> bool:
    """Whether the thing hangs in the air there."""
    if name == "droplet" and where.indoors:
        return False
    return where.surface == "float" or name in word_set("places", "flyers")


def swims(name: str) -> bool:
    """Whether the thing lies in the water as it is."""
    return name in word_set("places", "swimmers")


def company(place: str) -> tuple[str, ...]:
    """Small company that belongs to a place and pretends to nothing."""
    return tuple(str(table("places")["company"][place]).split())


def kin(subject: str) -> tuple[str, ...]:
    """What is often seen beside that thing; nothing for most."""
    return tuple(str(table("places")["kin"].get(subject, "")).split())


def place_of(reading: Reading, dice: Dice) -> str:
    """The place that the prompt names, else the one where its subject is at home; "" for none."""
    subject = reading.things[0] if reading.things else None
    if reading.place == "field" and subject in word_set("places", "homes", "savanna"):
        return "savanna"
    # Who does not fly is under the sky, not in it.
    grounded = subject is not None and subject not in word_set("places", "flyers")
    if reading.place is not None and not (reading.place == "sky" and grounded):
        return reading.place
    actions = set(reading.actions)
    cooking = bool(actions & word_set("places", "kitchen_actions")) or "steam" in reading.effects
    garden = word_set("places", "homes", "garden")
    # Scissors alone may cut anything.
    tended = actions & word_set("places", "garden_actions") - (set() if subject else {"scissors"})
    gardening = bool(tended) or bool(garden & set(reading.things[1:3]))
    if subject is not None:
        return _home(subject, reading, dice, cooking=cooking, gardening=gardening)
    if reading.season:
        return (
            "beach"
            if reading.season == "summer" and dice.chance(0.3)
            else dice.pick(("field", "forest", "field"))
        )
    if reading.actions:
        return "kitchen" if cooking else "garden" if gardening else "room"
    return "snow" if reading.weather == "snow" else ""


def _home(subject: str, reading: Reading, dice: Dice, *, cooking: bool, gardening: bool) -> str:
    """Where the subject is at home, as far as the rest of the prompt allows."""
    subgroup = icon(subject).subgroup
    homes: Mapping[str, str] = table("places")["homes"]
    home = next((place for place in homes if subject in word_set("places", "homes", place)), None)
    if set(reading.things) & word_set("places", "sheltered") and not _outdoors(reading):
        home = "room"
    elif subgroup in _GROWN and gardening and not cooking:
        home = "garden"
    # Whoever cooks with fish or fungi has them on the table.
    elif subgroup in _EATEN or subject == "cook" or (cooking and subgroup in {34, 35, 38, 41, 59}):
        home = "kitchen"
    elif reading.weather == "snow" and home in {None, "field"}:
        home = "snow"
    elif home is None and subject in word_set("places", "pets") and _outdoors(reading):
        home = "field"
    elif home is None and subject in word_set("places", "pets"):
        home = dice.pick(("room", "field", "field"))
    elif subject in {"crescent-moon", "full-moon"}:
        home = dice.pick(("field", "sea", "forest"))
    elif subject == "herb" and not gardening:
        home = dice.pick(("garden", "field", "forest"))
    elif gardening and subgroup in {39, 40, 41, 59}:
        home = "garden"
    return home or _BY_SUBGROUP.get(subgroup, "room")


def _outdoors(reading: Reading) -> bool:
    """Whether the prompt speaks of what is seen under the sky alone."""
    return bool(word_set("places", "heavenly") & set(reading.things) or reading.weather or reading.season)


def stage(place: str, canvas: Canvas, dice: Dice, subject: str | None) -> Stage:
    """Where things stand in that place."""
    height = float(canvas.height)
    if place in _INDOORS:
        floor = subject is not None and (
            icon(subject).subgroup in _LIVING or subject in word_set("places", "furniture")
        )
        horizon = height * dice.between(0.56, 0.62)
        depth = height - horizon
        surface: Surface = "ground" if floor else "table"
        return Stage(place, surface, horizon, height - depth * 0.12, horizon + depth * 0.22, floor)
    if place in {"space", "sky", "underwater"}:
        horizon = height * (0.78 if place != "underwater" else 0.74)
        return Stage(place, "float", horizon, height * 0.95, height * 0.86)
    if place == "sea":
        horizon = height * dice.between(0.46, 0.54)
        return Stage(place, "water", horizon, height * 0.92, horizon + (height - horizon) * 0.25)
    tall = canvas.height / canvas.width > 1.25
    horizon = height * dice.between(0.6, 0.66) if tall else height * dice.between(0.56, 0.64)
    depth = height - horizon
    far = horizon + depth * (0.3 if place != "beach" else 0.5)
    return Stage(place, "ground", horizon, height - depth * 0.1, far)
