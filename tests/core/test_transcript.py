"""What is carried from one look at a conversation to the next: the same as a look at the whole of it."""

from __future__ import annotations

import operator
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.calls import Call
from limner.core.events import (
    AskedCall,
    Event,
    ModelReplied,
    PictureDrawn,
    PictureReserved,
    PictureSubmitted,
    RedrawAsked,
    ToolReturned,
    UserSpoke,
)
from limner.core.history import as_of
from limner.core.identity import changed, same
from limner.core.limits import Limits
from limner.core.machine import apply
from limner.core.messages import Message
from limner.core.money import conversation_nanos, taken
from limner.core.state import Entry, Phase, State
from limner.core.tally import Tally
from limner.core.transcript import Transcript, messages
from limner.reply.assembly import known_pictures
from walks import PICTURE, SETTINGS, legal_events

HISTORY = (Message("system", "Be kind"), Message("user", "Hi"), Message("assistant", "Hello"))


def walked(data: st.DataObject, steps: int) -> list[State]:
    """A conversation after each of the facts of a random walk; sometimes with a history and pictures of users."""
    entries = tuple(Entry(message) for message in HISTORY[: data.draw(st.integers(0, 3))])
    limits = Limits(rounds=3, calls=6, images=4)
    states = [State(settings=replace(SETTINGS, limits=limits), entries=entries)]
    for _ in range(data.draw(st.integers(1, steps))):
        event = data.draw(st.sampled_from(legal_events(states[-1], data.draw)))
        if isinstance(event, UserSpoke):
            event = replace(event, pictures=(PICTURE,) * data.draw(st.integers(0, 2)))
        states.append(apply(states[-1], event))
    return states


def ordered(key: str) -> tuple[Event, ...]:
    """What becomes of a picture that is asked for."""
    return PictureReserved(key, "p", "alt"), PictureSubmitted(key, 1.0), PictureDrawn(key, PICTURE)


def told_apart(state: State) -> State:
    """Each picture of a call with an id of its own."""
    calls = list(state.calls)
    for at, call in enumerate(calls):
        if call.outcome is not None:
            pictures = [
                replace(each, picture=replace(PICTURE, id=f"of {at}")) for each in call.outcome.pictures
            ]
            calls[at] = replace(call, outcome=replace(call.outcome, pictures=tuple(pictures)))
    return replace(state, calls=tuple(calls))


def asked(turn: str) -> tuple[Event, ...]:
    """The model asks for a picture, and gets it."""
    calls = (AskedCall("draw", "{}"),)
    return ModelReplied(f"{turn}/r1/model", "", calls, "tool_calls"), *ordered(f"{turn}/r1/c0/draw")


def drawn(state: State, turn: str) -> State:
    """The rest of a turn with one picture."""
    for event in (*asked(turn), ModelReplied(f"{turn}/r2/model", "Here it is.")):
        state = apply(state, event)
    return state


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_transcript_that_goes_on_says_what_a_new_one_says(data: st.DataObject) -> None:
    """Promises kept later, redraws, interrupted replies and failures change what was said before.

    Fails if the first turn with a changed call is not found.
    """
    transcript = Transcript()
    for state in walked(data, 40):
        if data.draw(st.booleans()):
            assert transcript.messages(state) == messages(state)
        if state.phase is Phase.DONE and state.turn and data.draw(st.integers(0, 9)) == 0:
            earlier = as_of(state, data.draw(st.integers(1, state.turn)))
            assert transcript.messages(earlier) == messages(earlier), "and so it does after a step back"


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_said_as_before_is_the_same_object(data: st.DataObject) -> None:
    """By that, what was written of it is known to be true still. Fails if all is told anew."""
    transcript, said = Transcript(), tuple[Message, ...]()
    for state in walked(data, 30):
        now = transcript.messages(state)
        # Where something comes in between, what follows may be told anew; nothing before it is.
        for was, is_now in zip(said, now, strict=False):
            if was != is_now:
                break
            assert was is is_now or was.text.endswith(")"), (
                "but for a message with pictures, which is put together"
            )
        said = now


def test_a_redraw_leaves_all_messages_the_same_objects() -> None:
    """A picture that is drawn again keeps its reference: the model reads what it read before."""
    state = State(settings=SETTINGS)
    for turn in range(1, 5):
        state = drawn(apply(state, UserSpoke("a fox", 0.0)), f"t{turn}")
    transcript = Transcript()
    before = transcript.messages(state)
    state = apply(state, RedrawAsked("again", 1, "draw", "p", "alt"))
    for event in ordered("again"):
        state = apply(state, event)
    after = transcript.messages(state)
    assert len(after) == len(before) == 4 * 4
    assert all(map(operator.is_, after, before))


