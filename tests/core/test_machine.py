"""The state machine, by random walks through all that can happen and by single rules."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.actions import CallModel, HandBack, RunTool
from limner.core.codec import decode_event, decode_state, encode_event, encode_state
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
from limner.core.limits import Limits
from limner.core.machine import TRANSITIONS, IllegalEvent, apply, model_key, orphans, pending
from limner.core.state import Phase, State
from limner.core.transcript import messages, turn_texts
from limner.errors import JournalError
from walks import PICTURE, SETTINGS, legal_events


def begin(limits: Limits | None = None, **more: object) -> State:
    state = State(settings=replace(SETTINGS, limits=limits or Limits(), **more))  # type: ignore[arg-type]
    return apply(state, UserSpoke("hello", 0.0))


def replied(state: State, *names: str, text: str = "", finish_reason: str = "tool_calls") -> State:
    calls = tuple(AskedCall(name, json.dumps({"prompt": f"{name} {at}"})) for at, name in enumerate(names))
    reason = finish_reason if calls else "stop"
    return apply(state, ModelReplied(model_key(state), text, calls, reason))


def drawn(state: State, key: str) -> State:
    for event in (
        PictureReserved(key, "p", "a fox", price_usd=0.5),
        PictureSubmitted(key, 1.0),
        PictureDrawn(key, PICTURE),
    ):
        state = apply(state, event)
    return state


def keys(state: State) -> list[str]:
    return [call.key for call in state.turn_calls]


def wanted(state: State) -> list[str]:
    return [action.key for action in pending(state) if not isinstance(action, HandBack)]


def answers(state: State) -> list[dict[str, object]]:
    return [json.loads(message.text) for message in messages(state) if message.role == "tool"]


def test_answers_follow_the_order_asked_not_the_order_finished() -> None:
    """DESIGN decision 7. Fails if `transcript.messages` follows the outcomes."""
    state = replied(begin(), "look", "look", "look")
    for key, word in zip(reversed(keys(state)), "cba", strict=True):
        state = apply(state, ToolReturned(key, f'"{word}"'))
    assert [message.text for message in messages(state) if message.role == "tool"] == ['"a"', '"b"', '"c"']
    assert state.phase is Phase.AWAITING_MODEL


def test_references_are_numbered_through_the_whole_conversation() -> None:
    """DESIGN decision 1: in the model's order, whatever finishes first; user pictures count."""
    state = replied(begin(), "draw", "draw")
    first, second = keys(state)
    for key in (first, second):
        state = apply(state, PictureReserved(key, "p", "alt"))
    for key in (second, first):
        state = apply(apply(state, PictureSubmitted(key, 0.0)), PictureDrawn(key, PICTURE))
    assert [each["imageUrl"] for each in answers(state)] == ["image://1", "image://2"]
    state = apply(replied(state), UserSpoke("more", 1.0, (PICTURE,)))
    assert "image://3" in messages(state)[-1].text
    state = drawn(replied(state, "draw"), "t2/r1/c0/draw")
    assert answers(state)[-1]["imageUrl"] == "image://4"


def test_a_promise_reads_as_what_became_of_it() -> None:
    """DESIGN, promises: the next request to the model carries the true result."""
    state = replied(begin(), "draw", "draw")
    one, two = keys(state)
    for key in (one, two):
        state = apply(apply(state, PictureReserved(key, "p", "alt")), PictureSubmitted(key, 0.0))
        state = apply(state, ToolPromised(key))
    assert state.phase is Phase.AWAITING_MODEL
    assert answers(state)[0] == {"status": "ok", "imageUrl": "image://1", "pending": True}
    state = apply(state, PictureDrawn(one, PICTURE))
    state = apply(state, ToolReturned(two, code="image_policy", paid=False))
    assert answers(state)[0] == {"status": "ok", "imageUrl": "image://1"}
    assert answers(state)[1]["code"] == "image_policy"


