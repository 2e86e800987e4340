"""Conversations that come with a history, and with parts of their own."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from limner import Budget, Engine, ImagePart, ImageTool, Limits, MemoryStorage, Message, Tool
from limner.core.messages import ChatRequest
from limner.core.pictures import Picture
from limner.core.stopping import StopWhen
from limner.engine.progress import ImagePlaced, TextDelta
from limner.errors import CallerError, JournalError
from limner.testing import PlainImages, Say, ScriptedModel, plain_png

pytestmark = pytest.mark.anyio

USER = Message(
    "user", "draw a fox", given={"role": "user", "content": [{"type": "text", "text": "draw a fox"}]}
)


def draw(*prompts: str) -> list[tuple[str, dict[str, Any]]]:
    return [("generate_image", {"prompt": prompt, "alt": f"a picture of {prompt}"}) for prompt in prompts]


def results(request: ChatRequest) -> list[dict[str, Any]]:
    return [json.loads(message.text) for message in request.messages if message.role == "tool"]


async def kept(storage: MemoryStorage, owner: str, words: str) -> Picture:
    name = await storage.put(owner, plain_png(words))
    return Picture(name, "0" * 64, "png", 8, 8, 100, alt=f"the old {words}")


async def test_a_history_is_answered_as_it_stands_and_sent_as_it_was_written() -> None:
    """DESIGN, "State is plain data": a message that somebody else wrote is not rewritten."""
    model = ScriptedModel([Say("A fox.")])
    async with Engine(model, PlainImages()) as engine:
        conversation = engine.conversation(history=[Message("system", "Be brief."), USER])
        reply = await conversation.answer()
    assert reply.text == "A fox."
    assert [message.given for message in model.requests[0].messages] == [None, USER.given]
    assert [message.role for message in conversation.messages] == ["system", "user", "assistant"]


async def test_a_history_that_ends_with_results_of_tools_is_answered_with_new_words_alone() -> None:
    """What the model said before the history ended is not said again."""
    history = [USER, Message("assistant", "I look it up."), Message("tool", "It is red.", call_id="x")]
    async with Engine(ScriptedModel([Say("It is red.")]), PlainImages()) as engine:
        reply = await engine.conversation(history=history).answer()
    assert reply.text == "It is red."


async def test_nothing_cannot_be_answered() -> None:
    """Bad input gets a clear error that names what to do."""
    async with Engine(ScriptedModel([]), PlainImages()) as engine:
        with pytest.raises(CallerError) as caught:
            await engine.conversation().answer()
    assert caught.value.code == "nothing_to_answer"


async def test_a_picture_of_the_history_can_be_shown_and_be_resembled() -> None:
    """DESIGN decision 1: references from earlier turns stay good."""

    def script(request: ChatRequest) -> Say:
        if not results(request):
            call = {"prompt": "the fox in rain", "alt": "a wet fox", "like": ["image://3"]}
            return Say("", [("generate_image", call)])
        new = results(request)[0]["imageUrl"]
        return Say(f"Before: ![dry](image://3)\n\nNow: ![wet]({new})")

    storage, images = MemoryStorage(), PlainImages(max_references=2)
    async with Engine(ScriptedModel(script), images, storage=storage) as engine:
        fox = await kept(storage, "alice", "fox")
        conversation = engine.conversation(owner="alice", history=[USER], pictures={3: fox})
        reply = await conversation.answer()
    assert [part.number for part in reply.images] == [3, 4]
    assert images.requests[0].references == (plain_png("fox"),)
    assert [part.picture.id == fox.id for part in reply.parts if isinstance(part, ImagePart)] == [True, False]


async def test_what_a_conversation_is_given_wins_over_the_engine_and_stays_open() -> None:
    """One engine serves many models, makers and tools."""
    own, other = ScriptedModel([Say("own"), Say("own")]), ScriptedModel([Say("other")])
    weather = {"type": "function", "function": {"name": "weather", "strict": True}}
    tool = Tool("weather", "", {}, given=weather)
    async with Engine(own, PlainImages()) as engine:
        theirs = engine.conversation(history=[USER], model=other, images=False, tools=[tool])
        assert (await theirs.answer()).text == "other"
        assert (await engine.conversation().ask("Hello")).text == "own"
        assert (await engine.conversation().ask("Hello")).text == "own"
    assert [spec.given for spec in other.requests[0].tools] == [weather]
    assert [spec.name for spec in own.requests[0].tools] == ["generate_image"]


async def test_a_tool_choice_that_is_not_there_is_refused_by_name() -> None:
    """Bad input gets a clear error that names what to do."""
    async with Engine(ScriptedModel([]), PlainImages()) as engine:
        with pytest.raises(CallerError) as caught:
            engine.conversation(images=False, tool_choice="generate_image")
    assert caught.value.code == "tool_choice_unknown"


async def test_a_budget_of_ones_own_stays_within_the_engines() -> None:
    """Scorecard S26: neither the part nor the whole is overspent."""

    def script(request: ChatRequest) -> Say:
        return Say("Done.") if results(request) else Say("", draw("a", "b", "c"))

    whole = Budget(0.03)
    alice, bob = Budget(0.02, within=whole), Budget(0.02, within=whole, spent_usd=0.0)
    async with Engine(ScriptedModel(script), PlainImages(price=0.01), budget=whole) as engine:
        codes = []
        for owner, budget in (("alice", alice), ("bob", bob)):
            conversation = engine.conversation(owner=owner, history=[USER], budget=budget)
            codes += [call["code"] for call in (await conversation.answer()).calls]
    assert codes == [None, None, "budget_exceeded", None, "budget_exceeded", "budget_exceeded"]
    assert (alice.spent_usd, bob.spent_usd, whole.spent_usd) == (0.02, 0.01, 0.03)
    assert alice.left_usd == bob.left_usd == 0


@pytest.mark.parametrize(
    "condition",
    [
        StopWhen("step_count_is", number=1),
        StopWhen("has_tool_call", word="generate_image"),
        StopWhen("max_tokens_used", number=10),
        StopWhen("max_cost", number=0.01),
        StopWhen("finish_reason_is", word="tool_calls"),
    ],
    ids=lambda each: each.kind,
)
async def test_the_calls_at_hand_run_and_the_model_finishes_where_a_condition_is_met(
    condition: StopWhen,
) -> None:
    """Source: OpenRouter API reference, "stop_server_tools_when"."""

    def script(request: ChatRequest) -> Say:
        return (
            Say("Enough.") if request.tool_choice == "none" else Say("", draw(f"no {len(request.messages)}"))
        )

    model = ScriptedModel(script)
    async with Engine(model, PlainImages(price=0.01)) as engine:
        prompted = engine.conversation(history=[USER], stop_when=[condition])
        reply = await prompted.answer()
    # The price counts once it is taken, which the first reply cannot know.
    rounds = 2 if condition.kind == "max_cost" else 1
    assert [request.tool_choice for request in model.requests] == ["auto"] * rounds + ["none"]
    assert len(reply.images) == rounds


async def test_a_condition_that_is_not_met_changes_nothing() -> None:
    """The limits hold as ever."""
    conditions = [StopWhen("step_count_is", number=9), StopWhen("finish_reason_is", word="length")]
    model = ScriptedModel(lambda request: Say("Done.") if results(request) else Say("", draw("a fox")))
    async with Engine(model, PlainImages()) as engine:
        conversation = engine.conversation(history=[USER], stop_when=conditions, limits=Limits(rounds=4))
        await conversation.answer()
    assert [request.tool_choice for request in model.requests] == ["auto", "auto"]


async def test_a_turn_that_waits_for_its_caller_leaves_places_to_the_model() -> None:
    """A picture without a place is put at the end of a reply that is finished, not in its middle."""

    def script(request: ChatRequest) -> Say:
        found = [each for each in results(request) if "imageUrl" in each]
        if not found:
            return Say("Let me see.", [*draw("a fox"), ("weather", {})])
        return Say(f"It rains. ![fox]({found[0]['imageUrl']})")

    weather = Tool("weather", "", {"type": "object"})
    async with Engine(ScriptedModel(script), PlainImages(), tools=[weather]) as engine:
        conversation = engine.conversation(history=[USER])
        events = []
        async with conversation.stream_answer() as stream:
            events = [event async for event in stream]
        assert "".join(each.text for each in events if isinstance(each, TextDelta)) == "Let me see."
        assert not any(isinstance(each, ImagePlaced) for each in events)
        assert stream.reply.images == ()
        assert [call.name for call in stream.reply.waiting] == ["weather"]
        reply = await conversation.resume({stream.reply.waiting[0].id: {"status": "ok", "sky": "grey"}})
    assert [part.alt for part in reply.images] == ["fox"]
    assert reply.text.startswith("Let me see.")


async def test_a_turn_is_gone_on_with_by_parts_that_are_given_again() -> None:
    """DESIGN, "to resume is to fold the recorded events and ask again"."""
    images, other = PlainImages(), PlainImages()
    tool = ImageTool(images, name="draw")
    first = ScriptedModel([Say("", [("weather", {})])])
    second = ScriptedModel([Say("", [("draw", {"prompt": "a fox", "alt": "a fox"})]), Say("There.")])
    weather = Tool("weather", "", {"type": "object"})
    async with Engine(ScriptedModel([]), other) as engine:
        asked = engine.conversation("run", history=[USER], model=first, images=tool, tools=[weather])
        waiting = (await asked.answer()).waiting
        asked.let_go()
        with pytest.raises(JournalError):
            await asked.ask("Are you there?")
        with anyio.fail_after(5):
            found = await engine.resume("run", model=second, images=tool, tools=[weather])
            reply = await found.resume({waiting[0].id: "rain"})
    assert len(reply.images) == len(images.submissions) == 1
    assert other.submissions == []


async def test_an_absurd_reference_in_a_history_leaves_room_for_ours() -> None:
    """References have nine digits at most; a client that writes a larger one pushes nobody beyond."""
    history = [Message("user", "image://999999999 and image://41, please")]
    model = ScriptedModel(lambda request: Say("Done.") if results(request) else Say("", draw("a fox")))
    async with Engine(model, PlainImages()) as engine:
        reply = await engine.conversation(history=history).answer()
    assert [part.number for part in reply.images] == [42]
