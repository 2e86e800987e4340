"""JSON Schemas of tools: compiled once, closed, so that nothing is ever fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from limner.errors import CallerError

from .usual import surely_fits

__all__ = ["CompiledSchema", "compiled_once"]

MAX_PROBLEMS = 3


class CompiledSchema:
    """One tool's parameters, ready to check arguments.

    Raises: CallerError (`schema_invalid`, `schema_remote_ref`) for a schema that cannot be used.
    """

    def __init__(self, tool: str, schema: Mapping[str, Any]) -> None:
        self._tool = tool
        self._schema = dict(schema)
        self._fits = surely_fits(self._schema)
        self._validator: Any = None
        if self._fits is None:
            self._validator = self._compiled()

    def problems(self, arguments: Mapping[str, Any]) -> str:
        """What is wrong, as one sentence that the model can act on; empty where nothing is.

        It names places and rules, never the values: they may be secret, long, or an injection.
        """
        if self._fits is not None and self._fits(arguments):
            return ""
        if self._validator is None:
            self._validator = self._compiled()
        found = sorted(self._validator.iter_errors(dict(arguments)), key=lambda error: error.json_path)
        return "; ".join(_describe(error) for error in found[:MAX_PROBLEMS])

    def _compiled(self) -> Any:
        # jsonschema takes 80 ms to import; the usual schemas need it for what does not fit them alone.
        import jsonschema
        import referencing

        _refuse_remote(self._tool, self._schema)
        validator = jsonschema.validators.validator_for(self._schema, default=jsonschema.Draft202012Validator)
        try:
            validator.check_schema(self._schema)
        except jsonschema.SchemaError as error:
            raise CallerError(
                f"the parameters of tool {self._tool!r} are no JSON Schema ({error.json_path}); correct them",
                code="schema_invalid",
            ) from error
        # Without a closed registry a remote `$ref` would be fetched (facts, serving: Schemas).
        return validator(self._schema, registry=referencing.Registry())


@lru_cache(maxsize=64)
def compiled_once(tool: str, schema: str) -> CompiledSchema:
    """The parameters of `tool`, as JSON; the same ones are compiled once, because that takes milliseconds."""
    return CompiledSchema(tool, json.loads(schema))


def _describe(error: Any) -> str:
    place = "/" + "/".join(str(part) for part in error.absolute_path)
    rule = error.validator
    if rule == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"{place}: required {', '.join(missing)} missing"
    if rule == "additionalProperties":
        known = ", ".join(error.schema.get("properties", {}))
        return f"{place}: only these properties are allowed: {known or 'none'}"
    if rule in (
        "type",
        "enum",
        "const",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "pattern",
        "maxItems",
    ):
        return f"{place}: must satisfy {rule} {error.validator_value!r}"
    return f"{place}: must satisfy {rule}"


def _refuse_remote(tool: str, schema: Any) -> None:
    """Refuse every reference that leaves the schema, wherever it stands."""
    todo = [schema]
    while todo:
        node = todo.pop()
        if isinstance(node, Mapping):
            for key in ("$ref", "$dynamicRef"):
                target = node.get(key)
                if isinstance(target, str) and not target.startswith("#"):
                    raise CallerError(
                        f"the parameters of tool {tool!r} refer to {target!r}; put it into `$defs` instead",
                        code="schema_remote_ref",
                    )
                if isinstance(target, str) and target.startswith("#/") and not _found(schema, target):
                    raise CallerError(
                        f"the parameters of tool {tool!r} refer to {target!r}, which is not there; add it",
                        code="schema_invalid",
                    )
            todo.extend(node.values())
        elif isinstance(node, (list, tuple)):
            todo.extend(node)


def _found(schema: Any, pointer: str) -> bool:
    node = schema
    for part in pointer[2:].split("/"):
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and name in node:
            node = node[name]
        elif isinstance(node, (list, tuple)) and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        else:
            return False
    return True
