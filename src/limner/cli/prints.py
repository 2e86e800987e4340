"""The files of `limner image`: their names and format, and what becomes of pictures that cannot go there."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from anyio import to_thread

from limner.core.formats import FORMATS, FormatName
from limner.errors import CallerError, PictureError
from limner.images.conversion import converted
from limner.images.inspection.inspected import Inspected
from limner.images.inspector import Inspector, PictureUnjudged
from limner.images.protocol import Content, Drawing
from limner.logs import log
from limner.reply.markdown import tidy
from limner.storage.files import create_file, store_error
from limner.storage.keeping import discard, rescue

from .advice import advice
from .console import Console
from .output import check_file, write_file
from .spare import leave_spare_folder, spare_folder

__all__ = ["Kept", "Prints", "Target"]

_SUFFIXES: Mapping[str, FormatName] = {
    f".{suffix}": name
    for name in get_args(FormatName)
    for suffix in (FORMATS[name].suffix, *FORMATS[name].suffixes)
}


class Kept(enum.Enum):
    """What became of a picture that came."""

    WRITTEN = enum.auto()
    REFUSED = enum.auto()
    """It is no picture that can be trusted."""
    ELSEWHERE = enum.auto()
    """It is not where it was wanted."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the pictures go, and as what."""

    file: Path
    format: FormatName
    several: bool
    """Whether each name has a number."""

    @classmethod
    def chosen(
        cls,
        file: Path | None,
        *,
        said: FormatName | None,
        usual: FormatName,
        accepted: tuple[str, ...],
        several: bool,
    ) -> Target:
        """`said` is --format, `usual` what is drawn where neither it nor a name says anything.

        Raises: CallerError (`output_suffix`), where name and format contradict each other or say nothing.
        """
        if file is None:
            chosen = said or usual
            return cls(Path(f"limner-image.{FORMATS[chosen].suffix}"), chosen, several)
        named = _SUFFIXES.get(file.suffix.lower())
        if named is not None and said is not None and named != said:
            raise CallerError(
                f"-o {str(file)!r} and --format {said} contradict each other; "
                f"end it in .{FORMATS[said].suffix}, or leave --format out",
                code="output_suffix",
            )
        found = said or named
        if found is None or found not in accepted:
            endings = [suffix for suffix, name in _SUFFIXES.items() if name in accepted]
            raise CallerError(
                f"-o {str(file)!r} says no format that is written; "
                f"end it in {', '.join(endings[:-1])} or {endings[-1]}",
                code="output_suffix",
            )
        return cls(file, found, several)

    def path(self, number: int) -> Path:
        """The file of one picture, counted from 1."""
        if number == 1 and not self.several:
            return self.file
        return self.file.with_name(f"{self.file.stem}-{number}{self.file.suffix}")

    def replaces(self, number: int) -> bool:
        """Whether an old file gives way: only one whose own name was said."""
        return self.path(number) == self.file

    def check(self, count: int) -> None:
        """See that all of it can be written, before anything is bought.

        Raises: CallerError (`output_unwritable`).
        """
        for number in range(1, count + 1):
            path = self.path(number)
            if not self.replaces(number) and path.exists():
                raise CallerError(
                    f"-o {str(self.file)!r} with -n {count} would replace {str(path)!r}; "
                    "remove that, or name another",
                    code="output_unwritable",
                )
        check_file(self.path(1), "-o")


@dataclass(frozen=True, slots=True)
class Prints:
    """Writes the pictures that came; whatever goes wrong is said, and nothing paid for is lost."""

    target: Target
    inspector: Inspector
    console: Console

    async def keep(self, drawing: Drawing, number: int, remark: str = "") -> Kept:
        """Inspect one picture and write its file; `remark` ends the line that says so."""
        try:
            found = await self.inspector.inspect(drawing.data)
        except PictureError as error:
            log.debug("picture.detail", detail=error.detail[:500])
            aside = await rescue(drawing.data, f"image-{number}")
            kept = f"It is kept as it came, in {aside}" if aside else ""
            self.console.error(f"error: {' '.join(filter(None, (str(error), advice(error.code), kept)))}")
            return Kept.ELSEWHERE if isinstance(error, PictureUnjudged) else Kept.REFUSED
        try:
            data = await self._as_wanted(found)
        except Exception as error:
            # Strategy: an encoder may raise anything; the picture as it came is one all the same.
            log.exception("picture.unconverted", error=type(error).__name__)
            aside = await _aside(found.content, number)
            self.console.error(f"error: The picture cannot be made {self.target.format}.{aside}")
            return Kept.ELSEWHERE
        path = self.target.path(number)
        try:
            await to_thread.run_sync(_write, path, data, self.target.replaces(number))
        except OSError as error:
            problem = store_error(error, path.parent)
            spare = await to_thread.run_sync(_spared, path.name, data)
            if spare is None:
                self.console.error(f"error: {problem}.{await _aside(found.content, number)}")
                return Kept.ELSEWHERE
            self.console.error(f"error: {problem}; the picture is written to {spare} instead")
            await discard(found.content)
            return Kept.ELSEWHERE
        await discard(found.content)
        shape = f"{found.width} × {found.height}, {self.target.format}"
        self.console.note(f"{path}: {shape}, {tidy(drawing.model)}{remark}")
        return Kept.WRITTEN

    async def _as_wanted(self, found: Inspected) -> bytes:
        content, wanted = found.content, self.target.format
        data = content if isinstance(content, bytes) else await to_thread.run_sync(content.read_bytes)
        if found.format == wanted:
            return data
        self.console.note(f"note: the provider sent {found.format}; it is converted to {wanted}")
        return await to_thread.run_sync(converted, data, wanted)


async def _aside(content: Content, number: int) -> str:
    """Where the picture is kept as it came, as a sentence."""
    aside = await rescue(content, f"image-{number}")
    return f" It is kept as it came, in {aside}" if aside else " There is no room to keep it elsewhere."


def _write(path: Path, data: bytes, replace: bool) -> None:
    if replace:
        write_file(path, data)
    else:
        create_file(path, [data])


def _spared(name: str, data: bytes) -> Path | None:
    """A temporary file with the picture; None where there is no room for one either."""
    try:
        spare = spare_folder() / name
        write_file(spare, data)
    except OSError:
        leave_spare_folder()
        return None
    return spare
