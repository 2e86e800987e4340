"""Where a reply goes: a page, Markdown or JSON in a file, JSON or Markdown on standard output."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anyio import to_thread

from limner.errors import CallerError
from limner.reply import notices
from limner.reply.markdown import image_markdown
from limner.reply.parts import ImagePart, TextPart
from limner.reply.reply import Reply
from limner.storage.files import create_file, sync_folder

from .album import Album
from .console import Console
from .spare import leave_spare_folder, spare_folder

__all__ = [
    "Output",
    "check_file",
    "check_folder",
    "json_text",
    "picture_notice",
    "write_file",
    "write_instead",
]

_KINDS: dict[str, Literal["html", "md", "json"]] = {".html": "html", ".md": "md", ".json": "json"}


@dataclass(frozen=True, slots=True)
class Output:
    """What was said about where the reply goes."""

    file: Path | None = None
    images_dir: Path | None = None
    json: bool = False
    """JSON on standard output at the end, and nothing else there."""

    @property
    def kind(self) -> Literal["html", "md", "json"] | None:
        """What `file` is to hold, by its suffix."""
        return _kind(self.file) if self.file is not None else None

    @property
    def streams(self) -> bool:
        """Whether the reply is written to standard output as it grows."""
        return self.file is None and not self.json

    @property
    def folder(self) -> Path | None:
        """Where pictures are written; None where the page holds them and nobody wants them twice."""
        if self.images_dir is not None:
            return self.images_dir
        if self.file is None:
            return Path("limner-images")
        return None if self.kind == "html" else self.file.with_name(f"{self.file.stem}-images")

    @property
    def base(self) -> Path:
        """What links in `file` are relative to."""
        return self.file.parent if self.file is not None else Path()

    def check(self) -> None:
        """See that all of it can be written, before anything is bought.

        Raises: CallerError (`output_suffix`, `output_unwritable`, `extra_missing`).
        """
        if self.file is not None and self.kind is None:
            raise CallerError(
                f"-o {str(self.file)!r} says no format; end it in .html, .md or .json", code="output_suffix"
            )
        if self.file is not None:
            check_file(self.file, "-o")
        if self.folder is not None:
            check_folder(self.folder, "pictures", "name another folder with --images-dir")
        if self.kind == "html":
            _check_pages()

    async def write(self, reply: Reply, console: Console) -> bool:
        """Write all that is written at the end; whether everything is where it was wanted.

        Raises: BrokenPipeError, where nobody reads standard output.
        """
        whole = True
        album = Album(self.folder, console) if self.folder is not None else None
        if album is not None:
            await album.save(reply)
            whole = album.problem is None
        if self.file is not None:
            whole = await self._write_file(self.file, reply, album, console) and whole
        if self.json:
            whole = await self._print(reply, album, console) and whole
        return whole

    async def _print(self, reply: Reply, album: Album | None, console: Console) -> bool:
        try:
            await console.write(_json(reply, album, Path()))
        except BrokenPipeError:
            raise
        except OSError as error:
            console.error(f"error: standard output cannot be written ({error.strerror})")
            await write_instead("reply.json", reply, album, console)
            return False
        return True

    async def _write_file(self, file: Path, reply: Reply, album: Album | None, console: Console) -> bool:
        try:
            await to_thread.run_sync(write_file, file, await _data(file, reply, album, self.base))
        except OSError as error:
            console.error(f"error: {str(file)!r} cannot be written ({error.strerror})")
            await write_instead(file.name, reply, album, console)
            return False
        return True


async def write_instead(name: str, reply: Reply, album: Album | None, console: Console) -> None:
    """Write the reply as file `name` in a temporary folder, and say so."""
    try:
        file = spare_folder() / name
        await to_thread.run_sync(write_file, file, await _data(file, reply, album, file.parent))
    except OSError as error:
        leave_spare_folder()
        console.error(f"error: no temporary folder takes it either ({error.strerror})")
    else:
        console.error(f"the reply is written to {file} instead")


async def _data(file: Path, reply: Reply, album: Album | None, base: Path) -> bytes:
    if _kind(file) == "html":
        from limner import pages  # an optional extra

        return (await pages.html(reply)).encode("utf-8", "replace")
    if _kind(file) == "json":
        return _json(reply, album, base).encode("utf-8", "replace")
    assert album is not None  # Markdown has no other way to show a picture
    return markdown(reply, album, base).encode("utf-8", "replace")


def _kind(file: Path) -> Literal["html", "md", "json"] | None:
    return _KINDS.get(file.suffix.lower())


def markdown(reply: Reply, album: Album, base: Path) -> str:
    """The reply with links to the album's files; a picture without a file is a sentence."""
    written: list[str] = []
    for part in reply.parts:
        if isinstance(part, TextPart):
            written.append(part.text)
            continue
        link = album.link(part, base)
        written.append(picture_notice(part) if link is None else image_markdown(part.alt, link))
    text = "".join(written)
    return text if text.endswith("\n") else text + "\n"


def picture_notice(part: ImagePart) -> str:
    """What stands in the place of a picture that is drawn and could not be written."""
    return notices.missing(part.alt, "internal", notices.language(part.alt))


def _json(reply: Reply, album: Album | None, base: Path) -> str:
    data = reply.to_dict(path=None if album is None else lambda part: album.path(part, base))
    return json_text(data)


def json_text(data: object) -> str:
    """`data` as JSON that people can read, and that no terminal obeys."""
    text = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
    # JSON lets them stand as they are, and a terminal obeys them.
    return re.sub("[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)


def write_file(file: Path, data: bytes) -> None:
    """Put `data` in the place of `file`, whole or not at all. Raises: OSError."""
    # A link stays a link: what it points to is replaced.
    real = Path(os.path.realpath(file))
    create_file(real, [data], replace=True)
    with contextlib.suppress(OSError):  # it is written; only a power cut could still take it back
        sync_folder(real.parent)


def check_file(file: Path, option: str) -> None:
    """See that `file` can be written.

    Raises: CallerError (`output_unwritable`).
    """
    folder = Path(os.path.realpath(file)).parent
    if file.is_dir():
        raise _unwritable(f"{option} {str(file)!r} is a folder; name a file")
    if file.exists() and not file.is_file():
        # A pipe or a device would be replaced, and whoever waits behind it would wait for ever.
        raise _unwritable(f"{option} {str(file)!r} is not a regular file; name another")
    if not folder.is_dir():
        raise _unwritable(
            f"{option} {str(file)!r}: there is no folder {str(folder)!r}; create it or choose another"
        )
    _try(folder, f"{option} {str(file)!r}", "choose another place")


def check_folder(folder: Path, what: str, advice: str) -> None:
    """See that files can be written into `folder`, which is made later if it is not there.

    Raises: CallerError (`output_unwritable`).
    """
    there = folder.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise _unwritable(f"{what} cannot be written to {str(folder)!r} (not a folder); {advice}")
    _try(there, f"{what} cannot be written to {str(folder)!r}", advice)


def _try(folder: Path, what: str, advice: str) -> None:
    # Asking for permissions is no answer: only writing is.
    probe = folder / f".{secrets.token_hex(8)}.part"
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, b"\0")
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        raise _unwritable(f"{what} ({error.strerror}); {advice}") from error


def _unwritable(sentence: str) -> CallerError:
    return CallerError(sentence, code="output_unwritable")


def _check_pages() -> None:
    for library in ("markdown_it", "nh3"):
        if importlib.util.find_spec(library) is None:
            raise CallerError(
                f"a page of HTML needs {library!r}; pip install 'limner[html]', or write to .md instead",
                code="extra_missing",
            )
