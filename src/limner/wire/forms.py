"""The fields of a form, whose values are all texts or files, as a JSON request has them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from .asking import AskError

__all__ = ["FormPart", "read_fields"]

_LONGEST_TEXT_BYTES = 256 << 10
_LONGEST_NAME = 64
_WHOLE = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part of a form."""

    name: str
    data: bytes = field(repr=False)
    filename: str | None = None
    """None where it is no file."""


def read_fields(
    parts: Iterable[FormPart],
    *,
    files: Collection[str] = (),
    numbers: Collection[str] = (),
    flags: Collection[str] = (),
) -> dict[str, Any]:
    """The fields by name: `files` as lists of bytes, in the order sent; the others as what they say.

    A file's name may end with "[]", as lists are sent. Texts that are no number or flag stay texts, so that whoever
    reads the field refuses them in the same words as in JSON.

    Raises: AskError.
    """
    fields: dict[str, Any] = {}
    for part in parts:
        if (name := part.name.removesuffix("[]")) in files:
            # What a page sends for a file that nobody chose is none. Others are known by their bytes: some
            # clients send pictures without a name.
            if part.data or part.filename != "":
                fields.setdefault(name, []).append(part.data)
            continue
        name, shown = part.name, part.name[:_LONGEST_NAME]
        if part.filename is not None:
            raise AskError("invalid_value", f"{shown!r} must be text here, and a file was sent.", shown)
        if name in fields:
            raise AskError("invalid_value", f"{shown!r} was sent twice; send it once.", shown)
        said = _text(part, shown)
        if name in numbers and _WHOLE.fullmatch(said.strip()):
            fields[name] = int(said)
        elif name in flags:
            fields[name] = _FLAGS.get(said.strip().lower(), said)
        else:
            fields[name] = said
    return fields


def _text(part: FormPart, shown: str) -> str:
    if len(part.data) > _LONGEST_TEXT_BYTES:
        raise AskError("invalid_value", f"{shown!r} has {len(part.data)} bytes; send less.", shown)
    try:
        return part.data.decode()
    except UnicodeDecodeError:
        raise AskError("invalid_value", f"{shown!r} is not valid UTF-8; send text in UTF-8.", shown) from None
