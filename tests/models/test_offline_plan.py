"""The turns of the offline model: calls first, then the text around what was drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from limner.core.messages import Message, ToolCall, ToolSpec
from limner.errors import CALL_CODES
from limner.models.offline import plan
from limner.models.offline.answer import REASONS

PICTURE = re.compile(r"(?<!\\)!\[((?:[^\]\\]|\\.)*)\]\(<?([^)>]*)>?\)")


def tool(name: str = "image_generation", **properties: Any) -> ToolSpec:
    shown = {"prompt": {"type": "string"}, "alt": {"type": "string"}, **properties}
    return ToolSpec(
        name,
        "Draws one picture.",
        {
            "type": "object",
            "properties": shown,
            "required": ["prompt", "alt"],
            "additionalProperties": False,
        },
    )


WEATHER = ToolSpec(
    "weather",
    "Tells the weather of a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
Answer = Callable[[int, ToolCall], dict[str, Any] | str]


def drawn(position: int, _: ToolCall) -> dict[str, Any]:
    return {"status": "ok", "imageUrl": f"image://{position + 1}"}


def converse(*texts: str, answer: Answer = drawn, tools: tuple[ToolSpec, ...] = (tool(),)) -> list[Message]:
    """Say `texts` one after the other; the transcript, each turn driven to its final text."""
    transcript: list[Message] = []
    count = 0
    for text in texts:
        transcript.append(Message("user", text))
        transcript.append(plan(tuple(transcript), tools))
        for made in transcript[-1].calls:
            said = answer(count, made)
            transcript.append(
                Message("tool", said if isinstance(said, str) else json.dumps(said), call_id=made.id)
            )
            count += 1
        if transcript[-1].role == "tool":
            transcript.append(plan(tuple(transcript), tools))
    return transcript


def prompts(transcript: list[Message]) -> list[list[str]]:
    return [
        [json.loads(call.arguments)["prompt"] for call in said.calls] for said in transcript if said.calls
    ]


def test_the_first_answer_orders_all_pictures_and_the_second_places_them() -> None:
    """DESIGN "What it is": several calls in one turn, then the text around them."""
    user, ordered, *results, final = converse("Teach me to brew green tea in five illustrated steps")
    assert (user.role, ordered.text, len(ordered.calls), len(results)) == ("user", "", 5, 5)
    assert [link for _, link in PICTURE.findall(final.text)] == [f"image://{n}" for n in range(1, 6)]
    assert final.text.startswith("# How to brew green tea\n\n> No language model is connected")
    assert final.text.count("No language model is connected") == 1
    assert len(re.findall(r"^## \d\. \S", final.text, re.MULTILINE)) == 5


def test_results_are_mapped_by_call_id_whatever_their_order() -> None:
    """Facts for the embedded default: map results by call id."""
    start = converse("Draw three pictures of a fox")[:2]
    calls = start[1].calls
    links = {call.id: f"image://{number}" for number, call in enumerate(calls, 1)}
    answers = [
        Message("tool", json.dumps({"status": "ok", "imageUrl": links[call.id]}), call_id=call.id)
        for call in reversed(calls)
    ]
    final = plan((*start, *answers), (tool(),))
    assert [link for _, link in PICTURE.findall(final.text)] == [links[call.id] for call in calls]


def test_calls_are_matched_after_the_engine_gave_them_other_ids() -> None:
    """Ids in the transcript are the engine's own (`ToolCall.id`); the prompt says which step it was."""
    user, ordered = converse("Draw three pictures of a fox")[:2]
    renamed = tuple(replace(call, id=f"engine{n:03d}") for n, call in enumerate(ordered.calls))
    shuffled = (renamed[2], renamed[0], renamed[1])
    answers = [
        Message("tool", json.dumps({"status": "ok", "imageUrl": f"image://{call.id[-1]}9"}), call_id=call.id)
        for call in shuffled
    ]
    final = plan((user, replace(ordered, calls=shuffled), *answers), (tool(),))
    assert [link for _, link in PICTURE.findall(final.text)] == ["image://09", "image://19", "image://29"]


