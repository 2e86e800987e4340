"""The painter's colours: of a whole picture by its style, of one thing by its words."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import pairwise

import pytest
import resvg_py
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from limner.images.offline.coats import COLOURS, dyed
from limner.images.offline.eyelids import lids
from limner.images.offline.figures import BODIES, figure
from limner.images.offline.grading import Grading, families, families_named, families_of, light_asked
from limner.images.offline.icons import icon, is_living
from limner.images.offline.lexicon import rows
from limner.images.offline.reading import read
from limner.images.offline.scene import composed, scene
from limner.images.offline.tables import table

PROMPTS = ("a fox in the forest", "a teapot in the kitchen", "a boat at sea")
HEX = st.integers(min_value=0, max_value=0xFFFFFF).map(lambda value: f"#{value:06x}")


def mean(svg: str) -> tuple[float, float, float]:
    """The mean of red, green and blue, each 0 to 255."""
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))
    with Image.open(io.BytesIO(png)) as image:
        small = image.convert("RGB").resize((1, 1), Image.Resampling.BOX)
    red, green, blue = small.tobytes()
    return red, green, blue


STYLES = [
    ("watercolour, soft light", ("pastel",)),
    ("ink on paper with foxes", ("ink",)),
    ("warm watercolour", ("warm", "pastel")),
    ("bold pop art", ("vivid",)),
    ("vintage photograph", ("sepia",)),
    ("black-and-white pencil sketch", ("monochrome",)),
    ("black and white", ("monochrome",)),
    ("cool and icy", ("cool",)),
    ("moonlit, dark", ("night",)),
    ("earthy oil painting", ("earthy",)),
    ("水墨画", ("ink",)),
    ("水彩，柔和", ("pastel",)),
    ("暖色调", ("warm",)),
    ("黑白素描", ("monochrome",)),
    ("水彩画", ("pastel",)),
    ("モノクロ", ("monochrome",)),
    ("Aquarell, zart", ("pastel",)),
    ("acuarela suave", ("pastel",)),
    ("encre de Chine", ("ink",)),
    ("수채화", ("pastel",)),
]


@pytest.mark.parametrize(("style", "expected"), STYLES, ids=[style for style, _ in STYLES])
def test_a_style_sentence_asks_for_a_family_of_colours(style: str, expected: tuple[str, ...]) -> None:
    """Likeness: one visual voice, in any language of the tables."""
    assert families_of(style) == expected


@pytest.mark.parametrize("style", ["in the manner of Dürer", "公司风格", "x", "Plugh & Sons"])
def test_a_style_of_unknown_words_has_a_family_all_the_same(style: str) -> None:
    """The same sentence is the same voice, whatever it says."""
    assert families_of(style) == families_of(style) != ()
    assert composed(f"a fox\n\nStyle: {style}", 64, 64).likeness.families == families_of(style)


def test_no_style_changes_nothing() -> None:
    """A picture without a style has the colours of its icons."""
    assert (
        families_of("") == families_named("a fox by a warm stove in the soft light of a dark evening") == ()
    )
    assert Grading().applied('<svg fill="#abcdef"/>') == '<svg fill="#abcdef"/>'


@pytest.mark.parametrize("prompt", ["a fox", "一只狐狸", ""])
@pytest.mark.parametrize(
    "style",
    ["ink on paper with foxes", "a wolf, a castle and the sea at night", "水墨画，画在纸上，有一只猫"],
)
def test_nothing_that_a_style_names_is_in_the_picture(prompt: str, style: str) -> None:
    """A style is how, never what: neither things nor places come from it."""
    plain, styled = composed(prompt, 320, 240), composed(f"{prompt}\n\nStyle: {style}", 320, 240)
    assert styled.likeness.cast == plain.likeness.cast
    assert styled.likeness.place == plain.likeness.place
    assert styled.svg.count("<path") == pytest.approx(plain.svg.count("<path"), rel=0.25)


def test_pictures_of_one_style_share_their_colours_and_others_do_not() -> None:
    """Two scenes in one style are nearer to each other than to themselves in another style."""
    styles = ("warm colours", "cool colours", "sepia", "pastel", "black and white")
    tints = {
        style: [tint(mean(scene(f"{prompt} by day\n\nStyle: {style}", 160, 120))) for prompt in PROMPTS]
        for style in styles
    }
    for prompt, _ in enumerate(PROMPTS):
        assert tints["sepia"][prompt] > tints["cool colours"][prompt]
        assert (
            tints["warm colours"][prompt] > tints["black and white"][prompt] > tints["cool colours"][prompt]
        )
        assert abs(tints["black and white"][prompt]) <= 1
    plain = [tint(mean(scene(f"{prompt} by day", 160, 120))) for prompt in PROMPTS]
    for style in ("sepia", "black and white"):
        assert max(tints[style]) - min(tints[style]) < (max(plain) - min(plain)) / 2


def tint(colour: tuple[float, float, float]) -> float:
    """How warm a colour is: red against blue."""
    return colour[0] - colour[2]


def test_the_style_of_a_conversation_keeps_its_places_in_the_same_colours() -> None:
    """Sky, walls and grass of one voice are the same, whatever the prompt."""
    found = {composed(f"{prompt}\n\nStyle: soft", 64, 64).likeness.tones for prompt in PROMPTS}
    assert len(found) == 1
    assert len({composed(prompt, 64, 64).likeness.tones for prompt in PROMPTS}) == len(PROMPTS)


def test_the_style_does_not_move_anything() -> None:
    """The same prompt with and without a style is the same composition."""
    places = [
        re.findall(r'<g transform="translate\([^"]+"', scene(f"a fox in the forest{tail}", 320, 240))
        for tail in ("", "\n\nStyle: ink", "\n\nStyle: warm colours")
    ]
    assert all(one == two for one, two in pairwise(places))


def test_a_dark_style_is_night_where_the_prompt_does_not_say() -> None:
    """The prompt's own time of day wins."""
    assert light_asked(families_of("moonlit")) == "night"
    assert light_asked(families_of("warm")) is None
    assert composed("a fox\n\nStyle: moonlit", 64, 64).likeness.light == "night"
    assert composed("a fox by day\n\nStyle: moonlit", 64, 64).likeness.light == "day"


