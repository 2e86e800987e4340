"""What an open engine gives its conversations to work with."""

from __future__ import annotations

from dataclasses import dataclass

from limner.clock import Clock
from limner.errors import StoreError
from limner.images.inspector import Inspector
from limner.models.protocol import Model
from limner.storage.protocol import Storage
from limner.tools.checking import Toolbox

from .calls import Calls
from .closing import closed

__all__ = ["Workshop"]


@dataclass(slots=True)
class Workshop:
    """One engine's parts, for as long as it is open."""

    model: Model
    toolbox: Toolbox
    storage: Storage
    inspector: Inspector
    clock: Clock
    calls: Calls
    is_open: bool = True

    def check_open(self) -> None:
        """Raises: CallerError (`engine_closed`)."""
        if not self.is_open:
            raise closed()

    def link(self, id: str) -> str:
        """Where a reader finds a picture; one that was lost from the store does not lose the reply."""
        try:
            return self.storage.link(id)
        except StoreError:
            return f"limner:missing/{id}"
