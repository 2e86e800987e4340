"""Other people's clients of the Responses API, as they are published, against a running service.

Sources: facts, clients; wire, sections 4 and 6. What each sends and needs: docs/clients.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from PIL import Image

from services import Service
from tellers import ALTS, HELLO, WEATHER

Outcomes = Callable[[str], Mapping[str, Any]]

MAJORS = {
    "openai-3": "3",
    "openai-2": "2",
    "openai-1": "1",
    "openai-node": "7",
    "openai-agents": "0",
    "pydantic-ai": "2",
    "ai-sdk-openai": "4",
    "langchain-openai": "1",
}
OPENAI = ("openai-3", "openai-2", "openai-1", "openai-node")
"""OpenAI's own clients: those that hand their users the items and events themselves."""
COMMENTARY = ("openai-agents", "pydantic-ai", "ai-sdk-openai")
"""Those that call the functions by themselves, and go on."""
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


@pytest.mark.parametrize("task", ["responses_whole", "responses_streamed", "responses_second"])
def test_openrouters_own_client_checks_every_answer(outcomes: Outcomes, service: Service, task: str) -> None:
    """`@openrouter/sdk` holds each answer and each event against its schemas, and refuses what does not fit."""
    told = value(outcomes, "openrouter-sdk", task)
    assert told["status"] == "completed"
    assert told["types"][-1] == "message"
    shown = [url for _, url in _PICTURE.findall(told["text"])]
    assert shown
    assert all(url.startswith(f"{service.origin}/images/") for url in shown)
    assert set(told["urls"]) == (set() if task == "responses_second" else set(shown))


def value(responded: Outcomes, client: str, task: str) -> Any:
    """What a task came to; it must not have raised."""
    outcome = responded(client)[task]
    assert "value" in outcome, outcome
    return outcome["value"]


def raised(responded: Outcomes, client: str, task: str) -> Mapping[str, Any]:
    """What a task raised; it must have."""
    outcome = responded(client)[task]
    assert "raised" in outcome, outcome
    found: Mapping[str, Any] = outcome["raised"]
    return found


def ways(responded: Outcomes, client: str, task: str) -> list[Any]:
    """What came of each way in which a client does a task: whole, streamed, folded by the client itself."""
    found = [name for name in responded(client) if name.startswith(f"{task}_")]
    assert found, task
    return [value(responded, client, name) for name in found]


def test_the_client_is_the_one_that_is_meant(responder: str, responded: Outcomes) -> None:
    """npm and pip take an older major in silence where the newest does not fit the machine."""
    assert responded(responder)["version"].split(".")[0] == MAJORS[responder]


def test_a_plain_response_is_what_the_model_said(responder: str, responded: Outcomes) -> None:
    """A chat model that knows nothing of the Responses API, told in its shapes; letters of every script."""
    for told in ways(responded, responder, "plain"):
        assert (told["text"], told["calls"], told["pictures"], told["tokens"]) == (HELLO, [], [], 15)
        assert told.get("finish", "stop") in ("completed", "stop")


def test_the_native_tool_gives_the_pictures_themselves(
    responder: str, responded: Outcomes, service: Service
) -> None:
    """Each client's own result object holds the pictures, in the order asked; their links stand in the text."""
    for told in ways(responded, responder, "native"):
        links = placed(told["text"], ALTS)
        assert [decoded(each) for each in told["pictures"]] == [fetched(service, link) for link in links]
        assert len(set(told["pictures"])) == 2
        assert told.get("states", ["completed"] * 2) == ["completed"] * 2
        assert told.get("mediaTypes", ["image/png"] * 2) == ["image/png"] * 2
        assert told["tokens"] == 30, "both requests to the model are counted"
        assert told["calls"] == []


def test_a_picture_is_one_delta_of_a_stream(responder: str, responded: Outcomes) -> None:
    """Pages that render while they read show broken text where `![…](…)` comes in pieces."""
    told = value(responded, responder, "native_streamed")
    assert "".join(told["deltas"]) == told["text"]
    assert sum(bool(_PICTURE.fullmatch(delta.strip())) for delta in told["deltas"]) == 2
    assert all(_PICTURE.search(delta) for delta in told["deltas"] if "![" in delta)


