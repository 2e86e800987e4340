"""A real file system that is soon full."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["tiny_file_system"]


@contextlib.contextmanager
def tiny_file_system(folder: Path, size: str) -> Iterator[Path]:
    """A file system of `size` (like "64k") at `folder`, where this process may mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if (
        not sys.platform.startswith("linux")
        or subprocess.run(command, capture_output=True, check=False).returncode
    ):
        pytest.skip("a small file system needs the right to mount; run the tests as root in Linux")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
