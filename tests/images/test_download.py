"""One download: what it takes, what it leaves behind, and how it fails, over real connections."""

from __future__ import annotations

import asyncio
import errno
import gzip
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

import pictures
from disks import tiny_file_system
from downloads import Answering, Canary, fetched, only, refused
from limner.errors import PictureError
from limner.images.download import download, fetch_picture
from limner.images.download.guarded import Network
from limner.images.inspection.checking import inspect
from providers import CUT, FIN, STALL, Answer, Gate, Provider, raw, wait_for, whole
from waiting import until

pytestmark = pytest.mark.anyio

FOX = pictures.png(colour=(200, 90, 20))
LARGE = pictures.png(extra=pictures.png_chunk(b"teXt", os.urandom(700_000)))


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


async def picture(provider: Provider, path: str, folder: Path, **options: Any) -> bytes:
    """What `fetch_picture` brings from the trusted provider."""
    settled: dict[str, Any] = {"trusted": provider.base_url, "left_s": 30.0, "folder": folder}
    content = await fetch_picture(provider.origin + path, **(settled | options))
    assert isinstance(content, Path)
    data = content.read_bytes()
    content.unlink()
    assert os.listdir(folder) == []
    return data


async def failed(provider: Provider, path: str, folder: Path, **options: Any) -> PictureError:
    with pytest.raises(PictureError) as caught:
        await picture(provider, path, folder, **options)
    assert caught.value.billed == "yes"
    assert os.listdir(folder) == []
    return caught.value


# --- what comes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        raw(LARGE, "image/png"),
        Answer([LARGE[at : at + 1000] for at in range(0, len(LARGE), 1000)]),
        Answer((LARGE, FIN), headers={"connection": "close"}),
        Answer((gzip.compress(LARGE),), headers={"content-encoding": "gzip"}),
    ],
    ids=["with its length", "in a thousand chunks", "until the end", "packed unasked"],
)
async def test_a_picture_arrives_as_it_was_sent(provider: Provider, tmp_path: Path, answer: Answer) -> None:
    """RFC 9112, section 6: each way in which a body may be framed."""
    if answer.steps[-1] is FIN:
        # HTTP/1.0 ends a body by closing; a chunked one keeps its own end.
        answer = Answer((LARGE,), headers={"connection": "close"}, chunked=False)
    provider.pictures["/fox.png"] = answer
    assert await picture(provider, "/fox.png", tmp_path) == LARGE


async def test_a_picture_is_a_file_that_only_its_owner_can_read(provider: Provider, tmp_path: Path) -> None:
    """Pictures are as private as the talk about them, also in a folder that all share."""
    provider.pictures["/fox.png"] = raw(FOX)
    content = await download("/fox.png", trusted=provider.origin, folder=tmp_path)
    assert isinstance(content, Path)
    assert content.parent == tmp_path
    assert stat.S_IMODE(content.stat().st_mode) == 0o600
    assert content.read_bytes() == FOX


async def test_a_picture_goes_into_the_systems_temporary_folder(provider: Provider) -> None:
    """Where nobody says otherwise."""
    provider.pictures["/fox.png"] = raw(FOX)
    content = await download("/fox.png", trusted=provider.origin)
    assert isinstance(content, Path)
    try:
        assert content.read_bytes() == FOX
    finally:
        content.unlink()


async def test_a_data_url_is_decoded_and_nothing_is_fetched() -> None:
    """I18: decision 0008 differs for the configured maker's own answer."""
    resolver = Answering(["127.0.0.1"])
    assert await download("data:image/png;base64,Zm94", trusted=None, resolve=resolver) == b"fox"
    with pytest.raises(PictureError) as broken:
        await download("data:image/png;base64,%%%", trusted=None, resolve=resolver)
    with pytest.raises(PictureError) as large:
        await download("data:,12345", trusted=None, max_bytes=4, resolve=resolver)
    assert (broken.value.code, broken.value.billed) == ("image_bad_payload", "yes")
    assert (large.value.code, large.value.billed) == ("image_too_large", "yes")
    assert resolver.asked == []


async def test_i07_a_page_instead_of_a_picture_is_recognised_by_its_bytes(
    provider: Provider, tmp_path: Path
) -> None:
    """I07: a login page with status 200; what it is, its bytes say and no header."""
    provider.pictures["/fox.png"] = raw(b"<!doctype html><title>Log in</title>", "image/png")
    page = await picture(provider, "/fox.png", tmp_path)
    with pytest.raises(PictureError) as caught:
        inspect(page)
    assert caught.value.code == "image_type_not_allowed"
    assert len(provider.requests) == 1


# --- one more GET ----------------------------------------------------------------------------

