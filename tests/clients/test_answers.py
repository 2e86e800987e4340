"""Raw answers of a running service, each held against what the two services have published of theirs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from published import valid
from services import Answered, Service
from tellers import ALTS, HELLO, WEATHER

PREFIXES = {"openai": "/v1", "openrouter": "/api/v1"}
IMAGES = {"type": "openrouter:image_generation"}
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": WEATHER,
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}
CHATS: dict[str, dict[str, Any]] = {
    "plain": {"model": "words"},
    "pictures": {"model": "illustrator", "tools": [IMAGES]},
    "pictures as data beside the text": {
        "model": "illustrator",
        "tools": [IMAGES | {"parameters": {"show": "images", "urls": "data"}}],
    },
    "a picture that is refused": {"model": "refuser", "tools": [IMAGES]},
    "pictures that are promised": {
        "model": "illustrator",
        "tools": [IMAGES | {"parameters": {"promise_after": 0}}],
    },
    "both kinds of tools": {"model": "mixer", "tools": [IMAGES, WEATHER_TOOL]},
    "the name with the tool on": {"model": "illustrator:illustrated"},
}


@pytest.fixture(params=PREFIXES)
def dialect(request: pytest.FixtureRequest) -> str:
    """Each in its turn."""
    return str(request.param)


def chat(service: Service, dialect: str, body: dict[str, Any]) -> Answered:
    messages = [{"role": "user", "content": "Go on"}]
    return service.post(f"{PREFIXES[dialect]}/chat/completions", {"messages": messages} | body)


@pytest.mark.parametrize("name", CHATS)
def test_a_whole_chat_answer_fits_the_published_schema(name: str, dialect: str, service: Service) -> None:
    """Facts, wire, section 3.1; and what stands in it is what the model said."""
    answer = chat(service, dialect, CHATS[name])
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    valid(f"{dialect}/chat", answer.json)
    message = answer.json["choices"][0]["message"]
    assert (message["content"] or "").startswith((HELLO, "Two foxes:", "Without a picture:", "One moment."))
    if name != "plain":
        assert answer.json["limner"]["images"], "every picture is accounted for"


@pytest.mark.parametrize("name", CHATS)
def test_every_chunk_of_a_stream_fits_the_published_schema(name: str, dialect: str, service: Service) -> None:
    """Facts, wire, section 3.3: no event types, no ids, the terminator at the end."""
    answer = chat(service, dialect, CHATS[name] | {"stream": True, "stream_options": {"include_usage": True}})
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    assert not re.search(rb"^(?:event|id|retry):|\r", answer.body, re.M)
    for chunk in answer.chunks:
        valid(f"{dialect}/chunk", chunk)
    assert answer.chunks[-1]["usage"]["total_tokens"] >= 15


def test_a_stream_says_what_the_whole_answer_says(dialect: str, service: Service) -> None:
    """One engine: the texts differ in their links alone, which are minted when they are told."""
    whole = chat(service, dialect, CHATS["pictures"]).json["choices"][0]["message"]["content"]
    chunks = chat(service, dialect, CHATS["pictures"] | {"stream": True}).chunks
    deltas = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    assert without_links("".join(deltas)) == without_links(whole)
    assert all(alt in whole for alt in ALTS)


def without_links(text: str) -> str:
    return re.sub(r"\]\([^)]+\)", "]()", text)


@pytest.mark.parametrize(
    ("path", "body", "key", "status"),
    [
        ("/chat/completions", {"model": "words", "messages": []}, None, 400),
        ("/chat/completions", {}, None, 400),
        ("/chat/completions", {"model": "none", "messages": [{"role": "user", "content": "Hi"}]}, None, 404),
        ("/chat/completions", {"model": "words"}, "wrong-key", 401),
        (
            "/chat/completions",
            {"model": "breaker:illustrated", "messages": [{"role": "user", "content": "Hi"}]},
            None,
            502,
        ),
        (
            "/chat/completions",
            {"model": "breaker", "messages": [{"role": "user", "content": "Hi"}]},
            None,
            502,
        ),
        ("/images/generations", {"prompt": "forbidden"}, None, 502),
        ("/images", {"prompt": "a fox"}, None, 400),
        ("/nothing", {}, None, 404),
        ("/models", {}, None, 405),
    ],
)
def test_an_error_fits_the_published_schema(
    path: str, body: Any, key: str | None, status: int, dialect: str, service: Service
) -> None:
    """Facts, wire, section 6.1: OpenAI's `code` is a word, OpenRouter's the status."""
    given = {} if key is None else {"key": key}
    answer = service.post(PREFIXES[dialect] + path, body, **given)
    assert answer.status == status
    valid(f"{dialect}/error", answer.json)
    assert isinstance(answer.json["error"]["code"], str if dialect == "openai" else int)


@pytest.mark.parametrize("model", ["breaker", "breaker:illustrated"])
def test_an_error_in_a_stream_fits_the_published_schema(model: str, dialect: str, service: Service) -> None:
    """Facts, wire, section 6.3: the stream has begun, so the error is its last event."""
    answer = chat(service, dialect, {"model": model, "stream": True})
    *chunks, last = answer.chunks
    assert answer.status == 200
    for chunk in chunks:
        valid(f"{dialect}/chunk", chunk)
    valid("openai/error" if dialect == "openai" else "openrouter/chunk", last)
    assert last["error"]["code"] == ("upstream_reset" if dialect == "openai" else 502)


@pytest.mark.parametrize("more", [{}, {"response_format": "b64_json", "n": 2}])
def test_an_answer_with_pictures_fits_the_published_schema(
    more: dict[str, Any], dialect: str, service: Service
) -> None:
    """Facts, wire, section 5."""
    if dialect == "openai":
        answer = service.post("/v1/images/generations", {"model": "colours", "prompt": "a fox"} | more)
    else:
        answer = service.post("/api/v1/images", {"model": "colours", "prompt": "a fox"} | more)
    assert answer.status == 200
    valid(f"{dialect}/images", answer.json)
    assert len(answer.json["data"]) == more.get("n", 1)


def test_the_list_of_models_fits_both_published_schemas(dialect: str, service: Service) -> None:
    """Facts, clients: one shape that the strict clients of both services accept."""
    answer = service.get(f"{PREFIXES[dialect]}/models")
    assert answer.status == 200
    valid("openai/models", answer.json)
    valid("openrouter/models", answer.json)


def test_the_list_of_image_models_fits_the_published_schema(dialect: str, service: Service) -> None:
    """Facts, wire, section 5.1."""
    answer = service.get(f"{PREFIXES[dialect]}/images/models")
    assert answer.status == 200
    valid("openrouter/image_models", answer.json)


def test_offline_every_answer_says_so(dialect: str, offline: Service) -> None:
    """Nobody takes what was made up for a model's words; the shapes are the same."""
    prefix = PREFIXES[dialect]
    body = {"model": "any/name", "messages": [{"role": "user", "content": "A fox in two illustrated steps"}]}
    answers = [
        offline.post(f"{prefix}/chat/completions", body),
        offline.post(f"{prefix}/chat/completions", body | {"tools": [IMAGES]}),
        offline.post(f"{prefix}/images/generations", {"prompt": "a fox"}),
        offline.post(f"{prefix}/images", {"prompt": "a fox", "model": "any/other"}),
        offline.get(f"{prefix}/models"),
        offline.get(f"{prefix}/images/models"),
    ]
    assert [each.status for each in answers] == [200] * len(answers)
    for each in answers:
        assert each.json["limner"]["offline"] is True
        assert each.headers["x-limner-offline"] == "true"
    for each in answers[:2]:
        valid(f"{dialect}/chat", each.json)
    stream = offline.post(f"{prefix}/chat/completions", body | {"tools": [IMAGES], "stream": True})
    assert stream.headers["x-limner-offline"] == "true"
    for chunk in stream.chunks:
        valid(f"{dialect}/chunk", chunk)
