"""Schemas of the client's tools."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.gateway.refusal import REFUSALS
from limner.wire.asking import AskError
from limner.wire.chat.tools import read_tools
from limner.wire.toolcheck import MOST_CHARACTERS, MOST_DEPTH, MOST_TOOLS, MOST_VALUES, check_schemas

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["$ref", "properties", "anyOf", "a/b", "0"]) | st.text(max_size=4), inner
        )
    ),
    max_leaves=20,
)


def code_of(*schemas: dict[str, Any]) -> str | None:
    """The code that the first of `schemas` is refused with that is refused; None where none is."""
    try:
        check_schemas((f"tools[{place}]", schema) for place, schema in enumerate(schemas))
    except AskError as error:
        return error.code if error.code in REFUSALS and error.param is not None else "unknown"
    return None


def nested(depth: int, keyword: str = "anyOf") -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {keyword: [schema]}
    return schema


class Counted(dict[str, Any]):
    """A schema that counts how often somebody looks into it."""

    looks = 0

    def values(self) -> Any:
        Counted.looks += 1
        return super().values()


@pytest.mark.parametrize("name", ["$ref", "$dynamicRef", "$recursiveRef"])
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/schema.json",
        "https://json-schema.org/draft/2020-12/schema",
        "file:///etc/passwd",
        "//elsewhere/x",
        "other.json",
        "",
        "http://127.0.0.1:1/#/$defs/a",
        "urn:uuid:1",
    ],
)
def test_s13_a_reference_that_leads_elsewhere_is_refused(name: str, target: str) -> None:
    """S13: nothing is ever fetched; wherever in the schema it stands."""
    assert code_of({name: target}) == "schema_remote_ref"
    assert code_of({"properties": {"a": {"items": [{"not": {name: target}}]}}}) == "schema_remote_ref"


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"$ref": "#"}}},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"$defs": {"a/b~c d": {}}, "$ref": "#/$defs/a~1b~0c%20d"},
        {"anyOf": [{}, {"$ref": "#/anyOf/0"}]},
        {"$defs": {"a": {"$anchor": "here"}}, "$ref": "#here"},
        {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://example.com/me"},
        {"properties": {"$ref": {"type": "string", "description": "A property of that name."}}},
    ],
    ids=["itself", "a circle", "escapes", "a list", "an anchor", "names of schemas", "a property"],
)
def test_s14_local_references_may_lead_anywhere_in_the_schema(schema: dict[str, Any]) -> None:
    """S14: circles are ordinary in schemas of trees, and nothing follows them here."""
    assert code_of(schema) is None


@pytest.mark.parametrize(
    "target",
    ["#/$defs/b", "#/$defs/a/0", "#/anyOf/2", "#/anyOf/x", "#/anyOf/-1", "#/type/0", "#/anyOf/" + "1" * 5000],
)
def test_a_local_reference_to_nothing_is_refused(target: str) -> None:
    """Every provider would refuse it later, with words that name no tool."""
    assert (
        code_of({"$defs": {"a": {}}, "anyOf": [{}, {}], "type": "object", "$ref": target}) == "schema_invalid"
    )


@pytest.mark.parametrize(
    "schema",
    [
        nested(10_000),
        nested(10_000, "allOf"),
        nested(MOST_DEPTH),
        {"enum": ["x" * 1000] * 5000},
        {"enum": ["x" * (5 << 20)]},
        {"enum": list(range(MOST_VALUES))},
        {"anyOf": [{} for _ in range(10_000)]},
        {"properties": {"x" * MOST_CHARACTERS: {}}},
        {"description": "x" * MOST_CHARACTERS},
    ],
    ids=["10k anyOf", "10k allOf", "depth", "5 MB enum", "one 5 MB value", "values", "wide", "name", "text"],
)
def test_s14_what_is_too_large_is_refused(schema: dict[str, Any]) -> None:
    """S14: nested, wide or long."""
    assert code_of(schema) == "schema_too_complex"


def test_s14_what_fits_is_taken() -> None:
    """S14: the limits are those of abuse, not of use."""
    assert code_of(nested((MOST_DEPTH - 1) // 2)) is None
    assert code_of({"enum": list(range(MOST_VALUES - 2))}) is None
    assert code_of({"description": "x" * (MOST_CHARACTERS - 100)}) is None
    large = {"properties": {f"p{place}": {"type": "string"} for place in range(100)}}
    assert code_of(*[large] * MOST_TOOLS) is None


def test_s14_all_schemas_together_are_bounded() -> None:
    """S14: 128 schemas that are each within the limits would still cost a second of everybody's time."""
    schema = {"enum": list(range(MOST_VALUES - 2))}
    assert code_of(*[schema] * 6) is None
    assert code_of(*[schema] * 7) == "schema_too_complex"


def test_s14_129_tools_are_refused_before_any_is_looked_at() -> None:
    """S14. Fails if schemas are measured before the tools are counted."""
    schema = Counted(type="object", description="x" * 64_000)
    tools = [
        {"type": "function", "function": {"name": f"f{place}", "parameters": schema}}
        for place in range(MOST_TOOLS + 1)
    ]
    Counted.looks = 0
    with pytest.raises(AskError) as caught:
        read_tools(tools)
    assert (caught.value.code, caught.value.param, Counted.looks) == ("schema_too_complex", "tools", 0)
    assert len(read_tools(tools[:-1])[0]) == MOST_TOOLS


def test_s14_what_is_too_large_is_not_read_to_its_end() -> None:
    """S14: time is bounded by the limit, not by what was sent. Fails if all is walked before it is counted."""
    leaf = Counted(a=1)
    Counted.looks = 0
    assert code_of({"anyOf": [leaf] * 1_000_000}) == "schema_too_complex"
    assert code_of({"anyOf": [{"anyOf": [leaf] * 100}] * 1000}) == "schema_too_complex"
    assert Counted.looks <= MOST_VALUES


def test_s15_a_pattern_goes_on_unread() -> None:
    """S15: arguments of the client's tools are checked by the client, so no pattern is ever evaluated here."""
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    functions, _ = read_tools([{"type": "function", "function": {"name": "f", "parameters": schema}}])
    assert functions[0].given is not None
    assert functions[0].given["function"]["parameters"] == schema
    assert code_of({"pattern": "("}) is None


@given(st.lists(st.dictionaries(st.text(max_size=4) | st.just("$ref"), JSON), max_size=3))
def test_any_schema_is_taken_or_refused_by_code(schemas: list[dict[str, Any]]) -> None:
    """Nothing but AskError leaves, whatever the JSON."""
    assert code_of(*schemas) in (None, "schema_too_complex", "schema_remote_ref", "schema_invalid")
