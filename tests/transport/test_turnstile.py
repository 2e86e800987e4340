"""Few at a time, all of them, in their order."""

from __future__ import annotations

import asyncio

import pytest

from limner.transport.turnstile import Turnstile

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The turnstile belongs to asyncio's loop."""
    return "asyncio"


async def entered_by_round(
    turnstile: Turnstile, many: int, left: frozenset[int] = frozenset()
) -> list[list[int]]:
    """Who came through in each round of the loop, where `many` came at once and those of `left` went away."""
    loop, rounds = asyncio.get_running_loop(), [list[int]()]
    going = True

    def next_round() -> None:
        rounds.append([])
        if going:
            loop.call_soon(next_round)

    async def enter(number: int) -> None:
        await turnstile.enter()
        rounds[-1].append(number)

    tasks = [asyncio.ensure_future(enter(number)) for number in range(many)]
    loop.call_soon(next_round)
    await asyncio.sleep(0)
    for number in left:
        tasks[number].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    going = False
    return [each for each in rounds if each]


async def test_few_come_through_in_one_round_and_all_in_the_end() -> None:
    """A thousand requests at one moment must not hold up the streams that are under way."""
    rounds = await entered_by_round(Turnstile(4), 30)
    assert [number for each in rounds for number in each] == list(range(30))
    assert max(map(len, rounds)) == 4


async def test_who_has_left_takes_nobodys_place() -> None:
    """A cancelled request leaves its turn to those behind it."""
    rounds = await entered_by_round(Turnstile(4), 30, frozenset(range(4, 20)))
    assert [number for each in rounds for number in each] == [*range(4), *range(20, 30)]
    assert len(rounds) <= 5


async def test_who_comes_alone_does_not_wait() -> None:
    """Where there is no crowd, there is no round to wait for, and again after one."""
    turnstile = Turnstile(2)
    for _ in range(3):
        entering = turnstile.enter()
        with pytest.raises(StopIteration):
            entering.send(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
