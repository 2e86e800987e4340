"""What the offline model understands of a request: language, intent, numbers, items, words."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from limner.core.messages import Message, ToolSpec
from limner.models.offline import plan
from limner.models.offline.language import LANGUAGES, detect, load
from limner.models.offline.request import read

TOOL = ToolSpec(
    "draw_picture",
    "Draws one picture.",
    {
        "type": "object",
        "properties": {
            "prompt": {"type": "string"},
            "alt": {"type": "string"},
            "aspect_ratio": {"type": "string", "enum": ["1:1", "16:9", "9:16"]},
        },
        "required": ["prompt", "alt"],
        "additionalProperties": False,
    },
)


class Row(NamedTuple):
    text: str
    language: str
    intent: str
    pictures: int
    words: str
    """Stands in every prompt; with several words parted by "|", the n-th in the n-th prompt."""


ROWS = [
    Row("Teach me to brew green tea in five illustrated steps", "en", "howto", 5, "green tea"),
    Row("Explain how to brew green tea in five illustrated steps", "en", "howto", 5, "green tea"),
    Row("Teach me to grow tomatoes", "en", "howto", 4, "tomatoes"),
    Row("How do I plant tomatoes? 3 pictures please", "en", "howto", 3, "tomatoes"),
    Row("Five steps, each with a picture: how to fold a paper crane", "en", "howto", 5, "paper crane"),
    Row("Help me fix a flat tyre on my bike, step by step with 3 photos", "en", "howto", 3, "flat tyre"),
    Row("recipe for pancakes with pictures", "en", "howto", 4, "pancakes"),
    Row("Illustrated guide to growing tomatoes", "en", "howto", 4, "growing tomatoes"),
    Row("how to hang a picture", "en", "howto", 4, "picture"),
    Row("a tutorial on watercolour in 12 steps", "en", "howto", 12, "watercolour"),
    Row("Illustrate: 1. Boil water 2. Add leaves 3. Pour", "en", "howto", 3, "Boil water|Add leaves|Pour"),
    Row("Make a tutorial:\n- Soak the beans\n- Grind them\n- Strain the milk", "en", "howto", 3, "Soak|Grind|Strain"),
    Row("First soak the beans, then grind them, and finally strain the milk.", "en", "howto", 3, "soak|grind|strain"),
    Row("Make an illustrated guide for: gather wood, light the fire and cook", "en", "howto", 3, "wood|fire|cook"),
    Row("How to camp: (1) pitch the tent (2) light a fire", "en", "howto", 2, "tent|fire"),
    Row("Write a short story about a fox and an owl in a forest with four pictures", "en", "story", 4, "fox"),
    Row("Tell me a bedtime story", "en", "story", 4, ""),
    Row("Create a four-panel comic about a cat who hates Mondays", "en", "story", 4, "cat"),
    Row("A picture book about a small whale, six pages", "en", "story", 6, "small whale"),
    Row("I'd like a story about Mia and her robot", "en", "story", 4, "Mia and her robot"),
    Row("Explain photosynthesis with 4 images", "en", "explain", 4, "photosynthesis"),
    Row("Explain how tides work, two images", "en", "explain", 2, "tides"),
    Row("Show me the water cycle in four pictures", "en", "explain", 4, "water cycle"),
    Row("Why is the sky blue?", "en", "explain", 3, "sky blue"),
    Row("Why do dogs bark?", "en", "explain", 3, "dogs"),
    Row("How does a rainbow form?", "en", "explain", 3, "rainbow"),
    Row("What are tides? Explain with pictures", "en", "explain", 3, "tides"),
    Row("The life of a bee in five pictures", "en", "explain", 5, "life of a bee"),
    Row("Explain spring, summer, autumn and winter in four pictures", "en", "explain", 4, "spring|summer|autumn|winter"),
    Row("Draw a fox in the snow", "en", "picture", 1, "a fox in the snow"),
    Row("A picture of a cat wearing a hat", "en", "picture", 1, "a cat wearing a hat"),
    Row("Draw three cats", "en", "picture", 1, "three cats"),
    Row("Draw three pictures of a fox", "en", "picture", 3, "a fox"),
    Row("Draw a fox telling a story", "en", "picture", 1, "a fox telling a story"),
    Row("Could you please draw a wide picture of a lighthouse at night, thanks", "en", "picture", 1, "a lighthouse at night"),
    Row("Give me an image of a red bicycle in 16:9", "en", "picture", 1, "a red bicycle"),
    Row("100 pictures of dragons", "en", "picture", 12, "dragons"),
    Row("Explain tides without pictures", "en", "explain", 0, ""),
    Row("Explain the tides to a 10-year-old, with five pictures", "en", "explain", 5, "tides,"),
    Row("Show the difference between a crow and a raven in two pictures", "en", "explain", 2, "crow and a raven"),
    Row("plant care 101 with images", "en", "explain", 3, "plant care"),
    Row("hello", "en", "chat", 0, ""),
    Row("what is 2+2", "en", "chat", 0, ""),
    Row("What is the capital of France?", "en", "chat", 0, ""),
    Row("How are you?", "en", "chat", 0, ""),
    Row("tell me a joke", "en", "chat", 0, ""),
    Row("用四张图教我怎么包饺子", "zh", "howto", 4, "饺子"),
    Row("怎么泡绿茶？", "zh", "howto", 4, "绿茶"),
    Row("教我泡绿茶，分五步，每步一张图", "zh", "howto", 5, "绿茶"),
    Row("请用五个步骤说明如何种番茄", "zh", "howto", 5, "番茄"),
    Row("红烧肉的做法，六步", "zh", "howto", 6, "红烧肉"),
    Row("我想学做蛋糕，要3张图", "zh", "howto", 3, "蛋糕"),
    Row("先把水烧开，然后放茶叶，最后倒茶。每步配一张图", "zh", "howto", 3, "水烧开|茶叶|倒茶"),
    Row("第一步洗菜，第二步切菜，第三步炒菜", "zh", "howto", 3, "洗菜|切菜|炒菜"),
    Row("1. 和面\n2. 擀皮\n3. 包馅\n画成插图教程", "zh", "howto", 3, "和面|擀皮|包馅"),
    Row("請用四張圖教我怎麼包餃子", "zh-Hant", "howto", 4, "餃子"),
    Row("用四張圖教我怎麼泡烏龍茶", "zh-Hant", "howto", 4, "烏龍茶"),
    Row("教我折紙鶴，分五個環節，每個環節一張圖", "zh-Hant", "howto", 5, "紙鶴"),
    Row("手沖咖啡教學，三張圖", "zh-Hant", "howto", 3, "手沖咖啡"),
    Row("講一個關於小狐狸的故事，四張圖", "zh-Hant", "story", 4, "小狐狸"),
    Row("說說水的循環，三張圖", "zh-Hant", "explain", 3, "水"),
    Row("畫一張雪中的狐狸", "zh-Hant", "picture", 1, "雪中的狐狸"),
    Row("今天天氣怎麼樣", "zh-Hant", "chat", 0, ""),
    Row("台北101夜景", "zh", "picture", 1, "台北101夜景"),
    Row("讲一个关于小狐狸和猫头鹰在雪林里的故事，配四张图", "zh", "story", 4, "小狐狸和猫头鹰"),
    Row("给我讲个睡前故事", "zh", "story", 4, ""),
    Row("四格漫画：猫讨厌星期一", "zh", "story", 4, "猫"),
    Row("解释光合作用，三张图", "zh", "explain", 3, "光合作用"),
    Row("潮汐是怎么形成的？", "zh", "explain", 3, "潮汐"),
    Row("为什么天空是蓝色的？", "zh", "explain", 3, "天空"),
    Row("用四张图介绍春、夏、秋、冬", "zh", "explain", 4, "春|夏|秋|冬"),
    Row("用六张图讲讲蝴蝶的一生", "zh", "explain", 6, "蝴蝶"),
    Row("画一只雪地里的狐狸", "zh", "picture", 1, "雪地里的狐狸"),
    Row("画三只猫", "zh", "picture", 1, "三只猫"),
    Row("画三张猫", "zh", "picture", 3, "猫"),
    Row("画一张桌子", "zh", "picture", 1, "桌子"),
    Row("画一张夕阳下的未来城市", "zh", "picture", 1, "夕阳下的未来城市"),
    Row("生成一张山地风景图", "zh", "picture", 1, "山地风景"),
    Row("不要图片，介绍一下潮汐", "zh", "explain", 0, ""),
    Row("番茄炒蛋怎么做", "zh", "howto", 4, "番茄炒蛋"),
    Row("给小朋友讲讲为什么会下雨，三张图", "zh", "explain", 3, "下雨"),
    Row("请生成两张图片：一只猫，一只狗", "zh", "picture", 2, "猫|狗"),
    Row("我想看一只会飞的大象", "zh", "picture", 1, "会飞的大象"),
    Row("你好", "zh", "chat", 0, ""),
    Row("今天天气怎么样", "zh", "chat", 0, ""),
    Row("Zeig mir in vier Bildern, wie man grünen Tee kocht", "de", "howto", 4, "grünen Tee"),
    Row("Wie pflanze ich Tomaten? Drei Bilder bitte", "de", "howto", 3, "Tomaten"),
    Row("Bring mir bei, einen Drachen zu bauen, in fünf Schritten", "de", "howto", 5, "Drachen"),
    Row("Zeichne einen Fuchs im Schnee", "de", "picture", 1, "ein Fuchs im Schnee"),
    Row("Drei Bilder von einem Leuchtturm", "de", "picture", 3, "Leuchtturm"),
    Row("Schreib eine Geschichte über einen Fuchs und eine Eule mit drei Bildern", "de", "story", 3, "ein Fuchs und eine Eule"),
    Row("Erkläre mir die Photosynthese mit vier Bildern", "de", "explain", 4, "Photosynthese"),
    Row("Wie geht es dir?", "de", "chat", 0, ""),
    Row("Enséñame a preparar té verde en cinco pasos ilustrados", "es", "howto", 5, "té verde"),
    Row("Dibuja un zorro en la nieve", "es", "picture", 1, "un zorro en la nieve"),
    Row("Explica la fotosíntesis con cuatro imágenes", "es", "explain", 4, "fotosíntesis"),
    Row("Escribe un cuento sobre un zorro y un búho con tres dibujos", "es", "story", 3, "un zorro y un búho"),
    Row("Apprends-moi à préparer du thé vert en cinq étapes illustrées", "fr", "howto", 5, "thé vert"),
    Row("Dessine un renard dans la neige", "fr", "picture", 1, "un renard dans la neige"),
    Row("D'abord faire bouillir l'eau, puis ajouter le thé, enfin servir.", "fr", "howto", 3, "eau|thé|servir"),
    Row("Pourquoi le ciel est-il bleu ?", "fr", "explain", 3, "ciel"),
    Row("餃子の作り方を4枚の絵で教えて", "ja", "howto", 4, "餃子"),
    Row("緑茶の淹れ方を5つのステップで教えてください", "ja", "howto", 5, "緑茶"),
    Row("雪の中のキツネを描いて", "ja", "picture", 1, "雪の中のキツネ"),
    Row("灯台の絵を3枚描いて", "ja", "picture", 3, "灯台"),
    Row("キツネとフクロウの物語を書いて、絵は3枚", "ja", "story", 3, "キツネとフクロウ"),
    Row("こんにちは", "ja", "chat", 0, ""),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row.text[:40] for row in ROWS])
def test_a_request_is_read_as_a_person_would(row: Row) -> None:
    """The embedded default: language, intent, number, items come from the request alone."""
    code = detect(row.text)
    assert code == row.language
    assert read(row.text, load(code)).intent == row.intent
    made = plan((Message("user", row.text),), (TOOL,)).calls
    prompts = [json.loads(call.arguments)["prompt"] for call in made]
    assert len(prompts) == row.pictures
    assert len(set(prompts)) == len(prompts)
    words = row.words.split("|") if "|" in row.words else [row.words] * len(prompts)
    assert all(word in prompt for word, prompt in zip(words, prompts, strict=True)), prompts


TITLES = {
    "Teach me to brew green tea": "How to brew green tea",
    "Teach me to train my dog": "How to train your dog",
    "Make me a recipe for pancakes": "How to make pancakes",
    "Explain how tides work": "How tides work",
    "How does photosynthesis work?": "How photosynthesis works",
    "Why is the sky blue?": "Why is the sky blue?",
    "draw a fox in the snow": "A fox in the snow",
    "What is 17*23?": "What is 17\\*23",
    "Draw **two** foxes*": "Two foxes",
    "Explain how packets are routed, with 2 diagrams": "How packets are routed",
    "怎么包饺子": "怎么包饺子",
    "教我包饺子": "怎么包饺子",
    "包饺子的步骤": "怎么包饺子",
    "教我英语": "英语：一步一步来",
    "为什么会下雨": "为什么会下雨？",
    "红烧肉的做法": "红烧肉：一步一步来",
    "讲一个小狐狸的故事": "小狐狸的故事",
    "潮汐是怎么形成的": "潮汐是怎么形成的？",
    "Zeig mir, wie man grünen Tee kocht": "Wie man grünen Tee kocht",
    "Zeichne einen roten Fuchs": "Ein roter Fuchs",
    "Bring mir bei, einen Drachen zu bauen": "Einen Drachen bauen",
    "Cómo doblar una grulla de papel": "Cómo doblar una grulla de papel",
    "¿Cómo funcionan las mareas?": "¿Cómo funcionan las mareas?",
    "Comment planter des tomates ?": "Comment planter des tomates",
    "餃子の作り方を教えて": "餃子の作り方",
}


@pytest.mark.parametrize(("text", "title"), TITLES.items(), ids=list(TITLES))
def test_titles_read_naturally(text: str, title: str) -> None:
    """The title is the user's own phrase in the form that a title wants."""
    assert plan((Message("user", text),)).text.split("\n")[0] == f"# {title}"


