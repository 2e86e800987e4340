"""Pictures, money and promises follow the facts of a run, whoever listens and whoever dies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from limner import Engine, FolderStorage, Message
from limner.core.messages import ChatRequest
from limner.errors import PictureError
from limner.gateway.books.bookkeeping import Bookkeeping
from limner.gateway.books.journals import Journals
from limner.gateway.ledger import Ledger
from limner.gateway.pictures import Promises
from limner.images.protocol import ImageRequest, Purchase
from limner.storage.links import LinkSigner
from limner.testing import PlainImages, Say, ScriptedModel

pytestmark = pytest.mark.anyio

LINKS = LinkSigner("https://pictures.example", ("k" * 32,))
ASKED = [Message("user", "draw")]


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def script(request: ChatRequest) -> Say:
    if any(message.role == "tool" for message in request.messages):
        return Say("Done.")
    return Say("", [("generate_image", {"prompt": each, "alt": each}) for each in ("one", "two")])


@asynccontextmanager
async def books(folder: Path) -> AsyncIterator[tuple[Bookkeeping, Ledger]]:
    async with Ledger(folder) as ledger:
        journals = Journals(folder)
        await journals.open()
        yield Bookkeeping(journals, ledger, Promises(ledger, LINKS), LINKS), ledger
        await journals.aclose()


def engine(folder: Path, recorder: Bookkeeping | Journals, images: PlainImages) -> Engine:
    return Engine(
        ScriptedModel(script), images, recorder=recorder, storage=FolderStorage(folder / "pictures")
    )


async def test_what_was_drawn_is_known_and_what_was_ordered_is_spent(tmp_path: Path) -> None:
    """One of two fails and costs nothing; the run's owner pays for the other, and alone knows it."""

    async def refuse(request: ImageRequest, purchase: Purchase) -> None:
        if request.prompt == "two":
            raise PictureError("image_policy", billed="no")

    async with books(tmp_path) as (keeping, ledger):
        async with engine(tmp_path, keeping, PlainImages(price=0.25, before=refuse)) as opened:
            reply = await opened.conversation(owner="alice", history=ASKED).answer()
        (part,) = reply.images
        assert await ledger.pictures("alice", [part.picture.id]) == {part.picture.id: part.picture}
        assert await ledger.pictures("bob", [part.picture.id]) == {}
        assert await ledger.spent_usd("alice", today()) == 0.25


async def test_what_is_being_drawn_counts_as_spent(tmp_path: Path) -> None:
    """Scorecard S26: another process that begins the day must not spend it again."""
    images = PlainImages(price=0.25)
    waiting, go_on = anyio.Event(), anyio.Event()

    async def wait(request: ImageRequest, purchase: Purchase) -> None:
        if len(images.submissions) == 2:
            waiting.set()
        await go_on.wait()

    images.before = wait

    async with books(tmp_path) as (keeping, ledger), anyio.create_task_group() as tasks:
        async with engine(tmp_path, keeping, images) as opened:
            tasks.start_soon(opened.conversation(owner="alice", history=ASKED).answer)
            with anyio.fail_after(5):
                await waiting.wait()
            assert await ledger.spent_usd("alice", today()) == 0.5
            go_on.set()
        tasks.cancel_scope.cancel()


async def test_what_a_process_did_not_live_to_tell_is_told_by_the_next(tmp_path: Path) -> None:
    """P01: the journal has all of it; whoever goes on with the run tells it."""
    journals = Journals(tmp_path)
    await journals.open()
    async with engine(tmp_path, journals, PlainImages(price=0.25)) as opened:
        reply = await opened.conversation("run", owner="alice", history=ASKED).answer()
    async with books(tmp_path) as (keeping, ledger):
        assert await ledger.spent_usd("alice", today()) == 0.0
        async with engine(tmp_path, keeping, PlainImages()) as opened:
            await opened.resume("run")
        assert await ledger.spent_usd("alice", today()) == 0.5
        ids = [part.picture.id for part in reply.images]
        assert set(await ledger.pictures("alice", ids)) == set(ids)


async def test_a_run_is_held_as_long_as_somebody_goes_on_with_it(tmp_path: Path) -> None:
    """Who comes second learns that this process has it."""
    async with books(tmp_path) as (keeping, _), engine(tmp_path, keeping, PlainImages()) as opened:
        conversation = opened.conversation("run", owner="alice", history=ASKED)
        await conversation.answer()
        assert keeping.holds("run")
        conversation.let_go()
        assert not keeping.holds("run")


async def test_a_promise_of_what_is_drawn_already_is_kept_at_once(tmp_path: Path) -> None:
    """It came while the promise was written down: whoever opens the link gets the picture."""
    async with books(tmp_path) as (keeping, ledger):
        async with engine(tmp_path, keeping, PlainImages()) as opened:
            conversation = opened.conversation("run", owner="alice", history=ASKED)
            await conversation.answer()
            link = await keeping.promise("run", conversation.state.calls[0])
        name = LINKS.id_of(link)
        assert name is not None
        promise = await ledger.promised(name)
        assert promise is not None
        assert promise.picture == conversation.reply.images[0].picture.id
