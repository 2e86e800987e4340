"""Standard streams that are closed or full from the start: what was bought is kept, and said where it can be."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from commands import COMMAND, Done, Shell, linked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="redirections of POSIX")


def _run(shell: Shell, redirection: str, *arguments: str) -> Done:
    """See the command to its end, with `redirection` as a shell writes it."""
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join([*COMMAND, *arguments])} {redirection}"],
        cwd=shell.folder,
        env=shell.environment | {"TMPDIR": str(shell.folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


@pytest.mark.parametrize("arguments", [("-o", "reply.html"), ("-o", "reply.md", "--quiet")])
def test_a_file_needs_no_standard_output(shell: Shell, arguments: tuple[str, ...]) -> None:
    """The page was written, and then the command fell over what it had not to say."""
    done = _run(shell, ">&-", "ask", "foxes", *arguments)

    assert done.code == 0
    assert "error" not in done.err
    assert (shell.folder / arguments[1]).is_file()


@pytest.mark.parametrize(("arguments", "name"), [((), "reply.md"), (("--json",), "reply.json")])
def test_a_reply_that_nobody_can_read_is_kept(shell: Shell, arguments: tuple[str, ...], name: str) -> None:
    """Nothing paid for is lost because standard output is closed."""
    done = _run(shell, ">&-", "ask", "foxes", *arguments)

    assert done.code == 2
    (reply,) = shell.folder.glob(f"limner-*/{name}")
    assert str(reply) in done.err
    if name.endswith(".md"):
        links = linked(reply.read_text("utf-8"))
        assert len(links) == 2
        assert all((reply.parent / link).is_file() for link in links)


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ()])
def test_what_nobody_reads_is_no_mistake(offline_shell: Shell, arguments: tuple[str, ...]) -> None:
    """As for `| head -1`: the reader has all it wanted."""
    done = _run(offline_shell, ">&-", *arguments)
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("redirection", ["2>&-", "<&-", "2>&- <&-"])
def test_the_reply_needs_no_other_stream(shell: Shell, redirection: str) -> None:
    """A service starts its children with what it likes."""
    done = _run(shell, redirection, "ask", "foxes")
    assert done.code == 0
    assert len(linked(done.out)) == 2


def test_no_prompt_and_no_standard_input_is_a_mistake_of_usage(shell: Shell) -> None:
    """Nothing to read is nothing to ask."""
    done = _run(shell, "<&-", "ask")
    assert done.code == 2
    assert done.err.count("\n") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize(
    ("arguments", "code"), [(("ask", "foxes"), 0), (("ask", "foxes", "--max-images", "many"), 2)]
)
def test_a_full_standard_error_changes_no_exit_code(
    shell: Shell, arguments: tuple[str, ...], code: int
) -> None:
    """The reply was complete, and the interpreter ended with 120 all the same."""
    done = _run(shell, "2>/dev/full", *arguments)
    assert done.code == code
    assert len(linked(done.out)) == (2 if code == 0 else 0)
