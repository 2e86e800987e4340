"""The command, a folder to run it in, and a provider that it is connected with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import Shell, bare_environment, connected, illustrator, painter
from providers import Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider whose model asks for two pictures and places them."""
    with Provider() as provider:
        provider.chat_script(illustrator("雪中的狐狸", "an owl"))
        provider.image_script(painter())
        yield provider


@pytest.fixture
def shell(tmp_path: Path, provider: Provider) -> Shell:
    """The command, connected with the provider."""
    folder, home = tmp_path / "here", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    return Shell(folder, bare_environment(home) | connected(provider))


@pytest.fixture
def offline_shell(tmp_path: Path) -> Shell:
    """The command as somebody finds it who has connected nothing."""
    folder, home = tmp_path / "here", tmp_path / "home"
    folder.mkdir(exist_ok=True)
    home.mkdir(exist_ok=True)
    return Shell(folder, bare_environment(home))


@pytest.fixture
def here(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shell's folder and environment as this process's own: a process costs half a second."""
    monkeypatch.chdir(shell.folder)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in shell.environment.items():
        if name.startswith(("LIMNER_", "HOME")):
            monkeypatch.setenv(name, value)
    for name in (
        "OPENAI_API_KEY",
        "OPENROUTER_API_KEY",
        "OPENAI_BASE_URL",
        "XDG_CONFIG_HOME",
        "LIMNER_CONFIG",
    ):
        monkeypatch.delenv(name, raising=False)
    return shell.folder
