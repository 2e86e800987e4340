"""Places at a maker: fewer after a complaint, slowly more again, in the order of asking."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest
from anyio import wait_all_tasks_blocked
from hypothesis import given, settings
from hypothesis import strategies as st

from clocks import OwnClock
from limner.images.throttle import SETTLING_S, Throttle, shared_throttle

BACKENDS = ("asyncio", "trio")


class HeldClock(OwnClock):
    """Time that stands still until the test lets it pass, so that sleepers can be seen sleeping."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, anyio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        woken = anyio.Event()
        self._sleepers.append((self.at_s + seconds, woken))
        await woken.wait()

    async def pass_(self, seconds: float) -> None:
        """Let time pass, and everybody do what they do then."""
        await wait_all_tasks_blocked()
        self.at_s += seconds
        for due, woken in self._sleepers:
            if due <= self.at_s:
                woken.set()
        self._sleepers = [each for each in self._sleepers if each[0] > self.at_s]
        await wait_all_tasks_blocked()


# --- arithmetic ------------------------------------------------------------------------------


@given(st.integers(1, 64), st.integers(0, 8))
def test_each_complaint_halves_the_places_but_leaves_one(most: int, complaints: int) -> None:
    """DESIGN, promise 7: concurrency adapts to 429s."""
    clock = OwnClock()
    throttle = Throttle(most, clock=clock)
    for _ in range(complaints):
        throttle.overloaded()
        clock.at_s += SETTLING_S
    assert throttle.places == max(1, most >> complaints)


@given(st.integers(2, 64))
def test_complaints_of_one_burst_count_as_one(most: int) -> None:
    """Eight orders of one burst that are refused together say one thing, not eight."""
    throttle = Throttle(most, clock=OwnClock())
    for _ in range(8):
        throttle.overloaded()
    assert throttle.places == most // 2


def test_a_complaint_that_asks_for_patience_covers_all_that_come_meanwhile() -> None:
    """RFC 9110, 10.2.3: who is told to wait for 30 seconds is not told more by the next refusal."""
    clock = OwnClock()
    throttle = Throttle(16, clock=clock)
    throttle.overloaded(30.0)
    clock.at_s += 29
    throttle.overloaded()
    assert throttle.places == 8
    clock.at_s += 1
    throttle.overloaded()
    assert throttle.places == 4


@given(st.integers(1, 40))
def test_places_come_back_one_for_each_round_of_successes(most: int) -> None:
    """DESIGN, promise 7: and is raised again slowly."""
    throttle = Throttle(most, clock=OwnClock())
    throttle.overloaded()
    places = throttle.places
    while places < most:
        for _ in range(places - 1):
            throttle.succeeded()
            assert throttle.places == places
        throttle.succeeded()
        places += 1
        assert throttle.places == places
    for _ in range(100):
        throttle.succeeded()
    assert throttle.places == most


@given(st.integers(1, 32), st.lists(st.sampled_from(["good", "bad", "later", "time"]), max_size=60))
def test_there_is_always_a_place_and_never_more_than_there_were(most: int, story: list[str]) -> None:
    """A maker that complains for ever is still asked, one order at a time."""
    clock = OwnClock()
    throttle = Throttle(most, clock=clock)
    deeds: dict[str, Callable[[], None]] = {
        "good": throttle.succeeded,
        "bad": throttle.overloaded,
        "later": lambda: throttle.overloaded(5.0),
        "time": lambda: setattr(clock, "at_s", clock.at_s + 3.0),
    }
    for word in story:
        before = throttle.places
        deeds[word]()
        assert 1 <= throttle.places <= most
        assert throttle.places - before <= 1, "slowly more"
        assert throttle.places >= before // 2, "half at most"


# --- waiting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@given(
    most=st.integers(1, 5),
    story=st.lists(
        st.tuples(
            st.sampled_from(["good", "bad", "wait", "cut"]), st.integers(0, 3), st.sampled_from([0.0, 2.0])
        ),
        min_size=1,
        max_size=24,
    ),
)
@settings(max_examples=60, deadline=None)
def test_everybody_gets_a_place_in_turn_and_no_more_are_at_work_than_allowed(
    backend: str, most: int, story: list[tuple[str, int, float]]
) -> None:
    """DESIGN, promise 7: one throttle for all orders, whatever happens to each of them.

    Fails if a place is lost by somebody who leaves the line, or if those who were turned away
    return all at once.
    """
    entered: list[int] = []
    gone: list[int] = []

    async def order(throttle: Throttle, number: int, deed: str, steps: int, asked_s: float) -> None:
        with anyio.CancelScope() as scope:
            if deed == "cut" and steps == 0:
                scope.cancel()
            await throttle.enter(number)
            entered.append(number)
            try:
                assert throttle.inside <= most
                assert throttle.shut_s == 0
                if deed == "cut":
                    scope.cancel()
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
                if deed in ("bad", "wait"):
                    throttle.overloaded(asked_s or None)
                    await throttle.give_way(0.5)
                    assert throttle.shut_s == 0
                else:
                    throttle.succeeded()
            finally:
                throttle.leave(number)
        gone.append(number)

    async def main() -> None:
        throttle = Throttle(most, clock=OwnClock())
        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for number, (deed, steps, asked_s) in enumerate(story):
                    tasks.start_soon(order, throttle, number, deed, steps, asked_s)
        assert throttle.inside == 0

    anyio.run(main, backend=backend)
    assert sorted(gone) == [*range(len(story))]


