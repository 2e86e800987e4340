"""Chat models for tests with real clients: a model's name says how it answers, whoever asks and however often."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from answers import CUT, Answer, Said, call, finish, sse, text

__all__ = ["ALTS", "HELLO", "MODELS", "MODERATED", "ORDER", "WEATHER", "teller"]

HELLO = "Hello, world: grüß dich, 世界, 🦊!"
ALTS = ("a red fox", "雪中的狐狸")
WEATHER = "get_weather"
MODERATED = "forbidden"
"""A word in a prompt that the picture maker of these tests refuses."""
MODELS = ("words", "illustrator", "mixer", "breaker", "refuser")
ORDER = "generate_image"


def teller(body: Mapping[str, Any]) -> Said | Answer:
    """What the model says that `body` names.

    words: a sentence. illustrator: asks for a picture of each of `ALTS`, then places them.
    mixer: asks for a picture and for the weather at once, then tells both. breaker: goes in the middle of a
    sentence. refuser: asks for a picture that is refused, and goes on without it.
    """
    tools = [tool["function"]["name"] for tool in body.get("tools") or ()]
    drawing = next((name for name in tools if name != WEATHER), ORDER)
    results = [message for message in body["messages"] if message["role"] == "tool"]
    match body["model"]:
        case "words":
            return Said(HELLO)
        case "illustrator" if not results:
            return Said("", calls=[(drawing, {"prompt": f"prompt of {alt}", "alt": alt}) for alt in ALTS])
        case "illustrator":
            places = "\n\n".join(f"![]({_read(result)['imageUrl']})" for result in results)
            return Said(f"Two foxes:\n\n{places}\n\nThe end.")
        case "mixer" if not results:
            calls = [(drawing, {"prompt": "the sky", "alt": "the sky"}), (WEATHER, {"place": "Oslo"})]
            return Said("One moment. ", calls=calls)
        case "mixer":
            drawn = next(_read(each) for each in results if each["content"].startswith("{"))
            said = next(each["content"] for each in results if not each["content"].startswith("{"))
            return Said(f"It is {said}:\n\n![]({drawn['imageUrl']})\n\nThat is all.")
        case "breaker" if body.get("stream"):
            return sse(text("Once upon a time "), text("there was "), CUT)
        case "breaker":
            return Answer((CUT,))
        case "refuser" if not results:
            return Said("", calls=[(drawing, {"prompt": MODERATED, "alt": "nothing"})])
        case "refuser":
            return Said(f"Without a picture: {_read(results[0])['status']}.")
        case _:
            return sse(text("Nobody by that name. "), call("none", {}), finish())


def _read(message: Mapping[str, Any]) -> Any:
    return json.loads(message["content"])
