"""What a bucket promises beyond the contract: signatures, races, damage, servers that fail or vanish."""

from __future__ import annotations

import hashlib
import json
import logging
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import obstore
import pytest
from obstore.store import LocalStore, MemoryStore, S3Store

from buckets import SECRET_KEY, Swift, running_swift
from limner.errors import ConfigError, StoreError
from limner.storage.ids import owner_key, picture_id, valid_id
from limner.storage.links import LinkSigner
from limner.storage.objects import ObjectStorage

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
SECRET = "what ids are derived from, 32 bytes"


def keys(store: S3Store | MemoryStore) -> list[str]:
    return sorted(each["path"] for batch in obstore.list(store) for each in batch)


def fetched(link: str) -> tuple[int, bytes, dict[str, str]]:
    """What somebody gets who follows `link`."""
    try:
        with urllib.request.urlopen(link, timeout=10) as answer:
            return (
                answer.status,
                answer.read(),
                {name.lower(): value for name, value in answer.headers.items()},
            )
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read(), {}


async def code_of_put(store: ObjectStorage) -> str:
    with pytest.raises(StoreError) as raised:
        await store.put("local", PNG)
    return raised.value.code


async def code_of_open(store: ObjectStorage, id: str = "A" * 43) -> str:
    with pytest.raises(StoreError) as raised:
        await store.open(id)
    return raised.value.code


async def test_a_bucket_holds_one_object_and_one_receipt_per_picture(swift: Swift) -> None:
    """I21: the same bytes twice are one object; the receipt holds SHA-256 and size."""
    bucket = swift.bucket()
    for _ in range(2):
        name = await ObjectStorage(f"s3://{bucket}/a/b", options=swift.options).put("local", PNG)
    inside = swift.store(bucket, "a/b")
    assert keys(swift.store(bucket)) == ["a/b/key", f"a/b/pictures/{name}", f"a/b/pictures/{name}.json"]
    assert bytes(obstore.get(inside, f"pictures/{name}").bytes()) == PNG
    receipt = json.loads(bytes(obstore.get(inside, f"pictures/{name}.json").bytes()))
    assert receipt == {"sha256": hashlib.sha256(PNG).hexdigest(), "size_bytes": len(PNG)}


async def test_a_link_of_the_bucket_is_followed_without_any_key(swift: Swift) -> None:
    """S19: type, name and caching are said by the bucket itself; a private one lets in who has the link."""
    bucket = swift.bucket()
    store = ObjectStorage(f"s3://{bucket}", options=swift.options)
    name = await store.put("local", PNG)
    status, body, headers = await anyio.to_thread.run_sync(fetched, store.link(name))
    assert (status, body) == (200, PNG)
    assert headers["content-type"] == "image/png"
    assert headers["content-disposition"] == f'inline; filename="{name}.png"'
    assert headers["cache-control"] == "private, max-age=31536000, immutable"
    bare = store.link(name).partition("?")[0]
    assert (await anyio.to_thread.run_sync(fetched, bare))[0] >= 400


async def test_what_is_no_picture_is_offered_for_download(swift: Swift) -> None:
    """S19: never shown as a page, whatever it holds."""
    store = ObjectStorage(f"s3://{swift.bucket()}", options=swift.options)
    link = store.link(await store.put("local", b"<script>alert(1)</script>"))
    headers = (await anyio.to_thread.run_sync(fetched, link))[2]
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment;")


async def test_a_changed_link_of_the_bucket_is_refused(swift: Swift) -> None:
    """S18: changed path, expiry or signature; by the server, which checks them."""
    store = ObjectStorage(f"s3://{swift.bucket()}", options=swift.options)
    name, other = await store.put("local", PNG), await store.put("local", PNG + b"other")
    link = store.link(name)
    last = "0" if link[-1] != "0" else "1"
    changed = [
        link[:-1] + last,
        link.replace(name, other),
        link.replace("X-Amz-Expires=86400", "X-Amz-Expires=86401"),
        link.replace("X-Amz-Signature", "X-Other"),
    ]
    for each in changed:
        assert each != link
        assert (await anyio.to_thread.run_sync(fetched, each))[0] in (400, 403)


