"""A reply's pictures as files with names that people can read."""

from __future__ import annotations

import contextlib
import itertools
import unicodedata
from typing import TYPE_CHECKING

from anyio import to_thread

from limner.core.formats import suffix_of
from limner.errors import StoreError

from .files import create_file, make_folder, store_error, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

    from limner.reply.reply import Reply

__all__ = ["save_pictures"]

_SLUG_CHARACTERS = 60
_SLUG_BYTES = 180
"""File systems count bytes, 255 of them in a name; a Chinese character takes three."""


async def save_pictures(reply: Reply, folder: Path, *, stem: str = "") -> dict[int, Path]:
    """Write each picture of `reply` into `folder`; returns number → path, in reading order.

    A file is named by its place and its alt text ("01-pour-the-water.png"), after `stem` where
    there is one. No other file is ever overwritten ("01-pour-the-water-2.png"); one that already
    holds the same bytes is used again.

    Raises: StoreError. `image_store_full` and `store_unavailable` say that the folder cannot take
    the pictures; `image_not_found` and `image_corrupt` that the store no longer has one of them,
    after the others have been written.
    Cancel: safe; a file is whole or not there.
    """
    images = reply.images
    if not images:
        return {}
    if reply.read is None:
        raise StoreError(
            "this reply carries no way to read its pictures; save them from the reply that the engine returned",
            code="store_unavailable",
        )
    folder = await to_thread.run_sync(folder.absolute)
    digits = max(2, len(str(len(images))))
    prefix = f"{_slug(stem)}-" if _slug(stem) else ""
    paths: dict[int, Path] = {}
    lost: StoreError | None = None
    for place, part in enumerate(images, 1):
        try:
            data = await reply.read(part.picture.id)
        except StoreError as error:
            lost = lost or error
            continue
        name = "-".join(filter(None, (f"{place:0{digits}}", _slug(part.alt))))
        paths[part.number] = await to_thread.run_sync(_save, folder, prefix + name, data)
    if lost is not None:
        raise lost
    return paths


def _save(folder: Path, name: str, data: bytes) -> Path:
    try:
        make_folder(folder)
        for count in itertools.count(1):
            path = folder / f"{name}{f'-{count}' if count > 1 else ''}.{suffix_of(data)}"
            if _holds(path, data):
                return path
            # A name that somebody else has, or takes at this very moment, is theirs.
            with contextlib.suppress(FileExistsError):
                create_file(path, [data])
                sync_folder(folder)
                return path
    except OSError as error:
        raise store_error(error, folder) from error
    raise AssertionError("itertools.count never ends")


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _slug(text: str) -> str:
    """Letters, digits and their marks in lower case, all else as single hyphens.

    So a name holds nothing that a shell, a link or Windows would mind; that it starts with a
    number keeps it clear of names like `con` and of hidden files.
    """
    kept = ""
    for character in unicodedata.normalize("NFC", text).lower():
        kind = unicodedata.category(character)[0]
        # A mark belongs to the letter before it; what follows an emoji is no part of a name.
        keep = kind in "LN" or (kind == "M" and kept[-1:].strip())
        kept += character if keep else " "
    slug = "-".join(kept.split())
    return _cut(slug, _SLUG_CHARACTERS).encode()[:_SLUG_BYTES].decode(errors="ignore").strip("-")


def _cut(slug: str, characters: int) -> str:
    """At most so many characters, up to the end of a word where words are short enough."""
    if len(slug) <= characters:
        return slug
    whole = slug[: characters + 1].rpartition("-")[0]
    return whole if len(whole) > characters // 2 else slug[:characters]
