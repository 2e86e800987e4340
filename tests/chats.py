"""A gateway that chats and draws, with real parts: an engine, a ledger, journals, a folder of pictures.

    with chatting(tmp_path, provider) as chats:
        answer = chats.ask("Draw a fox")                     # whole, parsed
        stream = chats.stream("Draw a fox")                  # its chunks, folded

The provider is upstream and image maker. Links lead to `PUBLIC`, which nobody serves; `Chats.picture` follows
them at the gateway.
"""

from __future__ import annotations

import asyncio
import json
import queue
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

import pictures
from clocks import OwnClock
from gateways import Gateway, serving
from limner.clock import SystemClock
from limner.config.settings import ChatConfig, Config, GatewayConfig, ImageConfig, KeyConfig, LimitsConfig
from limner.engine.defaults import default_image_tool, default_limits
from limner.engine.engine import Engine
from limner.gateway.books.bookkeeping import Bookkeeping
from limner.gateway.books.journals import Journals
from limner.gateway.chat.endpoint import ChatEndpoint
from limner.gateway.front.app import Route
from limner.gateway.front.pump import Pace
from limner.gateway.given.references import References
from limner.gateway.ledger import Ledger
from limner.gateway.naming.makers import Makers
from limner.gateway.naming.upstreams import Upstreams
from limner.gateway.passing.passthrough import PassThrough
from limner.gateway.passing.spoken import SpokenAnswers
from limner.gateway.pictures import PictureEndpoint, Promises
from limner.gateway.repeats.idempotency import Idempotency
from limner.gateway.responses.endpoint import ResponsesEndpoint
from limner.gateway.stored.restoring import Restoring
from limner.gateway.stored.retrieving import StoredEndpoints
from limner.gateway.stored.shelf import Shelf
from limner.gateway.turns.answering import Answering
from limner.gateway.turns.turns import Turns
from limner.images.inspector import Inspector
from limner.models.offline import OfflineModel
from limner.storage.folder import FolderStorage
from limner.storage.links import LinkSigner
from providers import Provider, Said

__all__ = ["IMAGE", "PUBLIC", "Chats", "Told", "calls", "chatting", "draw", "drawn", "tool_results"]

PUBLIC = "https://pictures.example"
IMAGE = {"type": "openrouter:image_generation"}


def draw(*prompts: str) -> list[tuple[str, dict[str, Any]]]:
    """Calls of the image tool."""
    return [("generate_image", {"prompt": prompt, "alt": f"a picture of {prompt}"}) for prompt in prompts]


def calls(*names: str) -> list[dict[str, Any]]:
    """Declarations of the client's own functions."""
    return [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
        for name in names
    ]


def tool_results(body: Mapping[str, Any]) -> list[Any]:
    """What the model reads of finished calls."""
    said = [each["content"] for each in body["messages"] if each["role"] == "tool"]
    return [json.loads(each) if each.startswith("{") else each for each in said]


def drawn(text: str, *prompts: str) -> Any:
    """A model that draws and then says `text`, in which {0}, {1}, … are the references."""

    def script(body: dict[str, Any]) -> Said:
        results = tool_results(body)
        if not results:
            return Said("", draw(*prompts))
        return Said(text.format(*[each.get("imageUrl") for each in results]))

    return script


