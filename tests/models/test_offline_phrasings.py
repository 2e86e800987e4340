"""Ways of asking that newcomers used: each is a row, with the title and the pictures it must give."""

from __future__ import annotations

import json
import re
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


BARE = [
    Row("cat", 1, "Cat"),
    Row("a red fox", 1, "A red fox"),
    Row("猫", 1, "猫"),
    Row("一只红色的狐狸", 1, "红色的狐狸"),
    Row("eine Katze", 1, "Eine Katze"),
    Row("un chat noir", 1, "Un chat noir"),
    Row("un gato negro", 1, "Un gato negro"),
    Row("猫の家", 1, "猫の家"),
    Row("Make pancakes", 4, "How to make pancakes"),
    Row("Fix a flat tyre", 4, "How to fix a flat tyre"),
    Row("包饺子", 4, "怎么包饺子"),
    Row("Préparer du thé", 4, "Comment préparer du thé"),
    Row("Hacer una grulla de papel", 4, "Cómo hacer una grulla de papel"),
    Row("Could you please show me how one might repair a leaky tap?", 4, "How to repair a leaky tap"),
    Row("hello", 0, "Hello"),
    Row("thanks!", 0, "Thanks"),
    Row("good morning", 0, "Good morning"),
    Row("wonderful", 0, "Wonderful"),
    Row("你好", 0, "你好"),
    Row("早上好", 0, "早上好"),
    Row("在吗", 0, "在吗"),
    Row("merci", 0, "Merci"),
    Row("Danke", 0, "Danke"),
    Row("こんにちは", 0, "こんにちは"),
    Row("", 0, "Not connected"),
]


@pytest.mark.parametrize("row", BARE, ids=[row.text or "nothing" for row in BARE])
def test_a_thing_alone_is_drawn_and_an_act_alone_is_planned(row: Row) -> None:
    """A noun alone is one picture, a verb of doing a how-to; a greeting is neither, and has a heading."""
    assert len(prompts(row.text)) == row.pictures
    assert written(row.text).split("\n")[0] == f"# {row.title}"


@pytest.mark.parametrize("text", ["hello", "你好", "hallo", "hola", "bonjour", "こんにちは", "draw", "画"])
def test_plain_chat_says_what_to_type_and_what_to_set(text: str) -> None:
    """A newcomer's next line stands in the answer, and every way of connecting a model from outside."""
    said = written(text)
    assert re.search("[“„«「]", said), "also a client of the service reads it: words to say, not a command"
    for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "LIMNER_CHAT_BASE_URL", "LIMNER_CHAT_MODEL"):
        assert name in said


LEFTOVERS = [
    Row("1. Measure it 2. Cut 3. Sew 4. Hang it. Illustrate each step", 4, "One picture after another"),
    Row("Illustrate my recipe\n1) Knead the dough\n2) Let it rise\n3) Bake", 3, "One picture after another"),
    Row("Illustrate my bread recipe\n1) Knead the dough\n2) Bake", 2, "How to make bread"),
    Row("请给下面每一步配图：\n1、和面\n2、擀皮\n3、包馅", 3, "一步一步来"),
    Row("台北101夜景，請畫一張圖", 1, "台北101夜景"),
    Row("日月潭的日出，畫一張", 1, "日月潭的日出"),
    Row("一隻貓，畫兩張", 2, "貓"),
    Row("Draw these: - a lighthouse - a boat - a whale", 3, "One picture after another"),
    Row("Draw these: * a lighthouse * a boat * a whale", 3, "One picture after another"),
    Row("Turn this into an illustrated guide:\n1. Mix\n2. Bake", 2, "Step by step"),
    Row("Illustriere diese Schritte:\n1. Mischen\n2. Backen", 2, "Ein Bild nach dem anderen"),
    Row("Write me a poem about autumn with one picture", 1, "Autumn"),
    Row("写一首关于秋天的诗，配一张图", 1, "秋天"),
    Row("Compare a cat and a dog", 3, "A cat and a dog"),
    Row("比较猫和狗，两张图", 2, "猫和狗"),
    Row("Geschichte über einen Drachen", 4, "Ein Drache"),
    Row("Zeichne einen Jungen und einen Bären", 1, "Ein Junge und ein Bär"),
]


@pytest.mark.parametrize("row", LEFTOVERS, ids=[row.text[:30] for row in LEFTOVERS])
def test_words_of_asking_never_make_a_title(row: Row) -> None:
    """What is left of "illustrate each step" names nothing: the title is a subject or a neutral phrase."""
    assert len(prompts(row.text)) == row.pictures
    assert written(row.text).split("\n")[0] == f"# {row.title}"
    assert not any(word in prompt for prompt in prompts(row.text) for word in ("llustr", "this", "每"))


