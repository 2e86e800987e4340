"""The truth rule: a promise that is broken, at whatever moment, is never shown as a picture.

DESIGN, promises: its place gets an honest sentence with the alt text, and the next request to
the model carries the true result.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from clocks import OwnClock
from limner import (
    Drawing,
    Engine,
    FolderStorage,
    Limits,
    MemoryRecorder,
    MemoryStorage,
    Reply,
)
from limner.core.messages import ChatRequest
from limner.core.state import Phase
from limner.errors import PictureError
from limner.images.protocol import ImageRequest, Purchase
from limner.storage.protocol import Storage
from limner.testing import PlainImages, Say, ScriptedModel, plain_png
from waiting import until

pytestmark = pytest.mark.anyio

PLACES = {
    "placed": "Look: ![a red fox](image://1) nice.",
    "placed twice": "![a red fox](image://1) ![a red fox](image://1)",
    "bare": "See image://1 here.",
    "not placed": "Just words.",
    "silent": "",
}


def story(text: str) -> ScriptedModel:
    def script(request: ChatRequest) -> Say:
        users = sum(message.role == "user" for message in request.messages)
        if users == 2:
            return Say("Thank you.")
        if request.messages[-1].role == "user":
            return Say(calls=[("generate_image", {"prompt": "fox", "alt": "a red fox"})])
        return Say(text)

    return ScriptedModel(script)


class _Broken(PlainImages):
    """Fails in the way that `how` names, after the promise was given."""

    how: str = ""

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        await anyio.sleep(0.01)
        (drawing,) = await super().draw(request, purchase)
        if self.how == "refused":
            raise PictureError("image_policy", billed="no")
        if self.how == "raises":
            raise ZeroDivisionError
        if self.how == "stalls":
            await anyio.sleep_forever()
        damaged = {"no picture": b"<html>", "empty": b"", "cut": plain_png("cut")[:40]}
        return (Drawing(damaged.get(self.how, drawing.data), drawing.model),)


FAILURES = {
    "refused": "image_policy",
    "raises": "internal",
    "stalls": "image_timeout",
    "no picture": "image_type_not_allowed",
    "empty": "image_bad_payload",
    "cut": "image_truncated",
    "storage": "image_store_full",
}


def assert_honest(reply: Reply, model: ScriptedModel, code: str) -> None:
    assert reply.images == ()
    assert "![" not in reply.text.replace("\\![", "")
    assert "a red fox" in reply.text
    assert reply.calls[0]["code"] == code
    truth = [json.loads(message.text) for message in model.requests[-1].messages if message.role == "tool"]
    assert [(each["status"], each.get("code")) for each in truth] == [("error", code)]


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("where", PLACES)
async def test_a_promise_broken_by_its_maker_is_never_shown(how: str, where: str, tmp_path: Path) -> None:
    """Fails if `parts` shows a place without looking at the outcome, or `answer` tells an older truth."""
    model, images = story(PLACES[where]), _Broken(timeout_s=0.05 if how == "stalls" else 5)
    images.how = how
    (tmp_path / "file").touch()
    storage: Storage | None = FolderStorage(tmp_path / "file" / "inside") if how == "storage" else None
    async with Engine(model, images, storage=storage, promise_after_s=0) as engine:
        conversation = engine.conversation()
        reply = await conversation.ask("draw")
        assert "pending" in str(model.requests[1].messages[-1].text)
        await conversation.ask("thanks")
    assert_honest(reply, model, FAILURES[how])
    if how == "storage":
        os.unlink(reply.calls[0]["rescued"])


@pytest.mark.parametrize(
    ("arguments", "price", "code"),
    [
        ({"prompt": "fox"}, 0.0, "arguments_schema"),
        ({"prompt": "fox", "alt": "a red fox"}, 2.0, "budget_exceeded"),
        ({"prompt": "fox", "alt": "a red fox"}, None, "price_unknown"),
    ],
)
async def test_what_is_refused_beforehand_is_an_error_and_never_a_promise(
    arguments: dict[str, str], price: float | None, code: str
) -> None:
    """DESIGN, promises: arguments, budget and refusals known beforehand are checked first."""
    model = ScriptedModel([Say(calls=[("generate_image", arguments)]), Say("![x](image://1) Sorry.")])
    images = PlainImages(price=price)
    async with Engine(model, images, promise_after_s=0, limits=Limits(usd=1.0)) as engine:
        reply = await engine.conversation().ask("draw")
    assert json.loads(model.requests[1].messages[-1].text)["code"] == code
    assert (reply.images, images.submissions) == ((), [])


@asynccontextmanager
async def stalled(
    model: ScriptedModel, recorder: MemoryRecorder, **more: Any
) -> AsyncGenerator[tuple[Engine, anyio.Event], None]:
    submitted = anyio.Event()

    async def stall(request: ImageRequest, purchase: Purchase) -> None:
        submitted.set()
        await anyio.sleep_forever()

    images = PlainImages(before=stall)
    async with Engine(model, images, recorder=recorder, promise_after_s=0, drain_s=0.01, **more) as engine:
        yield engine, submitted


@pytest.mark.parametrize("where", PLACES)
async def test_a_promise_whose_outcome_nobody_saw_is_an_honest_doubt(where: str) -> None:
    """The engine is left while a promised picture is drawn; the run goes on elsewhere."""
    recorder, model = MemoryRecorder(), story(PLACES[where])
    async with stalled(model, recorder) as (engine, submitted), anyio.create_task_group() as tasks:
        conversation = engine.conversation("run")
        tasks.start_soon(conversation.ask, "draw")
        with anyio.fail_after(5):
            await submitted.wait()
            await until(lambda: conversation.state.phase.value == "settling")
        tasks.cancel_scope.cancel()
    assert engine.unknown == ("run:t1/r1/c0/generate_image",)
    images = PlainImages()
    async with Engine(model, images, recorder=recorder) as engine:
        conversation = await engine.resume("run")
        reply = await conversation.resume()
        await conversation.ask("thanks")
    assert images.submissions == []
    assert reply.receipt["unknown"] == ["t1/r1/c0/generate_image"]
    assert_honest(reply, model, "outcome_unknown")


async def test_a_promise_that_the_time_ran_out_on_is_said_to_be_late() -> None:
    """The limit of seconds, while the model has finished and the picture has not."""
    model = story(PLACES["placed"])
    async with stalled(model, MemoryRecorder(), limits=Limits(seconds=0.05)) as (engine, _):
        reply = await engine.conversation().ask("draw")
    assert reply.images == ()
    assert "a red fox" in reply.text
    assert reply.calls[0]["status"] == "pending"


async def test_the_time_holds_for_a_resumed_turn_that_only_waits_for_its_promises() -> None:
    """Nobody waits for ever for a picture, whoever begins to wait; only one drawn again has all of its time."""
    recorder, storage = MemoryRecorder(), MemoryStorage()

    async def stall(request: ImageRequest, purchase: Purchase) -> None:
        await anyio.sleep_forever()

    def images() -> PlainImages:
        return PlainImages(before=stall, policy="idempotent")

    first = Engine(
        story(PLACES["placed"]),
        images(),
        recorder=recorder,
        storage=storage,
        promise_after_s=0,
        drain_s=0,
    )
    async with first, anyio.create_task_group() as tasks:
        conversation = first.conversation("run")
        tasks.start_soon(conversation.ask, "draw")
        with anyio.fail_after(5):
            await until(lambda: conversation.state.phase is Phase.SETTLING)
        tasks.cancel_scope.cancel()
    # Its clock is over at once.
    second = Engine(
        ScriptedModel([]), images(), recorder=recorder, storage=storage, clock=OwnClock(), drain_s=0
    )
    async with second:
        with anyio.fail_after(5):
            reply = await (await second.resume("run")).resume()
    assert (reply.incomplete, reply.calls[0]["status"]) == ("seconds", "pending")


async def test_a_late_picture_is_told_to_the_model_in_the_next_turn() -> None:
    """What was paid for is never thrown away: the next request knows it."""
    gate = anyio.Event()

    async def wait(request: ImageRequest, purchase: Purchase) -> None:
        await gate.wait()

    model = story(PLACES["placed"])
    limits = Limits(seconds=0.05)
    async with Engine(model, PlainImages(before=wait), promise_after_s=0, limits=limits) as engine:
        conversation = engine.conversation()
        await conversation.ask("draw")
        gate.set()
        with anyio.fail_after(5):
            await until(lambda: conversation.state.calls[0].outcome is not None)
        await conversation.ask("and now?")
    assert json.loads(model.requests[-1].messages[2].text) == {"status": "ok", "imageUrl": "image://1"}


async def test_a_cancelled_turn_receives_what_was_ordered_and_starts_nothing_more() -> None:
    """DESIGN decision 11."""
    gate, submitted = anyio.Event(), anyio.Event()

    async def wait(request: ImageRequest, purchase: Purchase) -> None:
        submitted.set()
        await gate.wait()

    images = PlainImages(before=wait, concurrency=1)
    asked = [("generate_image", {"prompt": f"p{at}", "alt": f"alt {at}"}) for at in range(3)]
    model = ScriptedModel([Say(calls=asked), Say("![x](image://1)")])
    async with Engine(model, images) as engine:
        conversation = engine.conversation()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(conversation.ask, "draw")
            with anyio.fail_after(5):
                await submitted.wait()
            tasks.cancel_scope.cancel()
        gate.set()
        reply = await conversation.ask("what happened?")
    assert len(images.submissions) == 1
    assert [call.outcome.code if call.outcome else "open" for call in conversation.state.calls] == [
        None,
        "cancelled",
        "cancelled",
    ]
    assert reply.text is not None


async def test_a_picture_slower_than_the_promise_is_promised_and_a_faster_one_is_not() -> None:
    """`promise_after_s` says how long a round waits."""
    gate = anyio.Event()

    async def slow_one(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "slow":
            await gate.wait()

    def script(request: ChatRequest) -> Say:
        if request.messages[-1].role == "user":
            both = ("slow", "fast")
            return Say(calls=[("generate_image", {"prompt": each, "alt": each}) for each in both])
        gate.set()
        return Say("![s](image://1) ![f](image://2)")

    model = ScriptedModel(script)
    async with Engine(model, PlainImages(before=slow_one), promise_after_s=1.0) as engine:
        reply = await engine.conversation().ask("draw")
    first, second = (json.loads(message.text) for message in model.requests[1].messages[2:])
    assert (first.get("pending"), second.get("pending")) == (True, None)
    assert len(reply.images) == 2
