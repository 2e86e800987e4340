"""The offline model asks for pictures that resemble each other, where it makes sense and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.messages import Message, ToolSpec
from limner.images.offline.painter import Painter
from limner.models.offline import plan
from limner.tools.image import ImageTool

TOOL = ImageTool(Painter()).spec
"""As the engine declares it for the offline painter, which takes references."""


def without(tool: ToolSpec, *names: str) -> ToolSpec:
    properties = {key: value for key, value in tool.parameters["properties"].items() if key not in names}
    return ToolSpec(tool.name, tool.description, {**tool.parameters, "properties": properties})


def changed(tool: ToolSpec, **schemas: Any) -> ToolSpec:
    properties = {**tool.parameters["properties"], **schemas}
    return ToolSpec(tool.name, tool.description, {**tool.parameters, "properties": properties})


def converse(
    *texts: str, tool: ToolSpec = TOOL, failing: frozenset[int] = frozenset()
) -> list[list[dict[str, Any]]]:
    """What each turn orders; the pictures are image://1, image://2 and so on through the conversation."""
    transcript: list[Message] = []
    orders: list[list[dict[str, Any]]] = []
    number = 0
    for text in texts:
        transcript.append(Message("user", text))
        transcript.append(plan(tuple(transcript), (tool,)))
        calls = transcript[-1].calls
        orders.append([json.loads(call.arguments) for call in calls])
        for call in calls:
            number += 1
            said = (
                {"status": "error", "error": "no"}
                if number in failing
                else {"status": "ok", "imageUrl": f"image://{number}"}
            )
            transcript.append(Message("tool", json.dumps(said), call_id=call.id))
        if calls:
            transcript.append(plan(tuple(transcript), (tool,)))
    for order in orders:
        for arguments in order:
            jsonschema.validate(arguments, tool.parameters)
    return orders


def likes(order: list[dict[str, Any]]) -> list[list[str]]:
    return [arguments.get("like", []) for arguments in order]


STORIES = [
    ("Tell me a story about a fox in four pictures", "fox", 4),
    ("Tell me a story about a fox and an owl in the woods, with 3 pictures", "fox and an owl", 3),
    ("讲一个狐狸的故事，四张图", "狐狸", 4),
    ("Erzähl mir eine Geschichte über einen Fuchs", "Fuchs", 4),
    ("Raconte-moi une histoire sur un renard", "renard", 4),
    ("Cuéntame un cuento sobre un zorro", "zorro", 4),
    ("キツネの物語を話して", "キツネ", 4),
    ("Draw the same fox in four seasons", "fox", 4),
    ("Draw a fox in four seasons", "fox", 4),
    ("Tell me a story about the same fox in four seasons, one picture each", "fox", 4),
    ("Draw a fox in spring, summer, autumn and winter", "fox", 4),
    ("画同一只狐狸的四季", "狐狸", 4),
    ("讲一个关于同一只狐狸在四季里的故事，每个季节一张图", "狐狸", 4),
    ("画一只狐狸在春夏秋冬", "狐狸", 4),
    ("Zeichne einen Fuchs in den vier Jahreszeiten", "Fuchs", 4),
    ("Dessine un renard aux quatre saisons", "renard", 4),
    ("Dibuja un zorro en las cuatro estaciones", "zorro", 4),
    ("キツネの四季を描いて", "キツネ", 4),
    ("Draw two pictures of a house, by day and by night", "house", 2),
    ("Draw the same cat at home, in the garden and on the beach", "cat", 3),
    ("Draw three pictures of the same cat", "cat", 3),
]


@pytest.mark.parametrize(("request_text", "name", "count"), STORIES, ids=[text for text, _, _ in STORIES])
def test_one_character_in_several_pictures_is_drawn_once_and_resembled_after_that(
    request_text: str, name: str, count: int
) -> None:
    """Likeness: the first gets a name, the others are like it."""
    (order,) = converse(request_text)
    assert order[0]["name"] == name
    assert likes(order) == [[], *[[name]] * (count - 1)]
    assert [arguments.get("name") for arguments in order[1:]] == [None] * (count - 1)


