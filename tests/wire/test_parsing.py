"""Providers' JSON is read whatever figures and bytes stand in it."""

from __future__ import annotations

import math

import pytest

from limner.wire.parsing import finite, parsed

LONG = "1" + "0" * 5000


def test_a_figure_that_no_number_can_hold_costs_nothing_else() -> None:
    """Python refuses integers of thousands of digits, and with them the paid picture beside."""
    assert parsed(f'{{"a": {LONG}, "b": -{LONG}, "c": 12}}') == {"a": math.inf, "b": -math.inf, "c": 12}


@pytest.mark.parametrize("data", [b'\xef\xbb\xbf{"a": "\xff"}', '{"a": "\ufffd"}'])
def test_bytes_that_are_no_text_become_question_marks(data: bytes | str) -> None:
    """HTML Standard, "UTF-8 decode": U+FFFD in place of what is none."""
    assert parsed(data) == {"a": "\ufffd"}


@pytest.mark.parametrize("data", ["", "{", b"\xff", "[" * 100_000, '{"a": 1}}'])
def test_what_is_no_json_is_one_error(data: bytes | str) -> None:
    """CONVENTIONS, "Errors": one type to catch, however deep it is nested."""
    with pytest.raises(ValueError):  # noqa: PT011 - json's own subclass, or the one for depth
        parsed(data)


@pytest.mark.parametrize("data", ["[" + "{}," * 600_000 + "1]", '["' + "a," * 600_000 + '"]'])
def test_i05_what_is_made_of_very_many_values_is_not_read(data: str) -> None:
    """I05, P13: the 50 MiB that a picture may come in would take 1.3 GiB, and seconds in which nothing runs."""
    with pytest.raises(ValueError, match="too many"):
        parsed(data)


def test_a_long_text_is_read_whatever_it_is_made_of() -> None:
    """A picture is one value, and a chapter has a comma in every line."""
    text = "A" * 40_000_000 + "so, it, goes" * 100_000
    assert parsed(f'{{"b64_json": "{text}"}}') == {"b64_json": text}


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0.0),
        (3, 3.0),
        (0.5, 0.5),
        (10**400, 10.0**18),
        (-1, None),
        (-(10**400), None),
        (math.inf, None),
        (math.nan, None),
        (True, None),
        ("1", None),
        (None, None),
    ],
)
def test_a_figure_is_finite_and_not_negative(value: object, number: float | None) -> None:
    """Scorecard: figures of providers are clamped, never trusted."""
    assert finite(value) == number
