"""Pictures as files of one folder.

    <path>/key                   32 random bytes; ids are derived from them, nothing is read with them
    <path>/pictures/<id>.png     the bytes as they came; .jpg, .webp, … by what they are
    <path>/pictures/<id>.json    its receipt: SHA-256 and size, checked on reading
    <path>/pictures/*.corrupt    what failed that check, kept for whoever wants to look

The receipt is named first and the picture second, so a picture that can be found can be checked.
A file gets its name only when it is whole and synced: a kill at any instant leaves either the
picture or nothing under an id. Any number of processes may share a folder.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from anyio import to_thread

from limner.core.formats import FORMATS
from limner.errors import StoreError
from limner.images.protocol import Content

from .contents import Facts, agree, facts_of, same, slices_of, unchanged
from .disk import DISK, Disk
from .files import create_file, make_folder, remove_stale, settle_folder, store_error
from .ids import not_found, owner_key, valid_id
from .links import LinkSigner

__all__ = ["FolderStorage"]

_EXTENSIONS = (*(each.suffix for each in FORMATS.values()), "bin")
_SECRET_BYTES = 32


class FolderStorage:
    """Keeps pictures in the folder `path`, which is created with the first of them.

    With `links`, links are signed by it, for a gateway that serves them.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, links: LinkSigner | None = None, disk: Disk = DISK
    ) -> None:
        # Absolute now: links must not move when the process changes its folder.
        self.path = Path(os.path.abspath(path))
        self._pictures = self.path / "pictures"
        self._links = links
        self._disk = disk
        self._ready = False

    async def put(self, owner: str, data: Content) -> str:
        """Keep `data` and return its id; on return it survives a power cut.

        A file is copied a MiB at a time, and left as it is.

        Raises: StoreError (`image_store_full`, else `store_unavailable`).
        Cancel: safe; what has begun is finished first, and nothing half-written is found under an id.
        """
        # A bytearray could change under its id.
        content = data if isinstance(data, Path) else bytes(data)
        return await to_thread.run_sync(self._put, owner, content)

    async def open(self, id: str) -> bytes:
        """Read a picture back, checked against its receipt; a wrong one is set aside, never returned.

        Raises: StoreError (`image_not_found`, `image_corrupt`, `store_unavailable`).
        """
        _check(id)
        return await to_thread.run_sync(self._open, id)

    def link(self, id: str) -> str:
        """A signed link, else the file URI of a picture.

        Raises: StoreError (`image_not_found`).
        """
        _check(id)
        try:
            picture = self._find(id)
            if picture is None:
                raise self._missing(id)
        except OSError as error:
            raise store_error(error, self.path) from error
        return picture.as_uri() if self._links is None else self._links.link(id)

    def linked(self, link: str) -> str | None:
        """The id in a link of this store's, also an expired one; else None."""
        signed = None if self._links is None else self._links.id_of(link)
        if signed is not None:
            return signed
        # No key has signed a file URI: it counts where such a file is there.
        name = link.removeprefix(f"{self._pictures.as_uri()}/").partition(".")[0]
        if not valid_id(name):
            return None
        try:
            picture = self._find(name)
        except OSError:
            return None
        return name if picture is not None and picture.as_uri() == link else None

    async def aclose(self) -> None:
        """Nothing to give back: no file stays open, and replies stay readable."""

    def _put(self, owner: str, content: Content) -> str:
        try:
            self._prepare()
            facts = facts_of(owner_key(self._secret(), owner), content)
            # The receipt first: a picture under an id can always be checked.
            self._keep_receipt(self._receipt(facts.id), facts.receipt)
            self._keep_picture(self._pictures / f"{facts.id}.{facts.extension}", facts, content)
            self._disk.sync_folder(self._pictures)
        except OSError as error:
            raise store_error(error, self.path) from error
        return facts.id

    def _prepare(self) -> None:
        # Only for their owner's eyes, like the key: pictures are as private as the talk about them.
        make_folder(self.path, mode=0o700, disk=self._disk)
        make_folder(self._pictures, mode=0o700, disk=self._disk)
        if self._ready:
            return
        settle_folder(self._pictures, disk=self._disk)
        remove_stale(self.path, disk=self._disk)
        remove_stale(self._pictures, disk=self._disk)
        self._ready = True

    def _keep_receipt(self, path: Path, receipt: bytes) -> None:
        try:
            if path.read_bytes() == receipt:
                return
        except FileNotFoundError:
            # Where another process is quicker, its bytes are the same.
            with contextlib.suppress(FileExistsError):
                create_file(path, [receipt], mode=0o600, disk=self._disk)
        else:
            # Damaged: put right in one step, so that no reader finds the name free in between.
            create_file(path, [receipt], mode=0o600, replace=True, disk=self._disk)

    def _keep_picture(self, path: Path, facts: Facts, content: Content) -> None:
        try:
            with path.open("rb", buffering=0) as file:
                if same(facts, slices_of(file)):
                    return
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                create_file(path, unchanged(facts, content), mode=0o600, disk=self._disk)
        else:
            create_file(path, unchanged(facts, content), mode=0o600, replace=True, disk=self._disk)

    def _open(self, id: str) -> bytes:
        try:
            picture = self._find(id)
            if picture is None:
                return self._restored(id)
            paths = (self._receipt(id), picture)
            try:
                receipt, data = (path.read_bytes() for path in paths)
            except FileNotFoundError:  # its put never ended, or another reader has just set it aside
                return self._restored(id)
            if agree(receipt, data):
                return data
            for path in paths:
                with contextlib.suppress(FileNotFoundError):
                    self._disk.replace(path, _corrupt(path))
            return self._restored(id)
        except OSError as error:
            raise store_error(error, self.path) from error

    def _restored(self, id: str) -> bytes:
        """The bytes of a picture that was set aside and is right, back in its place.

        Between a reader's reading and its moving, a put of the same bytes may have been acknowledged;
        and of what it then moved, a power cut may have kept one half.
        """
        for suffix in _EXTENSIONS:
            paths = (self._receipt(id), self._pictures / f"{id}.{suffix}")
            found = [path if path.exists() else _corrupt(path) for path in paths]
            try:
                receipt, data = (path.read_bytes() for path in found)
            except FileNotFoundError:
                continue
            if agree(receipt, data):
                for path, where in zip(paths, found, strict=True):
                    with contextlib.suppress(FileNotFoundError):  # another reader was quicker
                        self._disk.replace(where, path)
                self._disk.sync_folder(self._pictures)
                return data
        raise self._missing(id)

    def _find(self, id: str) -> Path | None:
        for suffix in _EXTENSIONS:
            path = self._pictures / f"{id}.{suffix}"
            if path.exists():
                return path
        return None

    def _missing(self, id: str) -> StoreError:
        if any(_corrupt(self._pictures / f"{id}.{suffix}").exists() for suffix in _EXTENSIONS):
            return StoreError(
                f"the kept picture {id!r} is damaged and was set aside beside it as *.corrupt; "
                "draw it again, or restore it from a copy",
                code="image_corrupt",
            )
        return not_found()

    def _receipt(self, id: str) -> Path:
        return self._pictures / f"{id}.json"

    def _secret(self) -> bytes:
        """The store's secret, made by whichever process comes first."""
        path = self.path / "key"
        try:
            secret = path.read_bytes()
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                create_file(path, [secrets.token_bytes(_SECRET_BYTES)], mode=0o600, disk=self._disk)
            self._disk.sync_folder(self.path)
            secret = path.read_bytes()
        if len(secret) != _SECRET_BYTES:
            raise StoreError(
                f"the key file {str(path)!r} is damaged; delete it (pictures kept so far stay readable)",
                code="store_unavailable",
            )
        return secret


def _check(id: str) -> None:
    # Before any call of the file system: an id is text from outside (S16).
    if not valid_id(id):
        raise not_found()


def _corrupt(path: Path) -> Path:
    return path.with_name(f"{path.name}.corrupt")
