"""No secret is anywhere but where it was put: not in an answer, a log, a figure, a file, nor a command line.

The provider is one that says all it knows: whatever it answers, also errors, holds the key that it was
given, in headers, in bodies, in the middle of streams.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import socket
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import pictures
from answers import CUT, Answer, Said, raw, sse, status, text, whole
from gateways import Talk
from providers import Provider
from services import Answered, Service, service

CHAT = "sk-canary-of-the-chat-upstream"
DEAD = "sk-canary-of-the-dead-upstream"
IMAGE = "sk-canary-of-the-image-maker"
CLIENT = "lim_canary_of_the_client"
GUESS = "lim_canary_of_somebody_who_guesses"
LINK = "canary-that-signs-all-links-0123456789"
SIGNATURE = "canary-that-signed-the-makers-link"
SECRETS = {
    "chat": CHAT,
    "dead": DEAD,
    "image": IMAGE,
    "client": CLIENT,
    "guess": GUESS,
    "link": LINK,
    "signature": SIGNATURE,
}

TOOL = {"type": "openrouter:image_generation"}
PROMISED = {**TOOL, "parameters": {"promise_after": 0}}
LEAKY = {"x-api-key": CHAT, "set-cookie": f"key={CHAT}", "openai-organization": CHAT}
LATER = {"retry_after": "1000"}
"""Longer than anybody waits: the service answers at once."""
FAILURES: Mapping[str, Answer] = {
    "unauthorized": status(401, {"error": {"message": f"Incorrect API key provided: {CHAT}.", "code": CHAT}}),
    "unknown": status(404, {"error": {"message": f"{CHAT} has no access to the model"}}, **LEAKY),
    "busy": status(429, {"error": {"message": f"Rate limit reached for {CHAT}"}}, **LEAKY, **LATER),
    "bad": status(400, {"error": {"message": f"bad: {CHAT}", "param": CHAT, "type": CHAT}}),
    "broken": status(500, {"error": {"message": f"Traceback: Bearer {CHAT}"}}, **LEAKY, **LATER),
    "page": raw(f"<html>{CHAT}</html>".encode(), "text/html"),
    "garbled": raw(f'{{"key": "{CHAT}"'.encode(), "application/json"),
    "odd": whole({"object": CHAT, "choices": [], "error": {"message": CHAT}}),
}
"""How the chat upstream fails, by the model's name."""

LATE: Mapping[str, Answer] = {
    "late error": sse(text("Once "), b'data: {"error": {"message": "%s"}}\n\n' % CHAT.encode(), done=False),
    "late rubbish": sse(text("Once "), f"data: {CHAT}\n\n".encode()),
    "late cut": sse(text("Once "), CUT),
}

FILE = """
[chat]
base_url = "{base_url}"
api_key = "{chat}"
[image]
base_url = "{base_url}"
api_key = "{image}"
model = "colours"
price_usd = 0.04
[gateway]
port = 0
state = "state"
metrics = true
[[gateway.upstreams]]
prefix = "dead/"
base_url = "{dead_url}"
api_key_file = "dead.key"
[[gateway.keys]]
name = "tests"
sha256 = "{sha256}"
usd = 10.0
"""


def chat(body: dict[str, Any]) -> Said | Answer:
    model = body["model"]
    if model in FAILURES or model in LATE:
        return FAILURES.get(model) or LATE[model]
    results = [json.loads(each["content"]) for each in body["messages"] if each["role"] == "tool"]
    if model == "illustrator" and not results:
        asked = str(body["messages"][-1]["content"])
        return Said(
            "", calls=[("generate_image", {"prompt": each, "alt": each}) for each in asked.split(", ")]
        )
    return Said("So: " + " ".join(f"![]({each['imageUrl']})" for each in results if each.get("imageUrl")))


