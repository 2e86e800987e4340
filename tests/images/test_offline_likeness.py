"""Pictures that resemble earlier ones: what they say about themselves, and what is kept of it."""

from __future__ import annotations

import io
import json
import re
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from limner.errors import ParameterError, PictureError
from limner.images.inspection.limits import MAX_BYTES
from limner.images.offline.figures import figure
from limner.images.offline.inscription import inscription, into_png, packet
from limner.images.offline.likeness import MOST_CHARS, TONES, Likeness, Member, parse, written
from limner.images.offline.painter import Painter
from limner.images.offline.scene import composed
from limner.images.protocol import ImageRequest, Purchase

KEY = Purchase("key")
FORMATS = ("png", "jpeg", "webp")


@asynccontextmanager
async def painter() -> AsyncIterator[Painter]:
    made = Painter(workers=1)
    try:
        with anyio.fail_after(30):
            yield made
    finally:
        await made.aclose()


async def drawn(
    made: Painter, prompt: str, *references: bytes, output_format: str = "png", size: str = "160x120"
) -> bytes:
    request = ImageRequest(prompt, size=size, output_format=output_format, references=references)
    (drawing,) = await made.draw(request, KEY)
    assert isinstance(drawing.data, bytes)
    return drawing.data


def likeness(picture: bytes) -> Likeness:
    """What a picture says about itself."""
    text = inscription(picture)
    assert text is not None
    found = parse(text)
    assert found is not None
    return found


def kept(first: str, second: str) -> Likeness:
    """What the picture of `second` is about, made like the one of `first`."""
    return composed(second, 320, 240, [composed(first, 320, 240).likeness]).likeness


def cast(found: Likeness) -> list[str]:
    return [member.name for member in found.cast]


def average(picture: bytes) -> tuple[float, float, float]:
    """The mean of red, green and blue."""
    with Image.open(io.BytesIO(picture)) as image:
        small = image.convert("RGB").resize((1, 1), Image.Resampling.BOX)
    red, green, blue = small.tobytes()
    return red, green, blue


# ── What comes back from a picture ───────────────────────────────────────────────────────────────


@pytest.mark.anyio
@pytest.mark.parametrize("output_format", FORMATS)
async def test_every_format_says_who_is_in_it_and_gives_it_to_the_next(output_format: str) -> None:
    """Likeness: the offline painter keeps subject and palette; in each format that it draws."""
    async with painter() as made:
        first = await drawn(made, "a blue fox on the beach", output_format=output_format)
        second = await drawn(made, "It is sleeping now, in the rain", first, output_format=output_format)
    found = likeness(second)
    assert found.cast == (Member("fox", 1, "blue"),)
    assert (found.asleep, found.weather, found.place) == (("fox",), "rain", "beach")
    assert found.tones == likeness(first).tones
    with Image.open(io.BytesIO(second)) as image:
        image.load()
        assert (image.format or "").lower() == output_format


@pytest.mark.anyio
async def test_what_a_picture_says_is_short_and_holds_no_word_of_its_prompt() -> None:
    """The inscription names icons and numbers; who gets the picture learns nothing that it does not show."""
    secret = "a fox for Mr Zyxwvut, project Quincunx, in the forest\n\nStyle: Plugh & Sons house style"
    async with painter() as made:
        for output_format in FORMATS:
            picture = await drawn(made, secret, output_format=output_format)
            for word in (b"Zyxwvut", b"Quincunx", b"Plugh"):
                assert word.lower() not in picture.lower()
            assert len(inscription(picture) or "") < 600
        plain = Image.open(io.BytesIO(await drawn(made, secret)))
        stripped = io.BytesIO()
        plain.save(stripped, "PNG")
        assert len(await drawn(made, secret)) - len(stripped.getvalue()) < 4_000


@pytest.mark.anyio
async def test_the_same_request_with_the_same_references_gives_the_same_bytes() -> None:
    """The painter is idempotent: drawing again gives the same picture, whoever draws it."""
    async with painter() as one, painter() as two:
        fox = await drawn(one, "a green fox and an owl")
        stranger = plain_picture((30, 90, 140))
        for references in ((fox,), (stranger,), (stranger, fox), (fox, stranger)):
            first = await drawn(one, "they meet at night", *references)
            assert first == await drawn(two, "they meet at night", *references)
            assert first != await drawn(one, "they meet at night")


