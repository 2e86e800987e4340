"""A download's bytes: in a file or in memory, all of them, or nothing is left."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.images.download.spool import Spool


def test_a_thread_that_comes_late_writes_nothing(tmp_path: Path) -> None:
    """A cancelled task cannot stop its thread: whatever it does after the end makes no file."""
    late, begun = Spool(tmp_path), Spool(tmp_path)
    begun.write([b"fox"])
    assert len(os.listdir(tmp_path)) == 1
    for spool in (late, begun):
        spool.discard()
        spool.discard()
        spool.write([b"fox"])
        with pytest.raises(OSError, match="given up"):
            spool.keep([b"fox"])
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@given(st.data())
def test_what_a_spool_is_given_it_keeps_wherever_the_disk_ends(data: st.DataObject) -> None:
    """A write that fails has written a part of it: nothing of it is missing, and nothing comes twice."""
    sizes = data.draw(st.lists(st.lists(st.integers(0, 5_000), max_size=4), max_size=8))
    room = data.draw(st.integers(0, sum(map(sum, sizes)) + 10))
    whole = os.urandom(sum(map(sum, sizes)))
    rest = iter(whole)
    writes = [[bytes(islice(rest, size)) for size in each] for each in sizes]
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        with files_of_at_most(room):
            for pieces in writes:
                spool.write(pieces)
            content = spool.keep([b"end"])
        assert isinstance(content, Path) == (len(whole) + 3 <= room)
        assert (content.read_bytes() if isinstance(content, Path) else content) == whole + b"end"
        spool.discard()
        assert os.listdir(folder) == []


@contextlib.contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """This process can write no larger file meanwhile, as on a disk that is full."""
    import resource  # not on every platform

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_what_killed_processes_left_a_day_ago_is_removed_and_nothing_else(tmp_path: Path) -> None:
    """0016: a download lasts a minute. What was put aside stays for ever, and so does what is not ours."""
    old = {"limner-a.download", "limner-b.download.c.stripped"}
    kept = {"limner-d.image", "else.download", "limner-e.download.png", "limner-f"}
    for name in (*old, *kept, "limner-new.download"):
        (tmp_path / name).touch()
    (tmp_path / "limner-folder.download").mkdir()
    for path in tmp_path.iterdir():
        if "new" not in path.name:
            os.utime(path, (0, 0))
    content = Spool(tmp_path).keep([b"fox"])
    assert isinstance(content, Path)
    assert {*os.listdir(tmp_path)} == {
        *kept,
        "limner-new.download",
        "limner-folder.download",
        content.name,
    }