def maker(provider: Provider) -> Any:
    """Draws, gives a signed link, or fails, by a word of the prompt."""
    failures = {
        "unauthorized": status(401, {"error": {"message": f"Incorrect API key provided: {IMAGE}"}}),
        "forbidden": status(400, {"error": {"message": f"No. {IMAGE}", "code": "moderation_blocked"}}),
        "broken": status(500, {"error": {"message": f"Authorization: Bearer {IMAGE}"}}),
        "garbled": whole({"data": [{"b64_json": IMAGE}]}),
        "lost": whole({"data": [{"url": f"{provider.origin}/nowhere?signature={SIGNATURE}"}]}),
    }

    def draw(body: dict[str, Any]) -> bytes | str | Answer:
        prompt = body["prompt"]
        for word, failure in failures.items():
            if word in prompt:
                return failure
        if "linked" in prompt:
            return f"{provider.origin}/fox.png?signature={SIGNATURE}"
        return pictures.png(colour=(sum(prompt.encode()) % 200, 90, 20))

    return draw


@dataclass
class Heard:
    """All that has come from a service, by what it was."""

    service: Service
    things: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)

    def post(self, path: str, body: Any, key: str = CLIENT) -> Answered:
        return self._heard(f"POST {path} {str(body)[:120]}", self.service.post(path, body, key))

    def get(self, path: str, key: str = CLIENT) -> Answered:
        return self._heard(f"GET {path}", self.service.get(path, key))

    def chat(self, model: str, said: str = "a fox", **more: Any) -> Answered:
        message = {"role": "user", "content": said}
        return self.post("/v1/chat/completions", {"model": model, "messages": [message], **more})

    def _heard(self, what: str, answer: Answered) -> Answered:
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.things[f"{len(self.things)} {what}"] = head.encode() + b"\n\n" + answer.body
        self.statuses.append(answer.status)
        return answer

    def raw(self, sent: bytes) -> None:
        with Talk(urlsplit(self.service.origin).port or 0) as talk:
            talk.socket.sendall(sent)
            talk.socket.shutdown(socket.SHUT_WR)
            self.things[f"{len(self.things)} raw"] = talk.rest()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        running.chat_script(chat)
        running.image_script(maker(running))
        running.pictures["/fox.png"] = raw(pictures.png(colour=(1, 2, 3)), "image/png")
        yield running


def put_secrets(folder: Path, provider: Provider) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead_url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    said = FILE.format(
        base_url=provider.base_url,
        dead_url=dead_url,
        chat=CHAT,
        image=IMAGE,
        sha256=hashlib.sha256(CLIENT.encode()).hexdigest(),
    )
    (folder / "limner.toml").write_text(said)
    (folder / "state").mkdir(mode=0o700)
    for name, secret in (("dead.key", DEAD), ("state/link.key", LINK)):
        (folder / name).write_text(f"{secret}\n")
        (folder / name).chmod(0o600)


def ask_for_all_kinds(heard: Heard) -> None:
    """Good, refused, failing upstreams, failing pictures."""
    for stream in (False, True):
        heard.chat("words", stream=stream)
        for model in FAILURES:
            heard.chat(model, stream=stream)
            heard.chat(model, tools=[TOOL], stream=stream)
        for said in (
            "a fox, a linked fox",
            "an unauthorized fox",
            "a broken fox, a lost one",
            "a garbled fox",
        ):
            heard.chat("illustrator", said, tools=[TOOL], stream=stream)
        for model in ("words", *FAILURES):
            heard.post("/v1/responses", {"model": model, "input": "hi", "stream": stream})
        for said in ("a linked fox", "an unauthorized fox, a broken fox"):
            body = {"model": "illustrator", "input": said, "tools": [TOOL]}
            told = heard.post("/v1/responses", body)
            assert told.json["store"] is True
            name = told.json["id"]
            heard.post("/v1/responses", {**body, "previous_response_id": name, "stream": stream})
            for path in (name, f"{name}/input_items", CLIENT):
                heard.get(f"/v1/responses/{path}")
    heard.chat("dead/words")
    for model in LATE:
        heard.chat(model, stream=True)
        heard.chat(model, stream=True, tools=[TOOL])
    promised = heard.chat("illustrator", "a fox, a forbidden fox", tools=[PROMISED]).json
    told = promised["limner"]["images"]
    # A picture that had failed before the words were over has no link any more.
    links = [each["url"] for each in told if "url" in each]
    assert (len(told), bool(links)) == (2, True)
    for link in links:
        heard.get(link)
        heard.get(link[:-3])
    for prompt in ("a fox", "a linked fox", "an unauthorized fox", "a forbidden fox", "a broken fox"):
        heard.post("/v1/images/generations", {"prompt": prompt})
        heard.post("/api/v1/images", {"prompt": prompt, "model": "colours"})
    for path in ("/v1/models", "/v1/images/models", "/healthz", "/readyz", "/metrics", "/v1/nowhere"):
        heard.get(path)
    for key in (GUESS, "", f"{CLIENT} {GUESS}"):
        heard.get("/v1/models", key)
        heard.post("/v1/chat/completions", {"model": "words", "messages": []}, key)
    heard.get(f"/v1/models?api_key={CLIENT}")
    heard.get(f"/v1/nowhere/{CLIENT}")
    heard.chat("words", api_key=CLIENT)
    heard.post("/v1/chat/completions", {"api_key": CLIENT})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {CLIENT}\r\n"
    for rest in ("Content-Length: 9\r\n\r\n" + '{"a":"' + CLIENT, "Bad\x00: 1\r\n\r\n", "X: " + "x" * 40_000):
        heard.raw((head + "Content-Type: application/json\r\n" + rest).encode())
    whole_body = json.dumps({"model": "words", "messages": [{"role": "user", "content": "hi"}]})
    kept = f"{head}Content-Type: application/json\r\nIdempotency-Key: k\r\nConnection: close\r\n"
    for _ in range(2):
        heard.raw(f"{kept}Content-Length: {len(whole_body)}\r\n\r\n{whole_body}".encode())