@pytest.mark.anyio
async def test_they_are_let_in_in_the_order_of_asking() -> None:
    """DESIGN decision 7: nobody is overtaken for ever."""
    throttle, order = Throttle(1, clock=OwnClock()), list[int]()

    async def borrow(number: int) -> None:
        await throttle.enter(number)
        order.append(number)
        await anyio.lowlevel.checkpoint()
        throttle.leave(number)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            await throttle.enter("first")
            for number in range(6):
                tasks.start_soon(borrow, number)
                await wait_all_tasks_blocked()
            throttle.leave("first")
    assert order == [*range(6)]


@pytest.mark.anyio
async def test_nobody_enters_before_the_time_that_the_maker_asked_for() -> None:
    """RFC 9110, 10.2.3: `Retry-After` is obeyed, by those too who were not told themselves."""
    clock, entered = HeldClock(), list[int]()
    throttle = Throttle(4, clock=clock)

    async def borrow(number: int) -> None:
        await throttle.enter(number)
        entered.append(number)

    throttle.overloaded(10.0)
    assert throttle.shut_s == 10
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for number in range(2):
                tasks.start_soon(borrow, number)
            await clock.pass_(9.0)
            assert entered == []
            throttle.overloaded(5.0)
            await clock.pass_(4.0)
            assert entered == []
            await clock.pass_(1.0)
            assert sorted(entered) == [0, 1]


@pytest.mark.anyio
async def test_those_who_were_turned_away_return_before_anybody_new_and_not_all_at_once() -> None:
    """A burst that was too large must not come back as the same burst."""
    clock = HeldClock()
    throttle = Throttle(4, clock=clock)
    working: list[str] = []
    done = {name: anyio.Event() for name in ("a", "b", "c", "d", "new")}
    refused = anyio.Event()

    async def order(name: str) -> None:
        await throttle.enter(name)
        if name != "new":
            await refused.wait()
            throttle.overloaded(3.0)
            await throttle.give_way(3.0)
        working.append(name)
        await done[name].wait()
        throttle.leave(name)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for name in done:
                tasks.start_soon(order, name)
                await wait_all_tasks_blocked()
            refused.set()
            await clock.pass_(2.9)
            assert working == []
            await clock.pass_(0.2)
            assert (throttle.places, len(working)) == (2, 2)
            for count, name in enumerate([*working], start=3):
                done[name].set()
                await wait_all_tasks_blocked()
                assert len(working) == count
            assert "new" not in working
            for event in done.values():
                event.set()
    assert working[-1] == "new"


@pytest.mark.anyio
async def test_a_turn_that_is_given_up_is_nobodys() -> None:
    """Protocol: cancelling while waiting takes no place and holds nobody up."""
    throttle = Throttle(1, clock=OwnClock())
    await throttle.enter("first")
    with anyio.move_on_after(0) as scope:
        await throttle.enter("second")
    assert scope.cancelled_caught
    throttle.leave("first")
    with anyio.fail_after(5):
        await throttle.enter("third")
    assert throttle.inside == 1


# --- sharing ---------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_makers_of_one_key_and_model_share_their_places() -> None:
    """DESIGN, promise 7: per backend, key and model; two engines at one provider are one customer to it."""
    one = shared_throttle("https://a", "key", "m", 8)
    assert shared_throttle("https://a", "key", "m", 8) is one
    others = [
        shared_throttle("https://b", "key", "m", 8),
        shared_throttle("https://a", "other", "m", 8),
        shared_throttle("https://a", "key", "n", 8),
    ]
    assert one not in others
    assert len(set(map(id, others))) == 3
    one.overloaded()
    assert [each.places for each in others] == [8, 8, 8]


@pytest.mark.anyio
async def test_the_smallest_number_of_places_holds_for_all_who_share_them() -> None:
    """Who asks for two at once must not find eight there, because another was made first."""
    wide = shared_throttle("https://c", "key", "m", 8)
    narrow = shared_throttle("https://c", "key", "m", 2)
    assert wide is narrow
    assert (wide.most, wide.places) == (2, 2)


def test_each_event_loop_has_its_own_and_outside_of_any_nothing_is_shared() -> None:
    """What waits in one event loop can't be woken by another."""
    seen: list[Throttle] = []

    async def look() -> None:
        seen.append(shared_throttle("https://d", "key", "m", 8))
        assert shared_throttle("https://d", "key", "m", 8) is seen[-1]

    for backend in (*BACKENDS, *BACKENDS):
        anyio.run(look, backend=backend)
    seen.extend(shared_throttle("https://d", "key", "m", 8) for _ in range(2))
    assert len(set(map(id, seen))) == 6
