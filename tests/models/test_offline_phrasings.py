"""Ways of asking that newcomers used: each is a row, with the title and the pictures it must give."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from limner.core.messages import Message, ToolSpec
from limner.models.offline import plan

TOOL = ToolSpec(
    "draw_picture",
    "Draws one picture.",
    {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]},
)


class Row(NamedTuple):
    text: str
    pictures: int
    title: str


def prompts(text: str) -> list[str]:
    made = plan((Message("user", text),), (TOOL,)).calls
    return [json.loads(call.arguments)["prompt"] for call in made]


def written(text: str) -> str:
    return plan((Message("user", text),), (TOOL,), "none").text


EACH_STEP = [
    Row("请教我系鞋带，每一步都要有插图", 4, "怎么系鞋带"),
    Row("如何在阳台上种番茄？请一步一步地教我，每一步都要有插图", 4, "怎么在阳台上种番茄"),
    Row("请一步一步教我系鞋带", 4, "怎么系鞋带"),
    Row("教我系鞋带，每个步骤一张图", 4, "怎么系鞋带"),
    Row("教我系鞋带，每步配图", 4, "怎么系鞋带"),
    Row("教我系鞋带，每一步都配上图片", 4, "怎么系鞋带"),
    Row("教我系鞋带，一步一张图", 4, "怎么系鞋带"),
    Row("教我泡茶，一步一图", 4, "怎么泡茶"),
    Row("教我泡茶，一张一张地画", 4, "怎么泡茶"),
    Row("教我泡茶，一步一步来", 4, "怎么泡茶"),
    Row("教我泡茶，每一个步骤都要有图片", 4, "怎么泡茶"),
    Row("教我泡茶的每一步", 4, "怎么泡茶"),
    Row("下一步怎么泡茶", 4, "怎么泡茶"),
    Row("進一步解釋光合作用，三張圖", 3, "光合作用"),
    Row("怎么包饺子，每一步一张图，共六步", 6, "怎么包饺子"),
    Row("教我系鞋带，要十二步，每一步都要有插图", 12, "怎么系鞋带"),
    Row("第一步，洗菜；第二步，切菜；第三步，炒菜。每一步都要有插图", 3, "一步一步来"),
    Row("第一步：洗菜\n第二步：切菜\n第三步：炒菜\n请给每一步配图", 3, "一步一步来"),
    Row("第一步洗菜。第二步切菜。第三步炒菜。", 3, "一步一步来"),
    Row("靴ひもの結び方を教えて。一歩ずつ、各ステップに絵を付けて", 4, "靴ひもの結び方"),
    Row("靴ひもの結び方を、一つ一つ絵付きで教えて", 4, "靴ひもの結び方"),
]


@pytest.mark.parametrize("row", EACH_STEP, ids=[row.text[:30] for row in EACH_STEP])
def test_one_after_each_is_no_number(row: Row) -> None:
    """ "每一步" is every step and not one step; the same for 逐, 第 and "一步一步"."""
    assert len(prompts(row.text)) == row.pictures
    assert written(row.text).split("\n")[0] == f"# {row.title}"
    assert not any("每" in prompt or prompt.endswith("有") for prompt in prompts(row.text))


SIDES = {
    "Two pictures: a lighthouse by day and by night": ["a lighthouse by day", "a lighthouse by night"],
    "Two pictures of a lighthouse by day and by night": ["a lighthouse by day", "a lighthouse by night"],
    "Draw a tree in spring, in summer, in autumn and in winter in four pictures": [
        "a tree in spring",
        "a tree in summer",
        "a tree in autumn",
        "a tree in winter",
    ],
    "两张图：白天和夜晚的灯塔": ["白天的灯塔", "夜晚的灯塔"],
    "画两张图：灯塔的白天和夜晚": ["灯塔的白天", "灯塔的夜晚"],
    "Zwei Bilder: ein Leuchtturm bei Tag und bei Nacht": [
        "ein Leuchtturm bei Tag",
        "ein Leuchtturm bei Nacht",
    ],
    "Deux images : un phare de jour et de nuit": ["un phare de jour", "un phare de nuit"],
    "Dos imágenes: un faro de día y de noche": ["un faro de día", "un faro de noche"],
    "昼と夜の灯台を2枚描いて": ["昼の灯台", "夜の灯台"],
    "Draw a fox in the snow and on a hill": ["a fox in the snow and on a hill"],
}


@pytest.mark.parametrize(("text", "expected"), SIDES.items(), ids=[text[:30] for text in SIDES])
def test_as_many_sides_as_pictures_give_a_picture_each(text: str, expected: list[str]) -> None:
    """ "by day and by night" with two pictures is one of each, named as the user named it."""
    assert prompts(text) == expected
