"""Other people's clients, as they are published, against a running service: each task of each client.

Sources: facts, clients; wire, sections 1 to 3, 5 and 6.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from services import Service
from tellers import ALTS, HELLO, WEATHER

Outcomes = Callable[[str], Mapping[str, Any]]

PNG = b"\x89PNG\r\n\x1a\n"
MAJORS = {
    "openai-3": "3",
    "openai-2": "2",
    "openai-1": "1",
    "langchain-openai": "1",
    "openai-node": "7",
    "ai-sdk-openrouter": "3",
    "openrouter-sdk": "1",
}
FOLDS_STREAMS = ("openai-3", "openai-2", "openai-1", "openai-node", "ai-sdk-openrouter")
"""Those whose mixed turn is also tried streamed."""
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def value(outcomes: Outcomes, client: str, task: str) -> Any:
    """What a task came to; it must not have raised."""
    outcome = outcomes(client)[task]
    assert "value" in outcome, outcome
    return outcome["value"]


def raised(outcomes: Outcomes, client: str, task: str) -> Mapping[str, Any]:
    """What a task raised; it must have."""
    outcome = outcomes(client)[task]
    assert "raised" in outcome, outcome
    found: Mapping[str, Any] = outcome["raised"]
    return found


def test_the_client_is_the_one_that_is_meant(client: str, outcomes: Outcomes) -> None:
    """npm and pip take an older major in silence where the newest does not fit the machine."""
    assert outcomes(client)["version"].split(".")[0] == MAJORS[client]


@pytest.mark.parametrize("task", ["plain_whole", "plain_streamed"])
def test_a_plain_chat_is_what_the_model_said(client: str, task: str, outcomes: Outcomes) -> None:
    """Without our tool the service is a thin pass-through, also for letters of every script."""
    told = value(outcomes, client, task)
    assert told["text"] == HELLO
    assert (told["finish"], told["calls"], told["tokens"]) == ("stop", [], 15)
    assert not told.get("files")


@pytest.mark.parametrize("task", ["pictures_whole", "pictures_streamed", "alias_whole"])
def test_pictures_stand_in_the_text_and_can_be_fetched(
    client: str, task: str, outcomes: Outcomes, service: Service
) -> None:
    """The tool's pictures come as Markdown where the model put them, under links that serve them."""
    told = value(outcomes, client, task)
    found = _PICTURE.findall(told["text"])
    assert [alt for alt, _ in found] == list(ALTS)
    links = [link for _, link in found]
    assert told["text"] == (f"Two foxes:\n\n![{ALTS[0]}]({links[0]})\n\n![{ALTS[1]}]({links[1]})\n\nThe end.")
    assert len({fetched(service, link) for link in links}) == 2
    assert (told["finish"], told["calls"]) == ("stop", [])
    assert told["tokens"] > 15, "both requests to the model are counted"


def test_a_picture_is_one_delta_of_a_stream(client: str, outcomes: Outcomes) -> None:
    """Pages that render while they read show broken text where `![…](…)` comes in pieces."""
    deltas = value(outcomes, client, "pictures_streamed")["deltas"]
    assert sum(bool(_PICTURE.fullmatch(delta.strip())) for delta in deltas) == 2
    assert all(_PICTURE.search(delta) for delta in deltas if "![" in delta)


@pytest.mark.parametrize("client", ["openai-3", "openai-2", "openai-1", "openai-node"], indirect=True)
@pytest.mark.parametrize("task", ["pictures_whole", "pictures_streamed", "alias_whole"])
def test_pictures_stand_beside_the_text_for_clients_that_look_there(
    client: str, task: str, outcomes: Outcomes
) -> None:
    """`message.images[]` and `delta.images[]` hold the same pictures as the text, each once."""
    told = value(outcomes, client, task)
    assert told["files"] == [link for _, link in _PICTURE.findall(told["text"])]


@pytest.mark.parametrize("task", ["pictures_whole", "alias_whole"])
def test_the_strict_client_sees_the_pictures_of_a_whole_answer(task: str, outcomes: Outcomes) -> None:
    """OpenRouter's own client knows `message.images[]`, and drops `delta.images[]`, which its schema lacks."""
    told = value(outcomes, "openrouter-sdk", task)
    assert told["files"] == [link for _, link in _PICTURE.findall(told["text"])]


@pytest.mark.parametrize("task", ["files_whole", "files_streamed"])
def test_pictures_become_files_where_a_client_has_such(
    task: str, outcomes: Outcomes, service: Service
) -> None:
    """`show: images` with `urls: data`: the AI SDK's file parts are bytes, and the text is text alone."""
    told = value(outcomes, "ai-sdk-openrouter", task)
    assert told["mediaTypes"] == ["image/png", "image/png"]
    drawn = [
        link for _, link in _PICTURE.findall(value(outcomes, "ai-sdk-openrouter", "pictures_whole")["text"])
    ]
    assert [decoded(each) for each in told["pictures"]] == [fetched(service, link) for link in drawn]
    assert "![" not in told["text"]
    assert "data:" not in told["text"]
    assert "Two foxes:" in told["text"]


