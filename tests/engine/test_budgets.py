"""Money in whole turns: what does not fit is refused before anything is bought, and nothing is spent twice."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import anyio
import pytest
from genai_prices import data_snapshot, types

from limner import (
    Budget,
    Conversation,
    Engine,
    Limits,
    MemoryRecorder,
    MemoryStorage,
    OpenAIImages,
    OpenAIModel,
    PictureError,
    Reply,
    Resolved,
)
from limner.core.messages import ChatRequest
from limner.core.state import State
from limner.engine.recorder import Journal, Slot
from limner.errors import JournalError
from limner.images.protocol import Drawing, ImageRequest, Policy, Purchase
from limner.testing import PlainImages, Say, ScriptedModel, plain_png
from pictures import png
from providers import STALL, Answer, Provider, Said, status, whole
from waiting import until

pytestmark = pytest.mark.anyio


def asks_for(*prompts: str) -> ScriptedModel:
    """A model that asks for these pictures in every turn, and is content with whatever comes."""

    def answer(request: ChatRequest) -> Say:
        if request.messages[-1].role == "user":
            return Say("Here.", [("generate_image", {"prompt": each, "alt": each}) for each in prompts])
        return Say("That is all.")

    return ScriptedModel(answer)


def codes(reply: Reply) -> list[str | None]:
    return [call["code"] for call in reply.calls]


def figures(budget: Budget) -> tuple[float, float]:
    return budget.spent_usd, budget.reserved_usd


@dataclass
class Shop(PlainImages):
    """Each picture at the price that its prompt says in cents, like "fox 4"; it may cost something else."""

    real_cents: int | None = None

    def resolve(self, request: ImageRequest) -> Resolved:
        price = request.prompt.split()[-1]
        return Resolved(request, int(price) / 100 if price.isdigit() else None)

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        (drawing,) = await super().draw(request, purchase)
        cost = None if self.real_cents is None else self.real_cents / 100
        return (Drawing(drawing.data, "shop", cost_usd=cost),)


def maker(provider: Provider, **more: Any) -> OpenAIImages:
    return OpenAIImages(
        "plain", base_url=provider.base_url, api_key="k", price_usd=0.04, **{"timeout_s": 20.0, **more}
    )


def sold(cost_usd: float | None) -> Answer:
    """A picture, with what it cost if the provider says so."""
    body: dict[str, Any] = {"created": 1, "data": [{"b64_json": base64.b64encode(png()).decode()}]}
    return whole(body if cost_usd is None else body | {"usage": {"cost": cost_usd}})


def orders(provider: Provider) -> int:
    return len(provider.posts("/images/generations"))


async def test_a_budget_for_three_pictures_and_five_calls() -> None:
    """Three drawn, two answered `budget_exceeded`, before anything is bought."""
    with Provider() as provider:
        provider.images(sold(None))
        async with Engine(asks_for(*"abcde"), maker(provider), limits=Limits(usd=0.12)) as engine:
            reply = await engine.conversation().ask("draw")
    assert codes(reply) == [None, None, None, "budget_exceeded", "budget_exceeded"]
    assert orders(provider) == 3
    assert [line["estimated"] for line in reply.receipt["images"]] == [True, True, True]
    assert (reply.receipt["cost_usd"], reply.receipt["images_usd"]) == (0.12, 0.12)


@pytest.mark.parametrize("pictures", [1, 10])
@pytest.mark.parametrize("engines", [1, 2])
async def test_a_hundred_turns_race_for_the_last_pictures_of_a_budget(engines: int, pictures: int) -> None:
    """S26: overshoot 0."""
    budget = Budget(pictures * 0.04)
    replies: list[Reply] = []

    async def ask(conversation: Conversation) -> None:
        replies.append(await conversation.ask("draw"))

    with Provider() as provider:
        provider.images(sold(None))
        async with AsyncExitStack() as stack:
            made = [Engine(asks_for("a fox"), maker(provider), budget=budget) for _ in range(engines)]
            for engine in made:
                await stack.enter_async_context(engine)
            async with anyio.create_task_group() as tasks:
                for at in range(100):
                    tasks.start_soon(ask, made[at % engines].conversation())
    assert orders(provider) == pictures
    assert sum(codes(reply) == ["budget_exceeded"] for reply in replies) == 100 - pictures
    assert sum(len(reply.images) for reply in replies) == pictures
    assert figures(budget) == (pictures * 0.04, 0.0)


async def test_what_costs_less_than_was_set_aside_leaves_money_for_others() -> None:
    """Money: after it, the real usage settles the reservation; still nobody overspends."""
    budget = Budget(0.40)
    seen: list[float] = []
    with Provider() as provider:
        provider.images(sold(0.01))
        async with Engine(asks_for("a fox"), maker(provider), budget=budget) as engine:

            async def ask() -> None:
                for _ in range(3):
                    await engine.conversation().ask("draw")
                    seen.append(budget.spent_usd + budget.reserved_usd)

            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(ask)
    assert 10 < orders(provider) <= 40, "more than fit at first, fewer than the budget"
    assert budget.spent_usd == pytest.approx(orders(provider) * 0.01)
    assert budget.reserved_usd == 0.0
    assert max(seen) <= 0.40


@pytest.mark.parametrize(("concurrency", "most"), [(1, 4), (2, 5)])
async def test_what_costs_more_than_was_set_aside_stops_those_that_wait(concurrency: int, most: int) -> None:
    """Recorded as it is; whoever has not ordered yet finds less money left, and says so."""
    budget = Budget(0.20)
    with Provider() as provider:
        provider.images(sold(0.05))
        drawn = maker(provider, concurrency=concurrency)
        async with Engine(asks_for(*"abcde"), drawn, budget=budget) as engine:
            reply = await engine.conversation().ask("draw")
            again = await engine.conversation().ask("draw")
    assert orders(provider) == len(reply.images) <= most
    assert codes(reply).count("budget_exceeded") == 5 - len(reply.images)
    assert set(codes(again)) == {"budget_exceeded"}
    # Beyond the limit are at most those that were under way when the truth came out.
    assert budget.spent_usd == pytest.approx(orders(provider) * 0.05)
    assert budget.reserved_usd == 0.0
    assert budget.spent_usd <= 0.20 + concurrency * 0.01 + 1e-9
    assert reply.receipt["images_usd"] == budget.spent_usd


@pytest.mark.parametrize(
    "limits", [Limits(usd=0.20), Limits(conversation_usd=0.20)], ids=["turn", "conversation"]
)
async def test_a_turn_learns_what_its_pictures_really_cost(limits: Limits) -> None:
    """The same last look at the turn's and the conversation's own money."""
    images = Shop(concurrency=1, real_cents=5)
    async with Engine(asks_for("a 4", "b 4", "c 4", "d 4", "e 4"), images, limits=limits) as engine:
        reply = await engine.conversation().ask("draw")
    assert codes(reply) == [None, "budget_exceeded", None, None, None]
    assert reply.receipt["cost_usd"] == 0.20


@pytest.mark.parametrize("bound", ["turn", "conversation", "process"])
async def test_what_fits_is_decided_in_the_models_order(bound: str) -> None:
    """The first that fit are drawn; a later and cheaper one may still fit."""
    limits = {"turn": Limits(usd=0.10), "conversation": Limits(conversation_usd=0.10)}.get(bound, Limits())
    budget = Budget(0.10) if bound == "process" else None
    model = asks_for("a 4", "b 7", "c 4", "d 3", "e 2", "f 0")
    async with Engine(model, Shop(), limits=limits, budget=budget) as engine:
        reply = await engine.conversation().ask("draw")
    assert codes(reply) == [None, "budget_exceeded", None, "budget_exceeded", None, None]
    assert engine.budget.spent_usd == 0.10


async def test_the_money_of_a_conversation_outlasts_its_turns() -> None:
    """Money: the conversation's budget; with what is under way and what nobody knows about."""
    budget = Budget()

    async def lose(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "lost 4":
            raise PictureError("image_timeout")

    images = Shop(before=lose)
    model = ScriptedModel(
        lambda request: Say(
            calls=[("generate_image", {"prompt": request.messages[-1].text, "alt": "a"})]
            if request.messages[-1].role == "user"
            else ()
        )
    )
    limits = Limits(usd=0.05, conversation_usd=0.12)
    async with Engine(model, images, limits=limits, budget=budget) as engine:
        conversation = engine.conversation()
        found = [
            codes(await conversation.ask(text)) for text in ("fox 4", "lost 4", "owl 5", "owl 4", "cat 1")
        ]
        other = codes(await engine.conversation().ask("fox 4"))
    assert found == [[None], ["image_timeout"], ["budget_exceeded"], [None], ["budget_exceeded"]]
    assert other == [None], "another conversation has money of its own"
    assert figures(budget) == (0.16, 0.0)


@pytest.mark.parametrize("bound", ["turn", "conversation", "process"])
async def test_a_picture_of_unknown_price_is_refused_wherever_money_is_limited(bound: str) -> None:
    """Money: refused until the user gives its price or says to go on."""
    limits = {"turn": Limits(usd=9.0), "conversation": Limits(conversation_usd=9.0)}.get(bound, Limits())
    budget = Budget(9.0) if bound == "process" else None
    images = Shop()
    async with Engine(asks_for("a fox", "a fox 4"), images, limits=limits, budget=budget) as engine:
        reply = await engine.conversation().ask("draw")
    assert codes(reply) == ["price_unknown", None]
    assert len(images.submissions) == 1


@pytest.mark.parametrize(
    ("real_cents", "spent", "fits"),
    [(None, 0.0, 4), (5, 0.15, 3)],
    ids=["stays unknown", "is told afterwards"],
)
async def test_who_says_to_go_on_gets_pictures_of_unknown_price(
    real_cents: int | None, spent: float, fits: int
) -> None:
    """Money: unknown prices are said to be unknown; what is told afterwards counts."""
    limits = Limits(usd=0.14, unknown_prices="allow")
    images = Shop(concurrency=1, real_cents=real_cents)
    async with Engine(asks_for("a", "b", "c", "d"), images, limits=limits, budget=Budget(9.0)) as engine:
        reply = await engine.conversation().ask("draw")
    assert codes(reply) == [None] * fits + ["budget_exceeded"] * (4 - fits)
    assert figures(engine.budget) == (spent, 0.0)
    assert reply.receipt["cost_usd"] == (None if real_cents is None else spent)


@pytest.mark.parametrize("price", [float("nan"), -1.0], ids=["NaN", "less than nothing"])
async def test_a_price_that_is_none_is_unknown(price: float) -> None:
    """A maker of one's own may say anything; no budget is spent by it or filled up."""
    async with Engine(asks_for("a"), PlainImages(price=price), limits=Limits(usd=1.0)) as engine:
        assert codes(await engine.conversation().ask("draw")) == ["price_unknown"]
    async with Engine(asks_for("a"), PlainImages(price=price)) as engine:
        reply = await engine.conversation().ask("draw")
    assert (codes(reply), reply.receipt["cost_usd"]) == ([None], None)
    assert figures(engine.budget) == (0.0, 0.0)


async def test_a_refused_picture_is_not_counted_as_spent() -> None:
    """I01: its money is there for the next one."""
    with Provider() as provider:
        refusal = {"message": "no", "type": "image_generation_user_error", "code": "moderation_blocked"}
        provider.images(status(400, {"error": refusal}), sold(None))
        async with Engine(asks_for("a fox"), maker(provider), budget=Budget(0.04)) as engine:
            conversation = engine.conversation()
            refused = await conversation.ask("draw")
            drawn = await conversation.ask("draw")
            spent = await conversation.ask("draw")
    assert [codes(each) for each in (refused, drawn, spent)] == [
        ["image_policy"],
        [None],
        ["budget_exceeded"],
    ]
    assert [each.receipt["cost_usd"] for each in (refused, drawn, spent)] == [0.0, 0.04, 0.0]
    assert orders(provider) == 2


async def test_a_picture_without_an_answer_keeps_its_money() -> None:
    """I02: submitted once, and what was set aside counts as spent: the provider may bill it."""
    with Provider() as provider:
        provider.images(Answer(before=(STALL,)))
        drawn = maker(provider, timeout_s=0.2)
        async with Engine(asks_for("a fox"), drawn, budget=Budget(0.04)) as engine:
            conversation = engine.conversation()
            lost = await conversation.ask("draw")
            refused = await conversation.ask("draw")
    assert (codes(lost), codes(refused)) == (["image_timeout"], ["budget_exceeded"])
    assert lost.receipt["unknown"] == [lost.calls[0]["call"]]
    assert lost.receipt["images_usd"] == 0.04
    assert (orders(provider), figures(engine.budget)) == (1, (0.04, 0.0))


async def test_whoever_leaves_gives_back_what_was_not_ordered() -> None:
    """A turn that is cancelled must not keep money from others for as long as the engine lives."""
    gate = anyio.Event()

    async def hold(request: ImageRequest, purchase: Purchase) -> None:
        await gate.wait()

    images = Shop(concurrency=1, before=hold)
    budget = Budget(0.12)
    async with Engine(asks_for("a 4", "b 4", "c 4"), images, budget=budget) as engine:
        left = engine.conversation("left")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(left.ask, "draw")
            with anyio.fail_after(5):
                await until(lambda: len(images.submissions) == 1)
            assert figures(budget) == (0.0, 0.12)
            tasks.cancel_scope.cancel()
        assert figures(budget) == (0.0, 0.04), "the one that was ordered is received"
        gate.set()
        other = await engine.conversation().ask("draw")
        assert codes(other) == [None, None, "budget_exceeded"]
        resumed = await left.resume()
    assert codes(resumed) == [None, "budget_exceeded", "budget_exceeded"]
    assert (len(images.submissions), figures(budget)) == (3, (0.12, 0.0))


class Forgetful(MemoryRecorder):
    """Its disk is full when the second picture is to be numbered."""

    async def begin(self, run: str, state: State) -> Journal:
        return _Full(await super().begin(run, state))


@dataclass
class _Full:
    inner: Journal

    def reserve(self, keys: Iterable[str]) -> tuple[Slot, ...]:
        wanted = tuple(keys)
        if any("/c1/" in key and key.endswith("/reserved") for key in wanted):
            raise JournalError("disk full", code="journal_unavailable")
        return self.inner.reserve(wanted)


async def test_what_cannot_be_recorded_is_not_set_aside() -> None:
    """Nothing is ordered that was not recorded, so nothing of it may be kept from others."""
    images = Shop()
    async with Engine(asks_for("a 4", "b 4"), images, recorder=Forgetful(), budget=Budget(0.08)) as engine:
        with pytest.raises(JournalError):
            await engine.conversation().ask("draw")
        assert figures(engine.budget) == (0.0, 0.0)
    assert images.submissions == []


@pytest.mark.parametrize(
    ("policy", "left"), [("at_most_once", (0.04, 0.0)), ("idempotent", (0.0, 0.04)), ("job", (0.0, 0.04))]
)
async def test_an_engine_that_is_left_keeps_the_money_of_what_may_be_bought(
    policy: Policy, left: tuple[float, float]
) -> None:
    """What stays open is given back only if it is known not to be bought; who goes on pays once."""

    async def hold(request: ImageRequest, purchase: Purchase) -> None:
        if not resumed:
            await anyio.sleep_forever()

    budget, recorder, storage, resumed = Budget(0.12), MemoryRecorder(), MemoryStorage(), False

    def engine() -> Engine:
        return Engine(
            asks_for("a 4", "b 4"),
            Shop(policy=policy, concurrency=1, before=hold),
            recorder=recorder,
            storage=storage,
            budget=budget,
            drain_s=0,
        )

    async with engine() as first, anyio.create_task_group() as tasks:
        tasks.start_soon(first.conversation("run").ask, "draw")
        with anyio.fail_after(5):
            await until(lambda: bool(first.image_tool.backend.submissions))  # type: ignore[attr-defined]  # a Shop
        tasks.cancel_scope.cancel()
    assert figures(budget) == left
    resumed = True
    async with engine() as second:
        reply = await (await second.resume("run")).resume()
    assert codes(reply) == ["outcome_unknown" if policy == "at_most_once" else None, None]
    assert figures(budget) == (0.08, 0.0)


@pytest.mark.parametrize(
    ("usd", "expected", "spent"),
    [
        (1.0, [None, None, None], 0.12),
        (0.08, [None, None, "budget_exceeded"], 0.08),
        (0.0, [None, "budget_exceeded", "budget_exceeded"], 0.04),
    ],
)
async def test_a_crash_does_not_refill_a_budget(usd: float, expected: list[str | None], spent: float) -> None:
    """A resumed run sets its money aside again: what was ordered counts, what was not must fit anew."""
    recorder, storage = MemoryRecorder(), MemoryStorage()
    ordered = anyio.Event()

    async def crash(request: ImageRequest, purchase: Purchase) -> None:
        ordered.set()
        await anyio.sleep_forever()

    images = Shop(policy="idempotent", concurrency=1, before=crash)
    model = asks_for("a 4", "b 4", "c 4")
    async with (
        Engine(model, images, recorder=recorder, storage=storage, drain_s=0) as engine,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(engine.conversation("run").ask, "draw")
        await ordered.wait()
        tasks.cancel_scope.cancel()
    images = Shop(policy="idempotent", concurrency=1)
    async with Engine(model, images, recorder=recorder, storage=storage, budget=Budget(usd)) as engine:
        reply = await (await engine.resume("run")).resume()
    assert codes(reply) == expected
    assert figures(engine.budget) == (spent, 0.0)


@pytest.mark.parametrize(("policy", "paid"), [("idempotent", None), ("job", False)])
async def test_a_refusal_after_a_crash_does_not_say_that_nothing_was_bought_before_it(
    policy: Policy, paid: bool | None
) -> None:
    """DESIGN decision 4: the order had left once; only of a job it is known that its end is the whole story."""
    recorder, ordered = MemoryRecorder(), anyio.Event()

    async def crash(request: ImageRequest, purchase: Purchase) -> None:
        ordered.set()
        await anyio.sleep_forever()

    async def refuse(request: ImageRequest, purchase: Purchase) -> None:
        raise PictureError("image_rate_limited", billed="no")

    model = asks_for("a 4")
    async with (
        Engine(model, Shop(policy=policy, before=crash), recorder=recorder, drain_s=0) as engine,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(engine.conversation("run").ask, "draw")
        await ordered.wait()
        tasks.cancel_scope.cancel()
    async with Engine(model, Shop(policy=policy, before=refuse), recorder=recorder) as engine:
        reply = await (await engine.resume("run")).resume()
    assert (codes(reply), reply.calls[0]["paid"]) == (["image_rate_limited"], paid)
    assert figures(engine.budget) == (0.0 if paid is False else 0.04, 0.0)


async def test_the_receipts_of_a_conversation_add_up(anyio_backend: str) -> None:
    """A picture that came after its turn is on the next receipt, with what was not counted yet."""
    gate = anyio.Event()

    async def hold(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "slow 4":
            await gate.wait()

    images = Shop(before=hold, real_cents=5)
    async with Engine(asks_for("slow 4", "fast 4"), images, limits=Limits(seconds=1.0)) as engine:
        await engine.inspector.inspect(plain_png("x"))  # its worker's start is not the turn's time
        conversation = engine.conversation()
        first = await conversation.ask("draw")
        assert codes(first) == [None, None]
        assert (first.receipt["images_usd"], first.receipt["unknown"]) == (0.09, [first.calls[0]["call"]])
        gate.set()
        with anyio.fail_after(5):
            await until(lambda: conversation.state.call(first.calls[0]["call"]).outcome is not None)
        second = await conversation.ask("draw")
    (late,) = second.receipt["late"]
    assert (late["call"], late["cost_usd"], late["counted_usd"]) == (first.calls[0]["call"], 0.05, 0.04)
    assert [line["cost_usd"] for line in second.receipt["images"]] == [0.05, 0.05]
    assert second.receipt["images_usd"] == 0.11
    assert engine.budget.spent_usd == 0.20 == second.receipt["conversation_images_usd"]
    assert sum(each.receipt["images_usd"] for each in (first, second)) == pytest.approx(0.20)


async def test_a_redrawn_picture_has_its_own_receipt_and_the_conversations_money() -> None:
    """`Conversation.redraw` is an order like any other."""
    async with Engine(asks_for("fox 4"), Shop(), limits=Limits(conversation_usd=0.08)) as engine:
        conversation = engine.conversation()
        await conversation.ask("draw")
        again = await conversation.redraw(1)
        refused = await conversation.redraw(1)
    assert [each.receipt["images_usd"] for each in (again, refused)] == [0.04, 0.0]
    assert codes(refused) == [None, None, "budget_exceeded"]
    assert figures(engine.budget) == (0.08, 0.0)


@pytest.fixture
def sells(request: pytest.FixtureRequest) -> Iterator[str]:
    """A table in which the servers on loopback sell a model for $2 and $10 per million tokens."""
    price = types.ModelPrice(input_mtok=Decimal(2), output_mtok=Decimal(10))
    chat = types.ModelInfo("chat", types.ClauseEquals("chat"), prices=price)
    loopback = types.Provider("loopback", "Loopback", r"http://127\.0\.0\.1:\d+/v1", models=[chat])
    data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot([loopback], from_auto_update=False))
    yield "chat"
    data_snapshot.set_custom_snapshot(None)


@pytest.mark.parametrize("shape", ["priced", "unpriced"])
async def test_a_reply_says_what_its_words_cost(sells: str, shape: Literal["priced", "unpriced"]) -> None:
    """Money: chat tokens and cost; the price is recorded with the reply that it is of."""
    recorder, storage = MemoryRecorder(), MemoryStorage()
    with Provider() as provider:
        provider.chat_script(lambda body: Said("Good morning."))
        name = sells if shape == "priced" else "another"
        model = OpenAIModel(name, base_url=provider.base_url, api_key="k")
        async with Engine(model, Shop(), recorder=recorder, storage=storage) as engine:
            reply = await engine.conversation("run").ask("hello")
    cost = 10 * 2e-6 + 5 * 10e-6 if shape == "priced" else None
    chat = reply.receipt["chat"]
    assert (chat["requests"], chat["prompt_tokens"], chat["completion_tokens"]) == (1, 10, 5)
    assert (chat["cost_usd"], chat["estimated"]) == (cost, cost is not None)
    assert reply.receipt["cost_usd"] == cost
    data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot([], from_auto_update=False))
    async with Engine(
        OpenAIModel(name, base_url=provider.base_url, api_key="k"), Shop(), recorder=recorder
    ) as engine:
        resumed = await engine.resume("run")
        assert resumed.reply.receipt == reply.receipt
        assert json.loads(json.dumps(resumed.reply.receipt)) == reply.receipt
