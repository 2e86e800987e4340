"""A turn that is cut anywhere goes on from its facts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio
import pytest

from limner import Engine, Limits, MemoryRecorder, MemoryStorage
from limner.core.events import Event
from limner.core.messages import ChatRequest, Message
from limner.core.state import State
from limner.engine.recorder import Journal, Perform, Recorded, Slot
from limner.errors import JournalError
from limner.images.protocol import ImageRequest, Policy, Purchase
from limner.testing import PlainImages, Say, ScriptedModel

pytestmark = pytest.mark.anyio


def script(request: ChatRequest) -> Say:
    """Three pictures, then one more, then the text: chosen from the transcript alone."""
    answers = [json.loads(message.text) for message in request.messages if message.role == "tool"]
    if not answers:
        asked = [("generate_image", {"prompt": f"p{at}", "alt": f"alt {at}"}) for at in range(3)]
        return Say("First. ", asked)
    if len(answers) == 3:
        return Say("Then. ", [("generate_image", {"prompt": "p3", "alt": "alt 3"})])
    return Say("\n\n".join(f"![{at}]({each.get('imageUrl', '')})" for at, each in enumerate(answers)))


@dataclass
class PowerCut:
    """A recorder that loses power at its `at`-th fact: just before it is recorded, or just after."""

    at: int
    after: bool
    inner: MemoryRecorder = field(default_factory=MemoryRecorder)
    count: int = 0

    async def begin(self, run: str, state: State) -> Journal:
        return _CutJournal(self, await self.inner.begin(run, state))

    async def load(self, run: str) -> Recorded:
        return await self.inner.load(run)

    async def runs(self) -> tuple[str, ...]:
        return await self.inner.runs()

    async def aclose(self) -> None:
        await self.inner.aclose()


@dataclass
class _CutJournal:
    recorder: PowerCut
    inner: Journal

    def reserve(self, keys: Iterable[str]) -> tuple[Slot, ...]:
        return tuple(_CutSlot(self.recorder, slot) for slot in self.inner.reserve(keys))


@dataclass
class _CutSlot:
    recorder: PowerCut
    inner: Slot

    async def run(self, perform: Perform) -> Event:
        self.recorder.count += 1
        if self.recorder.count > self.recorder.at:
            if self.recorder.count == self.recorder.at + 1 and self.recorder.after:
                await self.inner.run(perform)
            raise JournalError("power cut", code="journal_unavailable")
        return await self.inner.run(perform)


async def whole(policy: Policy, promise_after_s: float | None) -> tuple[tuple[Message, ...], int]:
    recorder = PowerCut(10_000, after=False)
    images = PlainImages(policy=policy)
    async with Engine(
        ScriptedModel(script), images, recorder=recorder, promise_after_s=promise_after_s
    ) as engine:
        conversation = engine.conversation("run")
        await conversation.ask("draw")
        return conversation.messages, recorder.count


@pytest.mark.parametrize("promise_after_s", [None, 0])
@pytest.mark.parametrize("policy", ["idempotent", "job", "at_most_once"])
@pytest.mark.parametrize("after", [False, True])
async def test_a_power_cut_at_any_fact_resumes_to_the_end(
    policy: Policy, after: bool, promise_after_s: float | None
) -> None:
    """DESIGN decision 4. Fails if `PictureSubmitted` is recorded after the submission.

    Where the maker may be asked again, the transcript is the same; where it may not, nothing
    is bought twice and each doubt is listed.
    """
    wanted, facts = await whole(policy, promise_after_s)
    for at in range(1, facts):
        storage, cut = MemoryStorage(), PowerCut(at, after)
        first, second = PlainImages(policy=policy), PlainImages(policy=policy)
        with pytest.raises(JournalError):
            async with Engine(
                ScriptedModel(script),
                first,
                recorder=cut,
                storage=storage,
                promise_after_s=promise_after_s,
                drain_s=0,
            ) as engine:
                await engine.conversation("run").ask("draw")
        async with Engine(ScriptedModel(script), second, recorder=cut.inner, storage=storage) as engine:
            conversation = await engine.resume("run")
            reply = await conversation.resume()
        bought = [*first.submissions, *second.submissions]
        codes = [call["code"] for call in reply.calls]
        if policy == "at_most_once":
            assert len(bought) == len(set(bought)), at
            assert set(codes) <= {None, "outcome_unknown"}
            assert len(reply.receipt["unknown"]) == codes.count("outcome_unknown")
        else:
            assert set(codes) == {None}, at
            assert conversation.messages == wanted, at
        assert len(reply.images) == codes.count(None)


async def test_a_finished_run_is_written_out_again_without_buying() -> None:
    """Resuming what is at rest is reading it."""
    recorder, storage = MemoryRecorder(), MemoryStorage()
    async with Engine(ScriptedModel(script), PlainImages(), recorder=recorder, storage=storage) as engine:
        first = await engine.conversation("run").ask("draw")
    images, model = PlainImages(), ScriptedModel([])
    async with Engine(model, images, recorder=recorder, storage=storage) as engine:
        again = await (await engine.resume("run")).resume()
    assert again.parts == first.parts
    assert (images.submissions, model.requests) == ([], [])


async def test_a_job_that_was_recorded_is_polled_and_not_submitted_again() -> None:
    """The `job` policy: record the job's id, then poll."""
    recorder, storage = MemoryRecorder(), MemoryStorage()
    recorded = anyio.Event()

    async def stall(request: ImageRequest, purchase: Purchase) -> None:
        recorded.set()
        await anyio.sleep_forever()

    images = PlainImages(policy="job", before=stall)
    engine = Engine(ScriptedModel(script), images, recorder=recorder, storage=storage, drain_s=0)
    async with engine, anyio.create_task_group() as tasks:
        tasks.start_soon(engine.conversation("run").ask, "draw")
        with anyio.fail_after(5):
            await recorded.wait()
        tasks.cancel_scope.cancel()
    polled: list[str | None] = []

    async def note(request: ImageRequest, purchase: Purchase) -> None:
        polled.append(purchase.job_id)

    images = PlainImages(policy="job", before=note)
    async with Engine(ScriptedModel(script), images, recorder=recorder, storage=storage) as engine:
        reply = await (await engine.resume("run")).resume()
    assert any(job is not None and job.startswith("job-") for job in polled)
    assert len(reply.images) == 4