@pytest.mark.parametrize("text", ["Teach me to juggle", "How to relax", "Teach me how to be happy"])
def test_a_verb_or_an_adjective_is_never_put_where_a_noun_belongs(text: str) -> None:
    """Frames around an act that names no thing speak without it; captions name the act as a title does."""
    said = written(f"{text} in twelve steps")
    title = said.split("\n")[0].removeprefix("# ")
    act = title.removeprefix("How to ")
    assert said.lower().count(act) == 2  # the title and the heading of the main step
    schema = {**TOOL.parameters, "properties": {"prompt": {"type": "string"}, "alt": {"type": "string"}}}
    made = plan((Message("user", text),), (ToolSpec("draw", "Draws.", schema),)).calls
    alts = [json.loads(call.arguments)["alt"] for call in made]
    assert alts[0].endswith(f": {title}")
    assert act.capitalize() in alts


def test_a_thing_that_is_moved_is_the_topic() -> None:
    """把 marks the object: the topic of 把大象装进冰箱 is the elephant, and no 把 is doubled."""
    assert prompts("怎么把大象装进冰箱")[0].startswith("大象，")
    assert "把把" not in written("怎么把大象装进冰箱")


def test_two_things_that_are_compared_get_an_article_each() -> None:
    """Once known, "a cat and a dog" are "the cat and the dog"."""
    assert "look at the cat and the dog as a whole" in written("Compare a cat and a dog")


@pytest.mark.parametrize("text", ["Teach me to bake bread in {} illustrated steps", "教我做面包，分{}步"])
@pytest.mark.parametrize("asked", [12, 13, 100])
def test_more_steps_than_a_reply_holds_are_cut_openly(text: str, asked: int) -> None:
    """Twelve is the most: whoever asked for more steps reads so."""
    assert len(prompts(text.format(asked))) == 12
    assert (str(asked) in written(text.format(asked)).split("\n")[2]) == (asked > 12)


UNLISTED = [
    ("녹차 끓이는 법을 그림 5장으로 가르쳐 줘", 5),
    ("고양이 그림 세 장 그려 줘", 3),
    ("고양이를 그려 줘", 1),
    ("علمني كيف أصنع الشاي في خمس صور", 5),
    ("ارسم ٣ صور لقطة", 3),
    ("Нарисуй 3 картинки кота", 3),
    ("สอนทำชา 4 ภาพ", 4),
    ("Me ensine a fazer chá com 4 imagens", 4),
    ("Disegna un gatto", 1),
    ("안녕하세요", 0),
    ("Сколько будет 2+2", 0),
]


@pytest.mark.parametrize(("text", "asked"), UNLISTED, ids=[text[:20] for text, _ in UNLISTED])
def test_a_language_without_a_table_still_gets_its_pictures(text: str, asked: int) -> None:
    """The user's own words are the prompts, the frame is English, and the reply says why."""
    found = prompts(text)
    assert len(found) == asked
    assert all(prompt.startswith(text) for prompt in found)
    assert ("no table here" in written(text)) == (asked > 0)


@pytest.mark.parametrize(
    "text", ["Comment faire bouillir de l'eau en douze étapes", "Explique l’eau en douze images", "salut"]
)
def test_french_has_one_kind_of_apostrophe_on_a_page(text: str) -> None:
    """The frames' and the user's apostrophes are set alike."""
    said = written(text)
    assert "’" in said
    assert "'" not in said


@pytest.mark.parametrize(
    ("language", "phrase", "texts"),
    [
        ("de", "Kein Sprachmodell ist verbunden", ["hallo", "Zeichne einen Fuchs", "Wie man Brot backt"]),
        ("zh", "未连接语言模型", ["你好", "画一只狐狸", "怎么泡茶"]),
        ("en", "No language model is connected", ["hello", "Draw a fox", "How to brew tea"]),
    ],
)
def test_what_is_missing_is_said_in_the_same_words_everywhere(
    language: str, phrase: str, texts: list[str]
) -> None:
    """One wording of "not connected" in a language: in plain chat, in the notes and on pages."""
    assert all(phrase in written(text) for text in texts), language


@pytest.mark.parametrize("text", ["讲一个小兔子的故事", "うさぎの物語を書いて"])
def test_the_end_of_a_story_invents_no_crowd(text: str) -> None:
    """A story of one rabbit ends without "everybody"."""
    assert not any(word in written(text) for word in ("大家", "みんな"))
