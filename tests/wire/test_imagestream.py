"""Pictures of a stream: those that take shape, and those that are finished."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.errors import PictureError
from limner.wire.figures import Tokens
from limner.wire.images.deliveries import Delivery, FoundPicture
from limner.wire.images.stream import (
    Partial,
    finished,
    is_finished,
    is_partial,
    partial_of,
    speaks_of_finished,
)

DATA = bytes(range(256))
B64 = base64.b64encode(DATA).decode()
LIMIT = 1000
PICTURE = FoundPicture(DATA, None)
KINDS = ("image_generation", "image_edit")


@pytest.mark.parametrize("kind", KINDS)
def test_a_finished_picture_is_known_by_its_type_alone(kind: str) -> None:
    """Quirk 47: a partial frame looks like a finished one in every other way."""
    done = {"type": f"{kind}.completed", "b64_json": B64, "usage": {"output_tokens": 9}}
    half = {"type": f"{kind}.partial_image", "b64_json": B64, "partial_image_index": 1}
    assert (is_finished(done), is_partial(done), partial_of(done, LIMIT)) == (True, False, None)
    assert (is_finished(half), is_partial(half), partial_of(half, LIMIT)) == (False, True, Partial(1, DATA))
    assert finished([done], LIMIT) == Delivery((PICTURE,), None, None, Tokens(0, 0, 0, 9))


@pytest.mark.parametrize(
    "event",
    [
        {"type": "image_generation.text_chunk", "text": "<svg", "phase": "draft"},
        {"type": "image_generation.unheard_of", "b64_json": B64},
        {"type": "image.edit.chunk", "b64_json": B64},
        {"b64_json": B64},
        {"type": None, "data": "x"},
        [{"type": "image_edit.completed"}],
        None,
    ],
    ids=str,
)
def test_what_nobody_knows_is_neither(event: Any) -> None:
    """Images sheet, 2.4 and 2.7: unknown types are passed over, never taken for a picture."""
    assert (is_finished(event), is_partial(event), partial_of(event, LIMIT)) == (False, False, None)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "image_edit.partial_image"},
        {"type": "image_edit.partial_image", "b64_json": "%"},
        {"type": "image_edit.partial_image", "b64_json": "A" * 3000},
    ],
    ids=["empty", "broken", "too large"],
)
def test_a_partial_picture_that_cannot_be_read_is_none(event: Any) -> None:
    """Nobody needs it; the finished one is what counts."""
    assert is_partial(event)
    assert partial_of(event, LIMIT) is None


def test_several_finished_pictures_are_added_up() -> None:
    """An order for two: each has its own event, and perhaps its own figures."""
    usage = {"input_tokens": 1, "output_tokens": 10, "cost": 0.02}
    done = {"type": "image_generation.completed", "b64_json": B64, "usage": usage, "model": "m"}
    broken = {"type": "image_generation.completed", "b64_json": "%"}
    assert finished([done, broken, done], LIMIT) == Delivery(
        (PICTURE, PICTURE), "m", 0.04, Tokens(2, 0, 0, 20)
    )


def test_a_whole_answer_in_one_event_is_read() -> None:
    """A server that calls its one answer a stream."""
    event = {"created": 1, "data": [{"b64_json": B64}, {"url": "https://x/y"}]}
    assert is_finished(event)
    assert finished([event], LIMIT).pictures == (PICTURE, FoundPicture(None, "https://x/y"))


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([], "image_bad_payload"),
        ([{"type": "image_generation.completed"}], "image_bad_payload"),
        ([{"type": "image_generation.completed", "b64_json": "A" * 3000}], "image_too_large"),
        ([{"data": [{"is_image_safe": False}]}], "image_policy"),
    ],
)
def test_a_stream_without_a_finished_picture_has_none(events: list[Any], code: str) -> None:
    """Scorecard I04."""
    with pytest.raises(PictureError) as caught:
        finished(events, LIMIT)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("cut", "spoken"),
    [
        ('image_generation.completed {"b64', True),
        (' {"type":"image_edit.completed","b64_json":"AA', True),
        ('image_generation.partial_image {"b64', False),
        ("", False),
    ],
)
def test_the_beginning_of_an_event_tells_whether_a_picture_was_finished(cut: str, spoken: bool) -> None:
    """What was finished is paid for; what was not may not be."""
    assert speaks_of_finished(cut) is spoken


@given(
    st.dictionaries(
        st.sampled_from(["type", "b64_json", "partial_image_index", "data", "usage"]),
        st.none() | st.integers() | st.floats() | st.text() | st.lists(st.none()),
    )
)
def test_no_event_breaks_the_reading(event: dict[str, Any]) -> None:
    """Whatever a server sends: a picture, or an error of ours and no other."""
    for kind in (event.get("type"), "image_edit.completed", "image_edit.partial_image"):
        shaped = {**event, "type": kind}
        partial_of(shaped, LIMIT)
        if is_finished(shaped):
            with contextlib.suppress(PictureError):
                assert finished([shaped], LIMIT).pictures
