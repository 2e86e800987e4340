"""What signs the service's own links, made when it starts for the first time."""

from __future__ import annotations

import secrets
from pathlib import Path

from limner.errors import ConfigError
from limner.storage.files import create_file, make_folder, settle_folder, sync_folder

__all__ = ["LINK_KEY_FILE", "link_keys"]

LINK_KEY_FILE = "link.key"
"""In the state folder: a key on each line, the newest first."""

_LEAST_CHARACTERS = 32


def link_keys(state: Path) -> tuple[str, ...]:
    """The keys in `state`, the newest first; made by whichever process comes first. Blocks.

    To rotate, put a new line in front, and take the last one away once its links have expired.
    Raises: ConfigError (`config_file_invalid`, `link_keys_invalid`), which never shows one.
    """
    path = state / LINK_KEY_FILE
    try:
        try:
            return _read(path)
        except FileNotFoundError:
            _make(path)
            return _read(path)
    except OSError as error:
        raise ConfigError(
            f"the key that signs links cannot be kept in {str(path)!r} ({error.strerror}); "
            "let the service write there, or set another `state` in [gateway]",
            code="config_file_invalid",
        ) from error


def _make(path: Path) -> None:
    make_folder(path.parent, mode=0o700)
    try:
        create_file(path, [f"{secrets.token_urlsafe(32)}\n".encode()], mode=0o600)
    except FileExistsError:
        return  # another process was quicker; all must sign with the same
    sync_folder(path.parent)
    settle_folder(path.parent)


def _read(path: Path) -> tuple[str, ...]:
    text = path.read_bytes().decode("ascii", "replace")
    keys = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not keys or any(len(key) < _LEAST_CHARACTERS for key in keys):
        raise ConfigError(
            f"the file {str(path)!r} is damaged; write a key of {_LEAST_CHARACTERS} characters or more on each "
            "line, or remove the file for a new key, with which no link of before is valid",
            code="link_keys_invalid",
        )
    return keys
