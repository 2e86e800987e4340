"""One turn from the question to the illustrated reply."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from limner import (
    Engine,
    FolderStorage,
    ImagePart,
    ImageTool,
    Limits,
    MemoryStorage,
    Message,
    SQLiteRecorder,
    TextPart,
    Tool,
    ToolPicture,
    ToolResult,
)
from limner.core.messages import ChatRequest
from limner.errors import CallerError, ModelError, PictureError, StoreError
from limner.images.protocol import ImageRequest, Purchase
from limner.testing import PlainImages, Say, ScriptedModel, plain_png

pytestmark = pytest.mark.anyio


def draw(*prompts: str) -> list[tuple[str, dict[str, str]]]:
    return [("generate_image", {"prompt": prompt, "alt": f"a picture of {prompt}"}) for prompt in prompts]


def results(request: ChatRequest) -> list[dict[str, Any]]:
    return [json.loads(message.text) for message in request.messages if message.role == "tool"]


def place_all(request: ChatRequest) -> Say:
    """Write every picture that is there, and name the codes of the others."""
    lines = [
        f"![picture {at}]({each['imageUrl']})" if each["status"] == "ok" else f"missing: {each['code']}"
        for at, each in enumerate(results(request), start=1)
    ]
    return Say("\n\n".join(lines))


def two_rounds(*prompts: str) -> ScriptedModel:
    def script(request: ChatRequest) -> Say:
        asked = request.messages[-1].role == "user"
        return Say("Here you are.", draw(*prompts)) if asked else place_all(request)

    return ScriptedModel(script)


async def test_text_and_pictures_come_in_reading_order_each_picture_once() -> None:
    """DESIGN decision 2."""
    async with Engine(two_rounds("a fox", "an owl"), PlainImages()) as engine:
        reply = await engine.conversation().ask("draw")
    assert [type(part) for part in reply.parts] == [TextPart, ImagePart, TextPart, ImagePart]
    assert [image.alt for image in reply.images] == ["picture 1", "picture 2"]
    assert reply.complete
    assert reply.receipt["cost_usd"] == 0.0
    assert reply.text.startswith("Here you are.")


async def test_calls_of_a_turn_run_at_the_same_time_up_to_the_backends_limit() -> None:
    """At the same time under a per-backend limit."""
    images = PlainImages(delay_s=0.02, concurrency=3)
    async with Engine(two_rounds(*"abcdefg"), images) as engine:
        reply = await engine.conversation().ask("draw")
    assert len(reply.images) == 7
    assert images.most_at_once == 3


async def test_results_are_answered_in_the_order_asked_however_they_finish() -> None:
    """DESIGN decision 7."""
    gate = anyio.Event()

    async def first_waits(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "slow":
            with anyio.fail_after(5):
                await gate.wait()
        gate.set()

    model = two_rounds("slow", "fast")
    async with Engine(model, PlainImages(before=first_waits)) as engine:
        reply = await engine.conversation().ask("draw")
    assert [image.picture.prompt for image in reply.images] == ["slow", "fast"]
    assert [each["imageUrl"] for each in results(model.requests[-1])] == ["image://1", "image://2"]


async def test_one_failing_call_never_disturbs_its_siblings() -> None:
    """DESIGN decision 3, I20: two shown, two failed, the text completes."""

    async def some_fail(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "refused":
            raise PictureError("image_policy", billed="no", detail="SECRET of the provider")
        if request.prompt == "broken":
            raise RuntimeError("SECRET in an exception")

    model = two_rounds("a", "refused", "broken", "b")
    async with Engine(model, PlainImages(before=some_fail)) as engine:
        reply = await engine.conversation().ask("draw")
    assert [image.picture.prompt for image in reply.images] == ["a", "b"]
    assert [call["code"] for call in reply.calls] == [None, "image_policy", "internal", None]
    assert "missing: image_policy" in reply.text
    assert not reply.complete
    assert "SECRET" not in json.dumps(reply.to_dict()) + str(model.requests)


async def test_a_call_has_a_deadline_of_its_own() -> None:
    """Each under its own deadline; I02: not submitted again."""

    async def stall(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "never":
            await anyio.sleep_forever()

    images = PlainImages(before=stall, timeout_s=0.05)
    async with Engine(two_rounds("never", "b"), images) as engine:
        reply = await engine.conversation().ask("draw")
    assert [call["code"] for call in reply.calls] == ["image_timeout", None]
    assert reply.calls[0]["paid"] is None
    assert reply.receipt["unknown"] == [reply.calls[0]["call"]]
    assert len(images.submissions) == 2


async def test_bytes_that_are_no_picture_are_never_shown() -> None:
    """I10: SVG and friends are refused by their bytes."""

    class Svg(PlainImages):
        async def draw(self, request: ImageRequest, purchase: Purchase) -> Any:
            from limner import Drawing

            return (Drawing(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),)

    async with Engine(two_rounds("a"), Svg()) as engine:
        reply = await engine.conversation().ask("draw")
    assert (reply.images, reply.calls[0]["code"]) == ((), "image_type_not_allowed")
    assert reply.calls[0]["paid"] is True


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ('{"prompt": "a fox", "alt": ', "arguments_invalid_json"),
        ("[1]", "arguments_not_object"),
        ('{"prompt": 7, "alt": "x"}', "arguments_schema"),
        ('{"prompt": "x"}', "arguments_schema"),
        ('{"prompt": "x", "alt": "y", "size": "8x8"}', "arguments_schema"),
        ('{"prompt": "x", "alt": "y", "aspect_ratio": "5:1"}', "arguments_schema"),
    ],
)
async def test_a_violation_goes_back_to_the_model_which_may_put_it_right(arguments: str, code: str) -> None:
    """U23, U25: not executed, no repaired guess."""

    def script(request: ChatRequest) -> Say:
        answers = results(request)
        if not answers:
            return Say(calls=[("generate_image", arguments)])
        return Say(calls=draw("right")) if len(answers) == 1 else Say("done")

    model, images = ScriptedModel(script), PlainImages()
    async with Engine(model, images) as engine:
        reply = await engine.conversation().ask("draw")
    answer = results(model.requests[1])[0]
    assert (answer["status"], answer["code"]) == ("error", code)
    assert [image.picture.prompt for image in reply.images] == ["right"]
    assert len(images.submissions) == 1


async def test_a_schema_error_names_the_place_and_never_the_value() -> None:
    """U25: JSON pointer and keyword only."""
    model = ScriptedModel([Say(calls=[("generate_image", '{"prompt": 12345, "alt": "x"}')]), Say("ok")])
    async with Engine(model, PlainImages()) as engine:
        await engine.conversation().ask("draw")
    error = results(model.requests[1])[0]["error"]
    assert "/prompt" in error
    assert "string" in error
    assert "12345" not in error


async def test_the_model_is_told_how_to_place_pictures_and_nothing_else_is_added() -> None:
    """The tool's description teaches; the engine adds no system message."""
    model = ScriptedModel([Say("hi")])
    async with Engine(model, PlainImages()) as engine:
        await engine.conversation().ask("hello")
    (request,) = model.requests
    assert request.messages == (Message("user", "hello"),)
    (tool,) = request.tools
    assert "![alt](imageUrl)" in tool.description
    assert tool.parameters["required"] == ["prompt", "alt"]


