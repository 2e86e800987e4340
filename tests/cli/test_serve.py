"""`limner serve`: what it would do, what it is not started with, and keys for it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from dataclasses import replace
from typing import Any

import pytest

from commands import Running, Shell
from limner.cli.main import main
from limner.config.load import load_gateway_config

SHA = hashlib.sha256(b"lim_alice").hexdigest()
needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None, reason="curl is not installed; install it with the packages of your system"
)
KEYS = f'[[gateway.keys]]\nname = "alice"\nsha256 = "{SHA}"\n'


@pytest.fixture
def alone(offline_shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The shell's folder and empty environment as this process's own: a process costs half a second."""
    for name in list(os.environ):
        if name.startswith(("LIMNER_", "OPENAI_", "OPENROUTER_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", offline_shell.environment["HOME"])
    monkeypatch.chdir(offline_shell.folder)
    return offline_shell


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def written(shell: Shell, text: str) -> str:
    (shell.folder / "limner.toml").write_text(text, encoding="utf-8")
    return "limner.toml"


def told(shell: Shell, text: str, *arguments: str) -> dict[str, str]:
    """What --check says, by label, with its warnings."""
    done = shell.run("serve", "--check", "--config", written(shell, text), *arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("ok: limner serve would start; nothing was sent\n")
    found: dict[str, str] = {}
    label = ""
    for line in done.out.splitlines():
        if re.match("(warning|note|ok): ", line):
            kind, _, words = line.partition(": ")
            found[kind] = found.get(kind, "") + words + "\n"
        else:
            label = line[:13].strip() or label
            found[label] = (found.get(label, "") + "\n" + line[13:]).strip()
    return found


def test_a_check_says_what_would_happen(offline_shell: Shell) -> None:
    """`limner serve --check` validates the configuration and says what would happen."""
    text = f"""
    [chat]
    base_url = "https://words.example:8443/deep/v1"
    api_key = "secret-7"
    [image]
    base_url = "https://pictures.example/v1"
    api_key = "secret-8"
    model = "colours"
    price_usd = 0.05
    [gateway]
    public_url = "https://limner.example"
    port = {free_port()}
    state = "kept"
    models = ["openai/*"]
    illustrated = ["openai/small"]
    promise_after_s = 2
    metrics = true
    {KEYS}
    usd = 3
    requests_per_minute = 60
    concurrency = 4
    [[gateway.upstreams]]
    prefix = "local/"
    base_url = "http://127.0.0.1:11434/v1"
    api = "responses"
    """
    found = told(offline_shell, text)

    assert found["clients use"].startswith("https://limner.example/v1 (OpenAI)")
    assert found["chat models"].splitlines() == [
        "openai/*",
        "local/… at http://127.0.0.1:11434, without a key, by the Responses API (asked for without the prefix)",
        "all others at https://words.example:8443, with a key",
    ]
    assert "openai/small" in found["image tool"]
    assert found["image model"].startswith("colours at https://pictures.example, at most $0.0500 a picture")
    assert found["keys"] == "alice: $3.00 for pictures a day, 60 requests a minute, 4 at once"
    assert found["words first"] == "after 2 s (promise_after_s)"
    assert found["metrics"] == "at /metrics"
    assert found["state"].startswith(str(offline_shell.folder / "kept"))
    assert "https://limner.example" in found["links"]
    assert "warning" not in found
    assert not (offline_shell.folder / "kept").exists(), "nothing is written"
    assert not any("secret" in words or SHA in words or "/deep" in words for words in found.values())


def test_a_check_says_that_all_is_offline(offline_shell: Shell) -> None:
    """It never falls back to offline silently."""
    found = told(offline_shell, "[gateway]\n", "--offline", "--port", str(free_port()))
    assert found["chat models"] == "any name: all answered by the offline model, and each answer says so"
    assert found["image model"].startswith("the offline painter, for nothing")
    assert found["keys"] == "none: every program that reaches 127.0.0.1 may use the service"
    home = offline_shell.environment["HOME"]
    assert found["state"].startswith(f"{home}/.local/state/limner/offline")
    assert "warning" not in found


def test_one_endpoint_is_that_of_all_models(offline_shell: Shell) -> None:
    """There are no others than those that are said."""
    found = told(offline_shell, PRICED, "--port", str(free_port()))
    assert found["chat models"].splitlines() == ["any name", "all at http://127.0.0.1:9, without a key"]


CONNECTED = """
[chat]
base_url = "http://127.0.0.1:9/v1"
[image]
model = "colours"
api_key = "secret-7"
base_url = "https://pictures.example/v1"
"""
PRICED = CONNECTED + "price_usd = 0.05\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PRICED + '[gateway]\npublic_url = "http://limner.example"\n' + KEYS, ["not encrypted", "`public_url`"]),
        (PRICED + '[gateway]\nhost = "192.168.1.5"\n' + KEYS, ["http://192.168.1.5:8000 is not encrypted"]),
        (PRICED + '[gateway]\npublic_url = "https://limner.example"\n', ["no keys are configured"]),
        (PRICED + KEYS, ["nothing limits the money for pictures of alice", "`usd` in [[gateway.keys]]"]),
        (PRICED, ["nothing limits the money", "`process_usd` in [limits]"]),
        (PRICED + "partial_images = 2\n", ["`partial_images` in [image] is for programs"]),
        (CONNECTED + KEYS + "usd = 1\n", ["no picture is bought", "`price_usd` in [image]"]),
        (PRICED + KEYS + "usd = 0.01\n", ["costs up to $0.0500", "$0.0100"]),
        (
            PRICED + '[gateway]\npromise_after_s = 1\nurls = "data"\n',
            ["cannot be promised", '`urls = "links"`'],
        ),
        (
            PRICED + '[[gateway.upstreams]]\nprefix = "a/"\nbase_url = "http://far.example/v1"\napi_key = "secret-8"',
            ["the key for http://far.example is sent there without encryption"],
        ),
        (
            PRICED + '[storage]\nlink_base_url = "https://else.example"\nlink_keys = ["' + "secret-9" * 4 + '"]\n',
            ["links begin with https://else.example", "`link_base_url`"],
        ),
    ],
)  # fmt: skip
def test_what_is_allowed_and_seldom_meant_is_warned_of(
    alone: Shell, capfd: pytest.CaptureFixture[str], text: str, words: list[str]
) -> None:
    """--check: warnings such as an http public_url with keys, and no budget; each says what to do."""
    assert main(["serve", "--check", "--config", written(alone, text)]) == 0
    said = capfd.readouterr().out
    warnings = [line for line in said.splitlines() if line.startswith("warning: ")]
    assert any(all(word in line for word in words) for line in warnings), warnings
    assert "secret" not in said


