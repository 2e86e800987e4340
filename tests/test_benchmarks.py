"""The benchmark measures what it says: its provider, its contestants, and the environments that they live in.

No figure is held here: they depend on the machine, and `make bench` shows them.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import tomllib
from base64 import b64decode
from collections.abc import Iterator
from itertools import count
from typing import Any

import aiohttp
import pytest
from benchmarks.contestants.drawing import Drawing
from benchmarks.contestants.task import PARAMETERS, TOOL, TOOL_DESCRIPTION
from benchmarks.entries import ENTRIES
from benchmarks.processes import ROOT, Failed, Upstream, Worker, turns_order
from benchmarks.upstream import QUESTION, Behaviour, complete
from PIL import Image

NUMBERS = count()
ADDRESSES = [f"https://pictures.example/{number}.png" for number in range(4)]
HERE = ["limner", "limner_sqlite", "limner_promises", "by_hand"]
"""Those that need nothing but what the tests have; most others have environments of their own."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(sys.executable) as process:
        yield process


def told(answers: list[str], **more: Any) -> dict[str, Any]:
    """A request of a turn whose tools have answered with these addresses."""
    called = [{"id": f"c{at}", "type": "function"} for at in range(len(answers))]
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"{QUESTION} cranes ({next(NUMBERS)})"}]
    if answers:
        messages.append({"role": "assistant", "content": None, "tool_calls": called})
    for at, address in enumerate(answers):
        content = json.dumps({"status": "ok", "imageUrl": address})
        messages.append({"role": "tool", "tool_call_id": f"c{at}", "content": content})
    return {"model": "gpt-4o", "messages": messages, **more}


async def post(upstream: Upstream, behaviour: Behaviour, path: str, body: Any) -> bytes:
    url = upstream.url(behaviour.prefix) + path
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        return await answer.read()


def asked(upstream: Upstream, behaviour: Behaviour, path: str, body: Any) -> Any:
    return json.loads(asyncio.run(post(upstream, behaviour, path, body)))


def deltas(upstream: Upstream, behaviour: Behaviour, body: Any) -> list[dict[str, Any]]:
    """Those of a streamed chat."""
    data = asyncio.run(post(upstream, behaviour, "/chat/completions", body | {"stream": True}))
    events = [event.removeprefix("data: ") for event in data.decode().split("\n\n") if event]
    assert events.pop() == "[DONE]"
    return [choice["delta"] for event in events for choice in json.loads(event)["choices"]]


def counted(upstream: Upstream) -> dict[str, int]:
    """What has been asked since the last time."""

    async def get() -> Any:
        url = f"http://127.0.0.1:{upstream.port}/-/counted"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return json.loads(await answer.read())

    found: dict[str, int] = asyncio.run(get())
    return found


@pytest.mark.parametrize("pictures", [1, 4])
def test_a_turn_begins_with_the_calls_and_ends_with_every_picture(upstream: Upstream, pictures: int) -> None:
    """Nothing passes without running its tools: the addresses are in no answer but the tools'."""
    behaviour = Behaviour(pictures=pictures)
    first = asked(upstream, behaviour, "/chat/completions", told([]))["choices"][0]["message"]
    assert len(first["tool_calls"]) == pictures
    assert {call["function"]["name"] for call in first["tool_calls"]} == {TOOL}
    for call in first["tool_calls"]:
        assert json.loads(call["function"]["arguments"]).keys() == set(PARAMETERS["required"])
    last = asked(upstream, behaviour, "/chat/completions", told(ADDRESSES[:pictures]))["choices"][0][
        "message"
    ]
    assert complete(last["content"], pictures)
    assert all(address in last["content"] for address in ADDRESSES[:pictures])


def test_no_two_answers_have_an_id_in_common(upstream: Upstream) -> None:
    """Some frameworks take a call for one of an earlier turn that has its id, and drop it from the history."""
    answers = [asked(upstream, Behaviour(), "/chat/completions", told([])) for _ in range(3)]
    calls = [call["id"] for answer in answers for call in answer["choices"][0]["message"]["tool_calls"]]
    assert len(set(calls)) == 12
    assert len({answer["id"] for answer in answers}) == 3
    streamed = [delta for _ in range(2) for delta in deltas(upstream, Behaviour(), told([]))]
    named = [each["id"] for delta in streamed for each in delta.get("tool_calls", ()) if "id" in each]
    assert len(set(named)) == 8


