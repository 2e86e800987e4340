"""Every example runs as a person would run it: offline, without a key, in a folder of its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(path.name for path in FOLDER.glob("*.py"))
TYPED = {"chatbot.py": "Draw a fox in the snow\n画一只猫\n"}
"""What a person types into an example that listens."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_ends_with_its_claims_true(name: str, tmp_path: Path) -> None:
    """Examples and docs: runs offline, ends in asserts, warnings are errors."""
    done = subprocess.run(
        # -I: no variable, no site folder of the user's and no working directory helps it.
        [sys.executable, "-I", "-W", "error", str(FOLDER / name)],
        input=TYPED.get(name, ""),
        cwd=tmp_path,
        env={},
        capture_output=True,
        check=False,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "an example shows something"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_is_short_and_claims_something(name: str) -> None:
    """Examples and docs: at most 60 lines, and its last block asserts."""
    source = (FOLDER / name).read_text(encoding="utf-8")
    last = ast.parse(source).body[-1]
    assert len(source.splitlines()) <= 60
    assert sum(isinstance(node, ast.Assert) for node in ast.walk(last)) >= 3


def test_the_promised_examples_are_there() -> None:
    """Examples and docs: these six, so none goes missing in silence."""
    promised = {"chatbot", "tutorial", "custom_tool", "caller_tool", "resume_after_kill", "words_first"}
    assert promised <= {Path(name).stem for name in EXAMPLES}