async def test_what_the_application_fixed_is_not_the_models_to_say() -> None:
    """`aspect_ratio` where the application has not fixed it; everything else is configuration."""
    images = PlainImages()
    tool = ImageTool(images, name="paint", aspect_ratio="16:9", quality="low", output_format="webp")
    model = ScriptedModel([Say(calls=[("paint", {"prompt": "x", "alt": "y"})]), Say("ok")])
    async with Engine(model, tool, system="Be brief.") as engine:
        await engine.conversation().ask("draw")
    assert "aspect_ratio" not in model.requests[0].tools[0].parameters["properties"]
    assert images.requests == [ImageRequest("x", "16:9", quality="low", output_format="webp")]
    assert model.requests[0].messages[0] == Message("system", "Be brief.")


async def test_other_tools_stand_beside_the_image_tool_and_may_return_pictures() -> None:
    """Any async function with a schema, which may itself return pictures."""

    async def chart(title: str) -> ToolResult:
        return ToolResult({"points": 3}, (ToolPicture(plain_png(title), f"chart of {title}"),))

    async def weather(city: str) -> dict[str, str]:
        return {"city": city, "sky": "clear"}

    def script(request: ChatRequest) -> Say:
        if request.messages[-1].role == "user":
            return Say(calls=[("chart", {"title": "rain"}), *draw("a fox"), ("weather", {"city": "Bern"})])
        first, second, third = results(request)
        assert third == {"city": "Bern", "sky": "clear"}
        assert second == {"status": "ok", "imageUrl": "image://1"}
        assert first["images"] == [{"imageUrl": "image://2", "alt": "chart of rain"}]
        return Say("![](image://2) and ![](image://1)")

    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [Tool("chart", "Draw a chart.", schema, chart), Tool("weather", "The weather.", city, weather)]
    async with Engine(ScriptedModel(script), PlainImages(), tools=tools) as engine:
        reply = await engine.conversation().ask("both")
    assert [image.alt for image in reply.images] == ["chart of rain", "a picture of a fox"]


