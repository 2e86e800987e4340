"""Who stands where: one large subject, smaller company around it, little in anybody's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .canvas import Canvas
from .dice import Dice
from .figures import figure
from .icons import Icon
from .place import FLYERS, Stage

__all__ = ["Player", "arrange"]

# Things that are small beside whatever stands next to them.
_SMALL = frozenset(
    [
        "ant",
        "honeybee",
        "lady-beetle",
        "butterfly",
        "snail",
        "bug",
        "worm",
        "mosquito",
        "fly",
        "mushroom",
        "tulip",
        "blossom",
        "rose",
        "herb",
        "salt",
        "garlic",
        "lemon",
        "droplet",
        "seedling",
        "spiral-shell",
        "coin",
        "key",
        "old-key",
        "egg",
        "pencil",
        "sparkles",
        "feather",
        "candle",
        "spider",
        "cherries",
        "chestnut",
        "beans",
        "olive",
        "peanuts",
        "blueberries",
        "musical-notes",
        "star",
        "ring",
        "ring-buoy",
        "dove",
        "bird",
    ]
)
_LARGE = frozenset(
    [
        "castle",
        "mountain",
        "house",
        "elephant",
        "mammoth",
        "sauropod",
        "t-rex",
        "whale",
        "spouting-whale",
        "ship",
        "passenger-ship",
        "deciduous-tree",
        "evergreen-tree",
        "palm-tree",
        "tokyo-tower",
        "volcano",
        "snow-capped-mountain",
        "school",
        "hospital",
        "airplane",
        "ferris-wheel",
        "office-building",
        "factory",
    ]
)


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
class _Plan:
    """Where the subject stands and how large it is."""

    middle: float
    size: float
    depth: float
    company: float
    """Size of the others beside the subject."""


_PLANS = (
    _Plan(0.50, 0.50, 0.55, 0.50),
    _Plan(0.37, 0.48, 0.45, 0.56),
    _Plan(0.63, 0.48, 0.45, 0.56),
    _Plan(0.50, 0.60, 0.70, 0.42),
    _Plan(0.42, 0.42, 0.35, 0.62),
    _Plan(0.60, 0.54, 0.62, 0.46),
)


def arrange(
    canvas: Canvas, dice: Dice, where: Stage, names: Sequence[str], plan_number: int, count: int
) -> list[Player]:
    """Place the first name as the subject and the others around it; far ones first."""
    plan = _PLANS[plan_number % len(_PLANS)]
    main = _subject(canvas, dice, where, names[0], plan)
    players = [main]
    for _ in range(count - 1):
        players.append(_companion(canvas, dice, where, players, names[0], 0.78, set()))
    used: set[int] = set()
    for at, name in enumerate(names[1:]):
        players.append(_companion(canvas, dice, where, players, name, plan.company * (1 - 0.07 * at), used))
    return sorted(players, key=lambda player: (not player.flies, player.y))


def _subject(canvas: Canvas, dice: Dice, where: Stage, name: str, plan: _Plan) -> Player:
    drawing = figure(name)
    flies = _flies(name, where)
    wide = canvas.width / canvas.height
    # On long sheets the subject grows with the shorter side, and a little beyond it.
    size = canvas.unit * plan.size * (1.12 if wide > 1.5 else 1.18 if wide < 0.7 else 1.0)
    if name in _SMALL:
        size *= 0.86
    x = canvas.width * (plan.middle + dice.between(-0.02, 0.02))
    if wide < 0.85:
        x = canvas.width * (0.5 + (plan.middle - 0.5) * 0.5)
    y = where.far + (where.near - where.far) * plan.depth
    if flies:
        air = where.near if where.surface == "float" else where.horizon
        y = min(air * 0.56 + size * 0.5, where.near)
    y = max(y, size * 1.06)
    upright = dice.between(-2, 2) if where.surface == "table" else 0.0
    return Player(drawing, x, y, size, flies, dice.chance(0.3), upright, main=True)


def _flies(name: str, where: Stage) -> bool:
    if where.surface == "float":
        return (
            name in FLYERS or where.place != "space" or name not in {"house", "castle", "dog", "cat", "fox"}
        )
    return name in FLYERS


def _companion(
    canvas: Canvas,
    dice: Dice,
    where: Stage,
    players: Sequence[Player],
    name: str,
    share: float,
    used: set[int],
) -> Player:
    """The best of some thrown places: free, near the subject, inside the sheet."""
    main = players[0]
    drawing = figure(name)
    flies = _flies(name, where)
    relative = 0.62 if name in _SMALL else 1.15 if name in _LARGE else 1.0
    size = main.size * share * relative * dice.between(0.92, 1.08)
    best: Player | None = None
    best_cost = 0.0
    for attempt in range(36):
        side = -1 if (attempt + len(players)) % 2 else 1
        reach = main.size * dice.between(0.5, 1.15 if canvas.width < 1.5 * canvas.height else 1.7)
        x = main.x + side * reach
        if flies:
            low = where.near if where.surface == "float" else where.horizon
            y = dice.between(max(size * 1.1, low * 0.2), max(low * 0.86, size * 1.2))
            scale = 1.0
        else:
            depth = dice.unit()
            y = where.far + (where.near - where.far) * depth
            scale = 0.78 + 0.34 * depth
            x = x if dice.chance(0.8) else canvas.width * dice.between(0.08, 0.92)
        trial = Player(
            drawing,
            x,
            y,
            size * scale,
            flies,
            (x > main.x) == dice.chance(0.6),
            dice.between(-4, 4) if where.surface == "table" else 0.0,
        )
        cost = _cost(canvas, trial, players)
        if best is None or cost < best_cost:
            best, best_cost = trial, cost
    assert best is not None
    return best if best_cost < 0.9 else _shrunk(canvas, best, players)


def _shrunk(canvas: Canvas, player: Player, players: Sequence[Player]) -> Player:
    """A smaller one where the sheet is full."""
    smaller = Player(
        player.icon, player.x, player.y, player.size * 0.7, player.flies, player.mirrored, player.lean
    )
    return smaller if _cost(canvas, smaller, players) < _cost(canvas, player, players) else player


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
    balance = (
        abs(sum(player.x for player in (*players, trial)) / (len(players) + 1) - canvas.width / 2)
        / canvas.width
    )
    return cost + 0.35 * distance + 0.9 * balance
