"""Requests to change pictures, as forms and as JSON."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.wire.asking import AskError
from limner.wire.forms import FormPart
from limner.wire.images.ask import ImageAsk
from limner.wire.images.edit import read_edit_form, read_edits_ask

URL = "data:image/png;base64,AA=="


def scalars(**said: str) -> list[FormPart]:
    return [FormPart(name, value.encode()) for name, value in said.items()]


def test_a_form_and_json_say_the_same() -> None:
    """Facts, images, 2.2: in a form all scalars are texts; only the pictures differ."""
    said: dict[str, Any] = {
        "prompt": "at night",
        "model": "m",
        "n": 2,
        "size": "1024x1024",
        "quality": "high",
        "background": "auto",
        "output_format": "webp",
        "output_compression": 90,
        "moderation": "low",
        "response_format": "b64_json",
        "input_fidelity": "high",
        "stream": True,
        "partial_images": 2,
        "user": "u",
    }
    texts = {name: str(value).lower() if value is True else str(value) for name, value in said.items()}
    files = [FormPart("image[]", b"1", "upload"), FormPart("image[]", b"2"), FormPart("mask", b"3", "m.png")]
    ask = read_edit_form([*files, *scalars(**texts)])
    assert ask == ImageAsk(
        prompt="at night",
        model="m",
        n=2,
        size="1024x1024",
        quality="high",
        output_format="webp",
        output_compression=90,
        moderation="low",
        references=(b"1", b"2"),
        references_at="image",
        mask=b"3",
        input_fidelity="high",
        response_format="b64_json",
        stream=True,
        partial_images=2,
    )
    address = {"image_url": URL}
    by_json = read_edits_ask({**said, "images": [address, address], "mask": address})
    assert (by_json.references, by_json.mask) == ((URL, URL), URL)
    assert (by_json.prompt, by_json.n, by_json.stream, by_json.partial_images) == ("at night", 2, True, 2)
    assert [each.reference_at(1) for each in (ask, by_json)] == ["image[1]", "images[1]"]


@pytest.mark.parametrize(("said", "stream"), [("true", True), ("True", True), ("false", False)])
def test_flags_are_read_as_clients_write_them(said: str, stream: bool) -> None:
    """Python's own word for it as well."""
    assert read_edit_form([FormPart("image", b"1"), *scalars(prompt="p", stream=said)]).stream is stream


names = st.sampled_from(
    [
        "image",
        "image[]",
        "mask",
        "prompt",
        "n",
        "n[]",
        "stream",
        "size",
        "input_fidelity",
        "user",
        "partial_images",
    ]
)
parts = st.builds(FormPart, names | st.text(), st.binary(max_size=20), st.none() | st.just("") | st.just("f"))
PROMPT = [FormPart("prompt", b"p"), FormPart("image", b"1")]


@given(st.lists(parts, max_size=6), st.booleans())
def test_any_form_is_read_or_refused(sent: list[FormPart], whole: bool) -> None:
    """Nothing else is raised; what is refused is named."""
    refused: AskError | None = None
    ask: ImageAsk | None = None
    try:
        ask = read_edit_form([*(PROMPT if whole else []), *sent])
    except AskError as error:
        refused = error
    if ask is not None:
        assert 1 <= len(ask.references) <= 16
        assert ask.prompt.strip()
    else:
        assert refused is not None
        assert refused.param is not None
        assert len(refused.sentence) < 300
