"""Schemas of a client's tools: none is fetched for, none costs more than it may, with our tool beside them or not."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from chats import IMAGE, Chats
from providers import Provider, Said

BESIDE = pytest.mark.parametrize("beside", [[], [IMAGE]], ids=["without our tool", "with our tool"])


@dataclass
class Canary:
    """Listens where a schema points to."""

    listener: socket.socket

    @property
    def address(self) -> str:
        host, port = self.listener.getsockname()
        return f"{host}:{port}"

    @property
    def heard(self) -> bool:
        """Whether anybody has come; the system keeps who has, also where nobody accepts."""
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def canary() -> Iterator[Canary]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield Canary(listener)


def function(parameters: Any, name: str = "look_up") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def asked(chats: Chats, tools: list[dict[str, Any]], *, stream: bool = False) -> httpx2.Response:
    return chats.post("Draw a fox", tools=tools, stream=stream)


def test_the_canary_hears_who_comes(canary: Canary) -> None:
    """What follows would prove nothing otherwise."""
    assert not canary.heard
    socket.create_connection(canary.listener.getsockname()).close()
    assert canary.heard


@BESIDE
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://{at}/schema.json"},
        {"$ref": "//{at}/schema.json"},
        {"$ref": "HTTP://{at}/schema.json#/properties/a"},
        {"$ref": "file:///etc/hostname"},
        {"$ref": "schema.json"},
        {"$dynamicRef": "http://{at}/schema.json"},
        {"type": "object", "properties": {"a": {"items": {"anyOf": [{"$ref": "http://{at}/x"}]}}}},
        {"$id": "http://{at}/", "$defs": {"a": {"$ref": "http://{at}/b"}}, "$ref": "#/$defs/a"},
    ],
    ids=["http", "no scheme", "capitals", "file", "relative", "dynamic", "deep", "in a definition"],
)
def test_a_schema_elsewhere_is_refused_and_nobody_goes_there(
    chats: Chats,
    provider: Provider,
    canary: Canary,
    beside: list[dict[str, Any]],
    schema: dict[str, Any],
    stream: bool,
) -> None:
    """S13: 400 schema_remote_ref; no fetch, and no request to the model."""
    there = json.loads(json.dumps(schema).replace("{at}", canary.address))
    answer = asked(chats, [*beside, function(there)], stream=stream)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["code"], error["param"]) == (
        "schema_remote_ref",
        f"tools[{len(beside)}].function.parameters",
    )
    assert not canary.heard
    assert not provider.requests


@BESIDE
def test_what_only_names_an_address_is_taken_and_nobody_goes_there(
    chats: Chats, provider: Provider, canary: Canary, beside: list[dict[str, Any]]
) -> None:
    """S13: `$schema` and `$id` are names; a reference within the schema is followed by who asks."""
    named = {
        "$schema": f"http://{canary.address}/draft",
        "$id": f"http://{canary.address}/id",
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/a"}},
        "$defs": {"a": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/a"}]}},
    }
    provider.chat_script(lambda body: Said("Here it is."))
    answer = asked(chats, [*beside, function(named)])
    assert answer.status_code == 200, answer.text
    (sent,) = provider.posts("/chat/completions")
    assert named in [each["function"]["parameters"] for each in sent.json["tools"]]
    assert not canary.heard


def nested(depth: int, *, word: str = "anyOf") -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {word: [schema]}
    return schema


def many(count: int) -> list[dict[str, Any]]:
    return [function({"type": "object", "properties": {}}, f"f{place}") for place in range(count)]


@BESIDE
@pytest.mark.parametrize(
    ("tools", "param"),
    [
        (many(129), "tools"),
        ([function(nested(28))], "tools[{at}].function.parameters"),
        (
            [function({"anyOf": [{"type": "string"} for _ in range(10_000)]})],
            "tools[{at}].function.parameters",
        ),
        ([function({"enum": ["x" * 1000] * 5000})], "tools[{at}].function.parameters"),
        ([function({"description": "x" * (5 << 20)})], "tools[{at}].function.parameters"),
    ],
    ids=["129 tools", "nested anyOf", "10k anyOf", "5 MB enum", "5 MB text"],
)
def test_a_schema_that_costs_too_much_is_refused(
    chats: Chats, provider: Provider, beside: list[dict[str, Any]], tools: list[dict[str, Any]], param: str
) -> None:
    """S14: 400 schema_too_complex, by its place; the model is not asked."""
    answer = asked(chats, [*beside, *tools])
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (
        400,
        "invalid_request_error",
        "schema_too_complex",
    )
    assert error["param"] == param.format(at=len(beside))
    assert not provider.requests


@BESIDE
def test_ten_thousand_levels_are_refused_as_json_already(
    chats: Chats, provider: Provider, beside: list[dict[str, Any]]
) -> None:
    """S07, S14: what nests so deeply is not read to its end, and nothing recurses into it."""
    deep = '{"anyOf":[' * 10_000 + "{}" + "]}" * 10_000
    body = json.dumps(chats.body("Draw", tools=[*beside, function("DEEP")])).replace('"DEEP"', deep)
    answer = httpx2.post(
        f"{chats.gateway.url}/chat/completions",
        content=body,
        headers={"content-type": "application/json"},
        timeout=20,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "json_too_deep")
    assert not provider.requests


@BESIDE
def test_as_many_tools_as_are_allowed_are_taken(
    chats: Chats, provider: Provider, beside: list[dict[str, Any]]
) -> None:
    """S14: the limits are those of abuse, not of use; our tool counts as one."""
    provider.chat_script(lambda body: Said("Here it is."))
    tools = many(128 - len(beside))
    answer = asked(chats, [*beside, *tools])
    assert answer.status_code == 200, answer.text
    (sent,) = provider.posts("/chat/completions")
    assert {each["function"]["name"] for each in tools} <= {
        each["function"]["name"] for each in sent.json["tools"]
    }
