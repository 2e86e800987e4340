"""However much a client sends, everybody else's frames come in between."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chats import IMAGE, PUBLIC, Chats, chatting
from limner.testing import plain_png
from providers import Provider, Said

LONGEST_S = 0.05
MIB = 2**20


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chats]:
    """With the deadlines of every day: megabytes take their time."""
    with Provider() as provider, chatting(tmp_path_factory.mktemp("gateway"), provider) as chats:
        provider.image_script(lambda body: plain_png("a fox"))
        yield chats


class Pulse:
    """Beats in every round of a loop, and knows which took its thread longest: of its own time, not the machine's."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.longest_s = 0.0
        self._loop = loop
        self._last_s: float | None = None
        self._stopped = False

    def _beat(self) -> None:
        now_s = time.thread_time()
        if self._last_s is not None:
            self.longest_s = max(self.longest_s, now_s - self._last_s)
        self._last_s = now_s
        if not self._stopped:
            self._loop.call_soon(self._beat)

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        self._loop.call_soon_threadsafe(self._beat)
        yield
        self._stopped = True


def words() -> list[Any]:
    """A conversation of ten megabytes."""
    return [{"role": "user", "content": "So it was, and so it will be. " * (10 * MIB // 30)}]


def links() -> list[Any]:
    """Links that look like ours."""
    link = f"![x]({PUBLIC}/images/{'a' * 43}?expires=1795255200&signature={'b' * 43})"
    numbers = range(10 * MIB // len(link))
    return [
        {"role": "assistant", "content": " ".join(f"{link[:-1]}{number})" for number in numbers)},
        {"role": "user", "content": "Again"},
    ]


def parts() -> list[Any]:
    """Very many small parts."""
    part = {"type": "text", "text": "so"}
    return [{"role": "user", "content": [part] * 4000} for _ in range(25)]


def calls() -> list[Any]:
    """Very many calls that look like ours."""
    ids = [f"call_lm{'0' * 24}{number:08}" for number in range(9000)]
    asked = [{"id": each, "type": "function", "function": {"name": "f", "arguments": "{}"}} for each in ids]
    said = {"role": "assistant", "content": None, "tool_calls": asked}
    return [said, {"role": "user", "content": "And?"}] * 4


def picture() -> list[Any]:
    """A picture by value, as large as they come."""
    data = random.Random(1).randbytes(7 * MIB)
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]


# Said of the engine's requests, which the official client sends in one piece.
@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
@pytest.mark.parametrize("tools", [[IMAGE], None], ids=["illustrated", "passed-on"])
@pytest.mark.parametrize("messages", [words, links, parts, calls, picture])
def test_no_request_holds_the_others_up(chats: Chats, provider: Provider, messages: Any, tools: Any) -> None:
    """P13: 50 ms of the event loop at the most, also as the official client sends it."""
    provider.chat_script(lambda body: Said("Well."))
    headers = {"x-stainless-retry-count": "0"}
    pulse = Pulse(chats.parts["loop"])
    with pulse.beating():
        answer = chats.post(messages(), tools=tools, headers=headers)
    assert answer.status_code == 200, answer.text
    assert pulse.longest_s < LONGEST_S
