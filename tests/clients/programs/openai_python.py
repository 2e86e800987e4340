"""What the tests ask of the `openai` package, in the words that its majors 1, 2 and 3 share.

`python openai_python.py ORIGIN KEY` prints one JSON object: what each task came to.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import openai
from openai import OpenAI

IMAGES = {"type": "openrouter:image_generation"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}


class Tasks:
    """Each method is one task; what it returns is printed."""

    def __init__(self, origin: str, key: str) -> None:
        # Any: the tools of other services are not among the package's own types.
        self.client: Any = OpenAI(base_url=f"{origin}/v1", api_key=key)
        self.stranger: Any = OpenAI(base_url=f"{origin}/v1", api_key="wrong-key")

    def chat(self, model: str, messages: Any, **more: Any) -> Any:
        return self.client.chat.completions.create(model=model, messages=messages, **more)

    def whole(self, model: str, **more: Any) -> Any:
        answer = self.chat(model, [{"role": "user", "content": "Go on"}], **more)
        choice = answer.choices[0]
        return {
            "text": choice.message.content,
            "files": [image["image_url"]["url"] for image in getattr(choice.message, "images", None) or ()],
            "calls": [call.function.name for call in choice.message.tool_calls or ()],
            "finish": choice.finish_reason,
            "tokens": answer.usage.total_tokens,
        }

    def streamed(self, model: str, **more: Any) -> Any:
        deltas: list[str] = []
        files: list[str] = []
        calls: list[str] = []
        finish: list[str] = []
        tokens = 0
        messages = [{"role": "user", "content": "Go on"}]
        for chunk in self.chat(model, messages, stream=True, stream_options={"include_usage": True}, **more):
            tokens = chunk.usage.total_tokens if chunk.usage else tokens
            for choice in chunk.choices:
                deltas += [choice.delta.content] if choice.delta.content else []
                files += [each["image_url"]["url"] for each in getattr(choice.delta, "images", None) or ()]
                calls += [call.function.name for call in choice.delta.tool_calls or ()]
                finish += [choice.finish_reason] if choice.finish_reason else []
        told = {"deltas": deltas, "text": "".join(deltas), "files": files, "calls": calls}
        return told | {"finish": ",".join(finish), "tokens": tokens}

    def plain_whole(self) -> Any:
        return self.whole("words")

    def plain_streamed(self) -> Any:
        return self.streamed("words")

    def pictures_whole(self) -> Any:
        return self.whole("illustrator", tools=[IMAGES])

    def pictures_streamed(self) -> Any:
        return self.streamed("illustrator", tools=[IMAGES])

    def alias_whole(self) -> Any:
        return self.whole("illustrator:illustrated")

    def mixed_whole(self) -> Any:
        messages: list[Any] = [{"role": "user", "content": "Show me the weather"}]
        first = self.chat("mixer", messages, tools=[IMAGES, WEATHER]).choices[0]
        messages.append(
            {
                "role": "assistant",
                "content": first.message.content,
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": call.function.name, "arguments": call.function.arguments},
                    }
                    for call in first.message.tool_calls
                ],
            }
        )
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}
            for call in first.message.tool_calls
        ]
        second = self.chat("mixer", messages, tools=[IMAGES, WEATHER]).choices[0]
        return {
            "calls": [[c.function.name, json.loads(c.function.arguments)] for c in first.message.tool_calls],
            "finishes": [first.finish_reason, second.finish_reason],
            "told": first.message.content,
            "text": second.message.content,
        }

    def mixed_streamed(self) -> Any:
        messages: list[Any] = [{"role": "user", "content": "Show me the weather"}]
        told, text = "", ""
        calls: dict[int, Any] = {}
        finishes: list[str] = []
        for chunk in self.chat("mixer", messages, tools=[IMAGES, WEATHER], stream=True):
            for choice in chunk.choices:
                told += choice.delta.content or ""
                finishes += [choice.finish_reason] if choice.finish_reason else []
                for call in choice.delta.tool_calls or ():
                    entry = calls.setdefault(
                        call.index, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
                    )
                    entry["id"] = call.id or entry["id"]
                    entry["function"]["name"] += call.function.name or ""
                    entry["function"]["arguments"] += call.function.arguments or ""
        made = list(calls.values())
        messages.append({"role": "assistant", "content": told or None, "tool_calls": made})
        messages += [{"role": "tool", "tool_call_id": each["id"], "content": "21 degrees"} for each in made]
        for chunk in self.chat("mixer", messages, tools=[IMAGES, WEATHER], stream=True):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finishes += [choice.finish_reason] if choice.finish_reason else []
        named = [[each["function"]["name"], json.loads(each["function"]["arguments"])] for each in made]
        return {"calls": named, "finishes": finishes, "told": told, "text": text}

    def image_url(self) -> Any:
        answer = self.client.images.generate(model="colours", prompt="a fox", size="1024x1024")
        return {"created": answer.created, "url": answer.data[0].url, "b64": answer.data[0].b64_json}

    def image_b64(self) -> Any:
        answer = self.client.images.generate(model="colours", prompt="a fox", n=2, response_format="b64_json")
        return {"b64": [each.b64_json for each in answer.data], "urls": [each.url for each in answer.data]}

    def models(self) -> Any:
        return [each.id for each in self.client.models.list()]

    def wrong_key(self) -> Any:
        return self.stranger.chat.completions.create(
            model="words", messages=[{"role": "user", "content": "Go on"}]
        )

    def unknown_model(self) -> Any:
        return self.whole("elsewhere/none")

    def unsupported(self) -> Any:
        return self.whole("words", extra_body={"api_base": "http://127.0.0.1:9"})

    def broken_whole(self) -> Any:
        return self.whole("breaker", tools=[IMAGES])

    def broken_streamed(self) -> Any:
        return self.streamed("breaker", tools=[IMAGES])

    def broken_passed_on(self) -> Any:
        return self.streamed("breaker")


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
        if name not in ("__init__", "chat", "whole", "streamed") and name[0] != "_"
    ]
    told = {name: outcome(getattr(tasks, name)) for name in names}
    print(json.dumps({"version": openai.__version__, **told}))