def plain_picture(colour: tuple[int, int, int], output_format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (90, 60), colour).save(buffer, output_format)
    return buffer.getvalue()


@pytest.mark.anyio
@pytest.mark.parametrize("output_format", ["PNG", "JPEG", "WEBP"])
async def test_of_a_picture_by_somebody_else_the_colours_are_kept(output_format: str) -> None:
    """Likeness: where a reference says nothing about itself, its pixels still do."""
    async with painter() as made:
        usual = average(await drawn(made, "a fox in the forest"))
        for channel, colour in enumerate(((200, 40, 40), (40, 180, 60), (40, 60, 200))):
            picture = await drawn(made, "a fox in the forest", plain_picture(colour, output_format))
            shares = [part / sum(average(picture)) for part in average(picture)]
            assert shares[channel] > usual[channel] / sum(usual) + 0.05
            assert cast(likeness(picture)) == ["fox"]
        # And they are handed on, though the new picture's words say nothing of them.
        again = await drawn(made, "a house", picture)
        assert likeness(again).swatch == likeness(picture).swatch != ()


@pytest.mark.anyio
async def test_a_picture_without_its_metadata_lends_its_colours() -> None:
    """`strip_metadata`, or a tool on the way, takes the inscription away; the pixels stay."""
    async with painter() as made:
        sepia = await drawn(made, "a fox in the forest\n\nStyle: sepia")
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(sepia)) as image:
            image.convert("RGB").save(buffer, "PNG")
        assert inscription(buffer.getvalue()) is None
        picture = await drawn(made, "a house by the sea by day", buffer.getvalue())
        red, _, blue = average(picture)
        assert red > blue
        plain_red, _, plain_blue = average(await drawn(made, "a house by the sea by day"))
        assert plain_red < plain_blue
        assert cast(likeness(picture)) == ["house"]


@pytest.mark.anyio
async def test_bytes_that_are_no_picture_are_a_bad_request_and_the_painter_paints_on() -> None:
    """CONVENTIONS, errors: what a caller hands in is checked like anything that strangers made."""
    bomb = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    async with painter() as made:
        for wrong in (b"", b"no picture", plain_picture((1, 2, 3))[:-30], bomb, b"\xff" * (MAX_BYTES + 1)):
            with pytest.raises(PictureError) as caught:
                await drawn(made, "a fox", wrong)
            assert (caught.value.code, caught.value.billed) == ("image_bad_request", "no")
        assert await drawn(made, "a fox")
        assert len(made.pids) == 1


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.anyio
async def test_more_references_than_it_takes_are_refused_by_name() -> None:
    """ImageBackend.max_references is what the tool promises to the model."""
    async with painter() as made:
        fox = await drawn(made, "a fox")
        assert made.max_references == 4
        await drawn(made, "they meet", *[fox] * 4)
        with pytest.raises(ParameterError) as caught:
            await drawn(made, "they meet", *[fox] * 5)
        assert caught.value.param == "references"


# ── Who is kept ──────────────────────────────────────────────────────────────────────────────────

KEPT: list[tuple[str, str, list[str]]] = [
    ("a fox in the forest", "the same fox, now in the rain", ["fox"]),
    ("a fox in the forest", "It is sleeping now", ["fox"]),
    ("a fox and an owl", "they are sleeping now", ["fox", "owl"]),
    ("a fox and an owl", "the owl waits alone in the snow", ["owl"]),
    ("a fox reads a book", "now with an umbrella", ["fox", "umbrella"]),
    ("a fox in the forest", "sleeping under a tree", ["fox", "deciduous-tree"]),
    ("a cat", "the kitten meets a dog", ["cat", "dog"]),
    ("a red kettle", "a boy drinks tea", ["boy", "teapot", "green-tea"]),
    ("a black cat", "the same cat in the garden", ["black-cat"]),
    ("a red kettle", "the same kettle, on a table in the garden", ["teapot"]),
    ("一只狐狸在森林里", "同一只狐狸，现在下雨了", ["fox"]),
    ("一只兔子", "它在睡觉", ["rabbit-face"]),
    ("ein Fuchs im Wald", "derselbe Fuchs schläft jetzt", ["fox"]),
    ("un chat dans la cuisine", "le même chat sous la pluie", ["cat"]),
    ("un zorro", "ahora en la playa", ["fox"]),
    ("森の中のキツネ", "今は雨", ["fox"]),
    ("숲 속의 여우", "같은 여우, 비가 온다", ["fox"]),
]


