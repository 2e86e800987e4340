"""The tools of a request: the client's own functions, the image tool, and which must be used.

Chat Completions and the Responses API declare the same tools. A function's fields stand under `function` in
one and beside `type` in the other, where clients write both (`flat`); the rest is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from limner.core.messages import ToolSpec

from ..asking import AskError, flag, number, one_of, text, whole_number
from ..parameters import named, shown
from ..servertool import IMAGE, NATIVE_IMAGE
from ..toolcheck import MOST_CHARACTERS, MOST_TOOLS, check_schemas
from .links import image_url

__all__ = [
    "IMAGE",
    "NATIVE_IMAGE",
    "ImageOptions",
    "not_declared",
    "read_tool_choice",
    "read_tools",
    "unused_name",
]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_CHOICES = ("auto", "none", "required")
_LONGEST_MODEL = 256
_LONGEST_OPTION = 100
_LONGEST_PROMISE_S = 3600
_SHOW = ("markdown", "images", "both")
_URLS = ("links", "data")
_FIDELITIES = ("high", "low")
_ACTIONS = ("auto", "generate", "edit")
_MOST_PARTIAL_IMAGES = 3


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """What a client says about the pictures of its request; None where it says nothing.

    What an image model takes is the catalogue's to say: here only the types are checked.
    """

    model: str | None = None
    quality: str | None = None
    size: str | None = None
    aspect_ratio: str | None = None
    background: str | None = None
    output_format: str | None = None
    output_compression: int | None = None
    moderation: str | None = None
    style: str | None = None
    input_fidelity: str | None = None
    partial_images: int | None = None
    """0 to 3."""
    mask: str | None = field(default=None, repr=False)
    """Where the picture may differ from the one that it edits: a `data:` URL or a link, unchecked."""
    action: Literal["auto", "generate", "edit"] | None = None
    promise_after_s: float | None = None
    show: Literal["markdown", "images", "both"] | None = None
    urls: Literal["links", "data"] | None = None


_WORDS = ("quality", "size", "aspect_ratio", "background", "output_format", "moderation", "style")
_OPTIONS = (
    "model",
    *_WORDS,
    "output_compression",
    "input_fidelity",
    "input_image_mask",
    "partial_images",
    "action",
    "promise_after",
    "show",
    "urls",
)
_FUNCTION_FIELDS = ("name", "description", "parameters", "strict")
_BESIDE_TYPE = frozenset({"type", "parameters", "cache_control"})


def read_tools(tools: object, *, flat: bool = False) -> tuple[tuple[ToolSpec, ...], ImageOptions | None]:
    """The client's functions, and the options of the image tool where it is declared.

    `flat`: a function's fields may stand beside `type`; its `given` has them under `function` all the same.

    The image tool may be declared once. Two declarations can differ, and whichever was dropped would
    mean pictures drawn and billed otherwise than a part of the request says.

    Raises: AskError.
    """
    if tools is None:
        return (), None
    if not isinstance(tools, list):
        raise AskError("invalid_value", "'tools' must be a list.", "tools")
    if len(tools) > MOST_TOOLS:
        raise AskError(
            "schema_too_complex",
            f"'tools' has {len(tools)} entries; at most {MOST_TOOLS} are accepted.",
            "tools",
        )
    functions: dict[str, ToolSpec] = {}
    schemas: list[tuple[str, Mapping[str, Any]]] = []
    image: ImageOptions | None = None
    for place, tool in enumerate(tools):
        at = f"tools[{place}]"
        if not isinstance(tool, Mapping):
            raise AskError("invalid_value", f"{at!r} must be an object.", at)
        kind = tool.get("type")
        if kind == "function":
            function, at = _declared(tool, at, flat)
            spec = _function(function, at, tool if function is not tool else _nested(tool))
            if spec.name in functions:
                raise AskError(
                    "invalid_value", f"The tool {spec.name!r} is declared twice; rename one.", f"{at}.name"
                )
            functions[spec.name] = spec
            if function.get("parameters") is not None:
                schemas.append((f"{at}.parameters", function["parameters"]))
        elif kind in (IMAGE, NATIVE_IMAGE):
            if image is not None:
                raise AskError(
                    "invalid_value",
                    f"{IMAGE!r} and {NATIVE_IMAGE!r} are one tool; declare it once, as one of them.",
                    at,
                )
            image = _image_options(_said(tool) if kind == NATIVE_IMAGE else tool, at)
        else:
            raise _unknown_type(kind, at)
    check_schemas(schemas)
    return tuple(functions.values()), image


def read_tool_choice(choice: object, names: Iterable[str], *, image: bool, flat: bool = False) -> str:
    """One of `names`, `IMAGE` (which must be declared: `image`), "auto", "none" or "required".

    `flat`: where a name is missing, it is missing beside `type`.

    Raises: AskError.
    """
    if choice is None:
        return "auto"
    if isinstance(choice, str):
        if choice in _CHOICES:
            return choice
        raise AskError(
            "invalid_value",
            f"'tool_choice' must be one of {', '.join(_CHOICES)}, or an object that names a tool.",
            "tool_choice",
        )
    kind = choice.get("type") if isinstance(choice, Mapping) else None
    if kind in (IMAGE, NATIVE_IMAGE):
        if not image:
            raise not_declared(IMAGE, "tool_choice")
        return IMAGE
    if not isinstance(choice, Mapping) or kind != "function":
        raise AskError(
            "invalid_value",
            "'tool_choice' must name a function or the image tool; declare only those tools that may be used.",
            "tool_choice.type" if isinstance(choice, Mapping) else "tool_choice",
        )
    # Flat as in the Responses API, or under "function".
    function = choice.get("function", choice)
    param = "tool_choice.name" if flat and function is choice else "tool_choice.function.name"
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str):
        raise AskError("invalid_value", f"{param!r} must be a string.", param)
    if name not in tuple(names):
        raise not_declared(name, param)
    return name


def unused_name(wanted: str, tools: Iterable[ToolSpec]) -> str:
    """`wanted`, or the like that none of the client's tools is called."""
    taken = {tool.name for tool in tools}
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}_{count}"
    return name


