"""A picture that breaks its decoder is one failed call: nothing else breaks, and nothing is thrown away."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

import pictures
from limner import (
    CallerError,
    Conversation,
    Drawing,
    Engine,
    ImageRequest,
    Inspector,
    Purchase,
    Reply,
    Tool,
    ToolPicture,
    ToolResult,
)
from limner.core.messages import ChatRequest
from limner.testing import PlainImages, Say, ScriptedModel

pytestmark = pytest.mark.anyio

NOTE = pictures.png_chunk(b"tEXt", b"Comment\0a note")


def script(request: ChatRequest) -> Say:
    """One picture of what was asked for, then a word."""
    if request.messages[-1].role == "user":
        words = request.messages[-1].text
        return Say(calls=[("generate_image", {"prompt": words, "alt": words})])
    return Say("There.")


async def stopped_worker(inspector: Inspector) -> int:
    """A worker that takes the next picture and never says a word about it."""
    await inspector.inspect(pictures.jpeg())
    (pid,) = inspector.pids
    os.kill(pid, signal.SIGSTOP)
    return pid


def drawn(words: str) -> bytes:
    """A picture that a worker is asked about."""
    return pictures.jpeg(comment=words.encode())


class Jpegs(PlainImages):
    """A maker whose pictures need a decoder."""

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        (drawing,) = await super().draw(request, purchase)
        return (replace(drawing, data=drawn(request.prompt)),)


def taken(path: str) -> bytes:
    data = Path(path).read_bytes()
    os.unlink(path)
    return data


@pytest.mark.parametrize("how", ["crashes", "hangs"])
async def test_i25_a_decoder_that_breaks_fails_its_own_call_alone(how: str) -> None:
    """I25: `image_decode_failed`, in time; the other turn gets its picture, and so does the next."""
    replies: list[Reply] = []

    async def ask(conversation: Conversation, words: str) -> None:
        replies.append(await conversation.ask(words))

    inspector = Inspector(workers=2, limit_s=2.0 if how == "hangs" else 30.0)
    with anyio.fail_after(30):
        async with Engine(ScriptedModel(script), Jpegs(), inspector=inspector) as engine:
            one, other = engine.conversation(), engine.conversation()
            pid = await stopped_worker(inspector)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask, one, "a fox")
                # By then its picture is with the worker that is stopped.
                await anyio.wait_all_tasks_blocked()
                await ask(other, "a boat")
                if how == "crashes":
                    os.kill(pid, signal.SIGSEGV)
                    os.kill(pid, signal.SIGCONT)
            again = await one.ask("a bear")
            assert pid not in inspector.pids
    well, broken = replies
    assert [call["status"] for call in (*well.calls, *again.calls)] == ["ok", "ok"]
    (call,) = broken.calls
    assert (call["status"], call["code"], call["paid"]) == ("error", "image_decode_failed", True)
    assert broken.text == "There."
    # Nobody has said that it is no picture, and it was paid for.
    assert taken(call["rescued"]) == drawn("a fox")


class Files(PlainImages):
    """A maker whose pictures come as files, like those behind a link."""

    def __init__(self, folder: Path, data: bytes) -> None:
        super().__init__()
        self.folder = folder
        self.data = data

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        (drawing,) = await super().draw(request, purchase)
        path = self.folder / purchase.key
        await anyio.Path(path).write_bytes(self.data)
        return (replace(drawing, data=path),)


@pytest.mark.parametrize("kind", ["a picture", "a page"])
async def test_a_picture_that_is_not_accepted_is_put_aside_and_a_page_is_not(
    kind: str, tmp_path: Path
) -> None:
    """0016: whoever has paid for an AVIF gets it, although nobody shows it; a page is none, and is deleted."""
    data = pictures.avif() if kind == "a picture" else b"<!doctype html><script>alert(1)</script>"
    async with Engine(ScriptedModel(script), Files(tmp_path, data)) as engine:
        reply = await engine.conversation().ask("a fox")
    (call,) = reply.calls
    assert (call["code"], call["paid"]) == ("image_type_not_allowed", True)
    assert os.listdir(tmp_path) == []
    assert reply.images == ()
    if kind == "a picture":
        assert taken(call["rescued"]) == data
    else:
        assert call["rescued"] is None


async def test_a_picture_in_a_file_is_kept_and_its_file_is_gone(tmp_path: Path) -> None:
    """DESIGN decision 6: kept as it came, up to the end marker."""
    images = Files(tmp_path, pictures.png(extra=NOTE) + b"tail")
    async with Engine(ScriptedModel(script), images) as engine:
        reply = await engine.conversation().ask("a fox")
        assert reply.read is not None
        assert await reply.read(reply.images[0].picture.id) == pictures.png(extra=NOTE)
    assert os.listdir(tmp_path) == []


async def test_metadata_goes_from_every_picture_where_that_was_chosen(tmp_path: Path) -> None:
    """`Engine(inspector=…)`: pictures that were drawn, that a tool returned and that the user sent."""

    async def chart() -> ToolResult:
        return ToolResult({}, (ToolPicture(pictures.png(9, 6, extra=NOTE), "a chart"),))

    def asking(request: ChatRequest) -> Say:
        if request.messages[-1].role == "user":
            return Say(calls=[("generate_image", {"prompt": "x", "alt": "x"}), ("chart", {})])
        return Say("There.")

    images = Files(tmp_path, pictures.png(extra=NOTE))
    tools = [Tool("chart", "A chart.", {"type": "object"}, chart)]
    inspector = Inspector(strip_metadata=True)
    async with Engine(ScriptedModel(asking), images, tools=tools, inspector=inspector) as engine:
        conversation = engine.conversation()
        reply = await conversation.ask("draw", pictures=[pictures.png(7, 6, extra=NOTE)])
        assert reply.read is not None
        kept = {await reply.read(part.picture.id) for part in reply.images}
        assert kept == {pictures.png(), pictures.png(9, 6)}
        (sent,) = conversation.state.user_pictures
        assert await reply.read(sent.id) == pictures.png(7, 6)


@pytest.mark.parametrize("formats", [("png", "jpeg", "webp"), ("png", "gif")])
async def test_what_a_picture_is_is_the_engines_choice(formats: tuple[str, ...]) -> None:
    """I10: GIF only where it was chosen."""
    inspector = Inspector(formats)  # type: ignore[arg-type]  # names of formats
    async with Engine(ScriptedModel(script), PlainImages(), inspector=inspector) as engine:
        conversation = engine.conversation()
        if "gif" in formats:
            reply = await conversation.ask("draw", pictures=[pictures.gif()])
            assert reply.complete
        else:
            with pytest.raises(CallerError) as caught:
                await conversation.ask("draw", pictures=[pictures.gif()])
            assert caught.value.code == "image_type_not_allowed"
