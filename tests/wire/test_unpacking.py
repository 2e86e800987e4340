"""Pictures decoded while an answer comes are those that its JSON holds."""

from __future__ import annotations

import base64
import json
import random
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from limner.errors import PictureError
from limner.wire.images.chat import chat_pictures_in
from limner.wire.images.deliveries import Delivery, pictures_in
from limner.wire.parsing import parsed
from limner.wire.unpacking import Unpacking

PICTURE = random.Random(1).randbytes(301)
B64 = base64.b64encode(PICTURE).decode()
URL = f"data:image/png;base64,{B64}"
MANY = 10**9


def fed(pieces: Iterable[bytes], least_bytes: int = 0) -> Unpacking:
    unpacking = Unpacking(least_bytes)
    for piece in pieces:
        unpacking.add(piece)
    return unpacking


def pieces_of(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def read(value: object, max_bytes: int) -> list[Delivery | str]:
    """What both readers of whole answers find."""
    found: list[Delivery | str] = []
    for reader in (pictures_in, chat_pictures_in):
        try:
            found.append(reader(value, max_bytes))
        except PictureError as error:
            found.append(error.code)
    return found


def outcome(body: bytes) -> object:
    try:
        return read(parsed(body), MANY)
    except ValueError:
        return "no JSON"


def outcome_unpacked(unpacking: Unpacking) -> object:
    try:
        return read(unpacking.value(), MANY)
    except ValueError:
        return "no JSON"


texts = st.one_of(
    st.sampled_from(
        [
            B64,
            URL,
            B64.rstrip("="),
            B64.replace("+", "-").replace("/", "_"),
            "\n".join(pieces.decode() for pieces in pieces_of(B64.encode(), 76)),
            B64 + "=" * 4 + B64,
            B64[:-1],
            B64[:-3] + "h==",
            "https://host/" + "a" * 80,
            f'"b64_json": "{B64}"',
            f'\\"url": "{URL}',
            "NaN",
            "\ud800",
            "",
        ]
    ),
    st.binary(min_size=40, max_size=90).map(lambda data: base64.b64encode(data).decode()),
    st.text(max_size=20),
)
keys = st.sampled_from(
    ["b64_json", "url", "image", "image_url", 'x"b64_json', 'x\\"url', "model", "text", "error"]
)
values = st.recursive(
    texts | st.sampled_from([None, 1, float("nan"), float("inf"), True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
entries = st.dictionaries(keys, values, max_size=3) | texts
answers = st.one_of(
    st.fixed_dictionaries(
        {"data": st.lists(entries, max_size=3)}, optional={"error": values, "usage": values, "model": values}
    ),
    st.fixed_dictionaries(
        {"choices": st.lists(st.fixed_dictionaries({"message": st.fixed_dictionaries({"images": values})}))}
    ),
    entries,
)


@given(answer=answers, size=st.integers(1, 400), spaced=st.booleans(), escaped=st.booleans(), data=st.data())
@example(
    answer={"data": [{"b64_json": B64}, {"b64_json": B64}]}, size=7, spaced=True, escaped=False, data=None
)
@example(
    answer={"data": [{"b64_json": B64}, {"b64_json": "NaN"}]}, size=9, spaced=True, escaped=False, data=None
)
def test_an_answer_is_read_as_if_it_had_been_read_as_json(
    answer: object, size: int, spaced: bool, escaped: bool, data: st.DataObject | None
) -> None:
    """Whatever it holds, however it is written, wherever the network cuts it, and broken anywhere too."""
    text = json.dumps(answer, separators=None if spaced else (",", ":"))
    body = (text.replace("/", "\\/") if escaped else text).encode()
    if data is not None:
        what = data.draw(st.sampled_from(["whole", "cut", "changed"]))
        at = data.draw(st.integers(0, max(0, len(body) - 1)))
        if what == "cut":
            body = body[:at]
        elif what == "changed":
            body = (
                body[:at]
                + data.draw(st.sampled_from([b'"', b"\\", b"N", b"=", b" ", b"\xff"]))
                + body[at + 1 :]
            )
    unpacking = fed(pieces_of(body, size))
    assert outcome_unpacked(unpacking) == outcome(body)
    assert unpacking.whole() == body


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(json.dumps({"data": [{"b64_json": B64}]}).encode(), id="base64"),
        pytest.param(json.dumps({"data": [{"b64_json": URL}]}).encode(), id="base64 behind a prefix"),
        pytest.param(json.dumps({"data": [{"url": URL}]}).encode(), id="a data URL"),
        pytest.param(json.dumps({"data": [{"b64_json": B64}]}, indent=2).encode(), id="JSON for people"),
        pytest.param(b'{"data":[{"b64_json" : "%s"}]}' % B64.encode(), id="with spaces"),
        pytest.param(
            json.dumps({"choices": [{"message": {"images": [{"image_url": {"url": URL}}]}}]}).encode(),
            id="in a chat",
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 64, 4000])
def test_a_picture_that_is_written_as_usual_never_stands_there_as_text(body: bytes, size: int) -> None:
    """Its bytes take the place of its string."""
    unpacking = fed(pieces_of(body, size))
    assert unpacking.text_bytes < 200
    assert PICTURE not in unpacking.beginning(MANY)
    deliveries = [each for each in read(unpacking.value(), MANY) if isinstance(each, Delivery)]
    assert [each.data for each in deliveries[0].pictures] == [PICTURE]
    assert unpacking.whole() == body


def test_a_picture_of_too_many_bytes_does_not_take_the_others_with_it() -> None:
    """As where it is read as JSON: what is too large is said only where nothing else is there."""
    small = base64.b64encode(bytes(100)).decode()
    both = json.dumps({"data": [{"b64_json": B64}, {"b64_json": small}]}).encode()
    one = json.dumps({"data": [{"b64_json": B64}]}).encode()
    for unpacking in (fed([both]), fed([both], MANY)):
        assert [each.data for each in pictures_in(unpacking.value(), 200).pictures] == [bytes(100)]
    for unpacking in (fed([one]), fed([one], MANY)):
        with pytest.raises(PictureError) as caught:
            pictures_in(unpacking.value(), 200)
        assert (caught.value.code, caught.value.billed) == ("image_too_large", "yes")


def test_a_flood_of_little_pictures_is_read_as_json() -> None:
    """Each that is unpacked takes a thousand bytes beside its own, and nothing bounds how many there are."""
    body = json.dumps([{"b64_json": base64.b64encode(bytes(48)).decode()}] * 1000).encode()
    for pieces in ([body], [body[at : at + 700] for at in range(0, len(body), 700)]):
        unpacking = fed(pieces)
        value = unpacking.value()
        assert isinstance(value, list)
        assert sum(isinstance(each["b64_json"], str) for each in value) > 700
        assert unpacking.whole() == body


def test_a_large_answer_takes_little_more_memory_than_its_picture() -> None:
    """A picture of 8 MB: not its 11 MB of base64, as bytes and as text, beside it."""
    picture = random.Random(2).randbytes(8_000_000)
    body = json.dumps({"data": [{"b64_json": base64.b64encode(picture).decode()}]}).encode()
    pieces = pieces_of(body, 100_000)
    tracemalloc.start()
    try:
        unpacking = fed(pieces, 64 * 1024)
        (found,) = pictures_in(unpacking.value(), MANY).pictures
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.data == picture
    assert most < 1.5 * len(picture)