def test_the_turn_rests_only_when_every_promise_is_kept_or_broken() -> None:
    """DESIGN, promises."""
    state = replied(begin(), "draw")
    (key,) = keys(state)
    for event in (PictureReserved(key, "p", "alt"), PictureSubmitted(key, 0.0), ToolPromised(key)):
        state = apply(state, event)
    state = replied(state, text="done")
    assert state.phase is Phase.SETTLING
    assert [type(action) for action in pending(state)] == [RunTool]
    state = apply(state, PictureDrawn(key, PICTURE))
    assert state.phase is Phase.DONE
    assert pending(state) == ()


def test_calls_of_the_caller_are_handed_back_beside_our_own() -> None:
    """DESIGN: a tool owned by the caller makes the conversation rest."""
    state = replied(begin(), "ask", "draw")
    asked, ours = pending(state)[-1], pending(state)[0]
    assert isinstance(asked, HandBack)
    assert isinstance(ours, RunTool)
    state = drawn(state, ours.key)
    assert pending(state) == (HandBack(asked.calls),)
    state = apply(state, ToolReturned(asked.calls[0].key, '"blue"'))
    assert state.phase is Phase.AWAITING_MODEL


def test_a_forced_tool_choice_holds_for_the_first_round_alone() -> None:
    """Quirk 37: it would force for ever."""
    state = begin(tool_choice="draw")
    assert pending(state) == (CallModel("t1/r1/model", "draw"),)
    state = drawn(replied(state, "draw"), "t1/r1/c0/draw")
    assert pending(state) == (CallModel("t1/r2/model", "auto"),)


def test_after_the_last_round_the_model_is_asked_once_more_without_tools() -> None:
    """U29: at the limit one tools-disabled round; what it still calls is ignored."""
    state = begin(Limits(rounds=2))
    for number in (1, 2):
        state = drawn(replied(state, "draw"), f"t1/r{number}/c0/draw")
    assert pending(state) == (CallModel("t1/r3/model", "none"),)
    state = replied(state, "draw", text="still")
    assert (state.phase, state.incomplete) == (Phase.DONE, "max_tool_rounds")


def test_calls_beyond_a_limit_are_refused_and_the_model_is_asked_to_finish() -> None:
    """U28: the first N run, the rest are told why not."""
    state = replied(begin(Limits(calls=4, images=2)), *["draw"] * 3, *["look"] * 3)
    codes = [call.outcome.code if call.outcome else None for call in state.turn_calls]
    assert codes == [None, None, "too_many_images", None, None, "too_many_calls"]
    for key in keys(state)[:2]:
        state = drawn(state, key)
    for key in keys(state)[3:5]:
        state = apply(state, ToolReturned(key, "{}"))
    assert pending(state) == (CallModel("t1/r2/model", "none"),)


def test_the_same_call_runs_twice_at_most() -> None:
    """U30: models in a loop repeat themselves, and each time costs a picture."""
    same = AskedCall("draw", '{"prompt": "x"}')
    state = apply(begin(), ModelReplied("t1/r1/model", "", (same, same, same)))
    assert [call.outcome and call.outcome.code for call in state.turn_calls] == [None, None, "repeated_call"]


@pytest.mark.parametrize("reason", ["length", "error"])
def test_no_call_of_a_truncated_reply_runs(reason: str) -> None:
    """U22: half an argument must not buy a picture."""
    state = replied(begin(), "draw", "draw", finish_reason=reason)
    assert {call.outcome.code for call in state.turn_calls if call.outcome} == {"arguments_truncated"}
    assert state.phase is Phase.AWAITING_MODEL


def test_no_call_of_a_filtered_reply_runs() -> None:
    """U21."""
    state = replied(begin(), "draw", text="I", finish_reason="content_filter")
    assert (state.turn_calls, state.phase, state.incomplete) == ((), Phase.DONE, "content_filter")


def test_a_call_may_be_got_wrong_twice() -> None:
    """A violation goes back to the model as an error it can act on, at most twice."""
    state = begin()
    for number, choice in ((1, "auto"), (2, "auto"), (3, "none")):
        asked = (AskedCall("draw", f'{{"size": {number}}}'),)
        state = apply(state, ModelReplied(model_key(state), "", asked))
        state = apply(state, ToolReturned(f"t1/r{number}/c0/draw", code="arguments_schema"))
        assert pending(state) == (CallModel(f"t1/r{number + 1}/model", choice),)


