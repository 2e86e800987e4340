"""What goes wrong at the edges: races, foreign cancellations, stores that break, limits that meet."""

from __future__ import annotations

import asyncio
import json
import math
import os
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from limner import (
    Drawing,
    Engine,
    ImageFailed,
    ImageTool,
    Limits,
    MemoryRecorder,
    MemoryStorage,
    Message,
    TextDelta,
    Tool,
)
from limner.core.deltas import MAX_TEXT
from limner.core.messages import ChatRequest, Delta, ToolCall
from limner.engine.conversation import Conversation
from limner.errors import CallerError, JournalError, ModelError, ParameterError, PictureError
from limner.images.protocol import Content, ImageRequest, Policy, Purchase, Resolved
from limner.testing import PlainImages, Say, ScriptedModel, plain_png
from waiting import until

pytestmark = pytest.mark.anyio


def draw(*prompts: str) -> list[tuple[str, dict[str, str]]]:
    return [("generate_image", {"prompt": prompt, "alt": f"a picture of {prompt}"}) for prompt in prompts]


def results(request: ChatRequest) -> list[dict[str, Any]]:
    return [json.loads(message.text) for message in request.messages if message.role == "tool"]


@pytest.mark.parametrize("policy", ["idempotent", "at_most_once"])
async def test_a_turn_resumed_while_its_pictures_are_drawn_buys_none_of_them_again(policy: Policy) -> None:
    """Fails if an order is not known before it waits for the limiter."""
    gate, started = anyio.Event(), anyio.Event()

    async def wait(request: ImageRequest, purchase: Purchase) -> None:
        started.set()
        await gate.wait()

    images = PlainImages(policy=policy, before=wait, concurrency=1)
    model = ScriptedModel([Say(calls=draw("a", "b", "c")), Say("done")])
    async with Engine(model, images) as engine:
        conversation = engine.conversation()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(conversation.ask, "draw")
            await started.wait()
            tasks.cancel_scope.cancel()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(conversation.resume)
            await anyio.wait_all_tasks_blocked()
            gate.set()
        assert len(conversation.reply.images) == 3
    assert len(images.submissions) == len(set(images.submissions)) == 3


async def test_pictures_left_by_a_crash_are_taken_up_once_however_many_turns_follow() -> None:
    """Each turn looks for them; they wait at the limiter meanwhile."""
    recorder, storage = MemoryRecorder(), MemoryStorage()
    stalled = anyio.Event()

    async def stall(request: ImageRequest, purchase: Purchase) -> None:
        stalled.set()
        await anyio.sleep_forever()

    images = PlainImages(policy="idempotent", before=stall)
    engine = Engine(
        ScriptedModel([Say(calls=draw("a", "b"))]), images, recorder=recorder, storage=storage, drain_s=0
    )
    async with engine, anyio.create_task_group() as tasks:
        tasks.start_soon(engine.conversation("run").ask, "draw")
        await stalled.wait()
        await until(lambda: len(images.submissions) == 2)
        tasks.cancel_scope.cancel()
    gate = anyio.Event()

    async def wait(request: ImageRequest, purchase: Purchase) -> None:
        await gate.wait()

    images = PlainImages(policy="idempotent", before=wait, concurrency=1)
    model = ScriptedModel([Say("one"), Say("two"), Say("three")])
    async with Engine(model, images, recorder=recorder, storage=storage) as engine:
        conversation = await engine.resume("run")
        for text in ("first", "second"):
            await conversation.ask(text)
        gate.set()
        await until(lambda: all(call.outcome for call in conversation.state.calls))
        await conversation.ask("third")
    assert len(images.submissions) == 2


async def test_two_conversations_cannot_go_on_with_one_run() -> None:
    """They would buy its pictures twice, and answer each other's questions."""
    recorder = MemoryRecorder()
    async with Engine(ScriptedModel([Say("hi")]), PlainImages(), recorder=recorder) as engine:
        conversation = engine.conversation("run")
        await conversation.ask("hello")
        with pytest.raises(JournalError) as caught:
            await engine.resume("run")
        assert caught.value.code == "journal_busy"
        async with Engine(ScriptedModel([]), PlainImages(), recorder=recorder) as other:
            with pytest.raises(JournalError) as caught:
                await other.resume("run")
            assert caught.value.code == "journal_busy"
            taken = other.conversation("run")
            with pytest.raises(JournalError) as caught:
                await taken.ask("mine")
            assert caught.value.code == "run_exists"


