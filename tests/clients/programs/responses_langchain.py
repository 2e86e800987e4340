"""What the tests ask of `langchain-openai` with `use_responses_api=True`.

`python responses_langchain.py ORIGIN KEY OFFLINE [TASK …]` prints one JSON object: what each task came to.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from outcomes import WEATHER, tell

NATIVE = {"type": "image_generation"}


def _told(message: Any) -> dict[str, Any]:
    """What a message says."""
    blocks = [block for block in message.content if isinstance(block, dict)]
    images = [block for block in blocks if block["type"] == "image_generation_call"]
    return {
        "text": str(message.text),
        "pictures": [block["result"] for block in images if block.get("result")],
        "calls": [[call["name"], call["args"]] for call in message.tool_calls],
        "tokens": message.usage_metadata["total_tokens"],
    }


class Tasks:
    """Each public method is one task."""

    def __init__(self, origin: str, key: str, offline: str) -> None:
        self._base_url, self._key = f"{origin}/v1", key

    def _model(self, name: str, *tools: Any, **more: Any) -> Any:
        given: Any = {
            "model": name,
            "base_url": self._base_url,
            "api_key": self._key,
            "use_responses_api": True,
        }
        model = ChatOpenAI(**(given | more))
        return model.bind(tools=list(tools)) if tools else model

    def _streamed(self, model: Any) -> Any:
        chunks = list(model.stream("Go on"))
        total = chunks[0]
        for chunk in chunks[1:]:
            total = total + chunk
        return _told(total) | {"deltas": [str(chunk.text) for chunk in chunks if chunk.text]}

    def plain_whole(self) -> Any:
        return _told(self._model("words").invoke("Go on"))

    def plain_streamed(self) -> Any:
        return self._streamed(self._model("words"))

    def native_whole(self) -> Any:
        return _told(self._model("illustrator", NATIVE).invoke("Go on"))

    def native_streamed(self) -> Any:
        return self._streamed(self._model("illustrator", NATIVE))

    def alias_whole(self) -> Any:
        return _told(self._model("illustrator:illustrated").invoke("Go on"))

    def turns_replayed(self) -> Any:
        model, asked = self._model("recaller", NATIVE), HumanMessage("Draw a fox")
        first = model.invoke([asked])
        return {
            "first": _told(first),
            "second": _told(model.invoke([asked, first, HumanMessage("Show it again")])),
        }

    def mixed_whole(self) -> Any:
        model, asked = self._model("mixer", NATIVE, WEATHER), HumanMessage("Show me the weather")
        first = model.invoke([asked])
        results = [ToolMessage("21 degrees", tool_call_id=call["id"]) for call in first.tool_calls]
        return {"first": _told(first), "second": _told(model.invoke([asked, first, *results]))}

    def wrong_key(self) -> Any:
        return _told(self._model("words", api_key="wrong-key").invoke("Go on"))

    def unknown_model(self) -> Any:
        return _told(self._model("elsewhere/none").invoke("Go on"))

    def broken_whole(self) -> Any:
        return _told(self._model("breaker", NATIVE).invoke("Go on"))

    def broken_streamed(self) -> Any:
        return self._streamed(self._model("breaker", NATIVE))


def _described(error: Exception) -> Mapping[str, Any]:
    if not isinstance(error, openai.APIError):
        raise error
    return {
        "type": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "code": error.code,
    }


if __name__ == "__main__":
    tell(version("langchain-openai"), Tasks(*sys.argv[1:4]), _described, sys.argv[4:])
