"""What a person sees who runs the command in a terminal, and what a pipe reads as it comes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import pictures
from commands import illustrator, linked
from limner.cli.console import Console
from providers import Answer, Provider
from screens import on_a_pipe, on_a_terminal, seen, terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")


def test_live_lines_do_not_fight_with_the_text(here: Path, provider: Provider) -> None:
    """The command line: a live line per picture, on the terminal that the text is written to."""
    provider.chat_script(illustrator("a fox", "an owl", first="Let me draw"))
    provider.image_script(lambda _: pictures.png(), before_s=0.4)
    code, written = on_a_terminal("ask", "foxes", "--promise-after", "0")

    assert code == 0
    assert any(frame in written for frame in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
    screen = [line for line in seen(written) if line and not line.startswith("note: ")]
    assert screen[:-1] == [
        "Let me draw",
        "# The steps",
        "1. Step 1",
        "![a fox](limner-images/01-a-fox.png)",
        "2. Step 2",
        "![an owl](limner-images/02-an-owl.png)",
        "The end.",
    ]
    assert screen[-1].startswith("2 pictures in limner-images")


def test_live_lines_stay_where_the_text_goes_elsewhere(
    here: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With -o the terminal keeps one line for each picture, and how it ended."""
    monkeypatch.setenv("NO_COLOR", "1")
    provider.chat_script(illustrator("a fox", "an owl " * 30))
    provider.image_script(lambda body: pictures.png() if "fox" in body["prompt"] else b"no picture")
    code, written = on_a_terminal("ask", "foxes", "-o", "reply.md", output=False)

    assert code == 3
    screen = [line.rstrip() for line in seen(written) if line and not line.startswith("note: ")]
    assert screen[0].startswith("✓  1  a fox")
    assert screen[1].startswith("✗  2  an owl an")
    assert all(len(line) < 80 for line in screen[:2])
    assert screen[2].startswith("reply.md: 1 picture")
    assert screen[3].startswith("1 of 2 pictures is missing")


def test_a_promised_picture_holds_the_text_back_and_is_never_shown_broken(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """A link is printed when its file exists; text waits at a promised picture until it is settled."""
    # It fails long after the model has written about it.
    late = Answer((b"{}",), 400, {"content-type": "application/json"}, (0.4,), chunked=False)
    provider.chat_script(illustrator("a fox", "an owl"))
    provider.image_script(lambda body: late if "fox" in body["prompt"] else pictures.png())
    seen_so_far = bytearray()
    early: list[str] = []

    def hear(data: bytes) -> None:
        seen_so_far.extend(data)
        links = linked(seen_so_far.decode("utf-8", "ignore"))
        early.extend(link for link in links if not (here / link).is_file())

    assert on_a_pipe(["ask", "foxes", "--promise-after", "0"], hear) == 3

    told = seen_so_far.decode()
    assert not early
    assert linked(told) == ["limner-images/01-an-owl.png"]
    assert told.index("a fox") < told.index("Step 2") < told.index("an-owl") < told.index("The end.")
    assert "picture 1: failed" in capfd.readouterr().err


def test_live_lines_go_without_a_trace_when_the_terminal_echoes_ctrl_c(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The echo moves the cursor away from the left, and what stood there stayed."""
    monkeypatch.setenv("TERM", "xterm")
    with terminal() as written:
        console = Console()
        console.show(["one", "two"])
        sys.stderr.write("^C")
        console.show(["three"])
        sys.stderr.write("^C")
        console.note("stopping")
        console.show(["four"])
        sys.stderr.write("^C")
        console.show(())

    assert [line for line in seen(written.decode()) if line] == ["stopping"]
