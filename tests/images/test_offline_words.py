"""The painter's words: which thing, action, place and light a prompt asks for."""

from __future__ import annotations

import pytest

from limner.images.offline.icons import icon, names
from limner.images.offline.lexicon import LANGUAGES, Kind, Meaning, rows
from limner.images.offline.phrases import language_of
from limner.images.offline.reading import kinds, read
from limner.images.offline.tables import table, word_set

ROWS = [
    pytest.param(meaning, language, words, id=f"{meaning.kind}-{meaning.name}-{language}")
    for meaning, row in rows()
    for language, words in row.items()
]


@pytest.mark.parametrize(("meaning", "language", "words"), ROWS)
def test_every_word_of_every_row_finds_what_the_row_names(
    meaning: Meaning, language: str, words: tuple[str, ...]
) -> None:
    """Embedded default: a synonym table of our own, each row tested."""
    # Fails if a word is shadowed: by a longer one, by its grammar, by the rule for kana.
    for word in words:
        assert meaning.name in kinds(word, language).get(meaning.kind, []), word


def test_every_row_speaks_six_languages() -> None:
    """Embedded default: English, Chinese, Japanese, Spanish, German and French."""
    assert [
        (meaning.name, language)
        for meaning, row in rows()
        for language in ("en", "zh", "ja", "es", "de", "fr")
        if not row.get(language)
    ] == []


def test_every_icon_that_a_table_names_exists() -> None:
    """A name that is no icon would break the first picture that needs it."""
    named = {meaning.name for meaning, _ in rows() if meaning.kind in {"thing", "action"}}
    places = table("places")
    for key, entry in places.items():
        named |= word_set("places", key) if isinstance(entry, str) else set()
    for section in ("homes", "company", "kin"):
        named |= {name for key in places[section] for name in word_set("places", section, key)}
    named |= set(places["kin"])
    missing = []
    for name in sorted(named):
        try:
            icon(name)
        except KeyError:
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("word", ["kettle", "水壶", "やかん", "Wasserkocher", "hervidor", "bouilloire"])
def test_a_kettle_is_a_teapot_in_six_languages(word: str) -> None:
    """Embedded default: the word alone, its language unknown."""
    assert read(word).things == ["teapot"]


@pytest.mark.parametrize("word", ["whale", "鲸鱼", "クジラ", "鯨", "ballena", "Wal", "baleine"])
def test_a_whale_is_a_whale_in_six_languages(word: str) -> None:
    """Embedded default: the word alone, its language unknown."""
    assert read(word).things == ["whale"]


SUBJECTS = [
    ("A red kettle on a stove in a cozy kitchen", "teapot"),
    ("In a snowy forest, a fox reads a book", "fox"),
    ("The quick brown fox jumps over the lazy dog", "fox"),
    ("On the table stands a teapot beside two cups", "teapot"),
    ("A slice of pizza on a plate", "pizza"),
    ("water the tomato seedlings every morning", "seedling"),
    ("How to brew green tea, step 2: warm the teapot", "teapot"),
    ("Seal the edges of the dumpling", "dumpling"),
    ("watercolor illustration of a fox", "fox"),
    ("three little pigs", "pig"),
    ("How to be an astronaut", "astronaut"),
    ("geese and a goose", "goose"),
    ("strawberries", "strawberry"),
    ("厨房里的一只猫", "cat"),
    ("雪地里的小狐狸在看书", "fox"),
    ("夜晚海上的鲸鱼", "whale"),
    ("苹果树下的小兔子", "rabbit-face"),
    ("包饺子 第四步：煮饺子，锅里水烧开", "pot-of-food"),
    ("森の中のキツネ", "fox"),
    ("クジラが夜の海で泳ぐ", "whale"),
    ("Ein Wal im Meer bei Sonnenuntergang", "whale"),
    ("Gemüsesuppe kochen in der Küche", "pot-of-food"),
    ("Äpfel und Birnen", "red-apple"),
    ("Wie man Brot backt", "bread"),
    ("Una ballena en el mar de noche", "whale"),
    ("dos gatitos", "cat"),
    ("Un renard dans la neige lit un livre", "fox"),
    ("des chevaux dans un pré", "horse"),
    ("고양이", "cat"),
    ("눈 속의 여우가 책을 읽는다", "fox"),
    ("용이 성 위를 난다", "dragon"),
    ("정원의 개와 고양이", "dog"),
    ("把红色的雨伞放在沙发旁", "umbrella"),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "subject"), SUBJECTS, ids=[prompt for prompt, _ in SUBJECTS])
def test_the_subject_of_the_sentence_comes_first(prompt: str, subject: str) -> None:
    """facts/offline.md: wrong word order (every noun equal) made prototype pictures bad."""
    assert read(prompt).things[0] == subject


