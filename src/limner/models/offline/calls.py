"""Which tool draws, and what it is told."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from limner.core.messages import ToolCall, ToolSpec

from .outline import Step

__all__ = ["call", "choose", "draws", "picture_arguments", "picture_name", "some_arguments"]

_PICTURE_WORDS = re.compile(
    r"image|picture|draw|paint|illustrat|photo|art\b|图|画|圖|畫|絵|画像|imagen|dibuj|bild|zeichn|dessin",
    re.IGNORECASE,
)
_OURS = frozenset({"prompt", "alt", "aspect_ratio"})
_MOST_LIKE = 4
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def draws(tool: ToolSpec) -> bool:
    """Whether `tool` makes a picture from a prompt, and needs nothing that is not known here."""
    required = _required(tool)
    if not _is_string(_properties(tool).get("prompt")):
        return False
    if "prompt" not in required and not _speaks_of_pictures(tool):
        return False
    return all(name in _OURS or _given(_properties(tool).get(name)) for name in required)


def choose(tools: tuple[ToolSpec, ...], tool_choice: str) -> ToolSpec | None:
    """The tool to call; None where none draws, or where calls are switched off."""
    if tool_choice == "none":
        return None
    named = next((tool for tool in tools if tool.name == tool_choice), None)
    if named and tool_choice not in {"auto", "required"}:
        return named
    able = [tool for tool in tools if draws(tool)]
    if able:
        # max() keeps the first of equals: the order in which tools were offered decides.
        return max(able, key=lambda tool: ("prompt" in _required(tool), _speaks_of_pictures(tool)))
    return tools[0] if tools and tool_choice == "required" else None


def call(position: int, turn: int, name: str, arguments: Mapping[str, Any]) -> ToolCall:
    """A call whose id follows from its place in the conversation."""
    text = json.dumps(arguments, ensure_ascii=False)
    digest = int.from_bytes(hashlib.sha256(f"{turn}/{position}/{name}/{text}".encode()).digest()[:8], "big")
    letters = ""
    for _ in range(7):
        digest, rest = divmod(digest, len(_ALPHABET))
        letters += _ALPHABET[rest]
    # The position is part of the id: two calls of one turn never share it.
    return ToolCall(f"{letters}{position:02d}", name, text)


def picture_arguments(
    tool: ToolSpec, step: Step, shape: str | None, position: int, like: Sequence[str] = ()
) -> dict[str, Any]:
    """What `tool` is told to draw `step`, in the likeness of the pictures `like`; fits its schema."""
    properties = _properties(tool)
    arguments = _required_extras(tool)
    arguments["prompt"] = _fitting(step.prompt, properties["prompt"], position)
    if _is_string(properties.get("alt")):
        arguments["alt"] = _fitting(step.alt or step.prompt, properties["alt"], position)
    ratio = properties.get("aspect_ratio")
    fitting = _shape(shape, ratio) if ratio is not None else None
    if fitting is None and "aspect_ratio" in _required(tool):
        fitting = _some_value(ratio, "1:1")
    if fitting is not None:
        arguments["aspect_ratio"] = fitting
    if step.name and (name := picture_name(tool, step.name)):
        arguments["name"] = name
    if kept := [item for item in like if _takes(properties.get("like"), item)][
        : _most(properties.get("like"))
    ]:
        arguments["like"] = kept
    return arguments


def picture_name(tool: ToolSpec, name: str) -> str:
    """`name` as the tool takes it; empty where later pictures of the reply cannot refer to one by name."""
    schema = _properties(tool).get("name")
    if not isinstance(schema, Mapping) or not _is_string(schema) or "pattern" in schema:
        return ""
    fitting = _fitting(name, schema, 0)
    return fitting if _takes(_properties(tool).get("like"), fitting) else ""


def _takes(schema: object, item: str) -> bool:
    """Whether `schema` is that of a list of strings of which `item` may be one."""
    if not isinstance(schema, Mapping) or schema.get("type") != "array":
        return False
    items = schema.get("items")
    if not isinstance(items, Mapping) or not _is_string(items) or "pattern" in items:
        return False
    most, least = items.get("maxLength"), items.get("minLength")
    long = isinstance(most, int) and len(item) > most
    return bool(item) and not long and not (isinstance(least, int) and len(item) < least)


def _most(schema: object) -> int:
    most = schema.get("maxItems") if isinstance(schema, Mapping) else None
    return most if isinstance(most, int) else _MOST_LIKE


def some_arguments(tool: ToolSpec, text: str) -> dict[str, Any]:
    """What a tool of another kind is told when the caller insists on it: the user's words."""
    properties = _properties(tool)
    return {name: _some_value(properties.get(name), text) for name in _required(tool)}


def _properties(tool: ToolSpec) -> Mapping[str, Any]:
    found = tool.parameters.get("properties")
    return found if isinstance(found, Mapping) else {}


def _required(tool: ToolSpec) -> tuple[str, ...]:
    found = tool.parameters.get("required")
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list | tuple) else ()


def _is_string(schema: object) -> bool:
    if not isinstance(schema, Mapping) or "enum" in schema or "const" in schema:
        return False
    kind = schema.get("type")
    return kind == "string" or (isinstance(kind, list) and "string" in kind)


def _given(schema: object) -> bool:
    return isinstance(schema, Mapping) and any(
        key in schema and schema[key] != [] for key in ("const", "default", "enum")
    )


def _speaks_of_pictures(tool: ToolSpec) -> bool:
    return bool(_PICTURE_WORDS.search(f"{tool.name} {tool.description}".replace("_", " ")))


def _required_extras(tool: ToolSpec) -> dict[str, Any]:
    return {
        name: _some_value(_properties(tool).get(name), "") for name in _required(tool) if name not in _OURS
    }


def _fitting(text: str, schema: Mapping[str, Any], position: int) -> str:
    """`text` within the schema's length; still its own when many are cut at the same place."""
    most, least = schema.get("maxLength"), schema.get("minLength")
    if isinstance(most, int) and len(text) > most:
        mark = f" {position + 1}"
        text = (text[: max(most - len(mark), 0)].rstrip() + mark)[-most:] if most > 0 else ""
    if isinstance(least, int) and len(text) < least:
        text = text.ljust(least, ".")
    return text


def _shape(shape: str | None, schema: object) -> str | None:
    """`shape` as the schema allows it: itself, else the allowed one that is nearest."""
    if shape is None or not isinstance(schema, Mapping):
        return None
    if "const" in schema:
        return None
    allowed = schema.get("enum")
    if not isinstance(allowed, list):
        return shape if _is_string(schema) and "pattern" not in schema else None
    ratios = {value: number for value in allowed if (number := _ratio(value)) is not None}
    wanted = _ratio(shape) or 1.0
    # Ratios are compared as ratios: 2:1 is as far from 1:1 as 1:2 is.
    return min(ratios, key=lambda value: max(ratios[value] / wanted, wanted / ratios[value]), default=None)


def _ratio(value: object) -> float | None:
    found = re.fullmatch(r"(\d{1,4}):(\d{1,4})", value) if isinstance(value, str) else None
    if not found or not int(found[1]) or not int(found[2]):
        return None
    return int(found[1]) / int(found[2])


def _some_value(schema: object, text: str) -> Any:
    """A value that fits simple schemas; richer ones are answered by the tool's own check."""
    if not isinstance(schema, Mapping):
        return text
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    simple: dict[object, Any] = {"boolean": False, "array": [], "object": {}, "null": None}
    return simple[kind] if kind in simple else _fitting(text, schema, 0)
