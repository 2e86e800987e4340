"""What the documentation says: its code runs, its links lead somewhere, its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=fence)$", re.M | re.S)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The fenced blocks of a language: the line where the code begins, and the code."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start("code")) + 1, found["code"])
        for found in _FENCE.finditer(text)
        if found["language"] == language
    ]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


WITH_CODE = [page for page in PAGES if blocks(page, "python") and page.parent.name != "clients"]
"""Those of clients need a service: tests/gateway/test_client_pages.py runs them against one."""


@pytest.mark.parametrize("page", WITH_CODE, ids=named)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """CONVENTIONS, "Examples and docs": a page's code is executed; here in its order, each block by itself."""
    program = tmp_path / "page.py"
    program.write_text(
        "".join(_run_block(page, *block) for block in blocks(page, "python")), encoding="utf-8"
    )
    done = subprocess.run(
        # -I and an empty environment: no key, no configuration, no help from outside.
        [sys.executable, "-I", "-W", "error", str(program)],
        cwd=tmp_path,
        env={},
        capture_output=True,
        check=False,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def _run_block(page: Path, line: int, code: str) -> str:
    # Compiled under the page's own name and line, so that a traceback points into the page.
    source = "\n" * (line - 1) + code
    return f"exec(compile({source!r}, {named(page)!r}, 'exec'), {{'__name__': '__main__'}})\n"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """A page that was moved takes its links along."""
    text = _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), f"{named(page)} links to {target}"
        if anchor:
            assert anchor in _anchors(found), f"{named(page)} links to {target}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
