"""The one TOML file: where it is, and what it says."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from limner.errors import ConfigError
from limner.tomlfile import parsed, read

from .rules import Tables, check

__all__ = ["default_path", "default_state", "expand", "found_path", "read_file", "read_keys"]


def read_file(path: Path | None, environ: Mapping[str, str]) -> tuple[Tables, Path | None]:
    """What the file says, and which it was: `path`, else LIMNER_CONFIG, else the user's own.

    The working directory is never looked at: somebody else's project must not choose where
    prompts and keys are sent.
    Raises: ConfigError (`config_file_missing` for a file that was named, `config_file_invalid`).
    """
    named, by = _named(path, environ)
    chosen = named or default_path(environ)
    if chosen is None:
        return {}, None
    where = f"the file {str(chosen)!r}"
    data = read(chosen)
    if data is None:
        if named:
            raise _missing(chosen, by)
        return {}, None
    return check(parsed(data, where), where), chosen


def found_path(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file that `read_file` reads; None where there is none."""
    chosen = _named(path, environ)[0] or default_path(environ)
    return chosen if chosen is not None and chosen.exists() else None


def _named(path: Path | None, environ: Mapping[str, str]) -> tuple[Path | None, str]:
    """The file that somebody names, and who does."""
    if path:
        return expand(path, environ), "the argument"
    variable = environ.get("LIMNER_CONFIG", "").strip()
    return (expand(variable, environ) if variable else None), "LIMNER_CONFIG"


def read_keys(path: Path, said: str) -> tuple[str, ...]:
    """The keys in a file, one on each line; `said` names who names the file.

    Raises: ConfigError (`config_file_missing`, `config_file_invalid`), which never shows one.
    """
    data = read(path)
    if data is None:
        raise _missing(path, said)
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ConfigError(
            f"the file {str(path)!r} is not UTF-8; write a key on each line", code="config_file_invalid"
        ) from None
    keys = tuple(line.strip() for line in lines if line.strip())
    if not keys:
        raise ConfigError(
            f"the file {str(path)!r} holds no key; write one on each line, the newest first",
            code="config_file_invalid",
        )
    return keys


def default_path(environ: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """The user's own file, by the custom of the system; None where the user has no home."""
    if platform == "win32":
        folder = environ.get("APPDATA", "")
        return Path(folder, "limner", "config.toml") if folder else None
    home = environ.get("HOME", "")
    if platform == "darwin":
        return Path(home, "Library", "Application Support", "limner", "config.toml") if home else None
    folder = environ.get("XDG_CONFIG_HOME", "")
    # A relative one is to be ignored. Source: XDG Base Directory Specification 0.8.
    if folder.startswith("/"):
        return Path(folder, "limner", "config.toml")
    return Path(home, ".config", "limner", "config.toml") if home else None


def default_state(environ: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """Where a service of the user's keeps what outlives it; None where the user has no home."""
    if platform == "win32":
        folder = environ.get("LOCALAPPDATA", "")
        return Path(folder, "limner", "state") if folder else None
    home = environ.get("HOME", "")
    if platform == "darwin":
        return Path(home, "Library", "Application Support", "limner", "state") if home else None
    folder = environ.get("XDG_STATE_HOME", "")
    # A relative one is to be ignored. Source: XDG Base Directory Specification 0.8.
    if folder.startswith("/"):
        return Path(folder, "limner")
    return Path(home, ".local", "state", "limner") if home else None


def expand(path: str | Path, environ: Mapping[str, str]) -> Path:
    """`path` with a leading `~` replaced by the user's home."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    first, *rest = Path(path).parts or (".",)
    return Path(home, *rest) if first == "~" and home else Path(path)


def _missing(path: Path, source: str) -> ConfigError:
    return ConfigError(
        f"there is no file {str(path)!r}, which {source} names; create it or name another",
        code="config_file_missing",
    )
