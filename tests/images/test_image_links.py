"""Pictures that an answer only links to: fetched at once, and never ordered again."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import anyio
import pytest

import pictures
from downloads import only
from limner.images.download.guarded import Limits, Network, guarded
from limner.images.protocol import ImageRequest, Purchase
from makers import B64, BOAT, FOX, connected, drawings, drawn, failed, linked
from providers import CUT, FIN, STALL, Answer, Gate, Provider, raw, wait_for, whole
from waiting import until

pytestmark = pytest.mark.anyio

PLAIN = pictures.jpeg()
SECRETS = {"authorization", "cookie", "referer"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


def left_behind() -> set[Path]:
    """Files of downloads that nobody has removed."""
    return set(Path(gettempdir()).glob("limner-*.download"))


async def test_i19_a_link_is_fetched_at_once_and_without_credentials(provider: Provider) -> None:
    """I19: no credentials to image hosts, be it the provider's own host."""
    provider.images(linked(f"{provider.origin}/pic/fox.png"))
    provider.pictures["/pic/fox.png"] = raw(FOX)
    async with connected(provider) as maker:
        assert (await drawn(maker)).data == FOX
    (fetched,) = [request for request in provider.requests if request.method == "GET"]
    assert not SECRETS & set(fetched.headers)
    assert "canary" not in json.dumps(fetched.headers)


async def test_a_link_arrives_as_a_file(provider: Provider) -> None:
    """Protocol, Content: fifty pictures at once must not stand in memory."""
    provider.images(linked(f"{provider.origin}/fox.png"))
    provider.pictures["/fox.png"] = raw(FOX)
    async with connected(provider) as maker:
        (drawing,) = await maker.draw(ImageRequest("a fox"), Purchase("k"))
    assert isinstance(drawing.data, Path)
    assert drawing.data.read_bytes() == FOX
    drawing.data.unlink()


