"""What an illustrated answer is, whole and streamed."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

import pictures
from chats import IMAGE, PUBLIC, Chats, calls, draw, drawn, tool_results
from limner.wire.encodings import data_url
from providers import Answer, Provider, Said, call, event, finish, sse, status, text

TEXT = "A fox:\n\n![the fox]({0})\n\nand a boat: ![the boat]({1}) there."


@pytest.fixture(autouse=True)
def _script(provider: Provider) -> None:
    provider.chat_script(drawn(TEXT, "a fox", "a boat"))
    provider.image_script(lambda body: pictures.png(colour=(len(body["prompt"]), 9, 9)))


def content_of(answer: dict[str, Any]) -> str:
    text: str = answer["choices"][0]["message"]["content"]
    return text


def without_ids(entries: list[dict[str, Any]]) -> list[str]:
    """The same for every run of the same turn, whichever picture is drawn first."""
    names = {"call_id", "tool_call_id", "seconds", "index"}
    return sorted(
        json.dumps({name: each for name, each in entry.items() if name not in names}) for entry in entries
    )


def test_a_streamed_answer_says_what_the_whole_one_says(chats: Chats) -> None:
    """One fold: the streamed content is the whole content to the letter, and so is everything beside it."""
    answer, told = chats.ask("Draw", usage={"include": True}), chats.stream("Draw", usage={"include": True})
    message = answer["choices"][0]["message"]
    assert told.content == message["content"]
    assert told.images == [image["image_url"]["url"] for image in message["images"]]
    assert without_ids(told.details) == without_ids(message["reasoning_details"])
    assert without_ids(told.lines) == without_ids(answer["limner"]["images"])
    assert (told.usage, told.finish) == (answer["usage"], answer["choices"][0]["finish_reason"])
    assert told.done
    assert told.finish == "stop"


def test_each_picture_stands_in_its_place_as_one_delta(chats: Chats) -> None:
    """Facts, clients: pages stop rendering where a picture's Markdown is split over deltas."""
    told = chats.stream("Draw")
    fox, boat = told.images
    assert f"![the fox]({fox})" in told.contents
    assert f"![the boat]({boat})" in told.contents
    assert told.content == f"A fox:\n\n![the fox]({fox})\n\nand a boat: ![the boat]({boat}) there."
    assert chats.picture(fox).content != chats.picture(boat).content


def test_our_tool_is_never_a_call_for_the_client(chats: Chats) -> None:
    """Facts, wire, section 3: `tool_calls` without calls ends clients' loops with nothing."""
    answer, told = chats.ask("Draw"), chats.stream("Draw")
    assert "tool_calls" not in answer["choices"][0]["message"]
    assert told.calls == []


def test_progress_is_told_in_chunks_that_say_nothing_else(chats: Chats) -> None:
    """Queued, ordered, finished, for each picture, beside an empty delta."""
    told = chats.stream("Draw")
    first = [line["status"] for line in told.progress if line["index"] == 0]
    assert first == ["in_progress", "generating", "completed"]
    assert all(each["choices"][0]["delta"] == {} for each in told.chunks[:-1] if "limner" in each)
    assert told.deltas[0] == {"role": "assistant", "content": ""}


def test_a_finished_call_can_be_told_again_by_the_client(chats: Chats) -> None:
    """Facts, wire, section 3.1: arguments and result are JSON in strings, the result with a link."""
    told = chats.stream("Draw")
    detail = told.details[0]
    assert detail["type"] == "reasoning.server_tool_call"
    assert detail["tool_name"] == "openrouter:image_generation"
    assert json.loads(detail["arguments"])["prompt"] == "a fox"
    assert json.loads(detail["result"]) == {"status": "ok", "imageUrl": told.images[0]}
    assert [each["index"] for each in told.details] == [0, 1]
    assert [each["tool_call_id"] for each in told.details] == [line["call_id"] for line in told.lines]


