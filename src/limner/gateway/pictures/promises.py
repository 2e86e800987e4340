"""Links that are handed out before their pictures exist, and whoever waits for one.

Words come first: the answer goes out with a link at once, and who opens the link waits here until
the picture is drawn. Waiting buys nothing; the turn that promised draws, whoever looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from limner.clock import Clock, SystemClock
from limner.core.pictures import Picture
from limner.logs import log
from limner.storage.links import LinkSigner

from ..ledger import Ledger, new_promise_id

__all__ = ["Promises", "Standing"]

_LOOK_S = 0.5
"""Between two looks into the ledger for a picture that another process draws."""
_LOOKS_A_SECOND = 200
"""Of all who wait for other processes together: a look is a read of a database that turns write to."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a promise stands; under way while there is neither picture nor code."""

    alt: str
    picture_id: str | None = None
    code: str | None = None

    @property
    def settled(self) -> bool:
        """Whether it was kept or broken."""
        return self.picture_id is not None or self.code is not None


@dataclass(slots=True, eq=False)
class _Here:
    """A promise of this process."""

    standing: Standing
    settled: anyio.Event = field(default_factory=anyio.Event)


class Promises:
    """The promises of one process, and a view of those of the others that share its ledger."""

    def __init__(self, ledger: Ledger, links: LinkSigner, *, clock: Clock | None = None) -> None:
        self._ledger = ledger
        self._links = links
        self._clock = clock or SystemClock()
        self._here: dict[str, _Here] = {}
        self._looking = 0

    @property
    def under_way(self) -> int:
        """How many pictures this process has promised and not yet settled."""
        return sum(not each.standing.settled for each in self._here.values())

    async def make(self, tenant: str, run: str, number: int, alt: str) -> str:
        """The link of a picture that is still being drawn; recorded before it is returned.

        `number` is its reference in the run. The link's id, for `kept` and `broken`, is what
        `LinkSigner.id_of` reads from it.

        Raises: LimnerError, where it cannot be recorded; then there is no promise.
        Cancel: a promise that nobody was told of may stay in the ledger.
        """
        name = new_promise_id()
        await self._ledger.promise(name, tenant, run, number, alt)
        self._here[name] = _Here(Standing(alt))
        return self._links.link(name)

    async def kept(self, id: str, picture: Picture) -> None:
        """The picture is in the store: whoever waits gets it. Saying it again changes nothing."""
        await self._settle(id, picture_id=picture.id)

    async def broken(self, id: str, code: str) -> None:
        """There will be no picture, for the reason `code` of `errors.CALL_CODES`."""
        await self._settle(id, code=code)

    def is_here(self, id: str) -> bool:
        """Whether this process has promised it, and remembers."""
        return id in self._here

    async def wait(self, id: str, seconds: float) -> Standing | None:
        """How the promise `id` stands, as soon as it is settled or `seconds` are over; None where there is none.

        Cancel: safe.
        """
        here = self._here.get(id)
        if here is not None:
            with anyio.move_on_after(seconds):
                await here.settled.wait()
            return here.standing
        return await self._watched(id, seconds)

    async def _watched(self, id: str, seconds: float) -> Standing | None:
        """The same for a promise that another process made, or an earlier one."""
        ends_s = self._clock.monotonic() + seconds
        with self._one_more():
            while True:
                found = await self._ledger.promised(id)
                if found is None:
                    return None
                standing = Standing(found.alt, found.picture, found.code)
                left_s = ends_s - self._clock.monotonic()
                if standing.settled or left_s <= 0:
                    return standing
                await self._clock.sleep(min(left_s, max(_LOOK_S, self._looking / _LOOKS_A_SECOND)))

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        self._looking += 1
        try:
            yield
        finally:
            self._looking -= 1

    async def _settle(self, id: str, *, picture_id: str | None = None, code: str | None = None) -> None:
        here = self._here.get(id)
        if here is not None and here.standing.settled:
            return
        try:
            # Shielded: the picture is there, whoever has stopped to wait for it.
            with anyio.CancelScope(shield=True):
                if picture_id is not None:
                    await self._ledger.keep_promise(id, picture_id)
                elif code is not None:
                    await self._ledger.break_promise(id, code)
        except Exception as error:
            # Strategy: what could not be written down is remembered here instead, for as long as it goes.
            log.error("promise.unrecorded", error=type(error).__name__)
            if here is not None:
                here.standing = Standing(here.standing.alt, picture_id, code)
        else:
            if here is not None:
                here.standing = Standing(here.standing.alt, picture_id, code)
                # From now on the ledger knows.
                self._here.pop(id, None)
        if here is not None:
            here.settled.set()