@pytest.mark.parametrize("task", ["mixed_whole", "mixed_streamed"])
def test_a_turn_of_two_kinds_of_tools_takes_two_requests(
    client: str, task: str, outcomes: Outcomes, service: Service
) -> None:
    """Ours is run, the client's own is handed out; it replays nothing but ordinary messages."""
    if task == "mixed_streamed" and client not in FOLDS_STREAMS:
        assert task not in outcomes(client)
        return
    told = value(outcomes, client, task)
    assert told["calls"] == [[WEATHER, {"place": "Oslo"}]]
    assert [each.replace("-", "_") for each in told["finishes"]] == ["tool_calls", "stop"]
    assert (told["told"] or "").strip().startswith("One moment.")
    whole = (told["told"] or "") + told["text"]
    found = _PICTURE.findall(whole)
    assert [alt for alt, _ in found] == ["the sky"], "the picture is shown once in the two answers"
    assert fetched(service, found[0][1]).startswith(PNG)
    assert "It is 21 degrees:" in told["text"]
    assert told["text"].endswith("That is all.")


@pytest.mark.parametrize("client", ["openai-3", "openai-2", "openai-1", "openai-node"], indirect=True)
def test_a_picture_without_a_chat_comes_as_a_link(client: str, outcomes: Outcomes, service: Service) -> None:
    """`POST /images/generations`: by default a link."""
    told = value(outcomes, client, "image_url")
    assert fetched(service, told["url"]).startswith(PNG)
    assert told["b64"] is None
    assert told["created"] > 1_700_000_000


@pytest.mark.parametrize(
    "client",
    ["openai-3", "openai-2", "openai-1", "openai-node", "ai-sdk-openrouter", "openrouter-sdk"],
    indirect=True,
)
def test_pictures_without_a_chat_come_as_bytes(client: str, outcomes: Outcomes) -> None:
    """`response_format: b64_json`, and OpenRouter's `POST /images`, which has nothing else; two at once."""
    told = value(outcomes, client, "image_b64")
    assert [decoded(each).startswith(PNG) for each in told["b64"]] == [True, True]
    assert told["urls"] == [None, None]


@pytest.mark.parametrize(
    "client", ["openai-3", "openai-2", "openai-1", "openai-node", "openrouter-sdk"], indirect=True
)
def test_the_models_are_listed(client: str, outcomes: Outcomes) -> None:
    """One list that the strict clients of both services read, with each model's illustrated twin."""
    listed = value(outcomes, client, "models")
    assert {"words", "words:illustrated", "illustrator"} <= set(listed)


def test_the_image_models_are_listed(outcomes: Outcomes) -> None:
    """`GET /images/models`, which OpenRouter's client checks to the last field."""
    assert value(outcomes, "openrouter-sdk", "image_models") == ["colours"]


@pytest.mark.parametrize(
    ("task", "status", "code"),
    [
        ("wrong_key", 401, "invalid_api_key"),
        ("unknown_model", 404, "model_not_found"),
        ("unsupported", 400, "unsupported_parameter"),
        ("broken_whole", 502, "upstream_reset"),
    ],
)
def test_an_error_is_the_clients_own_with_its_status_and_our_code(
    client: str, task: str, status: int, code: str, outcomes: Outcomes
) -> None:
    """Each dialect's envelope, so that a client raises what its users catch."""
    error = raised(outcomes, client, task)
    assert (error["status"], error["code"]) == (status, code)
    named = {401: "Auth|Unauthorized", 404: "NotFound", 400: "BadRequest", 502: "InternalServer|BadGateway"}
    if client.startswith("open"):
        assert re.search(named[status], error["type"])


@pytest.mark.parametrize("task", ["broken_streamed", "broken_passed_on"])
def test_a_stream_that_breaks_is_no_silent_success(client: str, task: str, outcomes: Outcomes) -> None:
    """U10, U11: the clients take a clean end for a whole answer, so a broken one ends in an error event."""
    error = raised(outcomes, client, task)
    assert error["code"] in ("upstream_reset", 502)


def fetched(service: Service, link: str) -> bytes:
    """The picture under a link of the service, asked for as a page would: without a key."""
    assert link.startswith(f"{service.origin}/images/"), link
    answer = service.get(link, key="")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    return answer.body


def decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise AssertionError(text[:80]) from error
