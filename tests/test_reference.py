"""docs/reference.md says everything that is public: names, events, codes, settings, commands."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import typer

import limner
import limner.pages
import limner.testing
from limner.cli.app import app
from limner.cli.codes import ExitCode
from limner.clock import SystemClock
from limner.config.gateway import VARIABLES
from limner.config.load import load_config, load_gateway_config
from limner.config.providers import PROVIDERS
from limner.config.rules import ROWS, RULES
from limner.core import events
from limner.engine import progress
from limner.engine.defaults import default_image_tool
from limner.errors import CALL_CODES
from limner.models.failures import MODEL_FAILURES

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "limner"
PAGE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
SAID = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
"""Every word that stands in code on the page."""


@pytest.mark.parametrize("name", limner.__all__)
def test_a_public_name_is_there_is_explained_and_stands_in_the_reference(name: str) -> None:
    """CONVENTIONS, "Public API": importable, with a docstring, in the reference."""
    value = getattr(limner, name)
    assert inspect.getdoc(value)
    # A dataclass writes itself a docstring of its signature.
    assert not (inspect.getdoc(value) or "").startswith(f"{name}(")
    assert name in SAID


def test_an_unknown_name_is_an_attribute_error() -> None:
    """PEP 562: what the package does not have is missing as from any module."""
    assert not hasattr(limner, "Painters")


@pytest.mark.parametrize("name", limner.__all__)
def test_public_methods_are_explained(name: str) -> None:
    """CONVENTIONS, "Docstrings"."""
    value = getattr(limner, name)
    if not inspect.isclass(value):
        return
    for attribute, member in vars(value).items():
        if not attribute.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
            assert inspect.getdoc(member), f"{name}.{attribute} says nothing"


@pytest.mark.parametrize("name", ["Engine", "Conversation", "Reply", "ReplyStream"])
def test_what_people_call_stands_in_the_reference(name: str) -> None:
    """Every public member of the four classes that a program has in its hands."""
    members = {member for member in vars(getattr(limner, name)) if not member.startswith("_")}
    assert members
    assert members - SAID == set()


def test_every_error_code_stands_in_the_reference() -> None:
    """CONVENTIONS, "Errors": codes are for programs, so a program's author can look them up."""
    raised = {
        keyword.value.value
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "code"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    }
    assert len(raised) > 20
    assert (raised | set(CALL_CODES) | set(MODEL_FAILURES)) - SAID == set()


@pytest.mark.parametrize("code", CALL_CODES)
def test_the_reference_tells_what_the_model_reads(code: str) -> None:
    """The table of codes is the one in the program."""
    row = CALL_CODES[code]
    assert f"| `{code}` | {row.sentence} | {'yes' if row.retryable else 'no'} |" in PAGE


def test_every_stream_event_stands_in_the_reference_with_its_type() -> None:
    """The engine: the events of a stream."""
    for event in typing.get_args(progress.StreamEvent):
        assert f"| `{event.__name__}` | `{event.type}` |" in PAGE


def test_every_fact_stands_in_the_house() -> None:
    """A page for somebody new names all facts there are."""
    house = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    for event in typing.get_args(events.Event):
        assert f"`{event.__name__}`" in house


def test_every_setting_stands_in_the_reference() -> None:
    """Real providers: tables, keys and variables."""
    section = PAGE[PAGE.index("\n## Configuration") : PAGE.index("\n## The command line")]
    variables = {"LIMNER_CONFIG", "LIMNER_DEBUG"}
    variables |= {
        f"LIMNER_{table}_{key}".upper()
        for table in ("chat", "image")
        for key in ("model", "base_url", "api_key")
    }
    variables |= {f"LIMNER_GATEWAY_{key}".upper() for key in VARIABLES}
    variables |= {name for row in PROVIDERS for name in (row.key_variable, row.url_variable) if name}
    keys = {key for table in (*RULES.values(), *ROWS.values()) for key in table}
    assert {each for each in variables | keys if f"`{each}`" not in section} == set()
    assert {table for table in RULES if f"`[{table}]`" not in section} == set()


