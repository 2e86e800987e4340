"""What the tests ask of `langchain-openai`.

`python langchain_chat.py ORIGIN KEY` prints one JSON object: what each task came to.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai import ChatOpenAI

IMAGES = {"type": "openrouter:image_generation"}


@tool  # type: ignore[untyped-decorator]  # the package is not in the environment that checks types
def get_weather(place: str) -> str:
    """The weather at a place."""
    return "21 degrees"


class Tasks:
    """Each method is one task; what it returns is printed."""

    def __init__(self, origin: str, key: str) -> None:
        self.origin, self.key = origin, key

    def model(self, name: str, **more: Any) -> Any:
        # Without the last, a tool that is no function sends the package to the Responses API.
        given: Any = {
            "model": name,
            "base_url": f"{self.origin}/v1",
            "api_key": self.key,
            "use_responses_api": False,
        }
        return ChatOpenAI(**(given | more))

    def whole(self, model: Any) -> Any:
        message = model.invoke("Go on")
        return {
            "text": message.content,
            "calls": [call["name"] for call in message.tool_calls],
            "finish": message.response_metadata["finish_reason"],
            "tokens": message.usage_metadata["total_tokens"],
        }

    def streamed(self, model: Any) -> Any:
        chunks = list(model.stream("Go on"))
        total = chunks[0]
        for chunk in chunks[1:]:
            total = total + chunk
        return {
            "deltas": [chunk.content for chunk in chunks if chunk.content],
            "text": total.content,
            "calls": [call["name"] for call in total.tool_calls],
            "finish": total.response_metadata["finish_reason"],
            "tokens": total.usage_metadata["total_tokens"],
        }

    def plain_whole(self) -> Any:
        return self.whole(self.model("words"))

    def plain_streamed(self) -> Any:
        return self.streamed(self.model("words", stream_usage=True))

    def pictures_whole(self) -> Any:
        return self.whole(self.model("illustrator").bind(tools=[IMAGES]))

    def pictures_streamed(self) -> Any:
        return self.streamed(self.model("illustrator", stream_usage=True).bind(tools=[IMAGES]))

    def alias_whole(self) -> Any:
        return self.whole(self.model("illustrator:illustrated"))

    def mixed_whole(self) -> Any:
        model = self.model("mixer").bind(tools=[IMAGES, convert_to_openai_tool(get_weather)])
        asked = HumanMessage("Show me the weather")
        first = model.invoke([asked])
        results = [ToolMessage(get_weather.invoke(c["args"]), tool_call_id=c["id"]) for c in first.tool_calls]
        second = model.invoke([asked, first, *results])
        return {
            "calls": [[call["name"], call["args"]] for call in first.tool_calls],
            "finishes": [each.response_metadata["finish_reason"] for each in (first, second)],
            "told": first.content,
            "text": second.content,
        }

    def wrong_key(self) -> Any:
        return self.whole(self.model("words", api_key="wrong-key"))

    def unknown_model(self) -> Any:
        return self.whole(self.model("elsewhere/none"))

    def unsupported(self) -> Any:
        return self.whole(self.model("words", extra_body={"api_base": "http://127.0.0.1:9"}))

    def broken_whole(self) -> Any:
        return self.whole(self.model("breaker").bind(tools=[IMAGES]))

    def broken_streamed(self) -> Any:
        return self.streamed(self.model("breaker").bind(tools=[IMAGES]))

    def broken_passed_on(self) -> Any:
        return self.streamed(self.model("breaker"))


def outcome(task: Callable[[], Any]) -> Any:
    """What came of a task: its value, or what the client raised."""
    try:
        return {"value": task()}
    except openai.APIError as error:
        status = getattr(error, "status_code", None)
        return {"raised": {"type": type(error).__name__, "status": status, "code": error.code}}


if __name__ == "__main__":
    tasks = Tasks(*sys.argv[1:3])
    names = [
        name
        for name in vars(Tasks)
        if name not in ("__init__", "model", "whole", "streamed") and name[0] != "_"
    ]
    told = {name: outcome(getattr(tasks, name)) for name in names}
    print(json.dumps({"version": version("langchain-openai"), **told}))
