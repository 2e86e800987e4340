"""What has been spent, folded from the facts: nothing twice, nothing forgotten, nothing made up."""

from __future__ import annotations

import json
import math
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.codec import decode_event, decode_state
from limner.core.events import (
    AskedCall,
    ModelFailed,
    ModelInterrupted,
    ModelReplied,
    PictureDrawn,
    PictureReserved,
    PictureSubmitted,
    RedrawAsked,
    ToolReturned,
    UserSpoke,
)
from limner.core.limits import Limits
from limner.core.machine import apply, model_key
from limner.core.messages import Usage
from limner.core.money import conversation_nanos, dollars, fits, nanos, price, turn_nanos
from limner.core.pictures import Picture
from limner.core.state import Phase, Settings, State
from limner.errors import CallerError

PICTURE = Picture("id", "sha", "png", 8, 8, 100, cost_usd=0.5)


def asked(calls: int, state: State | None = None) -> State:
    """A model that asked for so many pictures, each of which may cost a dollar."""
    state = apply(state or State(settings=Settings(image_tools=("draw",))), UserSpoke("draw", 0.0))
    wanted = tuple(AskedCall("draw", json.dumps({"prompt": f"picture {at}"})) for at in range(calls))
    state = apply(state, ModelReplied(model_key(state), "", wanted, "tool_calls" if calls else "stop"))
    for call in state.turn_calls:
        state = apply(state, PictureReserved(call.key, "p", "alt", price_usd=1.0))
    return state


def submitted(state: State, *keys: str) -> State:
    for key in keys:
        state = apply(state, PictureSubmitted(key, 0.0))
    return state


def keys(state: State) -> list[str]:
    return [call.key for call in state.turn_calls]


def test_money_counts_from_the_reservation_and_comes_back_only_when_nothing_was_billed() -> None:
    """DESIGN decision 5: a submission without an outcome keeps its reservation as spent."""
    state = asked(5)
    assert dollars(turn_nanos(state, state.turn)) == 5.0
    one, two, three, four, five = keys(state)
    state = submitted(state, one, two, three, four)
    state = apply(state, PictureDrawn(one, PICTURE))
    state = apply(state, ToolReturned(two, code="outcome_unknown"))
    state = apply(state, ToolReturned(three, code="image_policy", paid=False))
    state = apply(state, ToolReturned(four, code="image_store_full", paid=True, cost_usd=0.25))
    state = apply(state, ToolReturned(five, code="cancelled", paid=False))
    assert dollars(turn_nanos(state, state.turn)) == 0.5 + 1.0 + 0.25


def test_a_turn_begins_with_nothing_spent_and_a_conversation_goes_on() -> None:
    """Money: the turn's, and the conversation's; what was ordered counts, whoever waits for it."""
    state = asked(2)
    state = submitted(state, keys(state)[0])
    state = asked(1, state)
    assert dollars(turn_nanos(state, state.turn)) == 1.0
    assert dollars(conversation_nanos(state)) == 2.0, "one under way of the first turn, one of the second"


def test_a_picture_that_is_drawn_again_is_of_its_own_turn() -> None:
    """DESIGN decision 5: nothing is bought beyond the money of the turn, now or later."""
    state = asked(1)
    (key,) = keys(state)
    state = apply(submitted(state, key), PictureDrawn(key, PICTURE))
    state = apply(state, ModelReplied(model_key(state), "There."))
    state = apply(asked(0, state), RedrawAsked("t1/redraw1/draw", 1, "draw", "p", "alt"))
    state = apply(state, PictureReserved("t1/redraw1/draw", "p", "alt", price_usd=1.0))
    assert [dollars(turn_nanos(state, turn)) for turn in (1, 2)] == [1.5, 0.0]
    assert dollars(conversation_nanos(state)) == 1.5


def test_what_a_model_used_adds_up_until_the_reply_is_handed_out() -> None:
    """Money: chat tokens and cost. Then the next receipt begins with nothing."""
    state = apply(State(), UserSpoke("hello", 0.0))
    state = apply(state, ModelInterrupted(model_key(state), "Go"))
    state = apply(state, UserSpoke("hello?", 0.0))
    state = apply(state, ModelReplied(model_key(state), "Good morning.", usage=Usage(10, 5, 0.25, True, 4)))
    assert (state.receipt, state.requests, state.usage) == (1, 2, Usage(10, 5, None, True, 4))
    assert state.phase is Phase.DONE
    state = apply(state, UserSpoke("and?", 1.0))
    assert (state.receipt, state.requests, state.usage) == (2, 0, Usage(cost_usd=0.0))
    state = apply(state, ModelReplied(model_key(state), "That is all.", usage=Usage(7, 3, 0.1)))
    assert (state.requests, state.usage) == (1, Usage(7, 3, 0.1))


