"""Several makers as one: the next is asked where the one before surely has not billed."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from clocks import OwnClock
from limner import Engine, MemoryStorage
from limner.errors import ConfigError, ParameterError, PictureError
from limner.images.fallback import PATIENCE_S, Fallback
from limner.images.openai import OpenAIImages
from limner.images.protocol import ImageRequest, Purchase
from limner.testing import PlainImages, Say, ScriptedModel
from makers import BOAT_B64, FOX, b64, drawings, drawn, failed, refusal
from providers import CUT, STALL, Answer, Gate, Provider, status

pytestmark = pytest.mark.anyio


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Provider]:
    with Provider() as running:
        running.images(b64(BOAT_B64))
        yield running


@asynccontextmanager
async def paired(
    provider: Provider, other: Provider, first: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Fallback]:
    """A maker that falls back from one provider on another."""
    settled: dict[str, Any] = {"api_key": "k", "clock": OwnClock(), "timeout_s": 60.0}
    maker = Fallback(
        OpenAIImages("pictor-1", base_url=provider.base_url, **(settled | (first or {}))),
        OpenAIImages("limner-2", base_url=other.base_url, **(settled | options)),
    )
    try:
        yield maker
    finally:
        await maker.aclose()


async def test_the_first_is_asked_and_nobody_else(provider: Provider, other: Provider) -> None:
    """A fallback costs nothing where it is not needed."""
    provider.images(b64())
    async with paired(provider, other) as maker:
        drawing = await drawn(maker)
    assert (drawing.data, drawing.model) == (FOX, "pictor-1")
    assert other.requests == []


FALLS: dict[str, tuple[Answer, int]] = {
    "I03 asked too much, three times": (status(429), 3),
    "asked too much, for a day": (status(429, retry_after="86400"), 1),
    "a spent quota": (status(429, refusal("insufficient_quota")), 1),
    "a billing limit": (status(400, refusal("billing_hard_limit_reached")), 1),
    "no credit": (status(402), 1),
}


@pytest.mark.parametrize(("answer", "tries"), FALLS.values(), ids=FALLS.keys())
async def test_the_next_is_asked_where_the_first_surely_has_not_billed(
    provider: Provider, other: Provider, answer: Answer, tries: int
) -> None:
    """A fallback model may be named for failures that another maker may not have."""
    provider.images(answer)
    async with paired(provider, other) as maker:
        drawing = await drawn(maker)
    assert drawing.model == "limner-2"
    assert (len(provider.requests), len(other.requests)) == (tries, 1)


async def test_the_next_is_asked_where_a_failure_is_known_to_cost_nothing(
    provider: Provider, other: Provider
) -> None:
    """DESIGN decision 4: which failures are not billed is data of the server."""
    provider.images(status(502))
    first = {"server": "openrouter", "path": "/images/generations"}
    async with paired(provider, other, first) as maker:
        assert (await drawn(maker)).model == "limner-2"


async def test_the_next_is_asked_where_the_first_cannot_be_reached(other: Provider) -> None:
    """A refused connection is known not to be billed."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        first = OpenAIImages(
            "m", base_url=f"http://127.0.0.1:{closed.getsockname()[1]}/v1", api_key="k", clock=OwnClock()
        )
        second = OpenAIImages("limner-2", base_url=other.base_url, api_key="k")
        maker = Fallback(first, second)
        assert (await drawn(maker)).model == "limner-2"
        await maker.aclose()


STAYS: dict[str, tuple[Answer, str]] = {
    "I01 a policy": (status(400, refusal("moderation_blocked")), "image_policy"),
    "a bad key": (status(401), "image_auth"),
    "a bad request": (status(400), "image_bad_request"),
    "I03 500": (status(500), "image_provider_error"),
    "504": (status(504), "image_timeout"),
    "I02 reset": (Answer(before=(CUT,)), "outcome_unknown"),
    "I04 no picture": (b64("%"), "image_bad_payload"),
    "I02 silence": (Answer(before=(STALL,)), "image_timeout"),
}