TRAPS = [
    ("Teach me to grow tomatoes", {"green-tea", "hot-beverage", "teapot"}),
    ("厨房", {"kitchen-knife"}),
    ("steam rising from hot springs", {"hot-springs", "person-in-steamy-room"}),
    ("a bridge at night", {"bridge-at-night"}),
    ("Seal the edges", {"seal"}),
    ("watch the pot until it boils", {"watch"}),
    ("a picture of a dog, photo, drawing", {"framed-picture", "camera", "pencil"}),
    ("アザラシではないクジラ", {"walrus"}),
    ("马上开始", {"horse", "mountain"}),
    ("小心火车", {"red-heart", "fire"}),
    ("五月五日", {"crescent-moon", "sun"}),
    ("三本の木", {"open-book"}),
    ("Ich bin stolz auf alles", {"peacock", "rocket"}),
    ("an easy side dish over rice", {"cooking"}),
    ("Un renard lit", {"bed"}),
    ("Hang the curtain", {"green-tea", "cookie"}),
    ("Juggle with three balls", {"rice-ball"}),
    ("automne", {"automobile"}),
    ("a hedgehog who wants to be an astronaut", {"astronaut"}),
    ("The fox becomes a pilot", {"pilot"}),
    ("想当宇航员的刺猬", {"astronaut"}),
    ("Cut the blackout fabric", {"kitchen-knife"}),
    ("Den Stoff schneiden", {"kitchen-knife"}),
    ("把布切成两块", {"kitchen-knife"}),
    ("Note what you learned", {"musical-note", "musical-notes"}),
    ("雪糕", {"snowman"}),
    ("비빔밥", {"droplet"}),
    ("note every change", {"musical-note", "musical-notes"}),
    ("Share it", {"ring", "gem-stone"}),
    ("a lighthouse", {"tokyo-tower"}),
    ("green tea, hands at work", {"palms-up-together"}),
    ("shape the clay, sleeves rolled up", {"palms-up-together"}),
    ("茶，双手正在做", {"palms-up-together"}),
]


@pytest.mark.parametrize(("prompt", "unwanted"), TRAPS, ids=[prompt for prompt, _ in TRAPS])
def test_known_traps_draw_nothing_wrong(prompt: str, unwanted: set[str]) -> None:
    """facts/offline.md: substrings, words split wrongly, whole pictures and moods spoil a scene."""
    found = read(prompt)
    assert not unwanted & {*found.things, *found.actions}


ASKED: list[tuple[str, Kind, str]] = [
    ("Stir the soup", "action", "mixing-bowl"),
    ("slicing carrots", "action", "kitchen-knife"),
    ("she chopped the onions", "action", "kitchen-knife"),
    ("plant the seeds", "action", "seedling"),
    ("water the roses", "action", "watering-can"),
    ("Riega las plantas cada mañana", "action", "watering-can"),
    ("Arrosez les tomates", "action", "watering-can"),
    ("Die Tomaten schneiden", "action", "kitchen-knife"),
    ("猪肉和白菜切碎", "action", "kitchen-knife"),
    ("餃子を包みます", "action", "palms-up-together"),
    ("boiling water", "effect", "steam"),
    ("锅里水烧开", "effect", "steam"),
    ("in the kitchen", "place", "kitchen"),
    ("厨房里", "place", "kitchen"),
    ("unter Wasser", "place", "underwater"),
    ("en el bosque", "place", "forest"),
    ("dans la forêt", "place", "forest"),
    ("森の中", "place", "forest"),
    ("at midnight", "light", "night"),
    ("夕焼け", "light", "sunset"),
    ("in the rain", "weather", "rain"),
    ("ein verschneiter Wald", "weather", "snow"),
    ("把布剪开", "action", "scissors"),
    ("cut the onions", "action", "kitchen-knife"),
    ("包馅", "action", "palms-up-together"),
    ("和面", "action", "mixing-bowl"),
    ("a lighthouse", "thing", "lighthouse"),
    ("灯塔", "thing", "lighthouse"),
    ("Ein Leuchtturm am Meer", "thing", "lighthouse"),
    ("Change a flat tyre", "thing", "wheel"),
    ("bowline", "thing", "knot"),
    ("太极拳", "thing", "martial-arts-uniform"),
    ("Hang the curtain", "thing", "curtain"),
    ("挂窗帘", "thing", "curtain"),
    ("Note what you learned", "action", "pencil"),
    ("spring", "season", "spring"),
    ("夏天", "season", "summer"),
    ("秋天", "season", "autumn"),
    ("비 오는 날", "weather", "rain"),
    ("밤에", "light", "night"),
    ("눈이 온다", "weather", "snow"),
]


@pytest.mark.parametrize(("prompt", "kind", "name"), ASKED, ids=[prompt for prompt, _, _ in ASKED])
def test_inflected_words_find_actions_places_and_light(prompt: str, kind: Kind, name: str) -> None:
    """Embedded default: keywords choose backdrop, light and what is being done."""
    assert name in kinds(prompt).get(kind, [])