async def test_a_tool_that_raises_or_stalls_is_a_result_not_an_end() -> None:
    """CONVENTIONS: tools raise anything; the model reads a sentence of ours."""

    async def breaks() -> str:
        raise ValueError("SECRET")

    async def stalls() -> str:
        await anyio.sleep_forever()
        return ""

    async def odd() -> object:
        return object()

    empty = {"type": "object", "properties": {}}
    tools = [
        Tool("breaks", "", empty, breaks),
        Tool("stalls", "", empty, stalls, timeout_s=0.02),
        Tool("odd", "", empty, odd),
    ]
    model = ScriptedModel([Say(calls=[("breaks", ""), ("stalls", "null"), ("odd", "{}")]), Say("so it goes")])
    async with Engine(model, PlainImages(), tools=tools) as engine:
        reply = await engine.conversation().ask("try")
    assert [call["code"] for call in reply.calls] == ["tool_failed", "tool_timeout", "tool_failed"]
    assert "SECRET" not in str(model.requests)


async def test_a_tool_of_the_caller_makes_the_conversation_rest_until_it_has_the_results() -> None:
    """DESIGN: `pending` returns HandBack; our own calls of the same round run meanwhile."""
    tool = Tool("ask_user", "Ask.", {"type": "object", "properties": {"question": {"type": "string"}}})
    model = ScriptedModel(
        [Say(calls=[("ask_user", {"question": "colour?"}), *draw("a fox")]), Say("![](image://1)")]
    )
    async with Engine(model, PlainImages(), tools=[tool]) as engine:
        conversation = engine.conversation()
        resting = await conversation.ask("paint")
        (call,) = resting.waiting
        assert (call.name, json.loads(call.arguments)) == ("ask_user", {"question": "colour?"})
        with pytest.raises(CallerError) as caught:
            await conversation.resume({"other": 1})
        assert caught.value.code == "results_unknown"
        with pytest.raises(CallerError) as caught:
            await conversation.resume()
        assert caught.value.code == "results_missing"
        reply = await conversation.resume({call.id: "blue"})
    assert next(message.text for message in model.requests[1].messages if message.role == "tool") == "blue"
    assert len(reply.images) == 1
    assert reply.waiting == ()


async def test_a_resting_conversation_can_go_on_without_the_results() -> None:
    """Quirk 29: the history stays whole, every call answered."""
    tool = Tool("ask_user", "Ask.", {"type": "object", "properties": {}})
    model = ScriptedModel([Say(calls=[("ask_user", "{}")]), Say("fine")])
    async with Engine(model, PlainImages(), tools=[tool]) as engine:
        conversation = engine.conversation()
        await conversation.ask("paint")
        await conversation.ask("never mind")
    assert results(model.requests[1])[0]["code"] == "cancelled"