async def test_a_link_of_the_bucket_expires_and_still_tells_its_picture(swift: Swift) -> None:
    """The Storage protocol: an expired link is none for a reader, and one for history."""
    store = ObjectStorage(f"s3://{swift.bucket()}", options=swift.options, expires_s=1)
    name = await store.put("local", PNG)
    link = store.link(name)
    with anyio.fail_after(20):
        while b"expired" not in (await anyio.to_thread.run_sync(fetched, link))[1]:  # noqa: ASYNC110  the server's clock tells nobody
            await anyio.sleep(0.05)
    assert (await anyio.to_thread.run_sync(fetched, link))[0] == 403
    assert store.linked(link) == name


async def test_links_of_other_places_are_none_of_ours(swift: Swift) -> None:
    """S24: another bucket, another prefix, another host, a key that is no picture's."""
    bucket = swift.bucket()
    store = ObjectStorage(f"s3://{bucket}/a", options=swift.options)
    name = await store.put("local", PNG)
    link = store.link(name)
    wrong = [
        ObjectStorage(f"s3://{bucket}/b", options=swift.options).link(name),
        ObjectStorage(f"s3://{swift.bucket()}/a", options=swift.options).link(name),
        link.replace("127.0.0.1", "127.0.0.2"),
        link.replace("127.0.0.1", "evil.example"),
        link.replace("X-Amz-Date", "x-amz-date"),
        link.replace(name, f"{name}.json"),
        link.replace(name, name[:-1]),
        link.partition("?")[0],
        link.replace("X-Amz-Expires=86400", "X-Amz-Expires=<b>"),
    ]
    assert [each for each in wrong if store.linked(each) is not None] == []
    # Credentials may come with a token on one day and without one on another.
    assert store.linked(link.replace("&X-Amz-Sig", "&X-Amz-Security-Token=x%2Fy&X-Amz-Sig")) == name


async def test_links_to_azure_are_minted_and_read_back_without_any_request() -> None:
    """DESIGN decision 6: one class for all of them; a link costs no request."""
    options = {"account_name": "somebody", "account_key": "bm90aGluZyByZWFs"}
    store = ObjectStorage("az://pictures/a", options=options)
    link = store.link("A" * 43)
    assert link.startswith(f"https://somebody.blob.core.windows.net/pictures/a/pictures/{'A' * 43}?")
    assert store.linked(link) == "A" * 43
    assert store.linked(f"{link}&q=SECRET") is None


async def test_a_signer_takes_the_place_of_the_buckets_links(swift: Swift) -> None:
    """S18: where a gateway serves the pictures; links from before are still understood."""
    links = LinkSigner("https://pictures.example", [SECRET])
    address = f"s3://{swift.bucket()}"
    before = ObjectStorage(address, options=swift.options)
    store = ObjectStorage(address, options=swift.options, links=links)
    name = await store.put("local", PNG)
    assert store.link(name) == links.link(name)
    assert store.linked(links.link(name)) == store.linked(before.link(name)) == name