CUT_SHORT = Answer((FOX[:50], FIN), headers={"content-length": str(len(FOX))}, chunked=False)
AGAIN: dict[str, tuple[list[Answer], str | None]] = {
    "I06 404 once": ([raw(b"", code=404), raw(FOX)], None),
    "I06 403": ([raw(b"", code=403)], "image_url_expired"),
    "I06 404": ([raw(b"", code=404)], "image_url_expired"),
    "I06 410": ([raw(b"", code=410)], "image_url_expired"),
    "I06 401": ([raw(b"", code=401)], "image_url_expired"),
    "a server error once": ([raw(b"", code=503), raw(FOX)], None),
    "a server error": ([raw(b"", code=500)], "image_provider_error"),
    "no content": ([Answer((), 204, chunked=False)], "image_provider_error"),
    "half of it": ([Answer((FOX[:50],), 206)], "image_provider_error"),
    "not modified": ([Answer((), 304, {"content-length": "0"}, chunked=False)], "image_provider_error"),
    "I08 shorter than its length, once": ([CUT_SHORT, raw(FOX)], None),
    "I08 shorter than its length": ([CUT_SHORT], "image_truncated"),
    "I08 chunks without an end": ([Answer((FOX[:50], FIN))], "image_truncated"),
    "I08 reset, once": ([Answer((FOX[:50], 0.05, CUT)), raw(FOX)], None),
    "I08 a packed body without its end": (
        [Answer((gzip.compress(LARGE)[:-9],), headers={"content-encoding": "gzip"})],
        "image_truncated",
    ),
    "closed before an answer": ([Answer(before=(FIN,))], "image_truncated"),
    "reset before an answer, once": ([Answer(before=(CUT,)), raw(FOX)], None),
}


@pytest.mark.parametrize(("answers", "code"), AGAIN.values(), ids=AGAIN.keys())
async def test_what_may_pass_is_tried_once_more(
    provider: Provider, tmp_path: Path, answers: list[Answer], code: str | None
) -> None:
    """I06, I08: one re-GET, no file of the first try, and never an order."""
    provider.pictures["/fox.png"] = [*answers]
    if code is None:
        assert await picture(provider, "/fox.png", tmp_path) == FOX
    else:
        assert (await failed(provider, "/fox.png", tmp_path)).code == code
    assert [request.method for request in provider.requests] == ["GET", "GET"]


@pytest.mark.parametrize(
    "whole_one",
    [pictures.png(), pictures.jpeg(), pictures.webp(), pictures.jpeg() + b"appended" * 9, LARGE],
    ids=["PNG", "JPEG", "WebP", "JPEG and more", "a PNG of many bytes"],
)
async def test_i08_a_picture_without_its_end_is_fetched_once_more(
    provider: Provider, tmp_path: Path, whole_one: bytes
) -> None:
    """I08: the length may be right all the same; what is short twice goes to inspection as it is."""
    end = whole_one.rindex(b"\xff\xd9") if whole_one[:2] == b"\xff\xd8" else len(whole_one) - 1
    short = whole_one[:end]
    provider.pictures["/good.png"] = raw(whole_one)
    provider.pictures["/once.png"] = [raw(short), raw(whole_one)]
    provider.pictures["/always.png"] = raw(short)
    assert await picture(provider, "/good.png", tmp_path) == whole_one
    assert len(provider.requests) == 1
    assert await picture(provider, "/once.png", tmp_path) == whole_one
    assert len(provider.requests) == 3
    assert await picture(provider, "/always.png", tmp_path) == short
    assert len(provider.requests) == 5
    with pytest.raises(PictureError) as caught:
        inspect(short)
    assert caught.value.code == "image_truncated"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer((b"",), headers={"content-length": "5000000000"}, chunked=False), "image_too_large"),
        (Answer((), 302, {"location": "http://127.0.0.1:9/"}), "image_fetch_blocked"),
        (Answer((FOX,), headers={"content-encoding": "br"}), "image_bad_payload"),
        (Answer((FOX,), headers={"content-encoding": "gzip"}), "image_bad_payload"),
        (Answer((FOX[:50], STALL)), "image_download_timeout"),
    ],
    ids=["I13 too large", "I15 blocked", "unknown packing", "wrong packing", "I14 a stall"],
)
async def test_what_will_not_pass_is_not_tried_again(
    provider: Provider, tmp_path: Path, answer: Answer, code: str
) -> None:
    """I06, I08: a second GET is for what may be different a moment later."""
    provider.pictures["/fox.png"] = answer
    assert (await failed(provider, "/fox.png", tmp_path, idle_s=0.3)).code == code
    assert len(provider.requests) == 1


async def test_the_second_try_has_what_time_is_left(provider: Provider, tmp_path: Path) -> None:
    """Protocol: a picture's time covers everything, from its order to its last byte."""
    provider.pictures["/fox.png"] = [raw(b"", code=404), Answer((FOX[:9], STALL))]
    with anyio.fail_after(10):
        error = await failed(provider, "/fox.png", tmp_path, left_s=0.5, idle_s=600.0)
    assert error.code == "image_download_timeout"
    assert len(provider.requests) == 2


# --- what is sent ----------------------------------------------------------------------------


