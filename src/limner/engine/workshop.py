"""What an open engine gives a conversation to work with."""

from __future__ import annotations

from dataclasses import dataclass

from limner.clock import Clock
from limner.errors import StoreError
from limner.images.inspector import Inspector
from limner.models.protocol import Model
from limner.storage.protocol import Storage
from limner.tools.checking import Toolbox

from .alarms import Alarms
from .calls import Calls
from .closing import closed

__all__ = ["Doors", "Workshop"]


@dataclass(slots=True)
class Doors:
    """Whether an engine is open; all its conversations look at the same."""

    open: bool = True


@dataclass(frozen=True, slots=True)
class Workshop:
    """What one conversation works with, for as long as its engine is open."""

    model: Model
    toolbox: Toolbox
    storage: Storage
    inspector: Inspector
    clock: Clock
    alarms: Alarms
    calls: Calls
    doors: Doors

    def check_open(self) -> None:
        """Raises: CallerError (`engine_closed`)."""
        if not self.doors.open:
            raise closed()

    def link(self, id: str) -> str:
        """Where a reader finds a picture; one that was lost from the store does not lose the reply."""
        try:
            return self.storage.link(id)
        except StoreError:
            return f"limner:missing/{id}"
