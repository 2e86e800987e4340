"""Words first: the answer ends with the words, and its links lead to pictures that come later."""

from __future__ import annotations

from typing import Any

import pytest

import pictures
from chats import FOX, IMAGE, Chats, Told, chatting, draw, drawn, read, tool_results
from providers import Answer, Gate, Provider, Said, finish, sse, status, text, whole

PROMISED = [{**IMAGE, "parameters": {"promise_after": 0}}]


def gated(gate: Gate, data: bytes = FOX) -> Answer:
    """A picture that comes when the gate is opened."""
    import base64

    entry = {"b64_json": base64.b64encode(data).decode()}
    return whole({"created": 1, "data": [entry]}, before=(gate,))


@pytest.mark.parametrize("stream", [False, True])
def test_the_answer_ends_with_the_words_and_its_link_waits_for_the_picture(
    chats: Chats, provider: Provider, stream: bool
) -> None:
    """`promise_after`: an ordinary client shows the text in seconds, and the picture when it comes."""
    gate = Gate()
    provider.image_script(lambda body: gated(gate))
    provider.chat_script(drawn("See ![the fox]({0}) there.", "a fox"))
    if stream:
        told = chats.stream("Draw", tools=PROMISED)
        content, images, lines, finish_reason = told.content, told.images, told.lines, told.finish
    else:
        answer = chats.ask("Draw", tools=PROMISED)
        message = answer["choices"][0]["message"]
        content, images, lines = message["content"], message.get("images", []), answer["limner"]["images"]
        finish_reason = answer["choices"][0]["finish_reason"]
    assert finish_reason == "stop"
    assert images == []
    (line,) = lines
    assert (line["status"], line["promised"]) == ("generating", True)
    assert content == f"See ![the fox]({line['url']}) there."
    gate.open()
    assert chats.picture(line["url"]).content == FOX


def test_words_that_are_held_back_at_the_end_are_told_in_time(chats: Chats, provider: Provider) -> None:
    """What looks like the beginning of an image is held back until the words are over."""
    gates = [Gate(), Gate()]
    held = list(gates)
    provider.image_script(lambda body: gated(held.pop()))
    provider.chat_script(drawn("![the fox]({0}) and then ![", "a fox"))
    told, answer = chats.stream("Draw", tools=PROMISED), chats.ask("Draw", tools=PROMISED)
    for gate in gates:
        gate.open()
    links = (told.lines[0]["url"], answer["limner"]["images"][0]["url"])
    assert told.content.startswith(f"![the fox]({links[0]}) and then ")
    assert told.content.endswith("[")
    whole_content = answer["choices"][0]["message"]["content"]
    assert told.content.replace(links[0], "") == whole_content.replace(links[1], "")


def test_a_promised_picture_without_a_place_stands_at_the_end(chats: Chats, provider: Provider) -> None:
    """DESIGN decision 2, before it is drawn."""
    gates = {"a fox": Gate(), "a boat": Gate()}
    provider.image_script(lambda body: gated(gates[body["prompt"]]))
    provider.chat_script(drawn("Two come.\n\n```\ncode", "a fox", "a boat"))
    told = chats.stream("Draw", tools=PROMISED)
    for gate in gates.values():
        gate.open()
    fox, boat = (line["url"] for line in told.lines)
    assert told.content == (
        f"Two come.\n\n```\ncode\n```\n\n![a picture of a fox]({fox})\n\n![a picture of a boat]({boat})"
    )
    assert chats.picture(boat).content == FOX


