"""Requests to change pictures: OpenAI's `POST /images/edits`, as a form and as JSON.

Source: OpenAI API reference, "Create image edit" (read 2026-11-21); facts, images, section 2.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..asking import AskError, one_of
from ..forms import FormPart, read_fields
from .ask import MOST_REFERENCES, PICTURE_URL, ImageAsk, read_ask

__all__ = ["read_edit_form", "read_edits_ask"]

_FIDELITIES = ("low", "high")


def read_edits_ask(body: Mapping[str, Any]) -> ImageAsk:
    """A request as JSON: `images` and `mask` by their addresses.

    Raises: AskError.
    """
    if "image" in body:
        raise AskError(
            "unsupported_parameter",
            "'image' is a field of forms; in JSON, give 'images': [{\"image_url\": …}], a link or a data URL each.",
            "image",
        )
    ask = read_ask(body, frozenset({"images", "input_fidelity", "mask"}))
    given = body.get("images")
    if given is None or given == []:
        raise AskError(
            "missing_parameter", "'images' is missing; give at least one picture to change.", "images"
        )
    if not isinstance(given, list) or len(given) > MOST_REFERENCES:
        raise AskError(
            "invalid_value", f"'images' must be a list of at most {MOST_REFERENCES} pictures.", "images"
        )
    mask = body.get("mask")
    return replace(
        ask,
        references=tuple(_address(each, f"images[{index}]") for index, each in enumerate(given)),
        references_at="images",
        mask=None if mask is None else _address(mask, "mask"),
        input_fidelity=one_of(body, "input_fidelity", _FIDELITIES),
    )


def read_edit_form(parts: Iterable[FormPart]) -> ImageAsk:
    """A request as a form: `image`, `image[]` and `mask` as files, all else as texts.

    Raises: AskError.
    """
    body = read_fields(
        parts,
        files=("image", "mask"),
        numbers=("n", "output_compression", "partial_images"),
        flags=("stream",),
    )
    ask = read_ask(body, frozenset({"image", "input_fidelity", "mask"}))
    images, masks = body.get("image", []), body.get("mask", [])
    if not images:
        raise AskError("missing_parameter", "'image' is missing; send a picture to change.", "image")
    if len(images) > MOST_REFERENCES:
        raise AskError(
            "invalid_value",
            f"There are {len(images)} pictures in 'image'; at most {MOST_REFERENCES} are accepted.",
            "image",
        )
    if len(masks) > 1:
        raise AskError("invalid_value", "'mask' was sent twice; send it once.", "mask")
    return replace(
        ask,
        references=tuple(images),
        references_at="image",
        mask=masks[0] if masks else None,
        input_fidelity=one_of(body, "input_fidelity", _FIDELITIES),
    )


def _address(given: object, at: str) -> str:
    if isinstance(given, dict):
        if "file_id" in given:
            raise AskError(
                "unsupported_parameter",
                f"'{at}.file_id' cannot be used, for no files are kept here; give 'image_url'.",
                f"{at}.file_id",
            )
        url = given.get("image_url")
        if isinstance(url, str) and PICTURE_URL.match(url) and len(given) == 1:
            return url
    raise AskError(
        "invalid_value", f'{at!r} must be {{"image_url": …}} with a data: URL or a link, and no more.', at
    )
