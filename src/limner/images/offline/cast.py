"""Who stands where: one large subject, smaller company around it, little in anybody's way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .canvas import Canvas
from .dice import Dice
from .figures import figure
from .icons import Icon
from .place import Stage, flies
from .tables import word_set

__all__ = ["PLANS", "Player", "Sheet", "arrange"]

_TRIALS = 36
_NEVER_LARGER = 0.97
"""Of the subject's size; even a mountain is company beside an owl that the prompt is about."""
_LARGEST_SUBJECT = 0.78
"""Of the sheet's shorter side."""
_CROWD = 3
"""From so many counted things on they stand in rows."""
_MUCH_LARGER = 1.3
_RANKS: Mapping[str, float] = {"tiny": 0.34, "small": 0.62, "large": 1.2}
_SMALLEST, _LARGEST = 0.3, 1.8
"""Of a companion's share by rank: it must be seen, and leave the subject the first."""
_CROWDED = 0.9
"""A cost above it means that there is no room for the thing at its size."""


@dataclass(frozen=True, slots=True)
class Player:
    """One thing in its place, in pixels."""

    icon: Icon
    x: float
    """Of its middle."""
    y: float
    """Of its feet."""
    size: float
    """Of the longer side of what is seen."""
    flies: bool
    mirrored: bool
    lean: float
    """Degrees."""
    main: bool = False

    @property
    def scale(self) -> float:
        """Pixels per unit of the icon."""
        return self.size / max(self.icon.right - self.icon.left, self.icon.bottom - self.icon.top, 1.0)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        half = (self.icon.right - self.icon.left) / 2 * self.scale
        return self.x - half, self.y - (self.icon.bottom - self.icon.top) * self.scale, self.x + half, self.y


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the players are placed on."""

    canvas: Canvas
    dice: Dice
    where: Stage
    coats: Mapping[str, str] = field(default_factory=dict)
    """Colours of their own, by name."""
    asleep: frozenset[str] = frozenset()
    facing: bool | None = None
    """Whether the subject is mirrored; None where the dice decide."""
    zoom: float = 1.0
    """Of the subject."""

    def figure(self, name: str) -> Icon:
        """Who stands here under that name."""
        return figure(name, self.coats.get(name), asleep=name in self.asleep)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the subject stands and how large it is, in shares of the sheet."""

    middle: float
    size: float
    depth: float
    company: float
    """Size of the others beside the subject."""
    copies: int = 1
    """How often what is eaten or grows is shown."""


_PLANS = (
    _Plan(0.50, 0.50, 0.55, 0.50),
    _Plan(0.36, 0.47, 0.45, 0.60),
    _Plan(0.50, 0.38, 0.45, 0.80, copies=3),
    _Plan(0.64, 0.47, 0.45, 0.60),
    _Plan(0.50, 0.58, 0.70, 0.42),
    _Plan(0.38, 0.42, 0.35, 0.74),
    _Plan(0.61, 0.52, 0.62, 0.48),
    _Plan(0.42, 0.40, 0.55, 0.76, copies=2),
)
PLANS = len(_PLANS)
"""Number of ways to arrange a scene."""
_MANY = frozenset({*range(40, 47)})
"""Kinds of which several look natural."""


