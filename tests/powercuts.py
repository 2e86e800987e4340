"""Every power cut that there could have been: a disk that notes its calls, and what is left of them.

The rules are those of POSIX and no kinder: what was written to a file holds once the file was
synced, a name in a folder once the folder was synced, each by itself and in any order. What was not
synced when the power went is there or not, as the test chooses; a write may be there in part.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from limner.storage.disk import Disk

__all__ = ["Call", "Kept", "RecordingDisk", "Spoiled", "what_is_left"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a disk was given."""


@dataclass(frozen=True, slots=True)
class Created(Call):
    path: Path
    file: int


@dataclass(frozen=True, slots=True)
class Wrote(Call):
    file: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Synced(Call):
    file: int


@dataclass(frozen=True, slots=True)
class Named(Call):
    path: Path
    file: int
    before: Path | None
    """Where a name moved from; None where the file has both."""


@dataclass(frozen=True, slots=True)
class Removed(Call):
    path: Path


@dataclass(frozen=True, slots=True)
class FolderMade(Call):
    path: Path


@dataclass(frozen=True, slots=True)
class FolderSynced(Call):
    path: Path


@dataclass(frozen=True, slots=True)
class Kept(Call):
    """Not a call: here the store said that a picture is kept."""

    id: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spoiled(Call):
    """Not a call: here a file was damaged from outside, and the damage is on the disk."""

    id: str
    file: int
    data: bytes = field(repr=False)


class RecordingDisk(Disk):
    """The real disk, with a list of what was done to it, in the order in which it was done."""

    def __init__(self, log: list[Call] | None = None) -> None:
        self.log: list[Call] = [] if log is None else log
        self.files: dict[Path, int] = {}
        self._open: dict[int, int] = {}
        self._count = 0
        self._lock = threading.Lock()

    def note(self, call: Call) -> None:
        with self._lock:
            self.log.append(call)

    def spoil(self, id: str, path: Path, data: bytes) -> None:
        """Damage a file from outside."""
        path.write_bytes(data)
        self.note(Spoiled(id, self.files[path], data))

    def create(self, path: Path, mode: int) -> int:
        with self._lock:
            descriptor = super().create(path, mode)
            self._count += 1
            self._open[descriptor] = self.files[path] = self._count
            self.log.append(Created(path, self._count))
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        with self._lock:
            taken = super().write(descriptor, data)
            self.log.append(Wrote(self._open[descriptor], bytes(data[:taken])))
        return taken

    def sync(self, descriptor: int) -> None:
        # Nothing is really synced: the power does not really go.
        with self._lock:
            self.log.append(Synced(self._open[descriptor]))

    def close(self, descriptor: int) -> None:
        with self._lock:
            super().close(descriptor)
            del self._open[descriptor]

    def link(self, path: Path, name: Path) -> None:
        with self._lock:
            super().link(path, name)
            self.files[name] = self.files[path]
            self.log.append(Named(name, self.files[name], None))

    def rename(self, path: Path, name: Path) -> None:
        with self._lock:
            super().rename(path, name)
            self._moved(path, name)

    def replace(self, path: Path, name: Path) -> None:
        with self._lock:
            super().replace(path, name)
            self._moved(path, name)

    def remove(self, path: Path) -> None:
        with self._lock:
            super().remove(path)
            self.files.pop(path)
            self.log.append(Removed(path))

    def make_folder(self, path: Path, mode: int) -> None:
        with self._lock:
            super().make_folder(path, mode)
            self.log.append(FolderMade(path))

    def sync_folder(self, path: Path) -> None:
        self.note(FolderSynced(path))

    def _moved(self, path: Path, name: Path) -> None:
        assert path.parent == name.parent, "a move between folders is two changes: the model knows one"
        self.files[name] = self.files.pop(path)
        self.log.append(Named(name, self.files[name], path))


def what_is_left(
    calls: Sequence[Call], keeps: Callable[[int], float], root: Path, restored: Path
) -> dict[str, bytes]:
    """Build in `restored` what is left of `root` after `calls`, then a power cut.

    `keeps` says how much is there of call number so and so, where it was not synced: 0 to 1. Returns
    the pictures that the store had said it kept.
    """
    contents = _contents(calls, keeps)
    names: dict[Path, int] = {}
    folders = {root}
    synced: set[Path] = set()
    certain = [False] * len(calls)
    for place in range(len(calls) - 1, -1, -1):
        call = calls[place]
        if isinstance(call, FolderSynced):
            synced.add(call.path)
        elif isinstance(call, Created | Named | Removed | FolderMade):
            certain[place] = call.path.parent in synced
    for place, call in enumerate(calls):
        if not certain[place] and keeps(place) < 0.5:
            continue
        match call:
            case Created(path, file):
                names[path] = file
            case Named(path, file, before):
                names[path] = file
                if before is not None:
                    names.pop(before, None)
            case Removed(path):
                names.pop(path, None)
            case FolderMade(path):
                folders.add(path)
    for folder in sorted(folders):
        # A folder whose own name, or that of one above it, is lost takes all in it along.
        if folder == root or folder.parent in folders:
            (restored / folder.relative_to(root)).mkdir(exist_ok=True)
        else:
            folders.remove(folder)
    for path, file in names.items():
        if path.parent in folders:
            (restored / path.relative_to(root)).write_bytes(contents.get(file, b""))
    kept: dict[str, bytes] = {}
    for call in calls:
        match call:
            case Kept(id, data):
                kept[id] = data
            case Spoiled(id):
                kept.pop(id, None)
    return kept


def _contents(calls: Sequence[Call], keeps: Callable[[int], float]) -> dict[int, bytes]:
    synced: set[int] = set()
    certain = [False] * len(calls)
    for place in range(len(calls) - 1, -1, -1):
        call = calls[place]
        if isinstance(call, Synced):
            synced.add(call.file)
        elif isinstance(call, Wrote):
            certain[place] = call.file in synced
    contents: dict[int, bytes] = {}
    ends: dict[int, int] = {}
    for place, call in enumerate(calls):
        if isinstance(call, Spoiled):
            contents[call.file], ends[call.file] = call.data, len(call.data)
        if not isinstance(call, Wrote):
            continue
        start = ends.get(call.file, 0)
        ends[call.file] = start + len(call.data)
        part = call.data if certain[place] else call.data[: int(keeps(place) * len(call.data))]
        if part:
            # A hole where an earlier write was lost.
            contents[call.file] = contents.get(call.file, b"").ljust(start, b"\0") + part
    return contents
