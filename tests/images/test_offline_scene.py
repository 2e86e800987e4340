"""The painter's scenes: pure, whole, within the sheet, and different where the words differ."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from limner.images.offline.canvas import Canvas
from limner.images.offline.cast import PLANS, Player, Sheet, arrange
from limner.images.offline.dice import Dice
from limner.images.offline.figures import BODIES, COATS, figure
from limner.images.offline.icons import icon
from limner.images.offline.lexicon import lexicon
from limner.images.offline.place import company, place_of, stage
from limner.images.offline.reading import read
from limner.images.offline.scene import light_of, scene
from limner.images.offline.tables import table

SHAPES = [(1024, 1024), (1152, 648), (648, 1152), (1024, 768), (1344, 576), (576, 1344)]
PLACES = sorted(name for name in table("places")["company"] if name != "floor")
PROMPTS = [
    "A red kettle on a stove in a cozy kitchen",
    "In a snowy forest, a fox reads a book",
    "夜晚海上的鲸鱼",
    "an astronaut and a rocket in space",
    "a train in the city in the rain",
    "quarterly synergy alignment",
    "",
]
WORDS = sorted({word for language in ("en", "zh", "ja", "de") for word in lexicon(language)})


def names_in(svg: str) -> set[str]:
    """The local names of all elements."""
    return {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}


def check(svg: str, width: int, height: int) -> None:
    """Well formed, of that size, without text, and with nothing that anybody would fetch."""
    root = ElementTree.fromstring(svg)
    assert (root.get("width"), root.get("height")) == (str(width), str(height))
    assert not names_in(svg) & {"text", "image", "script", "foreignObject", "feTurbulence", "style", "a"}
    identifiers = re.findall(r'\bid="([^"]+)"', svg)
    assert len(identifiers) == len(set(identifiers))
    referred = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]*)"', svg))
    assert referred <= set(identifiers)
    assert not re.search(r'href="[^#]', svg)
    assert "url(" not in re.sub(r"url\(#[^)]+\)", "", svg)
    assert "nan" not in svg
    assert "inf" not in svg.replace("info", "")


@given(st.text(max_size=60), st.sampled_from(SHAPES))
@example("\ud800", (1024, 1024))
@example("\x00<svg>&\"'", (1024, 1024))
@example("fox " * 2_000, (1024, 1024))
@example("1" * 400, (1024, 1024))
@settings(max_examples=120, deadline=None)
def test_any_text_at_all_is_a_whole_picture(prompt: str, shape: tuple[int, int]) -> None:
    """The brief of the painter: any text gives valid SVG and never raises."""
    check(scene(prompt, *shape), *shape)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6), st.sampled_from(SHAPES))
@settings(max_examples=120, deadline=None)
def test_any_known_words_are_a_whole_picture(words: list[str], shape: tuple[int, int]) -> None:
    """Random text finds few words; these all find something."""
    check(scene(" ".join(words), *shape), *shape)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("light", ["day", "sunset", "night"])
def test_every_place_is_painted_in_everylight_of(place: str, light: str) -> None:
    """Embedded default: backdrops, and day, sunset, night."""
    found = {word for word, meanings in lexicon("en").items() if any(m.name == place for m in meanings)}
    word = {"savanna": "lion on the savanna"}.get(place) or min(found)
    svg = scene(f"{word}, {light}", 800, 600)
    check(svg, 800, 600)
    # The words of place and light both reach the paint.
    assert svg != scene(f"{word}, {'night' if light != 'night' else 'day'}", 800, 600)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_same_prompt_gives_the_same_picture(prompt: str) -> None:
    """Embedded default: seeded by the prompt; line breaks and spaces are no part of it."""
    assert scene(prompt, 640, 480) == scene(prompt, 640, 480)
    assert scene(f" {prompt}\n", 640, 480) == scene(prompt, 640, 480)


def test_the_numbers_behind_a_picture_are_the_same_on_every_machine() -> None:
    """An idempotent backend draws the same again; a change here changes every picture."""
    numbers = Dice("fox", "plan")
    assert [round(numbers.unit(), 6) for _ in range(3)] == [0.769135, 0.840018, 0.620728]


STEPS = {
    "tea": [
        "green tea, everything needed gathered in a basket",
        "green tea, preparing the place, sleeves rolled up",
        "brew green tea, hands at work",
        "green tea, watching closely with a magnifying glass",
        "green tea, finished, a proud smile",
    ],
    "饺子": [
        "包饺子 第一步：和面，面粉加水揉成面团",
        "包饺子 第二步：调馅，猪肉和白菜切碎",
        "包饺子 第三步：擀皮，包好饺子",
        "包饺子 第四步：煮饺子，锅里水烧开",
    ],
    "numbers": [f"Step {number} of 5: plant the tomatoes" for number in range(1, 6)],
}


def players_of(prompt: str) -> tuple[tuple[str, int, int, int], ...]:
    """Who stands where in the prompt's picture, roughly."""
    svg = scene(prompt, 768, 768)
    found = re.findall(r'<g transform="translate\(([\d.-]+) ([\d.-]+)\)[^"]*scale\(([\d.-]+) [^"]*"', svg)
    return tuple(
        (str(at), round(float(x) / 24), round(float(y) / 24), round(abs(float(s)) * 2))
        for at, (x, y, s) in enumerate(found)
    )


