"""What importing the real providers costs."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["limner.models.openai", "limner.images.openai"])
def test_the_heavy_libraries_wait_for_the_first_request(module: str) -> None:
    """The house: `openai` is not imported until it is needed."""
    code = f"import sys, {module}; print([m for m in ('openai', 'httpx2', 'aiohttp', 'PIL') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"