def test_an_unknown_tool_is_answered_at_once() -> None:
    """U26."""
    state = replied(begin(), "paint")
    assert answers(state)[0]["code"] == "unknown_tool"


def test_when_the_time_is_over_nothing_more_starts_and_what_was_ordered_is_received() -> None:
    """DESIGN decision 11, for the limit of seconds."""
    state = replied(begin(), "draw", "draw")
    one, two = keys(state)
    state = apply(apply(state, PictureReserved(one, "p", "alt")), PictureSubmitted(one, 0.0))
    state = apply(state, LimitReached("seconds"))
    assert state.call(two).outcome is not None
    assert [each.get("code") or each["pending"] for each in answers(state)] == [True, "turn_deadline"]
    assert pending(state) == (CallModel("t1/r2/model", "none"),)
    state = replied(state, text="sorry")
    assert (state.phase, state.incomplete) == (Phase.DONE, "seconds")
    assert [action.key for action in orphans(state)] == [one]
    late = apply(state, PictureDrawn(one, PICTURE))
    assert orphans(late) == ()
    assert answers(late)[0] == {"status": "ok", "imageUrl": "image://1"}


def test_a_new_message_ends_an_open_turn_and_leaves_a_transcript_that_can_go_on() -> None:
    """DESIGN decision 11: every call has its answer, and what the reader saw was said."""
    state = replied(begin(), "draw", "draw", "ask")
    one, *_ = keys(state)
    state = apply(apply(state, PictureReserved(one, "p", "alt")), PictureSubmitted(one, 0.0))
    state = apply(state, UserSpoke("never mind", 1.0))
    assert [each.get("code") or each["pending"] for each in answers(state)] == [
        True,
        "cancelled",
        "cancelled",
    ]
    state = apply(state, ModelInterrupted(model_key(state), "Very well, I"))
    state = apply(state, UserSpoke("stop", 2.0))
    assert messages(state)[-2].text == "Very well, I"


def test_a_failed_model_ends_the_turn_when_its_pictures_are_settled() -> None:
    """DESIGN decision 3: what succeeded is never thrown away."""
    state = replied(begin(), "draw", text="First, ")
    (key,) = keys(state)
    for event in (PictureReserved(key, "p", "alt"), PictureSubmitted(key, 0.0), ToolPromised(key)):
        state = apply(state, event)
    state = apply(state, ModelFailed(model_key(state), "upstream_5xx", "then"))
    assert state.phase is Phase.SETTLING
    state = apply(state, PictureDrawn(key, PICTURE))
    assert (state.phase, state.failure) == (Phase.FAILED, "upstream_5xx")
    assert turn_texts(state) == ((1, "First, "), (2, "then"))


EVENTS: list[Event] = [
    UserSpoke("x", 0.0),
    ModelReplied("t1/r1/model", ""),
    ModelInterrupted("t1/r1/model", "x"),
    ModelFailed("t1/r1/model", "x"),
    PictureReserved("k", "p", "a"),
    PictureSubmitted("k", 0.0),
    PictureDrawn("k", PICTURE),
    ToolPromised("k"),
    ToolReturned("k"),
    LimitReached("seconds"),
    TurnResumed(),
]


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_outside_the_table_are_illegal(phase: Phase, event: Event) -> None:
    """A fact with no row raises and changes nothing."""
    if type(event) not in TRANSITIONS[phase]:
        with pytest.raises(IllegalEvent):
            apply(State(phase=phase), event)


