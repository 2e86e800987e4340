"""What a chat model is to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from limner.core.messages import ChatRequest, Delta

__all__ = ["Model"]


class Model(Protocol):
    """A chat model: one request in, deltas out."""

    @property
    def name(self) -> str:
        """The model's id at its provider; for receipts and logs."""
        ...

    @property
    def offline(self) -> bool:
        """True where no language model is connected."""
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[tuple[Delta, ...], None]:
        """Answer `request`.

        Yields: one tuple of deltas per network read; a model that does not stream yields one tuple.
        Raises: ModelError (after its own retries, which end with the first delta).
        Cancel: safe at any time; the provider's stream is closed before the generator ends.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections and processes; idempotent."""
        ...