def test_a_promise_that_breaks_is_an_honest_picture(chats: Chats, provider: Provider) -> None:
    """The link in the words stays; it shows that the picture could not be drawn."""
    provider.image_script(
        lambda body: status(400, {"error": {"code": "moderation_blocked", "message": "canary"}})
    )
    provider.chat_script(drawn("See ![the fox]({0}).", "a fox"))
    gate = Gate()
    provider.image_script(lambda body: Answer((b"{}",), 400, before=(gate,), chunked=False))
    told = chats.stream("Draw", tools=PROMISED)
    gate.open()
    answer = chats.picture(told.lines[0]["url"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.headers["x-limner-code"] == "image_bad_request"
    assert answer.content != FOX


def test_what_comes_after_its_answer_is_counted_once(chats: Chats, provider: Provider) -> None:
    """Pictures, money and failures of the log and of `/metrics`: those at the end, and those that follow."""
    gates = [Gate(), Gate()]
    refused = Answer((b"{}",), 400, before=(gates[1],), chunked=False)
    answers = {"a fox": gated(gates[0]), "a boat": refused}
    provider.image_script(lambda body: answers[body["prompt"]])
    provider.chat_script(drawn("![the fox]({0}) ![the boat]({1})", "a fox", "a boat"))
    turn = chats.ask("Draw", tools=PROMISED)["id"].removeprefix("chatcmpl-")
    records: list[Any] = []
    while not any(record.get("turn") == turn for record in records):
        records = [each.record for each in chats.gateway.wait_for_ended(len(records) + 1)]
    (record,) = (each for each in records if each.get("turn") == turn)
    for gate in gates:
        gate.open()
    late: dict[str, Any] = {}
    while late.get("turn") != turn:
        late = chats.parts["late"].get(timeout=10)[1]
    assert (record["pictures"], record["failures"]) == (0, {})
    assert (late["pictures"], late["failures"]) == (1, {"image_bad_request": 1})
    assert (record["cost_usd"] or 0) + late["cost_usd"] == pytest.approx(0.04)


def test_a_picture_that_is_quick_is_no_promise(chats: Chats, provider: Provider) -> None:
    """Longer than pictures take: the answer is the usual one."""
    provider.chat_script(drawn("See ![the fox]({0}).", "a fox"))
    told = chats.stream("Draw", tools=[{**IMAGE, "parameters": {"promise_after": 30}}])
    assert [line["status"] for line in told.lines] == ["completed"]
    assert len(told.images) == 1


def test_pictures_alone_show_promises_as_well(chats: Chats, provider: Provider) -> None:
    """Where no Markdown is wanted, `images` is the only place for a promised link."""
    gate = Gate()
    provider.image_script(lambda body: gated(gate))
    provider.chat_script(drawn("See ![the fox]({0}).", "a fox"))
    told = chats.stream("Draw", tools=[{**IMAGE, "promise_after": 0, "show": "images"}])
    gate.open()
    assert told.content == "See ."
    assert told.images == [told.lines[0]["url"]]


def test_the_picture_of_a_promise_can_be_spoken_of_in_the_next_turn(chats: Chats, provider: Provider) -> None:
    """The link comes back, the model reads a reference, and the reader is shown the picture."""
    gate = Gate()
    provider.image_script(lambda body: gated(gate))
    provider.chat_script(drawn("See ![the fox]({0}).", "a fox"))
    first = chats.stream("Draw", tools=PROMISED)
    assert gate.reached.wait(5)
    gate.open()
    provider.requests.clear()
    provider.chat_script(lambda body: "Again: ![it](image://1)")
    history = [
        {"role": "user", "content": "Draw"},
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": "Again!"},
    ]
    told = chats.stream(history)
    (sent,) = provider.posts("/chat/completions")
    assert sent.json["messages"][1]["content"] == "See ![the fox](image://1)."
    assert chats.picture(told.images[0]).content == FOX
    assert provider.posts("/images/generations") == []


def test_all_pictures_of_a_turn_come_after_its_words(chats: Chats, provider: Provider) -> None:
    """More than are drawn at once: the turn goes on when its request is over."""
    prompts = ["x" * (at + 1) for at in range(12)]
    gates = {prompt: Gate() for prompt in prompts}
    made = {prompt: pictures.png(colour=(len(prompt), 1, 1)) for prompt in prompts}
    provider.image_script(lambda body: gated(gates[body["prompt"]], made[body["prompt"]]))
    provider.chat_script(drawn("Many.", *prompts))
    told = chats.stream("Draw", tools=PROMISED)
    assert {line["status"] for line in told.lines} == {"generating"}
    for gate in gates.values():
        gate.open()
    assert [chats.picture(line["url"]).content for line in told.lines] == list(made.values())


def test_who_leaves_before_the_end_of_the_words_gets_what_was_ordered(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """P10 with promises: what was ordered is kept, what was not is never ordered, and its link says so."""
    gate, words = Gate(), Gate()
    with Provider() as provider:
        provider.image_script(lambda body: gated(gate))

        def script(body: dict[str, Any]) -> Said | Answer:
            if not tool_results(body):
                return Said("", draw("one", "two"))
            places = " ".join(f"![p]({each['imageUrl']})" for each in tool_results(body))
            return sse(text(places + " "), words, text("Bye."), finish())

        provider.chat_script(script)
        image = {"concurrency": 1}
        with chatting(tmp_path_factory.mktemp("leaving"), provider, image=image) as chats:
            import httpx2

            seen: list[bytes] = []
            url = f"{chats.gateway.url}/chat/completions"
            with httpx2.stream(
                "POST", url, json=chats.body("Draw", tools=PROMISED, stream=True), timeout=20
            ) as answer:
                for piece in answer.iter_bytes():
                    seen.append(piece)
                    if read_links(b"".join(seen)) >= 2:
                        break
            told = partial(b"".join(seen))
            chats.gateway.wait_for_ended(1)
            first, second = (line["url"] for line in told.progress if line.get("promised"))
            gate.open()
            assert chats.picture(first).content == FOX
            late = chats.picture(second)
            assert late.headers["x-limner-code"] == "cancelled"
            assert len(provider.posts("/images/generations")) == 1


def partial(content: bytes) -> Told:
    return read(content[: content.rindex(b"\n\n") + 2])


def read_links(content: bytes) -> int:
    return content.count(b"![p](")
