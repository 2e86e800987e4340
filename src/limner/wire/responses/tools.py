"""The tools of a request of the Responses API, which of them may be used, and how the answer repeats both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.core.messages import ToolSpec

from ..asking import AskError, one_of
from ..chat.tools import IMAGE, NATIVE_IMAGE, ImageOptions, not_declared, read_tool_choice, read_tools
from ..shapes import entries

__all__ = ["ResponsesTools", "read_responses_tools"]

_ALLOWED = "allowed_tools"


@dataclass(frozen=True, slots=True)
class ResponsesTools:
    """What the model is offered, and what the answer says was declared."""

    tools: tuple[ToolSpec, ...]
    """The client's own functions, those alone that may be used; `given` in the shape of Chat Completions."""
    image: ImageOptions | None
    """None also where the image tool is declared and may not be used."""
    tool_choice: str
    """As in `ChatAsk`."""
    native: bool
    """Whether the image tool is declared as `{"type": "image_generation"}`."""
    image_allowed: bool
    """False where the client lists what may be used, and the image tool is not among it."""
    withheld: frozenset[str]
    """The client's own functions that are declared and may not be used; models know them from their history."""
    echoed_tools: tuple[Mapping[str, Any], ...]
    echoed_choice: str | Mapping[str, Any]


def read_responses_tools(tools: object, choice: object) -> ResponsesTools:
    """The fields `tools` and `tool_choice` of a request.

    Functions may be declared flat, and under `function` as in Chat Completions: clients mix them.

    Raises: AskError.
    """
    specs, image = read_tools(tools, flat=True)
    declared = tools if isinstance(tools, list) else []
    native = any(tool["type"] == NATIVE_IMAGE for tool in declared)
    echoed = tuple(_echoed(tool) for tool in declared)
    if isinstance(choice, Mapping) and choice.get("type") == _ALLOWED:
        said = choice.get(_ALLOWED, choice)
        if not isinstance(said, Mapping):
            raise AskError("invalid_value", f"'tool_choice.{_ALLOWED}' must be an object.", "tool_choice")
        names = _allowed(said.get("tools"), {spec.name for spec in specs}, image is not None)
        mode = one_of(said, "mode", ("auto", "required"), at="tool_choice") or "auto"
        return ResponsesTools(
            tools=tuple(spec for spec in specs if spec.name in names),
            image=image if IMAGE in names else None,
            tool_choice=mode,
            native=native,
            image_allowed=IMAGE in names,
            withheld=frozenset(spec.name for spec in specs) - names,
            echoed_tools=echoed,
            echoed_choice={"type": _ALLOWED, "mode": mode, "tools": list(map(_named, said["tools"]))},
        )
    read = read_tool_choice(choice, (spec.name for spec in specs), image=image is not None, flat=True)
    return ResponsesTools(
        tools=specs,
        image=image,
        tool_choice=read,
        native=native,
        image_allowed=True,
        withheld=frozenset(spec.name for spec in specs) if read == "none" else frozenset(),
        echoed_tools=echoed,
        echoed_choice=_named(choice) if isinstance(choice, Mapping) else read,
    )


def _allowed(tools: object, names: set[str], image: bool) -> set[str]:
    """Those of `names`, and `IMAGE`, that may be used. No function can have that name."""
    at = "tool_choice.tools"
    if tools is None:
        raise AskError("missing_parameter", f"{at!r} is missing.", at)
    allowed: set[str] = set()
    for place, tool in enumerate(entries(tools, at)):
        here = f"{at}[{place}]"
        kind = tool.get("type") if isinstance(tool, Mapping) else None
        if kind in (IMAGE, NATIVE_IMAGE):
            if not image:
                raise not_declared(IMAGE, here)
            allowed.add(IMAGE)
            continue
        if not isinstance(tool, Mapping) or not isinstance(kind, str):
            raise AskError("invalid_value", f"{here!r} must be an object with 'type'.", here)
        name = _named(tool).get("name") if kind == "function" else kind
        if not isinstance(name, str):
            raise AskError("invalid_value", f"'{here}.name' must be a string.", f"{here}.name")
        if kind != "function" or name not in names:
            raise not_declared(name, here)
        allowed.add(name)
    if not allowed:
        raise AskError("invalid_value", f"{at!r} is empty; name a tool, or send 'tool_choice': 'none'.", at)
    return allowed


def _named(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool that is chosen, with its name beside its type."""
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return tool
    return {**{key: tool[key] for key in tool if key != "function"}, "name": function.get("name")}


def _echoed(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A checked declaration as the answer repeats it: functions with all their fields, the image tool as it was written."""
    if tool["type"] != "function":
        return tool
    function = tool.get("function") or tool
    fields = {name: function.get(name) for name in ("name", "description", "parameters", "strict")}
    return {"type": "function", **fields}
