"""The house: which room may import which, and that there is one loop in it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping

from imports import circles, imports, modules, room, tree

ROOMS: Mapping[str, frozenset[str]] = {
    # The staircase, from the ground up: a room may import only what its row names.
    "errors": frozenset(),
    "beside": frozenset(),
    "clock": frozenset(),
    "logs": frozenset(),
    "tomlfile": frozenset({"errors"}),
    "core": frozenset({"errors"}),
    "reply": frozenset({"core", "errors"}),
    "wire": frozenset({"core", "errors"}),
    "transport": frozenset({"clock", "errors", "logs", "wire"}),
    "models": frozenset({"clock", "core", "errors", "logs", "transport", "wire"}),
    "images": frozenset({"beside", "clock", "core", "errors", "logs", "tomlfile", "transport", "wire"}),
    # Bytes are inspected before they are kept, and a reply's pictures are kept as named files.
    "storage": frozenset({"beside", "clock", "core", "errors", "images", "logs", "reply", "transport"}),
    "tools": frozenset({"core", "errors", "images"}),
    "spending": frozenset({"core", "errors", "logs"}),
    "config": frozenset({"core", "errors", "tomlfile"}),
    "engine": frozenset(
        {
            "clock",
            "config",
            "core",
            "errors",
            "images",
            "logs",
            "models",
            "reply",
            "spending",
            "storage",
            "tools",
        }
    ),
    "pages": frozenset({"core", "errors", "reply", "storage"}),
    "gateway": frozenset(
        {
            "beside",
            "clock",
            "config",
            "core",
            "engine",
            "errors",
            "images",
            "logs",
            "models",
            "reply",
            "spending",
            "storage",
            "tools",
            "transport",
            "wire",
        }
    ),
    "cli": frozenset(
        {
            "clock",
            "config",
            "core",
            "engine",
            "errors",
            "gateway",
            "images",
            "logs",
            "pages",
            "reply",
            "spending",
            "storage",
            "tools",
        }
    ),
    "testing": frozenset({"core", "errors", "images", "models"}),
}

LIBRARIES: Mapping[str, frozenset[str]] = {
    # What is not Python's own stays in the rooms that need it: each can be exchanged in one place.
    "beside": frozenset({"anyio"}),
    "clock": frozenset({"anyio"}),
    "logs": frozenset({"structlog"}),
    "transport": frozenset({"aiohttp", "anyio", "httpx2", "openai", "trio"}),
    "models": frozenset({"anyio"}),
    "images": frozenset({"PIL", "anyio", "h11", "httpx2", "idna", "resvg_py"}),
    "storage": frozenset({"anyio", "obstore"}),
    "tools": frozenset({"jsonschema", "referencing"}),
    "spending": frozenset({"anyio", "genai_prices"}),
    "engine": frozenset({"anyio"}),
    "pages": frozenset({"anyio", "markdown_it", "nh3"}),
    "gateway": frozenset(
        {"PIL", "anyio", "httptools", "msgspec", "python_multipart", "starlette", "uvicorn", "uvloop"}
    ),
    "cli": frozenset({"anyio", "rich", "typer"}),
    "testing": frozenset({"anyio"}),
}

GIVEN_TO_WAIT_FOR: Mapping[str, str] = {
    "reply.reply": "a reply reads its pictures' bytes with the function that the engine gave it",
}
"""Modules of pure rooms that wait for what they were given, and for nothing of their own."""

ABOVE_ALL = ("cli", "gateway")
"""Rooms that may ask the package itself, which knows the version; for the others it lies above."""

PURE = ("core", "reply", "wire")
PURE_LIBRARY = frozenset(
    {
        "__future__",
        "abc",
        "base64",
        "binascii",
        "bisect",
        "collections",
        "copy",
        "dataclasses",
        "enum",
        "functools",
        "html",
        "io.BytesIO",
        "itertools",
        "json",
        "math",
        "operator",
        "re",
        "string",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
        "urllib.parse",
    }
)
"""Of the standard library: what can neither wait, nor read a clock, a file or a socket, nor throw dice."""


def _edges() -> dict[str, set[str]]:
    edges: dict[str, set[str]] = {module: set() for module in modules() if module}
    for each in imports():
        if not each.inside or not each.source:
            continue
        # Importing a module runs the packages above it first, except those that are running already.
        parts = each.target.split(".")
        for end in range(1, len(parts) + 1):
            target = ".".join(parts[:end])
            above = f"{each.source}.".startswith(f"{target}.") and target != each.target
            if target and not above:
                edges[each.source].add(target)
    return edges


def test_every_room_has_a_row_and_every_row_has_a_room() -> None:
    """CONTRIBUTING, "The house": a new room begins with its row."""
    assert {room(module) for module in modules() if module} == set(ROOMS)


def test_the_table_is_a_staircase() -> None:
    """DESIGN, "The house": data flows down one staircase; a row names only rows above it."""
    above: set[str] = set()
    for name, allowed in ROOMS.items():
        assert allowed <= above, f"{name} reaches up to {sorted(allowed - above)}"
        above.add(name)


def test_no_room_imports_what_its_row_does_not_name() -> None:
    """DESIGN, "The house": nothing imports upwards, whether at run time or for types."""
    wrong = [
        str(each)
        for each in imports()
        if each.inside and each.source and room(each.target) not in _reach(room(each.source))
    ]
    assert wrong == []


def _reach(name: str) -> set[str]:
    return {name, *ROOMS[name], *([""] if name in ABOVE_ALL else [])}


def test_each_library_stays_in_its_rooms() -> None:
    """DESIGN, "What stands on whose shoulders": a library that is named in one room can be exchanged."""
    wrong = [
        str(each)
        for each in imports()
        if not each.inside
        and each.target.split(".")[0] not in sys.stdlib_module_names
        and each.target.split(".")[0] not in LIBRARIES.get(room(each.source), ())
    ]
    assert wrong == []


def test_pure_rooms_import_nothing_that_touches_the_world() -> None:
    """DESIGN, "The house": pure means no I/O, no clock, no randomness, no logging."""
    wrong = [
        str(each)
        for each in imports()
        if room(each.source) in PURE
        and not each.inside
        and each.target.split(".")[0] not in PURE_LIBRARY
        and ".".join(each.target.split(".")[:2]) not in PURE_LIBRARY
    ]
    assert wrong == []


def test_pure_rooms_call_no_builtin_that_touches_the_world() -> None:
    """DESIGN, "The house": what needs no import can do I/O as well."""
    worldly = {"open", "print", "input", "exec", "eval", "breakpoint", "__import__"}
    called = [
        f"{module}:{node.lineno} calls {node.func.id}"
        for module in modules()
        if room(module) in PURE
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in worldly
    ]
    assert called == []


def test_pure_rooms_wait_for_nothing() -> None:
    """DESIGN, "The core in three signatures": only the loop awaits."""
    waiting = [
        f"{module}:{node.lineno}"
        for module in modules()
        if room(module) in PURE and module not in GIVEN_TO_WAIT_FOR
        for node in ast.walk(tree(module))
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]
    assert waiting == []


def test_no_room_is_empty() -> None:
    """The house: rooms are made when they are needed."""
    for name in ROOMS:
        written = [
            module
            for module in modules()
            if room(module) == name
            and any(
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                for node in tree(module).body
            )
        ]
        assert written or name == "logs", f"{name} holds nothing"


def test_no_modules_import_each_other() -> None:
    """No import cycle, neither in a function nor for types alone."""
    assert circles(_edges()) == []


def test_circles_are_found() -> None:
    """The finder itself: a circle of three, one of one, and none."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"a"}, "b": set()}) == [["a"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def _calls(node: ast.AST, names: set[str]) -> bool:
    return any(
        isinstance(each, ast.Call)
        and (getattr(each.func, "id", None) in names or getattr(each.func, "attr", None) in names)
        for each in ast.walk(node)
    )