@pytest.mark.parametrize(
    "again",
    [
        PictureReserved("t1/r1/c0/draw", "p", "a"),
        PictureSubmitted("t1/r1/c0/draw", 0.0),
        PictureDrawn("t1/r1/c0/draw", PICTURE),
        ToolReturned("t1/r1/c0/draw"),
        ToolPromised("t1/r1/c0/draw"),
        ToolReturned("t1/r1/c9/draw"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_call_settles_once(again: Event) -> None:
    """One purchase, one outcome: a second one is a driver's mistake."""
    state = drawn(replied(begin(), "draw", "look"), "t1/r1/c0/draw")
    with pytest.raises(IllegalEvent):
        apply(state, again)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_walk_resumes_from_its_facts_and_never_gets_stuck(data: st.DataObject) -> None:
    """DESIGN: nothing is remembered outside `state`; to resume is to fold the facts and ask again."""
    start = State(settings=replace(SETTINGS, limits=Limits(rounds=3, calls=6, images=4)))
    state, facts = start, list[Event]()
    for _ in range(data.draw(st.integers(1, 30))):
        event = data.draw(st.sampled_from(legal_events(state, data.draw)))
        state = apply(state, event)
        facts.append(event)
        assert state.at_rest == (pending(state) == ()), "wants something unless at rest"
    read_back = [decode_event(encode_event(fact)) for fact in facts]
    assert read_back == facts
    assert reduce(apply, read_back, start) == state
    assert decode_state(encode_state(state)) == state
    numbers = [call.number for call in state.calls if call.number is not None and call.redraws is None]
    assert len(numbers) == len(set(numbers)) <= state.pictures
    if state.at_rest or state.phase is Phase.AWAITING_MODEL:
        assert_transcript_is_whole(state)


def test_a_picture_waits_for_those_of_its_turn_that_it_should_resemble() -> None:
    """DESIGN, "The core": it is not pending until they have ended, however they ended."""
    state = replied(begin(), "draw", "draw", "draw")
    one, two, three = keys(state)
    for key, like in ((one, ()), (two, (1,)), (three, (1, 2))):
        state = apply(state, PictureReserved(key, "p", "alt", like=like))
    assert wanted(state) == [one]
    state = apply(apply(state, PictureSubmitted(one, 0.0)), PictureDrawn(one, PICTURE))
    assert wanted(state) == [two]
    state = apply(state, ToolReturned(two, code="image_policy", paid=False))
    assert wanted(state) == [three]


def test_a_picture_that_arrives_after_its_turn_is_not_waited_for() -> None:
    """A turn is never held up by another one's picture."""
    state = replied(begin(), "draw")
    (late,) = keys(state)
    for event in (PictureReserved(late, "p", "alt"), PictureSubmitted(late, 0.0), UserSpoke("next", 1.0)):
        state = apply(state, event)
    state = replied(state, "draw")
    (key,) = keys(state)
    state = apply(state, PictureReserved(key, "p", "alt", like=(1,)))
    assert wanted(state) == [key]


@pytest.mark.parametrize("number", [2, 3])
def test_a_redraw_is_of_a_picture_that_the_image_tool_has_ended(number: int) -> None:
    """One that is not there, and one that came with a message, are nobody's to draw again."""
    state = replied(drawn(replied(begin(), "draw"), "t1/r1/c0/draw"), text="done")
    state = replied(apply(state, UserSpoke("look", 1.0, (PICTURE,))), text="nice")
    with pytest.raises(IllegalEvent):
        apply(state, RedrawAsked("t1/redraw1/draw", number, "draw", "p", "alt"))
    state = apply(state, RedrawAsked("t1/redraw1/draw", 1, "draw", "p", "alt"))
    assert (state.phase, wanted(state)) == (Phase.SETTLING, ["t1/redraw1/draw"])
    state = drawn(state, "t1/redraw1/draw")
    assert (state.phase, state.pictures, state.calls[-1].number) == (Phase.DONE, 2, 1)


def assert_transcript_is_whole(state: State) -> None:
    """Quirk 29: tool messages right after their assistant message, one per id, none extra."""
    waiting: list[str] = []
    for message in messages(state):
        if message.role == "tool":
            assert message.call_id == waiting.pop(0)
            assert message.text
        else:
            assert not waiting
            waiting = [call.id for call in message.calls]
    assert not waiting


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"event": "Nothing"}', '{"event": "ToolPromised", "who": 1}']
)
def test_unreadable_facts_are_an_error_not_a_guess(text: str) -> None:
    """P05: a journal is never migrated by guessing."""
    with pytest.raises(JournalError) as caught:
        decode_event(text)
    assert caught.value.code == "journal_unreadable"


def test_a_newer_state_is_refused() -> None:
    """P05."""
    with pytest.raises(JournalError) as caught:
        decode_state('{"version": 99}')
    assert caught.value.code == "journal_newer"