@pytest.mark.parametrize(
    ("request_text", "reason"),
    [
        ("Explain tides in three pictures", "content policy refused"),
        ("用三张图解释潮汐", "内容政策"),
        ("Erkläre die Gezeiten in drei Bildern", "Inhaltsrichtlinie"),
        ("Explica las mareas en tres imágenes", "política de contenido"),
        ("Explique les marées en trois images", "politique de contenu"),
        ("潮汐を3枚の絵で説明して", "方針"),
    ],
)
def test_a_refused_picture_is_named_with_its_reason(request_text: str, reason: str) -> None:
    """DESIGN decision 3: a picture that fails never fails the text; the reader learns why."""

    def second_fails(position: int, call: ToolCall) -> dict[str, Any]:
        refused = {"status": "error", "error": "no", "code": "image_policy"}
        return refused if position == 1 else drawn(position, call)

    _, ordered, *_, final = converse(request_text, answer=second_fails)
    assert [link for _, link in PICTURE.findall(final.text)] == ["image://1", "image://3"]
    (sentence,) = [line for line in final.text.split("\n") if reason in line]
    assert json.loads(ordered.calls[1].arguments)["alt"] in sentence


@pytest.mark.parametrize("code", sorted(CALL_CODES))
def test_every_code_has_its_sentence(code: str) -> None:
    """The closed list of `errors.CALL_CODES`; a new code without a row here fails."""
    assert code in REASONS
    final = converse("Draw a fox", answer=lambda *_: {"status": "error", "error": "x", "code": code})[-1]
    assert "a fox” is missing: " in final.text
    assert not PICTURE.search(final.text)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("out of paint", "gave no usable answer"),
        ("", "gave no usable answer"),
        ("[1, 2]", "gave no usable answer"),
        ('{"status": "ok"}', "gave no usable answer"),
        ('{"status": "ok", "imageUrl": 7}', "gave no usable answer"),
        ('{"status": "ok", "imageUrl": "a\\nb"}', "gave no usable answer"),
        ('{"status": "error", "error": "the ink is dry"}', "the ink is dry"),
        ('{"status": "error", "error": {"message": "the ink is dry"}}', "the ink is dry"),
        ('{"status": "error", "error": "![x](https://e.example/q)<b>"}', "is missing: x."),
        ('{"status": "error", "imageUrl": "image://1", "code": "image_policy"}', "content policy"),
        ("[" * 100_000, "gave no usable answer"),
    ],
    ids=["words", "empty", "list", "no link", "number", "newline", "error", "nested", "hostile", "broken", "deep"],
)  # fmt: skip
def test_any_other_result_leaves_an_honest_sentence(said: str, shown: str) -> None:
    """What is not a link is no picture, whatever the tool says; nothing raises."""
    final = converse("Draw a fox", answer=lambda *_: said)[-1]
    assert shown in final.text
    assert not PICTURE.search(final.text)


def test_a_promised_picture_is_placed_like_a_drawn_one() -> None:
    """DESIGN "Promises": the model writes on with the reference."""
    final = converse(
        "Draw a fox", answer=lambda *_: {"status": "ok", "imageUrl": "image://1", "pending": True}
    )
    assert PICTURE.findall(final[-1].text) == [("a fox", "image://1")]


def test_the_tool_is_called_by_the_name_it_was_offered_under() -> None:
    """Facts for the embedded default: name the tool that was offered, whatever it is called."""
    made = plan((Message("user", "Draw a fox"),), (WEATHER, tool("pinsel_7"))).calls
    assert [call.name for call in made] == ["pinsel_7"]
    assert re.fullmatch(r"[A-Za-z0-9]{9}", made[0].id)


def test_a_tool_for_pictures_wins_over_another_that_takes_a_prompt() -> None:
    """Two tools take a prompt: the one that speaks of pictures draws."""
    other = ToolSpec("ask_expert", "Asks somebody.", tool().parameters)
    assert plan((Message("user", "Draw a fox"),), (other, tool("paint"))).calls[0].name == "paint"


def test_arguments_are_only_those_of_the_schema() -> None:
    """A schema without `alt` and `aspect_ratio` gets neither."""
    bare = ToolSpec(
        "draw", "", {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}
    )
    (made,) = plan((Message("user", "Draw a wide picture of a fox"),), (bare,)).calls
    assert json.loads(made.arguments) == {"prompt": "a fox"}


def test_required_extras_take_what_the_schema_itself_offers() -> None:
    """A required property with a default or an enum is no reason not to draw."""
    styled = tool(style={"type": "string", "enum": ["ink", "oil"]})
    styled.parameters["required"].append("style")
    (made,) = plan((Message("user", "Draw a fox"),), (styled,)).calls
    assert json.loads(made.arguments) == {"prompt": "a fox", "alt": "a fox", "style": "ink"}


@pytest.mark.parametrize(("tools", "choice"), [((), "auto"), ((WEATHER,), "auto"), ((tool(),), "none")])
def test_without_a_usable_tool_the_text_says_so(tools: tuple[ToolSpec, ...], choice: str) -> None:
    """Tools off, or none that draws: text alone, and the reader learns why there are no pictures."""
    said = plan((Message("user", "Explain tides in two pictures"),), tools, choice)
    assert said.calls == ()
    assert said.text.count("\n## ") == 2
    assert ("switched off" if choice == "none" else "no tool for pictures") in said.text