GONE = raw(b"canary-words", code=404)
FETCHES: dict[str, tuple[list[Answer], str | None, int]] = {
    "I06 gone once": ([GONE, raw(FOX)], None, 2),
    "I06 gone": ([GONE], "image_url_expired", 2),
    "I06 forbidden": ([raw(b"", code=403)], "image_url_expired", 2),
    "I06 gone for good": ([raw(b"", code=410)], "image_url_expired", 2),
    "a server error once": ([raw(b"", code=500), raw(FOX)], None, 2),
    "a server error": ([raw(b"", code=500)], "image_provider_error", 2),
    "I08 too short for its length, once": (
        [Answer((FOX[:50], FIN), headers={"content-length": "999"}, chunked=False), raw(FOX)],
        None,
        2,
    ),
    "I08 too short for its length": (
        [Answer((FOX[:50], FIN), headers={"content-length": "999"}, chunked=False)],
        "image_truncated",
        2,
    ),
    "I13 claims five gigabytes": (
        [Answer((b"",), headers={"content-length": "5000000000"}, chunked=False)],
        "image_too_large",
        1,
    ),
    "I13 has no end": ([Answer([b"x" * (1 << 20)] * 26)], "image_too_large", 1),
    "reset once": ([Answer((FOX[:50], 0.05, CUT)), raw(FOX)], None, 2),
    "I14 stalls": ([Answer((FOX[:50], STALL))], "image_download_timeout", 1),
    "I14 never begins": ([Answer(before=(STALL,))], "image_download_timeout", 1),
    "I08 without its end marker, once": ([raw(FOX[:-12]), raw(FOX)], None, 2),
    "I08 a JPEG cut in half, once": ([raw(PLAIN[: len(PLAIN) // 2]), raw(FOX)], None, 2),
    "I15 a redirect": ([whole(b"", 302, location="http://127.0.0.1:9/")], "image_fetch_blocked", 1),
}
ROWS = [
    *(pytest.param("{origin}/fox.png", *row, id=name) for name, row in FETCHES.items()),
    *(pytest.param("/fox.png", *row, id=f"{name}, relative") for name, row in FETCHES.items()),
]


@pytest.mark.parametrize(("link", "answers", "code", "gets"), ROWS)
async def test_a_failed_download_is_tried_once_more_and_never_ordered_again(
    provider: Provider, link: str, answers: list[Answer], code: str | None, gets: int
) -> None:
    """I06, I08, I13, I14, I15: it is paid for, so one more GET, never a second order."""
    provider.images(linked(link.format(origin=provider.origin)))
    provider.pictures["/fox.png"] = [*answers]
    before = left_behind()
    idle_s = 0.3 if code == "image_download_timeout" else 10.0
    async with connected(provider, download_idle_s=idle_s) as maker:
        if code is None:
            assert (await drawn(maker)).data == FOX
        else:
            error = await failed(maker)
            assert (error.code, error.billed) == (code, "yes")
    methods = [request.method for request in provider.requests]
    assert methods == ["POST", *["GET"] * gets]
    assert left_behind() <= before


async def test_what_cannot_be_fetched_costs_what_its_provider_says(provider: Provider) -> None:
    """I06: paid; by the answer's own figure and not by what was set aside."""
    provider.pictures["/gone.png"] = GONE
    body = {"data": [{"url": f"{provider.origin}/gone.png"}], "usage": {"cost": 0.04}}
    provider.images(whole(body))
    async with connected(provider) as maker:
        error = await failed(maker)
    assert (error.code, error.billed, error.cost_usd) == ("image_url_expired", "yes", 0.04)


async def test_a_link_into_the_house_is_blocked_and_paid(provider: Provider) -> None:
    """I15: the maker's own origin is trusted, its private neighbour is not."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)
        provider.images(linked(f"http://127.0.0.1:{canary.getsockname()[1]}/fox.png"))
        async with connected(provider) as maker:
            error = await failed(maker)
        with pytest.raises(BlockingIOError):
            canary.accept()
    assert (error.code, error.billed) == ("image_fetch_blocked", "yes")


# --- links without an origin -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/v1/images/1/content?variant=k", "/v1/images/1/content"),
        ("images/1/content", "/v1/images/1/content"),
        ("../pic/fox.png", "/pic/fox.png"),
        ("?id=1", "/v1/"),
    ],
)
async def test_a_link_without_an_origin_leads_back_to_the_provider_with_the_key(
    provider: Provider, link: str, path: str
) -> None:
    """Images sheet, 4: SGLang's relative links need the same key, which this server has already."""
    provider.images(linked(link))
    provider.pictures[path] = raw(FOX)
    async with connected(provider) as maker:
        assert (await drawn(maker)).data == FOX
    (fetched,) = [request for request in provider.requests if request.method == "GET"]
    assert fetched.path.partition("?")[0] == path
    assert fetched.headers["authorization"] == "Bearer sk-canary"
    assert not {"cookie", "referer"} & set(fetched.headers)


async def test_without_an_address_a_relative_link_leads_nowhere(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I19: a variable of the environment may have said where the order went; the key follows nobody's guess."""
    monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
    provider.images(linked("/fox.png"))
    provider.pictures["/fox.png"] = raw(FOX)
    async with connected(provider, base_url=None) as maker:
        error = await failed(maker)
    assert (error.code, error.billed) == ("image_fetch_blocked", "yes")
    assert [request.method for request in provider.requests] == ["POST"]


async def test_i19_a_redirect_takes_no_key_along(provider: Provider) -> None:
    """I19: wherever a relative link leads next, the key stays here."""
    provider.images(linked("/old.png"))
    provider.pictures["/old.png"] = whole(b"", 302, location="/fox.png")
    provider.pictures["/fox.png"] = raw(FOX)
    async with connected(provider) as maker:
        assert (await drawn(maker)).data == FOX
    first, second = [request for request in provider.requests if request.method == "GET"]
    assert first.headers["authorization"] == "Bearer sk-canary"
    assert not SECRETS & set(second.headers)


@pytest.mark.parametrize(
    "link", ["//127.0.0.1:{port}/fox.png", "\\\\127.0.0.1:{port}\\fox.png", "/\\127.0.0.1:{port}/fox.png"]
)
async def test_i17_a_link_that_only_looks_relative_gets_no_key(provider: Provider, link: str) -> None:
    """I17, I19: what one parser takes for a path, another takes for a host."""
    with Provider() as elsewhere:
        elsewhere.pictures["/fox.png"] = raw(FOX)
        provider.images(linked(link.format(port=elsewhere.origin.rpartition(":")[2])))
        async with connected(provider) as maker:
            error = await failed(maker)
    assert error.code == "image_fetch_blocked"
    assert elsewhere.connections == 0
    assert [request.method for request in provider.requests] == ["POST"]


@pytest.mark.parametrize("link", ["//{host}/fox.png", "{scheme}//{host}/fox.png"])
@pytest.mark.parametrize("whose", ["the provider's own", "a stranger's"])
async def test_i19_a_link_that_names_a_host_gets_no_key(
    provider: Provider, tmp_path: Path, link: str, whose: str
) -> None:
    """I19: on the open internet too, with or without a scheme, and be it the host that has the key already."""
    with Provider("127.0.0.2") as elsewhere:
        home = provider if whose == "the provider's own" else elsewhere
        home.pictures["/fox.png"] = raw(FOX)
        path = await guarded(
            link.format(host=home.origin.removeprefix("http://"), scheme="http:"),
            provider.base_url,
            Limits(),
            tmp_path,
            Network(is_public=only("127.0.0.2")),
            api_key="sk-canary",
        )
        assert isinstance(path, Path)
        assert path.read_bytes() == FOX
        (fetched,) = home.requests
    assert not SECRETS & set(fetched.headers)


# --- several at once ---------------------------------------------------------------------------


async def test_i20_links_are_fetched_at_the_same_time_and_one_that_fails_takes_no_other(
    provider: Provider,
) -> None:
    """I20: no all-or-nothing; each order's pictures arrive in their order."""
    gate = Gate()
    urls = [f"{provider.origin}/{name}.png" for name in ("fox", "lost", "boat")]
    provider.images(linked(*urls))
    provider.pictures["/fox.png"] = Answer(
        (gate, FOX), headers={"content-length": str(len(FOX))}, chunked=False
    )
    provider.pictures["/boat.png"] = raw(BOAT)
    async with connected(provider) as maker:
        found: list[bytes] = []

        async def order() -> None:
            found.extend(
                bytes(each.data) for each in await drawings(maker, n=3) if isinstance(each.data, bytes)
            )

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(order)
                await gate.wait_until_reached()
                await until(lambda: bool(provider.posts("/boat.png")))
                await wait_for(provider.posts("/boat.png")[0].answered)
                gate.open()
    assert found == [FOX, BOAT]


async def test_i13_an_answer_full_of_links_is_not_fetched_to_its_end(provider: Provider) -> None:
    """I13: each may hold 25 MiB, and who ordered one picture expects about one."""
    provider.images(linked(*(f"/{number}.png" for number in range(1000))))
    provider.pictures |= {f"/{number}.png": raw(FOX) for number in range(1000)}
    async with connected(provider) as maker:
        assert [each.data for each in await drawings(maker)] == [FOX] * 5
    assert len(provider.requests) == 1 + 5


async def test_cancelling_removes_what_had_arrived(provider: Provider) -> None:
    """Protocol: safe to cancel; nobody will ever ask for those files."""
    gate = Gate()
    provider.images(linked(f"{provider.origin}/boat.png", f"{provider.origin}/fox.png"))
    provider.pictures["/boat.png"] = raw(BOAT)
    provider.pictures["/fox.png"] = Answer((FOX[:50], gate, STALL))
    before = left_behind()
    async with connected(provider) as maker:
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(lambda: drawings(maker, n=2))
                await gate.wait_until_reached()
                tasks.cancel_scope.cancel()
    assert left_behind() <= before


async def test_i06_no_log_holds_the_link(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    """I06: S05: the link of a picture is a secret; libraries log too."""
    caplog.set_level(logging.DEBUG)
    entries = [
        {"url": f"{provider.origin}/fox.png?signature=canary-signature"},
        {"url": "/fox.png?signature=canary-signature"},
        {"b64_json": B64},
    ]
    provider.images(whole({"data": entries}))
    provider.pictures["/fox.png"] = raw(FOX)
    async with connected(provider) as maker:
        assert len(await drawings(maker, n=3)) == 3
    told = "".join(str(vars(record)) for record in caplog.records)
    assert "canary" not in told