def arrange(sheet: Sheet, names: Sequence[str], plan_number: int, counts: Mapping[str, int]) -> list[Player]:
    """Place the first name as the subject and the others around it, as often as counted; far ones first."""
    plan = _PLANS[plan_number % len(_PLANS)]
    crowd = [name for name in names for _ in range(counts.get(name, int(name == names[0])))]
    if len(crowd) >= _CROWD and len(crowd) > len(set(crowd)):
        airborne = [name for name in crowd if flies(name, sheet.where)]
        grounded = [name for name in crowd if name not in airborne]
        mixed = bool(airborne and grounded)
        players = _lined_up(sheet, grounded, mixed=mixed) + _lined_up(sheet, airborne, mixed=mixed)
        facing = players[0].mirrored if sheet.facing is None else sheet.facing
        players[0] = replace(players[0], main=True, mirrored=facing)
        for name in names:
            if name not in crowd:
                players.append(_companion(sheet, players, name, 0.7))
        return sorted(players, key=lambda player: (not player.flies, player.y))
    if any(_cap(name, names[0]) > 1 for name in names[1:]):
        plan = replace(plan, size=plan.size * 0.72, company=max(plan.company, 0.7))
    players = [_subject(sheet, names[0], plan)]
    several = players[0].icon.subgroup in _MANY and names[0] not in word_set("places", "dished")
    count = counts.get(names[0], plan.copies if several and len(names) + plan.copies <= 6 else 1)
    for _ in range(count - 1):
        players.append(_companion(sheet, players, names[0], 0.85))
    for at, name in enumerate(names[1:]):
        for _ in range(counts.get(name, 1)):
            players.append(_companion(sheet, players, name, plan.company * (1 - 0.07 * at)))
    return sorted(players, key=lambda player: (not player.flies, player.y))


def _lined_up(sheet: Sheet, crowd: Sequence[str], *, mixed: bool) -> list[Player]:
    """Rows of those who all stand or all fly, nobody hidden; `mixed`: room for the other ones is left."""
    if not crowd:
        return []
    canvas, dice, where = sheet.canvas, sheet.dice, sheet.where
    wide = canvas.width / canvas.unit
    rows = 1 if len(crowd) <= 4 * wide else 2 if len(crowd) <= 12 * wide else 3
    columns = math.ceil(len(crowd) / rows)
    step = canvas.width * 0.92 / columns
    gap = (where.near - where.far) / max(rows - 1, 1)
    ranks = [_rank(name) for name in crowd]
    players = []
    for at, name in enumerate(crowd):
        row, column = divmod(at, columns)
        in_row = min(columns, len(crowd) - row * columns)
        relative = min(max(ranks[at] / max(ranks), 0.5), 1.0)
        size = (
            min(canvas.unit * (0.3 if mixed else 0.4), step * 0.88)
            * relative
            * (0.86 + 0.14 * (row + 1) / rows)
        )
        x = canvas.width / 2 + (column - (in_row - 1) / 2) * step + step * dice.between(-0.04, 0.04)
        in_air = flies(name, where)
        depth = (row + 0.5) / rows if rows == 1 else row / (rows - 1)
        y = where.far + (where.near - where.far) * depth
        if rows > 1 and not in_air:
            size = min(size, gap * 1.7)
        if in_air:
            low = where.near if where.surface == "float" else where.horizon
            low *= 0.68 if mixed else 1.0
            size = min(size, low / rows * 0.8)
            y = low * (row + 1) / rows * dice.between(0.92, 1.0)
        lean = dice.between(-2, 2) if where.surface == "table" else 0.0
        players.append(
            Player(sheet.figure(name), x, max(y, size * 1.06), size, in_air, dice.chance(0.3), lean)
        )
    return players


def _subject(sheet: Sheet, name: str, plan: _Plan) -> Player:
    canvas, dice, where = sheet.canvas, sheet.dice, sheet.where
    in_air = flies(name, where)
    wide = canvas.width / canvas.height
    # On long sheets the subject grows with the shorter side, and a little beyond it.
    size = canvas.unit * plan.size * (1.12 if wide > 1.5 else 1.18 if wide < 0.7 else 1.0)
    if _rank(name) < 1:
        size *= 0.86
    size = min(size * sheet.zoom, canvas.unit * _LARGEST_SUBJECT)
    x = canvas.width * (plan.middle + dice.between(-0.02, 0.02))
    if wide < 0.85:
        x = canvas.width * (0.5 + (plan.middle - 0.5) * 0.5)
    y = where.far + (where.near - where.far) * plan.depth
    if in_air:
        air = where.near if where.surface == "float" else where.horizon
        y = min(air * 0.56 + size * 0.5, where.near)
    lean = dice.between(-2, 2) if where.surface == "table" else 0.0
    thrown = dice.chance(0.3)
    mirrored = thrown if sheet.facing is None else sheet.facing
    return Player(sheet.figure(name), x, max(y, size * 1.06), size, in_air, mirrored, lean, main=True)