@pytest.mark.parametrize(("first", "second", "shown"), KEPT, ids=[second for _, second, _ in KEPT])
def test_the_subject_of_the_first_picture_stays(first: str, second: str, shown: list[str]) -> None:
    """Likeness: "the same fox, now in the rain"; the words need not name it."""
    assert cast(kept(first, second)) == shown


def test_setting_weather_and_time_are_those_of_the_new_words() -> None:
    """Only who and in which colours is kept; where the words are silent about a place, it stays."""
    night = "a fox on the beach at night in the rain"
    assert kept(night, "the same fox in the city").place == "city"
    found = kept(night, "it looks around by day")
    assert (found.place, found.light, found.weather) == ("beach", "day", None)
    # It does not rain in rooms.
    assert kept("a cat in the kitchen", "the same cat in the rain").place == "field"


def test_counts_coats_and_the_side_that_it_looks_to_are_kept() -> None:
    """The same two blue foxes; a new number or colour wins."""
    first = composed("two blue foxes", 320, 240).likeness
    same = composed("the same foxes at night", 320, 240, [first]).likeness
    assert same.cast == (Member("fox", 2, "blue"),)
    assert same.mirrored == first.mirrored
    assert kept("two blue foxes", "one green fox").cast == (Member("fox", 1, "green"),)
    sides = set()
    for number in range(12):
        turned = Likeness(cast=(Member("fox"),), mirrored=number % 2 == 0)
        sides.add(composed(f"the fox {number}", 320, 240, [turned]).likeness.mirrored == turned.mirrored)
    assert sides == {True}


def test_several_pictures_lend_their_subjects() -> None:
    """`like` may name two: who stands in one meets who stands in the other."""
    fox, owl = (composed(prompt, 320, 240).likeness for prompt in ("a red fox", "a white owl by a tree"))
    found = composed("they meet on the beach", 320, 240, [fox, owl]).likeness
    assert found.cast == (Member("fox", 1, "red"), Member("owl", 1, "white"))
    assert cast(composed("the owl alone", 320, 240, [fox, owl]).likeness) == ["owl"]


def test_a_subject_that_is_kept_is_drawn_as_it_was() -> None:
    """The figure itself, and not only its name: the same shapes in the same colours."""
    first = composed("a blue dragon by a castle", 512, 512)
    second = composed("now by the sea", 512, 512, [first.likeness])
    other = composed("a dragon by the sea", 512, 512)
    shapes = re.findall(r' d="[^"]{40,}"', figure("dragon").body)
    coloured = [f'fill="{found}"' for found in re.findall(r'fill="(#\w+)"', figure("dragon", "blue").body)]
    for svg in (first.svg, second.svg):
        assert [part for part in (*shapes, *coloured) if part not in svg] == []
    assert [part for part in coloured if part not in other.svg] != []


# ── Read as what strangers wrote ─────────────────────────────────────────────────────────────────

WHOLE = Likeness(
    cast=(Member("fox", 2, "blue"), Member("owl")),
    place="forest",
    light="night",
    weather="rain",
    season="autumn",
    asleep=("owl",),
    absent=("crab",),
    zoom=1.3,
    variation=3,
    mirrored=True,
    tones=7,
    families=("ink", "warm"),
    swatch=("#a0b1c2", "#000000"),
)