@pytest.mark.parametrize("gap_s", [0.0, 0.001])
def test_a_streamed_reply_has_as_many_deltas_as_were_ordered(upstream: Upstream, gap_s: float) -> None:
    """The CPU per 1,000 deltas is measured with 1,000 of them, in one burst and one by one."""
    pieces = deltas(upstream, Behaviour(pictures=0, deltas=100, gap_s=gap_s), told([]))
    words = [piece["content"] for piece in pieces if piece.get("content")]
    assert len(words) == 100
    assert complete("".join(words), 0)


def test_a_streamed_turn_says_what_a_whole_one_says(upstream: Upstream) -> None:
    """Both are the same work but for the stream."""
    pieces = deltas(upstream, Behaviour(), told(ADDRESSES))
    whole = asked(upstream, Behaviour(), "/chat/completions", told(ADDRESSES))["choices"][0]["message"]
    assert "".join(piece.get("content") or "" for piece in pieces) == whole["content"]
    arguments: dict[int, str] = {}
    for piece in deltas(upstream, Behaviour(), told([])):
        for each in piece.get("tool_calls", ()):
            at = each["index"]
            arguments[at] = arguments.get(at, "") + each["function"]["arguments"]
    asking = asked(upstream, Behaviour(), "/chat/completions", told([]))["choices"][0]["message"]
    assert [*arguments.values()] == [call["function"]["arguments"] for call in asking["tool_calls"]]


def test_an_agent_that_answers_with_a_tool_is_told_no_less(upstream: Upstream) -> None:
    """Its reply is the arguments of `final_answer`, in as many deltas as the text of the others."""
    tools = [{"type": "function", "function": {"name": "final_answer", "parameters": {"type": "object"}}}]
    behaviour = Behaviour(deltas=50)
    whole = asked(upstream, behaviour, "/chat/completions", told(ADDRESSES, tools=tools))
    (call,) = whole["choices"][0]["message"]["tool_calls"]
    assert complete(json.loads(call["function"]["arguments"])["answer"], 4)
    pieces = deltas(upstream, behaviour, told(ADDRESSES, tools=tools))
    parts = [each["function"]["arguments"] for piece in pieces for each in piece.get("tool_calls", ())]
    assert complete(json.loads("".join(parts))["answer"], 4)
    # Beside the words and the pictures: the call's name, and what is around its argument.
    assert len(parts) == 50 + 4 + 3


def test_the_responses_api_tells_the_same_turn(upstream: Upstream) -> None:
    """Contestants may ask through either interface."""
    question = [{"role": "user", "content": f"{QUESTION} cranes"}]
    first = asked(upstream, Behaviour(), "/responses", {"input": question})
    assert [item["type"] for item in first["output"]] == ["function_call"] * 4
    outputs = [
        {
            "type": "function_call_output",
            "call_id": item["call_id"],
            "output": json.dumps({"imageUrl": address}),
        }
        for item, address in zip(first["output"], ADDRESSES, strict=True)
    ]
    last = asked(upstream, Behaviour(), "/responses", {"input": [*question, *first["output"], *outputs]})
    assert complete(last["output"][0]["content"][0]["text"], 4)


def test_no_two_pictures_are_the_same(upstream: Upstream) -> None:
    """Each is a real PNG of about the size ordered; equal ones would be kept once."""
    behaviour = Behaviour(picture_bytes=20_000)
    kept = set()
    for _ in range(3):
        drawn = asked(upstream, behaviour, "/images/generations", {"prompt": "a crane"})
        data = b64decode(drawn["data"][0]["b64_json"], validate=True)
        assert 18_000 < len(data) < 22_000
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert picture.format == "PNG"
        kept.add(data)
    assert len(kept) == 3


