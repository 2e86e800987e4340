"""Where a scene plays: the backdrop that fits its things, and where they can stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from . import elsewhere, interiors, landscapes
from .canvas import Canvas
from .dice import Dice
from .icons import icon
from .palette import Light
from .reading import Reading

__all__ = ["AMBIENT", "FLYERS", "SWIMMERS", "Stage", "backdrop", "place_of", "stage"]

Surface = Literal["ground", "table", "water", "float"]


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


FLYERS = frozenset(
    [
        "eagle",
        "butterfly",
        "honeybee",
        "bat",
        "airplane",
        "small-airplane",
        "airplane-departure",
        "airplane-arrival",
        "helicopter",
        "rocket",
        "balloon",
        "kite",
        "parachute",
        "sun",
        "crescent-moon",
        "full-moon",
        "star",
        "glowing-star",
        "cloud",
        "rainbow",
        "comet",
        "flying-saucer",
        "satellite",
        "dove",
        "phoenix-bird",
        "ghost",
        "person-fairy",
        "sparkles",
        "red-heart",
        "musical-notes",
        "musical-note",
        "snowflake",
        "high-voltage",
        "ringed-planet",
        "globe-showing-americas",
        "globe-showing-asia-australia",
        "mosquito",
        "fly",
        "sun-behind-cloud",
        "droplet",
        "sun-behind-small-cloud",
        "sun-behind-large-cloud",
        "sun-behind-rain-cloud",
        "cloud-with-rain",
        "cloud-with-snow",
        "cloud-with-lightning",
        "cloud-with-lightning-and-rain",
        "bubbles",
        "thought-balloon",
        "dashing-away",
        "baby-angel",
        "suspension-railway",
        "mountain-cableway",
        "aerial-tramway",
        "boomerang",
        "light-bulb",
        "feather",
        "wing",
        "santa-claus-sleigh",
        "dragon-face",
        "fallen-leaf",
        "maple-leaf",
        "person-superhero",
        "two-hearts",
        "sparkling-heart",
        "party-popper",
        "tornado",
    ]
)
"""They hang in the air and cast no shadow."""
HEAVENLY = frozenset(("sun", "crescent-moon", "full-moon"))
SWIMMERS = frozenset(
    [
        "sailboat",
        "ship",
        "passenger-ship",
        "ferry",
        "motor-boat",
        "speedboat",
        "canoe",
        "ring-buoy",
        "duck",
        "swan",
        "person-rowing-boat",
        "person-surfing",
        "person-swimming",
        "person-playing-water-polo",
        "spouting-whale",
        "whale",
        "dolphin",
        "seal",
        "shark",
        "otter",
        "water-wave",
        "goose",
        "anchor",
    ]
)
"""They lie in the water as they are."""

_SPACE = frozenset(
    [
        "astronaut",
        "rocket",
        "ringed-planet",
        "alien",
        "alien-monster",
        "satellite",
        "comet",
        "flying-saucer",
        "satellite-antenna",
        "glowing-star",
        "globe-showing-americas",
        "globe-showing-asia-australia",
    ]
)
_SKY = frozenset(
    [
        "airplane",
        "small-airplane",
        "airplane-departure",
        "airplane-arrival",
        "helicopter",
        "parachute",
        "balloon",
        "kite",
        "cloud",
        "rainbow",
        "phoenix-bird",
        "person-superhero",
        "eagle",
        "star",
    ]
)
_SNOW = frozenset(
    [
        "polar-bear",
        "penguin",
        "snowman",
        "snowman-without-snow",
        "skis",
        "sled",
        "skier",
        "snowboarder",
        "ice-skate",
        "snowflake",
        "curling-stone",
        "ice-hockey",
        "santa-claus",
        "mrs-claus",
        "mx-claus",
        "christmas-tree",
    ]
)
_DESERT = frozenset(["camel", "two-hump-camel", "cactus", "scorpion"])
_FOREST = frozenset(
    [
        "fox",
        "wolf",
        "bear",
        "deer",
        "owl",
        "hedgehog",
        "chipmunk",
        "raccoon",
        "badger",
        "boar",
        "moose",
        "beaver",
        "evergreen-tree",
        "mushroom",
        "brown-mushroom",
        "person-elf",
        "person-fairy",
        "unicorn",
        "skunk",
        "sloth",
        "monkey",
        "gorilla",
        "orangutan",
        "panda",
        "koala",
        "wood",
        "tent",
        "bison",
        "person-mage",
        "tiger",
        "leopard",
        "parrot",
        "spider-web",
    ]
)
_SAVANNA = frozenset(
    ["lion", "elephant", "zebra", "giraffe", "rhinoceros", "hippopotamus", "kangaroo", "ostrich"]
)
_BEACH = frozenset(
    [
        "palm-tree",
        "crab",
        "spiral-shell",
        "umbrella-on-ground",
        "bikini",
        "thong-sandal",
        "coconut",
        "turtle",
        "flamingo",
        "tropical-drink",
        "seal",
    ]
)
_FIELD_HOMES = frozenset(
    [
        "house",
        "house-with-garden",
        "hut",
        "castle",
        "tractor",
        "derelict-house",
        "houses",
        "mountain",
        "snow-capped-mountain",
        "mount-fuji",
        "volcano",
        "sheaf-of-rice",
        "fountain",
        "japanese-castle",
        "circus-tent",
        "ferris-wheel",
    ]
)
_SEA_ANIMALS = frozenset(["spouting-whale", "whale", "dolphin", "shark", "seal"])
_GARDEN = frozenset(
    [
        "seedling",
        "potted-plant",
        "watering-can",
        "shovel",
        "farmer",
        "bug",
        "worm",
        "snail",
        "lady-beetle",
        "herb",
        "sunflower",
        "tomato",
        "carrot",
        "pea-pod",
    ]
)
_GROWN = range(42, 44)
_KITCHEN_ACTIONS = frozenset(
    ["kitchen-knife", "mixing-bowl", "pouring-liquid", "rolling-pin", "fork-and-knife-with-plate"]
)
_GARDEN_ACTIONS = frozenset(["watering-can", "shovel", "seedling", "scissors"])

_BY_SUBGROUP: Mapping[int, str] = {
    **dict.fromkeys((34, 35, 36, 37, 39, 40, 41), "field"),
    38: "underwater",
    **dict.fromkeys(range(42, 49), "kitchen"),
    50: "field", 51: "city", 52: "field", 53: "field", 54: "city", 55: "sea", 56: "sky", 57: "room", 58: "room",
    59: "field", 60: "room", 62: "field", 11: "forest",
    23: "field", 25: "city", 26: "forest", 27: "field", 28: "field", 29: "room",
}  # fmt: skip
_CITY_PEOPLE = frozenset(
    ["detective", "police-officer", "guard", "firefighter", "construction-worker", "office-worker"]
)
_ROOM_PEOPLE = frozenset(
    [
        "teacher",
        "student",
        "scientist",
        "technologist",
        "singer",
        "artist",
        "judge",
        "health-worker",
        "mechanic",
        "factory-worker",
        "baby",
        "older-person",
        "old-man",
        "old-woman",
    ]
)

AMBIENT: Mapping[str, tuple[str, ...]] = {
    "kitchen": ("herb", "lemon", "garlic", "salt", "jar", "spoon", "honey-pot", "olive"),
    "room": ("books", "potted-plant", "hot-beverage", "pencil", "candle", "mantelpiece-clock"),
    "field": ("butterfly", "tulip", "bird", "sunflower", "blossom", "honeybee"),
    "savanna": ("bird", "butterfly", "cactus"),
    "garden": ("butterfly", "lady-beetle", "potted-plant", "snail", "sunflower", "honeybee"),
    "forest": ("mushroom", "owl", "hedgehog", "butterfly", "chipmunk", "herb"),
    "sea": ("dove", "sailboat", "ring-buoy", "duck"),
    "beach": ("spiral-shell", "crab", "umbrella-on-ground", "palm-tree"),
    "underwater": ("tropical-fish", "fish", "jellyfish", "blowfish", "spiral-shell"),
    "snow": ("evergreen-tree", "snowman", "penguin", "snowflake"),
    "desert": ("cactus", "lizard", "camel", "rock"),
    "city": ("bicycle", "deciduous-tree", "dove", "taxi"),
    "space": ("star", "comet", "satellite", "ringed-planet"),
    "sky": ("dove", "balloon", "kite", "bird"),
}
"""Small company that belongs to a place and pretends to nothing."""


def place_of(reading: Reading, dice: Dice) -> str:
    """The place that the prompt names, else the one where its subject is at home."""
    subject = reading.things[0] if reading.things else None
    if reading.place == "field" and subject in _SAVANNA:
        return "savanna"
    if reading.place is not None:
        return reading.place
    cooking = bool(_KITCHEN_ACTIONS & set(reading.actions)) or "steam" in reading.effects
    gardening = bool(_GARDEN_ACTIONS & set(reading.actions)) or any(
        name in _GARDEN for name in reading.things[1:3]
    )
    if subject is None:
        if reading.actions:
            return "kitchen" if cooking else "garden" if gardening else "room"
        return "snow" if reading.weather == "snow" else ""
    return _home(subject, reading, dice, cooking=cooking, gardening=gardening)


def _home(subject: str, reading: Reading, dice: Dice, *, cooking: bool, gardening: bool) -> str:
    subgroup = icon(subject).subgroup
    eaten = subgroup in range(42, 49)
    if eaten or (cooking and subgroup in {34, 35, 38, 59, 41}):
        if subgroup in _GROWN and not cooking and (gardening or subject in _GARDEN):
            return "garden"
        return "kitchen"
    if reading.weather == "snow" and subgroup in {34, 35, 50, 51}:
        return "forest" if subject in _FOREST else "snow"
    homes = (
        (_SPACE, "space"), (_SNOW, "snow"), (_DESERT, "desert"), (_SAVANNA, "savanna"), (_SEA_ANIMALS, "sea"),
        (_GARDEN, "garden"), (_FOREST, "forest"), (_BEACH, "beach"), (_SKY, "sky"), (_FIELD_HOMES, "field"),
        (_CITY_PEOPLE, "city"), (_ROOM_PEOPLE, "room"),
    )  # fmt: skip
    for members, place in homes:
        if subject in members:
            return place
    if subject == "crescent-moon":
        return dice.pick(("field", "sea", "forest"))
    if subject == "fire":
        return "kitchen" if cooking else "forest"
    if subject == "cook":
        return "kitchen"
    if subject in {"cat", "black-cat", "dog", "poodle", "mouse", "hamster"}:
        return dice.pick(("room", "field", "field"))
    if gardening and subgroup in {40, 41, 59, 39}:
        return "garden"
    return _BY_SUBGROUP.get(subgroup, "room")


def stage(place: str, canvas: Canvas, dice: Dice, subject: str | None) -> Stage:
    """Where things stand in that place."""
    height = canvas.height
    tall = canvas.height / canvas.width > 1.25
    if place in {"kitchen", "room"}:
        subgroup = icon(subject).subgroup if subject else 42
        floor = subgroup in {11, *range(23, 30), *range(34, 38), 54} or subject in {
            "bed",
            "chair",
            "couch-and-lamp",
            "door",
            "ladder",
            "toilet",
            "bathtub",
            "shopping-cart",
            "mirror",
            "christmas-tree",
        }
        horizon = height * dice.between(0.56, 0.62)
        depth = height - horizon
        return Stage(
            place,
            "ground" if floor else "table",
            horizon,
            height - depth * 0.12,
            horizon + depth * 0.22,
            floor,
        )
    if place in {"space", "sky", "underwater"}:
        horizon = height * (0.78 if place != "underwater" else 0.74)
        return Stage(place, "float", horizon, height * 0.95, height * 0.86)
    if place == "sea":
        horizon = height * dice.between(0.46, 0.54)
        return Stage(place, "water", horizon, height * 0.92, horizon + (height - horizon) * 0.25)
    horizon = height * dice.between(0.56, 0.64) if not tall else height * dice.between(0.6, 0.66)
    depth = height - horizon
    far = horizon + depth * (0.3 if place != "beach" else 0.5)
    return Stage(place, "ground", horizon, height - depth * 0.1, far)


_OUTDOORS: Mapping[str, Callable[..., None]] = {
    "field": landscapes.field,
    "savanna": landscapes.savanna,
    "garden": landscapes.garden,
    "forest": landscapes.forest,
    "sea": landscapes.sea,
    "beach": landscapes.beach,
    "snow": landscapes.snow,
    "desert": landscapes.desert,
    "sky": landscapes.sky,
    "city": elsewhere.city,
    "space": elsewhere.space,
    "underwater": elsewhere.underwater,
}


def backdrop(canvas: Canvas, dice: Dice, light: Light, where: Stage, *, snowy: bool, body: bool) -> None:
    """Paint the place; `body` says whether the sky has its own sun or moon."""
    if where.place == "kitchen":
        interiors.kitchen(canvas, dice, light, where.horizon, floor=where.floor)
    elif where.place == "room":
        interiors.room(canvas, dice, light, where.horizon, floor=where.floor)
    elif where.place == "forest":
        landscapes.forest(canvas, dice, light, where.horizon, body=body, snowy=snowy)
    else:
        chosen = "snow" if snowy and where.place in {"field", "garden", "savanna"} else where.place
        _OUTDOORS[chosen](canvas, dice, light, where.horizon, body=body)