def test_what_is_written_is_read_as_it_was() -> None:
    """Through the text and through each container."""
    assert parse(written(WHOLE)) == WHOLE
    assert parse(written(Likeness())) == Likeness()
    for output_format in FORMATS:
        buffer, xmp = io.BytesIO(), packet(written(WHOLE))
        Image.new("RGB", (9, 7)).save(
            buffer, output_format.upper(), **({} if output_format == "png" else {"xmp": xmp})
        )
        picture = into_png(buffer.getvalue(), xmp) if output_format == "png" else buffer.getvalue()
        assert likeness(picture) == WHOLE


def test_other_programs_find_the_packet_where_they_look_for_it() -> None:
    """XMP Specification Part 3: it is read by whatever reads XMP, here Pillow."""
    buffer = io.BytesIO()
    Image.new("RGB", (9, 7)).save(buffer, "PNG")
    with Image.open(io.BytesIO(into_png(buffer.getvalue(), packet(written(WHOLE))))) as image:
        image.load()
        assert "limner:scene" in str(image.info["XML:com.adobe.xmp"])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["fox", "blue", "beach", "ink", "#a0b1c2", "floor", "\ud800", "night", "../x", "<svg>"])
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)
KEYS = ["cast", "place", "light", "weather", "season", "asleep", "absent", "zoom", "mirrored", "tones"]


@given(st.fixed_dictionaries({"v": st.just(1)}, optional=dict.fromkeys([*KEYS, "families", "swatch"], JSON)))
@settings(max_examples=60, deadline=None)
def test_whatever_a_picture_claims_only_what_is_known_is_believed(claim: dict[str, object]) -> None:
    """The text may come from anybody: names of our tables, bounded numbers and plain colours get through."""
    found = parse(json.dumps(claim))
    if found is None:
        return
    assert len(found.cast) <= 6
    assert all(0 <= member.count <= 10 for member in found.cast)
    assert found.tones is None or 0 <= found.tones < TONES
    assert 0.3 <= found.zoom <= 3.0
    # Whatever it is, a picture can be made like it.
    svg = composed("it looks around", 64, 64, [found]).svg
    assert "<script" not in svg
    assert "\ud800" not in svg
    assert composed("a house\n\nChange: at night", 64, 64, [found]).svg


@given(st.text(max_size=200) | JSON.map(json.dumps))
@example("[" * 3_000)
@example('{"v":1,"zoom":NaN,"tones":1e999}')
@example('{"v":1,"cast":[["fox",1' + "0" * 3_000 + ',""]]}')
@example('{"v":1}' + " " * MOST_CHARS)
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_likeness_or_none(text: str) -> None:
    """Never raises."""
    found = parse(text)
    assert found is None or parse(written(found)) == found


def _starts() -> list[bytes]:
    pictures = []
    for output_format in ("PNG", "JPEG", "WEBP"):
        buffer = io.BytesIO()
        Image.new("RGB", (9, 7)).save(buffer, output_format)
        pictures.append(buffer.getvalue())
    xmp = packet(written(WHOLE))
    return [*pictures, into_png(pictures[0], xmp)]


STARTS = _starts()


@given(
    st.binary(max_size=300)
    | st.builds(lambda start, rest: start + rest, st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF____WEBP"]), st.binary(max_size=200))
    | st.builds(
        lambda start, at, byte: start[: at % len(start)] + byte + start[at % len(start) + 1 :],
        st.sampled_from(STARTS),
        st.integers(min_value=0, max_value=2_000),
        st.binary(min_size=1, max_size=1),
    )
)  # fmt: skip
@example(b"\xff\xd8" + b"\xff\xe1\x00\x00" * 5_000)
@example(b"RIFF____WEBP" + b"XMP \xff\xff\xff\xff")
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_looked_at_without_harm(data: bytes) -> None:
    """Never raises, and whatever text comes out is read like any other."""
    text = inscription(data)
    assert text is None or parse(text) is None or isinstance(parse(text), Likeness)


def test_a_picture_of_endless_blocks_is_given_up() -> None:
    """A bounded number of blocks is looked at: ours stands among the first."""
    many = b"\x89PNG\r\n\x1a\n" + _chunk(b"tEXt", b"x") * 200_000
    assert inscription(many) is None