PHRASES = [
    ("a fox, in soft colours", ("pastel",)),
    ("a fox, in bold colours", ("vivid",)),
    ("watercolor illustration of a fox", ("pastel",)),
    ("一只狐狸，柔和的颜色", ("pastel",)),
    ("一只狐狸，鲜艳的颜色", ("vivid",)),
    ("un zorro, en colores suaves", ("pastel",)),
    ("ein Fuchs, in kräftigen Farben", ("vivid",)),
    ("un renard, en couleurs vives", ("vivid",)),
    ("キツネ、やわらかい色で", ("pastel",)),
    ("a bold fox on a warm stone", ()),
    ("热茶", ()),
]


@pytest.mark.parametrize(("prompt", "expected"), PHRASES, ids=[prompt for prompt, _ in PHRASES])
def test_a_prompt_names_colours_only_in_so_many_words(prompt: str, expected: tuple[str, ...]) -> None:
    """The offline model asks for views "in soft colours"; a warm stone is no warm picture."""
    assert composed(prompt, 64, 64).likeness.families == expected


@pytest.mark.parametrize("family", families())
def test_every_family_has_whole_rows_and_changes_colours(family: str) -> None:
    """A key that is missing would break the first picture in that style."""
    row = table("styles")[family]
    assert {"saturation", "gain", "lift", "words", "phrases"} <= set(row)
    assert len(row["gain"]) == len(row["lift"]) == 3
    for phrase in re.split(r"[\s|]+", row["phrases"].strip()):
        assert family in families_named(f"x {phrase.replace('_', ' ')} x"), phrase
    for word in row["words"].split():
        assert family in families_of(word), word
    assert any(Grading((family,)).graded(colour) != colour for colour in ("#d04040", "#40d040", "#4040d0"))


@given(HEX, st.lists(st.sampled_from(families()), max_size=2), st.lists(HEX, max_size=6))
@settings(max_examples=200, deadline=None)
def test_every_colour_becomes_a_colour(colour: str, names: list[str], swatch: list[str]) -> None:
    """Whatever a family or a stranger's picture makes of it."""
    assert re.fullmatch("#[0-9a-f]{6}", Grading(tuple(names), tuple(swatch)).graded(colour))


@given(HEX)
def test_black_and_white_are_grey(colour: str) -> None:
    """No colour is left."""
    graded = Grading(("monochrome",)).graded(colour)
    assert graded[1:3] == graded[3:5] == graded[5:7]


def test_only_colours_are_changed() -> None:
    """Names of paints and clips look like colours and are none."""
    svg = '<path id="abcdef" fill="url(#abcdef)" stroke="#fff"/><stop stop-color="#a0b1c2"/>'
    graded = Grading(("sepia",)).applied(svg)
    assert 'fill="url(#abcdef)"' in graded
    assert '#fff"' not in graded
    assert "#a0b1c2" not in graded


# ── One thing ────────────────────────────────────────────────────────────────────────────────────