def test_what_happened_to_several_turns_is_told_together() -> None:
    """A picture that comes late, pictures drawn again and a new turn, between two requests.

    Fails if only the newest turn is told anew.
    """
    state = drawn(apply(State(settings=SETTINGS), UserSpoke("one", 0.0)), "t1")
    state = apply(state, UserSpoke("two", 0.0))
    late, *arrival = asked("t2")
    for event in (late, *arrival[:2], UserSpoke("three", 0.0)):
        state = apply(state, event)
    state = drawn(state, "t3")
    transcript, states = Transcript(), [state]
    for event in (RedrawAsked("again", 1, "draw", "p", "alt"), *ordered("again"), arrival[2]):
        states.append(apply(states[-1], event))
    states.append(drawn(apply(states[-1], UserSpoke("four", 0.0)), "t4"))
    for state in (states[0], states[-2], states[0], states[-1], *states):
        assert transcript.messages(state) == messages(state)


def test_a_failed_picture_that_is_there_at_last_is_told_and_taken_back() -> None:
    """The truth of each moment, also of an earlier one. Fails if calls that are gone are not looked at."""
    state = apply(State(settings=SETTINGS), UserSpoke("one", 0.0))
    spoken, *arrival = asked("t1")
    failed = ToolReturned("t1/r1/c0/draw", code="image_policy", paid=False)
    for event in (spoken, *arrival[:2], failed, ModelReplied("t1/r2/model", "It failed.")):
        state = apply(state, event)
    there = state
    for event in (RedrawAsked("again", 1, "draw", "p", "alt"), *ordered("again")):
        there = apply(there, event)
    transcript = Transcript()
    told = [transcript.messages(each)[2].text for each in (state, there, state)]
    assert told[0] == told[2] != told[1]


def test_of_a_picture_that_was_drawn_again_the_newer_is_known() -> None:
    """DESIGN, likeness: it takes the number over."""
    state = drawn(apply(State(settings=SETTINGS), UserSpoke("one", 0.0)), "t1")
    for event in (RedrawAsked("again", 1, "draw", "p", "alt"), *ordered("again")):
        state = apply(state, event)
    assert known_pictures(told_apart(state))[1].id == "of 1"
    state = drawn(apply(state, UserSpoke("two", 0.0)), "t2")
    found = known_pictures(told_apart(state))
    assert [found[number].id for number in (1, 2)] == ["of 1", "of 2"]


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)), st.integers(0, 200))
def test_what_changed_is_found_by_identity(head: list[int], tail: list[int], length: int) -> None:
    """Fails if a place is missed, before the last ones or among them."""
    same_ones = tuple([index] for index in range(length))
    old = (*([each] for each in head), *same_ones)
    new = (*([each] for each in head), *same_ones, *([each] for each in tail))
    assert same(same_ones, new[len(head) : len(head) + length]) == length
    assert same(old, new) == (0 if head else length)
    assert [at for at in changed(old, new) if at >= len(old)] == [*range(len(old), len(new))]
    moved = (
        (*same_ones[: length // 2], [*same_ones[length // 2], 1], *same_ones[length // 2 + 1 :])
        if length
        else ()
    )
    assert [*changed(same_ones, moved)] == ([length // 2] if length else [])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_sum_that_goes_on_is_that_over_all_calls(data: st.DataObject) -> None:
    """DESIGN decision 5: a limit of money holds however long the conversation is."""

    def worth(call: Call) -> int | None:
        return None if call.detached else taken(call)

    tally, known = Tally(taken), Tally(worth)
    for state in walked(data, 40):
        if data.draw(st.booleans()):
            assert tally.of(state.calls) == conversation_nanos(state)
            lost = any(call.detached for call in state.calls)
            assert known.of(state.calls) == (None if lost else conversation_nanos(state))
    assert tally.of(()) == 0


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_picture_is_found_by_its_number_wherever_it_came_from(data: st.DataObject) -> None:
    """One of this turn, an earlier one's, the user's; of a redraw the newer. Fails if an older one is found."""
    state = told_apart(walked(data, 40)[-1])
    last = {
        each.number: each.picture for call in state.calls if call.outcome for each in call.outcome.pictures
    }
    users = [number for entry in state.entries for number in entry.pictures]
    found = known_pictures(state)
    for number in (*last, *users, state.pictures + 1):
        assert found.get(number) == last.get(number, PICTURE if number in users else None)
    assert dict(found) == {**last, **dict.fromkeys(users, PICTURE)}
    assert len(found) == len(last) + len(users)
