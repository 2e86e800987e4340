"""What the tests ask of `openai-agents` with its hosted image tool.

`python responses_agents.py ORIGIN KEY OFFLINE [TASK …]` prints one JSON object: what each task came to.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import openai
from agents import (
    Agent,
    AgentsException,
    ImageGenerationTool,
    ModelSettings,
    OpenAIResponsesModel,
    Runner,
    SQLiteSession,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

from outcomes import tell

IMAGES = ImageGenerationTool(tool_config={"type": "image_generation", "output_format": "png"})
# Its traces would go to OpenAI.
set_tracing_disabled(True)


@function_tool  # type: ignore[untyped-decorator]  # the package is not in the environment that checks types
def get_weather(place: str) -> str:
    """The weather at a place."""
    return "21 degrees"


def _told(result: Any) -> dict[str, Any]:
    """What a run came to."""
    items = [item.raw_item for item in result.new_items]
    images = [item for item in items if getattr(item, "type", None) == "image_generation_call"]
    return {
        "text": result.final_output,
        "said": [
            part.text for item in items if getattr(item, "type", "") == "message" for part in item.content
        ],
        "states": [item.status for item in images],
        "pictures": [item.result for item in images if item.result],
        "calls": [item.name for item in items if getattr(item, "type", "") == "function_call"],
        "tokens": result.context_wrapper.usage.total_tokens,
    }


class Tasks:
    """Each public method is one task."""

    def __init__(self, runner: asyncio.Runner, origin: str, key: str, offline: str) -> None:
        self._run = runner.run
        self._base_url, self._key, self._offline = f"{origin}/v1", key, f"{offline}/v1"

    def _agent(self, model: str, *more: Any, base_url: str = "", key: str = "", **settings: Any) -> Any:
        client = AsyncOpenAI(base_url=base_url or self._base_url, api_key=key or self._key)
        return Agent(
            name="Illustrator",
            instructions="Go on.",
            model=OpenAIResponsesModel(model, openai_client=client),
            tools=list(more),
            model_settings=ModelSettings(**settings),
        )

    def _whole(self, agent: Any, input: Any = "Go on", **more: Any) -> Any:
        return self._run(Runner.run(agent, input, **more))

    def _streamed(self, agent: Any, input: Any = "Go on") -> Any:
        async def run() -> Any:
            result = Runner.run_streamed(agent, input)
            events = [each.data async for each in result.stream_events() if each.type == "raw_response_event"]
            return result, events

        return self._run(run())

    def _deltas(self, agent: Any) -> Any:
        result, events = self._streamed(agent)
        deltas = [each.delta for each in events if each.type == "response.output_text.delta"]
        return _told(result) | {"deltas": deltas}

    def plain_whole(self) -> Any:
        return _told(self._whole(self._agent("words")))

    def plain_streamed(self) -> Any:
        return self._deltas(self._agent("words"))

    def native_whole(self) -> Any:
        return _told(self._whole(self._agent("illustrator", IMAGES)))

    def native_streamed(self) -> Any:
        return self._deltas(self._agent("illustrator", IMAGES))

    def alias_whole(self) -> Any:
        return _told(self._whole(self._agent("illustrator:illustrated")))

    def refused_whole(self) -> Any:
        return _told(self._whole(self._agent("refuser", IMAGES)))

    def partial_streamed(self) -> Any:
        images = ImageGenerationTool(tool_config={"type": "image_generation", "partial_images": 2})
        agent = self._agent("openai/gpt-5-mini", images, base_url=self._offline)
        result, events = self._streamed(agent, "Draw a fox")
        partials = [each for each in events if each.type == "response.image_generation_call.partial_image"]
        drawn = [each.raw_item for each in result.new_items]
        return {
            "partials": [[e.item_id, e.partial_image_index, e.partial_image_b64] for e in partials],
            "pictures": {each.id: each.result for each in drawn if each.type == "image_generation_call"},
        }

    def turns_replayed(self) -> Any:
        agent = self._agent("recaller", IMAGES)
        first = self._whole(agent, "Draw a fox")
        again = [*first.to_input_list(), {"role": "user", "content": "Show it again"}]
        return {"first": _told(first), "second": _told(self._whole(agent, again))}

    def turns_of_a_session(self) -> Any:
        agent = self._agent("recaller", IMAGES)

        async def run() -> Any:
            session = SQLiteSession("tests")
            first = await Runner.run(agent, "Draw a fox", session=session)
            return first, await Runner.run(agent, "Show it again", session=session)

        first, second = self._run(run())
        return {"first": _told(first), "second": _told(second)}

    def turns_chained(self) -> Any:
        agent = self._agent("recaller", IMAGES)
        first = self._whole(agent, "Draw a fox")
        second = self._whole(agent, "Show it again", previous_response_id=first.last_response_id)
        return {"first": _told(first), "second": _told(second)}

    def mixed_whole(self) -> Any:
        return _told(self._whole(self._agent("mixer", IMAGES, get_weather)))

    def mixed_streamed(self) -> Any:
        return self._deltas(self._agent("mixer", IMAGES, get_weather))

    def mixed_chained(self) -> Any:
        agent = self._agent("mixer", IMAGES, get_weather)
        return _told(self._whole(agent, auto_previous_response_id=True))

    def forced(self) -> Any:
        return _told(self._whole(self._agent("illustrator", IMAGES, tool_choice="image_generation")))

    def wrong_key(self) -> Any:
        return _told(self._whole(self._agent("words", key="wrong-key")))

    def unknown_model(self) -> Any:
        return _told(self._whole(self._agent("elsewhere/none")))

    def unsupported(self) -> Any:
        return _told(self._whole(self._agent("words", extra_body={"api_base": "http://127.0.0.1:9"})))

    def unknown_response(self) -> Any:
        return _told(self._whole(self._agent("words"), previous_response_id="resp_that_never_was"))

    def broken_whole(self) -> Any:
        return _told(self._whole(self._agent("breaker", IMAGES)))

    def broken_streamed(self) -> Any:
        return self._deltas(self._agent("breaker", IMAGES))

    def broken_without_tool(self) -> Any:
        return self._deltas(self._agent("breaker"))


def _described(error: Exception) -> Mapping[str, Any]:
    if isinstance(error, openai.APIError):
        status = getattr(error, "status_code", None)
        return {"type": type(error).__name__, "status": status, "code": error.code}
    if isinstance(error, AgentsException):
        return {"type": type(error).__name__, "status": None, "code": str(error)}
    raise error


if __name__ == "__main__":
    # One event loop for all of them: the clients keep their connections.
    with asyncio.Runner() as runner:
        tell(version("openai-agents"), Tasks(runner, *sys.argv[1:4]), _described, sys.argv[4:])
