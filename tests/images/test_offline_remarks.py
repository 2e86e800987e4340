"""A picture drawn again with a remark: the remark wins, everything else stays where it was."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.images.offline.likeness import Likeness, Member
from limner.images.offline.order import Order, parse
from limner.images.offline.reading import read
from limner.images.offline.revision import revised
from limner.images.offline.scene import Composition, composed

PROMPT = "a fox in the forest"


def again(remark: str, prompt: str = PROMPT, style: str = "") -> tuple[Likeness, Likeness]:
    """What the picture says before and after a redraw, as the engine asks for one."""
    before, after = redrawn(remark, prompt, style)
    return before.likeness, after.likeness


def redrawn(remark: str, prompt: str = PROMPT, style: str = "") -> tuple[Composition, Composition]:
    tail = f"\n\nStyle: {style}" if style else ""
    before = composed(prompt + tail, 400, 300)
    return before, composed(f"{prompt}\n\nChange: {remark}{tail}", 400, 300, [before.likeness])


def cast(found: Likeness) -> list[str]:
    return [member.name for member in found.cast]


# ── A prompt's parts ─────────────────────────────────────────────────────────────────────────────

PARTS = [
    ("a fox", Order("a fox")),
    ("a fox\n\nStyle: ink on paper with foxes", Order("a fox", (), "ink on paper with foxes")),
    ("a fox\n\nChange: at night\n\nStyle: ink", Order("a fox", ("at night",), "ink")),
    ("a fox\n\nChange: at night\n\nChange: by day", Order("a fox", ("at night", "by day"))),
    ("a fox\n\nChange: at night,\nwith an owl\n\nand a boat", Order("a fox", ("at night, with an owl and a boat",))),
    ("A fox. Style: watercolor, soft", Order("A fox.", (), "watercolor, soft")),
    ("Style: wash\n\nA cat", Order("A cat", (), "wash")),
    ("A cat\n\nStyle: wash\n\non paper, with a dog", Order("A cat", (), "wash on paper, with a dog")),
    ("Style: wash\nSubject: a cat", Order("Subject: a cat", (), "wash")),
    ("一只狐狸。风格：水墨", Order("一只狐狸。", (), "水墨")),
    ("in the style of: nobody", Order("in the style of: nobody")),
    ("a change: of place", Order("a change: of place")),
    ("Style:", Order("")),
    ("", Order("")),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "order"), PARTS, ids=[repr(prompt) for prompt, _ in PARTS])
def test_a_prompt_is_taken_apart_at_its_labels(prompt: str, order: Order) -> None:
    """tools/image.py and Conversation.redraw write the labels; models write "Style:" of their own accord."""
    assert parse(prompt) == order


@given(
    st.text(max_size=80),
    st.text(alphabet="abc ,é雪", min_size=1, max_size=30),
    st.text(alphabet="xyz ", max_size=9),
)
@settings(max_examples=100, deadline=None)
def test_what_the_engine_puts_together_is_taken_apart_again(prompt: str, remark: str, style: str) -> None:
    """Whatever the prompt is, the remark and the style at its end are found."""
    tail = f"\n\nStyle: {style}" if style else ""
    found = parse(f"{prompt}\n\nChange: {remark}{tail}")
    assert found.changes[-1:] == ((" ".join(remark.split()),) if remark.strip() else found.changes[-1:])
    assert found.style.endswith(" ".join(style.split()))


def test_a_hostile_prompt_is_taken_apart_in_linear_time() -> None:
    """Fails (by taking minutes) if a label is looked for with unbounded repetition."""
    for piece in (
        "Style:",
        "\n\nStyle: ",
        ". ",
        " \t",
        "Change: no ",
        "Change: turn it into ",
        "把",
        "without ",
    ):
        composed((piece * 20_000)[:20_000], 64, 64)


# ── What a remark does ───────────────────────────────────────────────────────────────────────────

SKIES = [
    ("make it night", "light", "night"),
    ("at sunset, please", "light", "sunset"),
    ("晚上", "light", "night"),
    ("de noche", "light", "night"),
    ("bei Nacht", "light", "night"),
    ("la nuit", "light", "night"),
    ("夜にして", "light", "night"),
    ("make it rain", "weather", "rain"),
    ("下雪", "weather", "snow"),
    ("in winter", "weather", "snow"),
    ("in autumn", "season", "autumn"),
    ("put it on the beach", "place", "beach"),
    ("in die Stadt", "place", "city"),
    ("en la playa", "place", "beach"),
    ("放到沙漠里", "place", "desert"),
]


@pytest.mark.parametrize(("remark", "what", "value"), SKIES, ids=[remark for remark, _, _ in SKIES])
def test_time_weather_and_place_follow_the_remark(remark: str, what: str, value: str) -> None:
    """Redraw: the remark wins over the prompt, the subject stays."""
    before, after = again(remark)
    assert getattr(after, what) == value != getattr(before, what)
    assert after.cast == before.cast


def test_a_remark_ends_what_it_contradicts() -> None:
    """A sunny day has no rain, summer no snow, and whoever wakes up does not sleep."""
    assert again("make it sunny", "a fox in the rain")[1].weather == "clear"
    assert again("without the rain", "a fox in the rain")[1].weather == "clear"
    assert again("不要下雨", "雨中的狐狸")[1].weather == "clear"
    summer = again("in summer", "a fox in the snow")[1]
    assert (summer.weather, summer.season) == (None, "summer")
    winter = again("in winter", "a fox in autumn")[1]
    assert (winter.weather, winter.season) == ("snow", None)
    assert again("wake up", "a sleeping fox")[0].asleep == ("fox",)
    assert again("wake up", "a sleeping fox")[1].asleep == ()
    assert again("by day", "an owl at night")[1].light == "day"


CASTS = [
    ("add an umbrella", ["fox", "umbrella"]),
    ("加一顶帽子", ["fox", "top-hat"]),
    ("mit einem Boot", ["fox", "sailboat"]),
    ("turn it into a wolf", ["wolf"]),
    ("make it a wolf", ["wolf"]),
    ("make it a night scene", ["fox"]),
    ("turn the fox into a wolf", ["wolf"]),
    ("replace the fox with a cat and add a tree", ["cat", "deciduous-tree"]),
    ("a bear instead of the fox", ["bear"]),
    ("换成一只狼", ["wolf"]),
    ("把狐狸换成一只狼", ["wolf"]),
    ("キツネをオオカミに変えて", ["wolf"]),
    ("ersetze den Fuchs durch einen Wolf", ["wolf"]),
    ("remplace le renard par un loup", ["wolf"]),
    ("cambia el zorro por un lobo", ["wolf"]),
    ("turn the sky into a sunset", ["fox"]),
    ("two foxes", ["fox"]),
]


@pytest.mark.parametrize(("remark", "shown"), CASTS, ids=[remark for remark, _ in CASTS])
def test_things_are_added_and_exchanged(remark: str, shown: list[str]) -> None:
    """The subject stays unless the remark says that it does not."""
    assert cast(again(remark)[1]) == shown


REMOVED = [
    ("a fox and an owl in the forest", "remove the owl"),
    ("a fox and an owl in the forest", "without the owl"),
    ("一只狐狸和一只猫头鹰", "去掉猫头鹰"),
    ("一只狐狸和一只猫头鹰", "把猫头鹰去掉"),
    ("ein Fuchs und eine Eule", "ohne die Eule"),
    ("un renard et un hibou", "enlève le hibou"),
    ("un zorro y un búho", "quita el búho"),
]


@pytest.mark.parametrize(("prompt", "remark"), REMOVED, ids=[remark for _, remark in REMOVED])
def test_what_is_not_wanted_goes(prompt: str, remark: str) -> None:
    """Named things, and the company that nobody asked for, are both taken out, for good."""
    before, after = again(remark, prompt)
    assert cast(before) == ["fox", "owl"]
    assert cast(after) == ["fox"]
    # A second remark does not bring it back, though the prompt names it.
    third = composed(f"{prompt}\n\nChange: make it night", 400, 300, [after]).likeness
    assert cast(third) == ["fox"]
    assert third.light == "night"


@pytest.mark.parametrize(
    ("prompt", "remark", "count"),
    [
        ("two cats and a dog", "one more cat", 3),
        ("two cats and a dog", "add another cat", 3),
        ("two cats and a dog", "two more cats", 4),
        ("two cats and a dog", "five cats", 5),
        ("一只猫和一只狗", "再加一只猫", 2),
        ("eine Katze", "noch eine Katze", 2),
        ("un chat", "encore un chat", 2),
        ("ten cats", "one more cat", 10),
    ],
)
def test_more_of_them_are_added_to_those_that_are_there(prompt: str, remark: str, count: int) -> None:
    """A number alone is how many there shall be."""
    assert again(remark, prompt)[1].cast[0] == Member("cat", count)


def test_colours_are_exchanged() -> None:
    """Of a thing that is named, or of "it"."""
    for remark in (
        "make it blue",
        "make the fox blue",
        "a blue fox",
        "把狐狸变成蓝色",
        "变成蓝色",
        "mach den Fuchs blau",
        "un renard bleu",
    ):
        assert again(remark)[1].cast == (Member("fox", 1, "blue"),), remark
    assert again("paint the boat green", "a fox and a boat")[1].cast == (
        Member("fox", 1),
        Member("sailboat", 1, "green"),
    )
    assert again("make it green", "a blue fox")[1].cast == (Member("fox", 1, "green"),)


def test_the_subject_grows_and_shrinks() -> None:
    """Larger, smaller, and as it was in the next redraw."""
    assert again("make it bigger")[1].zoom > 1 > again("小一点")[1].zoom
    larger = again("make it bigger")[1]
    assert composed(f"{PROMPT}\n\nChange: at night", 400, 300, [larger]).likeness.zoom == larger.zoom
    assert composed("the same fox", 400, 300, [larger]).likeness.zoom == 1


def test_remarks_on_the_colours_of_all_win_over_the_style() -> None:
    """Where remark and prompt differ, the remark wins; a thing's colour is not everybody's."""
    assert again("in warm colours", style="ink")[1].families == ("warm",)
    assert again("softer", style="ink")[1].families == ("pastel",)
    assert again("黑白的", style="水彩")[1].families == ("monochrome",)
    assert again("make the fox blue", style="ink")[1].families == ("ink",)
    assert again("make it night", style="watercolour")[1].families == ("pastel",)


def figures(svg: str) -> list[str]:
    """Where everybody stands, and how large."""
    return re.findall(r'<g transform="translate\([^"]+"', svg)


@pytest.mark.parametrize(
    "remark", ["make it night", "make it blue", "in warm colours", "let it sleep", "晚上"]
)
def test_a_picture_drawn_again_is_composed_as_it_was(remark: str) -> None:
    """One picture, changed: everybody stands where they stood."""
    before, after = redrawn(remark)
    assert figures(before.svg) == figures(after.svg) != []
    assert before.svg != after.svg


def test_one_of_several_pictures_is_drawn_again_as_the_one_that_it_was() -> None:
    """`n` pictures of one prompt are composed in different ways; a remark keeps each one's own."""
    third = composed(PROMPT, 400, 300, variation=2)
    again = composed(f"{PROMPT}\n\nChange: make it night", 400, 300, [third.likeness])
    assert figures(again.svg) == figures(third.svg) != figures(composed(PROMPT, 400, 300).svg)