def _loops_over_wishes(module: str) -> list[str]:
    """The functions that ask again and again what is pending, directly or through a function beside them."""
    if not any(each.source == module and each.target == "core.machine" for each in imports()):
        return []  # another `pending` than the machine's
    functions = [
        node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    asking = {"pending"} | {function.name for function in functions if _calls(function, {"pending"})}
    found = []
    for function in functions:
        for node in ast.walk(function):
            # What a `for` goes through is asked for once; what stands in its body, each time.
            again: list[ast.AST] = []
            if isinstance(node, ast.While):
                again = [node.test, *node.body]
            elif isinstance(node, ast.For | ast.AsyncFor):
                again = [*node.body]
            if any(_calls(each, asking) for each in again):
                found.append(f"{module}.{function.name}")
    return found


def test_there_is_one_loop() -> None:
    """DESIGN, "The core": whole, streamed, promised and resumed replies are one `drive`."""
    loops = [found for module in modules() for found in _loops_over_wishes(module)]
    assert loops == ["engine.drive.run_to_rest"]


def test_facts_are_folded_in_one_place() -> None:
    """Decision 0006: checked, recorded and folded under one lock, so nothing else folds."""
    folding = sorted(
        module
        for module in modules()
        if room(module) != "core"
        and any(isinstance(node, ast.Name) and node.id == "apply" for node in ast.walk(tree(module)))
    )
    assert folding == ["engine.run"]


HEAVY = (
    "aiohttp",
    "anyio",
    "asyncio",
    "httpx2",
    "jsonschema",
    "logging",
    "openai",
    "PIL",
    "socket",
    "sqlite3",
    "structlog",
)


def test_importing_the_package_imports_nothing_heavy() -> None:
    """The house: `import limner` does no work and opens nothing."""
    program = (
        "import sys, threading; before = set(sys.modules); import limner; "
        f"assert not set({HEAVY!r}) & set(sys.modules), sorted(set({HEAVY!r}) & set(sys.modules)); "
        "own = sorted(name for name in sys.modules if name.startswith('limner')); "
        "assert own == ['limner'], own; assert threading.active_count() == 1; "
        "assert len(limner.__all__) > 30 and set(limner.__all__) <= set(dir(limner))"
    )
    _run(program)


def test_the_engine_imports_no_client_before_one_is_needed() -> None:
    """The house: the base does not import `openai` until it is needed."""
    _run("import sys; from limner import Engine, SQLiteRecorder; assert 'openai' not in sys.modules")


def _run(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", program],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == ""
