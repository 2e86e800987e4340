"""Where the money went."""

from __future__ import annotations

from typing import Any

from limner.core.calls import Call, Outcome
from limner.core.money import dollars, nanos
from limner.core.state import State
from limner.core.tally import Tally

__all__ = ["images_tally", "receipt"]


def images_tally() -> Tally:
    """For `receipt`: what the pictures of a conversation have cost, in nanodollars."""
    return Tally(_nanos)


def receipt(state: State, *, chat_model: str, offline: bool, spent: Tally | None = None) -> dict[str, Any]:
    """The current receipt: what was said and ordered since the conversation was last at rest.

    `cost_usd` is None where any price is unknown. `late` is what became of pictures that stand on an
    earlier receipt; of them only what they cost more or less than it said counts here, so that the
    receipts of a conversation add up. One with the same `number` as an earlier one takes its place.
    `unknown` lists the pictures that were ordered while nobody saw the outcome, whose money counts
    as spent. `offline`: the chat model is none, and what it says costs nothing. `spent`: an `images_tally` of
    this conversation alone, which makes the next receipt cheaper.
    """
    usage = state.usage
    chat_usd = 0.0 if offline else usage.cost_usd
    number = state.receipt
    images = [_line(call, number) for call in state.calls if call.ordered_in == number]
    late = [_late(call) for call in state.calls if call.settled_in == number and 0 < call.ordered_in < number]
    images_usd = _sum([line["cost_usd"] for line in images] + [_difference(line) for line in late])
    images_nanos = (spent or images_tally()).of(state.calls)
    return {
        "number": number,
        "chat": {
            "model": chat_model,
            "requests": state.requests,
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "cost_usd": chat_usd,
            "estimated": usage.estimated and chat_usd is not None,
        },
        "images": images,
        "late": late,
        "unknown": [line["call"] for line in (*images, *late) if line["paid"] is None],
        "images_usd": images_usd,
        "cost_usd": _sum([chat_usd, images_usd]),
        "conversation_images_usd": None if images_nanos is None else dollars(images_nanos),
    }


def _line(call: Call, number: int) -> dict[str, Any]:
    """One picture, as far as the receipt of that number knows what became of it."""
    return _told(call, known=call.settled_in == number)


def _late(call: Call) -> dict[str, Any]:
    return {**_told(call, known=True), "ordered_in": call.ordered_in, "counted_usd": call.reserved_usd}


def _told(call: Call, *, known: bool) -> dict[str, Any]:
    outcome = call.outcome if known else None
    picture = outcome.pictures[0].picture if outcome is not None and outcome.pictures else None
    cost_usd, estimated = _cost(call, outcome)
    return {
        "call": call.key,
        "number": call.number,
        "model": picture.model if picture is not None else None,
        "sha256": picture.sha256 if picture is not None else None,
        "paid": outcome.paid if outcome is not None else None,
        "cost_usd": cost_usd,
        "estimated": estimated,
    }


def _cost(call: Call, outcome: Outcome | None) -> tuple[float | None, bool]:
    """What a picture cost, and whether that is what was set aside for it, for want of a better figure."""
    cost_usd: float | None = None
    if outcome is not None:
        if outcome.paid is False:
            return 0.0, False
        cost_usd = outcome.pictures[0].picture.cost_usd if outcome.pictures else outcome.cost_usd
    if cost_usd is None and call.reserved_usd is not None:
        return call.reserved_usd, True
    return cost_usd, False


def _difference(line: dict[str, Any]) -> float | None:
    cost_usd, counted_usd = line["cost_usd"], line["counted_usd"]
    return None if cost_usd is None else dollars(nanos(cost_usd) - nanos(counted_usd or 0.0))


def _nanos(call: Call) -> int | None:
    """What a picture that was ordered has cost, as far as is known now."""
    cost_usd = _cost(call, call.outcome)[0] if call.ordered_in else 0.0
    return None if cost_usd is None else _rounded(cost_usd)


def _sum(costs: list[float | None]) -> float | None:
    """All together; None where one is unknown."""
    known = [cost for cost in costs if cost is not None]
    # Differences may be less than nothing.
    return dollars(sum(map(_rounded, known))) if len(known) == len(costs) else None


def _rounded(cost_usd: float) -> int:
    return round(cost_usd * 1e9)