@pytest.mark.parametrize("responder", OPENAI, indirect=True)
def test_openrouters_tool_gives_items_with_links(
    responder: str, responded: Outcomes, service: Service
) -> None:
    """`openrouter:image_generation` items, each with the link that stands in the text."""
    for told in ways(responded, responder, "openrouter"):
        links = placed(told["text"], ALTS)
        assert told["links"] == links
        assert told["kinds"] == ["openrouter:image_generation"] * 2 + ["message"]
        assert told["states"] == ["completed"] * 2
        assert len({fetched(service, link) for link in links}) == 2


@pytest.mark.parametrize("responder", OPENAI, indirect=True)
def test_the_events_of_a_picture_come_in_their_order(responder: str, responded: Outcomes) -> None:
    """OpenAI's: in progress, generating, completed; none of its own for OpenRouter's tool, and none of ours."""
    native = value(responded, responder, "native_streamed")["events"]
    of_pictures = [event for event in native if "image_generation_call" in event]
    assert sorted(of_pictures) == sorted(
        2
        * [f"response.image_generation_call.{state}" for state in ("in_progress", "generating", "completed")]
    )
    assert native[:2] == ["response.created", "response.in_progress"]
    assert native[-1] == "response.completed"
    openrouter = value(responded, responder, "openrouter_streamed")["events"]
    assert {event for event in native + openrouter if not event.startswith("response.")} == set()
    assert not [event for event in openrouter if "image_generation_call" in event]


def test_who_did_not_declare_the_tool_gets_words_alone(
    responder: str, responded: Outcomes, service: Service
) -> None:
    """An item of a type that was not asked for costs ai-sdk and pydantic-ai the whole answer."""
    told = value(responded, responder, "alias_whole")
    assert all(fetched(service, link) for link in placed(told["text"], ALTS))
    assert told["pictures"] == []
    assert told.get("kinds", ["message"]) == ["message"]


@pytest.mark.parametrize("responder", [name for name in MAJORS if name != "langchain-openai"], indirect=True)
def test_a_picture_that_is_refused_does_not_cost_the_words(responder: str, responded: Outcomes) -> None:
    """A failed item, without a picture, and the model's own sentence; `result` must not be null for ai-sdk."""
    for told in ways(responded, responder, "refused"):
        assert told["text"] == "Without a picture: error."
        assert told["pictures"] == []
        assert told.get("states", ["failed"]) == ["failed"]
        assert told.get("finish", "stop") in ("completed", "stop")


@pytest.mark.parametrize("responder", [name for name in MAJORS if name != "langchain-openai"], indirect=True)
def test_partial_pictures_come_before_the_picture(responder: str, responded: Outcomes) -> None:
    """`partial_images: 2`; each client keeps the last one that comes, which is the picture itself."""
    told = value(responded, responder, "partial_streamed")
    assert told["pictures"]
    for item, picture in told["pictures"].items():
        final = size(decoded(picture))
        partials = [each for each in told["partials"] if each[0] == item]
        assert [index for _, index, _ in partials] == list(range(len(partials)))
        assert 1 <= len(partials) <= 2
        assert all(size(decoded(partial)) != final for _, _, partial in partials)


TURNS = [
    *((name, task) for name in OPENAI for task in ("turns_native", "turns_openrouter", "turns_chained")),
    *(("openai-agents", task) for task in ("turns_replayed", "turns_of_a_session", "turns_chained")),
    *(
        ("pydantic-ai", task)
        for task in ("turns_replayed", "turns_by_ids", "turns_not_stored", "turns_chained")
    ),
    *(
        ("ai-sdk-openai", task)
        for task in ("turns_replayed", "turns_in_a_page", "turns_not_stored", "turns_chained")
    ),
    ("langchain-openai", "turns_replayed"),
]


@pytest.mark.parametrize(("responder", "task"), TURNS, indirect=["responder"])
def test_a_second_turn_knows_the_pictures_of_the_first(
    responder: str, task: str, responded: Outcomes, service: Service
) -> None:
    """Whole items, items by their ids, references, words alone, `previous_response_id`: each client's own way."""
    turns = value(responded, responder, task)
    first, second = (placed(turns[turn]["text"], ALTS[:1])[0] for turn in ("first", "second"))
    assert turns["second"]["text"].startswith("Once more:")
    assert fetched(service, second) == fetched(service, first)
    assert turns["second"]["tokens"] == 15, "nothing is drawn again"


