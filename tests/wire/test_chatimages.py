"""The pictures in a chat answer."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.errors import PictureError
from limner.wire.figures import Tokens
from limner.wire.images.chat import ChatGathering, chat_pictures_in
from limner.wire.images.deliveries import Delivery, FoundPicture

DATA = bytes(range(256))
B64 = base64.b64encode(DATA).decode()
URL = f"data:image/png;base64,{B64}"
LIMIT = 1000
PICTURE = FoundPicture(DATA, None)
LINK = FoundPicture(None, "https://x/y.png")


def said(message: Any, **choice: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}]}


MESSAGES: dict[str, tuple[Any, tuple[FoundPicture, ...]]] = {
    "OpenRouter": (
        {"content": None, "images": [{"type": "image_url", "image_url": {"url": URL}, "index": 0}]},
        (PICTURE,),
    ),
    "a link": ({"content": "", "images": [{"image_url": {"url": "https://x/y.png"}}]}, (LINK,)),
    "a flat link": ({"images": [{"type": "image_url", "image_url": URL}]}, (PICTURE,)),
    "a text": ({"images": [URL]}, (PICTURE,)),
    "base64": ({"images": [{"b64_json": B64}]}, (PICTURE,)),
    "one": ({"image": {"url": URL}}, (PICTURE,)),
    "parts": (
        {"content": [{"type": "text", "text": "Here"}, {"type": "image_url", "image_url": {"url": URL}}]},
        (PICTURE,),
    ),
    "parts with their own data": (
        {"content": [{"type": "image", "source": {"type": "base64", "data": B64}}]},
        (PICTURE,),
    ),
    "parts as MCP has them": (
        {"content": [{"type": "image", "data": B64, "mimeType": "image/png"}]},
        (PICTURE,),
    ),
    "Markdown": ({"content": f"Here you are:\n\n![a fox]({URL})\n"}, (PICTURE,)),
    "Markdown with a link": ({"content": "![a fox](<https://x/y.png> 'x')"}, (LINK,)),
    "a data URL alone": ({"content": URL}, (PICTURE,)),
    "Markdown in a part": ({"content": [{"type": "text", "text": f"![]({URL})"}]}, (PICTURE,)),
    "the same in two places": (
        {"content": f"![]({URL})", "images": [{"image_url": {"url": URL}}]},
        (PICTURE,),
    ),
    "two": ({"images": [URL, "https://x/y.png"]}, (PICTURE, LINK)),
    "I20 one of two": ({"images": [URL, {"image_url": {"url": "data:broken"}}]}, (PICTURE,)),
}


@pytest.mark.parametrize(("message", "pictures"), MESSAGES.values(), ids=MESSAGES.keys())
def test_every_message_with_pictures_gives_them(message: Any, pictures: tuple[FoundPicture, ...]) -> None:
    """Images sheet, 5; quirk 39; wire sheet, 5.2."""
    assert chat_pictures_in(said(message), LIMIT).pictures == pictures


NONE: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "image_bad_payload"),
    "no choice": ({"choices": []}, "image_bad_payload"),
    "null": ({"choices": None}, "image_bad_payload"),
    "an empty message": (said({"content": ""}), "image_bad_payload"),
    "words": (said({"content": "Here is your fox. Enjoy!"}), "image_bad_payload"),
    "a link in words": (said({"content": "See https://x/y.png"}), "image_bad_payload"),
    "a picture of another kind": (said({"content": "![a](javascript:alert(1))"}), "image_bad_payload"),
    "46 a refusal in words": (said({"content": "I can't create images of that person."}), "image_policy"),
    "46 a refusal with a curl": (said({"content": "Sorry, I can’t generate that."}), "image_policy"),
    "46 a refusal in a part": (
        said({"content": [{"type": "text", "text": "That is against our content policy."}]}),
        "image_policy",
    ),
    "a refusal": (said({"content": None, "refusal": "canary"}), "image_policy"),
    "a filter": (said({"content": ""}, finish_reason="content_filter"), "image_policy"),
    "a filter below": (said({"content": ""}, native_finish_reason="IMAGE_SAFETY"), "image_policy"),
    "no picture": (said({"content": ""}, native_finish_reason="NO_IMAGE"), "image_bad_payload"),
    "too large": (said({"images": ["data:image/png;base64," + "A" * 3000]}), "image_too_large"),
}


@pytest.mark.parametrize(("body", "code"), NONE.values(), ids=NONE.keys())
def test_an_answer_without_one_says_why(body: Any, code: str) -> None:
    """Quirk 46: a refusal as text with status 200; images sheet, 5."""
    with pytest.raises(PictureError) as caught:
        chat_pictures_in(body, LIMIT)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text",
    ["![" * 500_000, "](http" * 300_000, "data:image/" * 200_000, "![](http" * 100_000],
    ids=["images", "links", "data URLs", "both"],
)
def test_a_text_that_only_looks_full_of_pictures_is_read_in_no_time(text: str) -> None:
    """A model's text is not to be trusted: fails by its time where a search is more than linear."""
    with pytest.raises(PictureError):
        chat_pictures_in(said({"content": text}), LIMIT)