async def test_money_already_spent_counts_after_a_resume() -> None:
    """A crash must not refill the budget."""
    recorder, storage = MemoryRecorder(), MemoryStorage()
    cut = PowerCut(6, after=False, inner=recorder)
    limits = Limits(usd=0.2)
    first, second = PlainImages(price=0.1), PlainImages(price=0.1)
    with pytest.raises(JournalError):
        async with Engine(
            ScriptedModel(script), first, recorder=cut, storage=storage, limits=limits
        ) as engine:
            await engine.conversation("run").ask("draw")
    async with Engine(ScriptedModel(script), second, recorder=recorder, storage=storage) as engine:
        await (await engine.resume("run")).resume()
    assert len(first.submissions) + len(second.submissions) <= 2


async def test_a_turn_may_be_left_and_the_conversation_goes_on_in_another_process() -> None:
    """The next message ends an open turn, wherever it was left."""
    cut = PowerCut(4, after=True)
    with pytest.raises(JournalError):
        async with Engine(ScriptedModel(script), PlainImages(), recorder=cut) as engine:
            await engine.conversation("run").ask("draw")
    model = ScriptedModel([Say("fine")])
    async with Engine(model, PlainImages(), recorder=cut.inner) as engine:
        conversation = await engine.resume("run")
        assert (await conversation.ask("never mind")).text == "fine"
    assert model.requests[0].messages[-1].text == "never mind"
