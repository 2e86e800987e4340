"""Durability under SIGKILL at random instants, with a real provider that counts. Source: P01, DESIGN decision 4."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def survive(kills: int, seed: int) -> None:
    harness = Path(__file__).with_name("kills.py")
    command = [sys.executable, str(harness), "--kills", str(kills), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    totals = json.loads(done.stdout)
    assert totals["kills"] == kills
    assert totals["promised"] == kills // 2
    assert totals["budgeted"] >= kills // 2
    for wrong in (
        "bought_twice",
        "acknowledged_lost",
        "unlisted_doubts",
        "transcripts_differ",
        "pictures_missing",
        "overspent",
    ):
        assert totals[wrong] == 0, totals


def test_a_few_kills_lose_nothing_and_buy_nothing_twice() -> None:
    """Fails if a submission is made before it is recorded, or a picture recorded before it is stored."""
    survive(6, seed=7)


@pytest.mark.soak
def test_five_hundred_kills_lose_nothing_and_buy_nothing_twice() -> None:
    """Half of them with promises outstanding; every resume ends, every doubt is listed."""
    survive(500, seed=1)
