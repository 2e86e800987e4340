"""The money of one key, spent by several processes that share a folder: real services, real races."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2

from commands import Shell, bare_environment, painter
from providers import Provider, Said

KEY = "lim_key_of_the_tests"
_FILE = """
[chat]
base_url = "{base_url}"
api_key = "upstream-key"
[image]
base_url = "{base_url}"
api_key = "upstream-key"
model = "colours"
price_usd = 0.04
[gateway]
port = 0
state = "state"
[[gateway.keys]]
name = "tests"
sha256 = "{sha256}"
usd = 0.2
"""
_IMAGE = {"type": "openrouter:image_generation"}


def test_two_processes_never_spend_the_money_of_a_key_twice(tmp_path: Path) -> None:
    """S26: reserve, then settle, over all processes of a folder: five pictures fit, and five are ordered."""
    with Provider() as provider, ThreadPoolExecutor(24) as clients:
        provider.image_script(painter(), before_s=0.05)
        provider.chat_script(_illustrator)
        sha256 = hashlib.sha256(KEY.encode()).hexdigest()
        text = _FILE.format(base_url=provider.base_url, sha256=sha256)
        (tmp_path / "limner.toml").write_text(text, encoding="utf-8")
        with _service(tmp_path) as first, _service(tmp_path) as second:
            origins = [(first, second)[number % 2] for number in range(48)]
            statuses = list(clients.map(_picture, origins, range(48)))
            assert len(provider.posts("/images/generations")) == 5
            assert set(statuses) <= {200, 429}
            # Whoever asks later learns it from the ledger, too.
            assert {_draw(first, 100), _draw(second, 100)} == {(429, "budget_exceeded")}
        with _service(tmp_path) as third:
            assert _draw(third, 101) == (429, "budget_exceeded")
        assert len(provider.posts("/images/generations")) == 5


def _picture(origin: str, number: int) -> int:
    """A picture in one of the ways in which a client may want it; the status."""
    return _draw(origin, number)[0] if number % 4 < 2 else _chat(origin, number)


def _draw(origin: str, number: int) -> tuple[int, str | None]:
    body = {"model": "colours", "prompt": f"fox {number}"}
    answer = httpx2.post(f"{origin}/v1/images/generations", json=body, headers=_auth(), timeout=30)
    return answer.status_code, answer.json().get("error", {}).get("code")


def _chat(origin: str, number: int) -> int:
    body = {"model": "m", "messages": [{"role": "user", "content": f"owl {number}"}], "tools": [_IMAGE]}
    return httpx2.post(f"{origin}/v1/chat/completions", json=body, headers=_auth(), timeout=30).status_code


def _auth() -> dict[str, str]:
    return {"authorization": f"Bearer {KEY}"}


def _illustrator(body: dict[str, object]) -> Said:
    messages = json.loads(json.dumps(body["messages"]))
    if not any(message["role"] == "tool" for message in messages):
        prompt = messages[-1]["content"]
        return Said("", calls=[("generate_image", {"prompt": prompt, "alt": prompt})])
    return Said("That is all.")


@contextlib.contextmanager
def _service(folder: Path) -> Iterator[str]:
    with Shell(folder, bare_environment(folder)).start("serve", "--config", "limner.toml") as running:
        greeting = ""
        while not greeting.startswith("Limner listens on "):
            greeting = running.out.readline().decode("utf-8")
            assert greeting, running.err
        yield greeting.split()[3].rstrip(".")
