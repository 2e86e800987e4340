"""The parts of which messages and results are made in the Responses API, in the shape of Chat Completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..asking import AskError
from ..chat.links import image_url
from ..parameters import shown
from ..shapes import entries, needed_text, wrong

__all__ = ["content_of", "spoken"]

_TEXTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
"""The field of each kind that holds its words."""
_IMAGES = ("input_image", "image_url")
_AS_THEY_ARE = ("file", "input_audio", "video_url")
"""Parts of Chat Completions, which clients of both APIs write here, too."""
_KNOWN = ("input_text", "input_image", "input_file")
_MARKS = ("cache_control", "prompt_cache_breakpoint")
"""Fields of any part that go on with it: where a provider's cache of the prompt may end."""


def content_of(fields: Mapping[str, Any], name: str, at: str) -> str | list[dict[str, Any]]:
    """What somebody says to the model: a text, or parts where it is more than one text.

    Raises: AskError.
    """
    said, path = fields.get(name), f"{at}.{name}"
    if isinstance(said, str):
        return said
    if said is None:
        raise AskError("missing_parameter", f"{path!r} is missing.", path)
    parts = [
        _part(part, f"{path}[{place}]")
        for place, part in enumerate(entries(said, path, "a string or a list of parts"))
    ]
    if not parts:
        return ""
    # Servers of one's own often take nothing but a string.
    return str(parts[0]["text"]) if len(parts) == 1 and parts[0].keys() == {"type", "text"} else parts


def spoken(said: object, at: str) -> list[dict[str, Any]]:
    """What the assistant said, as parts: words and pictures. What else it may have said is left out.

    Raises: AskError.
    """
    if said is None:
        return []
    if isinstance(said, str):
        return [{"type": "text", "text": said}] if said else []
    parts: list[dict[str, Any]] = []
    for place, part in enumerate(entries(said, at, "a string or a list of parts")):
        kind = part.get("type") if isinstance(part, Mapping) else None
        if not isinstance(kind, str) or kind in _TEXTS or kind in _IMAGES:
            parts.append(_part(part, f"{at}[{place}]"))
    return parts


def _part(part: object, at: str) -> dict[str, Any]:
    if not isinstance(part, Mapping):
        raise wrong(at, "must be an object")
    kind = needed_text(part, "type", at)
    if kind in _TEXTS:
        words = part.get(_TEXTS[kind])
        if not isinstance(words, str):
            raise wrong(f"{at}.{_TEXTS[kind]}", "must be a string")
        read: dict[str, Any] = {"type": "text", "text": words}
    elif kind in _IMAGES:
        read = _image(part, at)
    elif kind == "input_file":
        read = _file(part, at)
    elif kind == "input_video":
        read = {"type": "video_url", "video_url": {"url": needed_text(part, "video_url", at)}}
    elif kind in _AS_THEY_ARE:
        return dict(part)
    else:
        raise wrong(f"{at}.type", f"must be one of {', '.join(_KNOWN)}, not {shown(kind)}")
    return read | {mark: part[mark] for mark in _MARKS if part.get(mark) is not None}


def _image(part: Mapping[str, Any], at: str) -> dict[str, Any]:
    url = image_url(part)
    if url is None:
        if part.get("file_id") is not None:
            raise _elsewhere(at, "'image_url', a link or a data URL")
        raise wrong(f"{at}.image_url", "must be a link or a data URL")
    said = part.get("image_url")
    detail = part.get("detail", said.get("detail") if isinstance(said, Mapping) else None)
    return {"type": "image_url", "image_url": {"url": url, **({} if detail is None else {"detail": detail})}}


def _file(part: Mapping[str, Any], at: str) -> dict[str, Any]:
    name = "file_url" if part.get("file_data") is None else "file_data"
    if part.get(name) is None and part.get("file_id") is not None:
        raise _elsewhere(at, "'file_data' or 'file_url'")
    file = {"file_data": needed_text(part, name, at)}
    filename = part.get("filename")
    if filename is not None and not isinstance(filename, str):
        raise wrong(f"{at}.filename", "must be a string")
    return {"type": "file", "file": {"filename": filename, **file} if filename else file}


def _elsewhere(at: str, instead: str) -> AskError:
    return AskError(
        "unsupported_parameter",
        f"'{at}.file_id' is not supported: no files are kept here; send {instead}.",
        f"{at}.file_id",
    )
