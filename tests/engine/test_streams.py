"""Streamed replies: the same parts as whole ones, told as they come."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limner import (
    Engine,
    ImageFailed,
    ImageFinished,
    ImagePlaced,
    ImagePromised,
    ImageQueued,
    ImageStarted,
    Reply,
    ReplyFinished,
    RoundFinished,
    TextDelta,
    TextFinished,
    TextPart,
)
from limner.core.messages import ChatRequest
from limner.engine.conversation import Conversation
from limner.engine.progress import StreamEvent
from limner.errors import CallerError, ModelError, PictureError
from limner.images.protocol import ImageRequest, Purchase
from limner.testing import PlainImages, Say, ScriptedModel
from waiting import until

pytestmark = pytest.mark.anyio

HOSTILE = [
    "# A title\n\n",
    "Some words. ",
    "![one](image://1)",
    "![two](image://2) ",
    "![three](image://3)\n\n",
    "![again](image://1)",
    "![invented](image://9)",
    "![x](https://evil.example/?q=secret)",
    "<img src=x>",
    "`code ![x](y)`",
    "```\n![x](y)\n```\n",
    "\n~~~\nan open fence ",
    "bare image://2 here ",
    "\n\n",
]


def calls(count: int) -> list[tuple[str, dict[str, str]]]:
    return [("generate_image", {"prompt": f"p{at}", "alt": f"alt {at}"}) for at in range(1, count + 1)]


def scripted(text: str, count: int = 3) -> ScriptedModel:
    def script(request: ChatRequest) -> Say:
        return Say("Drawing. ", calls(count)) if request.messages[-1].role == "user" else Say(text)

    return ScriptedModel(script)


async def told(conversation: Conversation, text: str = "draw") -> list[StreamEvent]:
    async with conversation.stream(text) as stream:
        return [event async for event in stream]


def read(events: list[StreamEvent]) -> list[tuple[str, object]]:
    """What a reader has in the end who did as the events said."""
    notices = {event.number: event.notice for event in events if isinstance(event, ImageFailed)}
    parts: list[tuple[str, object]] = []
    for event in events:
        if isinstance(event, TextDelta) or (isinstance(event, ImagePlaced) and event.number in notices):
            text = event.text if isinstance(event, TextDelta) else notices[event.number]
            if parts and parts[-1][0] == "text":
                text = f"{parts.pop()[1]}{text}"
            parts.append(("text", text))
        elif isinstance(event, ImagePlaced):
            parts.append(("image", (event.number, event.alt)))
    return parts


def parts_of(reply: Reply) -> list[tuple[str, object]]:
    return [
        ("text", part.text) if isinstance(part, TextPart) else ("image", (part.number, part.alt))
        for part in reply.parts
    ]


@given(fragments=st.lists(st.sampled_from(HOSTILE), max_size=8), promised=st.booleans(), broken=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_streamed_parts_equal_the_whole_ones(
    fragments: list[str], promised: bool, broken: bool
) -> None:
    """DESIGN decision 2, with pictures that fail and pictures that are promised."""

    async def maybe(request: ImageRequest, purchase: Purchase) -> None:
        await anyio.sleep(0.001)
        if broken and request.prompt == "p2":
            raise PictureError("image_policy")

    images = PlainImages(before=maybe)
    async with Engine(
        scripted("".join(fragments)), images, promise_after_s=0 if promised else None
    ) as engine:
        whole = await engine.conversation().ask("draw")
        events = await told(engine.conversation())
    assert read(events) == parts_of(whole)
    finished = events[-1]
    assert isinstance(finished, ReplyFinished)
    assert parts_of(finished.reply) == parts_of(whole)
    shown = {part.number for part in whole.images}
    assert shown == ({1, 3} if broken else {1, 2, 3})


async def test_progress_is_told_per_picture_with_position_and_id() -> None:
    """Queued, started, finished or failed, round, text and reply finished."""

    async def second_fails(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "p2":
            raise PictureError("image_policy", billed="no")

    async with Engine(scripted("done", 2), PlainImages(before=second_fails)) as engine:
        events = await told(engine.conversation())
    kinds = [type(event) for event in events]
    for kind in (ImageQueued, ImageStarted):
        about = [(each.position, each.number, each.alt) for each in events if isinstance(each, kind)]
        assert sorted(about) == [(1, 1, "alt 1"), (2, 2, "alt 2")]
    (finished,) = [event for event in events if isinstance(event, ImageFinished)]
    (failed,) = [event for event in events if isinstance(event, ImageFailed)]
    assert (finished.position, finished.picture.prompt) == (1, "p1")
    assert (failed.position, failed.code, "alt 2" in failed.notice) == (2, "image_policy", True)
    assert kinds.count(RoundFinished) == 2
    assert kinds.index(TextFinished) < kinds.index(ReplyFinished) == len(kinds) - 1
    assert ImagePromised not in kinds


async def test_leaving_early_closes_the_providers_stream_and_the_conversation_goes_on() -> None:
    """DESIGN decision 11; what the reader saw was said."""
    model = ScriptedModel([Say("One two three four five", gap_s=0.001), Say("Yes.")])
    async with Engine(model, PlainImages()) as engine:
        conversation = engine.conversation()
        with anyio.fail_after(5):
            async with conversation.stream("count") as stream:
                async for event in stream:
                    if isinstance(event, TextDelta) and "two" in event.text:
                        break
        assert model.closed_early == 1
        with pytest.raises(CallerError) as caught:
            _ = stream.reply
        assert caught.value.code == "stream_unfinished"
        assert (await conversation.ask("still there?")).text == "Yes."
    said = [message.text for message in model.requests[-1].messages if message.role == "assistant"]
    assert len(said) == 1
    assert said[0].startswith("One two")


async def test_an_interrupted_turn_can_be_resumed_and_tells_what_it_had_told() -> None:
    """DESIGN: a resumed reply is the same `drive` with other arguments."""
    model = scripted("![a](image://1) ![b](image://2) ![c](image://3)")
    async with Engine(model, PlainImages()) as engine:
        conversation = engine.conversation()
        async with conversation.stream("draw") as stream:
            async for event in stream:
                if isinstance(event, ImageStarted):
                    break
        async with conversation.stream() as stream:
            events = [event async for event in stream]
    assert read(events) == parts_of(stream.reply)
    assert read(events)[0] == ("text", "Drawing. \n\n")
    assert len(stream.reply.images) == 3


async def test_a_model_that_fails_is_told_after_what_exists() -> None:
    """Scorecard rule 1: the partial reply is told, then the error is raised, as itself."""
    broken = ModelError("gone", code="upstream_reset")
    model = ScriptedModel([Say("", calls(1)), Say("Half a ", error=broken)])
    events: list[StreamEvent] = []

    async def listen(conversation: Conversation) -> None:
        async with conversation.stream("draw") as stream:
            events.extend([event async for event in stream])

    async with Engine(model, PlainImages()) as engine:
        with pytest.raises(ModelError) as caught:
            await listen(engine.conversation())
    assert caught.value is broken
    finished = events[-1]
    assert isinstance(finished, ReplyFinished)
    assert parts_of(finished.reply) == read(events)
    assert len(finished.reply.images) == 1


async def test_a_slow_reader_does_not_keep_pictures_from_being_kept() -> None:
    """Purchases belong to the engine: they are recorded whether anybody reads or not."""
    drawn = anyio.Event()

    async def note(request: ImageRequest, purchase: Purchase) -> None:
        drawn.set()

    async with Engine(scripted("done", 1), PlainImages(before=note)) as engine:
        conversation = engine.conversation()
        async with conversation.stream("draw") as stream:
            async for event in stream:
                if isinstance(event, ImageQueued):
                    with anyio.fail_after(5):
                        await drawn.wait()
                        await until(lambda: conversation.state.calls[0].outcome is not None)
    assert len(stream.reply.images) == 1


Wait = Callable[[ImageRequest, Purchase], Awaitable[None]]


async def test_words_come_before_pictures_that_are_promised() -> None:
    """DESIGN, promises: the model writes on; the place is held, then kept."""
    gate = anyio.Event()

    async def wait(request: ImageRequest, purchase: Purchase) -> None:
        await gate.wait()

    model = scripted("Look: ![one](image://1) and so on.", 1)
    seen: list[StreamEvent] = []
    async with Engine(model, PlainImages(before=wait), promise_after_s=0) as engine:
        with anyio.fail_after(5):
            async with engine.conversation().stream("draw") as stream:
                async for event in stream:
                    seen.append(event)
                    if isinstance(event, TextFinished):
                        gate.set()
    kinds = [type(event) for event in seen]
    assert (
        kinds.index(ImagePromised)
        < kinds.index(ImagePlaced)
        < kinds.index(TextFinished)
        < kinds.index(ImageFinished)
    )
    placed = seen[kinds.index(ImagePlaced)]
    assert isinstance(placed, ImagePlaced)
    assert placed.picture is None
    assert json.loads(model.requests[1].messages[-1].text) == {
        "status": "ok",
        "imageUrl": "image://1",
        "pending": True,
    }
    assert len(stream.reply.images) == 1


async def test_what_a_reader_raises_comes_out_as_itself() -> None:
    """That tasks run side by side is nobody's business: no group of one."""
    async with Engine(scripted("done"), PlainImages()) as engine:
        with pytest.raises(ZeroDivisionError):
            async with engine.conversation().stream("draw"):
                raise ZeroDivisionError
