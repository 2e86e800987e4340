"""Bodies: as much as is allowed, in the time that is allowed, and strict JSON."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways import Gateway, serving
from limner.gateway.exchange import Answer, Inbound, Whole
from limner.gateway.front.app import Route
from limner.gateway.front.reading import BodyLimits
from limner.gateway.front.strictjson import DEEPEST, read_object
from limner.gateway.refusal import Refusal

SMALL = BodyLimits(size_bytes=1000)
IMPATIENT = BodyLimits(total_s=0.4, grace_s=0.2)
HEAD = b"POST /v1/read HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def read(inbound: Inbound) -> Answer:
    return Whole(json.dumps(await read_object(inbound.body)).encode())


ROUTES = [Route("POST", "/read", read)]


def _parsed(body: bytes | str) -> Any:
    async def main() -> Any:
        return await read_object(body if isinstance(body, bytes) else body.encode())

    return anyio.run(main)


def _code(body: bytes | str) -> str:
    with pytest.raises(Refusal) as refused:
        _parsed(body)
    return refused.value.code


def _refused(gateway: Gateway, sent: bytes, status: int, code: str) -> None:
    received = gateway.talk(sent)
    assert received.startswith(b"HTTP/1.1 %d " % status), received
    assert f'"code":"{code}"'.encode() in received
    assert b"connection: close\r\n" in received


def test_a_body_that_says_to_be_too_large_is_refused_unread() -> None:
    """S06: by Content-Length, without a byte of it; the connection is closed."""
    with serving(ROUTES, body=SMALL) as gateway:
        _refused(gateway, HEAD + b"Content-Length: 1001\r\n\r\n", 413, "body_too_large")
        _refused(gateway, HEAD + b"Content-Length: 99999999999999999\r\n\r\n", 413, "body_too_large")


def test_a_body_that_turns_out_to_be_too_large_is_refused() -> None:
    """S06: chunked, it is counted."""
    with serving(ROUTES, body=SMALL) as gateway:
        chunk = b"1f4\r\n" + b" " * 500 + b"\r\n"
        _refused(gateway, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3, 413, "body_too_large")


def test_the_refusal_reaches_a_client_that_sends_the_whole_body() -> None:
    """S06: an ordinary client, which reads when it has sent, sees 413, not a broken connection."""
    with serving(ROUTES, body=SMALL) as gateway:
        answer = httpx2.post(f"{gateway.url}/read", json={"a": "x" * 3_000_000})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_a_body_of_exactly_the_limit_is_read() -> None:
    """S06: up to and with."""
    with serving(ROUTES, body=SMALL) as gateway:
        body = json.dumps({"a": "x" * 991})
        assert len(body) == 1000
        headers = {"content-type": "Application/JSON; charset=UTF-8"}
        assert httpx2.post(f"{gateway.url}/read", content=body, headers=headers).status_code == 200


def test_a_body_that_does_not_come_is_waited_for_only_so_long() -> None:
    """S10: nothing at all of it."""
    with serving(ROUTES, body=IMPATIENT) as gateway:
        _refused(gateway, HEAD + b"Content-Length: 100\r\n\r\n", 408, "request_timeout")


def test_a_body_that_drips_is_not_waited_for() -> None:
    """S10: slower than so many bytes a second, or longer than the time for all of it."""
    with serving(ROUTES, body=BodyLimits(total_s=30, grace_s=0.1, bytes_per_s=1000)) as gateway:
        _refused(gateway, HEAD + b"Content-Length: 1000\r\n\r\n" + b" " * 200, 408, "request_timeout")
    with serving(ROUTES, body=BodyLimits(total_s=0.2, grace_s=0.1, bytes_per_s=1)) as gateway:
        _refused(gateway, HEAD + b"Content-Length: 1000\r\n\r\n" + b" " * 200, 408, "request_timeout")


def test_who_leaves_while_sending_is_left() -> None:
    """P09: half a body, and nobody any more."""
    with serving(ROUTES) as gateway:
        with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
            connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
            gateway.wait_until(lambda: gateway.app.under_way == 1)
        (ended,) = gateway.wait_for_ended()
        assert (ended.status, ended.code) == (499, "client_left")


def test_a_client_that_waits_to_be_asked_is_asked() -> None:
    """HTTP: Expect: 100-continue, as curl sends it with large bodies."""
    with serving(ROUTES) as gateway, socket.create_connection(("127.0.0.1", gateway.port), 5) as connection:
        connection.sendall(HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"{}")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":', "[[],"])
def test_depth_is_refused_before_anything_goes_down_there(opening: str) -> None:
    """S07: 100,000 levels in less than 10 ms, without any recursion."""
    body = ('{"a":' + opening * 100_000).encode()
    began = time.process_time()
    assert _code(body) == "json_too_deep"
    assert time.process_time() - began < 0.1


def test_depth_is_what_is_nested_not_what_is_written() -> None:
    """S07: brackets in strings are text; siblings are not deeper."""
    assert _parsed(json.dumps({"a": "[" * 1000 + '\\"' + "{" * 1000})) == {
        "a": "[" * 1000 + '\\"' + "{" * 1000
    }
    assert len(_parsed(json.dumps({"a": [[]] * 1000}))["a"]) == 1000
    deepest = '{"a":' + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1) + "}"
    assert _parsed(deepest)
    assert _code(deepest.replace("[]", "[[]]")) == "json_too_deep"


@pytest.mark.parametrize("text", ['"' + '\\"' * 20_000, '"' * 20_001, "\\" * 20_001 + '"'])
def test_a_text_without_an_end_is_gone_through_once(text: str) -> None:
    """S07: whatever stands in front of too many brackets, reading it takes time in line with its length."""
    began = time.process_time()
    assert _code('{"a":' + text + "[" * (DEEPEST + 1)) in ("invalid_json", "json_too_deep")
    # It was seconds when each of its quotes was taken for a beginning.
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nothing",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": -1e999}',
        b'{"a": %s}' % (b"1" * 5000),
        b'{"a": %s}' % (b"1" * 400),
        b'{"a": 1, "a": 2}',
        b'{"b": [{"a": 1, "\\u0061": 2}]}',
        b'{"a": "\\ud800"}',
        b'{"\\uDC00": 1}',
        b'{"a": ["\\ud800x"]}',
        b'{"a": "\xff\xfe"}',
        b'{"a": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\x00"}',
        b'{"a": "\n"}',
        b'{"a": 01}',
        b'{"a": 1} {}',
        b"[]",
        b'"a"',
        b"null",
        b"{} \x00",
        b"]" * 100 + b"[" * 100,
    ],
)
def test_what_two_readers_could_understand_in_two_ways_is_no_json(body: bytes) -> None:
    """S08: what Python's own reader would accept, and everything that no reader would."""
    assert _code(body) in (
        ("invalid_json",) if not body.startswith(b"]") else ("invalid_json", "json_too_deep")
    )


