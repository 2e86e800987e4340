"""What is wrong before anything is bought: one sentence, exit code 2, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import Shell
from limner.cli.main import main
from providers import Provider


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ask", ""], "prompt is empty"),
        (["ask", "foxes", "-o", "reply.pdf"], ".html, .md or .json"),
        (["ask", "foxes", "-o", "reply"], ".html, .md or .json"),
        (["ask", "foxes", "-o", "nowhere/reply.md"], "no folder"),
        (["ask", "foxes", "-o", "folder.md"], "is a folder"),
        (["ask", "foxes", "-o", "pipe.md"], "not a regular file"),
        (["ask", "foxes", "--journal", "pipe"], "not a regular file"),
        (["ask", "foxes", "--config", "pipe"], "not a regular file"),
        (["ask", "foxes", "--config", "/dev/zero"], "not a regular file"),
        (["ask", "foxes", "--config", "deep.toml"], "deep.toml"),
        (["ask", "foxes", "--images-dir", "a-file"], "not a folder"),
        (["ask", "foxes", "--images-dir", "/proc/limner"], "cannot be written"),
        (["ask", "foxes", "-o", "/proc/reply.md"], "/proc/reply.md"),
        (["ask", "draw", "foxes"], "put the whole prompt in quotes"),
        (["ask", "foxes", "--max-images", "many"], "--max-images"),
        (["ask", "foxes", "--max-images", "-1"], "--max-images"),
        (["ask", "foxes", "--nonsense"], "--nonsense"),
        (["ask", "foxes", "--config", "missing.toml"], "missing.toml"),
        (["ask", "foxes", "--config", "bad.toml"], "bad.toml"),
        (["ask", "foxes", "--journal", "a-file"], "a-file"),
        (["ask", "foxes", "--journal", "nowhere/journal"], "no folder"),
        (["asq", "foxes"], "asq"),
        (["resume", "missing"], "missing"),
        (["resume", "a-file"], "a-file"),
        (["resume", "one.txt"], "one.txt"),
        (["resume", "nothing"], "nothing was said yet"),
        (["resume", "pipe"], "pipe"),
        (["ask", "foxes", "--journal", "one.txt"], "one.txt"),
        (["image", "a fox", "-o", "fox.gif"], ".png, .jpg, .jpeg or .webp"),
        (["image", "a fox", "--size", "huge"], "error: --size must be"),
        (["image", "a fox", "--aspect-ratio", "wide"], "error: --aspect-ratio must be"),
        (["image", "a fox", "--image-model", "offline", "--size", "10x10"], "10x10"),
        (["image", "a fox", "--image-model", "offline", "--size", "4096x4096"], "4096x4096"),
        (["image", " "], "limner image"),
    ],
)
def test_a_mistake_costs_one_sentence_and_nothing_else(
    here: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    """The command line: bad input gets one clear sentence and what to do, never a traceback."""
    (here / "a-file").write_text("this is no journal and no folder")
    (here / "folder.md").mkdir()
    (here / "bad.toml").write_text("[chat]\nmodle = 'x'\n")
    (here / "deep.toml").write_text("x = " + "[" * 100_000)
    (here / "one.txt").write_text("x")
    (here / "nothing").touch()
    os.mkfifo(here / "pipe")
    os.mkfifo(here / "pipe.md")
    before = {path: path.read_bytes() if path.is_file() else b"" for path in here.iterdir()}

    code = main(arguments)

    out, err = capfd.readouterr()
    assert code == 2
    (sentence,) = (line for line in err.splitlines() if not line.startswith("note: "))
    assert words in sentence
    assert not out
    assert not provider.requests
    assert {path: path.read_bytes() if path.is_file() else b"" for path in here.iterdir()} == before
    assert (here / "pipe.md").is_fifo()


def test_a_folder_that_takes_no_files_is_seen_before_anything_is_bought(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """An unwritable folder is an error before anything is bought; asking for permissions is no answer."""
    assert main(["ask", "foxes", "--journal", "/proc/journal"]) == 2
    assert "/proc/journal" in capfd.readouterr().err
    assert not provider.requests


def test_the_prompt_comes_from_standard_input_where_there_is_no_argument(shell: Shell) -> None:
    """The command line: the prompt also from standard input; nothing there is a mistake."""
    done = shell.run("ask", "-", stdin=b"\xef\xbb\xbf \n")

    assert (done.code, done.out) == (2, "")
    assert "prompt is empty" in done.err


def test_help_says_what_there_is_and_imports_nothing_heavy(offline_shell: Shell) -> None:
    """The command line: `limner --help` in under 0.3 s; what takes long is not imported for it."""
    heavy = ("openai", "PIL", "pydantic", "anyio", "aiohttp", "structlog", "sqlite3", "jsonschema")
    code = (
        "import sys; from limner.cli.main import main; code = main(['--help']); "
        f"print(sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=offline_shell.environment,
        capture_output=True,
        timeout=20,
        check=False,
    )

    assert done.returncode == 0
    assert done.stderr.decode().strip() == "[]"
    for word in ("ask", "resume", "image", "models", "Example"):
        assert word in done.stdout.decode()


@pytest.mark.parametrize("command", ["ask", "resume", "image", "models"])
def test_each_command_explains_itself_with_an_example(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Groups, and one example each."""
    assert main([command, "--help"]) == 0

    out, err = capfd.readouterr()
    assert f"limner {command} " in out.partition("Example:")[2]
    assert "Output" in out
    assert not err


def test_no_arguments_show_the_help_and_version_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    """A newcomer types the bare name first."""
    from limner import __version__

    assert main([]) == 0
    assert "Usage" in capfd.readouterr().out
    assert main(["--version"]) == 0
    assert capfd.readouterr().out == f"limner {__version__}\n"
