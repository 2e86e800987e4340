"""The pictures in an answer, wherever they stand."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.errors import PictureError
from limner.wire.figures import Tokens
from limner.wire.images.deliveries import Delivery, FoundPicture, pictures_in

DATA = bytes(range(256))
B64 = base64.b64encode(DATA).decode()
LIMIT = 1000
PICTURE = FoundPicture(DATA, None)
LINK = FoundPicture(None, "https://x/y")


def found(body: Any) -> tuple[FoundPicture, ...]:
    return pictures_in(body, LIMIT).pictures


SHAPES: dict[str, tuple[Any, tuple[FoundPicture, ...]]] = {
    "base64": ({"data": [{"b64_json": B64}]}, (PICTURE,)),
    "a link": ({"data": [{"url": " https://x/y "}]}, (LINK,)),
    "both": ({"data": [{"b64_json": B64, "url": "https://x"}]}, (PICTURE,)),
    "a link where base64 belongs": ({"data": [{"b64_json": "https://x/y"}]}, (LINK,)),
    "an empty base64 beside a link": ({"data": [{"b64_json": "", "url": "https://x/y"}]}, (LINK,)),
    "LocalAI": ({"data": [{"embedding": None, "b64_json": B64, "index": 0}], "id": "i"}, (PICTURE,)),
    "A1111": ({"images": [B64], "info": "{}"}, (PICTURE,)),
    "A1111 with a prefix": ({"images": [f"data:image/png;base64,{B64}"]}, (PICTURE,)),
    "a data URL as the link": ({"data": [{"url": f"data:image/png;base64,{B64}"}]}, (PICTURE,)),
    "fal": ({"images": [{"url": "https://x/y", "content_type": "image/png"}]}, (LINK,)),
    "fal, one": ({"image": {"url": "https://x/y", "width": 8}}, (LINK,)),
    "chat entries": ({"images": [{"image_url": {"url": "https://x/y"}}]}, (LINK,)),
    "chat entries, flat": ({"images": [{"type": "image_url", "image_url": "https://x/y"}]}, (LINK,)),
    "Stability": ({"image": B64, "finish_reason": "SUCCESS", "seed": 1}, (PICTURE,)),
    "Imagen": ({"predictions": [{"bytesBase64Encoded": B64, "mimeType": "image/png"}]}, (PICTURE,)),
    "Gemini": (
        {
            "candidates": [
                {
                    "content": {
                        "parts": [
                            {"text": "Here"},
                            {"thought": True, "inlineData": {"data": "AAAA", "mimeType": "image/png"}},
                            {"inlineData": {"data": B64, "mimeType": "image/png"}, "thoughtSignature": "s"},
                        ]
                    }
                }
            ]
        },
        (PICTURE,),
    ),
    "Gemini, REST": ({"candidates": [{"content": {"parts": [{"inline_data": {"data": B64}}]}}]}, (PICTURE,)),
    "Replicate": ({"output": "https://x/y", "status": "succeeded"}, (LINK,)),
    "Replicate, a list": ({"output": ["https://x/y", "https://x/y"]}, (LINK, LINK)),
    "Responses": ({"output": [{"type": "image_generation_call", "result": B64}]}, (PICTURE,)),
    "Responses, the server tool": (
        {
            "output": [
                {
                    "type": "openrouter:image_generation",
                    "status": "completed",
                    "imageUrl": "https://x/y",
                    "revisedPrompt": "a fox",
                }
            ]
        },
        (FoundPicture(None, "https://x/y", "a fox"),),
    ),
    "DashScope": (
        {"output": {"choices": [{"message": {"content": [{"image": "https://x/y"}]}}]}},
        (LINK,),
    ),
    "BFL": ({"status": "Ready", "result": {"sample": "https://x/y"}}, (LINK,)),
    "one object and no list": ({"data": {"b64_json": B64}}, (PICTURE,)),
    "at the top": ({"b64_json": B64}, (PICTURE,)),
    "I20 two of four": (
        {"data": [None, {"b64_json": B64}, {"b64_json": "%%%"}, {"url": "https://x/y"}, {}, 7]},
        (PICTURE, LINK),
    ),
    "one held back of two": (
        {"data": [{"url": None, "is_image_safe": False}, {"b64_json": B64, "is_image_safe": True}]},
        (PICTURE,),
    ),
    "a word about the prompt": (
        {"data": [{"b64_json": B64, "revised_prompt": "a fox"}]},
        (FoundPicture(DATA, None, "a fox"),),
    ),
    "odd words": ({"data": [{"b64_json": B64, "revised_prompt": 7}]}, (PICTURE,)),
    "images where data is null": ({"data": None, "images": [B64]}, (PICTURE,)),
}


@pytest.mark.parametrize(("body", "pictures"), SHAPES.values(), ids=SHAPES.keys())
def test_every_answer_with_pictures_gives_them(body: Any, pictures: tuple[FoundPicture, ...]) -> None:
    """Images sheet, 2.3, 4 and 5; quirks 39 and 43 to 45."""
    assert found(body) == pictures


NONE: dict[str, tuple[Any, str]] = {
    "nothing": (None, "image_bad_payload"),
    "a list": ([], "image_bad_payload"),
    "an empty object": ({}, "image_bad_payload"),
    "no data": ({"data": []}, "image_bad_payload"),
    "no data, but a time": ({"created": 1, "data": None}, "image_bad_payload"),
    "an empty entry": ({"data": [{}]}, "image_bad_payload"),
    "a number": ({"data": [7]}, "image_bad_payload"),
    "no base64": ({"data": "%"}, "image_bad_payload"),
    "Gemini says something": (
        {"candidates": [{"content": {"parts": [{"text": "A fox!"}]}}]},
        "image_bad_payload",
    ),
    "Gemini, only a thought": (
        {"candidates": [{"content": {"parts": [{"thought": True, "inlineData": {"data": B64}}]}}]},
        "image_bad_payload",
    ),
    "too large": ({"data": [{"b64_json": "A" * 3000}]}, "image_too_large"),
    "too large beside a broken one": (
        {"data": [{"b64_json": "A" * 3000}, {"b64_json": "%"}]},
        "image_too_large",
    ),
    "Ideogram": ({"data": [{"url": None, "is_image_safe": False}]}, "image_policy"),
    "xAI": ({"data": [{"url": "", "respect_moderation": False}]}, "image_policy"),
    "Stability": ({"image": B64, "finish_reason": "CONTENT_FILTERED", "seed": 1}, "image_policy"),
    "Imagen": ({"predictions": [{"raiFilteredReason": "canary"}]}, "image_policy"),
    "Imagen, all": ({"raiFilteredReason": "canary"}, "image_policy"),
    "Gemini, finished": ({"candidates": [{"finishReason": "IMAGE_SAFETY"}]}, "image_policy"),
    "Gemini, prohibited": (
        {"candidates": [{"content": {}, "finishReason": "PROHIBITED_CONTENT"}]},
        "image_policy",
    ),
    "Gemini, no picture": ({"candidates": [{"finishReason": "NO_IMAGE"}]}, "image_bad_payload"),
    "Gemini, the prompt": ({"promptFeedback": {"blockReason": "IMAGE_SAFETY"}}, "image_policy"),
    "BFL": ({"status": "Content Moderated", "result": None}, "image_policy"),
}


@pytest.mark.parametrize(("body", "code"), NONE.values(), ids=NONE.keys())
def test_an_answer_without_one_says_why(body: Any, code: str) -> None:
    """Scorecard I04; images sheet, 5: refusals that come with status 200."""
    with pytest.raises(PictureError) as caught:
        found(body)
    assert caught.value.code == code


def test_an_answer_tells_what_all_pictures_cost_together() -> None:
    """Images sheet, 2.3; wire sheet, 5.1."""
    usage = {"prompt_tokens": 1, "completion_tokens": 8, "cost": 0.04}
    body = {"data": [{"b64_json": B64}, {"b64_json": B64}], "usage": usage, "model": "m"}
    assert pictures_in(body, LIMIT) == Delivery((PICTURE, PICTURE), "m", 0.04, Tokens(1, 0, 0, 8))


def test_an_answer_without_a_picture_tells_what_it_cost_all_the_same() -> None:
    """Money: real usage settles what was set aside, also where nothing came for it."""
    with pytest.raises(PictureError) as caught:
        found({"data": [], "usage": {"cost": 0.002}})
    assert caught.value.cost_usd == 0.002


@pytest.mark.parametrize("usage", [None, [1], {"cost": True}, {"input_tokens_details": None}])
def test_figures_that_are_none_take_no_picture_with_them(usage: Any) -> None:
    """Quirk 43: a picture that was billed must not be lost to its figures."""
    body = {"data": [{"b64_json": B64}], "usage": usage, "model": ["m"]}
    assert pictures_in(body, LIMIT) == Delivery((PICTURE,), None, None, None)


def test_what_a_maker_says_about_a_picture_is_cut() -> None:
    """Megabytes of words would be recorded for each picture."""
    entry = {"b64_json": B64, "revised_prompt": "ü" * 9000}
    delivery = pictures_in({"data": [entry], "model": "m" * 300}, LIMIT)
    assert (delivery.pictures[0].revised_prompt, delivery.model) == ("ü" * 8000, "m" * 200)


def deep(levels: int) -> Any:
    body: Any = B64
    for _ in range(levels):
        body = [body]
    return {"data": body}


def test_lists_within_lists_are_read_a_few_levels_down() -> None:
    """What nobody sends must not break the reading either."""
    assert found(deep(3)) == (PICTURE,)
    with pytest.raises(PictureError) as caught:
        found(deep(900))
    assert caught.value.code == "image_bad_payload"


def test_far_more_pictures_than_anybody_can_order_are_not_taken() -> None:
    """Each may be a download, and all of them would be kept."""
    assert len(found({"data": [{"url": "https://x/y"}] * 5000})) == 64


def test_no_picture_is_shown_by_its_name() -> None:
    """Bytes and links stay out of logs, also by `repr`."""
    assert "x/y" not in repr(LINK)
    assert "\\x01" not in repr(PICTURE)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(st.characters()),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "data",
                        "images",
                        "url",
                        "b64_json",
                        "image",
                        "usage",
                        "cost",
                        "image_url",
                        "output",
                        "candidates",
                        "content",
                        "parts",
                        "inlineData",
                        "finish_reason",
                        "promptFeedback",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
@settings(max_examples=400, deadline=None)
def test_no_json_breaks_the_reading(value: Any) -> None:
    """Any shape is some pictures or one of our codes."""
    for body in (value, {"data": value}, {"data": [{"url": value, "b64_json": value}], "usage": value}):
        pictures: tuple[FoundPicture, ...] = ()
        code = ""
        try:
            pictures = pictures_in(body, LIMIT).pictures
        except PictureError as error:
            code = error.code
        assert bool(pictures) != bool(code)
        assert code in {"", "image_bad_payload", "image_too_large", "image_policy"}
        assert all((picture.data is None) != (picture.url is None) for picture in pictures)
