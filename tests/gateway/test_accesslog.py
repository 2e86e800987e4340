"""The log: one JSON object a line, whatever is in it, and nothing in it that nobody should read."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways import key, secret, serving
from limner.gateway.exchange import Answer, Inbound, Whole
from limner.gateway.front.app import Route
from limner.gateway.refusal import Refusal
from limner.gateway.watching.accesslog import AccessLog, JsonHandler, LogLines, json_line
from limner.gateway.watching.ended import Ended
from limner.logs import log

NASTY = "a\r\nb\0c\x1b[31m\x7f\x9b\u2028\u202e\ud800"


def _ended(record: Mapping[str, Any], **changed: Any) -> Ended:
    given_so_far: dict[str, Any] = {
        "id": "req_1",
        "tenant": "alice",
        "method": "POST",
        "route": "/v1/chat/completions",
        "status": 200,
        "code": None,
        "seconds": 1.25,
        "record": record,
    }
    return Ended(**given_so_far | changed)


def test_a_line_says_what_a_request_was_and_took() -> None:
    """Request id, tenant, model, pictures, seconds and cost; what there is not is left out."""
    lines: list[str] = []
    observe = AccessLog(lines.append, lambda: 1_700_000_000.25)
    observe(_ended({"model": "m", "turn": "r1", "pictures": 2, "cost_usd": 0.08123412, "prompt": "a secret"}))
    observe(_ended({}, tenant=None, method="", route="", status=400, code="http_invalid", seconds=0.0))
    assert [json.loads(line) for line in lines] == [
        {
            "time": "2023-11-14T22:13:20.250+00:00",
            "event": "request.ended",
            "request_id": "req_1",
            "tenant": "alice",
            "method": "POST",
            "route": "/v1/chat/completions",
            "status": 200,
            "seconds": 1.25,
            "model": "m",
            "turn": "r1",
            "pictures": 2,
            "cost_usd": 0.081234,
        },
        {
            "time": "2023-11-14T22:13:20.250+00:00",
            "event": "request.ended",
            "request_id": "req_1",
            "status": 400,
            "code": "http_invalid",
            "seconds": 0.0,
        },
    ]


@pytest.mark.parametrize(
    "value", [NASTY, [NASTY], "x" * 10_000, {"a": NASTY}, float("nan"), float("inf"), 1e300, None, b"\xff"]
)
def test_whatever_is_in_a_line_it_is_one_line_of_plain_text(value: Any) -> None:
    """S12: line ends, NUL, escape sequences, directions of writing: escaped; and nothing is endless."""
    line = json_line("a.b", 0.0, {"model": value})
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 2000
    json.loads(line)


@given(
    st.dictionaries(
        st.text(max_size=5), st.text() | st.floats() | st.lists(st.text(), max_size=3), max_size=3
    )
)
def test_any_values_are_one_line(values: dict[str, Any]) -> None:
    """S12: lines are as many as records."""
    line = json_line("a.b", 0.0, values)
    assert line.isascii()
    assert line.isprintable()
    json.loads(line)


def test_what_the_library_logs_becomes_lines_of_the_same_kind() -> None:
    """Its event and its data; of an error the kind, never the words."""
    lines: list[str] = []
    handler = JsonHandler(lines.append)
    logger = logging.getLogger("limner")
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        log.info("picture.drawn", call="c0", note=NASTY)
        try:
            raise ValueError("sk-canary")
        except ValueError:
            log.exception("picture.broke", call="c1")
            logger.exception("broke %s", "sk-canary")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    drawn, broke, plain = (json.loads(line) for line in lines)
    assert (drawn["event"], drawn["level"], drawn["call"]) == ("picture.drawn", "info", "c0")
    assert (broke["event"], broke["level"], broke["call"]) == ("picture.broke", "error", "c1")
    assert (plain["event"], plain["error"]) == ("broke %s", "ValueError")
    assert "canary" not in "".join(lines)


def test_what_other_libraries_say_is_not_repeated() -> None:
    """S05, S12: asyncio shows whole exceptions and tasks, aiohttp addresses with queries."""
    lines: list[str] = []
    handler = JsonHandler(lines.append)
    logger = logging.getLogger("asyncio")
    logger.addHandler(handler)
    try:
        try:
            raise ValueError("sk-canary")
        except ValueError as error:
            logger.exception(
                f"Task exception was never retrieved\nfuture: {error!r}", extra={"task": "canary"}
            )
    finally:
        logger.removeHandler(handler)
    (line,) = (json.loads(line) for line in lines)
    del line["time"]
    assert line == {"event": "library.reported", "level": "error", "logger": "asyncio", "error": "ValueError"}


def test_lines_are_written_in_their_order() -> None:
    """From a thread of its own."""
    stream = io.StringIO()
    lines = LogLines(stream)
    for number in range(1000):
        lines.write(str(number))
    lines.close()
    assert stream.getvalue() == "".join(f"{number}\n" for number in range(1000))


def test_a_log_that_nobody_reads_holds_nothing_up() -> None:
    """P13: a full pipe; what is lost is counted and said."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream, os.fdopen(reading) as reader:
        lines = LogLines(stream)
        for _ in range(20_000):
            lines.write("x" * 100)
        said: list[str] = []
        thread = threading.Thread(target=lambda: said.extend(reader))
        thread.start()
        lines.close(10)
        stream.close()
        thread.join()
    dropped = [json.loads(line)["lines"] for line in said if line.startswith("{")]
    assert sum(dropped) + len(said) - len(dropped) == 20_000
    assert sum(dropped) > 0


def test_no_secret_of_a_request_is_in_the_log() -> None:
    """S05: keys, queries, content and ids of pictures, of requests that go well and of those that don't."""
    stream = io.StringIO()
    lines = LogLines(stream)
    observe = AccessLog(lines.write, lambda: 0.0)

    async def endpoint(inbound: Inbound) -> Answer:
        if b"fail" in inbound.body:
            raise ValueError(inbound.body)
        if b"refuse" in inbound.body:
            raise Refusal("invalid_value", "canary")
        return Whole(b"{}")

    handler = JsonHandler(lines.write)
    logging.getLogger("limner").addHandler(handler)
    try:
        routes = [
            Route("POST", "/chat/completions", endpoint),
            Route("GET", "/images/{id}", endpoint, at_root=True),
        ]
        with serving(routes, keys=[key("alice")]) as gateway:
            gateway.app.observers = (*gateway.app.observers, observe)
            for body in ("canary", "canary fail", "canary refuse"):
                url = f"{gateway.url}/chat/completions?canary=1"
                httpx2.post(url, headers=gateway.auth("alice") | {"user-agent": "canary"}, json={"a": body})
            httpx2.get(f"{gateway.origin}/images/canary.png?signature=canary")
            httpx2.get(f"{gateway.url}/canary", headers=gateway.auth("alice"))
            httpx2.get(f"{gateway.url}/canary", headers={"authorization": "Bearer canary"})
            gateway.talk(b"CANARY canary\r\n\r\n")
            gateway.wait_for_ended(7)
    finally:
        logging.getLogger("limner").removeHandler(handler)
        lines.close()
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len([line for line in said if line["event"] == "request.ended"]) == 7
    (failed,) = (line for line in said if line["event"] == "request.failed")
    assert failed["error"] == "ValueError"
    assert any("endpoint" in place for place in failed["where"])
    assert "canary" not in stream.getvalue().lower()
    assert secret("alice") not in stream.getvalue()