PARALLEL = [
    "Teach me to brew green tea in five illustrated steps",
    "教我包饺子，四张图",
    "Draw three pictures of a fox",
    "Explain tides in three pictures",
    "Tell me a story about friendship",
    "Draw a fox, an owl and a bear, each in its own picture",
    "Explain the same thing again with three pictures: tides",
    "Draw a fox",
    "1. Boil water\n2. Add tea\n3. Wait",
]


@pytest.mark.parametrize("request_text", PARALLEL)
def test_pictures_of_different_things_do_not_wait_for_each_other(request_text: str) -> None:
    """A picture that is like a sibling waits for it: only where it must."""
    (order,) = converse(request_text)
    assert order
    assert [key for arguments in order for key in ("name", "like") if key in arguments] == []


AGAIN = [
    ("Draw a fox", "draw the fox again, in the rain", "the fox, in the rain"),
    ("Draw a fox", "the same fox, now in the rain", "the same fox, in the rain"),
    ("Draw a fox", "Draw the fox in the snow", "the fox in the snow"),
    ("Draw a fox", "now at night", "a fox, at night"),
    ("Draw a fox", "make it at night", "a fox, at night"),
    ("画一只狐狸", "再画一次那只狐狸，在雨中", "那只狐狸，在雨中"),
    ("画一只狐狸", "同一只狐狸，下雨了", "同一只狐狸，下雨了"),
    ("画一只狐狸", "把它改成晚上", "一只狐狸，晚上"),
    ("Zeichne einen Fuchs", "Zeichne den Fuchs noch einmal, im Regen", "Fuchs, im Regen"),
    ("Dessine un renard", "Dessine encore le renard, sous la pluie", "le renard, sous la pluie"),
    ("Dibuja un zorro", "Dibuja el zorro otra vez, en la lluvia", "el zorro, en la lluvia"),
    ("キツネを描いて", "同じキツネを雨の中で描いて", "同じキツネを雨の中"),
]


@pytest.mark.parametrize(("first", "second", "prompt"), AGAIN, ids=[second for _, second, _ in AGAIN])
def test_a_later_turn_goes_on_from_the_picture_that_it_speaks_of(
    first: str, second: str, prompt: str
) -> None:
    """Likeness: "the same fox, now in the rain", by the reference that was given out."""
    _, (order,) = converse(first, second)
    assert order["like"] == ["image://1"]
    assert order["prompt"] == prompt


def test_the_picture_that_is_meant_is_found_among_others() -> None:
    """By what it shows, and not merely the last one."""
    assert likes(converse("Draw a fox", "Draw a cat", "Draw the fox again in the snow")[2]) == [["image://1"]]
    assert likes(converse("Draw three pictures of a fox", "make the third one at night")[1]) == [
        ["image://3"]
    ]
    story = "Tell me a story about a fox with 3 pictures"
    assert likes(converse(story, "make the second one at night")[1]) == [["image://2"]]
    # Of several the latest: a changed fox is the fox from then on.
    assert likes(converse("Draw a fox", "make it blue", "the same fox, on the beach")[2]) == [["image://2"]]


def test_a_story_about_somebody_who_was_drawn_begins_with_that_picture() -> None:
    """The first picture resembles the earlier one, the others resemble the first."""
    for second in ("now tell me a story about it", "Tell me a story about the fox in four pictures"):
        _, order = converse("Draw a fox", second)
        assert likes(order) == [["image://1"], ["fox"], ["fox"], ["fox"]]


UNRELATED = [
    ("Draw a fox", "Draw a cat in the forest"),
    ("Draw a fox", "Draw a fox"),
    ("Draw a fox", "another one"),
    ("Draw a fox", "Draw the sun"),
    ("Draw the sunset", "Draw the sun again"),
    ("画一只狐狸", "画一只猫"),
    ("画一只小狗", "画那只小猫"),
    ("Draw a fox in the forest", "Draw the wolf in the forest"),
]


@pytest.mark.parametrize(("first", "second"), UNRELATED, ids=[second for _, second in UNRELATED])
def test_something_new_resembles_nothing(first: str, second: str) -> None:
    """Only what is spoken of as known is like what was there."""
    assert likes(converse(first, second)[1]) == [[]]


def test_what_was_never_drawn_cannot_be_resembled() -> None:
    """The call that failed has no picture; nothing is invented."""
    assert likes(converse("Draw a fox", "the same fox, now in the rain", failing=frozenset({1}))[1]) == [[]]
    assert converse("the same fox, now in the rain") == [[]]


