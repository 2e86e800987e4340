"""What of a model's arguments and names can be read. Source: scorecard U23, U24; quirks 19 to 27."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.repair import ArgumentsError, call_id, canonical_arguments, parse_arguments, tool_name


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        ("  ", {}),
        ("null", {}),
        ("{}", {}),
        ('{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('""', {}),
    ],
)
def test_arguments_that_can_be_read_are_read(text: str, wanted: dict[str, int]) -> None:
    """U24: empty and null are no arguments, a double-encoded object is decoded once."""
    assert parse_arguments(text) == wanted


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "arguments_invalid_json"),
        ("{'a': True}", "arguments_invalid_json"),
        ('{"a": 1}}', "arguments_invalid_json"),
        ('{"a": 1}{"a": 2}', "arguments_invalid_json"),
        ('{"a": NaN}', "arguments_invalid_json"),
        ("[" * 100_000, "arguments_invalid_json"),
        ("[1]", "arguments_not_object"),
        ("7", "arguments_not_object"),
        ('"words"', "arguments_not_object"),
        ('"\\"{}\\""', "arguments_not_object"),
    ],
)
def test_arguments_that_cannot_be_read_are_never_guessed(text: str, code: str) -> None:
    """U23: a repaired guess could buy a picture that nobody asked for."""
    with pytest.raises(ArgumentsError) as caught:
        parse_arguments(text)
    assert caught.value.code == code


@given(st.text())
def test_what_is_replayed_is_always_a_json_object(text: str) -> None:
    """Quirk 23: some providers refuse a history with anything else, for ever."""
    assert isinstance(json.loads(canonical_arguments(text)), dict)


@pytest.mark.parametrize(
    "name", ["functions.draw", "default_api:draw", "default.draw", "draw:0", "functions.draw:3"]
)
def test_decorated_names_mean_the_tool(name: str) -> None:
    """Quirk 25."""
    assert tool_name(name, {"draw"}) == "draw"


@pytest.mark.parametrize("name", ["Draw", "drawing", "dra", "", "rm"])
def test_other_names_are_not_guessed(name: str) -> None:
    """An unknown name goes back to the model instead."""
    assert tool_name(name, {"draw"}) == name


@given(st.integers(0, 46_655), st.integers(0, 1_295), st.integers(0, 46_655))
def test_call_ids_fit_the_strictest_provider(turn: int, number: int, index: int) -> None:
    """Quirk 27: nine letters and digits."""
    assert re.fullmatch(r"[A-Za-z0-9]{9}", call_id(turn, number, index))
