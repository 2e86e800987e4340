"""A picture's bytes in slices: the same facts from memory and from a file, and a file that changes is noticed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.errors import StoreError
from limner.storage.contents import agree, facts_of, promised_bytes, same, slices, unchanged, whole
from limner.storage.disk import Disk
from limner.storage.folder import FolderStorage
from limner.storage.ids import picture_id

MIB = 1 << 20


@pytest.mark.parametrize("size_bytes", [0, 1, 63, MIB - 1, MIB, MIB + 1, 3 * MIB + 7])
def test_a_file_and_its_bytes_have_the_same_facts(tmp_path: Path, size_bytes: int) -> None:
    """The Storage protocol: the same bytes have one id, wherever they come from."""
    data = b"\x89PNG\r\n\x1a\n".ljust(size_bytes, b"x")[:size_bytes]
    path = tmp_path / "picture"
    path.write_bytes(data)
    for content in (data, path):
        facts = facts_of(b"key", content)
        assert facts.id == picture_id(b"key", data)
        assert facts.sha256 == hashlib.sha256(data).hexdigest()
        assert facts.size_bytes == size_bytes
        assert facts.extension == ("png" if size_bytes >= 8 else "bin")
        assert agree(facts.receipt, data)
        assert promised_bytes(facts.receipt) == size_bytes
        assert b"".join(map(bytes, slices(content))) == b"".join(map(bytes, unchanged(facts, content)))
        assert same(facts, slices(content))
        assert whole(content) == data
        assert not any(len(part) > MIB for part in slices(content))


@given(data=st.binary(max_size=60), other=st.binary(max_size=60))
def test_facts_are_about_their_bytes_alone(data: bytes, other: bytes) -> None:
    """P06: nothing but the very bytes agrees with a receipt."""
    facts = facts_of(b"key", data)
    assert same(facts, slices(other)) == agree(facts.receipt, other) == (data == other)


@given(
    receipt=st.binary(max_size=40) | st.sampled_from([b"[]", b"{}", b'{"size_bytes": "1"}', b"null", b"1"])
)
def test_any_bytes_may_stand_where_a_receipt_should(receipt: bytes) -> None:
    """P06: a damaged receipt promises nothing, and is no exception."""
    assert promised_bytes(receipt) == 0
    assert not agree(receipt, b"")


@pytest.mark.parametrize("after", [b"other by", b"longer than before", b"short", b""])
def test_a_file_that_changed_is_noticed_at_its_end(tmp_path: Path, after: bytes) -> None:
    """The Storage protocol: an id names its bytes, so who writes them looks again at what was written."""
    path = tmp_path / "picture"
    path.write_bytes(b"as it was"[:8])
    facts = facts_of(b"key", path)
    path.write_bytes(after)
    with pytest.raises(StoreError) as raised:
        list(unchanged(facts, path))
    assert raised.value.code == "store_unavailable"


@pytest.mark.parametrize("gone", ["missing", "a folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, gone: str) -> None:
    """CONVENTIONS, "Errors": which file, and that it is not the store's."""
    path = tmp_path / "picture"
    if gone == "a folder":
        path.mkdir()
    with pytest.raises(StoreError) as raised:
        facts_of(b"key", path)
    assert str(path) in str(raised.value)


class MeddlingDisk(Disk):
    """One on which somebody writes to a file the moment it is copied."""

    def __init__(self, source: Path) -> None:
        self.source = source

    def create(self, path: Path, mode: int) -> int:
        self.source.write_bytes(os.urandom(1000))
        return super().create(path, mode)


@pytest.mark.anyio
async def test_a_file_that_changes_while_it_is_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    """The Storage protocol: nothing is found under an id but its bytes. Fails without unchanged()."""
    source = tmp_path / "download"
    source.write_bytes(b"as it was")
    store = FolderStorage(tmp_path / "store", disk=MeddlingDisk(source))
    with pytest.raises(StoreError) as raised:
        await store.put("local", source)
    assert raised.value.code == "store_unavailable"
    left = [path.suffix for path in (tmp_path / "store" / "pictures").iterdir()]
    assert left == [".json"]