@pytest.mark.parametrize("wrong", [{"secret_access_key": "hunter2"}, {"access_key_id": "test:nobody"}])
async def test_a_wrong_key_is_said_and_never_shown(
    swift: Swift, wrong: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """S05: the signature is checked by the server; sentence, log and traceback hold no secret of ours."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "limner.debug")
    store = ObjectStorage(f"s3://{swift.bucket()}", options=swift.options | wrong, secret=SECRET)
    with pytest.raises(StoreError) as raised:
        await store.put("local", PNG)
    assert raised.value.code == "store_unavailable"
    assert raised.value.__cause__ is None
    assert "check the key" in str(raised.value)
    said = f"{raised.value} {caplog.text}"
    assert not any(secret in said for secret in ("hunter2", SECRET_KEY + "'", SECRET))
    # What the server said stands in the restricted log, and nowhere else.
    words = [
        record
        for record in caplog.records
        if "Signature" in str(vars(record)) or "AccessKey" in str(vars(record))
    ]
    assert words
    assert {record.name for record in words} == {"limner.debug"}


async def test_a_bucket_that_is_not_there_is_not_a_picture_that_is_not_there(swift: Swift) -> None:
    """P05: `store_unavailable`, from writing and from reading."""
    store = ObjectStorage("s3://no-such-bucket", options=swift.options)
    assert await code_of_put(store) == await code_of_open(store) == "store_unavailable"


async def test_many_puts_of_the_same_bytes_make_one_object_once(swift: Swift) -> None:
    """Decision 0012: puts that only create. Whoever is second finds it there, and changes nothing."""
    bucket = swift.bucket()
    stores = [ObjectStorage(f"s3://{bucket}", options=swift.options) for _ in range(4)]
    names: set[str] = set()

    async def keep(store: ObjectStorage) -> None:
        names.add(await store.put("local", PNG))

    async with anyio.create_task_group() as tasks:
        for place in range(8):
            tasks.start_soon(keep, stores[place % 4])
    (name,) = names  # so all of them agreed on the secret in the bucket
    inside = swift.store(bucket)
    assert keys(inside) == ["key", f"pictures/{name}", f"pictures/{name}.json"]
    before = [obstore.head(inside, key) for key in keys(inside)]
    async with anyio.create_task_group() as tasks:
        for store in stores:
            tasks.start_soon(keep, store)
    assert [obstore.head(inside, key) for key in keys(inside)] == before


async def test_a_put_is_told_to_create_alone(swift: Swift) -> None:
    """The same from below: an object that is there already is not replaced by a put, whatever it holds."""
    bucket = swift.bucket()
    store = ObjectStorage(f"s3://{bucket}", options=swift.options)
    name = await store.put("local", PNG)
    await store.put("local", PNG)
    dated = [path.stat().st_mtime_ns for path in sorted(swift.folder.rglob("*.data"))]
    await store.put("local", PNG)
    assert [path.stat().st_mtime_ns for path in sorted(swift.folder.rglob("*.data"))] == dated
    assert await store.open(name) == PNG


async def test_a_given_secret_makes_the_ids_and_none_is_kept_in_the_bucket(swift: Swift) -> None:
    """DESIGN decision 6: the same secret gives the same ids in every process, and in every bucket."""
    bucket = swift.bucket()
    name = await ObjectStorage(f"s3://{bucket}", options=swift.options, secret=SECRET).put("local", PNG)
    assert name == picture_id(owner_key(SECRET.encode(), "local"), PNG)
    assert "key" not in keys(swift.store(bucket))
    assert await ObjectStorage("memory:///", secret=SECRET.encode()).put("local", PNG) == name


async def test_a_damaged_secret_is_named() -> None:
    """A short one would make ids that can be guessed: refused, never padded."""
    bucket = MemoryStore()
    obstore.put(bucket, "key", b"short")
    assert await code_of_put(ObjectStorage(bucket)) == "store_unavailable"
    obstore.put(bucket, "key", b"l" * 33)
    assert await code_of_put(ObjectStorage(bucket)) == "store_unavailable"


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a flipped bit": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "cut": lambda data: data[:-9],
    "longer": lambda data: data + b"!",
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("what", ["", ".json"])
@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_object_is_never_shown_and_a_put_mends_it(what: str, damage: str) -> None:
    """P06: `image_corrupt` each time it is read; the next put of the bytes mends it and keeps what was wrong."""
    bucket = MemoryStore()
    store = ObjectStorage(bucket)
    name = await store.put("local", PNG)
    key = f"pictures/{name}{what}"
    wrong = DAMAGES[damage](bytes(obstore.get(bucket, key).bytes()))
    obstore.put(bucket, key, wrong)
    for _ in range(2):
        assert await code_of_open(store, name) == "image_corrupt"
    assert await store.put("local", PNG) == name
    assert await store.open(name) == PNG
    if not what:
        assert bytes(obstore.get(bucket, f"pictures/{name}.corrupt").bytes()) == wrong


def test_a_damaged_object_of_a_real_server_is_found_and_mended(swift: Swift, tmp_path: Path) -> None:
    """P06 on the wire, with a file so large that it goes in parts: sizes, copies and parts are the server's own."""
    bucket = swift.bucket()
    store = ObjectStorage(f"s3://{bucket}", options=swift.options)
    large = tmp_path / "large"
    data = PNG + bytes(9 << 20)
    large.write_bytes(data)

    async def main() -> None:
        name = await store.put("local", large)
        assert await store.open(name) == data
        obstore.put(swift.store(bucket), f"pictures/{name}", b"?" + data[1:])
        assert await code_of_open(store, name) == "image_corrupt"
        assert await store.put("local", large) == name
        assert await store.open(name) == data
        assert f"pictures/{name}.corrupt" in keys(swift.store(bucket))

    anyio.run(main)


@pytest.mark.parametrize("lost", ["", ".json"])
async def test_half_of_a_picture_is_none_and_the_next_put_completes_it(lost: str) -> None:
    """What a kill between the two puts leaves is not found; nothing unchecked is ever returned."""
    bucket = MemoryStore()
    store = ObjectStorage(bucket)
    name = await store.put("local", PNG)
    obstore.delete(bucket, f"pictures/{name}{lost}")
    assert await code_of_open(store, name) == "image_not_found"
    assert await store.put("local", PNG) == name
    assert await store.open(name) == PNG


def test_a_server_that_was_stopped_is_named(tmp_path: Path) -> None:
    """P05: `store_unavailable` within the time that was given, for reading and for writing."""
    with running_swift(tmp_path) as server:
        store = ObjectStorage(f"s3://{server.bucket()}", options=server.options, timeout_s=1)
        name = anyio.run(store.put, "local", PNG)
        assert anyio.run(store.open, name) == PNG
        server.process.kill()
        server.process.wait()

        async def main() -> None:
            with anyio.fail_after(20):
                assert await code_of_open(store, name) == "store_unavailable"
                assert await code_of_put(store) == "store_unavailable"

        anyio.run(main)
        assert store.linked(store.link(name)) == name


async def test_a_server_that_never_answers_is_named() -> None:
    """P05: no picture waits for ever; and who is cancelled while reading does not wait at all."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = {"endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}", "region": "us-east-1"}
        options |= {"access_key_id": "a", "secret_access_key": "b"}
        with anyio.fail_after(20):
            store = ObjectStorage("s3://pictures", options=options, timeout_s=0.5)
            assert await code_of_put(store) == "store_unavailable"
            patient = ObjectStorage("s3://pictures", options=options, timeout_s=3600)
            with anyio.move_on_after(0.1) as scope:
                await patient.open("A" * 43)
            assert scope.cancelled_caught


class Refusing(BaseHTTPRequestHandler):
    """Answers everything with one status."""

    status, words = 500, b""

    def answer(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.words)))
        self.end_headers()
        self.wfile.write(self.words)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def refusing(request: pytest.FixtureRequest) -> Iterator[ObjectStorage]:
    status, words = request.param
    methods = {f"do_{method}": Refusing.answer for method in ("GET", "PUT", "POST", "HEAD")}
    handler = type("Handler", (Refusing,), {"status": status, "words": words, **methods})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        options = {"endpoint": f"http://127.0.0.1:{server.server_port}", "region": "us-east-1"}
        options |= {"access_key_id": "a", "secret_access_key": "b"}
        yield ObjectStorage("s3://pictures", options=options, secret=SECRET, timeout_s=0.4)
        server.shutdown()


@pytest.mark.parametrize(
    ("refusing", "code"),
    [
        ((507, b""), "image_store_full"),
        ((403, b"<Error><Code>QuotaExceeded</Code></Error>"), "image_store_full"),
        ((403, b"<Error><Code>AccessDenied</Code></Error>"), "store_unavailable"),
        ((401, b""), "store_unavailable"),
        ((501, b"<Error><Code>NotImplemented</Code></Error>"), "store_unavailable"),
        ((500, b"a canary of the server's"), "store_unavailable"),
        ((503, b"<Error><Code>SlowDown</Code></Error>"), "store_unavailable"),
        ((404, b"<Error><Code>NoSuchBucket</Code></Error>"), "store_unavailable"),
        ((302, b""), "store_unavailable"),
    ],
    indirect=["refusing"],
    ids=str,
)
async def test_every_refusal_has_a_code(refusing: ObjectStorage, code: str) -> None:
    """P03 and P05: a full store is told from one that is not there; the server's words stay out."""
    with pytest.raises(StoreError) as raised:
        await refusing.put("local", PNG)
    assert raised.value.code == code
    assert "canary" not in str(raised.value)
    assert "Error" not in str(raised.value)


@pytest.mark.parametrize(
    ("store", "options"),
    [
        ("", {}),
        ("pictures", {}),
        ("ftp://pictures", {}),
        ("https://pictures.example/bucket", {}),
        ("s3://pictures", {"sekret": "hunter2"}),
        ("s3://somebody:hunter2@pictures:x", {"sekret": "hunter2"}),
        (MemoryStore(), {"secret_access_key": "hunter2"}),
    ],
)
def test_what_is_no_object_store_is_refused(store: str | MemoryStore, options: dict[str, str]) -> None:
    """CONVENTIONS, "Errors": named where it is given, and no value of an option shown."""
    with pytest.raises(ConfigError) as raised:
        ObjectStorage(store, options=options)
    assert raised.value.code == "store_invalid"
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("prefix", ["", "aws_", "AWS_"])
async def test_an_option_of_the_connection_reaches_it(prefix: str) -> None:
    """Found by use: `allow_http` among the options of a store made obstore panic, past every `except`."""
    agents: list[str] = []

    class Noting(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            agents.append(self.headers["User-Agent"])
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Noting) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        options = {"endpoint": f"http://127.0.0.1:{server.server_port}", "region": "us-east-1"}
        options |= {"access_key_id": "a", "secret_access_key": "b"}
        options |= {f"{prefix}allow_http": "true", f"{prefix}user_agent": "pictures/7"}
        store = ObjectStorage("s3://pictures", options=options, secret=SECRET)
        assert await code_of_put(store) == "store_unavailable"
        server.shutdown()
    assert set(agents) == {"pictures/7"}

    with pytest.raises(ConfigError) as raised:
        ObjectStorage("s3://pictures", options={f"{prefix}allow_http": "hunter2"})
    assert raised.value.code == "store_invalid"
    assert "hunter2" not in str(raised.value)


def test_a_folder_is_not_kept_through_an_object_store(tmp_path: Path) -> None:
    """Decision 0012: no acknowledged picture is lost; obstore syncs no file, FolderStorage does."""
    for store in (LocalStore(tmp_path), tmp_path.as_uri()):
        with pytest.raises(ConfigError) as raised:
            ObjectStorage(store)
        assert raised.value.code == "store_invalid"
        assert "FolderStorage" in str(raised.value)


@pytest.mark.parametrize(
    "wrong",
    [{"secret": "short"}, {"secret": b""}, {"expires_s": 0}, {"expires_s": 8 * 86400}, {"expires_s": float("nan")},
     {"timeout_s": 0}, {"timeout_s": float("inf")}],
)  # fmt: skip
def test_arguments_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    """CONVENTIONS, "Errors": an argument fails where it is given. Source of the seven days: AWS, presigned URLs."""
    with pytest.raises(ConfigError) as raised:
        ObjectStorage("memory:///", **wrong)  # type: ignore[arg-type]  # on purpose
    assert raised.value.code == "store_invalid"


MEASURED = """
import json, pathlib, resource, sys
import anyio
from limner.storage.objects import ObjectStorage

def most_mib():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

async def main():
    store = ObjectStorage(sys.argv[1], options=json.loads(sys.argv[2]))
    folder = pathlib.Path(sys.argv[3])
    small = folder / "small"
    small.write_bytes(b"x" * (1 << 20))
    for _ in range(3):
        await store.put("local", small)
    before = most_mib()
    async with anyio.create_task_group() as tasks:
        for path in folder.glob("large-*"):
            tasks.start_soon(store.put, "local", path)
    print(most_mib() - before)

anyio.run(main)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory as Linux counts it")
def test_large_files_are_sent_without_being_read_whole(swift: Swift, tmp_path: Path) -> None:
    """The Storage protocol: a file is read in slices. Twelve files at once, 64 MiB in all: in parts, and in one."""
    for count in range(12):
        (tmp_path / f"large-{count}").write_bytes(bytes([count]) * ((4 if count % 3 else 8) << 20))
    bucket = swift.bucket()
    command = [sys.executable, "-c", MEASURED, f"s3://{bucket}", json.dumps(swift.options), str(tmp_path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert float(done.stdout) < 40
    assert sum(each["size"] for batch in obstore.list(swift.store(bucket)) for each in batch) > 64 << 20


KILLED = """
import json, os, random, signal, sys, time
import anyio

async def nothing():
    pass

async def put_until_killed(first, said):
    from limner.storage.objects import ObjectStorage  # after the fork: obstore has threads

    store = ObjectStorage(sys.argv[1], options=json.loads(sys.argv[2]))
    for count in range(first, 1_000_000):
        data = b"\\x89PNG\\r\\n\\x1a\\n" + count.to_bytes(4, "big") * 100_000
        name = await store.put("local", data)
        os.write(said, f"{count} {name}\\n".encode())

anyio.run(nothing)
chance = random.Random(2026)
first = 0
for _ in range(int(sys.argv[3])):
    hears, said = os.pipe()
    child = os.fork()
    if not child:
        os.close(hears)
        anyio.run(put_until_killed, first, said)
    os.close(said)
    heard = os.read(hears, 4096)  # it has begun
    time.sleep(chance.uniform(0, 0.2))  # the instant is the test's input, not a wait
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(hears, "rb") as rest:
        heard += rest.read()
    print(heard.decode(), end="")
    first = max(int(line.split()[0]) for line in heard.splitlines()) + 1  # what may be half done
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are of POSIX")
def test_a_kill_in_the_middle_of_a_put_leaves_nothing_half_written(swift: Swift) -> None:
    """P01, of a bucket: what was acknowledged is there; whatever else is there is whole."""
    bucket = swift.bucket()
    command = [sys.executable, "-c", KILLED, f"s3://{bucket}", json.dumps(swift.options), "5"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    acknowledged = {int(count): name for count, name in map(str.split, done.stdout.splitlines())}
    assert len(acknowledged) >= 5

    async def main() -> None:
        store = ObjectStorage(f"s3://{bucket}", options=swift.options)
        for count, name in acknowledged.items():
            assert await store.open(name) == PNG[:8] + count.to_bytes(4, "big") * 100_000
        for key in keys(swift.store(bucket)):
            name = key.removeprefix("pictures/")
            if valid_id(name):  # kept, but killed before it could say so
                assert hashlib.sha256(await store.open(name)).hexdigest()

    anyio.run(main)
