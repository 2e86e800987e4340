"""Where the money of a turn went."""

from __future__ import annotations

from typing import Any

from limner.core.calls import Call
from limner.core.state import State

__all__ = ["receipt", "redraw_receipt"]


def receipt(state: State, *, chat_model: str) -> dict[str, Any]:
    """The current turn's receipt.

    `cost_usd` is None where any price is unknown; `unknown` lists the pictures that were
    ordered while nobody saw the outcome, whose money counts as spent.
    """
    usage = state.usage
    ordered = (call for call in state.turn_calls if call.submitted_at_s is not None and not call.redraws)
    images = [_line(call) for call in ordered]
    costs = [usage.cost_usd, *(line["cost_usd"] for line in images)]
    known = [cost for cost in costs if cost is not None]
    return {
        "chat": {
            "model": chat_model,
            "requests": state.round + state.interruptions + state.resumptions + (state.failure is not None),
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost_usd": usage.cost_usd,
        },
        "images": images,
        "unknown": [line["call"] for line in images if line["paid"] is None],
        "cost_usd": sum(known) if len(known) == len(costs) else None,
    }


def redraw_receipt(call: Call, *, chat_model: str) -> dict[str, Any]:
    """What it cost to draw one picture again: nobody spoke."""
    images = [_line(call)] if call.submitted_at_s is not None else []
    return {
        "chat": {
            "model": chat_model,
            "requests": 0,
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "cost_usd": 0.0,
        },
        "images": images,
        "unknown": [line["call"] for line in images if line["paid"] is None],
        "cost_usd": images[0]["cost_usd"] if images else 0.0,
    }


def _line(call: Call) -> dict[str, Any]:
    outcome = call.outcome
    paid = outcome.paid if outcome is not None else None
    picture = outcome.pictures[0].picture if outcome is not None and outcome.pictures else None
    cost = picture.cost_usd if picture is not None else outcome.cost_usd if outcome is not None else None
    if paid is False:
        cost = 0.0
    estimated = cost is None and call.reserved_usd is not None
    return {
        "call": call.key,
        "number": call.number,
        "model": picture.model if picture is not None else None,
        "sha256": picture.sha256 if picture is not None else None,
        "paid": paid,
        "cost_usd": call.reserved_usd if estimated else cost,
        "estimated": estimated,
    }