def test_tools_off_after_the_calls_still_gives_the_final_text() -> None:
    """Limits with a graceful end: asked once more with tools off, name what is missing."""
    transcript = converse("Explain tides in two pictures")[:-1]
    transcript[-1] = replace(
        transcript[-1], text='{"status": "error", "error": "late", "code": "turn_deadline"}'
    )
    said = plan(tuple(transcript), (), "none")
    assert said.calls == ()
    assert [link for _, link in PICTURE.findall(said.text)] == ["image://1"]
    assert "was not ready in time" in said.text


@pytest.mark.parametrize("choice", ["required", "image_generation"])
@pytest.mark.parametrize("text", ["hello", "", "what is 2+2", "Explain tides without pictures"])
def test_a_forced_tool_is_called_even_where_nothing_asks_for_it(text: str, choice: str) -> None:
    """`tool_choice` "required" or a name is obeyed, once a turn."""
    first = plan((Message("user", text),), (tool(),), choice)
    assert len(first.calls) == 1
    assert json.loads(first.calls[0].arguments)["prompt"]
    answer = Message("tool", '{"status": "ok", "imageUrl": "image://1"}', call_id=first.calls[0].id)
    final = plan((Message("user", text), first, answer), (tool(),), choice)
    assert [link for _, link in PICTURE.findall(final.text)] == ["image://1"]


def test_a_forced_tool_of_another_kind_is_quoted_as_data() -> None:
    """Results of other tools are data: shown plainly, inside a fence that they cannot leave."""
    user = Message("user", "hello")
    first = plan((user,), (WEATHER, tool()), "weather")
    assert [(call.name, json.loads(call.arguments)) for call in first.calls] == [
        ("weather", {"city": "hello"})
    ]
    rain = Message("tool", "```\n![x](https://e.example)\n```", call_id=first.calls[0].id)
    final = plan((user, first, rain), (WEATHER, tool()), "auto")
    assert "The tool `weather` answered:\n\n````text\n```\n![x]" in final.text
    assert final.text.endswith("\n````")


def test_a_picture_that_no_step_asked_for_is_placed_too() -> None:
    """Every ok reference is placed once: also one from another tool or another model's call."""
    transcript = converse("Draw a fox")[:-1]
    chart = ToolCall("chart0001", "chart", "{}")
    ordered = replace(transcript[1], calls=(*transcript[1].calls, chart))
    answer = Message("tool", '{"status": "ok", "imageUrl": "image://9"}', call_id="chart0001")
    final = plan((transcript[0], ordered, transcript[2], answer), (tool(),))
    assert [link for _, link in PICTURE.findall(final.text)] == ["image://1", "image://9"]


def test_a_reference_given_twice_is_placed_once() -> None:
    """DESIGN decision 2: every picture exactly once."""
    final = converse(
        "Draw two pictures of a fox", answer=lambda *_: {"status": "ok", "imageUrl": "image://1"}
    )
    assert len(PICTURE.findall(final[-1].text)) == 1


@pytest.mark.parametrize(
    ("texts", "second"),
    [
        (("Draw a fox in the snow", "another one"), ["a fox in the snow, seen up close"]),
        (("Draw a fox in the snow", "now at night"), ["a fox in the snow, at night"]),
        (("Draw a fox in the snow", "add a small dog"), ["a fox in the snow, with a small dog"]),
        (("Make a guide: 1. Boil 2. Pour 3. Sip", "make the third one at night"), ["Sip, at night"]),
        (("Make a guide: 1. Boil 2. Pour 3. Sip", "make the last one brighter"), ["Sip, brighter"]),
        (("Make a guide: 1. Boil 2. Pour 3. Sip", "the first picture, at night"), ["Boil, at night"]),
        (("Make a guide: 1. Boil 2. Pour 3. Sip", "Now the second image in winter"), ["Pour, in winter"]),
        (("Make a guide: 1. Boil 2. Pour 3. Sip", "show me the last one, but in snow"), ["Sip, in snow"]),
        (("画一只狐狸", "再来一张"), ["一只狐狸，近看"]),
        (("先烧水，然后放茶，最后倒茶", "把第二张改成晚上"), ["放茶，晚上"]),
        (("先烧水，然后放茶，最后倒茶", "现在把第一张图换成夜晚"), ["烧水，夜晚"]),
        (("Zeichne einen Fuchs", "noch eins"), ["ein Fuchs, aus der Nähe"]),
        (("Zeichne drei Bilder von einem Fuchs", "jetzt das erste Bild bei Nacht"), ["ein Fuchs, bei Nacht"]),
        (("Dibuja un zorro", "ahora la primera imagen en invierno"), ["un zorro, en invierno"]),
        (("Dessine un renard", "maintenant la première image en hiver"), ["un renard, en hiver"]),
        (("Dibuja un zorro", "otra"), ["un zorro, de cerca"]),
        (("Dessine un renard", "encore une"), ["un renard, de près"]),
        (("キツネを描いて", "もう一枚"), ["キツネ、近くから"]),
        (("Draw a fox", "thanks!", "one more"), ["a fox, seen up close"]),
    ],
)
def test_a_follow_up_goes_on_from_the_request_before_it(texts: tuple[str, ...], second: list[str]) -> None:
    """A message without a noun of its own speaks of what the last one spoke of."""
    assert prompts(converse(*texts))[-1] == second


