"""Chat models for tests with real clients: a model's name says how it answers, whoever asks and however often."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from answers import CUT, Answer, Said, sse, status, text, whole

__all__ = ["ALTS", "HELLO", "MODELS", "MODERATED", "ORDER", "WEATHER", "teller"]

HELLO = "Hello, world: grüß dich, 世界, 🦊!"
ALTS = ("a red fox", "雪中的狐狸")
WEATHER = "get_weather"
MODERATED = "forbidden"
"""A word in a prompt that the picture maker of these tests refuses."""
MODELS = ("words", "illustrator", "mixer", "recaller", "breaker", "refuser")
ORDER = "generate_image"

_COMPLETE = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "words",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": HELLO, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
"""With every field that OpenAI's schema wants: what is passed on is not mended."""


def teller(body: Mapping[str, Any]) -> Said | Answer:
    """What the model says that `body` names.

    words: a sentence. illustrator: asks for a picture of each of `ALTS`, then places them.
    mixer: asks for a picture and for the weather at once, as far as it may, then tells both. recaller: asks for a
    picture, then places it; asked again, it places the first picture that it finds in what was said before.
    breaker: goes in the middle of a sentence. refuser: asks for a picture that is refused, and goes on without it.
    """
    tools = [tool["function"]["name"] for tool in body.get("tools") or ()]
    drawing = next((name for name in tools if name != WEATHER), ORDER)
    results = [_read(message) for message in body["messages"] if message["role"] == "tool"]
    drawn = [result for result in results if isinstance(result, dict)]
    places = [f"![]({result['imageUrl']})" for result in drawn if result.get("imageUrl")]
    match body["model"]:
        case "words" if body.get("stream"):
            return Said(HELLO)
        case "words":
            return whole(_COMPLETE)
        case "illustrator" if not results:
            return Said("", calls=[(drawing, {"prompt": f"prompt of {alt}", "alt": alt}) for alt in ALTS])
        case "illustrator":
            return Said("\n\n".join(["Two foxes:", *places, "The end."]))
        case "mixer" if not results:
            calls = [(drawing, {"prompt": "the sky", "alt": "the sky"}), (WEATHER, {"place": "Oslo"})]
            return Said("One moment. ", calls=[each for each in calls if each[0] in tools])
        case "mixer":
            said = [result for result in results if isinstance(result, str)]
            return Said("\n\n".join([f"It is {', '.join(said)}:", *places, "That is all."]))
        case "recaller" if sum(message["role"] == "user" for message in body["messages"]) > 1:
            return Said("\n\n".join(["Once more:", *(f"![]({each})" for each in _seen(body)[:1])]))
        case "recaller" if not results:
            return Said("", calls=[(drawing, {"prompt": "a fox", "alt": ALTS[0]})])
        case "recaller":
            return Said("\n\n".join(["A fox:", *places]))
        case "breaker" if body.get("stream"):
            return sse(text("Once upon a time "), text("there was "), CUT)
        case "breaker":
            return Answer((CUT,))
        case "refuser" if not results:
            return Said("", calls=[(drawing, {"prompt": MODERATED, "alt": "nothing"})])
        case "refuser":
            said = [result.get("status", "") for result in drawn]
            return Said(f"Without a picture: {', '.join(said)}.")
        case _:
            return status(404)


def _seen(body: Mapping[str, Any]) -> list[str]:
    """The references of pictures in what was said before, in their order."""
    said = (message for message in body["messages"] if message["role"] in ("assistant", "tool"))
    return [each for message in said for each in re.findall(r"image://\d+", json.dumps(message["content"]))]


def _read(message: Mapping[str, Any]) -> Any:
    """What a tool message says: an object of our tool, or anybody's words."""
    try:
        return json.loads(message["content"])
    except (TypeError, ValueError):
        return str(message["content"])
