"""The floor: what is let in, to which endpoint, and what becomes of everything that goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from gateways import Gateway, key, serving
from limner.errors import CallerError, JournalError, ModelOverloaded, ModelTimeout, ParameterError, StoreError
from limner.gateway.exchange import Answer, Inbound, Streamed, Whole
from limner.gateway.front.app import OPEN, Route
from limner.gateway.front.envelope import broken_chat
from limner.gateway.refusal import REFUSALS, Refusal
from limner.wire.chat.said import Head

RAISED: dict[str, Exception] = {
    "overloaded": ModelOverloaded("said by them", code="upstream_rate_limited", retry_after_s=1.2),
    "silent": ModelTimeout("said by them", code="upstream_ttfb_timeout"),
    "parameter": ParameterError("size", "9x9", "1024x1024", model="painter"),
    "caller": CallerError("a tool is declared twice; rename one", code="tool_duplicate"),
    "ours": CallerError("a budget cannot be -1; give more", code="limits_invalid"),
    "store": StoreError("/var/lib/limner is read-only", code="store_unavailable"),
    "journal": JournalError("database is locked", code="journal_unavailable"),
    "bought": Refusal("internal", bought=True),
    "anything": ValueError("SELECT secret FROM t at 0x7f3a /etc/limner.toml sk-canary"),
    "spent": Refusal("budget_exceeded", "The money is spent; ask for more."),
    "several": ExceptionGroup("two", [ValueError("x"), Refusal("turn_unknown")]),
}


async def echo(inbound: Inbound) -> Answer:
    said = {
        "tenant": inbound.tenant.name,
        "dialect": inbound.dialect,
        "method": inbound.method,
        "path": inbound.path,
        "query": inbound.query,
        "body": inbound.body.decode(),
        "agent": inbound.headers.get("x-agent"),
        "id": inbound.id,
    }
    inbound.record["model"] = "a-model"
    return Whole(json.dumps(said).encode(), headers={"x-extra": "1"})


async def fail(inbound: Inbound) -> Answer:
    raise RAISED[json.loads(inbound.body)["how"]]


async def stream(inbound: Inbound) -> Answer:
    asked = json.loads(inbound.body)

    async def frames() -> AsyncIterator[bytes]:
        if asked.get("early"):
            raise RAISED[asked["early"]]
        yield b'data: {"n": 1}\n\n'
        if asked.get("late"):
            raise RAISED[asked["late"]]
        yield b"data: [DONE]\n\n"

    head = Head("chatcmpl-1", 1, "a-model", "limner")
    return Streamed(frames(), {"x-extra": "1"}, broken_chat(inbound, head))


ROUTES = (
    Route("POST", "/echo", echo),
    Route("GET", "/echo", echo),
    Route("POST", "/fail", fail),
    Route("POST", "/stream", stream),
    Route("GET", "/models/{id}", echo),
    Route("GET", "/images/{id}", echo, at_root=True),
    Route("GET", "/healthz", echo, at_root=True),
    Route("GET", "/metrics", echo, at_root=True),
)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with serving(ROUTES, keys=[key("alice"), key("bob")]) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[httpx2.Client]:
    with httpx2.Client(headers=gateway.auth("alice")) as opened:
        yield opened


def _error(answer: httpx2.Response) -> Any:
    return answer.json()["error"]


def test_every_route_needs_a_key_but_those_of_a_literal_list(gateway: Gateway) -> None:
    """S04: deny by default; whatever a route's author thinks of."""
    for method, pattern in gateway.app.places:
        path = pattern.replace("{id}", "abc")
        status = httpx2.request(method, gateway.origin + path).status_code
        assert (status == 401) == (pattern not in OPEN), (method, path)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/",
        "/v1/healthz",
        "/healthz/",
        "//healthz",
        "/%68ealthz",
        "/healthz%2f..%2fmetrics",
        "/v1/images/abc",
        "/api/v1/metrics",
    ],
)
def test_a_path_that_only_looks_like_an_open_one_needs_a_key(gateway: Gateway, path: str) -> None:
    """S04: decided on the raw path; nothing is decoded, joined or tidied up before."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert b" 401 " in gateway.talk(request.encode()).split(b"\r\n")[0]


@pytest.mark.parametrize(
    "path", ["/images/", "/images/a/b", "/images/%2e%2e", "/images/..%2fmetrics", "/images/abc/../../metrics"]
)
def test_whatever_stands_below_the_pictures_is_given_to_their_endpoint_as_it_came(
    gateway: Gateway, path: str
) -> None:
    """S16: odd ids have one answer, which the endpoint gives; S04: and no such path leads anywhere else."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    head, _, body = gateway.talk(request.encode()).partition(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0]
    said = json.loads(body)
    assert said["path"] == path
    gateway.wait_until(lambda: any(each.id == said["id"] for each in gateway.ended))
    (ended,) = [each for each in gateway.ended if each.id == said["id"]]
    assert (ended.route, ended.tenant) == ("/images/{id}", None)