@pytest.mark.parametrize(("answer", "code"), STAYS.values(), ids=STAYS.keys())
async def test_nobody_else_is_asked_where_the_outcome_is_unknown_or_the_picture_forbidden(
    provider: Provider, other: Provider, answer: Answer, code: str
) -> None:
    """DESIGN decision 4: never bought twice; and a refusal is nobody's to go around."""
    provider.images(answer)
    first = {"timeout_s": 0.5} if answer.before == (STALL,) else {}
    async with paired(provider, other, first) as maker:
        error = await failed(maker)
    assert error.code == code
    assert other.requests == []


@pytest.mark.parametrize(
    ("doubtful", "last", "code"),
    [
        pytest.param(status(503), status(429), "image_rate_limited", id="503, then 429"),
        pytest.param(Answer(before=(CUT,)), status(402), "image_quota", id="reset, then no credit"),
    ],
)
async def test_an_unknown_outcome_is_not_forgotten_for_a_later_refusal(
    provider: Provider, other: Provider, doubtful: Answer, last: Answer, code: str
) -> None:
    """DESIGN decision 4: the first try of an idempotent order may have been drawn, whatever became of the next."""
    provider.images(doubtful, last)
    async with paired(provider, other, {"policy": "idempotent"}) as maker:
        error = await failed(maker)
    assert (error.code, error.billed) == (code, "unknown")
    assert len(provider.requests) > 1
    assert other.requests == []


async def test_the_last_ones_failure_is_told(provider: Provider, other: Provider) -> None:
    """Who was asked last knows why there is no picture."""
    provider.images(status(402))
    other.images(status(400, refusal("moderation_blocked")))
    async with paired(provider, other) as maker:
        assert (await failed(maker)).code == "image_policy"


async def test_each_maker_gets_a_key_of_its_own_which_is_always_the_same(
    provider: Provider, other: Provider
) -> None:
    """Protocol, Purchase: the same for every attempt at the same picture, unique otherwise."""
    provider.images(status(402))
    idempotent = {"policy": "idempotent"}
    async with paired(provider, other, idempotent, **idempotent) as maker:
        for key in ("key-1", "key-1", "key-2"):
            await drawings(maker, key)
    firsts = [order.headers["idempotency-key"] for order in provider.requests]
    seconds = [order.headers["idempotency-key"] for order in other.requests]
    assert firsts == ["key-1", "key-1", "key-2"]
    assert seconds[0] == seconds[1] != seconds[2]
    assert not set(firsts) & set(seconds)


# --- what it says of itself --------------------------------------------------------------------


def plain(**options: Any) -> PlainImages:
    return PlainImages(**options)


async def test_it_is_as_dear_as_the_dearest_and_as_able_as_the_least_able() -> None:
    """Protocol: what is promised must hold whoever draws."""
    first = plain(
        price=0.02, max_references=4, timeout_s=10.0, concurrency=3, name="one", policy="idempotent"
    )
    second = plain(price=0.05, max_references=2, timeout_s=20.0, name="two", policy="idempotent")
    maker = Fallback(first, second)
    resolved = maker.resolve(ImageRequest("a fox", n=2))
    assert (resolved.price_usd, resolved.request.n) == (0.1, 2)
    assert (maker.name, maker.max_references, maker.offline) == ("one, else two", 2, False)
    assert maker.throttle.most == 3
    assert maker.timeout_s == 30.0 + 2 * PATIENCE_S
    # Idempotent each, but not together: after a crash the first may draw what the second was paid for.
    assert maker.policy == "at_most_once"


@pytest.mark.parametrize(("first", "second"), [(None, 0.05), (0.02, None), (None, None)])
async def test_one_unknown_price_makes_the_whole_unknown(first: float | None, second: float | None) -> None:
    """A budget must not be overspent by whoever happens to draw."""
    maker = Fallback(plain(price=first), plain(price=second))
    assert maker.resolve(ImageRequest("a fox")).price_usd is None


