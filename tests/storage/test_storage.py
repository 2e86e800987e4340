"""The contract that every store keeps, run against each of them."""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from PIL import Image

from buckets import Swift
from limner.errors import StoreError
from limner.storage.folder import FolderStorage
from limner.storage.ids import owner_key, picture_id, valid_id
from limner.storage.links import LinkSigner
from limner.storage.memory import MemoryStorage
from limner.storage.objects import ObjectStorage
from limner.storage.protocol import Storage

pytestmark = pytest.mark.anyio

NOT_IDS = [
    "",
    "A" * 42,
    "A" * 44,
    "A" * 43 + "\n",
    "A" * 42 + "\n",
    "A" * 42 + "=",
    "A" * 42 + "\0",
    "A" * 42 + "é",
    "../" + "A" * 40,
    "../../../../../../../../etc/passwd",
    "..%2f" + "A" * 38,
    "%2e%2e/" + "A" * 36,
    "//" + "A" * 41,
    "..\\" + "A" * 40,
    "C:" + "A" * 41,
    "\uff0e\uff0e\uff0f" + "A" * 40,
    "A" * 10_240,
]


def picture(shade: int = 0, kind: str = "PNG") -> bytes:
    """A small real picture."""
    written = io.BytesIO()
    Image.new("RGB", (16, 9), (shade, 90, 160)).save(written, kind)
    return written.getvalue()


