"""What requests say of who sends them, beside what the `openai` package itself would say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from limner.transport.bodies import Deadlines
from limner.transport.client import ProviderClient
from limner.transport.faults import TransportFault
from limner.transport.identity import address_of
from limner.transport.parcels import File, Form
from providers import Provider, Recorded, raw, whole

SOON = Deadlines(20.0, 20.0)
PATH = "/chat/completions"
BODY = {"say": "hello"}
OTHERS_MUST_NOT_HEAR = ("openai-", "x-stainless-")
SAID_ALL_THE_SAME = {"x-stainless-raw-response", "x-stainless-retry-count"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        running.chat(whole({}))
        yield running


async def ours(provider: Provider, body: Any = BODY, **options: Any) -> Recorded:
    client = ProviderClient(**({"base_url": provider.base_url, "api_key": "sk-canary"} | options))
    try:
        await (await client.post(PATH, body, SOON)).aclose()
    finally:
        await client.aclose()
    return provider.requests[-1]


async def theirs(provider: Provider, base_url: str | None, **options: Any) -> Recorded:
    """The same request as the SDK sends it, asked for its raw answer."""
    async with openai.AsyncOpenAI(base_url=base_url, api_key="sk-canary", max_retries=0) as client:
        headers = {"X-Stainless-Raw-Response": "stream", "Accept-Encoding": "identity"}
        options.setdefault("body", BODY)
        await client.post(
            PATH,
            cast_to=object,
            options={"headers": headers | options.pop("headers", {}), "timeout": None},
            **options,
        )
    return provider.requests[-1]


def through(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> None:
    """Let the loopback server stand in as a proxy: what it is asked is what OpenAI would be."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, provider.origin)


@pytest.mark.anyio
@pytest.mark.parametrize("ambient", [False, True], ids=["plain", "with variables"])
async def test_openai_hears_what_the_sdk_would_tell_it(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, ambient: bool
) -> None:
    """DESIGN, "On whose shoulders": the SDK is what users configure; its words of this machine are its own."""
    through(monkeypatch, provider)
    provider.answers(f"http://api.openai.com/v1{PATH}", whole({}))
    if ambient:
        monkeypatch.setenv("OPENAI_ORG_ID", "canary-org")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "canary-project")
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-canary: 1\nUser-Agent: canary-agent")
    base_url = "http://api.openai.com/v1"
    told = (await theirs(provider, base_url)).headers
    said = (await ours(provider, base_url=base_url)).headers
    # How bodies are spaced is ours, and so is their length.
    assert said | {"content-length": ""} == told | {"content-length": ""}


@pytest.mark.anyio
async def test_another_server_hears_no_more_than_the_sdk_would_tell_and_less(provider: Provider) -> None:
    """Scorecard, keys: what the SDK says of this machine is for OpenAI; the rest is as it says it."""
    told = (await theirs(provider, provider.base_url)).headers
    said = (await ours(provider)).headers
    assert said | {"content-length": ""} == {
        name: value
        for name, value in (told | {"content-length": ""}).items()
        if name in SAID_ALL_THE_SAME or not name.startswith(OTHERS_MUST_NOT_HEAR)
    }


@pytest.mark.anyio
async def test_the_environment_says_where_requests_go(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK's OPENAI_BASE_URL holds where no address is given, with or without a slash at its end."""
    for end in ("", "/", " "):
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url + end)
        assert (await ours(provider, base_url=None)).path == f"/v1{PATH}"


@pytest.mark.anyio
async def test_an_address_of_the_environment_that_is_none_is_never_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """U07: nothing was sent, and the fault says why."""
    for url in ("ftp://host/v1", "http://[", f"http://{'a' * 300}/v1"):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        client = ProviderClient(base_url=None, api_key="")
        with pytest.raises(TransportFault) as caught:
            await client.post(PATH, BODY, SOON)
        assert (caught.value.kind, caught.value.sent) == ("not_http", False)