@pytest.mark.parametrize(
    "value",
    [
        {"a": "\U0001f98a", "b": "\\ud800", "c": 2**63, "d": -1.5e300, "e": None, "f": [True, {}]},
        {"": "", "ä": "\u2028"},
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_what_is_json_is_read_as_it_is(value: dict[str, Any], ascii_only: bool) -> None:
    """Pairs of surrogates, escaped backslashes and large numbers are all well."""
    assert _parsed(json.dumps(value, ensure_ascii=ascii_only)) == value


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _JSON, max_size=4))
def test_every_object_is_read_as_python_reads_it(value: dict[str, Any]) -> None:
    """Stricter, and nothing else."""
    assert _parsed(json.dumps(value)) == value


@given(st.binary(max_size=60) | st.text('{}[]",:\\u0d8aefNI1. ', max_size=40).map(lambda text: text.encode()))
def test_any_bytes_are_an_object_or_a_refusal(body: bytes) -> None:
    """S08: nothing else is ever raised."""
    with contextlib.suppress(Refusal):
        json.dumps(_parsed(body), ensure_ascii=False).encode()


def test_a_body_of_very_many_values_is_refused() -> None:
    """What is read at once must not hold everybody else up."""
    assert _code(b'{"a":[' + b"[]," * 400_000 + b"1]}") == "body_too_large"


def test_a_large_body_is_read_to_its_end() -> None:
    """A picture in a message is megabytes of text; that it holds nobody up is held in `test_event_loop`."""
    value = {"a": "x" * 5_000_000}
    with serving(ROUTES) as gateway:
        assert httpx2.post(f"{gateway.url}/read", json=value, timeout=30).json() == value
