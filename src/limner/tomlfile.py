"""Files that users write by hand: read within bounds, and refused with a sentence that says where."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from limner.errors import ConfigError

__all__ = ["parsed", "read"]

_MOST_BYTES = 1 << 20
"""Far more than anybody writes by hand."""


def read(path: Path) -> bytes | None:
    """What a file holds; None where there is none. Raises: ConfigError (`config_file_invalid`)."""
    where = f"the file {str(path)!r}"
    try:
        # Without waiting for the other side of a pipe; what cannot end is not read to its end.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
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


def parsed(data: bytes, where: str) -> dict[str, Any]:
    """`data` as TOML; `where` names its file at the head of a sentence.

    Raises: ConfigError (`config_file_invalid`), which never shows what stands there: it could be a key.
    """
    try:
        # Notepad begins a file with a byte order mark, which TOML does not know.
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{where} is not UTF-8; save it as such", code="config_file_invalid") from None
    except tomllib.TOMLDecodeError as error:
        # Only the place is repeated: the parser's own words may hold what stands there.
        place = re.search(r"\(at ([\w ,]+)\)", str(error))
        raise ConfigError(
            f"{where} is not TOML{f' (at {place[1]})' if place else ''}; "
            'mend it there (texts need quotes, as in model = "name")',
            code="config_file_invalid",
        ) from None
    except (RecursionError, ValueError):
        raise ConfigError(
            f"{where} holds tables too deep, or a number too long, to be read; make it simpler",
            code="config_file_invalid",
        ) from None
