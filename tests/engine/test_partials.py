"""Partial pictures in streams: told in order to whoever listens, kept for nobody, and never the final one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limner import (
    Engine,
    ImageFailed,
    ImageFinished,
    ImagePartial,
    ImageStarted,
    ImageTool,
    Inspector,
    Limits,
    MemoryStorage,
    OpenAIImages,
    Painter,
    Reply,
    SQLiteRecorder,
)
from limner.config.load import load_config
from limner.core.messages import ChatRequest
from limner.engine.conversation import Conversation
from limner.engine.progress import StreamEvent
from limner.errors import ParameterError, PictureError
from limner.images.catalogue import Catalogue, load_catalogue
from limner.images.protocol import ImageRequest, Purchase
from limner.testing import PlainImages, Say, ScriptedModel, plain_png
from makers import B64, FOX, b64, parts_of
from pictures import gif, jpeg, png, png_claiming
from providers import STALL, Gate, Provider, sse

pytestmark = pytest.mark.anyio

HALF = png(colour=(1, 2, 3))
OTHER = png(colour=(3, 2, 1))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


def half(index: int = 0, data: bytes = HALF, of: str = "image_generation") -> bytes:
    event = {"b64_json": base64.b64encode(data).decode(), "partial_image_index": index}
    return f"data: {json.dumps({'type': f'{of}.partial_image', **event})}\n\n".encode()


def done(of: str = "image_generation", **event: Any) -> bytes:
    return f"data: {json.dumps({'type': f'{of}.completed', 'b64_json': B64, **event})}\n\n".encode()


def selling(folder: Path) -> Catalogue:
    """A catalogue in which the loopback provider sells OpenAI's model at OpenAI's price."""
    file = folder / "models.toml"
    file.write_text(
        '[providers.here]\nname = "Here"\nhosts = ["127.0.0.1"]\n'
        '[[models]]\nid = "gpt-image-2"\nprovider = "here"\nlike = "gpt-image-2"\n[[models.prices]]\nper = "token"\n'
        'text_in_usd = 5.0\nimage_in_usd = 8.0\nimage_out_usd = 30.0\noutput = "gpt-image-2"\n'
        "reference_tokens = 4096\npartial_tokens = 100\n"
    )
    return load_catalogue(file)


def tool(
    provider: Provider, *, partial_images: int = 2, maker: dict[str, Any] | None = None, **options: Any
) -> Any:
    backend = OpenAIImages(
        "gpt-image-2", base_url=provider.base_url, api_key="sk-image", timeout_s=20, **(maker or {})
    )
    return ImageTool(backend, partial_images=partial_images, **options)


def asks(count: int = 1, **arguments: Any) -> ScriptedModel:
    """A model that asks for so many pictures, and then says that they are there."""

    def script(request: ChatRequest) -> Say:
        if request.messages[-1].role != "user":
            return Say("Done.")
        calls = [{"prompt": f"p{at}", "alt": f"alt {at}", **arguments} for at in range(1, count + 1)]
        return Say("Drawing. ", [("generate_image", each) for each in calls])

    return ScriptedModel(script)


async def told(conversation: Conversation, text: str | None = "draw") -> tuple[list[StreamEvent], Reply]:
    async with conversation.stream(text) as stream:
        events = [event async for event in stream]
    return events, stream.reply


def partials(events: list[StreamEvent]) -> list[tuple[int | None, int, bytes]]:
    return [(each.number, each.index, each.data) for each in events if isinstance(each, ImagePartial)]


def everything(folder: Path) -> bytes:
    """What the files of a folder hold."""
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_partial_pictures_of_a_real_stream_are_told_as_they_come(provider: Provider) -> None:
    """Images sheet, 2.4: each before the next, all between the order and the finished picture."""
    first, second = Gate(), Gate()
    provider.images(sse(half(0), first, half(1, OTHER), second, done(), done=False))
    seen: list[StreamEvent] = []
    async with Engine(asks(), tool(provider)) as engine:
        with anyio.fail_after(10):
            async with engine.conversation().stream("draw") as stream:
                async for event in stream:
                    seen.append(event)
                    if isinstance(event, ImagePartial):
                        # The next one leaves the server only now: nothing is held back until the end.
                        (first if event.index == 0 else second).open()
    assert partials(seen) == [(1, 0, HALF), (1, 1, OTHER)]
    about = {(each.position, each.alt, each.format) for each in seen if isinstance(each, ImagePartial)}
    assert about == {(1, "alt 1", "png")}
    kinds = [type(event) for event in seen]
    assert kinds.index(ImageStarted) < kinds.index(ImagePartial) < kinds.index(ImageFinished)
    (image,) = stream.reply.images
    assert await engine.storage.open(image.picture.id) == FOX
    assert {"stream": True, "partial_images": 2}.items() <= provider.posts("/images/generations")[
        0
    ].json.items()


async def test_partial_pictures_are_in_no_reply_no_export_and_no_journal(
    provider: Provider, tmp_path: Path
) -> None:
    """They are progress: what is recorded, stored, exported and sent to the model is the final picture."""
    provider.images(sse(half(0), done(), done=False))
    storage, model = MemoryStorage(), asks()
    journal = tmp_path / "journal.db"
    async with Engine(model, tool(provider), recorder=SQLiteRecorder(journal), storage=storage) as engine:
        events, reply = await told(engine.conversation("run"))
        kept = [await storage.open(image.picture.id) for image in reply.images]
    assert len(partials(events)) == 1
    assert kept == [FOX]
    for written in (
        everything(tmp_path),
        json.dumps(reply.to_dict()).encode(),
        repr(model.requests).encode(),
    ):
        assert HALF not in written
        assert base64.b64encode(HALF) not in written
        assert b"partial" not in written.lower()


async def test_whoever_only_asks_pays_for_none(provider: Provider) -> None:
    """Nobody would see them; the order is the plain one."""
    provider.images(b64())
    async with Engine(asks(), tool(provider)) as engine:
        reply = await engine.conversation().ask("draw")
    assert len(reply.images) == 1
    assert not {"stream", "partial_images"} & provider.posts("/images/generations")[0].json.keys()


async def test_an_order_with_a_key_is_the_same_whoever_listens(provider: Provider) -> None:
    """A provider that knows the key compares what is ordered under it."""
    provider.images(sse(half(0), done(), done=False))
    async with Engine(asks(), tool(provider, maker={"policy": "idempotent"})) as engine:
        reply = await engine.conversation().ask("draw")
        events, _ = await told(engine.conversation())
    first, second = (request.json for request in provider.posts("/images/generations"))
    assert first == second
    assert first["partial_images"] == 2
    assert len(reply.images) == len(partials(events)) == 1


async def test_a_stream_that_ends_after_a_partial_picture_has_no_picture(provider: Provider) -> None:
    """Quirk 47: the last partial picture looks finished, and is not; what it cost nobody knows."""
    provider.images(sse(half(0), half(1), done=False))
    async with Engine(asks(), tool(provider)) as engine:
        events, reply = await told(engine.conversation())
    assert partials(events)
    assert [each.code for each in events if isinstance(each, ImageFailed)] == ["outcome_unknown"]
    assert reply.images == ()
    assert reply.receipt["unknown"] == [reply.calls[0]["call"]]


async def test_edits_tell_theirs_as_well(provider: Provider) -> None:
    """`image_edit.partial_image`, with the mask and the fidelity that the application fixed."""
    provider.answers("/v1/images/edits", sse(half(0, of="image_edit"), done(of="image_edit"), done=False))
    mask = png(colour=(0, 0, 0))
    backend = OpenAIImages("gpt-image-1.5", base_url=provider.base_url, api_key="sk-image")
    edits = ImageTool(backend, partial_images=1, action="edit", mask=mask, input_fidelity="high")
    async with Engine(asks(), edits) as engine:
        conversation = engine.conversation()
        async with conversation.stream("make it night", pictures=[FOX]) as stream:
            events = [event async for event in stream]
    assert partials(events) == [(2, 0, HALF)]
    parts = {part.name: part.data for part in parts_of(provider.requests[0])}
    assert (parts["image[]"], parts["mask"], parts["input_fidelity"]) == (FOX, mask, b"high")


@pytest.mark.parametrize(
    "data",
    [b"<html>canary</html>", b"", gif(), HALF[:-9], png_claiming(60_000, 60_000)],
    ids=["html", "nothing", "a kind that is not accepted", "cut off", "a bomb"],
)
async def test_what_is_no_picture_is_not_told(provider: Provider, data: bytes) -> None:
    """Pictures are judged before they are passed on, here by their structure."""
    provider.images(sse(half(0, data), half(1), done(), done=False))
    async with Engine(asks(), tool(provider)) as engine:
        events, reply = await told(engine.conversation())
    assert [index for _, index, _ in partials(events)] == [1]
    assert len(reply.images) == 1


async def test_a_kind_that_is_accepted_is_told_with_its_name(provider: Provider) -> None:
    """`format` is what the bytes say, whatever the server says."""
    provider.images(sse(half(0, jpeg()), done(), done=False))
    async with Engine(asks(), tool(provider), inspector=Inspector(["png", "jpeg"])) as engine:
        events, _ = await told(engine.conversation())
    assert [each.format for each in events if isinstance(each, ImagePartial)] == ["jpeg"]


async def test_what_hangs_behind_or_inside_a_picture_goes_as_it_does_from_the_final_one(
    provider: Provider,
) -> None:
    """`strip_metadata`, and nothing after the end marker."""
    talking = jpeg(comment=b"canary")
    provider.images(sse(half(0, talking + b"<script>canary</script>"), done(), done=False))
    async with Engine(asks(), tool(provider), inspector=Inspector(strip_metadata=True)) as engine:
        events, _ = await told(engine.conversation())
    ((_, _, data),) = partials(events)
    assert data.startswith(b"\xff\xd8")
    assert b"canary" not in data


async def test_a_slow_reader_finds_the_newest_and_nothing_piles_up() -> None:
    """A reader who is away for a while has one partial picture of each call, not all that came meanwhile."""
    sent, gate = anyio.Event(), anyio.Event()

    async def many(_: ImageRequest, purchase: Purchase) -> None:
        assert purchase.on_partial is not None
        for index in range(12):
            purchase.on_partial(index, plain_png(f"{index}"))
            await checkpoint()
        sent.set()
        await gate.wait()

    seen: list[StreamEvent] = []
    async with Engine(asks(), PlainImages(before=many)) as engine:
        with anyio.fail_after(10):
            async with engine.conversation().stream("draw") as stream:
                async for event in stream:
                    seen.append(event)
                    if isinstance(event, ImageStarted):
                        await sent.wait()
                    if isinstance(event, ImagePartial) and event.index == 11:
                        gate.set()
    indices = [index for _, index, _ in partials(seen)]
    assert indices[-1] == 11
    # One may have been on its way when the reader stopped reading.
    assert len(indices) <= 4


async def test_a_maker_that_never_stops_telling_is_not_listened_to_for_ever() -> None:
    """Fails if the number that one call may tell is not bounded."""

    async def endless(_: ImageRequest, purchase: Purchase) -> None:
        assert purchase.on_partial is not None
        for index in range(500):
            purchase.on_partial(index, plain_png("p"))
            await checkpoint()

    async with Engine(asks(), PlainImages(before=endless)) as engine:
        events, _ = await told(engine.conversation())
    assert 1 <= len(partials(events)) <= 16


async def test_who_leaves_hears_no_more_and_who_comes_back_hears_the_rest(provider: Provider) -> None:
    """A cancelled turn drops them; an order that was taken up again tells whoever listens now."""
    left, more = Gate(), Gate()
    provider.images(sse(half(0), left, half(1, OTHER), more, done(), done=False))
    async with Engine(asks(), tool(provider)) as engine:
        conversation = engine.conversation()
        with anyio.fail_after(10):
            async with conversation.stream("draw") as stream:
                async for event in stream:
                    if isinstance(event, ImagePartial):
                        break
            seen: list[StreamEvent] = []
            async with conversation.stream() as stream:
                async for event in stream:
                    seen.append(event)
                    # Once something was told, somebody listens.
                    left.open()
                    if isinstance(event, ImagePartial):
                        more.open()
    assert partials(seen) == [(1, 1, OTHER)]
    assert len(stream.reply.images) == 1
    assert len(provider.posts("/images/generations")) == 1


async def test_a_partial_picture_wakes_nobody_and_is_kept_for_nobody(provider: Provider) -> None:
    """Fails if what comes while nobody listens is told later."""
    left, more, came = Gate(), Gate(), anyio.Event()

    def note(_: Purchase, index: int, data: bytes) -> None:
        if index == 1:
            came.set()

    provider.images(sse(half(0), left, half(1, OTHER), more, done(), done=False))
    async with Engine(asks(), tool(provider, maker={"on_partial": note})) as engine:
        conversation = engine.conversation()
        with anyio.fail_after(10):
            async with conversation.stream("draw") as stream:
                async for event in stream:
                    if isinstance(event, ImagePartial):
                        break
            left.open()
            await came.wait()
            seen: list[StreamEvent] = []
            async with conversation.stream() as stream:
                async for event in stream:
                    seen.append(event)
                    more.open()
    assert partials(seen) == []
    assert len(stream.reply.images) == 1


async def test_a_process_that_ended_after_a_partial_picture_has_none(
    provider: Provider, tmp_path: Path
) -> None:
    """DESIGN decision 4: the order had left, nobody saw the outcome, and a partial picture is none."""
    provider.images(sse(half(0), STALL, done=False))
    journal = tmp_path / "journal.db"
    async with Engine(asks(), tool(provider), recorder=SQLiteRecorder(journal), drain_s=0) as engine:
        with anyio.fail_after(10):
            async with engine.conversation("run").stream("draw") as stream:
                async for event in stream:
                    if isinstance(event, ImagePartial):
                        break
    async with Engine(asks(), tool(provider), recorder=SQLiteRecorder(journal)) as engine:
        events, reply = await told(await engine.resume("run"), None)
    assert partials(events) == []
    assert reply.images == ()
    assert reply.calls[0]["code"] == "outcome_unknown"
    assert len(provider.posts("/images/generations")) == 1


async def test_a_key_that_is_sent_again_tells_its_partial_pictures_again(
    provider: Provider, tmp_path: Path
) -> None:
    """An `idempotent` maker is asked again after a crash, for the same, and whoever listens now hears it."""
    provider.images(sse(half(0), STALL, done=False), sse(half(0), done(), done=False))
    journal, again = tmp_path / "journal.db", {"policy": "idempotent"}
    async with Engine(
        asks(), tool(provider, maker=again), recorder=SQLiteRecorder(journal), drain_s=0
    ) as engine:
        with anyio.fail_after(10):
            async with engine.conversation("run").stream("draw") as stream:
                async for event in stream:
                    if isinstance(event, ImagePartial):
                        break
    async with Engine(asks(), tool(provider, maker=again), recorder=SQLiteRecorder(journal)) as engine:
        events, reply = await told(await engine.resume("run"), None)
    assert partials(events) == [(1, 0, HALF)]
    assert len(reply.images) == 1
    first, second = provider.posts("/images/generations")
    assert first.body == second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


@pytest.mark.parametrize(("partial_images", "code"), [(0, None), (3, "budget_exceeded")])
async def test_money_for_partial_pictures_is_set_aside_and_refused_where_there_is_none(
    provider: Provider, tmp_path: Path, partial_images: int, code: str | None
) -> None:
    """DESIGN decision 5: what may be paid fits, or is not ordered."""
    provider.images(b64())
    options: dict[str, Any] = {"size": "1024x1024", "quality": "low"}
    asked = tool(provider, partial_images=partial_images, maker={"catalogue": selling(tmp_path)}, **options)
    bare = asked.backend.resolve(ImageRequest("p1", **options)).price_usd
    async with Engine(asks(), asked, limits=Limits(usd=bare + 200 * 30 / 1e6)) as engine:
        _, reply = await told(engine.conversation())
    assert [call["code"] for call in reply.calls] == [code]
    assert len(provider.posts("/images/generations")) == (0 if code else 1)


async def test_the_receipt_says_what_partial_pictures_have_cost(provider: Provider, tmp_path: Path) -> None:
    """By the provider's count where it gives one, else what was set aside, with them in it."""
    usage = {
        "input_tokens": 5,
        "output_tokens": 396,
        "input_tokens_details": {"text_tokens": 5, "image_tokens": 0},
        "output_tokens_details": {"image_tokens": 396, "text_tokens": 0},
    }
    provider.images(sse(half(0), half(1), done(usage=usage), done=False), sse(half(0), done(), done=False))
    options: dict[str, Any] = {"size": "1024x1024", "quality": "low"}
    asked = tool(provider, maker={"catalogue": selling(tmp_path)}, **options)
    most = asked.backend.resolve(asked.request({"prompt": "p1"})).price_usd
    async with Engine(asks(), asked) as engine:
        _, counted = await told(engine.conversation())
        _, estimated = await told(engine.conversation())
    (line,), (other,) = counted.receipt["images"], estimated.receipt["images"]
    assert (line["estimated"], line["cost_usd"]) == (False, pytest.approx((5 * 5 + 396 * 30) / 1e6))
    assert (other["estimated"], other["cost_usd"]) == (True, pytest.approx(most))
    bare = asked.backend.resolve(ImageRequest("p1", **options)).price_usd
    assert other["cost_usd"] == pytest.approx(bare + 200 * 30 / 1e6)


