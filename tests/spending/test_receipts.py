"""Receipts: whatever happens in whatever order, they add up to what was spent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.events import (
    AskedCall,
    Event,
    LimitReached,
    ModelFailed,
    ModelInterrupted,
    ModelReplied,
    PictureDrawn,
    PictureReserved,
    PictureSubmitted,
    RedrawAsked,
    ToolPromised,
    ToolReturned,
    TurnResumed,
    UserSpoke,
)
from limner.core.machine import apply, model_key
from limner.core.messages import Usage
from limner.core.money import conversation_nanos, dollars
from limner.core.pictures import Picture
from limner.core.state import Phase, Settings, State
from limner.spending.receipts import receipt

CENTS = st.integers(0, 30).map(lambda cents: cents / 100)
KEY = "t1/r1/c0/draw"


def begin() -> State:
    return apply(State(settings=Settings(image_tools=("draw",))), UserSpoke("draw", 0.0))


def asked(state: State, calls: int, usage: Usage | None = None) -> State:
    wanted = tuple(AskedCall("draw", f'{{"prompt": "{at}"}}') for at in range(calls))
    reason = "tool_calls" if calls else "stop"
    return apply(state, ModelReplied(model_key(state), "", wanted, reason, usage or Usage(10, 5, 0.0)))


def ordered(state: State, key: str, price_usd: float | None = 0.04) -> State:
    state = apply(state, PictureReserved(key, "p", "alt", price_usd=price_usd))
    return apply(state, PictureSubmitted(key, 0.0))


def picture(cost_usd: float | None) -> Picture:
    return Picture("id", "sha", "png", 8, 8, 100, model="painter", cost_usd=cost_usd)


def told(state: State, *, offline: bool = False) -> dict[str, Any]:
    return receipt(state, chat_model="chat", offline=offline)


def test_a_receipt_names_the_model_its_tokens_and_each_picture() -> None:
    """Money: chat tokens and cost, each picture's cost, and the sum."""
    state = asked(begin(), 1, Usage(10, 5, 0.002))
    state = apply(ordered(state, KEY), PictureDrawn(KEY, picture(0.05)))
    state = asked(state, 0, Usage(20, 7, 0.003, estimated=True, cached_tokens=8, reasoning_tokens=5))
    assert told(state) == {
        "number": 1,
        "chat": {
            "model": "chat",
            "requests": 2,
            "prompt_tokens": 30,
            "cached_tokens": 8,
            "completion_tokens": 12,
            "reasoning_tokens": 5,
            "cost_usd": 0.005,
            "estimated": True,
        },
        "images": [
            {
                "call": KEY,
                "number": 1,
                "model": "painter",
                "sha256": "sha",
                "paid": True,
                "cost_usd": 0.05,
                "estimated": False,
            }
        ],
        "late": [],
        "unknown": [],
        "images_usd": 0.05,
        "cost_usd": 0.055,
        "conversation_images_usd": 0.05,
    }


OUTCOMES: dict[str, tuple[Event, tuple[bool | None, float | None, bool]]] = {
    "the provider said": (PictureDrawn(KEY, picture(0.03)), (True, 0.03, False)),
    "the catalogue said": (PictureDrawn(KEY, picture(None)), (True, 0.04, True)),
    "I01 a refusal": (ToolReturned(KEY, code="image_policy", paid=False), (False, 0.0, False)),
    "a free failure with a price": (
        ToolReturned(KEY, code="image_policy", paid=False, cost_usd=0.03),
        (False, 0.0, False),
    ),
    "I02 nobody knows": (ToolReturned(KEY, code="image_timeout"), (None, 0.04, True)),
    "paid and not kept": (
        ToolReturned(KEY, code="image_store_full", paid=True, cost_usd=0.03),
        (True, 0.03, False),
    ),
    "paid for nothing": (ToolReturned(KEY, code="image_bad_payload", paid=True), (True, 0.04, True)),
}


@pytest.mark.parametrize(("outcome", "line"), OUTCOMES.values(), ids=OUTCOMES.keys())
def test_each_end_of_an_order_has_its_price(
    outcome: Event, line: tuple[bool | None, float | None, bool]
) -> None:
    """Money: from the provider's usage where given, else from the catalogue and marked as an estimate."""
    state = asked(apply(ordered(asked(begin(), 1), KEY), outcome), 0)
    found = told(state)
    assert tuple(found["images"][0][key] for key in ("paid", "cost_usd", "estimated")) == line
    assert found["cost_usd"] == found["images_usd"] == line[1]
    assert found["unknown"] == ([KEY] if line[0] is None else [])


