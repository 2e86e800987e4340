"""Orders as they are written."""

from __future__ import annotations

import base64
from typing import Any

import pictures
from limner.wire.images.orders import chat_order, image_order, input_references

FOX = pictures.png()
FOX_URL = f"data:image/png;base64,{base64.b64encode(FOX).decode()}"


def test_an_order_holds_what_is_given_and_nothing_else() -> None:
    """Quirk 40: what is not asked for is not sent."""
    assert image_order("m", "fox", {"size": None, "n": None}) == {"model": "m", "prompt": "fox"}
    asked = {"size": "1x1", "quality": "low", "response_format": "url"}
    assert image_order("m", "fox", asked) == {"model": "m", "prompt": "fox", **asked}


def test_what_a_user_adds_wins_and_none_takes_away() -> None:
    """OpenAIImages: `extra_body` is merged into each order."""
    extra = {"size": None, "seed": 1, "prompt": "boat"}
    assert image_order("m", "fox", {"size": "1x1"}, extra) == {"model": "m", "prompt": "boat", "seed": 1}


def test_references_stand_in_an_order_as_data_urls() -> None:
    """Wire sheet, 5.1: `input_references`."""
    assert input_references([FOX]) == [{"type": "image_url", "image_url": {"url": FOX_URL}}]


PLAIN: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "a fox"}],
    "modalities": ["image", "text"],
}


def test_a_chat_order_is_a_question_with_modalities() -> None:
    """Wire sheet, 5.2."""
    order = chat_order("m", "a fox", modalities=("image", "text"), image_config={"aspect_ratio": None})
    assert order == PLAIN


def test_a_chat_order_says_the_shape_and_shows_what_to_resemble() -> None:
    """Wire sheet, 5.2: `image_config`, and pictures as parts of the message."""
    order = chat_order(
        "m",
        "a fox",
        modalities=["image"],
        image_config={"aspect_ratio": "16:9", "image_size": "2K", "quality": None},
        references=[FOX],
        extra={"provider": {"sort": "price"}, "model": None},
    )
    assert order == {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "a fox"},
                    {"type": "image_url", "image_url": {"url": FOX_URL}},
                ],
            }
        ],
        "modalities": ["image"],
        "image_config": {"aspect_ratio": "16:9", "image_size": "2K"},
        "provider": {"sort": "price"},
    }
