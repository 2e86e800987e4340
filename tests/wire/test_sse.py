"""Server-sent events come out the same however their bytes were cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.wire.sse import EventTooLarge, SseEvent, SseParser


def parsed(pieces: list[bytes], limit: int = 1 << 20) -> list[SseEvent]:
    parser = SseParser(limit)
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.close()


STREAMS: dict[str, tuple[bytes, list[SseEvent]]] = {
    "U16 one event": (b"data: a\n\n", [SseEvent("a")]),
    "U16 CRLF": (b"data: a\r\ndata: b\r\n\r\n", [SseEvent("a\nb")]),
    "U16 CR": (b"data: a\rdata: b\r\rdata: c\r\r", [SseEvent("a\nb"), SseEvent("c")]),
    "U16 mixed ends": (
        b"data: a\r\n\ndata: b\n\rdata: c\r\r\n",
        [SseEvent("a"), SseEvent("b"), SseEvent("c")],
    ),
    "U16 no space": (b"data:a\n\n", [SseEvent("a")]),
    "U16 two spaces": (b"data:  a\n\n", [SseEvent(" a")]),
    "U16 several lines": (b"data: a\ndata\ndata: b\n\n", [SseEvent("a\n\nb")]),
    "U16 comments": (b": hello\n\n:\ndata: a\n: b\n\n", [SseEvent("a")]),
    "U16 a byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [SseEvent("a")]),
    "U16 a byte order mark inside": (b"data: \xef\xbb\xbfa\n\n", [SseEvent("\ufeffa")]),
    "U16 named": (
        b"event: error\nid: 7\nretry: 3\ndata: a\n\ndata: b\n\n",
        [SseEvent("a", "error"), SseEvent("b")],
    ),
    "U16 a name without data": (b"event: ping\n\ndata: a\n\n", [SseEvent("a")]),
    "U16 empty data": (b"data:\n\ndata\n\n", []),
    "U16 unknown fields": (b"datas: x\nfoo\ndata: a\n\n", [SseEvent("a")]),
    "U16 a colon in the value": (b'data: {"a":1}\n\n', [SseEvent('{"a":1}')]),
    "U15 no UTF-8": (b"data: a\xff\xfeb\n\n", [SseEvent("a\ufffd\ufffdb")]),
    "U15 half a character": (b"data: \xf0\x9f\xa6\n\n", [SseEvent("\ufffd")]),
    "U14 a character": ("data: 🦊\n\n".encode(), [SseEvent("🦊")]),
    "without its empty line": (b"data: a\n\ndata: b\n", [SseEvent("a"), SseEvent("b")]),
    "without its line end": (b"data: a\n\ndata: [DONE]", [SseEvent("a"), SseEvent("[DONE]")]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("stream", "events"), STREAMS.values(), ids=STREAMS.keys())
def test_every_form_of_the_standard_is_read(stream: bytes, events: list[SseEvent]) -> None:
    """HTML Standard, "Server-sent events"; scorecard U16."""
    assert parsed([stream]) == events


@pytest.mark.parametrize(("stream", "events"), STREAMS.values(), ids=STREAMS.keys())
def test_each_byte_alone_gives_the_same_events(stream: bytes, events: list[SseEvent]) -> None:
    """Scorecard U14."""
    assert parsed([stream[at : at + 1] for at in range(len(stream))]) == events


ALPHABET = [
    b"data: ",
    b"data:",
    b"event: e",
    b"\n",
    b"\r",
    b"\r\n",
    b"a",
    b":",
    b" ",
    b"\xef\xbb\xbf",
    "🦊".encode(),
    b"\xff",
]


@given(st.lists(st.sampled_from(ALPHABET), max_size=40), st.data())
@settings(max_examples=400, deadline=None)
def test_any_cutting_gives_the_same_events(words: list[bytes], data: st.DataObject) -> None:
    """Scorecard U14: a property of every stream, valid or not."""
    stream = b"".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert parsed(pieces) == parsed([stream])


FRAMES = [b"data: a\n\n", b"event: e\ndata: b\n\n", b"data: \n\n", b"event: \ndata: c\n\n", b"data: \xff\n\n"]


@given(st.lists(st.sampled_from([*FRAMES, *FRAMES, *ALPHABET]), max_size=30), st.data())
@settings(max_examples=400, deadline=None)
def test_usual_frames_are_read_as_any_others(words: list[bytes], data: st.DataObject) -> None:
    """Whole frames have a way of their own; a line that says nothing in front of them keeps them off it."""
    stream = b"".join(words).lstrip(b"\xef\xbb\xbf")
    cut = data.draw(st.integers(0, len(stream)))
    assert parsed([stream[:cut], stream[cut:]]) == parsed([b":\n" + stream])


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1), max_size=5))
@settings(max_examples=200, deadline=None)
def test_what_was_written_is_read(lines: list[str]) -> None:
    """Round trip: lines in, one event out."""
    written = b"".join(b"data: " + line.encode() + b"\n" for line in lines) + b"\n"
    assert parsed([written]) == ([SseEvent("\n".join(lines))] if lines else [])


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"data: " + b"x" * 200, id="a line that ends"),
        pytest.param(b"x" * 200, id="a line without a field"),
        pytest.param(b"data: xxxxxxxxxxxxxx\n" * 10, id="many lines"),
        pytest.param(b"event: " + b"x" * 200, id="a name"),
    ],
)
@pytest.mark.parametrize("size", [7, 1000])
def test_u17_an_event_beyond_its_limit_ends_the_stream(line: bytes, size: int) -> None:
    """Scorecard U17: what stood before it is not lost."""
    parser = SseParser(100)
    stream = b"data: a\n\n" + line + b"\n\n"
    events: list[SseEvent] = []

    def feed() -> None:
        for at in range(0, len(stream), size):
            events.extend(parser.feed(stream[at : at + size]))

    with pytest.raises(EventTooLarge) as caught:
        feed()
    assert events + caught.value.events == [SseEvent("a")]


def test_u17_many_events_are_no_large_event() -> None:
    """The limit is one event's, not the stream's."""
    assert len(parsed([b"data: xxxxxxxxx\n\n" * 1000], 100)) == 1000