async def test_when_the_model_says_nothing_the_engine_says_what_there_is() -> None:
    """Quirk 38: an honest reply by the engine itself."""

    async def one_fails(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "b":
            raise PictureError("image_policy", billed="no")

    model = ScriptedModel([Say(calls=draw("a", "b", "c")), Say("")])
    async with Engine(model, PlainImages(before=one_fails)) as engine:
        reply = await engine.conversation().ask("draw")
    assert [image.alt for image in reply.images] == ["a picture of a", "a picture of c"]
    assert "a picture of b" in reply.text


@pytest.mark.parametrize(
    ("promise_after_s", "said"), [(0, "done"), (0, ""), (None, ""), (0, "![x](image://1)")]
)
async def test_what_is_missing_is_said_once(promise_after_s: float | None, said: str) -> None:
    """A promise that broke, or a picture that a silent model said nothing about."""

    async def fail(request: ImageRequest, purchase: Purchase) -> None:
        await anyio.sleep(0.01)
        raise PictureError("image_provider_error")

    model = ScriptedModel([Say(calls=draw("a fox")), Say(said)])
    async with Engine(model, PlainImages(before=fail), promise_after_s=promise_after_s) as engine:
        reply = await engine.conversation().ask("draw")
    assert reply.markdown().count("a picture of a fox") == 1


async def test_what_the_model_knows_is_missing_is_its_own_to_say() -> None:
    """The engine adds nothing to a model that was told and that speaks."""

    async def fail(request: ImageRequest, purchase: Purchase) -> None:
        raise PictureError("image_provider_error")

    model = ScriptedModel([Say(calls=draw("a fox")), Say("The fox would not sit still.")])
    async with Engine(model, PlainImages(before=fail)) as engine:
        reply = await engine.conversation().ask("draw")
    assert reply.markdown() == "The fox would not sit still."
    assert not reply.complete


async def test_a_picture_that_was_asked_for_again_and_drawn_is_not_missing() -> None:
    """A call that the model put right, or made again, leaves a whole reply."""
    attempts: list[str] = []

    async def first_fails(request: ImageRequest, purchase: Purchase) -> None:
        attempts.append(request.prompt)
        if len(attempts) == 1:
            raise PictureError("image_provider_error", billed="no")

    wrong = [("generate_image", {"prompt": "a fox"})]
    model = ScriptedModel(
        [Say(calls=wrong), Say(calls=draw("a fox")), Say(calls=draw("a fox")), Say("There.")]
    )
    async with Engine(model, PlainImages(before=first_fails)) as engine:
        reply = await engine.conversation().ask("draw")
    assert [call["made_good"] for call in reply.calls] == [True, True, False]
    assert reply.complete
    assert len(reply.images) == 1


async def test_a_turn_can_be_looked_at_as_it_stands() -> None:
    """Nothing that exists is out of reach because a turn was left."""
    model = ScriptedModel(
        [Say("First.", draw("a")), Say("Now ![it](image://1) is " + "word " * 50, gap_s=0.001)]
    )
    async with Engine(model, PlainImages()) as engine:
        conversation = engine.conversation()
        async with conversation.stream("draw") as stream:
            async for event in stream:
                if getattr(event, "text", "").strip() == "word":
                    break
        reply = conversation.reply
        assert (len(reply.images), reply.incomplete) == (1, "interrupted")
        assert reply.text.startswith("First.")
        assert "is word" in reply.text


async def test_a_fence_that_the_model_left_open_does_not_swallow_the_pictures() -> None:
    """DESIGN decision 2: every picture exactly once, and seen."""
    model = ScriptedModel([Say(calls=draw("a")), Say("Run this:\n\n```\nmake")])
    async with Engine(model, PlainImages()) as engine:
        reply = await engine.conversation().ask("draw")
    assert reply.markdown(lambda _: "x.png").endswith("```\nmake\n```\n\n![a picture of a](x.png)")


async def test_a_model_that_says_nothing_at_all_leaves_no_empty_reply() -> None:
    """U20: the reader is told."""
    async with Engine(ScriptedModel([Say("")]), PlainImages()) as engine:
        reply = await engine.conversation().ask("hello")
    assert reply.text.strip()


async def test_a_model_that_fails_leaves_what_exists_and_a_conversation_that_can_go_on() -> None:
    """Scorecard rule 1: text and pictures already produced are never thrown away."""
    broken = ModelError("the model stopped; ask again", code="upstream_reset", retryable=True)
    model = ScriptedModel([Say("First.", draw("a")), Say("And then", error=broken), Say("Back again.")])
    async with Engine(model, PlainImages()) as engine:
        conversation = engine.conversation()
        with pytest.raises(ModelError) as caught:
            await conversation.ask("draw")
        partial: Any = caught.value.reply
        assert caught.value.code == "upstream_reset"
        assert partial.text.startswith("First.\n\nAnd then")
        assert len(partial.images) == 1
        assert (await conversation.ask("again")).text == "Back again."
    assert [message.role for message in model.requests[-1].messages].count("assistant") == 2


async def test_a_model_that_fails_at_once_has_said_nothing() -> None:
    """The error says what happened; the partial reply adds no words of its own."""
    model = ScriptedModel([Say("", error=ModelError("wrong key", code="upstream_auth"))])
    async with Engine(model, PlainImages()) as engine:
        with pytest.raises(ModelError) as caught:
            await engine.conversation().ask("draw")
    partial: Any = caught.value.reply
    assert partial.parts == ()


async def test_pictures_of_earlier_turns_can_be_shown_again() -> None:
    """DESIGN decision 1: references are numbered through the whole conversation."""
    model = ScriptedModel([Say(calls=draw("a")), Say("![one](image://1)"), Say("Again: ![one](image://1)")])
    async with Engine(model, PlainImages()) as engine:
        conversation = engine.conversation()
        first = await conversation.ask("draw")
        second = await conversation.ask("show it again")
    assert [image.picture.id for image in second.images] == [image.picture.id for image in first.images]


async def test_pictures_of_the_user_get_references() -> None:
    """DESIGN decision 1; decision 6: never base64 in the model's context."""
    model = ScriptedModel([Say("You sent ![it](image://1)")])
    async with Engine(model, PlainImages()) as engine:
        reply = await engine.conversation().ask("look", pictures=[plain_png("mine")])
    assert "image://1" in model.requests[0].messages[0].text
    assert len(model.requests[0].messages[0].text) < 200
    assert len(reply.images) == 1


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"tools": [Tool("generate_image", "", {"type": "object"})]}, "tool_duplicate"),
        ({"tools": [Tool("x", "", {"type": "nonsense"})]}, "schema_invalid"),
        (
            {"tools": [Tool("x", "", {"properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}})]},
            "schema_remote_ref",
        ),
        ({"tools": [Tool("x", "", {"$ref": "file:///etc/passwd"})]}, "schema_remote_ref"),
    ],
)
async def test_tools_that_cannot_work_are_refused_before_anything_is_sent(more: Any, code: str) -> None:
    """S13: a remote reference is refused, so nothing is ever fetched."""
    with pytest.raises(CallerError) as caught:
        Engine(ScriptedModel([]), PlainImages(), **more)
    assert caught.value.code == code


async def test_one_conversation_answers_one_message_at_a_time() -> None:
    """Two turns at once would mix their answers."""
    asked, gate = anyio.Event(), anyio.Event()

    async def wait(request: ChatRequest) -> Say:
        asked.set()
        await gate.wait()
        return Say("one")

    async with Engine(ScriptedModel(wait), PlainImages()) as engine, anyio.create_task_group() as tasks:
        conversation = engine.conversation()
        tasks.start_soon(conversation.ask, "one")
        await asked.wait()
        with pytest.raises(CallerError) as caught:
            await conversation.ask("two")
        assert caught.value.code == "conversation_busy"
        gate.set()


async def test_an_engine_that_is_not_open_says_how_to_open_it() -> None:
    """Clear errors that name what to do."""
    engine = Engine(ScriptedModel([]), PlainImages())
    with pytest.raises(CallerError) as caught:
        engine.conversation()
    assert caught.value.code == "engine_closed"
    async with engine:
        conversation = engine.conversation()
        with pytest.raises(CallerError) as caught:
            await conversation.resume()
        assert caught.value.code == "nothing_to_resume"
        with pytest.raises(CallerError) as caught:
            await conversation.ask("   ")
        assert caught.value.code == "message_empty"
    with pytest.raises(CallerError) as caught:
        await conversation.ask("late")
    assert caught.value.code == "engine_closed"


async def test_a_budget_buys_what_it_can_and_names_the_rest() -> None:
    """DESIGN decision 5: five pictures with money for three."""
    images = PlainImages(price=0.04)
    async with Engine(two_rounds(*"abcde"), images, limits=Limits(usd=0.12)) as engine:
        reply = await engine.conversation().ask("draw")
    assert [call["code"] for call in reply.calls] == [None, None, None, "budget_exceeded", "budget_exceeded"]
    assert len(images.submissions) == 3
    assert reply.receipt["cost_usd"] == pytest.approx(0.12)


async def test_under_a_budget_a_picture_of_unknown_price_is_refused() -> None:
    """Until prices are known."""
    images = PlainImages(price=None)
    async with Engine(two_rounds("a"), images, limits=Limits(usd=1.0)) as engine:
        reply = await engine.conversation().ask("draw")
    assert reply.calls[0]["code"] == "price_unknown"
    assert images.submissions == []


async def test_at_each_limit_the_model_is_asked_once_more_with_tools_off() -> None:
    """The reader always gets an answer that says what is missing."""

    def endless(request: ChatRequest) -> Say:
        if request.tool_choice == "none":
            return place_all(request)
        return Say(calls=draw(f"picture {len(request.messages)}"))

    for limits in (Limits(rounds=2), Limits(images=2), Limits(calls=2), Limits(usd=0.2)):
        model = ScriptedModel(endless)
        async with Engine(model, PlainImages(price=0.1), limits=limits) as engine:
            reply = await engine.conversation().ask("draw")
        assert len(reply.images) == 2, limits
        assert model.requests[-1].tool_choice == "none"
        assert [request.tool_choice for request in model.requests].count("none") == 1


async def test_when_the_time_is_over_the_model_is_asked_to_finish() -> None:
    """The limit of seconds: what was ordered late is received, the reader is told."""

    async def slow(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "slow":
            await anyio.sleep(0.3)

    model = two_rounds("fast", "slow")
    async with Engine(model, PlainImages(before=slow), limits=Limits(seconds=0.1)) as engine:
        await engine.inspector.inspect(plain_png("x"))  # what it loads is not the turn's time
        conversation = engine.conversation()
        reply = await conversation.ask("draw")
        assert reply.incomplete == "seconds"
        assert [call["status"] for call in reply.calls] == ["ok", "pending"]
        assert len(reply.images) == 1
        assert "picture 2" in reply.text or "a picture of slow" in reply.text
    assert engine.unknown == ()
    assert [call.outcome is not None for call in conversation.state.calls] == [True, True]


async def test_a_model_that_speaks_for_ever_is_stopped_and_what_it_said_is_kept() -> None:
    """U32: `turn_deadline`, partial kept."""
    model = ScriptedModel([Say("word " * 1000, gap_s=0.01)])
    limits = Limits(seconds=0.05, closing_s=0.05)
    async with Engine(model, PlainImages(), limits=limits) as engine:
        with pytest.raises(ModelError) as caught:
            await engine.conversation().ask("talk")
    assert caught.value.code == "turn_deadline"
    partial: Any = caught.value.reply
    assert partial.text.startswith("word")
    assert model.closed_early == 1


async def test_a_conversation_continues_from_a_given_history() -> None:
    """A link that was minted earlier may stand in it as a reference."""
    model = ScriptedModel([Say("yes")])
    history = (Message("user", "hi"), Message("assistant", "hello"))
    async with Engine(model, PlainImages(), system="S") as engine:
        await engine.conversation(history=history).ask("still there?")
    assert [message.text for message in model.requests[0].messages] == ["S", "hi", "hello", "still there?"]


async def test_a_replys_bytes_can_be_read_back() -> None:
    """DESIGN decision 6: bytes are kept on arrival."""
    async with Engine(two_rounds("a fox"), PlainImages()) as engine:
        reply = await engine.conversation().ask("draw")
        assert reply.read is not None
        assert await reply.read(reply.images[0].picture.id) == plain_png("a fox")
        markdown = reply.markdown(await reply.data_urls())
    encoded = base64.b64encode(plain_png("a fox")).decode()
    assert f"](data:image/png;base64,{encoded})" in markdown.replace("<", "").replace(">", "")


async def test_a_picture_that_was_paid_for_and_cannot_be_stored_is_put_aside(tmp_path: Path) -> None:
    """P03 with DESIGN decision 3: `image_store_full`, and nothing that was paid for is thrown away."""
    (tmp_path / "file").touch()
    storage = FolderStorage(tmp_path / "file" / "inside")
    async with Engine(two_rounds("a fox"), PlainImages(), storage=storage) as engine:
        reply = await engine.conversation().ask("draw")
    (call,) = reply.calls
    assert (call["code"], call["paid"]) == ("image_store_full", True)
    rescued = anyio.Path(call["rescued"])
    try:
        assert await rescued.read_bytes() == plain_png("a fox")
    finally:
        await rescued.unlink()


async def test_pictures_live_beside_the_journal_unless_told_otherwise(tmp_path: Path) -> None:
    """A resumed run must find the pictures that its facts speak of."""
    journal = tmp_path / "run.journal"
    async with Engine(two_rounds("a fox"), PlainImages(), recorder=SQLiteRecorder(journal)) as engine:
        await engine.conversation("run").ask("draw")
    async with Engine(ScriptedModel([]), PlainImages(), recorder=SQLiteRecorder(journal)) as engine:
        reply = await (await engine.resume("run")).resume()
        assert reply.read is not None
        assert await reply.read(reply.images[0].picture.id) == plain_png("a fox")


async def test_a_link_of_ours_that_comes_back_is_a_reference_again() -> None:
    """DESIGN decision 1."""
    model = ScriptedModel([Say(calls=draw("a")), Say("![one](image://1)"), Say("yes")])
    async with Engine(model, PlainImages()) as engine:
        conversation = engine.conversation()
        first = await conversation.ask("draw")
        await conversation.ask(f"You sent me {first.markdown()} but I want it red.")
    assert "(image://1)" in model.requests[-1].messages[-1].text.replace("<", "").replace(">", "")
    assert first.images[0].link not in model.requests[-1].messages[-1].text


async def test_a_picture_of_the_user_that_is_none_is_refused_before_anything_is_sent() -> None:
    """Bad input gets a clear error, as the caller's."""
    model = ScriptedModel([])
    async with Engine(model, PlainImages()) as engine:
        with pytest.raises(CallerError) as caught:
            await engine.conversation().ask("look", pictures=[b"<svg/>"])
    assert caught.value.code == "image_type_not_allowed"
    assert model.requests == []


async def test_a_store_that_takes_no_picture_of_the_user_is_not_the_users_mistake() -> None:
    """503 and not 400: sending another picture would not help."""
    model = ScriptedModel([])
    async with Engine(model, PlainImages(), storage=MemoryStorage(max_bytes=1)) as engine:
        with pytest.raises(StoreError) as caught:
            await engine.conversation().ask("look", pictures=[plain_png("mine")])
    assert (caught.value.code, caught.value.http_status) == ("image_store_full", 503)
    assert model.requests == []


@pytest.mark.parametrize("given", ["a path", "fox.png", 5, None])
async def test_a_file_of_the_user_is_left_alone(given: Any, tmp_path: Path) -> None:
    """What is kept from a file is moved there, so a path that somebody gives for bytes is refused."""
    own = tmp_path / "mine.png"
    own.write_bytes(plain_png("mine"))
    picture: Any = own if given == "a path" else given
    async with Engine(ScriptedModel([]), PlainImages()) as engine:
        with pytest.raises(CallerError) as caught:
            await engine.conversation().ask("look", pictures=[picture])
    assert caught.value.code == "picture_not_bytes"
    assert own.read_bytes() == plain_png("mine")


async def test_a_file_of_a_tool_is_left_alone(tmp_path: Path) -> None:
    """The same of what a tool returns: the call fails, and the file stays."""
    own = tmp_path / "chart.png"
    own.write_bytes(plain_png("chart"))

    async def chart() -> ToolResult:
        return ToolResult({}, (ToolPicture(cast("Any", own), "a chart"),))

    model = ScriptedModel([Say(calls=[("chart", {})]), Say("Sorry.")])
    tool = Tool("chart", "A chart.", {"type": "object"}, chart)
    async with Engine(model, PlainImages(), tools=[tool]) as engine:
        reply = await engine.conversation().ask("chart")
    assert [call["code"] for call in reply.calls] == ["tool_failed"]
    assert own.read_bytes() == plain_png("chart")


async def test_a_call_that_nobody_has_answered_yet_has_no_answer_in_the_transcript() -> None:
    """`messages` is the truth of this moment: the application's own call waits, and the picture is there."""
    model = ScriptedModel([Say(calls=[*draw("fox"), ("look_up", {})]), Say("There.")])
    tool = Tool("look_up", "The caller runs it.", {"type": "object"})
    async with Engine(model, PlainImages(), tools=[tool]) as engine:
        conversation = engine.conversation()
        reply = await conversation.ask("draw")
        assert [message.role for message in conversation.messages] == ["user", "assistant", "tool"]
        await conversation.resume({reply.waiting[0].id: "found"})
        roles = [message.role for message in conversation.messages]
    assert roles == ["user", "assistant", "tool", "tool", "assistant"]
