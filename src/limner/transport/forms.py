"""A form with files, written as `multipart/form-data`.

Source: RFC 7578; how fields are nested and named is what the `openai` package sends
(version 3.52, read 2026-11-21).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from limner.wire.text import clean

from .parcels import Form

__all__ = ["written"]

_SPECIAL = re.compile(r'["\\\x00-\x1a\x1c-\x1f]')
"""As the HTML standard has it, by which browsers write the names of fields; ESC stands as it is."""


def written(form: Form) -> tuple[str, list[bytes]]:
    """The content type, with a boundary that nobody can guess, and the bytes of the body."""
    boundary = os.urandom(16).hex()
    parts: list[bytes] = []
    for name, value in form.fields.items():
        for key, text in _fields(name, value):
            parts.append(f"{_head(boundary, key)}\r\n\r\n{clean(text)}\r\n".encode())
    for file in form.files:
        head = f'{_head(boundary, file.name)}; filename="{_quoted(file.filename)}"'
        parts += [f"{head}\r\nContent-Type: {file.content_type}\r\n\r\n".encode(), file.data, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", parts


def _head(boundary: str, name: str) -> str:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'


def _quoted(name: str) -> str:
    return _SPECIAL.sub(_escaped, clean(name))


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return "\\\\" if character == "\\" else f"%{ord(character):02X}"


def _fields(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """What a field becomes: nothing where it is None, and one field for each value inside."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _fields(f"{name}[{key}]", each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _fields(f"{name}[]", each)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif value is not None:
        yield name, str(value)
