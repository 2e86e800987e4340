"""Links to pictures that are still being drawn: waiting, redirects, and what comes in the end."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint
from PIL import Image

from clocks import OwnClock
from limner import Engine, MemoryRecorder
from limner.errors import PictureError
from limner.gateway.books.journals import Journals
from limner.gateway.exchange import Whole
from limner.gateway.ledger import Ledger
from limner.gateway.pictures import Promises, Settling
from limner.images.protocol import ImageRequest, Purchase
from limner.storage.ids import valid_id
from limner.testing import PlainImages, Say, ScriptedModel, plain_png
from picture_services import BOAT, FOX, PictureService, picture_service
from waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[PictureService]:
    async with picture_service(tmp_path) as running:
        yield running


def id_of(service: PictureService, link: str) -> str:
    found = service.links.id_of(link)
    assert found is not None
    return found


async def test_a_promised_link_looks_like_any_other(service: PictureService) -> None:
    """Words first: the answer's link is sent at once; ids from a source that nobody can guess."""
    links = [await service.promises.make("ada", "run-1", number, "a fox") for number in (1, 2)]
    ids = [id_of(service, link) for link in links]
    assert all(valid_id(each) for each in ids)
    assert len(set(ids)) == 2
    assert [service.links.verify(link) for link in links] == ids
    assert service.promises.under_way == 2


async def test_who_waits_gets_the_picture_when_it_is_drawn(service: PictureService) -> None:
    """Words first: `GET /images/{id}` waits until the picture is there, then serves it as itself."""
    link = await service.promises.make("ada", "run-1", 1, "a fox")
    answers: list[Whole] = []

    async def get() -> None:
        answers.append(await service.get(link))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(get)
            for _ in range(20):
                await checkpoint()
            assert answers == []
            picture = await service.keep(FOX)
            await service.promises.kept(id_of(service, link), picture)
    assert [(each.status, each.body) for each in answers] == [(200, FOX)] * 3
    assert answers[0].headers["etag"] == f'"{picture.id}"'
    assert "immutable" in answers[0].headers["cache-control"]
    assert service.promises.under_way == 0
    # And later, when only the ledger remembers.
    again = await service.get(link, if_none_match=f'"{picture.id}"')
    assert again.status == 304


async def test_before_a_proxy_loses_its_patience_the_link_leads_to_itself(tmp_path: Path) -> None:
    """Words first: survives a proxy's 60 s limit by a redirect to itself, which is nobody's to keep."""
    async with picture_service(tmp_path, wait_s=0.01) as service:
        link = await service.promises.make("ada", "run-1", 1, "a fox")
        answer = await service.get(link)
        assert (answer.status, answer.body) == (307, b"")
        # To the byte: the link is signed, so what differs from it leads nowhere.
        assert answer.headers["location"] == link
        assert answer.headers["cache-control"] == "no-store"
        await service.promises.kept(id_of(service, link), await service.keep(FOX))
        assert (await service.get(answer.headers["location"])).body == FOX


async def test_a_picture_that_could_not_be_drawn_is_a_picture_that_says_so(service: PictureService) -> None:
    """Words first: a small honest picture with the alt text, status 200 so that a page shows it, never kept."""
    link = await service.promises.make("ada", "run-1", 1, "ein Fuchs, der unter der Eiche schläft")
    await service.promises.broken(id_of(service, link), "image_policy")
    for _ in range(2):
        answer = await service.get(link, if_none_match="*", range="bytes=0-9")
        assert (answer.status, answer.content_type) == (200, "image/png")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-limner-code"] == "image_policy"
        assert "etag" not in answer.headers
        with Image.open(io.BytesIO(answer.body)) as image:
            image.load()
            said = image.info
        assert said["Description"] == "ein Fuchs, der unter der Eiche schläft"
        assert said["Title"] == "Ein Bild fehlt: Der Bilddienst hat es abgelehnt, es zu zeichnen."


async def test_the_first_word_about_a_promise_holds(service: PictureService) -> None:
    """Words first: a link shows one thing, whoever says what afterwards."""
    link = await service.promises.make("ada", "run-1", 1, "a fox")
    await service.promises.kept(id_of(service, link), await service.keep(FOX))
    await service.promises.broken(id_of(service, link), "internal")
    await service.promises.kept(id_of(service, link), await service.keep(BOAT))
    assert (await service.get(link)).body == FOX


async def test_a_picture_of_another_process_is_waited_for_through_the_ledger(tmp_path: Path) -> None:
    """Words first, with several processes: whoever is asked learns of the others' pictures by looking."""
    clock = OwnClock()
    async with picture_service(tmp_path, clock=clock) as here, Ledger(tmp_path) as ledger:
        there = Promises(ledger, here.links)
        link = await there.make("ada", "run-1", 1, "a fox")
        picture = await here.keep(FOX)

        async def drawn() -> None:
            with anyio.fail_after(10):
                while not clock.slept:
                    await checkpoint()
            await there.kept(id_of(here, link), picture)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drawn)
            # Its own time passes by sleeping: it may be over before the other process has said a word.
            answer = await here.get(link)
            while answer.status == 307:
                answer = await here.get(answer.headers["location"])
        assert answer.body == FOX


