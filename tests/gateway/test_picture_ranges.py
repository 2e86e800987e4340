"""What part of a picture is sent: one range, in linear time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.gateway.pictures.ranges import Unsatisfiable, asked_range, matches, still_the_same

SIZE = 100
WANTED = {
    "bytes=0-0": range(0, 1),
    "bytes=0-": range(0, 100),
    "bytes=10-19": range(10, 20),
    "bytes=99-": range(99, 100),
    "bytes=90-4096": range(90, 100),
    "bytes=-1": range(99, 100),
    "bytes=-100": range(0, 100),
    "bytes=-4096": range(0, 100),
    "Bytes=1-2": range(1, 3),
    "bytes= 1-2 ": range(1, 3),
    "bytes=0000000000000000000000000000001-2": range(1, 3),
    f"bytes=5-{'9' * 200}": range(5, 100),
}


@pytest.mark.parametrize("header", WANTED)
def test_s20_one_range_is_honoured(header: str) -> None:
    """S20: one range honoured. RFC 9110, section 14.1.2."""
    assert asked_range(header, SIZE) == WANTED[header]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=2-1",
        "bytes=a-b",
        "bytes=1-2,3-4",
        "bytes=0-1,",
        "bytes=٣-٤",
        "items=0-1",
        "bytes=1-2\n",
        "bytes=" + ",".join(f"{at}-" for at in range(1000)),
        "bytes=" + "9" * 100_000 + "-",
    ],
)
def test_s20_several_ranges_and_nonsense_get_the_whole(header: str | None) -> None:
    """S20: 1,000 overlapping ranges, and whatever cannot be read, are answered with the whole."""
    assert asked_range(header, SIZE) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", f"bytes={'9' * 200}-"])
def test_s20_a_range_behind_the_end_cannot_be_satisfied(header: str) -> None:
    """S20: else 416."""
    with pytest.raises(Unsatisfiable):
        asked_range(header, SIZE)


@given(st.text() | st.from_regex(r"bytes=[0-9, -]{0,80}", fullmatch=True), st.integers(1, 10_000))
def test_a_range_never_leaves_the_picture(header: str, size: int) -> None:
    """RFC 9110, section 14.2: whatever is asked, only bytes that are there are sent."""
    try:
        part = asked_range(header, size)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part.start < part.stop <= size


def test_a_tag_is_known_again_among_others() -> None:
    """RFC 9110, section 13.1.2: compared weakly, in a list, or as a star."""
    assert matches('"a"', '"a"')
    assert matches('W/"a"', '"a"')
    assert matches('"b", "a"', '"a"')
    assert matches("*", '"a"')
    assert not matches(None, '"a"')
    assert not matches("a", '"a"')
    assert not matches('"b"', '"a"')


def test_a_part_is_sent_only_of_the_picture_that_was_meant() -> None:
    """RFC 9110, section 13.1.5: a strong tag, and no date."""
    assert still_the_same(None, '"a"')
    assert still_the_same('"a"', '"a"')
    assert not still_the_same('W/"a"', '"a"')
    assert not still_the_same("Sat, 21 Nov 2026 10:00:00 GMT", '"a"')
