"""What the tests ask of `pydantic-ai` with its image tool.

`python responses_pydantic_ai.py ORIGIN KEY OFFLINE [TASK …]` prints one JSON object: what each task came to.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from pydantic_ai import Agent, BinaryImage, FilePart, ModelAPIError
from pydantic_ai.capabilities import ImageGeneration, NativeTool
from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.native_tools import ImageGenerationTool
from pydantic_ai.providers.openai import OpenAIProvider

from outcomes import shown, tell


def get_weather(place: str) -> str:
    """The weather at a place."""
    return "21 degrees"


def _told(result: Any) -> dict[str, Any]:
    """What a run came to."""
    answers = [each for each in result.new_messages() if each.kind == "response"]
    returned = [part for each in answers for part in each.native_tool_calls]
    return {
        "text": answers[-1].text,
        "said": [each.text for each in answers if each.text],
        "states": [back.content["status"] for _, back in returned if back is not None],
        "pictures": [shown(picture.data) for each in answers for picture in each.images],
        "mediaTypes": [picture.media_type for each in answers for picture in each.images],
        "calls": [call.tool_name for each in answers for call in each.tool_calls],
        "finish": answers[-1].finish_reason,
        "tokens": result.usage.total_tokens,
    }


class Tasks:
    """Each public method is one task."""

    def __init__(self, runner: asyncio.Runner, origin: str, key: str, offline: str) -> None:
        self._run = runner.run
        self._base_url, self._key, self._offline = f"{origin}/v1", key, f"{offline}/v1"

    def _agent(self, model: str, *images: Any, base_url: str = "", key: str = "", **more: Any) -> Any:
        provider = OpenAIProvider(base_url=base_url or self._base_url, api_key=key or self._key)
        return Agent(
            OpenAIResponsesModel(model, provider=provider),
            instructions="Go on.",
            capabilities=list(images),
            retries=0,
            **more,
        )

    def _whole(self, agent: Any, prompt: str = "Go on", **more: Any) -> Any:
        return self._run(agent.run(prompt, **more))

    def _streamed(self, agent: Any) -> Any:
        async def run() -> Any:
            async with agent.run_stream("Go on") as result:
                deltas = [delta async for delta in result.stream_text(delta=True, debounce_by=None)]
                return _told(result) | {"deltas": deltas}

        return self._run(run())

    def plain_whole(self) -> Any:
        return _told(self._whole(self._agent("words")))

    def plain_streamed(self) -> Any:
        return self._streamed(self._agent("words"))

    def native_whole(self) -> Any:
        return _told(self._whole(self._agent("illustrator", ImageGeneration())))

    def native_streamed(self) -> Any:
        return self._streamed(self._agent("illustrator", ImageGeneration()))

    def native_tool(self) -> Any:
        return _told(self._whole(self._agent("illustrator", NativeTool(ImageGenerationTool()))))

    def alias_whole(self) -> Any:
        return _told(self._whole(self._agent("illustrator:illustrated")))

    def output_type(self) -> Any:
        # It grants this only to models that it knows by name.
        agent = self._agent("gpt-5", ImageGeneration(), base_url=self._offline, output_type=BinaryImage)
        return shown(self._whole(agent, "Draw a fox").output.data)

    def refused_whole(self) -> Any:
        return _told(self._whole(self._agent("refuser", ImageGeneration())))

    def partial_streamed(self) -> Any:
        images = NativeTool(ImageGenerationTool(provider_settings={"openai": {"partial_images": 2}}))
        agent = self._agent("openai/gpt-5-mini", images, base_url=self._offline)
        seen: list[list[Any]] = []

        async def run() -> Any:
            async with agent.run_stream_events("Draw a fox") as events:
                async for event in events:
                    part = getattr(event, "part", None)
                    if event.event_kind == "part_start" and isinstance(part, FilePart):
                        earlier = sum(each[0] == part.id for each in seen)
                        seen.append([part.id, earlier, shown(part.content.data)])
            return None

        self._run(run())
        last = {each[0]: each[2] for each in seen}
        partials = [each for index, each in enumerate(seen) if each[0] in {s[0] for s in seen[index + 1 :]}]
        return {"partials": partials, "pictures": last}

    def _twice(self, model: str, **settings: Any) -> Any:
        agent = self._agent(model, ImageGeneration())
        chosen = OpenAIResponsesModelSettings(**settings)
        first = self._whole(agent, "Draw a fox", model_settings=chosen)
        second = self._whole(
            agent, "Show it again", message_history=first.all_messages(), model_settings=chosen
        )
        return {"first": _told(first), "second": _told(second)}

    def turns_replayed(self) -> Any:
        return self._twice("recaller")

    def turns_by_ids(self) -> Any:
        return self._twice("recaller", openai_send_reasoning_ids=True)

    def turns_not_stored(self) -> Any:
        return self._twice("recaller", openai_send_reasoning_ids=True, openai_store=False)

    def turns_chained(self) -> Any:
        return self._twice("recaller", openai_previous_response_id="auto")

    def _mixed(self, **settings: Any) -> Any:
        agent = self._agent("mixer", ImageGeneration(), tools=[get_weather])
        return _told(self._whole(agent, model_settings=OpenAIResponsesModelSettings(**settings)))

    def mixed_whole(self) -> Any:
        return self._mixed()

    def mixed_by_ids(self) -> Any:
        return self._mixed(openai_send_reasoning_ids=True)

    def mixed_not_stored(self) -> Any:
        return self._mixed(openai_store=False)

    def mixed_chained(self) -> Any:
        return self._mixed(openai_previous_response_id="auto")

    def wrong_key(self) -> Any:
        return _told(self._whole(self._agent("words", key="wrong-key")))

    def unknown_model(self) -> Any:
        return _told(self._whole(self._agent("elsewhere/none")))

    def unsupported(self) -> Any:
        settings = OpenAIResponsesModelSettings(extra_body={"api_base": "http://127.0.0.1:9"})
        return _told(self._whole(self._agent("words"), model_settings=settings))

    def unknown_response(self) -> Any:
        settings = OpenAIResponsesModelSettings(openai_previous_response_id="resp_that_never_was")
        return _told(self._whole(self._agent("words"), model_settings=settings))

    def broken_whole(self) -> Any:
        return _told(self._whole(self._agent("breaker", ImageGeneration())))

    def broken_streamed(self) -> Any:
        return self._streamed(self._agent("breaker", ImageGeneration()))

    def broken_without_tool(self) -> Any:
        return self._streamed(self._agent("breaker"))


def _described(error: Exception) -> Mapping[str, Any]:
    if not isinstance(error, ModelAPIError):
        raise error
    body: Any = getattr(error, "body", None) or {}
    return {
        "type": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "code": body.get("code"),
    }


if __name__ == "__main__":
    # One event loop for all of them: the clients keep their connections.
    with asyncio.Runner() as runner:
        tell(version("pydantic-ai-slim"), Tasks(runner, *sys.argv[1:4]), _described, sys.argv[4:])
