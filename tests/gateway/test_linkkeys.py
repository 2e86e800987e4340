"""What signs the service's own links: made once, kept secret, the same for all of its processes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from limner.errors import ConfigError
from limner.gateway.pictures.linkkeys import LINK_KEY_FILE, link_keys
from limner.storage.links import LinkSigner


def test_the_first_start_makes_a_key_and_the_next_finds_it(tmp_path: Path) -> None:
    """Links of yesterday must open today."""
    state = tmp_path / "new" / "state"
    first = link_keys(state)
    assert len(first) == 1
    assert len(first[0]) >= 43, "256 bits"
    assert link_keys(state) == first
    link = LinkSigner("https://pictures.example", first).link("A" * 43)
    assert link.startswith("https://pictures.example/images/")
    assert link_keys(tmp_path / "other") != first


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Who has the key can make a link to every picture."""
    before = os.umask(0)
    try:
        link_keys(tmp_path / "state")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "state" / LINK_KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    """Several processes may share one state folder: a link of one is opened by the others."""
    program = (
        "import sys, pathlib; from limner.gateway.pictures.linkkeys import link_keys; "
        "sys.stdin.read(); print(*link_keys(pathlib.Path(sys.argv[1])))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "state")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    said = {process.communicate(timeout=30)[0] for process in processes}
    assert len(said) == 1
    assert said.pop().split() == list(link_keys(tmp_path / "state"))


def test_keys_can_be_rotated(tmp_path: Path) -> None:
    """A new line in front signs; the old one is good for checking."""
    (old,) = link_keys(tmp_path)
    (tmp_path / LINK_KEY_FILE).write_text("n" * 43 + f"\r\n\n{old}\n", encoding="ascii")
    assert link_keys(tmp_path) == ("n" * 43, old)


@pytest.mark.parametrize("text", ["", "\n", "secret-7\n", "n" * 43 + "\nsecret-7"])
def test_a_damaged_file_is_refused_and_not_replaced(tmp_path: Path, text: str) -> None:
    """A new key would make every link of before invalid, so that is for a person to decide."""
    (tmp_path / LINK_KEY_FILE).write_text(text, encoding="ascii")
    with pytest.raises(ConfigError) as raised:
        link_keys(tmp_path)
    assert raised.value.code == "link_keys_invalid"
    assert "secret-7" not in str(raised.value)
    assert (tmp_path / LINK_KEY_FILE).read_text(encoding="ascii") == text


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The sentence says what to set."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError) as raised:
        link_keys(tmp_path / "file" / "state")
    assert raised.value.code == "config_file_invalid"
    assert "`state` in [gateway]" in str(raised.value)