def test_defaults_in_the_reference_are_the_programs() -> None:
    """A number on the page is a number in the code."""
    config = load_config(environ={})
    assert f"`timeout_s` | seconds for one picture | `{config.image.timeout_s:g}` |" in PAGE
    assert f"`concurrency` | pictures under way at once | `{config.image.concurrency}` |" in PAGE
    numbers = [config.limits.rounds, config.limits.calls, config.limits.images, f"{config.limits.seconds:g}"]
    assert f"as in `Limits` | {', '.join(f'`{number}`' for number in numbers)}, no limit |" in PAGE


SIGNATURES = [
    found.groups()
    for cell in re.findall(r"^\| (`.*?) \|", PAGE, re.M)
    for found in re.finditer(r"`(?:await )?([A-Za-z_.]+)\(([^`]*)\)`", cell)
]


@pytest.mark.parametrize(("name", "arguments"), SIGNATURES, ids=[name for name, _ in SIGNATURES])
def test_a_signature_in_the_reference_is_the_programs(name: str, arguments: str) -> None:
    """What stands on the page can be typed as it stands; `…` at the end leaves rarer arguments out."""
    parameters = dict(inspect.signature(_find(name)).parameters)
    parameters.pop("self", None)
    shown, cut = re.subn(r", …$", "", arguments)
    function = ast.parse(f"def shown({shown.replace('=…', '=...')}): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    written = function.args
    names = [each.arg for each in (*written.args, *written.kwonlyargs)]
    assert names == [each for each in parameters if each in names]
    assert cut or names == list(parameters)
    first = len(written.args) - len(written.defaults)
    given = dict(zip(names[first:], [*written.defaults, *written.kw_defaults], strict=True))
    for each in names:
        default, said = parameters[each].default, given.get(each)
        assert (said is None) == (default is inspect.Parameter.empty), each
        if said is not None and not (isinstance(said, ast.Constant) and said.value is ...):
            assert ast.unparse(said) == ("os.environ" if default is os.environ else repr(default)), each


def test_the_reference_has_signatures() -> None:
    """The pattern above finds them."""
    assert len(SIGNATURES) >= 25


def _find(name: str) -> Callable[..., object]:
    first, *rest = name.removeprefix("limner.").split(".")
    found: Any = getattr(limner, first, None) or getattr(limner.testing, first)
    for word in rest:
        found = getattr(found, word)
    assert callable(found)
    return cast("Callable[..., object]", found)


def test_every_option_and_exit_code_stands_in_the_reference() -> None:
    """The command line: options and exit codes."""
    section = PAGE[PAGE.index("\n## The command line") : PAGE.index("\n## Logs")]
    assert all(f"| `{code.value}` |" in section for code in ExitCode)
    described = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", section))
    assert described == {option for options in _commands().values() for option in options}


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda page: page.name)
def test_a_configuration_of_the_pages_can_be_loaded(page: Path, tmp_path: Path) -> None:
    """What a page shows as a file can be copied, but for its keys."""
    for block in re.findall(r"^```toml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
        file = tmp_path / "config.toml"
        file.write_text(block.replace("…", "x"), encoding="utf-8")
        config = load_config(file, environ={})
        assert config != load_config(environ={})
        default_image_tool(config, SystemClock())
        if "[gateway]" in block:
            (tmp_path / "chat.key").write_text("x", encoding="utf-8")
            load_gateway_config(file, environ={"HOME": "/home/ann", "OPENAI_API_KEY": "x"})


def test_every_command_of_the_pages_exists() -> None:
    """What a page tells somebody to type works as it stands: targets, commands, options."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    commands = _commands()
    typed = 0
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.M)) <= targets, page.name
        for command, rest in re.findall(
            r"(?:^|`|/)limner (ask|image|models|resume|serve)\b([^`\n]*)", text, re.M
        ):
            options = {word for word in shlex.split(rest) if word.startswith("-") and word != "-"}
            assert options <= commands[command], page.name
            typed += bool(rest.strip())
    assert typed >= 4


def _commands() -> dict[str, set[str]]:
    group: Any = typer.main.get_command(app)
    return {
        name: {option for parameter in command.params for option in parameter.opts if option.startswith("-")}
        for name, command in group.commands.items()
    }