async def test_notes_say_whose_they_are(provider: Provider, other: Provider) -> None:
    """What was decided is told for both, and who it concerns."""
    async with paired(provider, other, price_usd=0.1) as maker:
        notes = maker.resolve(ImageRequest("a fox", aspect_ratio="16:9")).notes
    assert sum("1536x1024" in note for note in notes) == 2
    assert sum(note.startswith(f"fallback {other.origin.removeprefix('http://')}") for note in notes) == 2


async def test_what_the_second_does_not_take_is_found_out_beforehand(
    provider: Provider, other: Provider
) -> None:
    """A refusal that comes only when the fallback is needed comes too late."""
    provider.images(b64())
    async with paired(provider, other) as maker:
        stricter = Fallback(maker, OpenAIImages("dall-e-3", base_url=other.base_url, api_key="k"))
        with pytest.raises(ParameterError) as told:
            stricter.resolve(ImageRequest("a fox", n=2))
        with pytest.raises(ParameterError) as caught:
            await drawings(stricter, n=2)
        await stricter.aclose()
    assert (told.value.param, caught.value.param) == ("n", "n")
    assert provider.requests == other.requests == []


async def test_a_fallback_without_anybody_to_fall_back_on_is_refused() -> None:
    """CONVENTIONS, errors."""
    with pytest.raises(ConfigError) as caught:
        Fallback(plain())
    assert caught.value.code == "config_incomplete"


# --- places and time ---------------------------------------------------------------------------


async def test_a_maker_that_wants_to_be_left_alone_for_long_is_passed_over() -> None:
    """DESIGN, promise 7: its `Retry-After` is kept to, and the next is asked meanwhile."""
    first, second = plain(), plain(name="second")
    first.throttle.overloaded(PATIENCE_S + 1)
    maker = Fallback(first, second)
    with anyio.fail_after(5):
        await drawn(maker)
    assert (first.submissions, len(second.submissions)) == ([], 1)


async def test_each_makers_places_are_kept_to() -> None:
    """DESIGN, promise 7: two fallbacks on one maker don't ask it for more than it takes."""
    busy, gate = plain(concurrency=2, delay_s=0.01), plain(before=_refuse)
    makers = [Fallback(plain(before=_refuse), busy), Fallback(gate, busy)]
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for maker in makers * 3:
                tasks.start_soon(drawn, maker)
    assert busy.most_at_once == 2
    assert busy.throttle.inside == gate.throttle.inside == 0


async def _refuse(request: ImageRequest, purchase: Purchase) -> None:
    raise PictureError("image_quota", billed="no")


async def test_a_maker_that_does_not_end_is_given_up_after_its_own_time() -> None:
    """Protocol, timeout_s; nobody knows what became of it, so nobody else is asked."""

    async def hang(request: ImageRequest, purchase: Purchase) -> None:
        await anyio.sleep_forever()

    first, second = plain(before=hang, timeout_s=0.1), plain()
    error = await failed(Fallback(first, second))
    assert (error.code, error.billed, second.submissions) == ("image_timeout", "unknown", [])
    assert first.throttle.inside == 0


async def test_cancelling_gives_every_place_back(provider: Provider, other: Provider) -> None:
    """Protocol: safe to cancel."""
    gate = Gate()
    provider.images(Answer(before=(gate, STALL)))
    async with paired(provider, other) as maker:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drawn, maker)
            await gate.wait_until_reached()
            tasks.cancel_scope.cancel()
        async with paired(provider, other) as same:
            assert same.throttle.inside == maker.throttle.inside == 0


async def test_an_engine_draws_with_whoever_can(provider: Provider, other: Provider) -> None:
    """The whole way: the reply holds the fallback's picture, and says who drew it."""
    provider.images(status(402))
    calls = [("generate_image", {"prompt": "a boat", "alt": "A boat"})]
    model = ScriptedModel([Say(calls=calls), Say("![A boat](image://1)")])
    async with paired(provider, other) as maker, Engine(model, maker, storage=MemoryStorage()) as engine:
        reply = await engine.conversation().ask("Draw a boat")
    (image,) = reply.images
    assert image.picture.model == "limner-2"