def _companion(sheet: Sheet, players: Sequence[Player], name: str, share: float) -> Player:
    """The best of some thrown places: free, near the subject, inside the sheet."""
    relative = min(max(_rank(name) / _rank(players[0].icon.name), _SMALLEST), _LARGEST)
    size = players[0].size * share * relative * sheet.dice.between(0.92, 1.08)
    trials = [_trial(sheet, players, name, size, -1 if at % 2 else 1) for at in range(_TRIALS)]
    costs = [_cost(sheet.canvas, trial, players) for trial in trials]
    cost = min(costs)
    best = trials[costs.index(cost)]
    if cost < _CROWDED:
        return best
    smaller = replace(best, size=best.size * 0.7)
    return smaller if _cost(sheet.canvas, smaller, players) < cost else best


def _rank(name: str) -> float:
    """How large the thing is among things, roughly."""
    for kind, rank in _RANKS.items():
        if name in word_set("places", kind):
            return rank
    return 1.0


def _cap(name: str, subject: str) -> float:
    """The largest size beside the subject: a bicycle may be larger than the wrench that mends it."""
    return _MUCH_LARGER if _rank(subject) < 1 <= _rank(name) else _NEVER_LARGER


def _trial(sheet: Sheet, players: Sequence[Player], name: str, size: float, side: int) -> Player:
    canvas, dice, where, main = sheet.canvas, sheet.dice, sheet.where, players[0]
    in_air = flies(name, where)
    far_reach = 1.15 if canvas.width < 1.5 * canvas.height else 1.7
    x = main.x + side * main.size * dice.between(0.5, far_reach)
    if in_air:
        low = where.near if where.surface == "float" else where.horizon
        y = dice.between(max(size * 1.1, low * 0.2), max(low * 0.86, size * 1.2))
    else:
        depth = dice.unit()
        y = where.far + (where.near - where.far) * depth
        size *= 0.78 + 0.34 * depth
        x = x if dice.chance(0.8) else canvas.width * dice.between(0.08, 0.92)
    size = min(size, main.size * _cap(name, main.icon.name))
    lean = dice.between(-4, 4) if where.surface == "table" else 0.0
    return Player(sheet.figure(name), x, y, size, in_air, (x > main.x) == dice.chance(0.6), lean)


def _cost(canvas: Canvas, trial: Player, players: Sequence[Player]) -> float:
    """Shares of overlap and of what leaves the sheet, plus a little for being far from the subject."""
    left, top, right, bottom = trial.box
    area = max((right - left) * (bottom - top), 1.0)
    cost = 0.0
    for other in players:
        o_left, o_top, o_right, o_bottom = other.box
        width = min(right, o_right) - max(left, o_left)
        height = min(bottom, o_bottom) - max(top, o_top)
        if width > 0 and height > 0:
            smaller = min(area, max((o_right - o_left) * (o_bottom - o_top), 1.0))
            # Something in front may hide a corner of what is behind it; more looks like a mistake.
            cost += 4.0 * width * height / smaller
    margin = canvas.unit * 0.025
    outside = max(0.0, margin - left) + max(0.0, right - canvas.width + margin) + max(0.0, margin - top)
    outside += max(0.0, bottom - canvas.height + margin * 0.6)
    cost += 8.0 * outside / max(right - left, 1.0)
    distance = abs(trial.x - players[0].x) / canvas.width
    middle = (sum(player.x for player in players) + trial.x) / (len(players) + 1)
    return cost + 0.35 * distance + 0.9 * abs(middle - canvas.width / 2) / canvas.width
