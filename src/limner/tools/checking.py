"""Whether a call can be run: its arguments are read and held against the tool's schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from limner.core.repair import ArgumentsError, parse_arguments
from limner.errors import CallerError

from .image import ImageTool
from .schema import CompiledSchema, compiled_once
from .tool import Tool

__all__ = ["RefusedCall", "Toolbox"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class RefusedCall(Exception):
    """The arguments cannot be used; the model may put them right."""

    def __init__(self, code: str, sentence: str = "") -> None:
        super().__init__(sentence or code)
        self.code = code
        self.sentence = sentence


class Toolbox:
    """All that the model may call.

    Raises: CallerError (`tool_duplicate`, `tool_name_invalid`, `schema_invalid`, `schema_remote_ref`).
    """

    def __init__(self, image: ImageTool | None, tools: tuple[Tool, ...]) -> None:
        self.image = image
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}
        specs = (
            [tool.spec for tool in tools] if image is None else [image.spec, *(tool.spec for tool in tools)]
        )
        names = [spec.name for spec in specs]
        for name in names:
            if names.count(name) > 1:
                raise CallerError(f"tool {name!r} is declared twice; rename one", code="tool_duplicate")
            if not _NAME.fullmatch(name):
                raise CallerError(
                    f"a tool cannot be named {name!r}; use 1 to 64 letters, digits, '_' and '-'",
                    code="tool_name_invalid",
                )
        self.specs = tuple(specs)
        # Whoever declared a tool in his own words checks its arguments himself.
        self._schemas = {
            spec.name: CompiledSchema(spec.name, spec.parameters)
            for spec in (tool.spec for tool in tools)
            if spec.given is None
        }
        if image is not None:
            # A service makes one of these for each request, and the image tool is nearly always the same.
            self._schemas[image.name] = compiled_once(image.name, json.dumps(image.spec.parameters))

    def arguments(self, tool: str, text: str) -> dict[str, Any]:
        """The arguments of a call, read and checked.

        Raises: RefusedCall.
        """
        try:
            arguments = parse_arguments(text)
        except ArgumentsError as error:
            raise RefusedCall(error.code) from None
        if tool not in self._schemas:
            # A resumed run may speak of a tool that this engine was not given.
            raise RefusedCall("unknown_tool")
        problems = self._schemas[tool].problems(arguments)
        if problems:
            raise RefusedCall("arguments_schema", f"The arguments do not fit the tool's schema: {problems}.")
        return arguments
