"""What a store on disk promises beyond the contract: crashes, full disks, damage, other processes."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import anyio
import pytest

from disks import tiny_file_system
from limner.errors import StoreError
from limner.storage.folder import FolderStorage
from limner.storage.ids import valid_id

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff\xe0"
WEBP = b"RIFF\x00\x00\x00\x00WEBP"

PUTTER = """
import hashlib, sys
import anyio
from limner.storage.folder import FolderStorage

async def main():
    store = FolderStorage(sys.argv[1])
    for count in range(int(sys.argv[2]), int(sys.argv[3])):
        data = b"\\x89PNG\\r\\n\\x1a\\n" + hashlib.sha256(str(count).encode()).digest() * 2000
        print(count, await store.put("local", data), flush=True)

anyio.run(main)
"""


def body(count: int) -> bytes:
    """What PUTTER keeps under this count."""
    return PNG + hashlib.sha256(str(count).encode()).digest() * 2000


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "pictures").iterdir())


def start(folder: Path, first: int, last: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PUTTER, str(folder), str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def code_of_put(store: FolderStorage, data: bytes) -> str:
    with pytest.raises(StoreError) as raised:
        await store.put("local", data)
    return raised.value.code


def test_making_a_store_touches_nothing(tmp_path: Path) -> None:
    """The folder is created with the first picture, not by a configuration that names it."""
    FolderStorage(tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


async def test_one_object_and_one_receipt_per_picture(tmp_path: Path) -> None:
    """The same bytes twice are one object, and the receipt holds SHA-256 and size."""
    store = FolderStorage(tmp_path)
    name = await store.put("local", PNG + b"x")
    await store.put("local", PNG + b"x")
    await FolderStorage(tmp_path).put("local", PNG + b"x")
    assert names(tmp_path) == [f"{name}.json", f"{name}.png"]
    receipt = json.loads((tmp_path / "pictures" / f"{name}.json").read_text())
    assert receipt == {"sha256": hashlib.sha256(PNG + b"x").hexdigest(), "size_bytes": len(PNG) + 1}


@pytest.mark.parametrize(("head", "suffix"), [(PNG, ".png"), (JPEG, ".jpg"), (WEBP, ".webp"), (b"?", ".bin")])
async def test_a_link_is_a_file_uri_with_the_right_extension(
    tmp_path: Path, head: bytes, suffix: str
) -> None:
    """A reader's programs go by the extension; a path with spaces and other letters is escaped."""
    store = FolderStorage(tmp_path / "mes images 图")
    link = store.link(await store.put("local", head + b"x"))
    assert link.startswith("file:///")
    assert link.isascii()
    path = Path(unquote(urlsplit(link).path))
    assert path.suffix == suffix
    assert await anyio.Path(path).read_bytes() == head + b"x"


