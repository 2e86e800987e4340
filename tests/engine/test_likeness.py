"""Pictures that resemble others: who waits for whom, and what is sent along."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from limner import Engine, ImageTool, Limits, MemoryStorage
from limner.core.messages import ChatRequest
from limner.errors import ParameterError, PictureError
from limner.images.protocol import ImageRequest, Purchase, Resolved
from limner.testing import PlainImages, Say, ScriptedModel, plain_png

pytestmark = pytest.mark.anyio


def draw(prompt: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "generate_image", {"prompt": prompt, "alt": f"a picture of {prompt}", **more}


FOXES = [
    draw("fox", name="Fox"),
    draw("fox in rain", like=["fox"]),
    draw("fox in snow", like=["Fox"]),
    draw("fox at night", like=["fox"]),
]


async def test_the_first_is_sent_alone_and_those_like_it_at_once_with_its_bytes() -> None:
    """DESIGN, "The core": a call that depends on another is not pending until that one has returned."""
    under_way: list[str] = []
    seen: list[tuple[str, ...]] = []
    three = anyio.Event()

    async def before(request: ImageRequest, purchase: Purchase) -> None:
        under_way.append(request.prompt)
        seen.append(tuple(under_way))
        if request.prompt == "fox":
            # Whoever did not wait would be here by now.
            await anyio.wait_all_tasks_blocked()
            assert under_way == ["fox"]
            under_way.clear()
            return
        if len(under_way) == 3:
            three.set()
        with anyio.fail_after(5):
            await three.wait()

    images = PlainImages(before=before, max_references=1)
    model = ScriptedModel([Say(calls=FOXES), Say("Look.")])
    async with Engine(model, images) as engine:
        reply = await engine.conversation().ask("draw the same fox four times")
    assert [call["status"] for call in reply.calls] == ["ok"] * 4
    assert seen[0] == ("fox",)
    assert set(seen[-1]) == {"fox in rain", "fox in snow", "fox at night"}
    assert [request.references for request in images.requests] == [(), *[(plain_png("fox"),)] * 3]
    assert [call["like"] for call in reply.calls] == [[], [1], [1], [1]]


async def test_a_picture_that_is_like_no_other_waits_for_none() -> None:
    """DESIGN: the others don't wait. The first is held until an unrelated one was drawn."""
    unrelated = anyio.Event()

    async def before(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "sea":
            unrelated.set()
        elif request.prompt == "fox":
            with anyio.fail_after(5):
                await unrelated.wait()

    images = PlainImages(before=before, max_references=1)
    model = ScriptedModel([Say(calls=[*FOXES[:2], draw("sea")]), Say("Look.")])
    async with Engine(model, images) as engine:
        reply = await engine.conversation().ask("draw")
    assert [call["status"] for call in reply.calls] == ["ok"] * 3
    prompts = [request.prompt for request in images.requests]
    # Which of two that wait for nothing is first is the event loop's affair.
    assert (set(prompts[:2]), prompts[2:]) == ({"fox", "sea"}, ["fox in rain"])


async def test_a_chain_is_drawn_link_by_link() -> None:
    """Each waits for its own, and all are drawn."""
    chain = [
        draw("a", name="a"),
        draw("b", name="b", like=["a"]),
        draw("c", like=["b", "image://1"]),
    ]
    images = PlainImages(max_references=4)
    async with Engine(ScriptedModel([Say(calls=chain), Say("Look.")]), images) as engine:
        reply = await engine.conversation().ask("draw")
    assert reply.complete
    assert [request.references for request in images.requests] == [
        (),
        (plain_png("a"),),
        (plain_png("b"), plain_png("a")),
    ]


async def test_pictures_of_earlier_turns_and_of_the_user_can_be_resembled() -> None:
    """The tool may name pictures of this turn, of earlier ones, and those that came with a message."""
    images = PlainImages(max_references=4)
    model = ScriptedModel(
        [
            Say(calls=[draw("fox", name="fox")]),
            Say("One."),
            Say(calls=[draw("fox again", like=["image://1", "image://2", "fox"])]),
            Say("Two."),
        ]
    )
    async with Engine(model, images) as engine:
        conversation = engine.conversation()
        await conversation.ask("draw")
        await conversation.ask("again, in this style", pictures=[plain_png("mine")])
    assert images.requests[1].references == (plain_png("fox"), plain_png("mine"))


async def test_a_name_takes_no_reference_from_another_picture() -> None:
    """DESIGN decision 1: a reference means one picture, whatever a model calls the next."""
    calls = [draw("fox"), draw("boat", name="image://1"), draw("fox again", like=["image://1"])]
    images = PlainImages(max_references=4)
    async with Engine(ScriptedModel([Say(calls=calls), Say("Look.")]), images) as engine:
        reply = await engine.conversation().ask("draw")
    assert [call["like"] for call in reply.calls] == [[], [], [1]]
    assert images.requests[-1].references == (plain_png("fox"),)


@pytest.mark.parametrize("like", ["dog", "image://2", "image://7", "fox in rain"])
async def test_a_picture_that_was_not_asked_for_before_cannot_be_resembled(like: str) -> None:
    """The model reads what is wrong and mends it; nothing is bought meanwhile."""
    first = draw("fox in rain", name="fox in rain", like=[like])

    def answer(request: ChatRequest) -> Say:
        if request.messages[-1].role == "user":
            return Say(calls=[draw("fox", name="fox"), first])
        told = json.loads(request.messages[-1].text)
        if told["status"] == "error":
            assert told["code"] == "arguments_schema"
            assert repr(like) in told["error"]
            return Say(calls=[draw("fox in rain", like=["fox"])])
        return Say("Look.")

    images = PlainImages(max_references=1)
    async with Engine(ScriptedModel(answer), images) as engine:
        reply = await engine.conversation().ask("draw")
    assert [request.prompt for request in images.requests] == ["fox", "fox in rain"]
    assert images.requests[1].references == (plain_png("fox"),)
    assert reply.complete


async def test_where_the_first_fails_the_others_are_drawn_all_the_same() -> None:
    """DESIGN decision 3: one failed call never takes its siblings with it; a prompt is complete in itself."""

    async def before(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "fox":
            raise PictureError("image_policy", billed="no")

    images = PlainImages(before=before, max_references=1)
    async with Engine(ScriptedModel([Say(calls=FOXES), Say("Look.")]), images) as engine:
        reply = await engine.conversation().ask("draw")
    assert [call["code"] for call in reply.calls] == ["image_policy", None, None, None]
    assert [request.references for request in images.requests] == [()] * 4


async def test_a_reference_that_the_store_lost_is_left_out() -> None:
    """The picture is drawn from its prompt; the loss fails nothing."""
    images = PlainImages(max_references=1)
    model = ScriptedModel([Say(calls=FOXES[:1]), Say("."), Say(calls=[draw("b", like=["fox"])]), Say(".")])
    storage = MemoryStorage()
    async with Engine(model, images, storage=storage) as engine:
        conversation = engine.conversation()
        await conversation.ask("draw")
        await storage.aclose()
        storage._pictures.clear()  # what a restarted process would find
        reply = await conversation.ask("again")
    assert reply.calls[0]["status"] == "ok"
    assert images.requests[1].references == ()


@pytest.mark.parametrize("references", [0, 2, 16])
async def test_likeness_is_declared_only_where_the_maker_takes_references(references: int) -> None:
    """A model is not offered what cannot be done; four are enough for anybody."""
    tool = ImageTool(PlainImages(max_references=references))
    properties = tool.spec.parameters["properties"]
    assert ("like" in properties) == ("name" in properties) == (references > 0)
    assert not references or properties["like"]["maxItems"] == min(4, references)


async def test_a_promise_is_made_for_a_picture_that_waits_for_another_too() -> None:
    """DESIGN, promises: a round waits `promise_after_s` for a picture, whatever that waits for."""
    told = anyio.Event()

    async def before(request: ImageRequest, purchase: Purchase) -> None:
        with anyio.fail_after(5):
            await told.wait()

    def answer(request: ChatRequest) -> Say:
        if request.messages[-1].role == "user":
            return Say(calls=FOXES[:2])
        assert [json.loads(message.text).get("pending") for message in request.messages[-2:]] == [True, True]
        told.set()
        return Say("![a](image://1) ![b](image://2)")

    images = PlainImages(before=before, max_references=1)
    async with Engine(ScriptedModel(answer), images, promise_after_s=0.01) as engine:
        reply = await engine.conversation().ask("draw")
    assert [part.number for part in reply.images] == [1, 2]
    assert images.requests[1].references == (plain_png("fox"),)


async def test_when_the_time_is_over_what_waits_for_another_is_not_bought() -> None:
    """Limits: what was ordered is received, what was not ordered is not."""
    gate = anyio.Event()

    async def before(request: ImageRequest, purchase: Purchase) -> None:
        await gate.wait()

    def answer(request: ChatRequest) -> Say:
        if request.messages[-1].role == "user":
            return Say(calls=FOXES)
        gate.set()
        return Say("Sorry.")

    images = PlainImages(before=before, max_references=1)
    async with Engine(ScriptedModel(answer), images, limits=Limits(seconds=0.05)) as engine:
        reply = await engine.conversation().ask("draw")
    assert [call["code"] for call in reply.calls[1:]] == ["turn_deadline"] * 3
    assert [request.prompt for request in images.requests] == ["fox"]


async def test_every_prompt_carries_the_style_sentence_and_no_reader_sees_it() -> None:
    """One visual voice, given by the application."""
    images = PlainImages()
    tool = ImageTool(images, style_sentence="watercolour, soft light")
    model = ScriptedModel([Say(calls=[draw("sea")]), Say("Look.")])
    async with Engine(model, tool) as engine:
        reply = await engine.conversation().ask("draw")
    assert [request.prompt for request in images.requests] == ["sea\n\nStyle: watercolour, soft light"]
    assert "watercolour" not in reply.markdown() + json.dumps(reply.to_dict())


async def test_what_the_model_takes_is_asked_before_anything_is_bought() -> None:
    """A refused parameter of the model's own making goes back to it; the application's does not."""

    class Strict(PlainImages):
        def resolve(self, request: ImageRequest) -> Resolved:
            if len(request.prompt) > 10:
                raise ParameterError("prompt", request.prompt, "at most 10 characters", model="strict")
            if request.quality is not None:
                raise ParameterError("quality", request.quality, "", model="strict")
            return super().resolve(request)

    def answer(request: ChatRequest) -> Say:
        last = request.messages[-1]
        if last.role == "user":
            return Say(calls=[draw("a very long prompt")])
        if json.loads(last.text).get("code") == "arguments_schema":
            return Say(calls=[draw("short")])
        return Say("Done.")

    images = Strict()
    async with Engine(ScriptedModel(answer), images) as engine:
        reply = await engine.conversation().ask("draw")
    assert [call["code"] for call in reply.calls] == ["arguments_schema", None]
    fixed = ImageTool(Strict(), quality="hd")
    async with Engine(ScriptedModel([Say(calls=[draw("short")]), Say("Sorry.")]), fixed) as engine:
        reply = await engine.conversation().ask("draw")
    assert [call["code"] for call in reply.calls] == ["image_bad_request"]