@dataclass
class Told:
    """A streamed answer, and what it says in all."""

    chunks: list[dict[str, Any]]
    comments: int
    done: bool

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [each["choices"][0]["delta"] for each in self.chunks if each.get("choices")]

    @property
    def contents(self) -> list[str]:
        return [each["content"] for each in self.deltas if each.get("content")]

    @property
    def content(self) -> str:
        return "".join(self.contents)

    @property
    def images(self) -> list[str]:
        return [image["image_url"]["url"] for each in self.deltas for image in each.get("images", ())]

    @property
    def details(self) -> list[dict[str, Any]]:
        return [detail for each in self.deltas for detail in each.get("reasoning_details", ())]

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [call for each in self.deltas for call in each.get("tool_calls", ())]

    @property
    def finish(self) -> str | None:
        reasons = [c["choices"][0]["finish_reason"] for c in self.chunks if c.get("choices")]
        return next((reason for reason in reasons if reason), None)

    @property
    def progress(self) -> list[dict[str, Any]]:
        """Each line of `limner.images[]` as it came, but for the last summary."""
        return [line for each in self.chunks[:-1] for line in each.get("limner", {}).get("images", ())]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The last summary."""
        found: list[dict[str, Any]] = []
        for each in self.chunks:
            found = each.get("limner", {}).get("images", found)
        return found

    @property
    def usage(self) -> dict[str, Any] | None:
        return next((each["usage"] for each in self.chunks if each.get("usage")), None)

    @property
    def error(self) -> dict[str, Any] | None:
        return next((each["error"] for each in self.chunks if each.get("error")), None)


@dataclass
class Chats:
    """The gateway and its clients."""

    gateway: Gateway
    provider: Provider | None
    folder: Path
    parts: dict[str, Any] = field(default_factory=dict)
    """The engine and the like, which live on the gateway's loop; `waits`: the clock of retries; `late`: a
    queue of what came after its answer."""

    def body(self, said: str | Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
        """A request with the image tool on."""
        messages = [{"role": "user", "content": said}] if isinstance(said, str) else list(said)
        return {"model": "m-1", "messages": messages, "tools": [IMAGE], **more}

    def post(
        self,
        said: str | Sequence[Mapping[str, Any]],
        *,
        tenant: str = "",
        prefix: str = "/v1",
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 20.0,
        **more: Any,
    ) -> httpx2.Response:
        """The raw answer; a field that is None is left out."""
        body = {name: value for name, value in self.body(said, **more).items() if value is not None}
        sent = {**(self.gateway.auth(tenant) if tenant else {}), **(headers or {})}
        url = f"{self.gateway.origin}{prefix}/chat/completions"
        return httpx2.post(url, json=body, headers=sent, timeout=timeout_s)

    def ask(self, said: str | Sequence[Mapping[str, Any]], **more: Any) -> Any:
        """The whole answer, which must be one."""
        answer = self.post(said, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, said: str | Sequence[Mapping[str, Any]], **more: Any) -> tuple[int, dict[str, Any]]:
        """The status and the error."""
        answer = self.post(said, **more)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["error"]

    def stream(self, said: str | Sequence[Mapping[str, Any]], **more: Any) -> Told:
        """The streamed answer."""
        answer = self.post(said, stream=True, **more)
        assert answer.status_code == 200, answer.text
        return read(answer.content)

    def picture(self, link: str) -> httpx2.Response:
        """What stands behind a link."""
        assert link.startswith(PUBLIC), link
        return httpx2.get(self.gateway.origin + link.removeprefix(PUBLIC), timeout=20, follow_redirects=False)


def read(content: bytes) -> Told:
    """A stream, frame by frame, as strictly as the strictest client."""
    chunks, comments, done = [], 0, False
    for block in content.split(b"\n\n"):
        if not block:
            continue
        assert not done, "nothing follows the mark of the end"
        assert b"\r" not in block
        assert b"\n" not in block
        if block.startswith(b":"):
            comments += 1
        elif block == b"data: [DONE]":
            done = True
        else:
            assert block.startswith(b"data: ")
            chunks.append(json.loads(block[6:].decode()))
    return Told(chunks, comments, done)


@contextmanager
def chatting(
    folder: Path,
    provider: Provider | None = None,
    *,
    keys: Sequence[KeyConfig] = (),
    image: Mapping[str, Any] | None = None,
    limits: LimitsConfig = LimitsConfig(),  # noqa: B008 - frozen
    pace: Pace = Pace(),  # noqa: B008 - frozen
    upstream_s: Mapping[str, float] | None = None,
    drain_s: float = 5.0,
    **gateway: Any,
) -> Iterator[Chats]:
    """Without a provider everything is offline. `upstream_s`: deadlines of the chat endpoint."""
    clock = SystemClock()
    config = _config(provider, image or {}, limits, gateway)
    parts: dict[str, Any] = {}

    @asynccontextmanager
    async def routes() -> AsyncIterator[Iterable[Route]]:
        async with AsyncExitStack() as stack:
            ledger = await stack.enter_async_context(Ledger(folder))
            journals = Journals(folder, ledger.number)
            await journals.open()
            links = LinkSigner(PUBLIC, ("k" * 32,))
            promises = Promises(ledger, links)
            books = Bookkeeping(journals, ledger, promises, links)
            waits = OwnClock()
            upstreams = Upstreams(config, waits, offline=provider is None, **(upstream_s or {}))
            stack.push_async_callback(upstreams.aclose)
            tool = default_image_tool(config, clock)
            makers = Makers(config, tool, clock, offline=provider is None)
            stack.push_async_callback(makers.aclose)
            storage = FolderStorage(folder / "pictures", links=links)
            engine = Engine(
                OfflineModel(),
                tool,
                recorder=books,
                storage=storage,
                inspector=Inspector(),
                limits=default_limits(config),
                drain_s=drain_s,
                config=config,
            )
            await stack.enter_async_context(engine)
            idempotency = await stack.enter_async_context(Idempotency(ledger, clock))
            late: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
            turns = await stack.enter_async_context(
                Turns(books, ledger, drain_s=drain_s, late=lambda name, said: late.put((name, dict(said))))
            )
            answering = Answering(
                engine,
                config,
                makers=makers,
                ledger=ledger,
                books=books,
                turns=turns,
                references=References(ledger, storage, engine.inspector),
            )
            spoken = SpokenAnswers(clock, turn_s=limits.seconds)
            chat = ChatEndpoint(
                answering, config, upstreams=upstreams, passthrough=PassThrough(clock), spoken=spoken
            )
            shelf = None
            if config.gateway.store_days:
                shelf = await stack.enter_async_context(Shelf(folder))
            responses = ResponsesEndpoint(answering, config, upstreams=upstreams, spoken=spoken, shelf=shelf)
            shown = PictureEndpoint(storage, links, promises, wait_s=10.0)
            parts.update(engine=engine, ledger=ledger, turns=turns, books=books, storage=storage, waits=waits)
            parts.update(chat=chat, late=late, loop=asyncio.get_running_loop())
            yield [
                Route("POST", "/chat/completions", idempotency.around(chat.answer)),
                Route("POST", "/responses", idempotency.around(responses.answer)),
                Route("GET", "/images/{id}", shown.answer, at_root=True),
                *StoredEndpoints(shelf, Restoring(ledger, storage, links)).routes(),
            ]

    with serving(open_routes=routes, keys=keys, pace=pace, drain_s=drain_s) as served:
        yield Chats(served, provider, folder, parts)


def _config(
    provider: Provider | None, image: Mapping[str, Any], limits: LimitsConfig, gateway: Mapping[str, Any]
) -> Config:
    if provider is None:
        return Config(limits=limits, gateway=GatewayConfig(**gateway))
    settings: dict[str, Any] = {
        "model": "pictor-1",
        "base_url": provider.base_url,
        "api_key": "sk-canary",
        "timeout_s": 20.0,
        "price_usd": 0.04,
    }
    return Config(
        chat=ChatConfig(model="m", base_url=provider.base_url, api_key="sk-canary-chat"),
        image=ImageConfig(**{**settings, **image}),
        limits=limits,
        gateway=GatewayConfig(**gateway),
    )


FOX = pictures.png(colour=(200, 90, 20))