SHOWN = [
    ("Cut the blackout fabric", {"scissors"}),
    ("Cut the onions", {"kitchen-knife", "onion"}),
    ("Chop finely", {"kitchen-knife"}),
    ("Fahrradschlauch flicken", {"bicycle"}),
    ("Fahrradklingel", {"bicycle"}),
    ("Kartoffelsuppe", {"potato", "pot-of-food"}),
    ("Apfelkuchenrezept", {"pie"}),
    ("Hang the curtain", {"curtain"}),
    ("thé", {"green-tea"}),
    ("光合作用", {"herb", "sun", "droplet"}),
    ("包饺子：包馅", {"dumpling", "palms-up-together"}),
]


@pytest.mark.parametrize(("prompt", "shown"), SHOWN, ids=[prompt for prompt, _ in SHOWN])
def test_what_a_newcomer_asked_for_is_in_the_picture(prompt: str, shown: set[str]) -> None:
    """What a picture shows agrees with its caption: cloth takes scissors, a compound its parts."""
    found = read(prompt)
    assert shown <= {*found.things, *found.actions}


@pytest.mark.parametrize(
    "word", ["Herbst", "herbst", "Herbstwald", "otoño", "automne", "autumn", "秋天", "秋", "가을"]
)
def test_a_season_is_one_in_every_language(word: str) -> None:
    """A newcomer asked for autumn in four languages and got a bare room."""
    assert read(word).season == "autumn"


def test_what_one_language_knows_as_a_whole_has_no_parts_in_another() -> None:
    """Ice cream has the sign for snow in it, and that is snow in Japanese too."""
    assert read("雪糕").weather is None
    assert read("비행기").weather is None


def test_steps_of_one_tutorial_ask_for_different_things() -> None:
    """facts/offline.md: four almost equal pictures for four steps of one topic."""
    steps = [
        read(prompt)
        for prompt in (
            "包饺子 第一步：和面，面粉加水揉成面团",
            "包饺子 第二步：调馅，猪肉和白菜切碎",
            "包饺子 第三步：擀皮，包好饺子",
            "包饺子 第四步：煮饺子，锅里水烧开",
        )
    ]
    assert len({(tuple(step.things), tuple(step.actions), tuple(step.effects)) for step in steps}) == 4
    assert [step.actions for step in steps[1:3]] == [
        ["mixing-bowl", "kitchen-knife"],
        ["rolling-pin", "palms-up-together"],
    ]


COUNTED: list[tuple[str, dict[str, int]]] = [
    ("two foxes", {"fox": 2}),
    ("2 cats and 3 dogs", {"cat": 2, "dog": 3}),
    ("three dogs chase a cat", {"dog": 3, "cat": 1}),
    ("four small ducks", {"duck": 4}),
    ("one apple and five pears", {"red-apple": 1, "pear": 5}),
    ("a hundred ducks, 40 owls", {}),
    ("ten sheep", {"ewe": 10}),
    ("十只羊", {"ewe": 10}),
    ("二十只猫", {}),
    ("10只猫", {"cat": 10}),
    ("2只猫", {"cat": 2}),
    ("第三只猫", {}),
    ("step 2: fox", {}),
    ("Step 3 carrots", {}),
    ("三只猫", {"cat": 3}),
    ("两只猫和三条狗", {"cat": 2, "dog": 3}),
    ("四只小猫", {"cat": 4}),
    ("三本の木と二匹の犬", {"deciduous-tree": 3, "dog": 2}),
    ("zwei Hunde und drei Katzen", {"dog": 2, "cat": 3}),
    ("dos gatos y tres perros", {"cat": 2, "dog": 3}),
    ("deux chats et trois chiens", {"cat": 2, "dog": 3}),
]


@pytest.mark.parametrize(("prompt", "counts"), COUNTED, ids=[prompt for prompt, _ in COUNTED])
def test_each_number_counts_its_own_noun(prompt: str, counts: dict[str, int]) -> None:
    """A newcomer asked for two cats and three dogs and got three cats; a second step is one fox."""
    assert read(prompt).counts == counts


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("a fox in the snow", "en"),
        ("ein Fuchs im Schnee", "de"),
        ("un zorro en la nieve", "es"),
        ("un renard dans la neige", "fr"),
        ("雪里的狐狸", "zh"),
        ("雪の中のキツネ", "ja"),
        ("눈 속의 여우", "ko"),
        ("", "en"),
    ],
)
def test_the_language_is_told_by_script_and_small_words(text: str, language: str) -> None:
    """A word means different things in different languages: Gift, pan, lit."""
    assert language_of(text) == language


def test_keywords_come_in_seven_languages_and_no_whole_pictures_among_them() -> None:
    """facts/offline.md: emoji that are whole pictures themselves made prototype pictures bad."""
    assert len(LANGUAGES) == 7
    assert not {"bridge-at-night", "hot-springs", "cityscape", "sunset", "milky-way", "foggy"} & set(names())
    assert not any("skin" in name or name.endswith(("-dark", "-medium")) for name in names())
