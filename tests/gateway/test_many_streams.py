"""A thousand streams at once through one worker of the whole service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def figures(*options: str) -> dict[str, Any]:
    """What the measuring program says: provider, gateway and clients have a process each in it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gateways.alone", "--json", *options],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.soak
@pytest.mark.parametrize(("asked", "most_kib"), [((), 64), (("--sdk",), 96)])
def test_a_thousand_streams_at_once_lose_nothing_and_cost_little(
    asked: tuple[str, ...], most_kib: int
) -> None:
    """One worker, a thousand clients: every word of every stream arrives, and none costs more than 64 KiB.

    For clients that may ask again by themselves, what they were told is kept for a while beside that. How
    long a stream may be silent depends on the machine: `make bench` tells it.
    """
    told = figures(*asked)
    assert (told["streams"], told["lost"], told["words_missing"]) == (1000, 0, 0)
    assert told["stream_kib"] <= most_kib


def test_some_streams_at_once_lose_nothing() -> None:
    """The same with few, for every run."""
    told = figures("--streams", "60", "--per-second", "20", "--seconds", "1")
    assert (told["streams"], told["lost"], told["words_missing"]) == (60, 0, 0)
