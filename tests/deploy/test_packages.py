"""deploy/limner.service and deploy/Dockerfile: what they name exists, and they give away nothing."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from limner.cli.app import app
from limner.cli.codes import ExitCode
from limner.config.settings import GatewayConfig

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "deploy" / "limner.service").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def _options_of_serve() -> set[str]:
    group: Any = typer.main.get_command(app)
    return {option for parameter in group.commands["serve"].params for option in parameter.opts}


@pytest.mark.skipif(
    SYSTEMD_ANALYZE is None, reason="systemd-analyze is not installed; it comes with the systemd package"
)
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` refuses unknown settings and programs that are not there."""
    unit = tmp_path / "limner.service"
    unit.write_text(UNIT.replace("/opt/limner/bin/limner", sys.executable), encoding="utf-8")
    assert SYSTEMD_ANALYZE is not None
    done = subprocess.run(
        [SYSTEMD_ANALYZE, "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_calls_the_command_as_it_is() -> None:
    """What it says to the command can be said; a wrong configuration is not tried again for ever."""
    settings = re.findall(r"^(\w+)=(.*)$", UNIT, re.M)
    commands = [shlex.split(value) for name, value in settings if name.startswith("ExecStart")]
    assert [command[:2] for command in commands] == [["/opt/limner/bin/limner", "serve"]] * 2
    for command in commands:
        assert {word for word in command if word.startswith("--")} <= _options_of_serve()
    found = dict(settings)
    assert int(found["RestartPreventExitStatus"]) == ExitCode.USAGE
    # Requests end first, then what was ordered is received; each within `drain_s`.
    assert int(found["TimeoutStopSec"]) > 2 * GatewayConfig().drain_s
    assert found["DynamicUser"] == "yes"


def test_the_image_is_built_from_locked_libraries_and_runs_as_nobody() -> None:
    """S35: hash-locked dependencies; and nothing that breaks in is root."""
    steps = _instructions(DOCKERFILE)
    runs = [words for name, words in steps if name == "RUN"]
    fetching = [words for words in runs if "pip" in words and "--no-index" not in words]
    assert len(fetching) == 1
    assert "--require-hashes" in fetching[0]
    assert "requirements.lock" in fetching[0]
    assert "index-url" not in DOCKERFILE
    assert "extra-index" not in DOCKERFILE
    users = [words for name, words in steps if name == "USER"]
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", words) for words in users)


def test_the_image_is_built_from_what_is_there() -> None:
    """Every file that is copied exists and is let through, and every extra has a name that exists."""
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source
        for name, words in _instructions(DOCKERFILE)
        if name == "COPY" and not words.startswith("--from")
        for source in words.split()[:-1]
    }
    assert copied == let_through
    assert all((ROOT / source).exists() for source in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extras,) = re.findall(r"\$\{limner\}\[([\w,-]+)\]", DOCKERFILE)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    # What the package itself is built from.
    assert {project["readme"], "LICENSE", "pyproject.toml", "src"} <= copied


def test_the_image_serves_as_configured() -> None:
    """Its command exists, and its variables are ones that are read."""
    steps = _instructions(DOCKERFILE)
    assert ("ENTRYPOINT", '["limner"]') in steps
    assert ("CMD", '["serve"]') in steps
    variables = set(re.findall(r"LIMNER_GATEWAY_(\w+)=", DOCKERFILE))
    assert variables == {"HOST", "STATE"}
    assert ("EXPOSE", str(GatewayConfig().port)) in steps
    assert f"http://127.0.0.1:{GatewayConfig().port}/readyz" in DOCKERFILE
