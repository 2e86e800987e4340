"""Turns that are cut off, by the client or by kill -9, and gone on with: the whole service as a process."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import pictures
from answers import Answer, Gate, Said, drawn
from commands import Running, Shell, bare_environment
from providers import Provider

KEYED = {"Idempotency-Key": "k"}
SENT_FIRST, SENT_AGAIN = {"x-stainless-retry-count": "0"}, {"x-stainless-retry-count": "1"}
ways = pytest.mark.parametrize(
    ("stream", "first", "again"),
    [(True, KEYED, KEYED), (False, SENT_FIRST, SENT_AGAIN)],
    ids=["key-stream", "sdk-whole"],
)

KEY = "lim_key_of_the_tests"
ALTS = ("a red fox", "a white owl")
PATIENCE_S = 20.0
FILE = """
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
[[gateway.keys]]
name = "tests"
sha256 = "{sha256}"
"""


def illustrator(body: Mapping[str, Any]) -> Said:
    """Asks for a picture of each of `ALTS`, then places those that were drawn."""
    results = [json.loads(message["content"]) for message in body["messages"] if message["role"] == "tool"]
    if not results:
        tool = body["tools"][0]["function"]["name"]
        return Said("", calls=[(tool, {"prompt": alt, "alt": alt}) for alt in ALTS])
    places = [f"![]({result['imageUrl']})" for result in results if "imageUrl" in result]
    return Said("\n\n".join(["Two animals:", *places, "The end."]))


class Maker:
    """The provider's pictures: each order waits at its gate."""

    def __init__(self) -> None:
        self.gates = {alt: Gate() for alt in ALTS}

    def draw(self, body: Mapping[str, Any]) -> Answer:
        picture = drawn(pictures.png(colour=(len(body["prompt"]) * 9, 90, 30)), 0)
        return Answer((self.gates[body["prompt"]], *picture.steps), picture.status, picture.headers)

    def wait_for_orders(self) -> None:
        """Return once both have arrived."""
        for gate in self.gates.values():
            assert gate.reached.wait(PATIENCE_S)

    def deliver(self) -> None:
        """Draw what was ordered."""
        for gate in self.gates.values():
            gate.open()


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def provider(maker: Maker) -> Iterator[Provider]:
    with Provider() as running:
        running.chat_script(illustrator)
        running.image_script(maker.draw)
        yield running
        maker.deliver()


@contextlib.contextmanager
def serving(folder: Path, provider: Provider) -> Iterator[tuple[int, Running]]:
    """`limner serve`; its port, and the process."""
    text = FILE.format(base_url=provider.base_url, sha256=hashlib.sha256(KEY.encode()).hexdigest())
    (folder / "limner.toml").write_text(text, encoding="utf-8")
    with Shell(folder, bare_environment(folder)).start("serve", "--config", "limner.toml") as running:
        said = running.out.readline().decode()
        while "listens on" not in said:
            assert said, running.err
            said = running.out.readline().decode()
        yield int(said.split("127.0.0.1:")[1].split(".")[0].split("/")[0]), running


def request(stream: bool, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    body = {
        "model": "illustrator",
        "messages": [{"role": "user", "content": "A fox and an owl, please."}],
        "tools": [{"type": "openrouter:image_generation"}],
        "stream": stream,
    }
    said = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **headers}
    return json.dumps(body).encode(), said


def ask(port: int, stream: bool, headers: Mapping[str, str]) -> tuple[Mapping[str, str], bytes]:
    """The answer, as an SDK gets it that repeats what is in progress."""
    body, said = request(stream, headers)
    while True:
        order = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", body, said)
        try:
            with urllib.request.urlopen(order, timeout=PATIENCE_S) as answer:
                return {name.lower(): value for name, value in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 409:
                    raise AssertionError(error.read()) from error


def begin(port: int, stream: bool, headers: Mapping[str, str]) -> socket.socket:
    """Send the request and wait for nothing."""
    body, said = request(stream, headers)
    lines = [f"{name}: {value}" for name, value in {**said, "Content-Length": str(len(body))}.items()]
    connection = socket.create_connection(("127.0.0.1", port))
    head = ["POST /v1/chat/completions HTTP/1.1", f"Host: 127.0.0.1:{port}", *lines, "", ""]
    connection.sendall("\r\n".join(head).encode() + body)
    return connection


def read(body: bytes, stream: bool) -> tuple[str, list[Any]]:
    """The text, and what the answer says became of each picture."""
    if not stream:
        answer = json.loads(body)
        return answer["choices"][0]["message"]["content"], answer["limner"]["images"]
    frames = [frame.removeprefix("data: ") for frame in body.decode().split("\n\n") if frame]
    assert frames[-1] == "[DONE]"
    chunks = [json.loads(frame) for frame in frames[:-1] if not frame.startswith(":")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk.get("choices", ())]
    images = [chunk["limner"]["images"] for chunk in chunks if chunk.get("limner", {}).get("images")]
    return "".join(delta.get("content") or "" for delta in deltas), images[-1]


@ways
def test_a_client_that_left_finds_its_pictures_when_it_comes_again(
    tmp_path: Path,
    provider: Provider,
    maker: Maker,
    stream: bool,
    first: dict[str, str],
    again: dict[str, str],
) -> None:
    """P10: what was ordered is finished and kept, and the same request goes on with it; submissions == 1 each."""
    with serving(tmp_path, provider) as (port, running):
        with begin(port, stream, first):
            maker.wait_for_orders()
        running.wait_for_line("client_left")
        maker.deliver()
        _, body = ask(port, stream, again)
        words, images = read(body, stream)
        assert words.startswith("Two animals:")
        assert words.endswith("The end.")
        assert [each["status"] for each in images] == ["completed", "completed"]
        headers, replayed = ask(port, stream, again)
        assert headers["idempotent-replayed"] == "true"
        assert replayed == body
    assert len(provider.posts("/images/generations")) == len(ALTS)


@ways
def test_a_killed_service_goes_on_with_the_turn_and_orders_nothing_again(
    tmp_path: Path,
    provider: Provider,
    maker: Maker,
    stream: bool,
    first: dict[str, str],
    again: dict[str, str],
) -> None:
    """P01 and S27: kill -9 with two orders under way; their outcome is unknown, and said to be, not bought again."""
    with serving(tmp_path, provider) as (port, running), begin(port, stream, first):
        maker.wait_for_orders()
        running.process.kill()
        running.process.wait(PATIENCE_S)
    maker.deliver()
    with serving(tmp_path, provider) as (port, _):
        _, body = ask(port, stream, again)
        words, images = read(body, stream)
        assert "The end." in words
        assert [each["code"] for each in images] == ["outcome_unknown", "outcome_unknown"]
        headers, replayed = ask(port, stream, again)
        assert headers["idempotent-replayed"] == "true"
        assert replayed == body
    assert len(provider.posts("/images/generations")) == len(ALTS)
