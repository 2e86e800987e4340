"""What an answer says about tokens and money; every figure may be missing, absurd, or of another name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .parsing import finite

__all__ = ["Tokens", "cost_usd", "counted", "money", "tokens"]

_MAX_USD = 10.0**6
_MAX_TOKENS = 10**9
_TICKS_PER_USD = 10.0**10
"""Source: xAI documentation, "Cost tracking" (read 2026-11-21)."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider counted for one order."""

    text_in: int = 0
    image_in: int = 0
    text_out: int = 0
    image_out: int = 0


def cost_usd(usage: object) -> float | None:
    """The provider's own figure for one order; None where it gives none."""
    if not isinstance(usage, dict):
        return None
    told = money(usage.get("cost"))
    ticks = finite(usage.get("cost_in_usd_ticks"))
    if told is None and ticks is not None:
        return money(ticks / _TICKS_PER_USD)
    return told


def money(figure: object) -> float | None:
    """A figure in US dollars, also where it is written as text; None where it is none."""
    if isinstance(figure, str):
        try:
            figure = float(figure)
        except ValueError:
            return None
    usd = finite(figure)
    return None if usd is None else min(usd, _MAX_USD)


def tokens(usage: object, *, with_references: bool = False) -> Tokens | None:
    """What was counted; None where nothing was.

    Where the kinds are not told apart, those that came in count as words, or as pictures where
    there were any, and those that went out as pictures: never as the cheaper of two.
    """
    if not isinstance(usage, dict):
        return None
    went_in = counted(usage, "input_tokens", "prompt_tokens")
    came_out = counted(usage, "output_tokens", "completion_tokens")
    ins = _details(usage, "input_tokens_details", "prompt_tokens_details")
    outs = _details(usage, "output_tokens_details", "completion_tokens_details")
    text_in, image_in = counted(ins, "text_tokens"), counted(ins, "image_tokens")
    text_out, image_out = counted(outs, "text_tokens"), counted(outs, "image_tokens")
    # What the details leave out was counted all the same.
    rest_in = max(0, went_in - text_in - image_in)
    if with_references and not image_in:
        image_in += rest_in
    else:
        text_in += rest_in
    rest_out = max(0, came_out - text_out - image_out)
    if image_out:
        text_out += rest_out
    else:
        image_out += rest_out
    found = Tokens(text_in, image_in, text_out, image_out)
    return found if found != Tokens() else None


def _details(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    return next((usage[name] for name in names if isinstance(usage.get(name), dict)), {})


def counted(figures: Mapping[str, Any], *names: str) -> int:
    """What stands under the first of `names` that is a number; 0 where none is."""
    for name in names:
        number = finite(figures.get(name))
        if number is not None:
            return int(min(number, _MAX_TOKENS))
    return 0
