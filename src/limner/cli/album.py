"""A reply's pictures as files, and where they are when seen from the output."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from limner.errors import StoreError
from limner.reply.parts import ImagePart, Part
from limner.reply.reply import Reply
from limner.storage.export import save_pictures

from .console import Console
from .spare import leave_spare_folder, spare_folder

__all__ = ["Album", "link"]

_NO_ROOM = ("image_store_full", "store_unavailable")


@dataclass(slots=True)
class Album:
    """Writes pictures into `folder`, or into a temporary one where that takes no more.

    What was paid for is not lost because a disk is full.
    """

    folder: Path
    console: Console
    paths: dict[int, Path] = field(default_factory=dict)
    """Number → file, of the pictures that are written."""
    problem: StoreError | None = None
    """Why pictures are not where they were wanted, if they are not."""
    _lost: set[int] = field(default_factory=set)
    _moved: bool = False

    async def save(self, reply: Reply) -> None:
        """Write the pictures of `reply` that are not written yet; those that nobody can write have no path."""
        if all(part.number in self.paths or part.number in self._lost for part in reply.images):
            return
        try:
            self.paths |= await save_pictures(reply, self.folder)
        except StoreError as error:
            if error.code in _NO_ROOM and not self._moved:
                await self._move(reply, error)
            elif error.code not in _NO_ROOM and (readable := await self._readable(reply, error)).images:
                await self.save(readable)

    async def _move(self, reply: Reply, error: StoreError) -> None:
        """Go on in a temporary folder; what is written already stays where it is."""
        self._moved, self.problem = True, error
        written = dict(self.paths)
        try:
            self.folder = spare_folder()
            self.paths |= await save_pictures(reply, self.folder)
        except (OSError, StoreError):
            leave_spare_folder()
            self.console.error(f"error: {error}; no temporary folder takes them either")
        else:
            self.console.error(f"error: {error}; they are written to {self.folder} instead")
        self.paths |= written

    async def _readable(self, reply: Reply, error: StoreError) -> Reply:
        """`reply` with the pictures that its store still has."""
        self.problem = error
        parts: list[Part] = []
        for part in reply.parts:
            try:
                if isinstance(part, ImagePart) and reply.read is not None:
                    await reply.read(part.picture.id)
            except StoreError as lost:
                assert isinstance(part, ImagePart)
                self._lost.add(part.number)
                self.console.error(f"error: picture {part.number} cannot be read: {lost}")
            else:
                parts.append(part)
        return replace(reply, parts=tuple(parts))

    def path(self, part: ImagePart, base: Path) -> str | None:
        """Where the file of `part` is, seen from the folder `base`; None where it could not be written."""
        path = self.paths.get(part.number)
        if path is None:
            return None
        try:
            # Far away, only the whole path says where to look.
            away = self._moved and path.is_relative_to(self.folder)
            return str(path) if away else os.path.relpath(path, base)
        except ValueError:  # another drive
            return str(path)

    def link(self, part: ImagePart, base: Path) -> str | None:
        """The same as a relative URL."""
        path = self.path(part, base)
        return None if path is None else link(path)


def link(path: str) -> str:
    """`path` as a link; letters of any language stay readable."""
    url = path.replace(os.sep, "/")
    for character, code in (("%", "%25"), ("#", "%23"), ("?", "%3F")):
        url = url.replace(character, code)
    # A colon in the first name would make a scheme of it.
    return f"./{url}" if ":" in url.partition("/")[0] else url
