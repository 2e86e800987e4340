"""Wishes: the only outputs of `machine.pending`. Imperative, frozen."""

from __future__ import annotations

from dataclasses import dataclass

from .calls import Call

__all__ = ["Action", "CallModel", "HandBack", "RunTool"]


@dataclass(frozen=True, slots=True)
class CallModel:
    """Ask the model; what it reads is `transcript.messages(state)` at that moment."""

    key: str
    tool_choice: str
    """ "auto", "none", "required" or the name of a tool."""


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run one call to its outcome."""

    call: Call

    @property
    def key(self) -> str:
        """The call's own name in the journal."""
        return self.call.key


@dataclass(frozen=True, slots=True)
class HandBack:
    """These calls are the caller's to execute; the conversation rests until it has the results."""

    calls: tuple[Call, ...]


Action = CallModel | RunTool | HandBack
