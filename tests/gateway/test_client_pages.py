"""docs/clients: every page's code, run as it stands but for the port, against the command itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from commands import Shell, bare_environment
from runtimes import client_python

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("docs/clients/*.md"))
NODE_FOLDER = ROOT / "tests" / "clients"
ADDRESS = "http://127.0.0.1:8000"
ENVIRONMENTS = {"langchain_openai": "langchain", "agents": "agents", "pydantic_ai": "pydantic"}
"""Where a package is installed, by what a block of Python imports of it."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    language: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def _blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for fence in re.finditer(r"^```(python|js|sh)\n(.*?)^```$", text, re.M | re.S):
            line = text.count("\n", 0, fence.start(2)) + 1
            found.append(Block(page.stem, fence[1], line, fence[2]))
    return found


BLOCKS = _blocks()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `limner serve --offline` listens."""
    home = tmp_path_factory.mktemp("home")
    with Shell(home, bare_environment(home)).start("serve", "--offline", "--port", "0") as running:
        first = running.out.readline().decode("utf-8")
        found = re.match(r"Limner listens on (http://127\.0\.0\.1:\d+)\.", first)
        assert found, (first, running.err)
        yield found[1]


def _command(block: Block) -> list[str]:
    """What runs the block; a test is skipped where it is not to be had."""
    if block.language == "sh":
        if shutil.which("curl") is None:
            pytest.skip("curl is not installed; install it with the packages of your system")
        return ["sh", "-e", "-c"]
    if block.language == "python":
        imported = re.findall(r"^from (\w+)", block.code, re.M)
        found = next((ENVIRONMENTS[name] for name in imported if name in ENVIRONMENTS), None)
        return [str(client_python(found)) if found else sys.executable, "-I", "-c"]
    modules = NODE_FOLDER / "node_modules"
    # One from npm stands beside the packages where the machine's own is too old for them.
    node = next((str(each) for each in modules.glob("node-*/bin/node")), shutil.which("node"))
    if node is None or not (modules / "openai").exists():
        pytest.skip("the packages from npm are not installed; install them with: make clients")
    return [node, "--input-type=module", "--eval"]


@pytest.mark.parametrize("page", sorted({block.page for block in BLOCKS}))
def test_the_code_of_a_clients_page_runs(page: str, address: str) -> None:
    """CONVENTIONS, "Examples and docs": a page's code is executed; here each block prints a picture's link."""
    blocks = [block for block in BLOCKS if block.page == page]
    # At once: most of the time goes into loading the clients.
    started = [(block, _start(block, address)) for block in blocks]
    ended = [(block, *process.communicate(timeout=60), process.returncode) for block, process in started]
    link = re.escape(address) + r"/images/[A-Za-z0-9_-]{43}\?expires="
    for block, out, err, code in ended:
        assert code == 0, f"{block}: {err}"
        assert re.search(link, out), f"{block}: {out}"


def _start(block: Block, address: str) -> subprocess.Popen[str]:
    assert ADDRESS in block.code
    return subprocess.Popen(
        [*_command(block), block.code.replace(ADDRESS, address)],
        cwd=NODE_FOLDER if block.language == "js" else None,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def test_there_is_a_page_for_each_client() -> None:
    """The gateway's page leads to all of them, and each has something to run or to copy."""
    page = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(clients/([\w-]+\.md)\)", page)) == {each.name for each in PAGES}
    assert {block.page for block in BLOCKS} == {each.stem for each in PAGES} - {"chat-pages"}