async def test_all_of_it_can_be_tried_without_a_provider() -> None:
    """The offline painter sends partial pictures; nobody needs a key to see them."""
    async with Engine(asks(), ImageTool(Painter(), partial_images=2)) as engine:
        events, reply = await told(engine.conversation())
    assert [index for _, index, _ in partials(events)] == [0, 1]
    assert len(reply.images) == 1


async def test_the_file_asks_for_them(provider: Provider, tmp_path: Path) -> None:
    """`partial_images` in [image]: for every picture of the engine."""
    provider.images(sse(half(0), done(), done=False))
    file = tmp_path / "limner.toml"
    place = f'base_url = "{provider.base_url}"\napi_key = "sk-image"\n'
    file.write_text(f'[image]\nmodel = "gpt-image-2"\npartial_images = 1\n{place}')
    async with Engine(asks(), config=load_config(file, environ={})) as engine:
        events, _ = await told(engine.conversation())
    assert partials(events) == [(1, 0, HALF)]
    assert provider.requests[0].json["partial_images"] == 1


Told = tuple[int, bool, int]
"""Of one picture: how many partial ones, whether it fails, and how long after each."""


@given(
    turns=st.lists(
        st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 3)), min_size=1, max_size=4),
        min_size=1,
        max_size=3,
    ),
    promised=st.booleans(),
    slow=st.integers(0, 2),
)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_they_stand_between_the_order_and_its_end_whatever_happens(
    turns: list[list[Told]], promised: bool, slow: int
) -> None:
    """Of each picture: started, any number of partial ones in their order, then finished or failed, and no more."""
    turn: list[Told] = []

    async def draw(request: ImageRequest, purchase: Purchase) -> None:
        count, fails, pause = turn[int(request.prompt[1:]) - 1]
        assert purchase.on_partial is not None
        for index in range(count):
            purchase.on_partial(index, plain_png(f"{request.prompt} {index}"))
            for _ in range(pause):
                await checkpoint()
        if fails:
            raise PictureError("image_policy", billed="no")

    async with Engine(asks(), PlainImages(before=draw), promise_after_s=0 if promised else None) as engine:
        for turn in turns:
            events: list[StreamEvent] = []
            async with engine.conversation(model=asks(len(turn))).stream("draw") as stream:
                async for event in stream:
                    events.append(event)
                    for _ in range(slow):
                        await checkpoint()
            for position, (_, fails, _) in enumerate(turn, 1):
                check_order([each for each in events if getattr(each, "position", None) == position], fails)