@pytest.fixture(params=["memory", "folder", "objects", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each kind of store, new and empty; "s3" is a real server."""
    match request.param:
        case "memory":
            return MemoryStorage()
        case "folder":
            return FolderStorage(tmp_path / "deep" / "store")
        case "objects":
            return ObjectStorage("memory:///")
    swift: Swift = request.getfixturevalue("swift")
    return ObjectStorage(f"s3://{swift.common}/{secrets.token_hex(8)}", options=swift.options)


def knows_its_pictures(store: Storage) -> bool:
    """Whether a store can tell without waiting what it has; an object store would have to be asked."""
    return not isinstance(store, ObjectStorage)


async def test_a_picture_comes_back_byte_for_byte(store: Storage) -> None:
    """DESIGN decision 6: bytes are kept as they came."""
    data = picture()
    assert await store.open(await store.put("local", data)) == data


async def test_a_picture_in_a_file_is_kept_like_its_bytes(store: Storage, tmp_path: Path) -> None:
    """The Storage protocol: a finished temporary file is copied, whatever its size, and stays where it is."""
    data = picture() + bytes(range(256)) * 12_345
    temporary = tmp_path / "download"
    temporary.write_bytes(data)
    name = await store.put("local", temporary)
    assert temporary.read_bytes() == data
    temporary.write_bytes(b"the caller's own again")
    assert await store.open(name) == data
    assert await store.put("local", data) == name
    assert await store.put("local", data[:-1]) != name


async def test_a_file_that_is_not_there_is_an_error(store: Storage, tmp_path: Path) -> None:
    """The Storage protocol: only errors of ours come out, and nothing is kept."""
    with pytest.raises(StoreError) as raised:
        await store.put("local", tmp_path / "gone")
    assert raised.value.code == "store_unavailable"
    assert "gone" in str(raised.value)


async def test_an_id_is_43_characters_and_says_nothing(store: Storage) -> None:
    """The Storage protocol: base64url of an HMAC, so it is not the SHA-256 of the bytes either."""
    name = await store.put("local", picture())
    assert valid_id(name)
    assert name != picture_id(b"", picture())


async def test_the_same_bytes_have_one_id(store: Storage) -> None:
    """I21: the same bytes are stored once per owner."""
    assert await store.put("local", picture()) == await store.put("local", picture())


async def test_different_bytes_have_different_ids(store: Storage) -> None:
    """The Storage protocol: an id names its bytes."""
    assert len({await store.put("local", picture(shade)) for shade in range(8)}) == 8


async def test_two_owners_of_the_same_bytes_have_different_ids(store: Storage) -> None:
    """I21: nobody can tell from an id whether another owner has the picture."""
    first, second = await store.put("ann", picture()), await store.put("bob", picture())
    assert first != second
    assert await store.open(first) == await store.open(second) == picture()


async def test_two_stores_give_the_same_bytes_different_ids(tmp_path: Path) -> None:
    """DESIGN decision 6: the key is the store's own secret, not a constant."""
    stores: list[Storage] = [
        FolderStorage(tmp_path / "a"),
        FolderStorage(tmp_path / "b"),
        MemoryStorage(),
        MemoryStorage(),
    ]
    assert len({await each.put("local", picture()) for each in stores}) == 4


async def test_an_unknown_id_is_not_found(store: Storage) -> None:
    """The Storage protocol: `image_not_found`."""
    await store.put("local", picture())
    with pytest.raises(StoreError) as raised:
        await store.open("A" * 43)
    assert raised.value.code == "image_not_found"
    if knows_its_pictures(store):
        with pytest.raises(StoreError) as raised:
            store.link("A" * 43)
        assert raised.value.code == "image_not_found"


@pytest.mark.parametrize("id", NOT_IDS, ids=range(len(NOT_IDS)))
async def test_what_is_no_id_is_not_found(store: Storage, id: str) -> None:
    """S16: the id is checked before any call of the file system, and before any request."""
    with pytest.raises(StoreError) as raised:
        await store.open(id)
    assert raised.value.code == "image_not_found"
    with pytest.raises(StoreError) as raised:
        store.link(id)
    assert raised.value.code == "image_not_found"


async def test_a_link_is_read_back_as_its_picture(store: Storage) -> None:
    """DESIGN decision 1: a link that we minted becomes its reference again when it comes back."""
    name = await store.put("local", picture())
    assert store.linked(store.link(name)) == name


async def test_what_is_not_to_the_byte_a_link_of_the_store_is_none(store: Storage) -> None:
    """S24: no more path, no more query, and no other spelling."""
    name = await store.put("local", picture())
    link = store.link(name)
    wrong = [
        "",
        name,
        f"{link}?q=SECRET",
        f"{link}&q=SECRET",
        f"{link}#x",
        f"{link}/x",
        f"{link}\n",
        f" {link}",
        link.replace(name, f"x/../{name}"),
        link.upper(),
        f"https://evil.example/images/{name}",
    ]
    if knows_its_pictures(store):
        wrong.append(link.replace(name, "A" * 43))
    assert [each for each in wrong if store.linked(each) is not None] == []


async def test_a_store_with_a_signer_mints_links_that_are_signed(tmp_path: Path) -> None:
    """S18: one signer serves any store; what was linked without it is still understood."""
    links = LinkSigner("https://pictures.example", ["a key for tests, thirty-two bytes"])
    bare: list[Storage] = [MemoryStorage(), FolderStorage(tmp_path)]
    signing: list[Storage] = [MemoryStorage(links=links), FolderStorage(tmp_path, links=links)]
    for store, before in zip(signing, bare, strict=True):
        name = await store.put("local", picture())
        assert store.link(name) == links.link(name)
        assert store.linked(links.link(name)) == links.verify(store.link(name)) == name
        await before.put("local", picture())
        with pytest.raises(StoreError) as raised:
            store.link("A" * 43)
        assert raised.value.code == "image_not_found"
        assert before.linked(links.link(name)) is None
    assert signing[1].linked(bare[1].link(name)) == name


async def test_many_puts_at_once_keep_every_picture(store: Storage) -> None:
    """DESIGN, the one difficulty: pictures arrive at the same time, some of them twice."""
    pictures = [picture(shade) for shade in range(12)]
    names: dict[int, set[str]] = {place: set() for place in range(len(pictures))}

    async def keep(place: int) -> None:
        names[place].add(await store.put("local", pictures[place]))

    async with anyio.create_task_group() as group:
        for place in range(len(pictures)):
            for _ in range(3):
                group.start_soon(keep, place)
    for place, found in names.items():
        (name,) = found
        assert await store.open(name) == pictures[place]


async def test_a_cancelled_put_leaves_the_picture_whole_or_absent(store: Storage) -> None:
    """The Storage protocol: nothing half-written is ever found under an id, and the next put works."""
    for checkpoints in range(4):
        data = picture(checkpoints) + b"\0" * 300_000
        async with anyio.create_task_group() as group:
            group.start_soon(store.put, "local", data)
            for _ in range(checkpoints):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        assert await store.open(await store.put("local", data)) == data


async def test_closing_twice_is_harmless_and_pictures_stay_readable(store: Storage) -> None:
    """A reply outlives the engine that made it."""
    name = await store.put("local", picture())
    await store.aclose()
    await store.aclose()
    assert await store.open(name) == picture()


async def test_a_buffer_that_changes_later_does_not_change_the_picture(store: Storage) -> None:
    """An id names its bytes for ever."""
    buffer = bytearray(picture())
    name = await store.put("local", buffer)  # type: ignore[arg-type]  # what an untyped caller does
    buffer[-1] ^= 1
    assert await store.open(name) == picture()


async def test_a_full_memory_says_so_and_keeps_what_it_has() -> None:
    """P03: `image_store_full`, and nothing half-published."""
    store = MemoryStorage(max_bytes=len(picture()))
    name = await store.put("local", picture())
    with pytest.raises(StoreError) as raised:
        await store.put("local", picture(1))
    assert raised.value.code == "image_store_full"
    assert await store.put("local", picture()) == name


async def test_a_link_into_memory_is_opaque() -> None:
    """The Storage protocol: an opaque `limner:` URI where no file exists."""
    store = MemoryStorage()
    name = await store.put("local", picture())
    assert store.link(name) == f"limner:picture/{name}"


def test_an_id_is_the_keyed_hash_of_the_bytes() -> None:
    """DESIGN decision 6: `base64url(HMAC-SHA256(owner's key, bytes))`; RFC 4231, test case 2."""
    digest = bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    name = picture_id(b"Jefe", b"what do ya want for nothing?")
    assert base64.urlsafe_b64decode(name + "=") == digest


def test_the_keys_of_owners_differ() -> None:
    """I21: no owner's key gives away another's."""
    owners = ["", "local", "local\0", "\0local", "Local", "\ud800"]
    assert len({owner_key(b"s" * 32, owner) for owner in owners}) == len(owners)


_: Callable[[], Storage] = MemoryStorage  # the type checker's proof that the protocol is kept
