"""The fields of requests, read one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.wire.asking import AskError, flag, number, one_of, text, whole_number

READERS: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "text": lambda body: text(body, "x", least=1, most=5),
    "one_of": lambda body: one_of(body, "x", ("url", "b64_json")),
    "whole_number": lambda body: whole_number(body, "x", least=1, most=10),
    "number": lambda body: number(body, "x", least=0, most=2),
    "flag": lambda body: flag(body, "x"),
}
anything = st.text(st.characters(exclude_categories=()))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | anything
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(anything, inner, max_size=2)
)


@pytest.mark.parametrize("reader", READERS)
def test_what_is_missing_or_null_is_none(reader: str) -> None:
    """Published schemas disagree about nulls: a null means that nothing was said."""
    assert READERS[reader]({}) is None
    assert READERS[reader]({"x": None}) is None


@pytest.mark.parametrize(
    ("reader", "value", "read"),
    [
        ("text", "a fox", "a fox"),
        ("text", "\ud800", "\ufffd"),
        ("one_of", "url", "url"),
        ("whole_number", 1, 1),
        ("whole_number", 10, 10),
        ("whole_number", 3.0, 3),
        ("number", 0, 0.0),
        ("number", 2, 2.0),
        ("number", 0.5, 0.5),
        ("flag", False, False),
    ],
)
def test_a_value_in_range_is_read(reader: str, value: object, read: object) -> None:
    """Limits are part of the range; U15: text is always valid UTF-8."""
    found = READERS[reader]({"x": value})
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("text", ""),
        ("text", "a foxes"),
        ("text", 1),
        ("one_of", "URL"),
        ("one_of", ["url"]),
        ("whole_number", 0),
        ("whole_number", 11),
        ("whole_number", 1.5),
        ("whole_number", True),
        ("whole_number", "1"),
        ("whole_number", math.inf),
        ("number", -0.1),
        ("number", 2.1),
        ("number", False),
        ("number", math.nan),
        ("number", "1"),
        ("flag", 0),
        ("flag", "true"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_path(reader: str, value: object) -> None:
    """Errors name the parameter in our own words."""
    with pytest.raises(AskError) as raised:
        READERS[reader]({"x": value})
    assert (raised.value.code, raised.value.param) == ("invalid_value", "x")


def test_the_path_of_a_nested_field_is_whole() -> None:
    """Wire sheet, 6.1: `param` is like "tools[0].quality"."""
    with pytest.raises(AskError) as raised:
        whole_number({"n": "many"}, "n", least=1, at="tools[0]")
    assert raised.value.param == "tools[0].n"
    assert "tools[0].n" in raised.value.sentence


def test_a_number_beyond_all_floats_is_refused() -> None:
    """S08: JSON knows no largest integer."""
    with pytest.raises(AskError):
        number({"x": 10**400}, "x", least=0)


@given(st.sampled_from(sorted(READERS)), values)
def test_any_value_is_read_or_refused(reader: str, value: object) -> None:
    """A schema-driven fuzz finds no 5xx; a refusal never repeats what was sent."""
    try:
        READERS[reader]({"x": value})
    except AskError as error:
        refusal = error
    else:
        return
    assert refusal.code == "invalid_value"
    assert len(refusal.sentence) < 120
