"""`GET /images/{id}`: who gets which bytes, and what stands in the head of the answer."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import pictures
from clocks import OwnClock
from limner.core.formats import FORMATS
from limner.gateway.refusal import REFUSALS, Refusal
from limner.storage.links import LinkSigner
from picture_services import BASE_URL, BOAT, FOX, KEY, PictureService, picture_service

pytestmark = pytest.mark.anyio


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[PictureService]:
    async with picture_service(tmp_path) as running:
        yield running


KINDS = {"png": FOX, "jpeg": BOAT, "webp": pictures.webp()}


@pytest.mark.parametrize("kind", KINDS)
async def test_s19_a_picture_is_served_as_what_it_is_and_nothing_else(
    service: PictureService, kind: str
) -> None:
    """S19: exact type from the bytes, nosniff, a closed CSP, a name, CORP, no referrer, a strong tag."""
    picture = await service.keep(KINDS[kind])
    answer = await service.get(service.links.link(picture.id))
    assert (answer.status, answer.content_type) == (200, f"image/{kind}")
    assert answer.body == KINDS[kind]
    suffix = {"png": "png", "jpeg": "jpg", "webp": "webp"}[kind]
    expected = {
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "content-disposition": f'inline; filename="{picture.id}.{suffix}"',
        "cross-origin-resource-policy": "cross-origin",
        "referrer-policy": "no-referrer",
        "etag": f'"{picture.id}"',
        "accept-ranges": "bytes",
    }
    assert {name: answer.headers.get(name) for name in expected} == expected


async def test_a_picture_may_be_kept_by_its_reader_for_as_long_as_its_link_holds(tmp_path: Path) -> None:
    """Words first: `Cache-Control` is right in every state; here private, unchanging, until the link's end."""
    clock = OwnClock()
    async with picture_service(tmp_path, clock=clock) as service:
        link = service.links.link((await service.keep(FOX)).id)
        expires_s = int(link.partition("expires=")[2].partition("&")[0])
        clock.at_s += 100
        answer = await service.get(link)
        left_s = int(expires_s - clock.at_s)
        assert answer.headers["cache-control"] == f"private, max-age={left_s}, immutable"
        assert left_s >= 3500
        # Clocks may differ a little: such a link is still followed, and nobody may keep what it showed.
        clock.at_s = expires_s + 30.0
        assert (await service.get(link)).headers["cache-control"] == "private, no-cache"
        clock.at_s = expires_s + 3600.0
        with pytest.raises(Refusal) as caught:
            await service.get(link)
        assert caught.value.code == "link_invalid"


async def test_s20_a_part_is_sent_where_one_is_asked_for(service: PictureService) -> None:
    """S20: one range honoured, several answered with the whole, one behind the end with 416."""
    link = service.links.link((await service.keep(FOX)).id)
    part = await service.get(link, range="bytes=8-15")
    assert (part.status, part.body) == (206, FOX[8:16])
    assert part.headers["content-range"] == f"bytes 8-15/{len(FOX)}"
    assert part.content_type == "image/png"
    for many in ("bytes=0-1,2-3", "bytes=" + ",".join(["0-"] * 1000)):
        whole = await service.get(link, range=many)
        assert (whole.status, whole.body) == (200, FOX)
        assert "content-range" not in whole.headers
    with pytest.raises(Refusal) as caught:
        await service.get(link, range=f"bytes={len(FOX)}-")
    assert (caught.value.code, caught.value.kind.status) == ("range_invalid", 416)
    assert caught.value.headers["content-range"] == f"bytes */{len(FOX)}"


async def test_a_reader_that_has_the_picture_is_not_sent_it_again(service: PictureService) -> None:
    """RFC 9110, sections 13.1.2 and 13.1.5: If-None-Match and If-Range."""
    link = service.links.link((await service.keep(FOX)).id)
    etag = (await service.get(link)).headers["etag"]
    known = await service.get(link, if_none_match=f'"other", W/{etag}')
    assert (known.status, known.body) == (304, b"")
    assert known.headers["etag"] == etag
    assert "max-age" in known.headers["cache-control"]
    assert (await service.get(link, if_none_match='"other"')).status == 200
    assert (await service.get(link, range="bytes=0-1", if_range=etag)).status == 206
    assert (await service.get(link, range="bytes=0-1", if_range='"other"')).status == 200


async def test_head_has_the_head_of_get(service: PictureService) -> None:
    """RFC 9110, section 9.3.2; the server leaves the body out."""
    link = service.links.link((await service.keep(FOX)).id)
    get, head = await service.get(link), await service.get(link, method="HEAD")
    assert (head.status, head.headers, len(head.body)) == (200, get.headers, len(get.body))


async def test_other_methods_are_refused(service: PictureService) -> None:
    """RFC 9110, section 15.5.6: with what is allowed."""
    refusal = await service.refused(f"/images/{'a' * 43}", method="DELETE")
    assert refusal.code == "method_not_allowed"
    assert refusal.headers["allow"] == "GET, HEAD"


ODD = [
    "/images/",
    "/images",
    "/images//",
    "/images/..%2fkey",
    "/images/%2e%2e/key",
    "/images/../key",
    "/images/..\\key",
    "/images/\x00",
    f"/images/{'a' * 42}\x00",
    f"/images/{'a' * 42}%00",
    f"/images//{'a' * 43}",
    f"//images/{'a' * 43}",
    f"/images/{'a' * 43}/",
    f"/images/{'a' * 43}.png",
    f"/images/{'a' * 43}\n",
    f"/images/{'a' * 42}%61",
    f"/images/{'a' * 41}\u2024\u2024",
    f"/images/{'a' * 42}\uff0f",
    f"/images/{'a' * 42}\u0430",
    f"/images/{'a' * 10_240}",
    f"/Images/{'a' * 43}",
]