def test_a_port_that_is_taken_is_warned_of(offline_shell: Shell) -> None:
    """A check beside a running service is right, and so is one before its first start."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = told(offline_shell, "[gateway]\n", "--offline", "--port", str(port))
    assert f"something listens on http://127.0.0.1:{port} already" in found["warning"]


@pytest.mark.parametrize("check", [["--check"], []])
@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ("", [], ["OPENAI_API_KEY", "--offline"]),
        ("", ["--offline", "--host", "0.0.0.0"], ["[[gateway.keys]]", "--new-key"]),
        ("", ["--offline", "--host", "[::1]"], ["--host must be an address"]),
        ("[gateway]\nprot = 1\n", ["--offline"], ["'prot'", "did you mean 'port'"]),
        (
            CONNECTED.replace("9/v1", "9/v1/chat/completions/"),
            [],
            ["'base_url' in [chat]", 'without "/chat/completions"'],
        ),
        ("[gateway]\nstate = '/dev/null/state'\n", ["--offline"], ["/dev/null", "`state` in [gateway]"]),
        (CONNECTED.replace("colours", "gpt-image-2") + "quality = 'secret'\n", [], ["'quality' in [image]"]),
        (
            CONNECTED + "[storage]\nlink_base_url = 'https://l.example'\nlink_keys = ['short']\n",
            [],
            ["can be guessed"],
        ),
    ],
)
def test_what_cannot_be_served_is_said_before_anything_is_served(
    alone: Shell,
    capfd: pytest.CaptureFixture[str],
    text: str,
    arguments: list[str],
    words: list[str],
    check: list[str],
) -> None:
    """Exit code 2, one sentence that says what to do, and nothing on standard output."""
    assert main(["serve", "--config", written(alone, text), *arguments, *check]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_a_new_key_is_printed_once_with_the_lines_to_paste(offline_shell: Shell) -> None:
    """`limner serve --new-key NAME >> config.toml`: the key is shown beside, and only its hash is kept."""
    done = offline_shell.run("serve", "--new-key", "alice")
    assert done.code == 0
    (key,) = re.findall(r"lim_[A-Za-z0-9_-]{43}", done.err)
    assert key not in done.out
    path = offline_shell.folder / "limner.toml"
    path.write_text(done.out, encoding="utf-8")
    (found,) = load_gateway_config(path, environ={"HOME": "/home/ann"}, offline=True).gateway.keys
    assert (found.name, found.sha256) == ("alice", hashlib.sha256(key.encode()).hexdigest())
    again = offline_shell.run("serve", "--new-key", "alice")
    assert key not in again.err
    assert tomllib.loads(again.out) != tomllib.loads(done.out)


def test_a_key_needs_a_name_that_can_stand_in_a_log(offline_shell: Shell) -> None:
    """Names become owners of pictures and words in every line of the log."""
    done = offline_shell.run("serve", "--new-key", "a b")
    assert done.code == 2
    assert "--new-key must be a name" in done.err


def test_a_missing_extra_is_named(offline_shell: Shell) -> None:
    """Extra `gateway`: a person reads what to install, not where an import failed."""
    blocked = offline_shell.folder / "blocked"
    blocked.mkdir()
    # As where the packages were never installed: what looks into folders does not see them.
    (blocked / "sitecustomize.py").write_text(
        "import sys\n"
        "from importlib.machinery import PathFinder\n"
        "class Without(PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        known = name not in ('starlette', 'uvicorn')\n"
        "        return PathFinder.find_spec(name, path, target) if known else None\n"
        "sys.meta_path[sys.meta_path.index(PathFinder)] = Without\n",
        encoding="utf-8",
    )
    for arguments in (["--offline"], ["--offline", "--check"]):
        done = offline_shell.run("serve", *arguments, PYTHONPATH=str(blocked))
        assert done.code == 2
        assert "pip install 'limner[gateway]'" in done.err


def test_help_does_not_load_the_service(offline_shell: Shell) -> None:
    """`limner --help` must stay fast: what a command needs is imported when it is used."""
    program = (
        "import sys; from limner.cli.main import main; main(['serve', '--help']); "
        "print(*sorted({name.split('.')[0] for name in sys.modules} & "
        "{'starlette', 'uvicorn', 'msgspec', 'openai', 'PIL', 'httptools'}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=offline_shell.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "--new-key" in done.stdout
    assert done.stderr == "\n"


def greeting(running: Running) -> list[str]:
    """What is said once it listens; its last line is something to try."""
    lines: list[str] = []
    while not lines or not lines[-1].startswith("  curl "):
        line = running.out.readline().decode("utf-8")
        assert line, "".join(running.err)
        lines.append(line.rstrip("\n"))
    return lines


def tried(line: str, **environment: str) -> dict[str, Any]:
    """The answer to the line that was printed, as a shell runs it."""
    done = subprocess.run(
        ["sh", "-c", f"{line} --silent --show-error"],
        env={"PATH": os.environ.get("PATH", os.defpath)} | environment,
        capture_output=True,
        timeout=30,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@needs_curl
def test_the_service_says_what_to_try_and_ends_when_it_is_told(offline_shell: Shell) -> None:
    """Start-up prints where it listens and what to give a client; SIGTERM ends it with 0."""
    with offline_shell.start("serve", "--offline", "--port", "0") as running:
        lines = greeting(running)
        found = re.match(r"Limner listens on (http://127\.0\.0\.1:[1-9]\d*)\.", lines[0])
        assert found
        assert lines[1:3] == [
            f"  OpenAI      base_url = {found[1]}/v1",
            f"  OpenRouter  base_url = {found[1]}/api/v1",
        ]
        answer = tried(lines[-1])
        running.process.send_signal(signal.SIGTERM)
        done = running.end()
    assert answer["limner"]["offline"] is True
    assert f"]({found[1]}/images/" in answer["choices"][0]["message"]["content"]
    assert done.code == 0
    assert all(json.loads(line)["event"] for line in done.err.splitlines()), "one JSON object on each line"


@needs_curl
def test_the_log_is_json_also_where_providers_words_are_asked_for(offline_shell: Shell) -> None:
    """LIMNER_DEBUG: more lines, each of them once and one JSON object."""
    text = f'[chat]\nbase_url = "http://127.0.0.1:{free_port()}/v1"\n[image]\nmodel = "offline"\n'
    arguments = ["serve", "--port", "0", "--config", written(offline_shell, text)]
    shell = replace(offline_shell, environment=offline_shell.environment | {"LIMNER_DEBUG": "1"})
    with shell.start(*arguments) as running:
        line = greeting(running)[-1].replace("MODEL", "x")
        assert tried(line)["error"]["code"] == "upstream_unreachable"
        running.process.send_signal(signal.SIGTERM)
        done = running.end()
    events = [json.loads(line)["event"] for line in done.err.splitlines()]
    assert events.count("request.ended") == 1


@needs_curl
def test_with_keys_the_line_to_try_needs_one(offline_shell: Shell) -> None:
    """The key itself is nowhere printed: the line takes it from a variable."""
    arguments = ["serve", "--offline", "--port", "0", "--config", written(offline_shell, KEYS)]
    with offline_shell.start(*arguments) as running:
        lines = greeting(running)
        assert "with a key of alice. Try:" in lines
        assert tried(lines[-1], LIMNER_KEY="lim_wrong")["error"]["code"] == "invalid_api_key"
        assert tried(lines[-1], LIMNER_KEY="lim_alice")["object"] == "chat.completion"


def test_an_address_that_is_taken_ends_with_a_sentence(offline_shell: Shell) -> None:
    """P17: port in use: exit is not 0, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = offline_shell.run("serve", "--offline", "--port", port)
    assert done.code == 2
    assert "something listens on" in done.out, "the warning of the check"
    assert f"cannot listen at 127.0.0.1 port {port}" in done.err
