"""The processes of a run: the provider that all ask, and one for each contestant."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

__all__ = ["ROOT", "Failed", "Upstream", "Worker", "turns_order"]

ROOT = Path(__file__).resolve().parent.parent


class Failed(Exception):
    """A contestant could not do what it was told to."""


class _Process:
    """A module that reads lines and writes lines, with `ROOT` as its working directory."""

    def __init__(self, python: str | Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [str(python), "-m", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def line(self) -> str:
        """The next line that it writes; "" where it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Let it end, and see to it that it does."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Upstream(_Process):
    """`benchmarks.upstream` on a port of its own."""

    def __init__(self, python: str | Path) -> None:
        super().__init__(python, "benchmarks.upstream")
        self.port = int(self.line())

    def url(self, prefix: str) -> str:
        """The base URL of a provider that behaves as `prefix` says."""
        return f"http://127.0.0.1:{self.port}/{prefix}/v1"


class Worker(_Process):
    """One contestant in its own environment (`benchmarks.contestants`)."""

    def __init__(self, python: str | Path, name: str) -> None:
        super().__init__(python, "benchmarks.contestants", name)
        self.name = name

    def send(self, order: str, **details: Any) -> None:
        """Give it an order without waiting. Raises: Failed, where it has ended."""
        try:
            self.write(json.dumps({"order": order, **details}))
        except OSError:
            raise Failed(f"{self.name} has ended") from None

    def result(self) -> dict[str, Any]:
        """What came of the last order. Raises: Failed."""
        line = self.line()
        if not line:
            raise Failed(f"{self.name} has ended")
        result: dict[str, Any] = json.loads(line)
        if result.get("failed"):
            raise Failed(f"{self.name}: {result['failed']}")
        if result.get("wrongs"):
            raise Failed(f"{self.name}: {result['wrongs']} turns went wrong, the first: {result['wrong'][0]}")
        return result

    def ask(self, order: str, **details: Any) -> dict[str, Any]:
        """Give it an order, and wait. Raises: Failed."""
        self.send(order, **details)
        return self.result()


def turns_order(
    turns: int, *, at_once: int = 1, streamed: bool = False, kept: bool = False, pictures: int = 4
) -> dict[str, Any]:
    """The details of an order for turns."""
    return {
        "turns": turns,
        "at_once": at_once,
        "streamed": streamed,
        "kept": kept,
        "pictures": pictures,
    }
