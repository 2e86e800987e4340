"""The quick yes to arguments: never where the validator says no, and always where the image tool is used as told."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.testing import PlainImages
from limner.tools.image import ImageTool
from limner.tools.schema import CompiledSchema
from limner.tools.usual import surely_fits

NAMES = st.sampled_from(["a", "b", "c"])
ENDS = st.integers(-1, 3)


def some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


def schemas() -> st.SearchStrategy[dict[str, Any]]:
    """Usual ones, and what nearly is: ends below nothing, words twice, unknown types and keywords."""
    notes = {"description": st.text(max_size=3), "default": st.none()}
    flat = st.one_of(
        some(minLength=ENDS, maxLength=ENDS, enum=st.lists(NAMES | st.integers(), max_size=3), **notes).map(
            lambda each: {"type": "string", **each}
        ),
        some(minimum=ENDS, maximum=ENDS | st.floats(0, 3)).map(lambda each: {"type": "integer", **each}),
        some(**notes).map(lambda each: {"type": "boolean", **each}),
        st.sampled_from(
            [{"type": ["string", "null"]}, {"type": "number"}, {"const": 1}, {}, {"type": "word"}]
        ),
    )
    return st.recursive(
        flat,
        lambda inner: st.one_of(
            some(minItems=ENDS, maxItems=ENDS, items=inner, uniqueItems=st.booleans()).map(
                lambda each: {"type": "array", **each}
            ),
            some(
                properties=st.dictionaries(NAMES, inner),
                required=st.lists(NAMES, max_size=2),
                additionalProperties=st.booleans() | inner,
            ).map(lambda each: {"type": "object", **each}),
        ),
        max_leaves=6,
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 4) | st.sampled_from([1.0, 2.5]) | st.text("ab", max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(schemas(), VALUES)
def test_what_surely_fits_is_found_to_fit_by_the_validator(schema: dict[str, Any], value: Any) -> None:
    """A wrong yes would hand a tool what it was promised never to see."""
    fits = surely_fits(schema)
    if fits is None:
        return
    jsonschema.Draft202012Validator.check_schema(schema)
    if fits(value):
        assert jsonschema.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    "said",
    [
        {"prompt": "a fox", "alt": "a fox"},
        {"alt": "é" * 500, "prompt": "x" * 4000, "aspect_ratio": "16:9"},
        {"prompt": "a fox", "alt": "a fox", "name": "fox", "like": ["image://1", "boat"]},
        {"prompt": "a fox", "alt": "a fox", "like": []},
    ],
    ids=["the least", "the most", "likeness", "like nothing"],
)
def test_the_image_tool_used_as_told_is_not_looked_at_twice(said: dict[str, Any]) -> None:
    """Its schema is of the usual kind, whatever is added to it."""
    fits = surely_fits(ImageTool(PlainImages(max_references=4)).spec.parameters)
    assert fits is not None
    assert fits(said)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"prompt": "a fox"}, "/: required alt missing"),
        ({"prompt": "", "alt": "a"}, "/prompt: must satisfy minLength 1"),
        ({"prompt": "a", "alt": 1}, "/alt: must satisfy type 'string'"),
        ({"prompt": "a", "alt": "a", "size": "1x1"}, "/: only these properties are allowed"),
    ],
    ids=["missing", "empty", "no text", "unknown"],
)
def test_what_does_not_fit_is_still_explained(said: dict[str, Any], problem: str) -> None:
    """The model reads what to put right."""
    spec = ImageTool(PlainImages()).spec
    found = CompiledSchema(spec.name, json.loads(json.dumps(spec.parameters))).problems(said)
    assert found.startswith(problem)