@pytest.mark.parametrize("responder", [*OPENAI, "langchain-openai"], indirect=True)
def test_a_turn_of_two_kinds_of_tools_takes_two_requests(
    responder: str, responded: Outcomes, service: Service
) -> None:
    """Ours is run, the client's own function is handed out; its result comes with replayed items, or by an id."""
    for told in ways(responded, responder, "mixed"):
        assert told["first"]["calls"] == [[WEATHER, {"place": "Oslo"}]]
        assert told["first"]["text"].startswith("One moment.")
        assert told["second"]["calls"] == []
        told_of_the_sky(service, told["second"]["text"])


@pytest.mark.parametrize("responder", COMMENTARY, indirect=True)
def test_a_client_that_calls_functions_itself_ends_with_the_picture(
    responder: str, responded: Outcomes, service: Service
) -> None:
    """Streamed and whole, stored and not: ai-sdk refers to items by default, pydantic-ai drops the picture's."""
    for told in ways(responded, responder, "mixed"):
        assert [each if isinstance(each, str) else each[0] for each in told["calls"]] == [WEATHER]
        assert told["said"][0].startswith("One moment.")
        assert told["tokens"] == 30
        drawn = told_of_the_sky(service, told["text"])
        assert [decoded(each) for each in told["pictures"]] == [drawn]


UNSTORED_TURNS = [
    *((name, task) for name in ("openai-3", "openai-node") for task in ("turns_native", "turns_openrouter")),
    *(("openai-agents", task) for task in ("turns_replayed", "turns_of_a_session")),
    *(("pydantic-ai", task) for task in ("turns_replayed", "turns_by_ids", "turns_not_stored")),
    ("ai-sdk-openai", "turns_not_stored"),
    ("langchain-openai", "turns_replayed"),
]


@pytest.mark.parametrize(("responder", "task"), UNSTORED_TURNS, indirect=["responder"])
def test_a_second_turn_needs_nothing_that_is_stored(
    responder: str, task: str, unstored: tuple[Service, Outcomes]
) -> None:
    """pydantic-ai and langchain-openai send pictures by ids that nobody knows; their links stand in the words."""
    service, responded = unstored
    turns = value(responded, responder, task)
    first, second = (placed(turns[turn]["text"], ALTS[:1])[0] for turn in ("first", "second"))
    assert fetched(service, second) == fetched(service, first)


@pytest.mark.parametrize(
    ("responder", "task"),
    [
        ("openai-3", "mixed_whole"),
        ("openai-node", "mixed_whole"),
        ("openai-agents", "mixed_whole"),
        ("pydantic-ai", "mixed_whole"),
        ("ai-sdk-openai", "mixed_not_stored"),
        ("langchain-openai", "mixed_whole"),
    ],
    indirect=["responder"],
)
def test_a_turn_of_two_kinds_of_tools_needs_nothing_that_is_stored(
    responder: str, task: str, unstored: tuple[Service, Outcomes]
) -> None:
    """Some send nothing of the picture but the words before it; the function's call says which turn it is."""
    service, responded = unstored
    told = value(responded, responder, task)
    told_of_the_sky(service, told["second"]["text"] if "second" in told else told["text"])


@pytest.mark.parametrize(
    ("responder", "task"),
    [
        ("openai-3", "turns_chained"),
        ("openai-node", "turns_chained"),
        ("openai-agents", "turns_chained"),
        ("pydantic-ai", "turns_chained"),
        ("ai-sdk-openai", "turns_chained"),
        ("ai-sdk-openai", "mixed_whole"),
    ],
    indirect=["responder"],
)
def test_what_needs_a_stored_response_is_refused(
    responder: str, task: str, unstored: tuple[Service, Outcomes]
) -> None:
    """By the name of what is missing: ai-sdk refers to items unless it is told `store: false`."""
    error = raised(unstored[1], responder, task)
    assert (error["status"], error["code"]) == (400, "unsupported_parameter")


