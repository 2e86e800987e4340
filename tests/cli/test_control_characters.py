"""A model's words never drive the terminal of whoever reads them."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path

import pytest

import pictures
from commands import illustrator
from limner.cli.main import main
from providers import Provider, finish, sse, text, whole
from screens import on_a_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")

HOSTILE = "a\x1b]52;c;aGk=\x07b\x1b]0;title\x07c\x1b[2Jd\x9b31me\x7ff\rg\bh\x0ci"
"""Clipboard, title, clearing, C1, and what moves the cursor."""
_OURS = re.compile(r"\r?\x1b\[(?:\d*A|K|J|\d*m)|\r(?=\n|[✓✗·⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏])|\r(?=\x1b)")
"""What the live lines themselves consist of."""
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f]")


def _commands_left(written: str) -> list[str]:
    return _CONTROL.findall(_OURS.sub("", written.replace("\r\n", "\n")))


def test_a_reply_on_a_terminal_shows_its_control_characters_instead_of_obeying(
    here: Path, provider: Provider
) -> None:
    """A reply wrote to the clipboard. Lines and tabs stay; the rest is made visible."""
    provider.chat(sse(text(f"one\ttwo\n{HOSTILE}\r\nend\n"), finish()))
    code, written = on_a_terminal("ask", "foxes")

    assert code == 0
    assert _commands_left(written) == []
    assert "one\ttwo" in written
    assert "a␛]52;c;aGk=␇b␛]0;title␇c␛[2Jd\ufffd31me␡f␍g␈h␌i" in written


def test_a_pipe_reads_the_reply_as_the_model_wrote_it(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """Pipes and files stay true to the byte."""
    provider.chat(sse(text(f"{HOSTILE}\n"), finish()))
    assert main(["ask", "foxes"]) == 0
    assert f"{HOSTILE}\n" in capfd.readouterr().out.replace("\r\n", "\n")


@pytest.mark.parametrize("output", [True, False], ids=["shared terminal", "text elsewhere"])
def test_an_alternative_text_cannot_reach_the_terminal_through_the_live_lines(
    here: Path, provider: Provider, output: bool
) -> None:
    """An OSC that was clipped in its middle stayed open and swallowed what followed."""
    provider.chat_script(illustrator(f"a fox {HOSTILE}", "an owl \x1b]0;" + "x" * 200 + "\x07"))
    provider.image_script(lambda _: pictures.png(), before_s=0.15)
    code, written = on_a_terminal("ask", "foxes", "-o", "reply.md", output=output)

    assert code == 0
    assert "a fox" in written
    assert _commands_left(written) == []


def test_progress_on_a_pipe_is_clean_as_well(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard error may be read by a terminal later: `picture n: drawing: …` says words only."""
    provider.chat_script(illustrator(f"a fox {HOSTILE}"))
    assert main(["ask", "foxes", "-o", "reply.md"]) == 0

    err = capfd.readouterr().err
    assert "drawing: a fox" in err
    assert _CONTROL.findall(err) == []


def test_the_name_of_a_picture_model_is_clean(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """`limner image` says what drew: the provider's own words."""
    entry = {"b64_json": base64.b64encode(pictures.png()).decode()}
    provider.images(whole({"created": 1, "model": f"paint {HOSTILE}", "data": [entry]}))
    assert main(["image", "a fox"]) == 0
    assert _CONTROL.findall(capfd.readouterr().err) == []


def test_the_prompt_of_a_journal_is_clean(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """A journal may come from somebody else, and `limner resume` repeats its prompt."""
    provider.chat(sse(text("Hello.\n"), finish()))
    assert main(["ask", f"say {HOSTILE}", "--journal", "run.db"]) == 0
    capfd.readouterr()
    assert main(["resume", "run.db"]) == 0

    err = capfd.readouterr().err
    assert "writing it again: say" in err
    assert _CONTROL.findall(err) == []


def test_an_error_repeats_an_argument_without_its_codes(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file's name is no more to be trusted than a model."""
    assert main(["ask", "foxes", "--x\x1b]0;title\x07\x9b"]) == 2
    assert main(["as\x1b[2Jk", "foxes"]) == 2
    assert _CONTROL.findall(capfd.readouterr().err) == []


def test_json_holds_control_characters_as_escapes(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """JSON escapes C0 by its grammar; C1 and DEL drive a terminal too."""
    provider.chat(sse(text(f"{HOSTILE} 狐\n"), finish()))
    assert main(["ask", "foxes", "--json"]) == 0

    out = capfd.readouterr().out
    assert _CONTROL.findall(out) == []
    assert "狐" in out
    said = "".join(part.get("text", "") for part in json.loads(out)["parts"])
    assert f"{HOSTILE} 狐\n" in said
