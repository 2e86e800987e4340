"""Chinese in traditional characters: read as it is written, and answered in the same script."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from limner.core.chinese import script
from limner.core.messages import Message, ToolSpec
from limner.images.offline.reading import read as drawn
from limner.models.offline import plan
from limner.models.offline.language import load

TOOL = ToolSpec(
    "draw_picture",
    "Draws one picture.",
    {
        "type": "object",
        "properties": {"prompt": {"type": "string"}, "alt": {"type": "string"}},
        "required": ["prompt", "alt"],
    },
)
ANSWERED = ("titles", "fallback", "note", "chat", "missing", "items", "frames")


def everything(*texts: str) -> str:
    """All that the answer to the last of `texts` says, and all that it has drawn."""
    said = tuple(Message("user", text) for text in texts)
    calls = plan(said, (TOOL,)).calls
    failed = tuple(
        Message("tool", json.dumps({"status": "error", "code": "image_policy"}), call_id=call.id)
        for call in calls
    )
    after = plan((*said, Message("assistant", "", calls), *failed), (TOOL,)) if calls else plan(said, (TOOL,))
    return "\n".join([*(call.arguments for call in calls), after.text, plan(said, (TOOL,), "none").text])


def foreign(text: str, own: str) -> set[str]:
    return {char for char in text if script(char) not in {None, own}}


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)


@pytest.mark.parametrize(("code", "own"), [("zh", "simplified"), ("zh-Hant", "traditional")])
def test_each_table_answers_in_its_own_script(code: str, own: str) -> None:
    """No sentence of a frame mixes the two."""
    table = load(code).table
    assert {char for key in ANSWERED for text in strings(table[key]) for char in foreign(text, own)} == set()


ASKED = [
    ("用四張圖教我怎麼泡烏龍茶", "怎麼泡烏龍茶"),
    ("教我沖咖啡，分十二個步驟", "怎麼沖咖啡"),
    ("講一個關於小烏龜的故事，十二張圖", "小烏龜的故事"),
    ("用十二張圖解釋光合作用與葉綠體", "光合作用與葉綠體"),
    ("為什麼會下雨", "為什麼會下雨？"),
    ("畫一張雪中的狐貍", "雪中的狐貍"),
    ("一隻貓，畫十二張", "貓"),
    ("第一步：洗菜，第二步：切菜，第三步：炒麵", "一步一步來"),
    ("不要圖片，介紹一下潮汐與龍捲風", "潮汐與龍捲風"),
    ("請問您是誰", "誰"),
]


@pytest.mark.parametrize(("text", "title"), ASKED)
def test_a_traditional_request_gets_no_simplified_character(text: str, title: str) -> None:
    """Headings, remarks, alt texts, prompts and notices are in the script of the request."""
    answer = everything(text)
    assert foreign(answer, "traditional") == set()
    assert any(line.startswith("# ") and title in line for line in answer.split("\n"))


@pytest.mark.parametrize("text", ["用四张图教我怎么泡乌龙茶", "讲一个小乌龟的故事", "画一只猫", "你好"])
def test_a_simplified_request_gets_no_traditional_character(text: str) -> None:
    """The other script's reader is answered as before."""
    assert foreign(everything(text), "simplified") == set()


@pytest.mark.parametrize("next_one", ["再一次", "台北101夜景", "你好", "把第二幅改成夜晚"])
def test_what_both_scripts_write_alike_goes_on_in_the_script_of_before(next_one: str) -> None:
    """A follow-up of few characters does not change the script of the conversation."""
    assert foreign(everything("畫一張雪中的狐貍", next_one), "traditional") == set()
    assert foreign(everything("画一张雪中的狐狸", next_one), "simplified") == set()


def test_words_in_the_other_script_stay_as_they_were_typed() -> None:
    """The user's own words are never rewritten: a name in the other script is a name."""
    assert "乌镇" in everything("畫一張烏龍茶館，招牌寫著乌镇")
    assert "臺灣" in everything("画一张旅行图片，这里写着臺灣")


@pytest.mark.parametrize("intent", ["howto", "explain", "story", "views"])
def test_the_painter_reads_both_frames_alike(intent: str) -> None:
    """A clock is drawn for 時鐘 as it is for 时钟."""
    rows = zip(load("zh").rows(intent), load("zh-Hant").rows(intent), strict=True)
    for (_, _, _, simplified), (_, _, _, traditional) in rows:
        ours, theirs = (
            drawn(text.format(topic=cat, act=cat, scene=cat))
            for text, cat in ((simplified, "猫"), (traditional, "貓"))
        )
        assert ours == theirs, traditional


def test_the_painter_draws_what_traditional_requests_say() -> None:
    """Tea is no dragon, and a night view is of a city."""
    assert drawn("泡烏龍茶").things == ["green-tea"]
    for fox in (drawn("雪中的狐狸"), drawn("雪中的狐貍")):
        assert (fox.things, fox.weather) == (["fox"], "snow")
    view = drawn("台北101夜景")
    assert (view.place, view.light) == ("city", "night")
