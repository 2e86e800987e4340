"""The one TOML file: where it is, and what it says."""

from __future__ import annotations

import os
import re
import stat
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from limner.errors import ConfigError

from .rules import Tables, check

__all__ = ["default_path", "expand", "read_file", "read_keys"]

_MOST_BYTES = 1 << 20
"""Far more than all settings there are."""


def read_file(path: Path | None, environ: Mapping[str, str]) -> tuple[Tables, Path | None]:
    """What the file says, and which it was: `path`, else LIMNER_CONFIG, else the user's own.

    The working directory is never looked at: somebody else's project must not choose where
    prompts and keys are sent.
    Raises: ConfigError (`config_file_missing` for a file that was named, `config_file_invalid`).
    """
    named = environ.get("LIMNER_CONFIG", "").strip()
    chosen = expand(path, environ) if path else expand(named, environ) if named else default_path(environ)
    if chosen is None:
        return {}, None
    where = f"the file {str(chosen)!r}"
    data = _read(chosen)
    if data is None:
        if path or named:
            raise _missing(chosen, "the argument" if path else "LIMNER_CONFIG")
        return {}, None
    return check(_parse(data, where), where), chosen


def read_keys(path: Path) -> tuple[str, ...]:
    """The keys in a file, one on each line.

    Raises: ConfigError (`config_file_missing`, `config_file_invalid`), which never shows one.
    """
    data = _read(path)
    if data is None:
        raise _missing(path, "link_key_file in [storage]")
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


def expand(path: str | Path, environ: Mapping[str, str]) -> Path:
    """`path` with a leading `~` replaced by the user's home."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    first, *rest = Path(path).parts or (".",)
    return Path(home, *rest) if first == "~" and home else Path(path)


def _read(file: Path) -> bytes | None:
    """What a file holds; None where there is none. Raises: ConfigError."""
    where = f"the file {str(file)!r}"
    try:
        # Without waiting for the other side of a pipe; what cannot end is not read to its end.
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigError(f"{where} is not a regular file; name one", code="config_file_invalid")
            data = opened.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"{where} cannot be read ({error.strerror}); check its permissions or name another",
            code="config_file_invalid",
        ) from error
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{where} is larger than 1 MiB; name another", code="config_file_invalid")
    return data


def _missing(path: Path, source: str) -> ConfigError:
    return ConfigError(
        f"there is no file {str(path)!r}, which {source} names; create it or name another",
        code="config_file_missing",
    )


def _parse(data: bytes, where: str) -> dict[str, object]:
    try:
        # Notepad begins a file with a byte order mark, which TOML does not know.
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{where} is not UTF-8; save it as such", code="config_file_invalid") from None
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(error, where) from None
    except (RecursionError, ValueError):
        raise ConfigError(
            f"{where} holds tables too deep, or a number too long, to be read; make it simpler",
            code="config_file_invalid",
        ) from None


def _not_toml(error: tomllib.TOMLDecodeError, where: str) -> ConfigError:
    # Only the place is repeated: the parser's own words may hold what stands there.
    place = re.search(r"\(at ([\w ,]+)\)", str(error))
    return ConfigError(
        f'{where} is not TOML{f" (at {place[1]})" if place else ""}; texts need quotes, as in model = "name"',
        code="config_file_invalid",
    )