async def test_s16_odd_paths_are_not_found_and_nothing_is_opened(service: PictureService) -> None:
    """S16: 404 with one body; the id's shape is checked before any call of the file system (an audit hook)."""
    await service.keep(FOX)
    told = _listening()
    for path in ODD:
        for query in ("", service.links.link("a" * 43).partition("?")[2]):
            refusal = await service.refused(path, query)
            assert (refusal.code, str(refusal)) == ("image_not_found", REFUSALS["image_not_found"].sentence)
            assert refusal.headers["cache-control"] == "no-store"
    assert [event for event in told if event[0] == "open"] == []


async def test_s17_an_unknown_picture_is_not_found_like_an_odd_path(service: PictureService) -> None:
    """S17: the same as unknown, to the byte, whatever the link says."""
    refusal = await service.refused("/images/x", "")
    link = service.links.link("a" * 43)
    unknown = await service.refused(f"/images/{'a' * 43}", link.partition("?")[2])
    assert (unknown.code, str(unknown), unknown.headers) == (refusal.code, str(refusal), refusal.headers)


async def test_s18_a_link_that_was_changed_is_refused_with_one_body(service: PictureService) -> None:
    """S18: changed path, expiry, key or signature; and a picture that is not there looks the same."""
    picture, other = await service.keep(FOX), await service.keep(BOAT)
    link = service.links.link(picture.id)
    path, _, query = link.removeprefix(BASE_URL).partition("?")
    expires, key, signature = query.split("&")
    later = f"expires={int(expires.removeprefix('expires=')) + 1}"
    last = "B" if signature.endswith("A") else "A"
    strange = LinkSigner(BASE_URL, ["s" * 32]).link(picture.id).partition("?")[2]
    elsewhere = LinkSigner("https://other.example", [KEY]).link(picture.id).partition("?")[2]
    wrong = [
        (path, ""),
        (f"/images/{other.id}", query),
        (f"/images/{'a' * 43}", query),
        (path, f"{later}&{key}&{signature}"),
        (path, f"{expires}&{key}&{signature[:-1]}{last}"),
        (path, f"{expires}&key=AAAAAAAA&{signature}"),
        (path, f"{key}&{expires}&{signature}"),
        (path, f"{query}&x=1"),
        (path, f"{query}#"),
        (path, query.replace("=", "%3D")),
        (path, strange),
        (path, query + "\u00e4"),
    ]
    refusals = [await service.refused(*each) for each in wrong]
    assert {(each.code, str(each), tuple(each.headers.items())) for each in refusals} == {
        ("link_invalid", str(refusals[0]), tuple(refusals[0].headers.items()))
    }
    assert refusals[0].kind.status == 403
    # The signature is of the path, not of the host: who serves there has the key, too.
    assert (await service.get(f"{BASE_URL}{path}?{elsewhere}")).body == FOX


async def test_s18_a_link_outlives_the_rotation_of_its_key_and_not_its_removal(tmp_path: Path) -> None:
    """S18: reused after key rotation."""
    async with picture_service(tmp_path) as service:
        picture = await service.keep(FOX)
        link = service.links.link(picture.id)
    async with picture_service(tmp_path, keys=("n" * 32, KEY)) as service:
        assert (await service.get(link)).body == FOX
    async with picture_service(tmp_path, keys=("n" * 32,)) as service:
        with pytest.raises(Refusal) as caught:
            await service.get(link)
        assert caught.value.code == "link_invalid"


async def test_p06_a_damaged_picture_is_never_served(service: PictureService) -> None:
    """P06: a flipped bit is answered with 404 image_corrupt, each time, and the bytes are set aside."""
    picture = await service.keep(FOX)
    (path,) = service.storage.path.glob(f"pictures/{picture.id}.png")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    for _ in range(2):
        with pytest.raises(Refusal) as caught:
            await service.get(service.links.link(picture.id))
        assert (caught.value.code, caught.value.kind.status) == ("image_corrupt", 404)
    assert path.with_name(f"{path.name}.corrupt").exists()


async def test_what_is_no_picture_is_never_served_as_a_page(service: PictureService) -> None:
    """S19: never text/html or image/svg+xml, whatever has come into the store."""
    for data in (b"<html><script>alert(1)</script></html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>"):
        kept = await service.storage.put("ada", data)
        with pytest.raises(Refusal) as caught:
            await service.get(service.links.link(kept))
        assert caught.value.code == "image_corrupt"
    assert {each.media_type for each in FORMATS.values()} & {"text/html", "image/svg+xml"} == set()


async def test_a_store_that_cannot_be_read_is_said_to_be_away(service: PictureService) -> None:
    """Serving: nothing of the machine is told, and the client knows that it may come again."""
    picture = await service.keep(FOX)
    (path,) = service.storage.path.glob(f"pictures/{picture.id}.png")
    path.unlink()
    path.mkdir()
    with pytest.raises(Refusal) as caught:
        await service.get(service.links.link(picture.id))
    assert caught.value.code == "store_unavailable"
    assert caught.value.retry_after_s is not None
    assert str(service.storage.path) not in str(caught.value)


def _listening() -> list[tuple[str, object]]:
    """Every file that is opened from now on, as Python's audit events tell it; a hook stays for ever."""
    told: list[tuple[str, object]] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            told.append((event, arguments[0]))

    sys.addaudithook(hook)
    return told