async def test_i19_nothing_of_ours_goes_with_the_request(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I19: no Authorization, Cookie or Referer, on no hop; no proxy of the environment, no .netrc."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login canary password canary-password")
    folder = tmp_path / "downloads"
    folder.mkdir()
    with Provider("127.0.0.2") as elsewhere, Canary() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NETRC", str(netrc))
        provider.pictures["/fox.png"] = whole(
            b"", 302, location=f"{elsewhere.origin}/fox.png", set_cookie="session=canary; Path=/"
        )
        elsewhere.pictures["/fox.png"] = whole(b"", 307, location="/last.png", set_cookie="canary=1")
        elsewhere.pictures["/last.png"] = raw(FOX)
        trusted = provider.base_url.replace("http://", "http://user:canary@")
        network = Network(is_public=only("127.0.0.2"))
        assert await fetched("/fox.png?sig=canary", trusted, folder, network=network) == FOX
        assert not proxy.touched()
        asked = [*provider.requests, *elsewhere.requests]
    assert [request.path for request in asked] == ["/fox.png?sig=canary", "/fox.png", "/last.png"]
    for request in asked:
        host = (provider if request in provider.requests else elsewhere).origin.removeprefix("http://")
        assert request.method == "GET"
        assert request.body == b""
        assert request.headers == {
            "host": host,
            "accept": "image/*",
            "accept-encoding": "identity",
            "user-agent": "limner",
            "connection": "close",
        }


async def test_i19_a_host_that_asks_for_a_password_gets_none(provider: Provider, tmp_path: Path) -> None:
    """I19: 401 is an expired link, whatever it asks for."""
    provider.pictures["/fox.png"] = whole(b"", 401, www_authenticate='Basic realm="pictures"')
    trusted = provider.base_url.replace("http://", "http://user:canary@")
    assert (await failed(provider, "/fox.png", tmp_path, trusted=trusted)).code == "image_url_expired"
    assert all("authorization" not in request.headers for request in provider.requests)


async def test_i06_no_log_and_no_error_holds_the_link(
    provider: Provider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """I06: beyond its host a link is a secret, also one that a redirect says; libraries log too."""
    caplog.set_level(logging.DEBUG)
    errors: list[PictureError] = []
    provider.pictures["/a"] = whole(b"", 302, location="/b?signature=canary")
    for answer in (raw(FOX), raw(b"", code=404), whole(b"", 302, location="ftp://canary.example/canary")):
        provider.pictures["/b"] = answer
        if answer.status == 200:
            assert await fetched("/a?signature=canary", provider.origin, tmp_path) == FOX
        else:
            errors.append(await refused("/a?signature=canary", provider.origin, tmp_path))
    errors.append(await refused("http://10.0.0.1/canary", provider.origin, tmp_path))
    errors.append(await refused("http://canary-user@cdn.example/", provider.origin, tmp_path))
    assert [error.code for error in errors] == ["image_url_expired"] + ["image_fetch_blocked"] * 3
    told = "".join(str(vars(record)) for record in caplog.records)
    told += "".join(f"{error} {error.detail}" for error in errors)
    assert "canary" not in told
    assert "10.0.0.1" in errors[-2].detail


# --- what is left behind ---------------------------------------------------------------------


async def test_cancelling_closes_the_connection_and_removes_the_file(
    provider: Provider, tmp_path: Path
) -> None:
    """Protocol: safe to cancel, in the middle of a body."""
    gate = Gate()
    provider.pictures["/fox.png"] = Answer((LARGE[:400_000], gate, STALL))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fetched, "/fox.png", provider.origin, tmp_path)
        await gate.wait_until_reached()
        with anyio.fail_after(5):
            await until(lambda: len(os.listdir(tmp_path)) == 1)
        tasks.cancel_scope.cancel()
    assert os.listdir(tmp_path) == []
    await wait_for(provider.requests[0].closed)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancelled_task_of_asyncio_leaves_no_file(provider: Provider, tmp_path: Path) -> None:
    """asyncio's own cancelling knows no shields: a thread may be making the file just then."""
    provider.pictures["/fox.png"] = Answer([LARGE, *[b"x" * 200_000] * 100])
    for steps in range(0, 60, 3):
        task = asyncio.ensure_future(download("/fox.png", trusted=provider.origin, folder=tmp_path))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    with anyio.fail_after(5):
        await until(lambda: os.listdir(tmp_path) == [])


async def test_a_picture_that_a_full_disk_does_not_take_comes_as_bytes(
    provider: Provider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """0016: it is paid for. A real file system of 64 KiB, which is left as it was; the log says why."""
    provider.pictures["/fox.png"] = raw(LARGE)
    caplog.set_level(logging.WARNING)
    with tiny_file_system(tmp_path / "disk", "64k") as disk:
        content = await fetch_picture(
            f"{provider.origin}/fox.png", trusted=provider.base_url, left_s=30.0, folder=disk
        )
        assert content == LARGE
        assert os.listdir(disk) == []
    assert len(provider.requests) == 1
    assert [vars(record)["reason"] for record in caplog.records] == [os.strerror(errno.ENOSPC)]


async def test_a_folder_that_takes_no_file_costs_no_picture(provider: Provider, tmp_path: Path) -> None:
    """Nothing is made but the file: a folder is somebody's decision."""
    provider.pictures["/fox.png"] = raw(FOX)
    assert await download("/fox.png", trusted=provider.origin, folder=tmp_path / "nowhere") == FOX
    assert os.listdir(tmp_path) == []
