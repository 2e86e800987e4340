"""An answer as JSON values, however it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pictures
from limner.wire.chunks import Chunks

MOST = 1 << 20


def fed(*reads: bytes, most: int = MOST, event: int = MOST) -> tuple[Chunks, list[Any]]:
    """All that the reads and the end of the body give."""
    chunks, values = Chunks(most, event), list[Any]()
    for data in (*reads, b""):
        values += chunks.take(data)
    return chunks, values


def sse(*values: Any) -> bytes:
    return b"".join(
        b"data: " + (v if isinstance(v, bytes) else json.dumps(v).encode()) + b"\n\n" for v in values
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": []}',
        b"\r\n  {}",
        b"[1]",
        b"\xef\xbb\xbf{}",
        b"<html>",
        pictures.png(),
        pictures.jpeg(),
        b"RIFF..WEBP",
    ],
    ids=["an object", "padded", "a list", "a mark in front", "HTML", "PNG", "JPEG", "WebP"],
)
def test_what_is_no_stream_is_kept_whole(body: bytes) -> None:
    """Images sheet, 2.7: a server that was asked for a stream may answer otherwise."""
    chunks, values = fed(body[:3], body[3:])
    assert (chunks.kind, values) == ("whole", [])
    assert chunks.whole.whole() == body.lstrip(b"\r\n \xef\xbb\xbf")


def test_a_stream_gives_its_values() -> None:
    """Images sheet, 2.4: `event:` lines, comments, and no `[DONE]` at some."""
    chunks, values = fed(b": OPENROUTER PROCESSING\n\n", b"event: a\n", sse({"a": 1}), sse({"b": 2}))
    assert (chunks.kind, values, chunks.ended, chunks.fault) == ("events", [{"a": 1}, {"b": 2}], False, None)


def test_i05_a_stream_of_crowded_events_ends() -> None:
    """I05: 100 MiB of empty objects would take gigabytes, for all that may be a picture is kept."""
    crowded = b'{"images": [' + b"{}," * 100_000 + b"{}]}"
    chunks, values = fed(*[sse({"a": 1}, crowded)] * 20, sse({"b": 2}), most=64 * MOST)
    assert chunks.too_large
    assert len(values) < 20
    assert values[0] == {"a": 1}


def test_a_long_stream_of_small_events_does_not() -> None:
    """A chat that speaks for long is no flood: each of its deltas says little."""
    delta = {"choices": [{"delta": {"content": "so, it, goes"}}]}
    chunks, values = fed(sse(*[delta] * 120_000), most=64 * MOST)
    assert (chunks.too_large, len(values)) == (False, 120_000)


def test_what_follows_the_end_of_a_stream_says_nothing() -> None:
    """Wire sheet, 5.1: `data: [DONE]`."""
    chunks, values = fed(sse({"a": 1}, b"[DONE]", {"b": 2}))
    assert (values, chunks.ended) == ([{"a": 1}], True)


FAULTS: dict[str, bytes] = {
    "nested": sse({"type": "error", "error": {"code": 429, "message": "slow"}}),
    "flat": sse({"type": "error", "code": "rate_limit_exceeded", "message": "slow"}),
    "by the name of the event": b"event: error\n" + sse({"code": 429, "message": "slow"}),
    "by the name, in prose": b"event: error\n" + sse(b"slow"),
    "without a type": sse({"error": {"code": 429, "message": "slow"}}),
}


@pytest.mark.parametrize("body", FAULTS.values(), ids=FAULTS.keys())
def test_an_error_in_a_stream_is_found_in_every_shape(body: bytes) -> None:
    """Images sheet, 2.7: two shapes, one of which the SDK takes for a picture."""
    chunks, values = fed(sse({"a": 1}), body, sse({"b": 2}))
    assert values == [{"a": 1}]
    assert chunks.fault is not None
    assert chunks.fault.message == "slow"


def test_an_event_that_was_cut_off_is_known_by_its_beginning() -> None:
    """Images sheet, 2.7: a stream cut after a partial picture just ends."""
    chunks, values = fed(sse({"a": 1}), b'event: image_edit.completed\ndata: {"b64_json": "AAAA')
    assert values == [{"a": 1}]
    assert chunks.cut is not None
    assert chunks.cut.startswith("image_edit.completed {")


def test_an_event_that_is_no_json_says_nothing() -> None:
    """Keep-alives and words between the events."""
    chunks, values = fed(sse(b"ping", {"a": 1}))
    assert (values, chunks.cut) == ([{"a": 1}], None)


@pytest.mark.parametrize(
    ("reads", "most", "event"),
    [([b"{" + b" " * 60], 50, 50), ([sse({"a": "x" * 100})], 2000, 50), ([sse({"a": 1})] * 9, 60, 50)],
    ids=["whole", "one event", "all events"],
)
def test_i05_more_than_allowed_is_not_read(reads: list[bytes], most: int, event: int) -> None:
    """Scorecard I05: RSS bounded."""
    chunks, _ = fed(*reads, most=most, event=event)
    assert chunks.too_large


def test_nothing_is_neither() -> None:
    """An empty answer."""
    chunks, values = fed(b"", b" \n")
    assert (chunks.kind, chunks.whole.whole(), values) == ("", b"", [])


def test_only_the_end_of_a_long_line_is_work() -> None:
    """Scorecard P13: megabytes of one line are gathered on the event loop and read beside it; little is read at once."""
    chunks = Chunks(MOST, MOST)
    assert not chunks.heavy(b"data: {}\n\n")
    chunks.take(b'data: {}\n\ndata: {"a": "')
    for _ in range(2):
        assert not chunks.heavy(b"}\n")
        assert not chunks.heavy(b"b" * 100_000)
        chunks.take(b"b" * 100_000)
    assert not chunks.heavy(b"b" * 100_000)
    assert chunks.heavy(b'"}\n')
    assert chunks.heavy(b"")
    assert chunks.take(b'"}\n\n') == [{"a": "b" * 200_000}]
    assert not chunks.heavy(b"data: {}\n\n")


def test_an_answer_that_is_no_stream_is_work_only_where_much_comes_at_once() -> None:
    """Scorecard P13: its pictures are decoded while it comes, network read by network read."""
    chunks = Chunks(MOST, MOST)
    chunks.take(b'{"data":\n')
    assert not chunks.heavy(b"\n" + bytes(256 * 1024))
    assert chunks.heavy(bytes(2 << 20))


@given(st.lists(st.dictionaries(st.text(), st.text()), max_size=5), st.data())
@settings(deadline=None)
def test_the_cutting_of_a_stream_changes_nothing(values: list[dict[str, str]], data: st.DataObject) -> None:
    """Bytes come as the network likes."""
    values = [value for value in values if not {"error", "type", "object"} & set(value)]
    body = b": hello\n\n" + sse(*values)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    reads = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    _, found = fed(*(read for read in reads if read))
    assert found == values


@given(st.lists(st.binary(max_size=60), max_size=5))
@settings(deadline=None)
def test_no_bytes_break_the_reading(reads: list[bytes]) -> None:
    """Whatever a server sends."""
    chunks, values = fed(*reads, most=100, event=50)
    assert chunks.kind in {"", "whole", "events"}
    assert isinstance(values, list)