async def test_a_store_stays_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means the folder the process was in, not the one it moves to."""
    monkeypatch.chdir(tmp_path)
    store = FolderStorage("store")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    await store.put("local", PNG)
    assert (tmp_path / "store" / "pictures").is_dir()


async def test_only_the_owner_of_the_process_may_read_key_and_pictures(tmp_path: Path) -> None:
    """The key has mode 0600, whatever the umask says."""
    before = os.umask(0)
    try:
        await FolderStorage(tmp_path / "store").put("local", PNG)
    finally:
        os.umask(before)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "store").rglob("*")
        if path.is_file()
    }
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
    assert len((tmp_path / "store" / "key").read_bytes()) == 32


async def test_a_lost_key_loses_no_picture(tmp_path: Path) -> None:
    """Ids are derived from the key, but nothing is read with it."""
    store = FolderStorage(tmp_path)
    name = await store.put("local", PNG)
    (tmp_path / "key").unlink()
    assert await store.open(name) == PNG
    assert await store.put("local", PNG) != name


async def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    """A short key would make guessable ids: refused, never padded."""
    store = FolderStorage(tmp_path)
    await store.put("local", PNG)
    (tmp_path / "key").write_bytes(b"short")
    assert await code_of_put(store, PNG) == "store_unavailable"


@pytest.mark.parametrize("place", ["first", "middle", "last", "receipt"])
async def test_a_flipped_bit_is_never_shown(tmp_path: Path, place: str) -> None:
    """P06: `image_corrupt`, set aside, and said again at the next reading."""
    store = FolderStorage(tmp_path)
    name = await store.put("local", body(1))
    path = tmp_path / "pictures" / (f"{name}.json" if place == "receipt" else f"{name}.png")
    data = bytearray(path.read_bytes())
    data[{"first": 0, "middle": len(data) // 2, "last": -1, "receipt": 15}[place]] ^= 1
    path.write_bytes(data)
    for _ in range(2):
        with pytest.raises(StoreError) as raised:
            await store.open(name)
        assert raised.value.code == "image_corrupt"
    assert names(tmp_path) == [f"{name}.json.corrupt", f"{name}.png.corrupt"]
    assert await store.put("local", body(1)) == name
    assert await store.open(name) == body(1)


@pytest.mark.parametrize("damage", ["cut", "longer", "empty"])
async def test_putting_the_bytes_again_mends_a_damaged_picture(tmp_path: Path, damage: str) -> None:
    """An acknowledged put can be read, also where a damaged object already had the name."""
    store = FolderStorage(tmp_path)
    name = await store.put("local", body(1))
    path = tmp_path / "pictures" / f"{name}.png"
    path.write_bytes({"cut": body(1)[:-9], "longer": body(1) + b"!", "empty": b""}[damage])
    assert await store.put("local", body(1)) == name
    assert await store.open(name) == body(1)


async def test_a_receipt_without_its_picture_is_not_a_picture(tmp_path: Path) -> None:
    """What a kill between the two leaves is not found, and the next put completes it."""
    store = FolderStorage(tmp_path)
    name = await store.put("local", PNG)
    (tmp_path / "pictures" / f"{name}.png").unlink()
    with pytest.raises(StoreError) as raised:
        await store.open(name)
    assert raised.value.code == "image_not_found"
    assert await store.put("local", PNG) == name
    assert await store.open(name) == PNG


async def test_a_picture_without_its_receipt_is_not_shown(tmp_path: Path) -> None:
    """Nothing unchecked is ever returned; a power cut may lose either of two names."""
    store = FolderStorage(tmp_path)
    name = await store.put("local", PNG)
    (tmp_path / "pictures" / f"{name}.json").unlink()
    with pytest.raises(StoreError) as raised:
        await store.open(name)
    assert raised.value.code == "image_not_found"
    assert await store.put("local", PNG) == name
    assert await store.open(name) == PNG


async def test_a_folder_that_vanishes_is_made_again(tmp_path: Path) -> None:
    """A long-lived process outlives somebody's tidying up."""
    store = FolderStorage(tmp_path / "store")
    name = await store.put("local", PNG)
    for path in sorted((tmp_path / "store").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (tmp_path / "store").rmdir()
    with pytest.raises(StoreError) as raised:
        await store.open(name)
    assert raised.value.code == "image_not_found"
    assert await store.open(await store.put("local", PNG)) == PNG


async def test_what_a_killed_process_left_is_removed_after_a_day(tmp_path: Path) -> None:
    """Temporary files do not pile up, and those of a living process are left alone."""
    (tmp_path / "pictures").mkdir()
    old, young = tmp_path / "pictures" / ".0123.part", tmp_path / "pictures" / ".4567.part"
    old.touch()
    young.touch()
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    await FolderStorage(tmp_path).put("local", PNG)
    assert (old.exists(), young.exists()) == (False, True)


async def test_a_file_where_the_folder_should_be_is_an_error(tmp_path: Path) -> None:
    """P05: `store_unavailable`."""
    (tmp_path / "store").write_text("a file")
    assert await code_of_put(FolderStorage(tmp_path / "store"), PNG) == "store_unavailable"
    assert await code_of_put(FolderStorage(tmp_path / "store" / "deeper"), PNG) == "store_unavailable"


UNPRIVILEGED = """
import os, sys
import anyio
from limner.errors import StoreError
from limner.storage.folder import FolderStorage

async def nothing():
    pass

anyio.run(nothing)  # what is imported late is imported now, from where others may not look
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)  # nobody: permissions mean nothing to root

async def main():
    try:
        await FolderStorage(sys.argv[1]).put("local", b"x")
    except StoreError as error:
        print(error.code)
    try:
        await FolderStorage(sys.argv[1]).open("A" * 43)
    except StoreError as error:
        print(error.code)

anyio.run(main)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_wrong_permissions_are_an_error() -> None:
    """P05: `store_unavailable`, from writing and from reading, not a traceback of the system's."""
    # Not tmp_path: above it are folders that only their owner may pass.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        store = Path(folder, "store")
        (store / "pictures").mkdir(parents=True)
        (store / "pictures").chmod(0)
        store.chmod(0o555)
        command = [sys.executable, "-c", UNPRIVILEGED, str(store)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        store.chmod(0o755)
        (store / "pictures").chmod(0o755)
        assert (done.stdout.split(), done.stderr) == (["store_unavailable", "store_unavailable"], "")
        assert sorted(path.name for path in store.rglob("*")) == ["pictures"]


WATCHED = """
import json, sys
import anyio
from limner.errors import StoreError
from limner.storage.folder import FolderStorage

touched = []

def watch(event, arguments):
    if watching and event in ("open", "os.listdir", "os.scandir", "os.rename", "os.remove", "os.link", "os.mkdir"):
        touched.append(str(arguments[0]))

async def main():
    global watching
    store = FolderStorage(sys.argv[1])
    kept = await store.put("local", b"x")
    await store.open(kept)
    sys.addaudithook(watch)
    await store.open(kept)  # what is imported late, and that the hook hears of a file
    watching = True
    await store.open(kept)
    print(len(touched))
    del touched[:]
    for name in json.loads(sys.argv[2]):
        store.linked(name)
        store.linked(store.link(kept).replace(kept, name))
        for ask in (store.open, store.link):
            try:
                found = ask(name)
                if ask == store.open:
                    await found
            except StoreError as error:
                assert error.code == "image_not_found"
            else:
                raise AssertionError(name)
    print(touched)

watching = False
anyio.run(main)
"""


def test_what_is_no_id_reaches_no_file(tmp_path: Path) -> None:
    """S16: no file is opened for it, inside or outside of the folder; Python's audit hook tells."""
    names = [
        "..%2f" * 8,
        "../" * 13 + "etc",
        "A" * 42 + "\\0",
        "/" * 43,
        "..\\" * 14 + "A",
        "．．／" * 14 + "A",
        "A" * 10_240,
    ]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(tmp_path), json.dumps(names)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["2", "[]"], "")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of one MiB, where this process may mount one."""
    with tiny_file_system(tmp_path / "disk", "1m") as disk:
        yield disk


async def test_a_full_disk_is_named_and_nothing_is_left_behind(tiny_disk: Path) -> None:
    """P03: `image_store_full`, the temporary file removed, what was kept still there."""
    store = FolderStorage(tiny_disk / "store")
    kept = [await store.put("local", body(count)) for count in range(3)]
    big = PNG + b"\0" * 2_000_000
    assert await code_of_put(store, big) == "image_store_full"
    assert not [name for name in names(tiny_disk / "store") if name.endswith(".part")]
    for count, name in enumerate(kept):
        assert await store.open(name) == body(count)
    assert await store.open(await store.put("local", body(9))) == body(9)


LIMITED = """
import resource, sys
import anyio
from limner.errors import StoreError
from limner.storage.folder import FolderStorage

async def main():
    store = FolderStorage(sys.argv[1])
    kept = await store.put("local", b"small")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        await store.put("local", b"x" * 100_000)
    except StoreError as error:
        print(error.code)
    assert await store.open(kept) == b"small"

anyio.run(main)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_write_that_is_cut_by_a_limit_leaves_nothing_behind(tmp_path: Path) -> None:
    """P03, without the right to mount: the limit cuts the file in the middle of a write."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["image_store_full"], "")
    left = names(tmp_path)
    assert not [name for name in left if name.endswith(".part")]
    # The receipt of the refused picture may stand; it is not a picture.
    assert len([name for name in left if name.endswith(".bin")]) == 1


KILLED = """
import hashlib, os, random, signal, sys, time
import anyio
from limner.storage.folder import FolderStorage

async def nothing():
    pass

async def put_until_killed(folder, first, said):
    store = FolderStorage(folder)

    async def put(start):
        for count in range(start, 1_000_000, 3):
            data = b"\\x89PNG\\r\\n\\x1a\\n" + hashlib.sha256(str(count).encode()).digest() * 2000
            name = await store.put("local", data)
            os.write(said, f"{count} {name}\\n".encode())

    async with anyio.create_task_group() as tasks:
        for start in range(first, first + 3):
            tasks.start_soon(put, start)

anyio.run(nothing)  # what is imported late is imported before the first fork
chance = random.Random(2026)
first = 0
for kill in range(int(sys.argv[2])):
    hears, said = os.pipe()
    child = os.fork()
    if not child:
        os.close(hears)
        anyio.run(put_until_killed, sys.argv[1], first, said)
    os.close(said)
    with os.fdopen(hears) as lines:
        # Every other one gets as far as something new; the rest are killed wherever they are.
        heard = [lines.readline() for _ in range(3)] if kill % 2 else []
        time.sleep(chance.uniform(0, 0.05))  # the instant is the test's input, not a wait
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        heard += lines
    print("".join(heard), end="")
    # The next one begins with two that are kept or half done.
    first = max([first, *(int(line.split()[0]) - 1 for line in heard)])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are of POSIX")
def test_a_kill_at_any_instant_leaves_every_acknowledged_picture_and_no_half_one(tmp_path: Path) -> None:
    """P01: 0 acknowledged pictures lost, 0 corrupt objects, 50 times. The soak run has more kills."""
    kill_and_check(tmp_path, kills=50)


@pytest.mark.soak
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are of POSIX")
def test_a_thousand_kills_lose_nothing(tmp_path: Path) -> None:
    """P01, at length."""
    kill_and_check(tmp_path, kills=1000)


def kill_and_check(folder: Path, *, kills: int) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", KILLED, str(folder), str(kills)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    acknowledged = {int(count): name for count, name in map(str.split, done.stdout.splitlines())}
    assert len(acknowledged) >= kills // 2
    assert all(map(valid_id, acknowledged.values()))

    async def check() -> None:
        store = FolderStorage(folder)
        for count, name in acknowledged.items():
            assert await store.open(name) == body(count)
        found = {path.name.removesuffix(".png") for path in (folder / "pictures").glob("*.png")}
        for name in found - set(acknowledged.values()):  # kept, but killed before it could say so
            assert hashlib.sha256(await store.open(name)).hexdigest()
        assert not list((folder / "pictures").glob("*.corrupt"))

    anyio.run(check)


async def test_two_processes_at_once_agree_on_key_and_ids(tmp_path: Path) -> None:
    """Both make the folder and its key at the same instant; one key wins, and both use it."""
    first, second = start(tmp_path / "store", 0, 40), start(tmp_path / "store", 0, 40)
    said = [await anyio.to_thread.run_sync(putter.communicate) for putter in (first, second)]
    assert said[0] == said[1]
    pairs = [line.split() for line in said[0][0].splitlines()]
    assert len(pairs) == 40
    store = FolderStorage(tmp_path / "store")
    for count, name in pairs:
        assert await store.open(name) == body(int(count))
    assert len(names(tmp_path / "store")) == 80
