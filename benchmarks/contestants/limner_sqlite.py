"""Limner, with its facts recorded in a file: what a turn has bought survives the process."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from limner import SQLiteRecorder

from .limner import made
from .task import Contestant, Conversation

__all__ = ["opened"]


async def opened(base_url: str, *, concurrency: int) -> Contestant:
    folder = TemporaryDirectory(prefix="limner-benchmark-")
    recorder = SQLiteRecorder(Path(folder.name) / "facts.sqlite")
    return _Recorded(await made(base_url, concurrency, recorder=recorder), folder)


class _Recorded:
    def __init__(self, contestant: Contestant, folder: TemporaryDirectory[str]) -> None:
        self._contestant = contestant
        self._folder = folder

    def conversation(self) -> Conversation:
        return self._contestant.conversation()

    async def aclose(self) -> None:
        await self._contestant.aclose()
        self._folder.cleanup()