@pytest.mark.parametrize("asked", range(1, 15))
@pytest.mark.parametrize(
    "text", ["Explain tides in {} pictures", "用{}张图讲一个狐狸的故事", "Wie man Brot backt, {} Bilder"]
)
def test_the_number_asked_for_is_honoured_up_to_twelve(text: str, asked: int) -> None:
    """The number that was asked for is given exactly, between 1 and 12; beyond, the reply says so."""
    said = text.format(asked)
    made = plan((Message("user", said),), (TOOL,)).calls
    assert len(made) == min(asked, 12)
    assert (str(asked) in plan((Message("user", said),)).text.split("\n")[2]) == (asked > 12)


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("Draw a fox in 16:9", "16:9"),
        ("Draw a wide picture of a fox", "16:9"),
        ("竖版，画一只熊猫", "9:16"),
        ("Zeichne einen Fuchs im Querformat", "16:9"),
        ("Draw a fox, square format", "1:1"),
        ("Draw a fox in 21:9", "16:9"),
        ("Draw a wide river", None),
        ("Draw a clock at 2:30", None),
    ],
)
def test_a_shape_is_passed_on_as_the_schema_allows_it(text: str, ratio: str | None) -> None:
    """`aspect_ratio` is given only where the user spoke of one; the nearest of the enum is taken."""
    (made,) = plan((Message("user", text),), (TOOL,)).calls
    assert json.loads(made.arguments).get("aspect_ratio") == ratio