def files(folder: Path, *, but: tuple[str, ...]) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in but
    }


def values(database: Path) -> bytes:
    """Every value, also one that lies across pages of the file."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        rows = [row for table in tables for row in connection.execute(f'SELECT * FROM "{table}"')]
    return b"\n".join(
        unpacked(value) if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
    )


def unpacked(value: bytes) -> bytes:
    """What is written down compressed hides nothing from who opens it."""
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def where_found(things: Mapping[str, bytes]) -> list[tuple[str, str]]:
    return [
        (name, what)
        for what, said in things.items()
        for name, value in SECRETS.items()
        if value.encode() in said
    ]


def test_no_secret_is_anywhere_but_where_it_was_put(tmp_path: Path, provider: Provider) -> None:
    """S05: 0 hits in answers, logs, figures, journals, the ledger and the command line; the link key stands in link.key alone."""
    put_secrets(tmp_path, provider)
    with service(tmp_path, "--config", "limner.toml", provider=provider) as running:
        heard = Heard(running)
        ask_for_all_kinds(heard)
        pid = running.running.process.pid
        things = dict(heard.things)
        things["its command line"] = Path(f"/proc/{pid}/cmdline").read_bytes()
        put = ("limner.toml", "dead.key", "link.key")
        things |= {f"{name}, while it ran": said for name, said in files(tmp_path, but=put).items()}
        running.running.process.send_signal(signal.SIGTERM)
        done = running.running.end()
    assert done.code == 0, done.err
    things |= {"standard output": (running.said + done.out).encode(), "standard error": done.err.encode()}
    things |= files(tmp_path, but=put)
    databases = sorted((tmp_path / "state").glob("*.db"))
    things |= {f"values of {path.name}": values(path) for path in databases}
    assert where_found(things) == []

    # And it was all there to be found.
    assert [path.name for path in databases] == ["journal-0.db", "ledger.db", "responses.db"]
    assert "request.ended" in done.err
    assert b"limner_requests_total" in b"".join(things.values())
    assert {200, 400, 401, 403, 404, 429, 502} <= set(heard.statuses), set(heard.statuses)
    used = {value for request in provider.requests for value in request.headers.values()}
    assert {f"Bearer {CHAT}", f"Bearer {IMAGE}"} <= used
    asked = {request.path for request in provider.requests}
    assert f"/fox.png?signature={SIGNATURE}" in asked
    assert sorted(where_found(files(tmp_path, but=()))) == [
        ("chat", "limner.toml"),
        ("dead", "dead.key"),
        ("image", "limner.toml"),
        ("link", "state/link.key"),
    ]