def test_an_answer_tells_what_it_cost() -> None:
    """Wire sheet, 5.2: usage.cost."""
    usage = {"prompt_tokens": 5, "completion_tokens": 1300, "cost": 0.04}
    body = said({"images": [URL]}) | {"usage": usage, "model": "m"}
    assert chat_pictures_in(body, LIMIT) == Delivery((PICTURE,), "m", 0.04, Tokens(5, 0, 0, 1300))


def test_a_refusal_tells_what_its_words_cost() -> None:
    """Quirk 46: refused in words, which are tokens; both whole and streamed."""
    body = said({"content": "I can't create that."}) | {"usage": {"cost": 0.002}}
    with pytest.raises(PictureError) as caught:
        chat_pictures_in(body, LIMIT)
    assert (caught.value.code, caught.value.cost_usd) == ("image_policy", 0.002)


def gathered(*chunks: Any) -> Delivery:
    gathering = ChatGathering()
    for chunk in chunks:
        gathering.add(chunk)
    return chat_pictures_in(gathering.whole(), LIMIT)


def delta(said: Any, **choice: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": None, **choice}]}


def test_a_streamed_answer_is_put_together_again() -> None:
    """Images sheet, 5: `choices[].delta.images[]`; usage in a chunk of its own."""
    delivery = gathered(
        {"model": "m", "choices": None},
        delta({"role": "assistant", "content": "Here"}),
        delta({"content": None, "images": [{"image_url": {"url": URL}}]}),
        delta({"image": {"url": "https://x/y.png"}}),
        delta({}, finish_reason="stop"),
        {"choices": [], "usage": {"cost": 0.04}},
        None,
    )
    assert delivery == Delivery((PICTURE, LINK), "m", 0.04, None)


def test_a_picture_in_streamed_text_is_found_wherever_it_was_cut() -> None:
    """Many relays write pictures as Markdown."""
    text = f"![a fox]({URL})"
    assert gathered(*(delta({"content": text[at : at + 7]}) for at in range(0, len(text), 7))).pictures == (
        PICTURE,
    )


@pytest.mark.parametrize(
    "chunks",
    [
        [delta({"refusal": "canary"})],
        [delta({"content": "I can't "}), delta({"content": "create that"})],
        [delta({}, finish_reason="content_filter")],
    ],
    ids=["a refusal", "in words", "a filter"],
)
def test_a_streamed_refusal_is_one(chunks: list[Any]) -> None:
    """Quirk 46, streamed."""
    with pytest.raises(PictureError) as caught:
        gathered(*chunks)
    assert caught.value.code == "image_policy"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "message", "delta", "images", "image", "content", "text", "url", "refusal"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
@settings(max_examples=300, deadline=None)
def test_no_answer_breaks_the_reading(value: Any) -> None:
    """Any shape is some pictures or one of our codes, whole and streamed."""
    for body in (value, said(value), delta(value)):
        gathering = ChatGathering()
        gathering.add(body)
        for read in (body, gathering.whole()):
            code = ""
            try:
                assert chat_pictures_in(read, LIMIT).pictures
            except PictureError as error:
                code = error.code
            assert code in {"", "image_bad_payload", "image_policy", "image_too_large"}
