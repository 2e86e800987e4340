"""The processes of a run: the provider that all ask, and one for each contestant."""

from __future__ import annotations

import json
import os
import select
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

__all__ = ["ROOT", "Failed", "Upstream", "Worker", "surroundings", "turns_order"]

_PATIENCE_S = 5.0
"""For a process that was told to end."""
ROOT = Path(__file__).resolve().parent.parent


def surroundings() -> dict[str, str]:
    """The environment of every process: nothing is compiled anew at each import."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Failed(Exception):
    """A contestant could not do what it was told to."""


class _Process:
    """A module that reads lines and writes lines, with `ROOT` as its working directory."""

    def __init__(self, python: str | Path, *arguments: str) -> None:
        self._command = [str(python), "-m", *arguments]
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=surroundings(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        return self._process.pid

    def line(self, limit_s: float | None = None) -> str:
        """The next line that it writes; "" where it has ended. Raises: TimeoutError."""
        assert self._process.stdout is not None
        if limit_s is not None and not select.select([self._process.stdout], [], [], limit_s)[0]:
            raise TimeoutError
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
            self._process.wait(_PATIENCE_S)
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
            self._restart()
            raise Failed(f"{self.name} has ended") from None

    def result(self, limit_s: float | None = None) -> dict[str, Any]:
        """What came of the last order.

        Raises: Failed; a worker that has ended, or that took longer than `limit_s`, is started anew.
        """
        try:
            line = self.line(limit_s)
        except TimeoutError:
            self._restart()
            raise Failed(f"{self.name} took more than {limit_s:g} s") from None
        if not line:
            self._restart()
            raise Failed(f"{self.name} has ended")
        result: dict[str, Any] = json.loads(line)
        if result.get("failed"):
            raise Failed(f"{self.name}: {result['failed']}")
        if result.get("wrongs"):
            raise Failed(f"{self.name}: {result['wrongs']} turns went wrong, the first: {result['wrong'][0]}")
        return result

    def ask(self, order: str, limit_s: float | None = None, **details: Any) -> dict[str, Any]:
        """Give it an order, and wait. Raises: Failed."""
        self.send(order, **details)
        return self.result(limit_s)

    def _restart(self) -> None:
        self._process.kill()
        self.end()
        self._start()


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