@pytest.mark.parametrize(
    ("behaviour", "path"),
    [
        (Behaviour(picture_s=3600), "/images/generations"),
        (Behaviour(reply_s=3600), "/chat/completions"),
    ],
)
def test_one_who_waits_keeps_nobody_waiting(upstream: Upstream, behaviour: Behaviour, path: str) -> None:
    """The provider is never the bottleneck: it answers others while a picture or a reply takes its time."""

    async def race() -> None:
        slow = asyncio.create_task(post(upstream, behaviour, path, told([])))
        await post(upstream, Behaviour(), "/chat/completions", told([]))
        assert not slow.done()
        slow.cancel()

    asyncio.run(race())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Here is what you asked for, step by step.",
        "Here is ![Step 1](https://pictures.example/1.png)",
        "![Step 1](https://pictures.example/1.png) ![Step 2](https://pictures.example/2.png)",
        "Here is ![Step 1]() and ![Step 2]()",
        "Here is https://pictures.example/1.png and https://pictures.example/2.png",
    ],
)
def test_a_turn_without_its_words_and_pictures_is_not_complete(text: str) -> None:
    """Every turn's text is checked."""
    assert not complete(text, 2)


def test_the_tool_is_described_to_frameworks_as_to_all() -> None:
    """Their descriptions come from the function's docstring, and are to cost as much."""
    described = Drawing.generate_image.__doc__ or ""
    assert described.startswith(TOOL_DESCRIPTION)
    for name, parameter in PARAMETERS["properties"].items():
        assert f"{name}: {parameter['description']}" in described


@pytest.mark.parametrize("name", HERE)
def test_a_contestant_asks_for_what_a_turn_needs_and_no_more(upstream: Upstream, name: str) -> None:
    """A turn is two chat requests and four pictures, whoever asks, and takes its conversation along."""
    with Worker(sys.executable, name) as worker:
        worker.ask("open", url=upstream.url(Behaviour().prefix), concurrency=64)
        for streamed in (False, True):
            counted(upstream)
            worker.ask("turns", **turns_order(1, streamed=streamed))
            alone = counted(upstream)
            assert (alone["requests"], alone["pictures"]) == (2, 4)
            worker.ask("turns", **turns_order(3, kept=True, streamed=streamed))
            kept = counted(upstream)
            assert (kept["requests"], kept["pictures"]) == (6, 12)
            # What was said before is said again.
            assert kept["request_bytes"] > 4 * alone["request_bytes"]
        worker.ask("close")


def test_a_turn_that_lacks_a_picture_is_told(upstream: Upstream) -> None:
    """A contestant that does less than it was told to has no figures."""
    with Worker(sys.executable, "bare") as worker:
        worker.ask("open", url=upstream.url(Behaviour(pictures=3).prefix), concurrency=64)
        with pytest.raises(Failed):
            worker.ask("turns", **turns_order(1, pictures=4))


def test_a_contestant_that_cannot_be_opened_is_told() -> None:
    """It is left out by name, and the others go on."""
    with Worker(sys.executable, "nobody") as worker, pytest.raises(Failed):
        worker.ask("open", url="http://127.0.0.1:9/v1", concurrency=1)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_has_an_adapter_and_a_locked_environment(entry: Any) -> None:
    """`make bench-environments` makes what the entries name."""
    assert (ROOT / "benchmarks" / "contestants" / f"{entry.name}.py").is_file()
    lock = (ROOT / "benchmarks" / "environments" / f"{entry.environment}.lock").read_text()
    for package in {*entry.packages} - {"limner"}:
        assert f"\n{package}==" in f"\n{lock}"


def test_every_locked_environment_has_its_group_and_no_address() -> None:
    """Locks come from `make lock`; whoever installs them has an index of their own."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    locks = {path.stem: path.read_text() for path in (ROOT / "benchmarks" / "environments").glob("*.lock")}
    # The library's own dependencies are the project's.
    assert locks.keys() - {"limner"} == {
        name.removeprefix("bench-") for name in groups if name.startswith("bench-")
    }
    for name, lock in locks.items():
        assert "--hash=sha256:" in lock
        assert "://" not in lock, name
        assert "litellm==1.82.7" not in lock
        assert "litellm==1.82.8" not in lock