@pytest.mark.parametrize("responder", [*OPENAI, "ai-sdk-openai"], indirect=True)
def test_allowed_tools_keep_the_model_from_the_others(responder: str, responded: Outcomes) -> None:
    """`allowed_tools` is the server's to enforce."""
    told = value(responded, responder, "allowed")
    assert told["calls"] == []
    assert len(told["pictures"]) == 1


@pytest.mark.parametrize("responder", [*OPENAI, "ai-sdk-openai"], indirect=True)
def test_no_picture_is_drawn_where_tools_are_forbidden(responder: str, responded: Outcomes) -> None:
    """`tool_choice: none`; ai-sdk takes a picture for a violation and throws the answer away."""
    told = value(responded, responder, "forbidden")
    assert (told["calls"], told["pictures"]) == ([], [])
    assert "One moment." in told["text"]


@pytest.mark.parametrize("responder", [*OPENAI, "openai-agents", "ai-sdk-openai"], indirect=True)
def test_a_forced_picture_is_drawn_once(responder: str, responded: Outcomes) -> None:
    """`tool_choice: {"type": "image_generation"}` is for the first round; else the turn would never end."""
    told = value(responded, responder, "forced")
    assert len(told["pictures"]) == 2
    assert told["text"].endswith("The end.")


def test_a_picture_can_be_the_result_of_an_agent(responded: Outcomes) -> None:
    """pydantic-ai: `output_type=BinaryImage`."""
    assert size(decoded(value(responded, "pydantic-ai", "output_type")))[0] >= 1024


@pytest.mark.parametrize(
    ("task", "status", "code"),
    [
        ("wrong_key", 401, "invalid_api_key"),
        ("unknown_model", 404, "model_not_found"),
        ("unsupported", 400, "unsupported_parameter"),
        ("unknown_response", 404, "response_not_found"),
        ("broken_whole", 502, "upstream_reset"),
    ],
)
def test_an_error_is_the_clients_own_with_its_status_and_our_code(
    responder: str, task: str, status: int, code: str, responded: Outcomes
) -> None:
    """A client raises what its users catch."""
    if task not in responded(responder):
        assert (responder, task) in {
            ("ai-sdk-openai", "unsupported"),
            ("langchain-openai", "unsupported"),
            ("langchain-openai", "unknown_response"),
        }
        return
    error = raised(responded, responder, task)
    assert (error["status"], error["code"]) == (status, code)
    named = {
        401: "Auth",
        404: "NotFound",
        400: "BadRequest|RequestRejected",
        502: "InternalServer|ServerError|OpenAIAPIError",
    }
    if responder != "ai-sdk-openai":
        assert re.search(named[status], error["type"])


@pytest.mark.parametrize("task", ["broken_streamed", "broken_folded", "broken_without_tool"])
def test_a_stream_that_breaks_is_no_silent_success(responder: str, task: str, responded: Outcomes) -> None:
    """U10, U11: `response.failed` alone passes for success with some; the `error` before it does not."""
    if task not in responded(responder):
        assert task == "broken_folded" or responder == "langchain-openai"
        return
    assert raised(responded, responder, task)["code"] == "upstream_reset"


def placed(text: str, alts: tuple[str, ...]) -> list[str]:
    """The links of the pictures in a text, which are described so."""
    found = _PICTURE.findall(text)
    assert [alt for alt, _ in found] == list(alts), text
    return [link for _, link in found]


def told_of_the_sky(service: Service, text: str) -> bytes:
    """The picture in what the mixer says in the end."""
    assert text.startswith("It is 21 degrees:")
    assert text.endswith("That is all.")
    return fetched(service, placed(text, ("the sky",))[0])


def fetched(service: Service, link: str) -> bytes:
    """The picture under a link of the service, asked for as a page would: without a key."""
    assert link.startswith(f"{service.origin}/images/"), link
    answer = service.get(link, key="")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    return answer.body


def decoded(text: str) -> bytes:
    """The picture behind what a client holds, which must be base64 and nothing else."""
    data = base64.b64decode(text, validate=True)
    assert size(data)
    return data


def size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        image.verify()
        return image.size