def test_without_any_word_requests_go_to_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the SDK's own default; an empty variable says nothing."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with openai.OpenAI(api_key="k") as client:
        assert address_of(None).at("/") == str(client.base_url)
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    assert address_of(None).at(PATH) == f"https://api.openai.com/v1{PATH}"


@pytest.mark.anyio
async def test_a_name_in_the_address_is_told_in_the_header(provider: Provider) -> None:
    """RFC 7617: it stands for the key, and no log of the server sees it in the path."""
    request = await ours(provider, base_url=provider.base_url.replace("//", "//us%40r:pass@"))
    assert request.headers["authorization"] == "Basic dXNAcjpwYXNz"
    assert "pass" not in request.headers["host"]


@pytest.mark.anyio
async def test_what_an_address_asks_for_stays_behind_the_path(provider: Provider) -> None:
    """Some servers want a version with every request."""
    request = await ours(provider, base_url=f"{provider.base_url}/?api-version=7")
    assert request.path == f"/v1{PATH}?api-version=7"


FIELDS: dict[str, Any] = {
    "model": "m",
    "n": 2,
    "share": 1.5,
    "stream": False,
    "yes": True,
    "none": None,
    "prompt": 'F\u00fcchse "and"\r\nmore',
    'odd"\r\n\\\x1bname': "v",
    "o": {"k": 1, "l": {"m": "x", "n": None}},
    "list": ["a", 1, True, None],
    "rows": [{"a": 1}, {"a": [2, 3]}],
    "nothing": [],
    "empty": "",
}
FILES = (
    File("image[]", "image-1.png", "image/png", b"\x89PNG \r\n--fox--\r\n\0"),
    File("mask", "mask.png", "image/png", b""),
)


@pytest.mark.anyio
@pytest.mark.parametrize("files", [FILES, ()], ids=["files", "no files"])
async def test_a_form_is_written_as_the_sdk_writes_it(provider: Provider, files: tuple[File, ...]) -> None:
    """Images sheet, 2.2: byte for byte but for the boundary, which nobody can guess."""
    told = await theirs(
        provider,
        provider.base_url,
        body=FIELDS,
        files=[(file.name, (file.filename, file.data, file.content_type)) for file in files],
        headers={"Content-Type": "multipart/form-data"},
    )
    said = await ours(provider, Form(FIELDS, files))
    boundaries = [each.headers["content-type"].partition("boundary=")[2].encode() for each in (told, said)]
    assert boundaries[0] != boundaries[1]
    assert said.body.replace(boundaries[1], boundaries[0]) == told.body
    assert said.headers["content-length"] == str(len(said.body))


@pytest.mark.anyio
async def test_cookies_do_not_come_back(provider: Provider) -> None:
    """Nothing of one answer goes with another request."""
    provider.chat(whole({}, set_cookie="session=canary"))
    client = ProviderClient(base_url=provider.base_url, api_key="")
    for _ in range(2):
        answer = await client.post(PATH, BODY, SOON)
        await answer.whole(100)
    await client.aclose()
    assert all("cookie" not in request.headers for request in provider.requests)


def test_who_asks_another_server_need_not_import_the_sdk(provider: Provider) -> None:
    """The package takes half a second and thirty megabytes, and another server hears nothing of it but its name."""
    provider.chat(raw(b"x"))
    program = (
        "import asyncio, sys\n"
        "from limner.transport.bodies import Deadlines\n"
        "from limner.transport.client import ProviderClient\n"
        "async def main():\n"
        f"    client = ProviderClient(base_url={provider.base_url!r}, api_key='k')\n"
        f"    answer = await client.post({PATH!r}, {{}}, Deadlines(20, 20))\n"
        "    assert await answer.whole(10) == b'x'\n"
        "    await client.aclose()\n"
        "asyncio.run(main())\n"
        "print([name for name in ('openai', 'httpx2') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"
    (sent,) = provider.requests
    assert sent.headers["user-agent"] == f"AsyncOpenAI/Python {openai.__version__}"