COATS = [
    ("a blue dragon", {"dragon": "blue"}),
    ("a little red fox and a green frog", {"fox": "red", "frog": "green"}),
    ("an orange cat", {"cat": "orange"}),
    ("an orange and an apple", {}),
    ("a white house in the snow", {"house": "white"}),
    ("a fox in a blue coat", {"coat": "blue"}),
    ("a girl with red hair and a yellow umbrella", {"umbrella": "yellow"}),
    ("green tea", {}),
    ("a black cat", {}),
    ("蓝色的小狐狸", {"fox": "blue"}),
    ("一只小白兔", {"rabbit-face": "white"}),
    ("白菜和黄瓜", {}),
    ("赤いキツネ", {"fox": "red"}),
    ("un renard bleu", {"fox": "blue"}),
    ("une maison rose", {"house": "pink"}),
    ("une rose", {}),
    ("un zorro azul y una casa roja", {"fox": "blue", "house": "red"}),
    ("ein blauer Fuchs", {"fox": "blue"}),
    ("파란 고양이", {"cat": "blue"}),
]


@pytest.mark.parametrize(("prompt", "coats"), COATS, ids=[prompt for prompt, _ in COATS])
def test_a_colour_belongs_to_its_noun(prompt: str, coats: dict[str, str]) -> None:
    """Before the noun in most languages, behind it in Spanish and French; a fruit is no colour."""
    assert read(prompt).coats == coats


def test_a_coloured_fruit_is_not_drawn_beside_what_has_its_colour() -> None:
    """An orange cat is a cat."""
    assert read("an orange cat").things == ["cat"]
    assert read("une maison rose").things == ["house"]


def pixels_near(drawing: str, colour: str) -> int:
    """How many of 46 x 46 pixels have nearly that colour."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="46" height="46" viewBox="-2 0 46 46">{drawing}</svg>'
    )
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))
    with Image.open(io.BytesIO(png)) as image:
        pixels = image.convert("RGBA").tobytes()
    wanted = bytes.fromhex(colour[1:])
    return sum(
        pixels[at + 3] == 255
        and sum(abs(one - two) for one, two in zip(pixels[at : at + 3], wanted, strict=True)) < 110
        for at in range(0, len(pixels), 4)
    )


@pytest.mark.parametrize(
    "name", ["fox", "cat", "dragon", "automobile", "house", "bird", "umbrella", "elephant"]
)
@pytest.mark.parametrize("colour", ["green", "blue", "purple", "pink", "yellow"])
def test_the_largest_part_of_a_thing_takes_the_colour(name: str, colour: str) -> None:
    """And only its colour: the shape and the place on the ground stay."""
    plain, coat = figure(name), figure(name, colour)
    assert pixels_near(coat.body, COLOURS[colour]) > 60
    assert re.sub("#[0-9a-f]{6}", "", coat.body) == re.sub("#[0-9a-f]{6}", "", plain.body)
    assert replace(coat, body="") == replace(plain, body="")


def test_a_colour_near_red_has_no_parts_of_another_colour() -> None:
    """Red lies at both ends of the circle of hues: a pink pig got green legs."""
    for name in ("pig", "red-apple", "flamingo", "heart-decoration"):
        for colour in ("pink", "red"):
            for found in re.findall("#[0-9a-f]{6}", figure(name, colour).body):
                red, green, blue = (int(found[at : at + 2], 16) for at in (1, 3, 5))
                assert found in icon(name).body or red >= max(green, blue)


def test_a_red_fox_is_a_fox_and_a_red_car_is_red() -> None:
    """Natural names of colours are not painted over the animal."""
    assert figure("fox", "red") == figure("fox")
    assert figure("bear", "brown") == figure("bear")
    assert figure("automobile", "orange") != figure("automobile")


def test_skin_is_never_dyed() -> None:
    """A princess in blue is no blue princess."""
    assert "#ffc83d" in figure("princess", "blue").body


def test_every_colour_of_the_words_has_a_look() -> None:
    """A row without one would break the first picture that names it."""
    assert {meaning.name for meaning, _ in rows() if meaning.kind == "colour"} == set(COLOURS)
    for colour in COLOURS:
        assert re.fullmatch("#[0-9a-f]{6}", COLOURS[colour])
        dyed(icon("fox"), colour)


def test_eyes_are_known_where_somebody_can_close_them() -> None:
    """Every row is somebody, within the icon; those with bodies of ours all have one."""
    for name, row in table("eyes").items():
        assert is_living(name)
        colour, *sides = row.split()
        assert re.fullmatch("#[0-9a-f]{6}", colour)
        assert len(sides) in {4, 8}
        assert all(0 <= float(side) <= 32 for side in sides)
        assert lids(name).count("<path") == len(sides) // 4
    assert set(table("eyes")) >= set(BODIES)
    assert lids("teapot") == ""
    assert figure("fox", asleep=True).body != figure("fox").body
