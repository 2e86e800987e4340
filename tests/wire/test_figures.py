"""What an answer says about tokens and money."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.wire.figures import Tokens, cost_usd, money, tokens

OPENAI = {
    "total_tokens": 100,
    "input_tokens": 50,
    "output_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens_details": {"image_tokens": 50, "text_tokens": 0},
}


@pytest.mark.parametrize(
    ("usage", "references", "counted"),
    [
        pytest.param(OPENAI, True, Tokens(10, 40, 0, 50), id="OpenAI"),
        pytest.param(
            {**OPENAI, "output_tokens_details": None}, True, Tokens(10, 40, 0, 50), id="OpenAI, streamed"
        ),
        pytest.param(
            {"input_tokens": 9, "output_tokens": 20}, False, Tokens(9, 0, 0, 20), id="43 no details, words in"
        ),
        pytest.param(
            {"input_tokens": 9, "output_tokens": 20},
            True,
            Tokens(0, 9, 0, 20),
            id="43 no details, pictures in",
        ),
        pytest.param(
            {"input_tokens": 9, "input_tokens_details": {"text_tokens": 4}},
            True,
            Tokens(4, 5, 0, 0),
            id="43 half of the details",
        ),
        pytest.param(
            {"prompt_tokens": 0, "completion_tokens": 4175, "total_tokens": 4175, "cost": 0.04},
            False,
            Tokens(0, 0, 0, 4175),
            id="OpenRouter",
        ),
        pytest.param(
            {
                "prompt_tokens": 7,
                "completion_tokens": 1300,
                "completion_tokens_details": {"reasoning_tokens": 5, "image_tokens": 1290},
            },
            False,
            Tokens(7, 0, 10, 1290),
            id="a chat answer that says something too",
        ),
        pytest.param(
            {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
            False,
            None,
            id="LocalAI counts nothing",
        ),
        pytest.param({"generated_images": 1, "total_tokens": 4096}, False, None, id="other names"),
        pytest.param({"image_count": 1}, False, None, id="pictures alone"),
        pytest.param({"input_tokens": "9", "output_tokens": -3}, False, None, id="odd"),
        pytest.param({"output_tokens": 1e300}, False, Tokens(0, 0, 0, 10**9), id="absurd"),
        pytest.param(None, False, None, id="none"),
        pytest.param([1], False, None, id="a list"),
    ],
)
def test_tokens_are_counted_however_they_are_told(
    usage: Any, references: bool, counted: Tokens | None
) -> None:
    """Quirk 43; images sheet, 2.3: nothing is counted as the cheaper of two kinds, nothing is lost."""
    assert tokens(usage, with_references=references) == counted


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        ({"cost": 0.04}, 0.04),
        ({"cost": "0.04"}, 0.04),
        ({"cost": 0}, 0.0),
        ({"cost_in_usd_ticks": 200_000_000}, 0.02),
        ({"cost": 0.04, "cost_in_usd_ticks": 1}, 0.04),
        ({"cost": 10**400}, 10.0**6),
        ({"cost": -1}, None),
        ({"cost": -(10**400)}, None),
        ({"cost": float("nan")}, None),
        ({"cost": float("inf")}, None),
        ({"cost": True}, None),
        ({"cost": []}, None),
        ({"cost": "free"}, None),
        ({"cost": "nan"}, None),
        ({}, None),
        (None, None),
    ],
    ids=str,
)
def test_the_providers_own_figure_is_read(usage: Any, usd: float | None) -> None:
    """Wire sheet 5.1; xAI documentation, "Cost tracking"; LiteLLM writes it as text."""
    told = cost_usd(usage)
    assert told == usd if usd is None else told == pytest.approx(usd)


@given(st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.lists(st.none())))
def test_no_figure_is_negative_or_endless(figure: object) -> None:
    """Whatever a header or an answer says there."""
    usd = money(figure)
    assert usd is None or 0 <= usd <= 10.0**6


@given(
    st.dictionaries(
        st.sampled_from([*OPENAI, "prompt_tokens", "completion_tokens", "completion_tokens_details"]),
        st.none() | st.integers() | st.floats() | st.text() | st.dictionaries(st.text(), st.integers()),
    ),
    st.booleans(),
)
def test_no_usage_breaks_the_reading(usage: dict[str, Any], references: bool) -> None:
    """A picture that was paid for must not be lost to a figure beside it."""
    counted = tokens(usage, with_references=references)
    assert counted is None or counted != Tokens()
