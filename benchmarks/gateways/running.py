"""The gateways, each a process of its own that is started as its documentation says, with one worker."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import cpu_s, rss_bytes
from benchmarks.processes import ROOT
from benchmarks.upstream import Behaviour

__all__ = ["LITELLM", "Target", "direct", "limner", "litellm_proxy"]

LIMNER = str(Path(sys.executable).with_name("limner"))
LITELLM = ROOT / ".bench" / "litellm-proxy" / "bin" / "litellm"
_KEY = "lim_benchmark"
_MASTER_KEY = "sk-benchmark"
_MODEL = "gpt-4o"
_START_S = 90.0
_STOP_S = 10.0

Upstreams = Mapping[str, tuple[Behaviour, str]]
"""By the name that clients ask for: how the provider behaves, and which API it speaks ("chat" or "responses")."""


@dataclass(frozen=True, eq=False)
class Target:
    """Who is asked."""

    name: str
    port: int
    key: str = "none"
    pid: int | None = None
    """None: nobody stands between."""
    prefixes: Mapping[str, str] | None = None
    """Where each name leads, if the path has to say it."""

    def request(self, name: str, path: str, body: Mapping[str, Any], head: bytes = b"") -> bytes:
        """As it goes over the wire; `path` below `/v1`."""
        prefix = f"/{self.prefixes[name]}" if self.prefixes else ""
        data = json.dumps({"model": _MODEL if self.prefixes else name, **body}).encode()
        return (
            b"POST %s/v1%s HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"authorization: Bearer %s\r\n%scontent-length: %d\r\n\r\n%s"
            % (prefix.encode(), path.encode(), self.key.encode(), head, len(data), data)
        )

    @property
    def cpu_s(self) -> float:
        """CPU seconds so far."""
        return cpu_s(self.pid) if self.pid else 0.0

    @property
    def rss_bytes(self) -> int:
        """Memory that it holds, its workers included."""
        return rss_bytes(self.pid) if self.pid else 0

    @property
    def own_bytes(self) -> int:
        """The same without its workers, which may begin meanwhile."""
        return rss_bytes(self.pid, children=False) if self.pid else 0

    def send(self, number: signal.Signals) -> None:
        assert self.pid is not None
        os.kill(self.pid, number)

    def rest(self, most_s: float = 15.0) -> None:
        """Wait until it does nothing, or for `most_s`."""
        until = time.monotonic() + most_s
        before = self.cpu_s
        while time.monotonic() < until:
            time.sleep(0.5)
            if self.cpu_s - before < 0.01:
                return
            before = self.cpu_s


def direct(upstream_port: int, upstreams: Upstreams) -> Target:
    """The provider itself."""
    prefixes = {name: behaviour.prefix for name, (behaviour, _) in upstreams.items()}
    return Target("direct", upstream_port, prefixes=prefixes)


@contextmanager
def limner(
    upstream_port: int,
    upstreams: Upstreams,
    folder: Path,
    *,
    picture_s: float = 0.0,
    concurrency: int = 5000,
    program: tuple[str, ...] | None = None,
) -> Iterator[Target]:
    """`limner serve` with a key; `program`: run in another way, as arguments of Python."""
    lines = [
        "[image]",
        'model = "gpt-image-1"',
        'api_key = "sk-provider"',
        f'base_url = "{_url(upstream_port, Behaviour(picture_s=picture_s))}"',
        "[gateway]",
        "port = 0",
        f"concurrency = {concurrency}",
        f"state = {json.dumps(str(folder / 'state'))}",
        "[[gateway.keys]]",
        'name = "benchmark"',
        f'sha256 = "{hashlib.sha256(_KEY.encode()).hexdigest()}"',
    ]
    for name, (behaviour, api) in upstreams.items():
        lines += [
            "[[gateway.upstreams]]",
            f'prefix = "{name}"',
            "strip_prefix = false",
            f'base_url = "{_url(upstream_port, behaviour)}"',
            'api_key = "sk-provider"',
            f'api = "{api}"',
        ]
    file = folder / "limner.toml"
    file.write_text("\n".join(lines) + "\n")
    command = [sys.executable, *(program or (LIMNER,)), "serve", "--config", str(file)]
    with _process(command, folder, {}) as process:
        assert process.stdout is not None
        said = process.stdout.readline().decode()
        while said and "listens on" not in said:
            said = process.stdout.readline().decode()
        if not said:
            raise RuntimeError(f"limner serve did not start: {_log(folder)}")
        port = int(said.partition("http://127.0.0.1:")[2].partition(".")[0])
        yield Target("limner", port, _KEY, process.pid)


@contextmanager
def litellm_proxy(upstream_port: int, upstreams: Upstreams, folder: Path) -> Iterator[Target]:
    """LiteLLM's proxy with a master key and without a database, as its page on production has it."""
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/{_MODEL}",
                "api_base": _url(upstream_port, behaviour),
                "api_key": "sk-provider",
            },
        }
        for name, (behaviour, _) in upstreams.items()
    ]
    config = {
        "model_list": models,
        "litellm_settings": {"telemetry": False, "set_verbose": False, "request_timeout": 600},
        "general_settings": {"master_key": _MASTER_KEY},
    }
    file = folder / "config.yaml"
    file.write_text(json.dumps(config))  # which is YAML, too
    port = _free_port()
    command = [str(LITELLM), "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
    quiet = {
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "HOME": str(folder),
    }
    with _process([*command, "--num_workers", "1"], folder, quiet) as process:
        until = time.monotonic() + _START_S
        while not _alive(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"LiteLLM's proxy did not start: {_log(folder)}")
            time.sleep(0.2)
        yield Target("litellm_proxy", port, _MASTER_KEY, process.pid)


def _url(upstream_port: int, behaviour: Behaviour) -> str:
    return f"http://127.0.0.1:{upstream_port}/{behaviour.prefix}/v1"


@contextmanager
def _process(command: list[str], folder: Path, more: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Its standard output is a pipe where its command is ours, and else a file like the rest."""
    kept = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    with (folder / "log").open("wb") as log:
        piped = subprocess.PIPE if command[0] == sys.executable else log
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=piped, stderr=log, env={**environment, **more}, cwd=ROOT
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _log(folder: Path) -> str:
    return (folder / "log").read_text(errors="replace")[-800:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _alive(port: int) -> bool:
    request = b"GET /health/liveliness HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request)
        return connection.recv(64).startswith(b"HTTP/1.1 200")
    return False
