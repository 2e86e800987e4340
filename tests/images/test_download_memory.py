"""What downloads take of memory: measured in a process of its own, with the server in another."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = Path(__file__).with_name("download_memory.py")
_MIB_KIB = 1024

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/clear_refs"), reason="the peak of a process's memory is told by Linux"
)


@contextlib.contextmanager
def served(count: int, mebibytes: int) -> Iterator[str]:
    """The origin of the server of pictures."""
    command = [sys.executable, str(_PROGRAM), "serve", str(count), str(mebibytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def measured(kind: str, origin: str, count: int, backend: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(_PROGRAM), kind, origin, str(count), backend],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("mebibytes", [4, pytest.param(20, marks=pytest.mark.soak)])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_fifty_downloads_at_once_never_stand_in_memory(backend: str, mebibytes: int) -> None:
    """50 downloads of 20 MiB at once add at most 32 MiB."""
    with served(50, mebibytes) as origin:
        told = measured("many", origin, 50, backend)
    assert (told["files"], told["bytes"]) == (50, 50 * mebibytes << 20)
    assert told["grown_kib"] <= 32 * _MIB_KIB


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_i13_a_body_without_end_does_not_fill_the_memory(backend: str) -> None:
    """I13: at most 2 MiB more than before, and no file."""
    with served(1, 1) as origin:
        told = measured("endless", origin, 3, backend)
    assert told["files"] == 0
    assert told["grown_kib"] <= 2 * _MIB_KIB