def test_what_is_added_moves_nobody() -> None:
    """The subject and its company stay in their places; the new thing finds a free one."""
    before, after = redrawn("add an umbrella")
    assert set(figures(before.svg)) < set(figures(after.svg))
    before, after = redrawn("remove the owl")
    assert set(figures(after.svg)) <= set(figures(before.svg))


def test_without_its_old_picture_a_redraw_still_knows_its_prompt() -> None:
    """Metadata may be stripped: the words alone give the same composition with the change."""
    alone = composed(f"{PROMPT}\n\nChange: make it blue\n\nChange: at night", 400, 300)
    assert alone.likeness.cast == (Member("fox", 1, "blue"),)
    assert alone.likeness.light == "night"
    assert figures(alone.svg) == figures(composed(PROMPT, 400, 300).svg)


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_remark_on_any_picture_is_taken_in(prompt: str, remark: str) -> None:
    """Never raises, and every thing is there once."""
    found = revised(read(prompt), remark)
    assert len(found.things) == len(set(found.things))
    assert set(found.coats) | set(found.counts) <= set(found.things)


SLEEPERS = [
    ("a fox watching a sleeping cat", ["cat"]),
    ("a fox and an owl sleeping", ["fox", "owl"]),
    ("a sleeping fox and an owl", ["fox"]),
    ("a cat asleep on the sofa", ["cat"]),
    ("一只睡觉的猫", ["cat"]),
    ("猫が眠っている", ["cat"]),
    ("die Katze schläft", ["cat"]),
    ("le chat dort", ["cat"]),
    ("el gato duerme", ["cat"]),
    ("a bedroom", []),
    ("睡前故事里的猫", []),
]


@pytest.mark.parametrize(("prompt", "asleep"), SLEEPERS, ids=[prompt for prompt, _ in SLEEPERS])
def test_those_who_sleep_have_their_eyes_closed(prompt: str, asleep: list[str]) -> None:
    """A newcomer asked for a sleeping cat and got one that stared."""
    picture = composed(prompt, 400, 300)
    assert list(picture.likeness.asleep) == asleep
    assert ("#2b2027" in picture.svg) == bool(asleep)