def test_an_unknown_price_makes_the_sum_unknown() -> None:
    """Money: unknown prices are said to be unknown; what is known is still there."""
    state = asked(apply(ordered(asked(begin(), 1), KEY, None), PictureDrawn(KEY, picture(None))), 0)
    found = told(state)
    assert (found["images"][0]["cost_usd"], found["images"][0]["estimated"]) == (None, False)
    assert (found["images_usd"], found["cost_usd"], found["conversation_images_usd"]) == (None, None, None)
    assert found["chat"]["cost_usd"] == 0.0
    free = asked(begin(), 0, Usage(10, 5))
    assert (told(free)["images_usd"], told(free)["cost_usd"]) == (0.0, None)


def test_what_is_planned_without_a_model_costs_nothing() -> None:
    """The offline default, also where nobody heard it to its end."""
    state = begin()
    state = apply(state, ModelInterrupted(model_key(state), "Once"))
    assert told(state)["cost_usd"] is None
    assert told(state, offline=True)["cost_usd"] == 0.0


def test_a_late_picture_stands_on_the_next_receipt_with_what_is_left_to_count() -> None:
    """A picture that came after its turn: its receipt has counted what was set aside."""
    state = ordered(asked(begin(), 1), KEY)
    state = asked(apply(state, LimitReached("seconds")), 0)
    first = told(state)
    assert (first["images"][0]["paid"], first["cost_usd"], first["unknown"]) == (None, 0.04, [KEY])
    state = apply(state, PictureDrawn(KEY, picture(0.05)))
    assert {**told(state), "conversation_images_usd": 0.04} == first, "what was handed out is closed"
    assert told(state)["conversation_images_usd"] == 0.05
    state = asked(apply(state, UserSpoke("and?", 1.0)), 0)
    second = told(state)
    assert second["late"] == [
        {
            "call": KEY,
            "number": 1,
            "model": "painter",
            "sha256": "sha",
            "paid": True,
            "cost_usd": 0.05,
            "estimated": False,
            "ordered_in": 1,
            "counted_usd": 0.04,
        }
    ]
    assert (second["images"], second["cost_usd"]) == ([], 0.01)


def test_an_order_whose_job_is_told_later_stays_on_its_receipt() -> None:
    """A maker that works by jobs says their ids when it likes; the order was counted when it left."""
    state = ordered(asked(begin(), 1), KEY)
    state = asked(apply(state, LimitReached("seconds")), 0)
    first = told(state)
    state = apply(apply(state, UserSpoke("and?", 1.0)), PictureSubmitted(KEY, 2.0, "job"))
    state = asked(apply(state, PictureDrawn(KEY, picture(0.05))), 0)
    second = told(state)
    assert (second["images"], [line["call"] for line in second["late"]]) == ([], [KEY])
    assert first["images_usd"] + second["images_usd"] == 0.05


def test_a_turn_that_nobody_was_told_of_is_on_the_next_receipt() -> None:
    """Cancelled before it ended: there was no reply, and so no receipt."""
    state = apply(ordered(asked(begin(), 1, Usage(10, 5, 0.002)), KEY), UserSpoke("never mind", 1.0))
    state = apply(state, PictureDrawn(KEY, picture(0.05)))
    state = asked(state, 0, Usage(7, 1, 0.001))
    found = told(state)
    assert (found["number"], found["chat"]["requests"], found["chat"]["prompt_tokens"]) == (1, 2, 17)
    assert [line["call"] for line in found["images"]] == [KEY]
    assert found["cost_usd"] == 0.053


def test_a_picture_that_is_drawn_again_has_a_receipt_of_its_own() -> None:
    """`Conversation.redraw` is an order by itself."""
    state = asked(apply(ordered(asked(begin(), 1), KEY), PictureDrawn(KEY, picture(0.05))), 0)
    again = "t1/redraw1/draw"
    state = ordered(apply(state, RedrawAsked(again, 1, "draw", "p", "alt")), again)
    state = apply(state, PictureDrawn(again, picture(0.02)))
    found = told(state)
    assert (found["number"], found["cost_usd"], found["conversation_images_usd"]) == (2, 0.02, 0.07)
    assert (found["chat"]["requests"], found["chat"]["cost_usd"]) == (0, 0.0)


