"""The library's imports, read from its source: also those inside functions and for types alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "limner"


@dataclass(frozen=True)
class Import:
    """One module that another one names."""

    source: str
    target: str
    """Dotted: "core.machine" inside the library, the name as written outside it."""
    inside: bool
    line: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def room(module: str) -> str:
    """The first word: "core" of "core.machine"; "" of the package itself."""
    return module.split(".", 1)[0]


@cache
def modules() -> dict[str, Path]:
    """Every module of the library by its name below `limner`; a package goes by its folder's."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


@cache
def imports() -> tuple[Import, ...]:
    """Every import of the library, also those inside functions and those for the type checker."""
    return tuple(found for module in modules() for found in _imports_of(module))


def _imports_of(module: str) -> Iterator[Import]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(module, node)
            dotted = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in dotted:
            inside = name.split(".", 1)[0] == "limner"
            target = _module_of(name) if inside else name
            yield Import(module, target, inside, node.lineno)


def _origin(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of what a `from` statement reads."""
    if not node.level:
        return node.module or ""
    package = ["limner", *filter(None, module.split("."))]
    up = node.level - (modules()[module].name == "__init__.py")
    return ".".join([*package[: len(package) - up], *filter(None, [node.module])])


def _module_of(name: str) -> str:
    """The longest beginning of "limner.core.machine.apply" that is a module, without "limner."."""
    parts = name.split(".")[1:]
    while parts and ".".join(parts) not in modules():
        parts.pop()
    return ".".join(parts)


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Every group of modules that reach each other (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        path.append(module)
        for target in sorted(edges.get(module, ())):
            if target not in order:
                visit(target)
                low[module] = min(low[module], low[target])
            elif target in path:
                low[module] = min(low[module], order[target])
        if low[module] == order[module]:
            at = path.index(module)
            group = path[at:]
            del path[at:]
            if len(group) > 1 or module in edges.get(module, ()):
                found.append(sorted(group))

    for module in sorted(edges):
        if module not in order:
            visit(module)
    return found