async def test_those_who_wait_for_other_processes_look_less_often_when_they_are_many(tmp_path: Path) -> None:
    """Words first: costs little; at most 200 looks a second into a database that turns write to."""
    clock = OwnClock()
    async with picture_service(tmp_path, clock=clock) as here, Ledger(tmp_path) as ledger:
        there = Promises(ledger, here.links)
        link = await there.make("ada", "run-1", 1, "a fox")
        waiting = 400
        async with anyio.create_task_group() as tasks:
            for _ in range(waiting):
                tasks.start_soon(here.get, link)
        # Not all of them have begun when the first ones look again.
        assert waiting / 200 >= max(clock.slept) > 1.5


async def test_whoever_stops_waiting_takes_nothing_with_him(service: PictureService) -> None:
    """Serving: a reader that leaves stops nobody else, and no picture."""
    link = await service.promises.make("ada", "run-1", 1, "a fox")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(service.get, link)
        await checkpoint()
        tasks.cancel_scope.cancel()
    await service.promises.kept(id_of(service, link), await service.keep(FOX))
    assert (await service.get(link)).body == FOX


PROMPTS = ("a fox", "a boat", "an owl")


async def left_unfinished(folder: Path) -> tuple[str, ...]:
    """Links of a turn whose process ended before it said what became of its pictures.

    The fox was drawn, the boat was refused, the owl was ordered, and of a fourth nobody knows anything.
    """
    owl = anyio.Event()

    async def before(request: ImageRequest, _: Purchase) -> None:
        if request.prompt == "a boat":
            raise PictureError("image_policy", billed="no")
        if request.prompt == "an owl":
            owl.set()
            await anyio.sleep_forever()

    calls = [("generate_image", {"prompt": each, "alt": each}) for each in PROMPTS]
    model = ScriptedModel([Say(calls=calls), Say("Look.")])
    maker = PlainImages(policy="idempotent", before=before)
    journals = Journals(folder)
    await journals.open()
    async with picture_service(folder) as service:
        links = tuple([await service.promises.make("ada", "run-1", at, "a fox") for at in (1, 2, 3, 4)])
        async with Engine(
            model, maker, recorder=journals, storage=service.storage, drain_s=0, promise_after_s=0
        ) as engine:
            conversation = engine.conversation("run-1", owner="ada")

            def known() -> bool:
                return sum(call.outcome is not None for call in conversation.state.calls) == 2

            with anyio.fail_after(20):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(conversation.ask, "Draw!")
                    await owl.wait()
                    await until(known)
                    tasks.cancel_scope.cancel()
    return links


async def test_promises_of_a_process_that_is_gone_are_settled_from_its_journal(tmp_path: Path) -> None:
    """Words first: settled at the start, without buying; what nobody saw is said to be unknown."""
    links = await left_unfinished(tmp_path)
    journals = Journals(tmp_path)
    await journals.open()
    async with picture_service(tmp_path) as service:
        settling = Settling(service.ledger, journals)
        assert await settling.settle() == 4
        assert await settling.settle() == 0
        fox = await service.get(links[0])
        assert (fox.status, fox.body) == (200, plain_png("a fox"))
        codes = [(await service.get(link)).headers.get("x-limner-code") for link in links[1:]]
        assert codes == ["image_policy", "outcome_unknown", "outcome_unknown"]
        known = await service.ledger.pictures("ada", [fox.headers["etag"].strip('"')])
        assert [each.prompt for each in known.values()] == ["a fox"]
    await journals.aclose()


async def test_promises_of_a_run_that_somebody_has_in_hand_are_settled_later(tmp_path: Path) -> None:
    """Words first: whoever goes on with a turn may still draw; its promises are not broken behind his back."""
    links = await left_unfinished(tmp_path)
    journals = Journals(tmp_path)
    await journals.open()
    async with picture_service(tmp_path, wait_s=0.01) as service:
        settling = Settling(service.ledger, journals)
        held = await journals.load("run-1")
        assert await settling.settle() == 0
        assert (await service.get(links[2])).status == 307
        del held
        assert await settling.settle() == 4
        assert (await service.get(links[2])).status == 200
    await journals.aclose()


async def test_promises_whose_journal_is_lost_are_broken(tmp_path: Path) -> None:
    """Words first: nobody waits for ever for what nobody can know."""
    links = await left_unfinished(tmp_path)
    async with picture_service(tmp_path) as service:
        assert await Settling(service.ledger, MemoryRecorder()).settle() == 4
        codes = [(await service.get(link)).headers.get("x-limner-code") for link in links]
        assert codes == ["outcome_unknown"] * 4