@pytest.mark.parametrize(
    "path", ["/images/", "/images/a/b", "/images/../metrics", "/images/%2e%2e/metrics", "/images//v1/echo"]
)
def test_whatever_stands_below_the_pictures_reaches_their_endpoint_alone(gateway: Gateway, path: str) -> None:
    """S04: no path leads out of what needs no key, however it is written."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    seen = len(gateway.ended)
    assert json.loads(gateway.talk(request.encode()).split(b"\r\n\r\n")[1])["path"] == path
    assert gateway.wait_for_ended(seen + 1)[seen].route == "/images/{id}"


def test_what_is_given_to_an_endpoint_is_what_was_sent(gateway: Gateway, client: httpx2.Client) -> None:
    """The request as it came, with an id of ours and the tenant of its key."""
    answer = client.post(f"{gateway.url}/echo?a=%20b", json={"x": 1}, headers={"X-Agent": "me"})
    assert answer.status_code == 200
    said = answer.json()
    assert said | {"id": ""} == {
        "tenant": "alice",
        "dialect": "openai",
        "method": "POST",
        "path": "/v1/echo",
        "query": "a=%20b",
        "body": '{"x":1}',
        "agent": "me",
        "id": "",
    }
    assert answer.headers["x-request-id"] == said["id"]
    assert re.fullmatch("req_[0-9a-f]{24}", said["id"])
    assert answer.headers["x-extra"] == "1"


@pytest.mark.parametrize("name", ["gpt-5", "openai/gpt-5", "openai%2Fgpt-5", "a/b:illustrated", "@cf/a+b"])
def test_models_are_found_by_names_with_slashes(gateway: Gateway, client: httpx2.Client, name: str) -> None:
    """Clients write them as they are, or encoded."""
    assert client.get(f"{gateway.url}/models/{name}").json()["path"] == f"/v1/models/{name}"


def test_an_id_of_the_client_is_not_taken_over(gateway: Gateway, client: httpx2.Client) -> None:
    """S12: what stands in our logs and headers is ours."""
    answer = client.get(f"{gateway.url}/echo", headers={"x-request-id": "theirs"})
    assert answer.headers["x-request-id"].startswith("req_")


def test_a_head_request_is_answered_like_get_without_a_body(gateway: Gateway, client: httpx2.Client) -> None:
    """HTTP: HEAD."""
    answer = client.head(f"{gateway.url}/echo")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/nothing", {}, 404, "not_found"),
        ("DELETE", "/echo", {}, 405, "method_not_allowed"),
        ("OPTIONS", "/echo", {}, 405, "method_not_allowed"),
        ("POST", "/echo", {"content-type": "text/plain"}, 415, "unsupported_media_type"),
        (
            "POST",
            "/echo",
            {"content-type": "application/json; charset=utf-16"},
            415,
            "unsupported_media_type",
        ),
        (
            "POST",
            "/echo",
            {"content-type": "application/json", "content-encoding": "gzip"},
            415,
            "unsupported_media_type",
        ),
    ],
)
def test_unknown_routes_methods_and_types_are_refused_in_the_envelope(
    gateway: Gateway,
    client: httpx2.Client,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    """S33: 404, 405 and 415 like every other error, in both dialects."""
    content = b"{}" if method == "POST" else None
    answer = client.request(method, gateway.url + path, headers=headers, content=content)
    assert (answer.status_code, _error(answer)["code"]) == (status, code)
    assert set(_error(answer)) == {"message", "type", "param", "code"}
    theirs = client.request(method, gateway.openrouter_url + path, headers=headers, content=content)
    assert (theirs.status_code, _error(theirs)["code"]) == (status, status)
    assert _error(theirs)["metadata"]["request_id"] == theirs.headers["x-request-id"]


def test_a_refused_method_says_which_are_not(gateway: Gateway, client: httpx2.Client) -> None:
    """HTTP: 405 has Allow."""
    answer = client.put(f"{gateway.url}/echo")
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert _error(answer)["message"].endswith("; use GET, HEAD, POST.")


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("overloaded", 429, "upstream_rate_limited"),
        ("silent", 504, "upstream_ttfb_timeout"),
        ("parameter", 400, "parameter_refused"),
        ("caller", 400, "invalid_value"),
        ("ours", 500, "internal"),
        ("store", 503, "store_unavailable"),
        ("journal", 503, "store_unavailable"),
        ("bought", 500, "internal"),
        ("anything", 500, "internal"),
        ("several", 409, "turn_unknown"),
        ("spent", 429, "budget_exceeded"),
    ],
)
@pytest.mark.parametrize("path", ["/fail", "/stream"])
def test_whatever_an_endpoint_raises_becomes_one_code_of_the_list(
    gateway: Gateway, client: httpx2.Client, path: str, how: str, status: int, code: str
) -> None:
    """S32: a status, a code and a request id; nothing that anybody else has said. Also before a first frame."""
    answer = client.post(gateway.url + path, json={"how": how, "early": how})
    assert (answer.status_code, _error(answer)["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/json"
    assert not re.search(rb"0x|/etc|/var|SELECT|locked|said by them|a budget|sk-", answer.content)
    # U01, P04: whole seconds, where waiting helps.
    waits = {"overloaded": "2", "store": "5", "journal": "5"}
    assert answer.headers.get("retry-after") == waits.get(how)
    # U08, S29: what may have been billed is not sent again by anybody's own hand; nor what would be in vain.
    never_again = how in ("silent", "bought", "spent")
    assert answer.headers.get("x-should-retry") == ("false" if never_again else None)


@pytest.mark.parametrize("how", ["overloaded", "anything", "store"])
def test_an_error_within_a_stream_is_an_event_and_then_the_end(
    gateway: Gateway, client: httpx2.Client, how: str
) -> None:
    """Never a bare end; the status was sent already, so the event says it."""
    answer = client.post(f"{gateway.url}/stream", json={"late": how})
    assert answer.status_code == 200
    first, error, done, rest = answer.content.split(b"\n\n")
    assert (first, done, rest) == (b'data: {"n": 1}', b"data: [DONE]", b"")
    code = json.loads(error.removeprefix(b"data: "))["error"]["code"]
    assert code == client.post(f"{gateway.url}/fail", json={"how": how}).json()["error"]["code"]
    theirs = client.post(f"{gateway.openrouter_url}/stream", json={"late": how}).content.split(b"\n\n")[1]
    chunk = json.loads(theirs.removeprefix(b"data: "))
    assert chunk["id"] == "chatcmpl-1"
    assert chunk["error"]["metadata"]["code"] == code
    assert chunk["choices"][0]["finish_reason"] == "error"


def test_a_stream_is_sent_frame_by_frame_with_the_headers_that_proxies_need(
    gateway: Gateway, client: httpx2.Client
) -> None:
    """No proxy may collect frames or keep them."""
    with client.stream("POST", f"{gateway.url}/stream", json={}) as answer:
        assert list(answer.iter_raw()) != []
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["cache-control"] == "no-cache"


def test_every_row_of_the_list_can_be_said_in_both_dialects(gateway: Gateway) -> None:
    """The closed list: each has a status and words of its own, or is always given some."""
    from limner.gateway.front.envelope import whole_of

    for code, kind in REFUSALS.items():
        for dialect in ("openai", "openrouter"):
            answer = whole_of(Refusal(code), dialect, "req_1")
            assert answer.status == kind.status
            assert json.loads(answer.body)["error"]["message"]


def test_each_request_is_told_once_by_its_pattern(gateway: Gateway, client: httpx2.Client) -> None:
    """S05: what is logged is where it went and how it ended, never what was asked for."""
    seen = len(gateway.ended)
    client.get(f"{gateway.origin}/images/secret-id?token=secret")
    client.post(f"{gateway.url}/echo", json={})
    client.post(f"{gateway.url}/stream", json={"late": "store"})
    picture, echoed, streamed = gateway.wait_for_ended(seen + 3)[seen:]
    assert (picture.tenant, picture.route, picture.status) == (None, "/images/{id}", 200)
    assert (echoed.tenant, echoed.route, echoed.record) == ("alice", "/v1/echo", {"model": "a-model"})
    assert (streamed.status, streamed.code) == (200, "store_unavailable")
    assert "secret" not in repr(gateway.ended[seen:])