@pytest.mark.parametrize(
    ("code", "said", "cost_usd"),
    [
        ("upstream_rate_limited", "", 0.0),
        ("upstream_5xx", "", 0.0),
        ("upstream_5xx", "Once upon", None),
        ("upstream_ttfb_timeout", "", None),
        ("upstream_truncated", "Once upon a", None),
    ],
)
def test_a_failed_request_costs_nothing_only_where_the_model_never_began(
    code: str, said: str, cost_usd: float | None
) -> None:
    """Money: unknown prices are said to be unknown."""
    state = apply(State(), UserSpoke("hello", 0.0))
    state = apply(state, ModelFailed(model_key(state), code, said))
    assert state.usage.cost_usd == cost_usd


@given(st.lists(st.integers(0, 10**6), max_size=200))
def test_a_budget_of_exactly_what_is_wanted_is_enough(micro_usd: list[int]) -> None:
    """Sums of floats must not refuse the last affordable picture, nor give a dearer one away."""
    prices = [micros / 1e6 for micros in micro_usd]
    total = sum(nanos(each) for each in prices)
    assert fits(total, sum(prices))
    assert fits(total, sum(micro_usd) / 1e6)
    assert not fits(total + nanos(1e-6), sum(micro_usd) / 1e6)


@pytest.mark.parametrize(
    ("told", "reckoned"),
    [
        (None, None),
        (0.0, 0.0),
        (0.04, 0.04),
        (-0.01, None),
        (math.nan, None),
        (math.inf, 1e9),
        (-math.inf, None),
        (1e300, 1e9),
    ],
)
def test_what_is_no_price_is_an_unknown_one(told: float | None, reckoned: float | None) -> None:
    """U31: never negative, never absurd; a maker of one's own may say anything."""
    assert price(told) == reckoned
    assert nanos(told or 0.0) == round((reckoned or 0.0) * 1e9)


@pytest.mark.parametrize("wrong", [-0.01, math.nan, -math.inf])
@pytest.mark.parametrize("name", ["usd", "conversation_usd"])
def test_a_limit_that_holds_nothing_is_refused(name: str, wrong: float) -> None:
    """A budget of NaN would buy without a limit."""
    with pytest.raises(CallerError) as caught:
        Limits(**{name: wrong})  # type: ignore[arg-type]  # the name is a variable
    assert caught.value.code == "limits_invalid"
    assert name in str(caught.value)


def test_there_are_two_things_to_do_about_unknown_prices() -> None:
    """Money: refused until the user says to go on."""
    assert [Limits(unknown_prices=way).unknown_prices for way in ("refuse", "allow")] == ["refuse", "allow"]
    with pytest.raises(CallerError) as caught:
        Limits(unknown_prices="ask")  # type: ignore[arg-type]  # that is the point
    assert caught.value.code == "limits_invalid"


OLD_STATE = (
    '{"version": 1, "owner": "local", "settings": {"image_tools": ["draw"], "tools": [], "caller_tools": [], '
    '"limits": {"rounds": 8, "calls": 32, "images": 16, "seconds": 300.0, "usd": 0.1, "repairs": 2, '
    '"closing_s": 30.0}, "tool_choice": "auto", "promise_after_s": null}, "phase": "ready", "entries": [], '
    '"calls": [], "pictures": 0, "user_pictures": [], "turn": 0, "round": 0, "repairs": 0, "closing": false, '
    '"overtime": "", "incomplete": null, "failure": null, "interrupted": "", "resumptions": 0, '
    '"interruptions": 0, "usage": {"prompt_tokens": 0, "completion_tokens": 0, "cost_usd": null}}'
)
OLD_FACTS = (
    '{"event": "UserSpoke", "text": "draw", "at_s": 1.0, "pictures": []}',
    '{"event": "ModelReplied", "key": "t1/r1/model", "text": "", "calls": [{"name": "draw", "arguments": "{}"}], '
    '"finish_reason": "tool_calls", "usage": {"prompt_tokens": 10, "completion_tokens": 5, "cost_usd": 0.01}}',
    '{"event": "PictureReserved", "key": "t1/r1/c0/draw", "prompt": "p", "alt": "a", "aspect_ratio": null, '
    '"price_usd": 0.04}',
    '{"event": "PictureSubmitted", "key": "t1/r1/c0/draw", "at_s": 2.0, "job_id": null}',
)


def test_a_journal_that_knew_no_receipts_is_read() -> None:
    """P05: facts that were written before there were receipts fold to the same money."""
    state = reduce(apply, map(decode_event, OLD_FACTS), decode_state(OLD_STATE))
    assert state.settings.limits == Limits(usd=0.1)
    assert (state.receipt, state.requests, state.usage) == (1, 1, Usage(10, 5, 0.01))
    assert dollars(conversation_nanos(state)) == 0.04
    assert state.calls[0].ordered_in == 1
