"""The service as somebody runs it: `limner serve` in a process of its own, with a file, a key and a provider."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands import Running, Shell, bare_environment, painter
from providers import Provider
from tellers import MODELS, MODERATED, teller

__all__ = ["KEY", "Answered", "Service", "connected_service", "offline_service", "service"]

KEY = "lim_key_of_the_tests"
_GREETING = re.compile(r"Limner listens on (http://127\.0\.0\.1:\d+)\.")

_FILE = """
[chat]
base_url = "{base_url}"
api_key = "upstream-key"
[image]
base_url = "{base_url}"
api_key = "upstream-key"
model = "colours"
[gateway]
port = 0
state = "state"
models = [{models}]
{more}
[[gateway.keys]]
name = "tests"
sha256 = "{sha256}"
"""


@dataclass(frozen=True)
class Answered:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def chunks(self) -> list[Any]:
        """What a stream said, without its terminator, which must be there."""
        assert self.body.endswith(b"data: [DONE]\n\n"), self.body[-200:]
        frames = [frame for frame in self.body.decode("utf-8").split("\n\n") if frame.startswith("data: ")]
        return [json.loads(frame.removeprefix("data: ")) for frame in frames[:-1]]


@dataclass(frozen=True)
class Service:
    """A running service."""

    origin: str
    running: Running
    provider: Provider | None = field(default=None, repr=False)
    """What it is connected with; None: nothing, it is offline."""
    said: str = ""
    """On standard output, until it listened."""

    def post(self, path: str, body: Any, key: str = KEY) -> Answered:
        """Send JSON past all clients."""
        return self._ask(path, json.dumps(body).encode("utf-8"), key)

    def get(self, path: str, key: str = KEY) -> Answered:
        """Fetch; `path` may be a link as it stands in an answer."""
        return self._ask(path, None, key)

    def _ask(self, path: str, data: bytes | None, key: str) -> Answered:
        url = path if path.startswith("http") else self.origin + path
        headers = {"Authorization": f"Bearer {key}"} | ({"Content-Type": "application/json"} if data else {})
        request = urllib.request.Request(url, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answered(
                    answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
                )
        except urllib.error.HTTPError as error:
            with error:
                return Answered(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


@contextlib.contextmanager
def connected_service(folder: Path, more: str = "") -> Iterator[Service]:
    """A service whose chat models are those of `tellers`, and whose picture maker paints and sometimes refuses.

    `more`: further lines of [gateway] in its file.
    """
    with Provider() as provider:
        provider.chat_script(teller)
        provider.image_script(painter(refused=MODERATED))
        text = _FILE.format(
            base_url=provider.base_url,
            models=", ".join(json.dumps(model) for model in MODELS),
            sha256=hashlib.sha256(KEY.encode()).hexdigest(),
            more=more,
        )
        (folder / "limner.toml").write_text(text, encoding="utf-8")
        with service(folder, "--config", "limner.toml", provider=provider) as running:
            yield running


@contextlib.contextmanager
def offline_service(folder: Path) -> Iterator[Service]:
    """`limner serve --offline`, as somebody finds it who has connected nothing."""
    with service(folder, "--offline", "--port", "0") as running:
        yield running


@contextlib.contextmanager
def service(folder: Path, *arguments: str, provider: Provider | None = None) -> Iterator[Service]:
    """`limner serve` with these arguments, in `folder`."""
    with Shell(folder, bare_environment(folder)).start("serve", *arguments) as running:
        said: list[str] = []
        # Warnings and notes come first; the last line of all is empty.
        while not said or said[-1]:
            said.append(running.out.readline().decode("utf-8"))
            if found := _GREETING.match(said[-1]):
                break
        assert found, (said, running.err)
        yield Service(found[1], running, provider, "".join(said))