def test_more_steps_than_pictures_spreads_the_pictures() -> None:
    """Five steps and three pictures are two wishes; both are kept."""
    text = "Teach me to bake bread in five steps with three pictures"
    assert len(plan((Message("user", text),), (TOOL,)).calls) == 3
    assert plan((Message("user", text),)).text.count("\n## ") == 5


def test_items_come_first_and_in_order_when_more_pictures_are_wanted() -> None:
    """The user's own list gives the steps; what is missing is another look at the same items."""
    text = "With five pictures: spring, summer and autumn"
    prompts = [json.loads(call.arguments)["prompt"] for call in plan((Message("user", text),), (TOOL,)).calls]
    assert prompts[:3] == ["spring", "summer", "autumn"]
    assert len(set(prompts)) == 5


def test_a_list_that_is_too_long_is_cut_openly() -> None:
    """A reply holds twelve steps; a longer list is not cut in silence."""
    text = "Show these steps:\n" + "\n".join(f"{n}. do thing {n}" for n in range(1, 31))
    assert len(plan((Message("user", text),), (TOOL,)).calls) == 12
    assert "30" in plan((Message("user", text),)).text.split("\n")[2]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_table_has_the_same_frames(code: str) -> None:
    """A language is complete: each section has the keys and the number of frames of the first one."""
    ours, first = load(code), load(LANGUAGES[0])
    for section in ("note", "chat", "missing", "items", "shape", "fallback"):
        assert set(ours.table[section]) == set(first.table[section]), section
    assert set(ours.patterns) == set(first.patterns)
    for intent in ("howto", "explain", "story", "views"):
        rows = ours.rows(intent)
        assert sorted(row[0] for row in rows) == list(range(1, 13)), intent
        assert len({row[3] for row in rows}) == 12, intent
        assert [row[0] for row in rows] == [row[0] for row in first.rows(intent)], intent