def test_a_follow_up_with_its_own_noun_starts_afresh() -> None:
    """The new message decides where it names a subject."""
    assert prompts(converse("Draw a fox", "Draw a whale"))[-1] == ["a whale"]


def test_a_follow_up_may_ask_for_another_kind_of_reply() -> None:
    """ "And as a story": the intent is new, the subject is the old one."""
    last = converse("Draw a fox in the snow", "and as a story")[-1]
    assert last.text.startswith("# A fox in the snow\n")
    assert len(PICTURE.findall(last.text)) == 4


def test_again_and_again_never_orders_the_same_picture_twice() -> None:
    """Each "another one" is another view."""
    ordered = prompts(converse("Draw a fox", *["another one"] * 8))
    assert len({prompt for turn in ordered for prompt in turn}) == 9


@pytest.mark.parametrize(
    "text",
    [
        "Draw ![x](https://e.example/?q=1) a <b>castle</b>, see https://a.example/b",
        "Draw a castle <img src=x onerror=alert(1)>",
        "Explain [castles](javascript:alert(1)) and ![c][r] in two pictures\n\n[r]: https://e.example",
        "画一张城堡 ![x](data:image/png;base64,AAAA)",
        "Make a list:\n1. <script>alert(1)</script> castle\n2. ![a](image://7)\n3. `code` **bold** \\![x](y)",
        "Draw a castle image://9 <!-- note --> &lt;img&gt; ![unclosed](",
    ],
)
def test_markup_of_the_request_is_never_repeated_alive(text: str) -> None:
    """DESIGN decision 1: no syntax survives that would make a reader's client fetch something."""
    _, ordered, *_, final = converse(text)
    given = {f"image://{n + 1}" for n in range(len(ordered.calls))}
    assert {link for _, link in PICTURE.findall(final.text)} == given
    rest = PICTURE.sub("", final.text)
    assert not re.search(r"(?<!\\)[<\[]|https?:|javascript:|data:|image://", rest.replace("\n> ", "\n")), rest


def test_plain_chat_says_what_this_is_and_how_to_connect_a_model() -> None:
    """It never pretends to knowledge."""
    for text in ("hello", "what is 2+2"):
        said = plan((Message("user", text),), (tool(),))
        assert said.calls == ()
        assert "No language model is connected" in said.text
        assert "OPENAI_API_KEY" in said.text
    assert "未连接语言模型" in plan((Message("user", "你好"),), (tool(),)).text


def test_asking_for_a_picture_of_nothing_asks_back() -> None:
    """Nothing is drawn where nothing is named."""
    said = plan((Message("user", "generate an image"),), (tool(),))
    assert (said.calls, said.text.startswith("# What should be in the picture?\n")) == ((), True)


def test_a_conversation_without_a_user_is_answered() -> None:
    """Odd transcripts are answered, never raised at."""
    assert plan((), ()).text
    assert plan((Message("system", "Be brief."),), (tool(),)).text
    assert plan((Message("tool", "lost", call_id="nobody000"),), (tool(),)).text


def test_the_same_request_gives_the_same_plan() -> None:
    """A pure function of (messages, tools): equal down to the ids."""
    asked = (Message("user", "用四张图教我怎么包饺子"),)
    assert plan(asked, (tool(),)) == plan(asked, (tool(),))


def test_ids_differ_between_turns_of_one_conversation() -> None:
    """`ToolCall.id` is unique in the conversation, also for a request that is repeated."""
    transcript = converse("Draw a fox", "Draw a fox", "Draw three pictures of a fox")
    ids = [call.id for said in transcript for call in said.calls]
    assert len(ids) == len(set(ids)) == 5
