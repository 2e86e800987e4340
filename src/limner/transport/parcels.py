"""What a request carries: JSON, or a form with files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.wire.text import clean

__all__ = ["File", "Form", "Json", "Parcel", "json_parcel"]


@dataclass(frozen=True, slots=True)
class Json:
    """JSON, written already."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """A file in a form; its names are ours, in ASCII and without quotes."""

    name: str
    """Of the form's field."""
    filename: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """Fields and files, sent as `multipart/form-data`. Every field becomes text, a nested one `o[k]`."""

    fields: Mapping[str, Any] = field(repr=False)
    files: tuple[File, ...]


Parcel = Json | Form


def json_parcel(body: Mapping[str, Any]) -> Json:
    """`body` as JSON. Raises: TypeError or ValueError where it is none."""
    return Json(clean(json.dumps(body, ensure_ascii=False, allow_nan=False)).encode())