async def test_leaving_the_engine_while_a_turn_runs_orders_nothing_more() -> None:
    """What was ordered is received; what waits for its turn is not ordered, and not said to be."""
    gate, started = anyio.Event(), anyio.Event()

    async def wait(request: ImageRequest, purchase: Purchase) -> None:
        started.set()
        await gate.wait()

    images = PlainImages(before=wait, concurrency=1)
    model = ScriptedModel([Say(calls=draw("a", "b"))])
    errors: list[CallerError] = []
    conversation: Conversation | None = None

    async def ask() -> None:
        assert conversation is not None
        try:
            await conversation.ask("draw")
        except CallerError as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks, Engine(model, images) as engine:
        conversation = engine.conversation()
        tasks.start_soon(ask)
        await started.wait()
        gate.set()
    assert [error.code for error in errors] == ["engine_closed"]
    assert len(images.submissions) == 1
    assert conversation is not None
    first, second = conversation.state.calls
    assert first.outcome is not None
    assert (second.outcome, second.submitted_at_s) == (None, None)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_of_somebody_elses_is_a_failure_not_an_end() -> None:
    """On asyncio an application's own code can raise CancelledError."""

    async def cancelled() -> str:
        raise asyncio.CancelledError

    async def also(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "a":
            raise asyncio.CancelledError

    tool = Tool("odd", "", {"type": "object", "properties": {}}, cancelled)
    model = ScriptedModel([Say(calls=[("odd", "{}"), *draw("a", "b")]), Say("![b](image://2)")])
    async with Engine(model, PlainImages(before=also), tools=[tool]) as engine:
        reply = await engine.conversation().ask("draw")
    assert [call["code"] for call in reply.calls] == ["tool_failed", "internal", None]
    assert len(reply.images) == 1

    def script(request: ChatRequest) -> Say:
        raise asyncio.CancelledError

    async with Engine(ScriptedModel(script), PlainImages()) as engine:
        with pytest.raises(ModelError) as caught:
            await engine.conversation().ask("draw")
    assert caught.value.code == "upstream_failed"


class BreakingStorage(MemoryStorage):
    """A store of an application that raises what it likes."""

    error: Exception = OSError("gone")

    async def put(self, owner: str, data: Content) -> str:
        raise self.error


@pytest.mark.parametrize("error", [OSError("gone"), TimeoutError(), ValueError("odd")], ids=repr)
async def test_a_store_that_breaks_in_any_way_loses_nothing_that_was_paid_for(error: Exception) -> None:
    """The bytes are put aside, and the call says where."""
    storage = BreakingStorage()
    storage.error = error
    model = ScriptedModel([Say(calls=draw("a")), Say("sorry")])
    async with Engine(model, PlainImages(price=1.0), storage=storage) as engine:
        reply = await engine.conversation().ask("draw")
    (call,) = reply.calls
    assert (call["code"], call["paid"]) == ("image_store_full", True)
    assert reply.receipt["images"][0]["cost_usd"] == 1.0
    rescued = anyio.Path(call["rescued"])
    assert await rescued.read_bytes() == plain_png("a")
    await rescued.unlink()


async def test_a_picture_whose_fact_could_not_be_recorded_is_remembered() -> None:
    """A journal that fails for a moment does not lose what was paid for."""
    recorder = _Hiccup()
    model = ScriptedModel([Say(calls=draw("a")), Say("![a](image://1)")])
    images = PlainImages()
    async with Engine(model, images, recorder=recorder) as engine:
        conversation = engine.conversation("run")
        with pytest.raises(JournalError):
            await conversation.ask("draw")
        recorder.broken = False
        reply = await conversation.resume()
    assert len(reply.images) == 1
    assert len(images.submissions) == 1


class _Hiccup(MemoryRecorder):
    """Cannot record the outcome of a picture while it is broken."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = True

    async def begin(self, run: str, state: Any) -> Any:
        journal = await super().begin(run, state)
        recorder = self

        class Slots:
            def reserve(self, keys: Any) -> Any:
                (key,) = keys
                if recorder.broken and key.endswith("generate_image"):
                    raise JournalError("for a moment", code="journal_unavailable")
                return journal.reserve((key,))

        return Slots()


async def test_a_recorder_that_raises_anything_takes_no_other_conversation_along() -> None:
    """Only its own turn ends, with an error of ours."""

    class Broken(MemoryRecorder):
        async def begin(self, run: str, state: Any) -> Any:
            journal = await super().begin(run, state)
            if run != "bad":
                return journal

            class Slots:
                def reserve(self, keys: Any) -> Any:
                    (key,) = keys
                    if key.endswith("generate_image"):
                        raise OSError("disk")
                    return journal.reserve((key,))

            return Slots()

    def script(request: ChatRequest) -> Say:
        return Say("done") if results(request) else Say(calls=draw("a"))

    async with Engine(ScriptedModel(script), PlainImages(), recorder=Broken()) as engine:
        with pytest.raises(JournalError):
            await engine.conversation("bad").ask("draw")
        reply = await engine.conversation("good").ask("draw")
    assert len(reply.images) == 1


async def test_a_resumed_run_may_speak_of_a_tool_that_is_gone() -> None:
    """It is answered like any unknown tool; the run is not lost."""
    recorder = MemoryRecorder()
    started = anyio.Event()

    async def stall() -> str:
        started.set()
        await anyio.sleep_forever()
        return ""

    tool = Tool("old", "", {"type": "object", "properties": {}}, stall)
    model = ScriptedModel([Say(calls=[("old", "{}")])])
    async with (
        Engine(model, PlainImages(), tools=[tool], recorder=recorder) as engine,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(engine.conversation("run").ask, "go")
        await started.wait()
        tasks.cancel_scope.cancel()
    async with Engine(ScriptedModel([Say("so be it")]), PlainImages(), recorder=recorder) as engine:
        reply = await (await engine.resume("run")).resume()
    assert (reply.calls[0]["code"], reply.text) == ("unknown_tool", "so be it")


async def test_results_are_handed_in_all_or_none() -> None:
    """One that cannot be used leaves the others to be handed in again."""
    tool = Tool("ask_user", "", {"type": "object", "properties": {"n": {}}})
    model = ScriptedModel([Say(calls=[("ask_user", '{"n": 1}'), ("ask_user", '{"n": 2}')]), Say("thanks")])
    async with Engine(model, PlainImages(), tools=[tool]) as engine:
        conversation = engine.conversation()
        first, second = (await conversation.ask("go")).waiting
        with pytest.raises(CallerError) as caught:
            await conversation.resume({first.id: "fine", second.id: {1, 2}})
        assert caught.value.code == "tool_result_not_json"
        assert (await conversation.resume({first.id: "fine", second.id: "too"})).text == "thanks"


@pytest.mark.parametrize("arrives", [True, False])
async def test_an_earlier_turns_late_picture_is_told_the_same_whole_and_streamed(arrives: bool) -> None:
    """DESIGN decision 2: where it stands, it is shown, or its sentence stands there."""
    gates = [anyio.Event(), anyio.Event()]

    async def wait(request: ImageRequest, purchase: Purchase) -> None:
        await gates[int(request.prompt)].wait()

    def script(at: int) -> Any:
        async def speak(request: ChatRequest) -> Say:
            if len(request.messages) == 1:
                return Say(calls=draw(str(at)))
            if request.messages[-1].role == "tool":
                return Say("Later. ")
            if arrives:
                gates[at].set()
            return Say("Look: ![it](image://1) there.", gap_s=0.01)

        return speak

    texts: list[str] = []
    for at in (0, 1):
        limits = Limits(seconds=0.05)
        engine = Engine(ScriptedModel(script(at)), PlainImages(before=wait), limits=limits, drain_s=0)
        async with engine:
            await engine.inspector.inspect(plain_png("x"))  # what it loads is not the turn's time
            conversation = engine.conversation()
            await conversation.ask("draw")
            if at == 0:
                reply = await conversation.ask("show")
                texts.append(reply.markdown(lambda part: str(part.number)))
            else:
                async with conversation.stream("show") as stream:
                    events = [event async for event in stream]
                shown = [event.notice for event in events if isinstance(event, ImageFailed)]
                texts.append(stream.reply.markdown(lambda part: str(part.number)))
                if not arrives:
                    assert len(shown) == 1
                    assert shown[0] in texts[1]
    assert texts[0].replace("picture of 0", "picture of 1") == texts[1]
    assert ("![it]" in texts[0]) == arrives
    assert ("a picture of 0" in texts[0]) != arrives


async def test_a_fence_left_open_by_one_round_does_not_swallow_the_next() -> None:
    """Each round is a text of its own."""
    model = ScriptedModel([Say("Like this:\n\n```py\nx = 1", draw("a")), Say("And ![fox](image://1) here.")])
    async with Engine(model, PlainImages()) as engine:
        reply = await engine.conversation().ask("draw")
    assert reply.markdown(lambda _: "x.png") == "Like this:\n\n```py\nx = 1\n```\n\nAnd ![fox](x.png) here."


async def test_when_the_time_runs_out_while_the_model_asks_for_pictures_it_still_gets_the_last_word() -> None:
    """Asked once more with tools off, so the reader gets an answer that says what is missing."""
    model = ScriptedModel([Say("Let me draw. " * 3, draw("a"), gap_s=0.02), Say("No time for pictures.")])
    images = PlainImages()
    async with Engine(model, images, limits=Limits(seconds=0.05)) as engine:
        reply = await engine.conversation().ask("draw")
    assert reply.text.endswith("No time for pictures.")
    assert reply.incomplete == "seconds"
    assert (images.submissions, reply.calls[0]["code"]) == ([], "turn_deadline")
    assert model.requests[1].tool_choice == "none"


async def test_a_promise_does_not_outlive_the_time_of_a_reply_that_was_cut_short() -> None:
    """The limit of seconds holds whatever the finish reason was."""

    async def stall(request: ImageRequest, purchase: Purchase) -> None:
        await anyio.sleep(5)

    model = ScriptedModel([Say(calls=draw("a")), Say("Cut", finish_reason="length")])
    limits = Limits(seconds=0.1)
    engine = Engine(model, PlainImages(before=stall), limits=limits, promise_after_s=0, drain_s=0)
    with anyio.fail_after(2):
        async with engine:
            reply = await engine.conversation().ask("draw")
    assert reply.calls[0]["status"] == "pending"


async def test_a_call_that_was_refused_does_not_use_up_the_pictures() -> None:
    """A repair must be possible under a limit of one."""
    model = ScriptedModel(
        [Say(calls=[("generate_image", "{}")]), Say(calls=draw("a")), Say("![a](image://1)")]
    )
    async with Engine(model, PlainImages(), limits=Limits(images=1, calls=1)) as engine:
        reply = await engine.conversation().ask("draw")
    assert len(reply.images) == 1


async def test_tools_that_are_switched_off_stay_off() -> None:
    """`tool_choice="none"`: what the model calls all the same is not bought."""
    images = PlainImages()
    model = ScriptedModel([Say("no", draw("a"))])
    async with Engine(model, images, tool_choice="none") as engine:
        reply = await engine.conversation().ask("draw")
    assert (reply.text, images.submissions, len(model.requests)) == ("no", [], 1)


async def test_another_conversations_messages_keep_their_references() -> None:
    """A reference that was given out is never given out again, and call ids stay unique."""
    history = (
        Message("user", "hi"),
        Message("assistant", "", (ToolCall("c00101000", "generate_image", "{}"),)),
        Message("tool", '{"status": "ok", "imageUrl": "image://7"}', call_id="c00101000"),
        Message("assistant", "![x](image://7)"),
    )
    model = ScriptedModel([Say(calls=draw("new")), Say("![new](image://8) ![old](image://7)")])
    async with Engine(model, PlainImages()) as engine:
        reply = await engine.conversation(history=history).ask("draw")
    ids = [call.id for message in model.requests[1].messages for call in message.calls]
    assert len(ids) == len(set(ids)) == 2
    assert [message.call_id for message in model.requests[1].messages if message.role == "tool"] == ids
    assert [image.number for image in reply.images] == [8]


async def test_what_the_model_made_up_is_sent_back_in_a_form_that_providers_take() -> None:
    """A strict provider would refuse the history for ever."""
    model = ScriptedModel([Say(calls=[("draw a picture!", "{}")]), Say("sorry")])
    async with Engine(model, PlainImages()) as engine:
        reply = await engine.conversation().ask("draw")
    assert model.requests[1].messages[1].calls[0].name == "draw_a_picture_"
    assert reply.calls[0]["code"] == "unknown_tool"


async def test_results_that_are_no_json_or_too_large_are_bounded() -> None:
    """NaN is no JSON; a large result would be sent with every later request."""

    async def nan() -> float:
        return math.nan

    async def huge() -> str:
        return "x" * 1_000_000

    schema: dict[str, Any] = {"type": "object", "properties": {}}
    tools = [Tool("nan", "", schema, nan), Tool("huge", "", schema, huge)]
    model = ScriptedModel([Say(calls=[("nan", "{}"), ("huge", "{}")]), Say("ok")])
    async with Engine(model, PlainImages(), tools=tools) as engine:
        await engine.conversation().ask("go")
    first, second = [message.text for message in model.requests[1].messages if message.role == "tool"]
    assert json.loads(first)["code"] == "tool_failed"
    assert len(second) < 70_000
    assert "1000000 characters" in second


async def test_lone_surrogates_from_anywhere_break_nothing() -> None:
    """U15: no encoding can hold them, so they become replacement characters on arrival."""

    class Odd(PlainImages):
        async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
            return (Drawing(plain_png("x"), "m\ud800", revised_prompt="r\udfff"),)

    model = ScriptedModel(
        [Say("a\ud800 ", [("generate_image", '{"prompt": "\\ud800", "alt": "b\\udfff"}')]), Say("c\ud800")]
    )
    async with Engine(model, Odd()) as engine:
        reply = await engine.conversation().ask("hi \ud800")
    json.dumps(reply.to_dict(), ensure_ascii=False).encode()
    reply.markdown().encode()
    json.dumps([message.text for message in model.requests[-1].messages], ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Limits(usd=math.nan), "limits_invalid"),
        (lambda: Limits(usd=-1), "limits_invalid"),
        (lambda: Limits(rounds=cast("int", math.nan)), "limits_invalid"),
        (lambda: Limits(seconds=0), "limits_invalid"),
        (lambda: Limits(seconds=math.nan), "limits_invalid"),
        (lambda: Limits(images=-1), "limits_invalid"),
        (lambda: Engine(ScriptedModel([]), PlainImages(), tool_choice="paint"), "tool_choice_unknown"),
        (lambda: Engine(ScriptedModel([]), PlainImages(), promise_after_s=-1), "promise_invalid"),
        (lambda: Engine(ScriptedModel([]), PlainImages(), promise_after_s=math.nan), "promise_invalid"),
        (lambda: Engine(ScriptedModel([]), ImageTool(PlainImages(), name="a b")), "tool_name_invalid"),
        (
            lambda: Engine(
                ScriptedModel([]),
                PlainImages(),
                tools=[Tool("x", "", {"properties": {"a": {"$ref": "#/$defs/b"}}})],
            ),
            "schema_invalid",
        ),
    ],
)
async def test_settings_that_cannot_be_meant_are_refused(make: Any, code: str) -> None:
    """A budget of NaN would buy without a limit."""
    with pytest.raises(CallerError) as caught:
        make()
    assert caught.value.code == code


async def test_a_maker_whose_price_breaks_is_not_asked() -> None:
    """Its call fails; nothing is bought and the run goes on."""

    class Odd(PlainImages):
        def resolve(self, request: ImageRequest) -> Resolved:
            raise ZeroDivisionError

    images = Odd()
    model = ScriptedModel([Say(calls=draw("a")), Say("sorry")])
    async with Engine(model, images) as engine:
        reply = await engine.conversation().ask("draw")
    assert (reply.calls[0]["code"], reply.calls[0]["paid"], images.submissions) == ("internal", False, [])


async def test_requests_that_were_left_are_counted() -> None:
    """They were paid for like the others."""
    model = ScriptedModel([Say("One two three", gap_s=0.001), Say("done")])
    async with Engine(model, PlainImages()) as engine:
        conversation = engine.conversation()
        async with conversation.stream("go") as stream:
            async for _ in stream:
                break
        reply = await conversation.resume()
    assert reply.receipt["chat"]["requests"] == 2


async def test_a_reply_without_end_is_cut_off_and_its_stream_closed() -> None:
    """A model may not fill the memory; what it said by then is the reply."""

    class Endless(ScriptedModel):
        async def stream(self, request: ChatRequest) -> Any:
            while True:
                yield (Delta("word " * 100_000),)
                await anyio.lowlevel.checkpoint()

    async with Engine(Endless([]), PlainImages()) as engine:
        reply = await engine.conversation().ask("talk")
    assert reply.incomplete == "length"
    assert MAX_TEXT < len(reply.text) < MAX_TEXT + 1_000_000


async def test_long_texts_are_told_the_same_in_slices() -> None:
    """Long deltas are cut for the event loop's sake; placement does not see the cuts."""
    text = "Words and ![fox](image://1) and `code ![x](y)` and ![z](https://evil.example/) " * 400
    model = ScriptedModel(lambda request: Say(text) if results(request) else Say(calls=draw("a")))
    async with Engine(_Whole(model), PlainImages()) as engine:
        whole = await engine.conversation().ask("draw")
        async with engine.conversation().stream("draw") as stream:
            told = "".join([event.text async for event in stream if isinstance(event, TextDelta)])
    assert stream.reply.text == whole.text == told
    assert len(whole.images) == 1


async def test_a_model_that_failed_can_be_asked_again() -> None:
    """Resuming a failed turn goes on from its facts: pictures stay bought, half a sentence is not said twice."""
    broken = ModelError("gone", code="upstream_reset", retryable=True)
    model = ScriptedModel([Say("", draw("a")), Say("Half a ", error=broken), Say("Whole: ![a](image://1)")])
    images, recorder, storage = PlainImages(), MemoryRecorder(), MemoryStorage()
    async with Engine(model, images, recorder=recorder, storage=storage) as engine:
        with pytest.raises(ModelError):
            await engine.conversation("run").ask("draw")
    async with Engine(model, images, recorder=recorder, storage=storage) as engine:
        conversation = await engine.resume("run")
        assert conversation.reply.text.startswith("Half a ")
        reply = await conversation.resume()
    assert reply.text == "Whole: "
    assert (len(reply.images), len(images.submissions)) == (1, 1)
    assert [message.role for message in model.requests[-1].messages] == ["user", "assistant", "tool"]


class _Whole:
    """Says each reply in one delta."""

    offline = False
    name = "whole"

    def __init__(self, inner: ScriptedModel) -> None:
        self.inner = inner

    async def stream(self, request: ChatRequest) -> Any:
        deltas = [delta async for batch in self.inner.stream(request) for delta in batch]
        yield (Delta("".join(delta.text for delta in deltas)), *[each for each in deltas if not each.text])

    async def aclose(self) -> None:
        pass


async def test_pictures_that_nobody_asked_for_leave_no_file(tmp_path: Path) -> None:
    """An order is for one picture; of what comes beyond it nothing stays on the disk."""
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        file.write_bytes(plain_png(file.name))

    class Generous(PlainImages):
        async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
            return tuple(Drawing(file, "plain") for file in files)

    async with Engine(ScriptedModel([Say(calls=draw("a")), Say("done")]), Generous()) as engine:
        reply = await engine.conversation().ask("draw")
        assert reply.read is not None
        assert await reply.read(reply.images[0].picture.id) == plain_png("one")
    assert os.listdir(tmp_path) == []


class UnreadableStorage(MemoryStorage):
    """A store of an application that keeps pictures and cannot read them again."""

    async def open(self, id: str) -> bytes:
        raise OSError("gone")


async def test_an_order_that_could_not_be_written_costs_nothing() -> None:
    """Fails if what comes before the sending is taken for the order: its money would be gone."""
    fox = ("generate_image", {"prompt": "a", "alt": "a", "name": "fox"})
    like = ("generate_image", {"prompt": "b", "alt": "b", "like": ["fox"]})
    images = PlainImages(price=1.0, max_references=1)
    model = ScriptedModel([Say(calls=[fox, like]), Say("sorry")])
    async with Engine(model, images, storage=UnreadableStorage()) as engine:
        reply = await engine.conversation().ask("draw")
        assert engine.budget.spent_usd == 1.0
    assert [(call["status"], call["code"], call["paid"]) for call in reply.calls] == [
        ("ok", None, True),
        ("error", "internal", False),
    ]
    assert len(images.submissions) == 1
    assert reply.receipt["images_usd"] == 1.0


class Narrower(PlainImages):
    """A maker that takes less than it said when it named the price, like one that was changed meanwhile."""

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        await anyio.lowlevel.checkpoint()
        raise ParameterError("aspect_ratio", request.aspect_ratio, "1:1", model="narrower")


async def test_what_a_maker_refuses_before_it_sends_anything_costs_nothing() -> None:
    """`ImageBackend.draw`: ParameterError, as `resolve`; nothing was sent."""
    model = ScriptedModel([Say(calls=draw("a")), Say("sorry")])
    async with Engine(model, Narrower(price=1.0)) as engine:
        reply = await engine.conversation().ask("draw")
        assert engine.budget.spent_usd == 0.0
    (call,) = reply.calls
    assert (call["code"], call["paid"]) == ("image_bad_request", False)


async def test_what_an_earlier_process_has_ordered_may_be_billed_whatever_comes_now() -> None:
    """Scorecard P01: the first order is out there, and its money counts as spent."""
    recorder, storage = MemoryRecorder(), MemoryStorage()
    stalled = anyio.Event()

    async def stall(request: ImageRequest, purchase: Purchase) -> None:
        stalled.set()
        await anyio.sleep_forever()

    first = PlainImages(policy="idempotent", before=stall, price=1.0)
    engine = Engine(
        ScriptedModel([Say(calls=draw("a"))]), first, recorder=recorder, storage=storage, drain_s=0
    )
    async with engine, anyio.create_task_group() as tasks:
        tasks.start_soon(engine.conversation("run").ask, "draw")
        await stalled.wait()
        tasks.cancel_scope.cancel()
    second = Narrower(policy="idempotent", price=1.0)
    async with Engine(ScriptedModel([Say("sorry")]), second, recorder=recorder, storage=storage) as engine:
        reply = await (await engine.resume("run")).resume()
        assert engine.budget.spent_usd == 1.0
    (call,) = reply.calls
    assert (call["code"], call["paid"]) == ("image_bad_request", None)


async def test_what_failed_costs_what_its_provider_says() -> None:
    """Money: the real usage settles the reservation, also of a refusal that is billed by its words."""

    async def refuse(request: ImageRequest, purchase: Purchase) -> None:
        raise PictureError("image_policy", billed="unknown", cost_usd=0.002)

    model = ScriptedModel([Say(calls=draw("a")), Say("sorry")])
    async with Engine(model, PlainImages(price=1.0, before=refuse)) as engine:
        reply = await engine.conversation().ask("draw")
        assert engine.budget.spent_usd == 0.002
    assert (reply.receipt["images_usd"], reply.receipt["images"][0]["estimated"]) == (0.002, False)


@pytest.mark.parametrize("part", ["model", "images"])
def test_a_name_is_no_part_of_an_engine(part: str) -> None:
    """Bad input gets a sentence that names what to give instead."""
    with pytest.raises(CallerError) as caught:
        Engine(**{part: "gpt-5"})  # type: ignore[arg-type]  # what newcomers try
    assert caught.value.code == "part_invalid"
