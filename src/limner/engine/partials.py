"""Pictures on the way to the final one: told to whoever watches now, kept for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from limner.core.formats import FormatName
from limner.core.state import State
from limner.errors import PictureError
from limner.logs import log

__all__ = ["PartialPicture", "Partials"]

Glance = Callable[[bytes], tuple[FormatName, bytes]]
"""What bytes are by their structure, and what of them is kept. Raises: PictureError."""

_MOST = 16
"""Partial pictures of one call, and then no more: several times what anybody can ask for."""


@dataclass(frozen=True, slots=True)
class PartialPicture:
    """A picture that is not finished; no fact, and never the final one."""

    key: str
    """Of the call."""
    index: int
    """Which of its partial pictures, from 0."""
    data: bytes = field(repr=False)
    format: FormatName


class Partials:
    """The partial pictures of one run: of each call the newest, for as long as somebody watches."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` lets whoever drives the run look."""
        self._wake = wake
        self._watched = False
        self._newest: dict[str, PartialPicture] = {}

    @property
    def watched(self) -> bool:
        """Whether anybody is told."""
        return self._watched

    @property
    def waiting(self) -> bool:
        """Whether there is any that nobody was told."""
        return bool(self._newest)

    def watch(self) -> None:
        """Somebody is told from now on."""
        self._watched = True

    def unwatch(self) -> None:
        """Nobody is told any more, and nothing is kept."""
        self._watched = False
        self._newest.clear()

    def listener(self, key: str, glance: Glance) -> Callable[[int, bytes], None]:
        """What the maker of a call's picture tells of its partial ones; what is no picture is dropped."""
        told = 0

        def tell(index: int, data: bytes) -> None:
            nonlocal told
            told += 1
            if not self._watched or told > _MOST:
                return
            try:
                format_, kept = glance(data)
            except PictureError as error:
                log.info("partial.dropped", call=key, code=error.code)
                return
            # In the place of one that nobody has taken yet: a slow reader has the newest.
            self._newest[key] = PartialPicture(key, index, kept, format_)
            self._wake()

        return tell

    def take(self, state: State) -> tuple[PartialPicture, ...]:
        """What nobody was told yet of the pictures that are under way in `state`."""
        if not self._newest:
            return ()
        ordered = {call.key: call.outcome is None for call in state.calls if call.submitted_at_s is not None}
        taken = tuple(each for each in self._newest.values() if ordered.get(each.key))
        # Those of pictures whose order was not told yet wait for that.
        self._newest = {key: each for key, each in self._newest.items() if key not in ordered}
        return taken