@pytest.mark.parametrize("topic", STEPS)
def test_steps_of_one_tutorial_look_different(topic: str) -> None:
    """Embedded default: not only other bytes, but other people in other places."""
    for one, two in combinations(STEPS[topic], 2):
        assert scene(one, 768, 768) != scene(two, 768, 768)
        assert players_of(one) != players_of(two), (one, two)


def test_numbered_steps_never_repeat_the_arrangement_of_the_one_before() -> None:
    """The number of a step moves the plan on, whatever the rest of the prompt is."""
    plans = []
    for number in range(1, 9):
        sheet = Sheet(
            Canvas(768, 768), Dice("same"), stage("kitchen", Canvas(768, 768), Dice("same"), "tomato")
        )
        plans.append(next(p for p in arrange(sheet, ["tomato"], number, {}) if p.main))
    assert all(one.box != two.box for one, two in pairwise(plans))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("place", PLACES)
def test_the_subject_is_large_and_everybody_is_on_the_sheet(place: str, shape: tuple[int, int]) -> None:
    """facts/offline.md: one large subject, smaller companions, at any aspect ratio."""
    canvas = Canvas(*shape)
    for plan in range(PLANS):
        dice = Dice(place, str(plan))
        names = ["owl", *company(place)[:3]]
        players = arrange(Sheet(canvas, dice, stage(place, canvas, dice, "owl")), names, plan, {})
        main = next(player for player in players if player.main)
        assert main.icon.name == "owl"
        assert main.size >= max(player.size for player in players)
        assert main.size >= canvas.unit * 0.3
        for player in players:
            assert hidden(player, canvas) < 0.2, (plan, player.icon.name)


def hidden(player: Player, canvas: Canvas) -> float:
    """The share of its box that is outside the sheet."""
    left, top, right, bottom = player.box
    inside = max(0.0, min(right, canvas.width) - max(left, 0)) * max(
        0.0, min(bottom, canvas.height) - max(top, 0)
    )
    return 1 - inside / ((right - left) * (bottom - top))


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ("dumplings", "kitchen"),
        ("a whale", "sea"),
        ("an octopus", "underwater"),
        ("a rocket", "space"),
        ("a camel", "desert"),
        ("a penguin", "snow"),
        ("a lion", "savanna"),
        ("a fox", "forest"),
        ("a taxi", "city"),
        ("an airplane", "sky"),
        ("a laptop", "room"),
        ("plant tomatoes", "garden"),
        ("cut tomatoes", "kitchen"),
        ("a crab", "beach"),
        ("a horse", "field"),
        ("a fox in the city", "city"),
        ("a lion in the field", "savanna"),
        ("a fox under a starry sky", "forest"),
        ("justice", ""),
        ("knead", "kitchen"),
        ("包馅", "kitchen"),
        ("和面", "kitchen"),
        ("cut the cloth", "room"),
        ("a lighthouse", "beach"),
        ("a cat under the moon", "field"),
        ("一只小猫在月亮下睡觉", "field"),
        ("a dog in the rain", "field"),
        ("a flat tyre", "room"),
        ("a girl sleeping in bed at night", "room"),
        ("a fox on a sofa", "room"),
        ("a bed under the stars in the desert", "desert"),
    ],
)
def test_things_are_where_they_are_at_home(prompt: str, place: str) -> None:
    """Embedded default: keywords choose a backdrop; the prompt's own place wins."""
    assert place_of(read(prompt), Dice(prompt)) == place


def test_unknown_words_shape_the_picture_without_any_icon() -> None:
    """The brief of the painter: something derived from the prompt, no pretence of knowledge."""
    one, two = scene("xyzzy plugh", 512, 512), scene("xyzzy grault", 512, 512)
    assert one != two
    for svg in (one, two):
        check(svg, 512, 512)
        assert "translate(-16.00" not in svg


@pytest.mark.parametrize("name", BODIES)
def test_an_animal_with_a_head_alone_gets_a_body(name: str) -> None:
    """A head on the grass is no fox."""
    head, whole = icon(name), figure(name)
    assert whole.bottom > 40 > head.bottom
    ElementTree.fromstring(f"<svg>{whole.body}</svg>")


def test_no_summer_guests_stand_in_the_snow() -> None:
    """Company belongs to the place and to its weather."""
    butterfly = icon("butterfly").body[20:200]
    winter = [scene(f"a fox in the snowy forest {number}", 400, 400) for number in range(12)]
    summer = [scene(f"a fox in the forest {number}", 400, 400) for number in range(12)]
    assert not any(butterfly in svg for svg in winter)
    assert any(butterfly in svg for svg in summer)


