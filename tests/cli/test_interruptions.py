"""Ctrl-C, SIGTERM and readers that leave: what was ordered is received, and nothing more is bought."""

from __future__ import annotations

import re
import shlex
import signal
import sys
from pathlib import Path

import pytest

import pictures
from answers import drawn
from commands import Shell, illustrator, linked
from limner.cli.hint import WayOn, called
from limner.cli.main import main
from limner.cli.output import Output
from providers import STALL, Answer, Gate, Provider, sse, status, text

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def _gated(gate: Gate) -> Answer:
    """A picture that comes when the gate is opened."""
    answer = drawn(pictures.png(), 0)
    return Answer(answer.steps, answer.status, answer.headers, (gate,), chunked=False)


def test_the_first_ctrl_c_receives_what_was_ordered(
    here: Path, shell: Shell, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """DESIGN decision 11: cancelling stops buying, not receiving; what exists is written."""
    gates = Gate(), Gate()
    provider.images(*(_gated(gate) for gate in gates))
    with shell.start("ask", "foxes", "-o", "reply.md", "--journal", "run.db") as running:
        assert all(gate.reached.wait(10) for gate in gates)
        running.process.send_signal(signal.SIGINT)
        running.wait_for_line("waiting up to")
        for gate in gates:
            gate.open()
        done = running.end()

    assert done.code == 130
    assert len(linked((shell.folder / "reply.md").read_text("utf-8"))) == 2
    assert "-m limner.cli resume run.db -o reply.md\n" in done.err
    assert len(provider.posts("/chat/completions")) == 1

    bought = len(provider.posts("/images/generations"))
    assert main(["resume", "run.db"]) == 0
    out = capfd.readouterr().out
    assert out.endswith("The end.\n")
    assert len(linked(out)) == 2
    assert len(provider.posts("/images/generations")) == bought


def test_the_second_ctrl_c_leaves(shell: Shell, provider: Provider) -> None:
    """The first waits briefly and says so, the second leaves; SIGTERM is the same; the doubt is told."""
    gates = Gate(), Gate()
    provider.images(*(_gated(gate) for gate in gates))
    with shell.start("ask", "foxes", "-o", "reply.md") as running:
        assert all(gate.reached.wait(10) for gate in gates)
        running.process.send_signal(signal.SIGTERM)
        running.wait_for_line("waiting up to")
        running.process.send_signal(signal.SIGINT)
        done = running.end()

    assert done.code == 130
    assert "2 pictures were ordered and not received; the provider may charge" in done.err
    assert not (shell.folder / "reply.md").exists()


def test_what_had_arrived_stays_on_standard_output(shell: Shell, provider: Provider) -> None:
    """On Ctrl-C the text that had arrived stays, and nothing is asked again."""
    provider.chat(sse(text("Once upon a time\n\nthere was"), STALL))
    with shell.start("ask", "a story", "--quiet") as running:
        first = running.out.readline()
        running.process.send_signal(signal.SIGINT)
        done = running.end()

    assert first.decode() + done.out == "Once upon a time\n\nthere was\n"
    assert done.code == 130
    assert done.err == "interrupted\n"


def test_a_reader_who_leaves_is_no_mistake(shell: Shell, provider: Provider) -> None:
    """Closed standard output (`| head -1`) is not an error message."""
    lines = [text(f"line {number}\n\n") for number in range(200)]
    gate = Gate()
    provider.chat(sse(*lines, gate, *lines, STALL))
    with shell.start("ask", "much", "--quiet") as running:
        assert running.out.readline() == b"line 0\n"
        running.out.close()
        gate.open()
        done = running.end()

    assert (done.code, done.err) == (0, "")
    assert provider.requests[0].closed.wait(5)


def test_the_painter_sends_no_bill(offline_shell: Shell) -> None:
    """The offline painter is free, so there is no doubt to tell."""
    prompt = "Teach me to brew green tea in sixteen illustrated steps"
    with offline_shell.start("ask", prompt, "-o", "reply.md", "--journal", "run.db") as running:
        running.wait_for_line("drawing: ")
        running.process.send_signal(signal.SIGINT)
        running.wait_for_line("waiting up to")
        running.process.send_signal(signal.SIGINT)
        done = running.end()

    assert done.code == 130
    assert re.search(r"pictures? (was|were) ordered and not received\n", done.err)


def test_the_command_to_go_on_with_is_the_one_that_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`limner` was not on the search path, and -o was forgotten."""
    program = tmp_path / "limner"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", "")
    assert called(".venv/bin/limner", "") == (".venv/bin/limner",)
    assert called(str(program), "") == (str(program),)
    assert called("/x/limner/cli/__main__.py", "/x/python") == ("/x/python", "-m", "limner.cli")
    assert called("/x/bin/pytest", "/x/python") == ("limner",)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert called(str(program), "") == ("limner",)

    monkeypatch.setattr("sys.argv", [str(program)])
    output = Output(Path("a b.md"), Path("pictures"), json=True)
    command = WayOn(Path("-run.db")).command(output)
    assert command == "limner resume ./-run.db -o 'a b.md' --images-dir pictures --json"
    assert WayOn(Path("run.db")).command() == "limner resume run.db"


def test_the_command_to_go_on_with_says_again_which_models_were_meant(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without `--model` and `--config` another model would have finished the reply, or none."""
    (here / "my settings.toml").write_text('[image]\nquality = "high"\n')
    provider.chat(status(400))
    said = ["--model", "it's mine", "--image-model", "colours", "--config", "my settings.toml"]
    assert main(["ask", "foxes", *said, "--journal", "run.db", "-o", "reply.md"]) == 1
    (line,) = (line for line in capfd.readouterr().err.splitlines() if line.startswith("to try again: "))
    command = shlex.split(line.removeprefix("to try again: "))
    command = command[command.index("resume") :]
    assert command == ["resume", "run.db", *said, "-o", "reply.md"]

    provider.chat_script(illustrator("a fox"))
    assert main(command) == 0
    assert {request.json["model"] for request in provider.posts("/chat/completions")} == {"it's mine"}
    assert len(linked((here / "reply.md").read_text("utf-8"))) == 1
