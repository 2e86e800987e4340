"""One picture drawn again; the text stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from limner import (
    CallerError,
    Conversation,
    Engine,
    ImageTool,
    Limits,
    PictureError,
    SQLiteRecorder,
)
from limner.images.protocol import ImageRequest, Purchase
from limner.testing import PlainImages, Say, ScriptedModel, plain_png

pytestmark = pytest.mark.anyio


def draw(prompt: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "generate_image", {"prompt": prompt, "alt": f"a picture of {prompt}", **more}


STORY = [Say(calls=[draw("fox"), draw("sea")]), Say("A ![f](image://1) b ![s](image://2) c.")]


async def bytes_of(conversation: Conversation, number: int) -> bytes:
    reply = conversation.reply
    (part,) = (part for part in reply.images if part.number == number)
    assert reply.read is not None
    return await reply.read(part.picture.id)


async def test_the_picture_is_new_and_the_text_is_not() -> None:
    """`Conversation.redraw`: reference, place and words stay; prompt and old picture go to the maker."""
    images = PlainImages(max_references=1, price=0.25)
    model = ScriptedModel([*STORY, Say("More.")])
    async with Engine(model, images) as engine:
        conversation = engine.conversation()
        first = await conversation.ask("a story")
        told = conversation.messages
        again = await conversation.redraw(2, "at night")
        assert conversation.messages == told
        assert again.markdown(lambda part: str(part.number)) == first.markdown(lambda part: str(part.number))
        digests = [[part.picture.sha256 for part in reply.images] for reply in (first, again)]
        assert digests[0][0] == digests[1][0]
        assert digests[0][1] != digests[1][1]
        assert await bytes_of(conversation, 2) == plain_png("sea\n\nChange: at night")
        assert images.requests[-1].references == (plain_png("sea"),)
        await conversation.ask("and then?")
    assert len(images.submissions) == 3
    assert [message.text for message in model.requests[-1].messages if message.role == "tool"] == [
        '{"status": "ok", "imageUrl": "image://1"}',
        '{"status": "ok", "imageUrl": "image://2"}',
    ]
    assert (again.receipt["cost_usd"], again.receipt["chat"]["requests"]) == (0.25, 0)
    assert [line["redraws"] for line in again.calls] == [None, None, 2]


async def test_changes_add_up_and_the_alt_text_can_be_mended() -> None:
    """What was changed before stays changed."""
    images = PlainImages()
    async with Engine(ScriptedModel(STORY), images) as engine:
        conversation = engine.conversation()
        reply = await conversation.ask("a story")
        await conversation.redraw(reply.images[0], "at night")
        reply = await conversation.redraw(1, "with a moon", alt="a fox under the moon")
    assert images.requests[-1].prompt == "fox\n\nChange: at night\n\nChange: with a moon"
    assert images.requests[-1].references == ()
    assert reply.images[0].picture.alt == "a fox under the moon"
    assert reply.images[0].alt == "f"


async def test_where_the_new_one_fails_the_old_one_stays() -> None:
    """DESIGN decision 3: what succeeded is never thrown away."""

    async def before(request: ImageRequest, purchase: Purchase) -> None:
        if "Change" in request.prompt:
            raise PictureError("image_policy", billed="no")

    async with Engine(ScriptedModel(STORY), PlainImages(before=before, price=0.5)) as engine:
        conversation = engine.conversation()
        first = await conversation.ask("a story")
        again = await conversation.redraw(1, "naughty")
    assert again.parts == first.parts
    assert (again.calls[-1]["status"], again.calls[-1]["code"]) == ("error", "image_policy")
    assert again.receipt["cost_usd"] == 0.0
    assert again.complete


async def test_a_picture_that_failed_can_be_asked_for_again() -> None:
    """Its place is found, and the model's next request carries the truth."""
    broken = True

    async def before(request: ImageRequest, purchase: Purchase) -> None:
        if broken and request.prompt == "sea":
            raise PictureError("image_rate_limited", billed="no")

    model = ScriptedModel([STORY[0], Say("A ![f](image://1). The sea could not be drawn."), Say("Good.")])
    async with Engine(model, PlainImages(before=before)) as engine:
        conversation = engine.conversation()
        first = await conversation.ask("a story")
        broken = False
        again = await conversation.redraw(2)
        await conversation.ask("thanks")
    assert [part.number for part in first.images] == [1]
    assert [part.number for part in again.images] == [1, 2]
    assert again.complete
    answers = [json.loads(message.text) for message in model.requests[-1].messages if message.role == "tool"]
    assert answers[1] == {"status": "ok", "imageUrl": "image://2"}