def _declared(tool: Mapping[str, Any], at: str, flat: bool) -> tuple[Mapping[str, Any], str]:
    """The fields of a function, and where they stand."""
    function = tool.get("function")
    if function is None and flat:
        return tool, at
    if not isinstance(function, Mapping):
        raise AskError(
            "invalid_value",
            f"'{at}.function' must be an object with 'name' and 'parameters'.",
            f"{at}.function",
        )
    return function, f"{at}.function"


def _nested(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A flat declaration in the shape of Chat Completions."""
    fields = {name: tool[name] for name in _FUNCTION_FIELDS if tool.get(name) is not None}
    beside = {name: tool[name] for name in ("cache_control",) if tool.get(name) is not None}
    return {"type": "function", "function": fields, **beside}


def _function(function: Mapping[str, Any], at: str, given: Mapping[str, Any]) -> ToolSpec:
    name = text(function, "name", at=at)
    if name is None:
        raise AskError("missing_parameter", f"'{at}.name' is missing.", f"{at}.name")
    if _NAME.fullmatch(name) is None:
        raise AskError(
            "invalid_value",
            f"'{at}.name' must be 1 to 64 letters, digits, '_' and '-'.",
            f"{at}.name",
        )
    flag(function, "strict", at=at)
    description = text(function, "description", most=MOST_CHARACTERS, at=at)
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise AskError("schema_invalid", f"'{at}.parameters' must be a JSON Schema.", f"{at}.parameters")
    if parameters and parameters.get("type", "object") != "object":
        raise AskError(
            "schema_invalid", f"'{at}.parameters' must be a JSON Schema of type object.", f"{at}.parameters"
        )
    schema = dict(parameters) if parameters else {"type": "object", "properties": {}}
    return ToolSpec(name, description or "", schema, given=given)


def _image_options(tool: Mapping[str, Any], at: str) -> ImageOptions:
    """The options under `parameters` and those beside `type`, where some clients write them."""
    under = tool.get("parameters")
    if under is None:
        under = {}
    if not isinstance(under, Mapping):
        raise AskError("invalid_value", f"'{at}.parameters' must be an object.", f"{at}.parameters")
    beside = {name: value for name, value in tool.items() if name not in _BESIDE_TYPE}
    options: dict[str, Any] = {}
    for place, said in ((f"{at}.parameters", under), (at, beside)):
        for name, value in said.items():
            if name not in _OPTIONS:
                raise AskError(
                    "unsupported_parameter",
                    f"The image tool has no option {shown(name)}; it has {', '.join(_OPTIONS)}.",
                    f"{place}.{named(name)}",
                )
            if value is not None and options.setdefault(name, value) != value:
                raise AskError(
                    "invalid_value", f"The image tool's option {name!r} is said twice.", f"{place}.{name}"
                )
    place = f"{at}.parameters" if under else at
    mask = options.get("input_image_mask")
    words: dict[str, Any] = {
        name: text(options, name, least=1, most=_LONGEST_OPTION, at=place) for name in _WORDS
    }
    return ImageOptions(
        model=text(options, "model", least=1, most=_LONGEST_MODEL, at=place),
        output_compression=whole_number(options, "output_compression", least=0, most=100, at=place),
        input_fidelity=one_of(options, "input_fidelity", _FIDELITIES, at=place),
        partial_images=whole_number(options, "partial_images", least=0, most=_MOST_PARTIAL_IMAGES, at=place),
        mask=None if mask is None else _mask(mask, f"{place}.input_image_mask"),
        action=cast(Any, one_of(options, "action", _ACTIONS, at=place)),
        promise_after_s=number(options, "promise_after", least=0, most=_LONGEST_PROMISE_S, at=place),
        show=cast(Any, one_of(options, "show", _SHOW, at=place)),
        urls=cast(Any, one_of(options, "urls", _URLS, at=place)),
        **words,
    )


def _said(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A native declaration without each "auto": its clients write out what is the default there."""
    return {name: value for name, value in tool.items() if value != "auto"}


def _mask(mask: object, at: str) -> str:
    """The address of a mask: `{"image_url": …}`."""
    if not isinstance(mask, Mapping):
        raise AskError("invalid_value", f"{at!r} must be an object with 'image_url'.", at)
    if mask.get("file_id") is not None:
        raise AskError(
            "unsupported_parameter",
            f"'{at}.file_id' is not supported: no files are kept here; send 'image_url', a data URL or a link.",
            f"{at}.file_id",
        )
    url = image_url(mask)
    if url is None:
        raise AskError("invalid_value", f"'{at}.image_url' must be a data URL or a link.", f"{at}.image_url")
    return url


def _unknown_type(kind: object, at: str) -> AskError:
    if not isinstance(kind, str):
        code = "missing_parameter" if kind is None else "invalid_value"
        return AskError(code, f"'{at}.type' must be 'function' or {IMAGE!r}.", f"{at}.type")
    return AskError(
        "invalid_value",
        f"The tool {shown(kind)} is not run here; declare functions, and {IMAGE!r} or {NATIVE_IMAGE!r}.",
        f"{at}.type",
    )


def not_declared(name: str, param: str) -> AskError:
    """The error that says that the choice names a tool that is not there."""
    return AskError(
        "invalid_value", f"'tool_choice' names {shown(name)}, which is not in 'tools'; declare it.", param
    )
