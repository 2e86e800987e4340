"""A provider's stream on its way through: however it is written and cut, clients read the same."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.gateway.passing.passage import Passage, Unusable, passed_whole
from limner.wire.chat.said import Head
from providers import chunk, event, finish, text, usage

HEAD = Head("chatcmpl-1", 1, "m", "upstream")
DONE = event("[DONE]")


def passed(pieces: Iterable[bytes], **options: Any) -> tuple[list[bytes], str | None]:
    """The frames that these reads give, and the code of the failure that ended them."""
    passage = Passage(HEAD, "openai", **({"wants_usage": True} | options))
    frames: list[bytes] = []
    for piece in (*pieces, b""):
        frames += passage.take(piece)
        if passage.ended or passage.failure is not None:
            break
    return frames, None if passage.failure is None else passage.failure.code


def said(frames: Iterable[bytes]) -> str:
    return "".join(
        choice["delta"].get("content") or ""
        for frame in frames
        for choice in json.loads(frame.removeprefix(b"data: "))["choices"]
    )


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    starts = [0, *ends]
    return [data[start:end] for start, end in zip(starts, [*ends, len(data)], strict=True) if start < end]


words = st.text(max_size=12)
events = st.one_of(
    words.map(lambda each: chunk({"content": each})),
    words.map(lambda each: chunk({"content": each}, usage=None, system_fingerprint=None)),
    st.just(chunk({}, None, choices=[])),
    st.just(usage(prompt_tokens=1, completion_tokens=2)),
    st.just(chunk({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}]})),
)


@given(st.lists(events, max_size=6), st.lists(st.integers(0, 5000), max_size=8))
@settings(deadline=None)
def test_any_cutting_of_a_stream_gives_the_same_frames(stream: list[bytes], places: list[int]) -> None:
    """U14: a character, a line or an event may lie on both sides of any read."""
    data = b"".join((*stream, finish(), DONE))
    at_once = passed([data])
    assert at_once[1] is None
    assert passed(cut(data, places)) == at_once
    assert passed([data[at : at + 1] for at in range(len(data))]) == at_once
    assert passed([*stream, finish(), DONE]) == at_once


@given(
    st.lists(words, min_size=1, max_size=5),
    # Not mixed with the others: before an empty line that ends in a line feed, it is half of an end.
    st.lists(st.sampled_from(["\n", "\r\n"]), min_size=30, max_size=30) | st.just(["\r"]),
    st.lists(
        st.sampled_from(["", ": note", ":", "event: delta", "id: 7", "retry: 1", "other: x"]), max_size=5
    ),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(0, 5000), max_size=8),
)
@settings(deadline=None)
def test_every_way_to_write_an_event_is_understood(
    texts: list[str],
    ends: list[str],
    beside: list[str],
    spaced: bool,
    marked: bool,
    places: list[int],
) -> None:
    """U16: line ends, comments, other fields, data over several lines, a mark before the stream; only data
    goes on, in frames of our own."""
    lines: list[str] = []
    for each in texts:
        body = {"choices": [{"index": 0, "delta": {"content": each}, "finish_reason": None}]}
        lines += [line for line in beside if line]
        lines += [f"data:{' ' * spaced}{line}" for line in json.dumps(body, indent=1).split("\n")]
        lines += [""]
    lines += ['data: {"choices":[{"delta":{},"finish_reason":"stop"}]}', "", "data: [DONE]", ""]
    written = "".join(line + ends[at % len(ends)] for at, line in enumerate(lines)).encode()
    stream = b"\xef\xbb\xbf" * marked + written
    frames, failure = passed(cut(stream, places))
    assert (said(frames), failure) == ("".join(texts), None)
    for frame in frames:
        assert frame.startswith(b"data: {")
        assert frame.endswith(b"}\n\n")
        assert frame.count(b"\n") == 2
        assert b"\r" not in frame


@given(st.binary(max_size=20), st.lists(st.integers(0, 500), max_size=4))
@settings(deadline=None)
def test_what_goes_on_is_always_text(garbage: bytes, places: list[int]) -> None:
    """U15: bytes that are no UTF-8 become U+FFFD in their place."""
    clean = garbage.translate(None, b'"\\' + bytes(range(32)))
    data = event({"choices": [{"delta": {"content": "<>"}}]}).replace(b"<>", b"<" + clean + b">")
    frames, failure = passed(cut(data + finish() + DONE, places))
    assert failure is None
    assert said(frames) == f"<{clean.decode('utf-8', 'replace')}>"
    for frame in frames:
        frame.decode()


@pytest.mark.parametrize("written", [rb"\ud800", rb"a\udfff", rb"\ud83e"])
def test_half_a_character_becomes_a_whole_one(written: bytes) -> None:
    """U15: JSON can smuggle in what no text has."""
    body = b'{"choices":[{"message":{"content":"<%s>"}, "delta":{"content":"<%s>"}}]}' % (written, written)
    frames, _ = passed([b"data: " + body + b"\n\n", finish(), DONE])
    assert "\ufffd" in said(frames)
    whole, _ = passed_whole(body, HEAD, "openai")
    assert "\ufffd" in json.loads(whole)["choices"][0]["message"]["content"]


def test_no_frame_has_an_end_of_a_line_that_is_none() -> None:
    r"""Clients cut streams with `splitlines`, for which U+2028 and others end a line as well."""
    words = "a\u2028b\u2029c\u0085d"
    frames, _ = passed([text(words), finish(), DONE])
    assert said(frames) == words
    assert all(len(frame.decode().splitlines()) == 2 for frame in frames)


def test_what_comes_after_the_end_is_not_read() -> None:
    """`[DONE]` ends a stream, whatever follows in the same read."""
    for after in (text("more"), b"data: nothing\n\n", b": note\n\n", event("[DONE]")):
        assert passed([text("a") + finish() + DONE + after]) == ([text("a"), finish()], None)


def test_many_frames_of_one_read_are_told_one_by_one() -> None:
    """One frame per write: what is yielded is never two."""
    frames, _ = passed([text("a") + text("b"), text("c") + finish() + DONE])
    assert frames == [text("a"), text("b"), text("c"), finish()]


def test_a_line_that_never_ends_is_given_up() -> None:
    """U17: 50 MB in one line cost no more than the limit."""
    tracemalloc.start()
    try:
        # One block, again and again: what it weighs many times is not the test's.
        line = (b'data: {"choices":[{"delta":{"content":"', *[b"x" * (1 << 16)] * 800)
        assert passed([text("a"), *line]) == ([text("a")], "upstream_too_large")
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def test_a_stream_of_nothing_does_not_go_on_for_ever() -> None:
    """U17: comments count too; what the model has finished stands."""
    noise = [b": " + b"x" * (1 << 20) + b"\n\n"] * 300
    assert passed([text("a"), *noise]) == ([text("a")], "upstream_too_large")
    assert passed([text("a"), finish(), *noise]) == ([text("a"), finish()], None)


def test_small_values_in_great_numbers_are_not_read() -> None:
    """U17: a few megabytes of empty lists would take hundreds of them."""
    many = b'{"choices":[' + b"[]," * 600_000 + b"[]]}"
    assert passed([text("a"), b"data: " + many + b"\n\n"]) == ([text("a")], "upstream_too_large")
    with pytest.raises(Unusable, match="upstream_too_large"):
        passed_whole(many, HEAD, "openai")


def test_a_whole_answer_to_a_stream_is_bounded_too() -> None:
    """U17."""
    assert passed([b'{"a":"' + b"x" * 1000, *[b"x" * (1 << 20)] * 20]) == ([], "upstream_too_large")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["choices", "delta", "message", "error", "usage", "index",
                                                       "tool_calls", "finish_reason", "object", "id", "content"]),
                                      inner, max_size=4), max_leaves=12))  # fmt: skip
@settings(deadline=None)
def test_no_shape_of_json_trips_it(shape: Any) -> None:
    """Providers send shapes that nobody thought of: each is passed on whole, or ends with a code of ours."""
    for stream in ([event({"choices": [shape]}), DONE], [event(shape), DONE], [event({"choices": shape})]):
        frames, failure = passed(stream)
        assert failure is None or failure.startswith("upstream_") or failure == "context_length_exceeded"
        for frame in frames:
            assert isinstance(json.loads(frame[6:])["choices"], list)
    for body in (shape, {"choices": shape}, {"choices": [shape]}, {"choices": [{"message": shape}]}):
        try:
            answer, _ = passed_whole(json.dumps(body).encode(), HEAD, "openai")
        except Unusable:
            continue
        message = json.loads(answer)["choices"][0]["message"]
        assert message.get("content") is not None or message["tool_calls"]