def check_order(own: list[StreamEvent], fails: bool) -> None:
    """Hold the events of one picture against the rule."""
    started = next(at for at, each in enumerate(own) if isinstance(each, ImageStarted))
    ended = next(at for at, each in enumerate(own) if isinstance(each, ImageFailed | ImageFinished))
    assert all(started < at < ended for at, each in enumerate(own) if isinstance(each, ImagePartial))
    assert isinstance(own[ended], ImageFailed if fails else ImageFinished)
    indices = [each.index for each in own if isinstance(each, ImagePartial)]
    assert indices == sorted(set(indices))


async def test_a_tool_that_only_generates_offers_no_likeness(provider: Provider) -> None:
    """`action="generate"`: the model cannot name a picture, and one that is drawn again is drawn anew."""
    provider.images(b64())
    async with Engine(asks(), tool(provider, partial_images=0, action="generate")) as engine:
        properties = engine.image_tool.spec.parameters["properties"]
        conversation = engine.conversation()
        await conversation.ask("draw", pictures=[FOX])
        await conversation.redraw(2, "at night")
    assert not {"like", "name"} & properties.keys()
    assert [request.path for request in provider.requests] == ["/v1/images/generations"] * 2


async def test_a_tool_that_only_edits_means_the_newest_picture(provider: Provider) -> None:
    """`action="edit"`: where the model leaves `like` out; where it names one, that one is meant."""
    provider.answers("/v1/images/edits", b64())
    boat = jpeg()
    edits = tool(provider, partial_images=0, action="edit")
    async with Engine(asks(), edits) as engine:
        await engine.conversation().ask("edit", pictures=[FOX, boat])
    async with Engine(asks(like=["image://1"]), edits) as engine:
        await engine.conversation().ask("edit", pictures=[FOX, boat])
    shown = [[part.data for part in parts_of(order) if part.name == "image[]"] for order in provider.requests]
    assert shown == [[boat], [FOX]]


async def test_a_tool_that_only_edits_says_so_where_there_is_nothing_to_edit(provider: Provider) -> None:
    """The model reads what is missing, and nothing is ordered."""
    model = asks()
    async with Engine(model, tool(provider, partial_images=0, action="edit")) as engine:
        reply = await engine.conversation().ask("edit")
    assert reply.calls[0]["code"] == "arguments_schema"
    assert "like" in model.requests[-1].messages[-1].text
    assert provider.requests == []


@pytest.mark.parametrize("options", [{"action": "edit"}, {"action": "alter"}, {"partial_images": 4}])
def test_a_tool_cannot_be_made_that_could_never_draw(options: dict[str, Any]) -> None:
    """A maker that takes no pictures cannot edit: nothing that a chat model says could change it."""
    with pytest.raises(ParameterError) as caught:
        ImageTool(PlainImages(), **options)
    assert caught.value.param in options