def test_figures_say_words_and_pictures(chats: Chats) -> None:
    """The model was asked twice, and drew two pictures of 4 cents."""
    usage = chats.ask("Draw")["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (20, 10)
    assert usage["server_tool_use_details"] == {"tool_calls_requested": 2, "tool_calls_executed": 2}
    assert chats.stream("Draw").usage is None
    assert chats.stream("Draw", stream_options={"include_usage": True}).usage == usage
    told = chats.stream("Draw", prefix="/api/v1")
    assert told.usage == usage


def test_money_is_told_where_all_of_it_is_known(chats: Chats, provider: Provider) -> None:
    """`usage.cost` holds the words and the pictures; half of it would be read as the whole."""
    figures = {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.5}
    told = [{"choices": [], "usage": figures}]

    def script(body: dict[str, Any]) -> Answer:
        results = tool_results(body)
        if not results:
            (name, arguments), *_ = draw("a fox")
            return sse(call(name, arguments), finish("tool_calls"), *map(event, told))
        return sse(text(f"![f]({results[0]['imageUrl']})"), finish(), *map(event, told))

    provider.chat_script(script)
    usage = chats.ask("Draw")["usage"]
    assert usage["cost"] == pytest.approx(1.04)
    assert usage["cost_details"]["upstream_inference_cost"] == pytest.approx(1.0)
    assert usage["cost_details"]["server_tool_cost"] == pytest.approx(0.04)
    told.clear()
    assert "cost" not in chats.ask("Draw")["usage"]


@pytest.mark.parametrize(
    ("show", "markdown", "images"), [("markdown", 2, 0), ("images", 0, 2), ("both", 2, 2)]
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_switch_says_where_pictures_stand(
    chats: Chats, show: str, markdown: int, images: int, stream: bool
) -> None:
    """The option `show`."""
    tools = [{**IMAGE, "parameters": {"show": show}}]
    if stream:
        told = chats.stream("Draw", tools=tools)
        found = told.content.count("!["), len(told.images)
    else:
        message = chats.ask("Draw", tools=tools)["choices"][0]["message"]
        found = message["content"].count("!["), len(message.get("images", []))
    assert found == (markdown, images)


@pytest.mark.parametrize("stream", [False, True])
def test_a_switch_puts_pictures_into_the_answer_itself(chats: Chats, stream: bool) -> None:
    """The option `urls`: data URLs in the text and in `images`; elsewhere links, which are short."""
    tools = [{**IMAGE, "urls": "data"}]
    if stream:
        told = chats.stream("Draw", tools=tools)
        text, urls, details, lines = told.content, told.images, told.details, told.lines
    else:
        answer = chats.ask("Draw", tools=tools)
        message, lines = answer["choices"][0]["message"], answer["limner"]["images"]
        text, details = message["content"], message["reasoning_details"]
        urls = [image["image_url"]["url"] for image in message["images"]]
    link = lines[0]["url"]
    assert link in [json.loads(each["result"])["imageUrl"] for each in details]
    assert link.startswith(f"{PUBLIC}/images/")
    assert urls[0] == data_url(chats.picture(link).content)
    assert f"![the fox]({urls[0]})" in text
    assert base64.b64decode(urls[0].partition(",")[2]).startswith(b"\x89PNG")


def test_a_picture_that_nobody_placed_stands_at_the_end(chats: Chats, provider: Provider) -> None:
    """DESIGN decision 2."""
    provider.chat_script(drawn("There you are.", "a fox"))
    told, answer = chats.stream("Draw"), chats.ask("Draw")
    assert told.content == f"There you are.\n\n![a picture of a fox]({told.images[0]})" == content_of(answer)


def test_a_picture_that_fails_never_fails_the_text(chats: Chats, provider: Provider) -> None:
    """Scorecard I20 and DESIGN decision 3: two of four are shown, and the words come to their end."""
    provider.image_script(lambda body: pictures.png() if "good" in body["prompt"] else refused_by_policy())
    script = drawn("Done.", "good one", "bad one", "good two", "bad two")
    provider.chat_script(script)
    answer, told = chats.ask("Draw"), chats.stream("Draw")
    assert [line["status"] for line in told.lines] == ["completed", "failed", "completed", "failed"]
    assert told.lines[1]["code"] == "image_policy"
    assert len(answer["choices"][0]["message"]["images"]) == 2
    codes = [json.loads(each["result"]).get("code") for each in told.details]
    assert sorted(map(str, codes)) == ["None", "None", "image_policy", "image_policy"]
    assert answer["choices"][0]["finish_reason"] == "stop"


def refused_by_policy() -> Answer:
    return status(400, {"error": {"code": "moderation_blocked", "message": "canary-words"}})


def test_an_alias_turns_the_tool_on(chats: Chats, provider: Provider) -> None:
    """For clients that cannot declare it: `…:illustrated`."""
    answer = chats.ask("Draw", tools=None, model="m-1:illustrated")
    assert len(answer["choices"][0]["message"]["images"]) == 2
    assert answer["model"] == "m-1:illustrated"
    assert provider.posts("/chat/completions")[0].json["model"] == "m-1"


def test_without_our_tool_a_request_is_passed_on_as_it_is(chats: Chats, provider: Provider) -> None:
    """A thin pass-through: nothing is added but what streams need."""
    provider.chat_script(lambda body: "Plain words, ![x](https://elsewhere.example/x.png).")
    answer = chats.ask("Say", tools=None, temperature=0.5)
    assert content_of(answer) == "Plain words, ![x](https://elsewhere.example/x.png)."
    (sent,) = provider.posts("/chat/completions")
    assert sent.json == {
        "model": "m-1",
        "messages": [{"role": "user", "content": "Say"}],
        "temperature": 0.5,
    }


def test_options_are_read_under_parameters_and_beside_the_type(chats: Chats, provider: Provider) -> None:
    """Facts, clients: an SDK writes them flattened."""
    for tool in ({**IMAGE, "parameters": {"quality": "high"}}, {**IMAGE, "quality": "high"}):
        provider.requests.clear()
        chats.ask("Draw", tools=[tool])
        assert {each.json["quality"] for each in provider.posts("/images/generations")} == {"high"}


def test_the_request_names_the_image_model(chats: Chats, provider: Provider) -> None:
    """Facts, wire, section 1.1: the image model is fixed by the request."""
    chats.ask("Draw", tools=[{**IMAGE, "parameters": {"model": "other-1"}}])
    assert {each.json["model"] for each in provider.posts("/images/generations")} == {"other-1"}


def test_an_option_that_the_image_model_has_not_is_refused_before_anything_is_sent(
    chats: Chats, provider: Provider
) -> None:
    """The catalogue says what a model takes; `param` says where the client wrote it."""
    for tool, at in (
        ({**IMAGE, "parameters": {"model": "dall-e-3", "quality": "medium"}}, "tools[1].parameters.quality"),
        ({**IMAGE, "model": "dall-e-3", "quality": "medium"}, "tools[1].quality"),
    ):
        status, error = chats.refused("Draw", tools=[*calls("weather"), tool])
        assert (status, error["code"], error["param"]) == (400, "parameter_refused", at)
    assert provider.requests == []


def test_a_function_of_the_client_keeps_its_name(chats: Chats, provider: Provider) -> None:
    """Ours gets another one."""

    def script(body: dict[str, Any]) -> Said:
        names = [tool["function"]["name"] for tool in body["tools"]]
        if tool_results(body):
            return Said("Done.")
        return Said("", [(names[0], {"prompt": "a fox", "alt": "a fox"})])

    provider.chat_script(script)
    answer = chats.ask("Draw", tools=[*calls("generate_image"), IMAGE])
    assert len(answer["choices"][0]["message"]["images"]) == 1
    names = [tool["function"]["name"] for tool in provider.posts("/chat/completions")[0].json["tools"]]
    assert sorted(names) == ["generate_image", "generate_image_2"]


@pytest.mark.parametrize("choice", [IMAGE, "required"])
def test_a_forced_choice_holds_for_the_first_round_alone(
    chats: Chats, provider: Provider, choice: Any
) -> None:
    """Facts, wire, section 1.3: else the loop never ends."""
    chats.ask("Draw", tool_choice=choice)
    first, second = (each.json.get("tool_choice") for each in provider.posts("/chat/completions"))
    assert second is None
    named = {"type": "function", "function": {"name": "generate_image"}}
    assert first == ("required" if choice == "required" else named)


def test_the_count_of_calls_is_a_limit_that_lets_the_model_finish(chats: Chats, provider: Provider) -> None:
    """`max_tool_calls`: the rest is refused, and the model is asked to finish."""
    answer = chats.ask("Draw", max_tool_calls=1)
    codes = [line.get("code") for line in answer["limner"]["images"]]
    assert codes == [None, "too_many_images"]
    assert len(provider.posts("/images/generations")) == 1
    assert provider.posts("/chat/completions")[1].json["tool_choice"] == "none"


def test_conditions_to_stop_take_the_place_of_the_count(chats: Chats, provider: Provider) -> None:
    """`stop_server_tools_when`: the calls at hand run, and then the model finishes."""
    stop = [{"type": "has_tool_call", "tool_name": "openrouter:image_generation"}]
    answer = chats.ask("Draw", max_tool_calls=1, stop_server_tools_when=stop)
    assert len(answer["choices"][0]["message"]["images"]) == 2
    assert provider.posts("/chat/completions")[1].json["tool_choice"] == "none"


def test_other_parameters_go_to_the_model_as_they_are(chats: Chats, provider: Provider) -> None:
    """The first of the three lists."""
    chats.ask("Draw", temperature=0.25, parallel_tool_calls=False, seed=7)
    for sent in provider.posts("/chat/completions"):
        assert (sent.json["temperature"], sent.json["parallel_tool_calls"], sent.json["seed"]) == (
            0.25,
            False,
            7,
        )


def test_the_log_is_told_what_a_turn_was(chats: Chats) -> None:
    """Model, pictures, failures, turn: never content."""
    before = len(chats.gateway.ended)
    chats.ask("Draw")
    record = chats.gateway.wait_for_ended(before + 1)[-1].record
    assert (record["model"], record["pictures"], record["failures"]) == ("m-1", 2, {})
    assert len(record["turn"]) == 24


def test_the_log_counts_the_money_of_pictures_also_where_the_words_have_no_price(
    chats: Chats, provider: Provider
) -> None:
    """S26: the figures of a key show what its pictures cost; clients are told no half of a cost, the log is."""
    provider.chat_script(drawn("{0} and {1}", "fox", "owl"))
    before = len(chats.gateway.ended)
    assert "cost" not in chats.ask("Draw")["usage"]
    record = chats.gateway.wait_for_ended(before + 1)[-1].record
    assert record["cost_usd"] == pytest.approx(0.08)
