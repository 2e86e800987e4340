"""What the tests ask of `responses` of the `openai` package, in the words that its majors 1, 2 and 3 share.

`python responses_openai.py ORIGIN KEY OFFLINE [TASK …]` prints one JSON object: what each task came to.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import openai
from openai import OpenAI

from outcomes import WEATHER, tell

NATIVE = {"type": "image_generation"}
OPENROUTER = {"type": "openrouter:image_generation", "parameters": {"quality": "high"}}
# The package warns of items that its types do not know; they are sent as they came.
warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)


def _told(response: Any) -> dict[str, Any]:
    """What stands in a response."""
    images = [item for item in response.output if item.type.endswith("image_generation_call")]
    servers = [item for item in response.output if item.type == "openrouter:image_generation"]
    return {
        "text": response.output_text,
        "kinds": [item.type for item in response.output],
        "states": [item.status for item in images + servers],
        "pictures": [item.result for item in images if item.result],
        "links": [item.imageUrl for item in servers if hasattr(item, "imageUrl")],
        "calls": [
            [item.name, json.loads(item.arguments)]
            for item in response.output
            if item.type == "function_call"
        ],
        "finish": response.status,
        "tokens": response.usage.total_tokens,
    }


def _results(response: Any) -> list[Any]:
    """The answers to the calls of functions."""
    return [
        {"type": "function_call_output", "call_id": item.call_id, "output": "21 degrees"}
        for item in response.output
        if item.type == "function_call"
    ]


def _said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


class Tasks:
    """Each public method is one task."""

    def __init__(self, origin: str, key: str, offline: str) -> None:
        # Any: the tools of other services are not among the package's own types.
        self._client: Any = OpenAI(base_url=f"{origin}/v1", api_key=key)
        self._stranger: Any = OpenAI(base_url=f"{origin}/v1", api_key="wrong-key")
        self._offline: Any = OpenAI(base_url=f"{offline}/v1", api_key="any")

    def _ask(self, model: str, input: Any = "Go on", **more: Any) -> Any:
        return self._client.responses.create(model=model, input=input, **more)

    def _events(self, model: str, input: Any = "Go on", **more: Any) -> list[Any]:
        return list(self._client.responses.create(model=model, input=input, stream=True, **more))

    def _streamed(self, model: str, **more: Any) -> Any:
        """What the events say; each item as it was when it was done."""
        events = self._events(model, **more)
        done = [event for event in events if event.type == "response.output_item.done"]
        last = events[-1]
        assert [each.item.id for each in sorted(done, key=lambda each: each.output_index)] == [
            item.id for item in last.response.output
        ]
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        told = _told(last.response)
        assert "".join(deltas) == told["text"]
        return told | {"deltas": deltas, "events": [event.type for event in events]}

    def _folded(self, model: str, **more: Any) -> Any:
        """The package's own folding of a stream into a response."""
        with self._client.responses.stream(model=model, input="Go on", **more) as stream:
            for _ in stream:
                pass
            return _told(stream.get_final_response())

    def plain_whole(self) -> Any:
        return _told(self._ask("words"))

    def plain_streamed(self) -> Any:
        return self._streamed("words")

    def plain_folded(self) -> Any:
        return self._folded("words")

    def native_whole(self) -> Any:
        return _told(self._ask("illustrator", tools=[NATIVE]))

    def native_streamed(self) -> Any:
        return self._streamed("illustrator", tools=[NATIVE])

    def native_folded(self) -> Any:
        return self._folded("illustrator", tools=[NATIVE])

    def openrouter_whole(self) -> Any:
        return _told(self._ask("illustrator", tools=[OPENROUTER]))

    def openrouter_streamed(self) -> Any:
        return self._streamed("illustrator", tools=[OPENROUTER])

    def openrouter_folded(self) -> Any:
        return self._folded("illustrator", tools=[OPENROUTER])

    def alias_whole(self) -> Any:
        return _told(self._ask("illustrator:illustrated"))

    def refused_whole(self) -> Any:
        return _told(self._ask("refuser", tools=[NATIVE]))

    def refused_streamed(self) -> Any:
        return self._streamed("refuser", tools=[NATIVE])

    def partial_streamed(self) -> Any:
        tools = [{"type": "image_generation", "partial_images": 2}]
        events = list(
            self._offline.responses.create(
                model="openai/gpt-5-mini", input="Draw a fox", tools=tools, stream=True
            )
        )
        partials = [e for e in events if e.type == "response.image_generation_call.partial_image"]
        return {
            "partials": [[e.item_id, e.partial_image_index, e.partial_image_b64] for e in partials],
            "pictures": {
                item.id: item.result
                for item in events[-1].response.output
                if item.type == "image_generation_call"
            },
        }

    def _twice(self, tools: Sequence[Mapping[str, Any]]) -> Any:
        """Two turns; the second sends what the first has given, as `model_dump` says it."""
        asked = [_said("Draw a fox")]
        first = self._ask("recaller", asked, tools=tools)
        replayed = [*asked, *(item.model_dump() for item in first.output), _said("Show it again")]
        return {
            "first": _told(first),
            "second": _told(self._ask("recaller", replayed, tools=tools, store=False)),
        }

    def turns_native(self) -> Any:
        return self._twice([NATIVE])

    def turns_openrouter(self) -> Any:
        return self._twice([OPENROUTER])

    def turns_chained(self) -> Any:
        first = self._ask("recaller", "Draw a fox", tools=[NATIVE])
        second = self._ask("recaller", "Show it again", tools=[NATIVE], previous_response_id=first.id)
        return {"first": _told(first), "second": _told(second)}

    def mixed_whole(self) -> Any:
        tools = [NATIVE, WEATHER]
        items: list[Any] = [_said("Show me the weather")]
        first = self._ask("mixer", items, tools=tools)
        items += [*(item.model_dump() for item in first.output), *_results(first)]
        return {"first": _told(first), "second": _told(self._ask("mixer", items, tools=tools))}

    def mixed_streamed(self) -> Any:
        tools = [OPENROUTER, WEATHER]
        items: list[Any] = [_said("Show me the weather")]
        first = self._events("mixer", items, tools=tools)[-1].response
        items += [*(item.model_dump() for item in first.output), *_results(first)]
        second = self._events("mixer", items, tools=tools)[-1].response
        return {"first": _told(first), "second": _told(second)}

    def mixed_chained(self) -> Any:
        tools = [NATIVE, WEATHER]
        first = self._ask("mixer", "Show me the weather", tools=tools)
        second = self._ask("mixer", _results(first), tools=tools, previous_response_id=first.id)
        return {"first": _told(first), "second": _told(second)}

    def allowed(self) -> Any:
        choice = {"type": "allowed_tools", "mode": "auto", "tools": [NATIVE]}
        return _told(self._ask("mixer", tools=[NATIVE, WEATHER], tool_choice=choice))

    def forced(self) -> Any:
        return _told(self._ask("illustrator", tools=[NATIVE], tool_choice={"type": "image_generation"}))

    def forbidden(self) -> Any:
        return _told(self._ask("mixer", tools=[NATIVE, WEATHER], tool_choice="none"))

    def wrong_key(self) -> Any:
        return _told(self._stranger.responses.create(model="words", input="Go on"))

    def unknown_model(self) -> Any:
        return _told(self._ask("elsewhere/none"))

    def unsupported(self) -> Any:
        return _told(self._ask("words", extra_body={"api_base": "http://127.0.0.1:9"}))

    def unknown_response(self) -> Any:
        return _told(self._ask("words", previous_response_id="resp_that_never_was"))

    def broken_whole(self) -> Any:
        return _told(self._ask("breaker", tools=[NATIVE]))

    def broken_streamed(self) -> Any:
        return self._streamed("breaker", tools=[NATIVE])

    def broken_folded(self) -> Any:
        return self._folded("breaker", tools=[NATIVE])

    def broken_without_tool(self) -> Any:
        return self._streamed("breaker")


def _described(error: Exception) -> Mapping[str, Any]:
    if not isinstance(error, openai.APIError):
        raise error
    return {
        "type": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "code": error.code,
    }


if __name__ == "__main__":
    tell(openai.__version__, Tasks(*sys.argv[1:4]), _described, sys.argv[4:])