def next_event(state: State, draw: Any) -> Event:
    """Something that the world could report now."""
    found: list[Event] = []
    for call in state.calls:
        if call.outcome is not None:
            continue
        if call.number is None:
            if state.phase in (Phase.AWAITING_TOOLS, Phase.SETTLING):
                found.append(PictureReserved(call.key, "p", "alt", price_usd=draw(CENTS)))
        elif call.submitted_at_s is None:
            found.append(PictureSubmitted(call.key, 1.0))
            found.append(ToolReturned(call.key, code="budget_exceeded", paid=False))
        else:
            found.append(PictureSubmitted(call.key, 1.5, "job"))
            cost = draw(st.none() | CENTS)
            found.append(PictureDrawn(call.key, picture(cost)))
            paid = draw(st.sampled_from([True, False, None]))
            found.append(ToolReturned(call.key, code="image_timeout", paid=paid, cost_usd=cost))
        if call.number is not None and not call.promised and state.phase is Phase.AWAITING_TOOLS:
            found.append(ToolPromised(call.key))
    if state.phase is Phase.AWAITING_MODEL:
        wanted = draw(st.integers(0, 3))
        calls = tuple(AskedCall("draw", f'{{"prompt": "{at}"}}') for at in range(wanted))
        usage = Usage(draw(st.integers(1, 9)), 1, draw(CENTS))
        found.append(ModelReplied(model_key(state), "text", calls, "tool_calls" if wanted else "stop", usage))
        found.append(ModelFailed(model_key(state), "upstream_5xx"))
        found.append(ModelInterrupted(model_key(state), "te"))
    if not state.at_rest and not state.overtime:
        found.append(LimitReached("seconds"))
    if state.phase is Phase.FAILED:
        found.append(TurnResumed())
    if state.phase is Phase.DONE:
        settled = {call.number for call in state.calls if call.number and call.outcome and not call.redraws}
        key = f"t1/redraw{len(state.calls)}/draw"
        found += [RedrawAsked(key, number, "draw", "p", "alt") for number in sorted(settled)][:1]
    if state.at_rest or draw(st.integers(0, 9)) == 0:
        found.append(UserSpoke("go on", 2.0))
    return draw(st.sampled_from(found))  # type: ignore[no-any-return]  # drawn from a list of events


def test_a_picture_that_came_while_the_turn_had_failed_stands_on_the_resumed_turns_receipt() -> None:
    """Money: the receipt of a turn that goes on takes the place of the one that was handed out."""
    state = ordered(asked(begin(), 1, Usage(1, 1, 0.0)), KEY)
    state = apply(apply(state, ToolPromised(KEY)), LimitReached("seconds"))
    state = apply(state, ModelFailed(model_key(state), "upstream_5xx"))
    assert state.at_rest
    state = apply(apply(state, PictureDrawn(KEY, picture(0.05))), TurnResumed())
    state = asked(state, 0, Usage(1, 1, 0.0))
    assert state.at_rest
    assert (told(state)["number"], told(state)["images_usd"]) == (1, 0.05)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_the_receipts_of_a_conversation_add_up_to_what_was_spent(data: st.DataObject) -> None:
    """Money: each reply carries a receipt. Whoever keeps the last of each number has the whole bill."""
    state, handed_out, tokens = begin(), dict[int, dict[str, Any]](), 0

    def fold(event: Event) -> None:
        nonlocal state, tokens
        was_at_rest = state.at_rest
        before = told(state) if was_at_rest else {}
        state = apply(state, event)
        tokens += event.usage.prompt_tokens if isinstance(event, ModelReplied) else 0
        if state.at_rest and not was_at_rest:
            handed_out[state.receipt] = told(state)
        elif state.at_rest:
            assert {**told(state), "conversation_images_usd": 0} == {**before, "conversation_images_usd": 0}

    for _ in range(data.draw(st.integers(1, 40))):
        fold(next_event(state, data.draw))
    fold(UserSpoke("that is all", 3.0))
    fold(ModelReplied(model_key(state), "Good bye."))
    if not state.at_rest:
        fold(LimitReached("seconds"))
    assert state.at_rest
    spent_usd = dollars(conversation_nanos(state))
    assert sum(each["images_usd"] for each in handed_out.values()) == pytest.approx(spent_usd, abs=1e-9)
    assert sum(each["chat"]["prompt_tokens"] for each in handed_out.values()) == tokens
    assert handed_out[state.receipt]["conversation_images_usd"] == pytest.approx(spent_usd, abs=1e-9)
    lines = [line["call"] for each in handed_out.values() for line in each["images"]]
    ordered_keys = [call.key for call in state.calls if call.submitted_at_s is not None]
    assert sorted(lines) == sorted(ordered_keys), "each order is on one receipt"