def test_a_history_of_replies_alone_still_says_which_picture_was_which() -> None:
    """Clients keep the assistant's Markdown and drop its calls."""
    said = (
        Message("user", "Draw a fox"),
        Message("assistant", "# A fox\n\n![a fox](image://4)"),
        Message("user", "draw the fox again, in the rain"),
    )
    (call,) = plan(said, (TOOL,)).calls
    assert json.loads(call.arguments)["like"] == ["image://4"]


def test_pictures_that_come_with_the_message_are_resembled() -> None:
    """core/transcript.py says that a message brings pictures; its words are no part of the wish."""
    text = "Draw my cat in the rain\n\n(Attached pictures: image://7, image://8)"
    (order,) = converse(text)[0]
    assert order["like"] == ["image://7", "image://8"]
    assert order["prompt"] == "your cat in the rain"
    assert "Attached" not in json.dumps(order)
    (steps,) = converse("Teach me to brew tea in two steps\n\n(Attached pictures: image://7)")
    assert likes(steps) == [[], []]


@pytest.mark.parametrize(
    "tool",
    [
        without(TOOL, "like", "name"),
        without(TOOL, "like"),
        changed(TOOL, like={"type": "string"}),
        changed(TOOL, like={"type": "array", "items": {"type": "integer"}}),
        changed(TOOL, like={"type": "array", "items": {"type": "string", "pattern": "^https:"}}),
        changed(TOOL, like={"type": "array", "items": {"type": "string", "maxLength": 2}}),
        changed(TOOL, like={"type": "array", "items": {"type": "string"}, "maxItems": 0}),
    ],
    ids=["neither", "no like", "a string", "numbers", "links", "too short", "none"],
)
def test_a_tool_that_takes_no_such_thing_is_not_told(tool: ToolSpec) -> None:
    """Declared only where the backend takes reference pictures; other tools have names of their own."""
    for text in ("Tell me a story about a fox", "Draw the same fox in four seasons"):
        for order in converse(text, "make it at night", tool=tool):
            assert order
            assert [arguments for arguments in order if "like" in arguments] == []
    if "like" not in tool.parameters["properties"]:
        assert not any(
            "name" in arguments for arguments in converse("Tell me a story about a fox", tool=tool)[0]
        )


def test_without_names_only_earlier_turns_are_resembled() -> None:
    """Siblings have no reference yet; earlier pictures have theirs."""
    first, second = converse(
        "Tell me a story about a fox", "make the second one at night", tool=without(TOOL, "name")
    )
    assert likes(first) == [[]] * 4
    assert likes(second) == [["image://2"]]


def test_a_long_name_is_cut_to_what_the_tool_takes() -> None:
    """And the others refer to it by what is left."""
    short = changed(TOOL, name={"type": "string", "maxLength": 5})
    (order,) = converse("Tell me a story about a hippopotamus", tool=short)
    assert order[0]["name"] == order[1]["like"][0]
    assert len(order[0]["name"]) == 5


WORDS = st.sampled_from(
    """draw|tell me a story about|a fox|the fox|the same fox|again|now|in the rain|at night|make it|in four seasons
    an owl|image://3|(Attached pictures: image://2)|画|同一只|狐狸|那只|再画一次|的四季|故事|，|le même renard|encore
    three pictures|{|}|\\|![a fox](image://1)""".replace("\n    ", "|").split("|")
)


@given(
    st.lists(st.lists(WORDS, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=4),
    st.sets(st.integers(1, 9)),
)
@settings(max_examples=200, deadline=None)
def test_only_pictures_that_were_given_out_are_named(texts: list[str], failing: set[int]) -> None:
    """Each item of `like` is a name that an earlier call of the reply gave, or a reference known by then."""
    given_out: set[str] = set()
    number = 0
    for order, text in zip(converse(*texts, failing=frozenset(failing)), texts, strict=True):
        names: set[str] = set()
        for arguments in order:
            known = given_out | names | ({"image://2"} if "(Attached pictures" in text else set())
            assert set(arguments.get("like", [])) <= known
            names |= {arguments["name"]} if "name" in arguments else set()
        for _ in order:
            number += 1
            given_out |= set() if number in failing else {f"image://{number}"}