async def test_a_picture_of_an_earlier_turn_gives_that_turns_reply() -> None:
    """The reply that is returned is the one in which the picture stands."""
    model = ScriptedModel([*STORY, Say(calls=[draw("hen")]), Say("Then ![h](image://3)."), Say("Bye.")])
    async with Engine(model, PlainImages()) as engine:
        conversation = engine.conversation()
        first = await conversation.ask("a story")
        second = await conversation.ask("go on")
        again = await conversation.redraw(1, "red")
        assert again.text == first.text
        assert [part.number for part in again.images] == [1, 2]
        assert conversation.reply.parts == second.parts
        assert (await conversation.ask("bye")).text == "Bye."
        assert (await conversation.redraw(3, "blue")).text == second.text


async def test_the_users_pictures_stay_in_the_reply_of_an_older_turn() -> None:
    """The pictures of that turn and of those before, and none that came later."""
    script = [
        Say(calls=[draw("fox")]),
        Say("Mine: ![f](image://2), yours: ![m](image://1)."),
        Say("And now ![l](image://3)."),
    ]
    async with Engine(ScriptedModel(script), PlainImages()) as engine:
        conversation = engine.conversation()
        await conversation.ask("look", pictures=[plain_png("mine")])
        await conversation.ask("look", pictures=[plain_png("later")])
        again = await conversation.redraw(2, "red")
    assert [part.number for part in again.images] == [2, 1]


@pytest.mark.parametrize(
    ("number", "code"), [(0, "redraw_unknown"), (3, "redraw_unknown"), (99, "redraw_unknown")]
)
async def test_only_pictures_of_the_image_tool_are_drawn_again(number: int, code: str) -> None:
    """A picture that came with a message was drawn by somebody else."""
    async with Engine(ScriptedModel([*STORY, Say("Nice.")]), PlainImages()) as engine:
        conversation = engine.conversation()
        with pytest.raises(CallerError) as caught:
            await conversation.redraw(number)
        assert caught.value.code == "redraw_unfinished"
        await conversation.ask("a story")
        await conversation.ask("look", pictures=[plain_png("mine")])
        with pytest.raises(CallerError) as caught:
            await conversation.redraw(number)
        assert caught.value.code == code


async def test_the_budget_of_its_turn_holds_for_a_redraw() -> None:
    """DESIGN decision 5: nothing is bought beyond the money that was set aside."""
    images = PlainImages(price=0.4)
    async with Engine(ScriptedModel(STORY), images, limits=Limits(usd=1.0)) as engine:
        conversation = engine.conversation()
        await conversation.ask("a story")
        reply = await conversation.redraw(1)
    assert reply.calls[-1]["code"] == "budget_exceeded"
    assert len(images.submissions) == 2


async def test_a_redraw_that_was_left_is_finished_by_resuming(tmp_path: Path) -> None:
    """It is a fact like every other: nobody buys it twice, and it is not forgotten."""
    ordered, gate = anyio.Event(), anyio.Event()

    async def before(request: ImageRequest, purchase: Purchase) -> None:
        if "Change" in request.prompt:
            ordered.set()
            await gate.wait()

    images = PlainImages(before=before, policy="idempotent")
    path = tmp_path / "journal"
    async with Engine(ScriptedModel(STORY), images, recorder=SQLiteRecorder(path), drain_s=0) as engine:
        conversation = engine.conversation("story")
        await conversation.ask("a story")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(conversation.redraw, 1, "at night")
            await ordered.wait()
            tasks.cancel_scope.cancel()
    gate.set()
    async with Engine(ScriptedModel([]), images, recorder=SQLiteRecorder(path)) as engine:
        conversation = await engine.resume("story")
        await conversation.resume()
        assert await bytes_of(conversation, 1) == plain_png("fox\n\nChange: at night")
    assert len(set(images.submissions)) == 3


async def test_a_redraw_carries_the_style_sentence_last() -> None:
    """One visual voice holds for what is drawn again too."""
    images = PlainImages()
    async with Engine(ScriptedModel(STORY), ImageTool(images, style_sentence="ink")) as engine:
        conversation = engine.conversation()
        await conversation.ask("a story")
        await conversation.redraw(1, "at night")
    assert images.requests[-1].prompt == "fox\n\nChange: at night\n\nStyle: ink"