@pytest.mark.parametrize(
    "word", ["spring", "summer", "autumn", "春天", "夏天", "秋天", "Herbst", "otoño", "automne"]
)
def test_a_season_is_seen_outdoors(word: str) -> None:
    """A newcomer asked for a season alone and got a bare room or balloons."""
    for number in range(8):
        assert place_of(read(word), Dice(word, str(number))) in {"field", "forest", "garden", "beach"}
    assert scene(f"{word}, a house", 400, 400) != scene("a house", 400, 400)


@pytest.mark.parametrize(
    "prompt", ["a cat sleeping under the moon", "一只小猫在月亮下睡觉", "Katze und Mond"]
)
def test_the_moon_is_seen_at_night(prompt: str) -> None:
    """A newcomer asked for a cat under the moon and got a room by day."""
    found = read(prompt)
    assert light_of(found, place_of(found, Dice(prompt)), Dice(prompt)) == "night"
    # The prompt's own word for the light wins.
    assert light_of(read("the moon by day"), "field", Dice(prompt)) == "day"


@pytest.mark.parametrize("prompt", ["photosynthesis", "光合作用"])
def test_pictures_of_one_plant_do_not_all_stand_in_one_garden(prompt: str) -> None:
    """A newcomer got the same garden three times for one question."""
    places = {place_of(read(prompt), Dice(prompt, str(number))) for number in range(12)}
    assert places == {"garden", "field", "forest"}


def test_rain_hides_the_sun() -> None:
    """A newcomer asked for rain and saw the sun shine through it."""
    disc = "#ffd84f"
    for number in range(6):
        assert disc not in scene(f"a horse in the rain {number}", 400, 400)
    assert any(disc in scene(f"a horse {number}", 400, 400) for number in range(6))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("prompt", "counts"),
    [
        ("2 cats and 3 dogs", {"cat": 2, "dog": 3}),
        ("six ducks", {"duck": 6}),
        ("两只猫和三条狗在月亮下", {"cat": 2, "dog": 3, "crescent-moon": 1}),
        ("four bats and two owls", {"bat": 4, "owl": 2}),
        ("three apples and a cat", {"red-apple": 3, "cat": 1}),
        ("ten sheep", {"ewe": 10}),
        ("one tomato", {"tomato": 1}),
    ],
)
def test_counted_things_can_be_counted(prompt: str, counts: dict[str, int], shape: tuple[int, int]) -> None:
    """Each as often as the prompt says, on the sheet, and none behind another."""
    canvas, found = Canvas(*shape), read(prompt)
    for number in range(PLANS):
        dice = Dice(prompt, str(number))
        where = stage(place_of(found, dice), canvas, dice, found.things[0])
        players = arrange(Sheet(canvas, dice, where), found.things, number, found.counts)
        assert Counter(player.icon.name for player in players) == counts
        assert sum(player.main for player in players) == 1
        assert all(hidden(player, canvas) < 0.1 for player in players)
        for one, two in combinations(players, 2):
            assert shared(one, two) < 0.6


def shared(one: Player, two: Player) -> float:
    """The share of the smaller box that lies under or over the other one."""
    left, top, right, bottom = one.box
    other = two.box
    width, height = min(right, other[2]) - max(left, other[0]), min(bottom, other[3]) - max(top, other[1])
    smaller = min((right - left) * (bottom - top), (other[2] - other[0]) * (other[3] - other[1]))
    return max(0.0, width) * max(0.0, height) / smaller


@pytest.mark.parametrize(
    ("names", "smaller", "larger"),
    [
        (["deciduous-tree", "honeybee"], "honeybee", "deciduous-tree"),
        (["deciduous-tree", "droplet"], "droplet", "deciduous-tree"),
        (["bicycle", "wrench"], "wrench", "bicycle"),
        (["elephant", "mouse"], "mouse", "elephant"),
    ],
)
def test_small_things_are_smaller(names: list[str], smaller: str, larger: str) -> None:
    """A newcomer saw a bee as large as a tree, and a bicycle smaller than a spanner."""
    canvas = Canvas(768, 768)
    for number in range(PLANS):
        dice = Dice("scale", str(number))
        players = arrange(
            Sheet(canvas, dice, stage("garden", canvas, dice, names[0])),
            names,
            number,
            dict.fromkeys(names, 1),
        )
        sizes = {player.icon.name: player.size for player in players}
        assert sizes[smaller] < 0.5 * sizes[larger]


def test_a_dog_has_another_coat_than_a_cat() -> None:
    """A newcomer counted three cats where a dog stood between two."""
    assert {colour for colours in COATS.values() for colour in colours} <= set(
        re.findall(r"#[0-9a-f]{6}", "".join(icon(name).body for name in COATS))
    )
    assert not any(colour in figure("dog").body for colour in COATS["dog"])
