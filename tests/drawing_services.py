"""The endpoints that draw without a chat, with real parts: an engine, a ledger, a journal, a folder of pictures."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import forms
from limner import Engine
from limner.clock import SystemClock
from limner.config.settings import Config, GatewayConfig, ImageConfig
from limner.core.limits import Limits
from limner.engine.defaults import default_image_tool
from limner.gateway.books.bookkeeping import Bookkeeping
from limner.gateway.books.journals import Journals
from limner.gateway.drawing.endpoint import DrawingEndpoints
from limner.gateway.exchange import Answer, Streamed, Whole
from limner.gateway.given.references import References
from limner.gateway.naming.makers import Makers
from limner.gateway.tenant import Tenant
from limner.images.offline.painter import Painter
from limner.models.offline import OfflineModel
from limner.spending.budget import Budget
from limner.tools.image import ImageTool
from picture_services import PictureService, inbound, picture_service
from providers import Provider

__all__ = ["DrawingService", "drawing_service"]


@dataclass
class DrawingService:
    """The endpoints and what stands behind them."""

    pictures: PictureService
    engine: Engine
    endpoints: DrawingEndpoints
    runs: list[str] = field(default_factory=list)
    """What requests said that they have begun."""

    async def post(self, path: str, **asked: Any) -> Whole:
        """The answer in one piece, to what `ask` takes."""
        answer = await self.ask(path, **asked)
        assert isinstance(answer, Whole)
        return answer

    async def streamed(self, path: str, **asked: Any) -> Streamed:
        """The answer as events; a form says itself that it wants them."""
        if "form" not in asked:
            asked["stream"] = True
        answer = await self.ask(path, **asked)
        assert isinstance(answer, Streamed)
        return answer

    async def ask(
        self,
        path: str,
        *,
        tenant: str = "ada",
        budget: Budget | None = None,
        resume_run: str | None = None,
        record: dict[str, Any] | None = None,
        form: Iterable[bytes] | None = None,
        **body: Any,
    ) -> Answer:
        """What a client gets for `body`, or for a `form` of these parts. Raises: Refusal."""

        async def begun(run: str) -> None:
            self.runs.append(run)

        sent = json.dumps(body).encode() if form is None else forms.form(form)
        content_type = "application/json" if form is None else forms.TYPE
        request = replace(
            inbound("POST", path, headers={"content-type": content_type}, body=sent),
            tenant=Tenant(tenant, budget or Budget()),
            resume_run=resume_run,
            begun=begun,
            record={} if record is None else record,
        )
        named = {"generations": self.endpoints.generations, "edits": self.endpoints.edits}
        return await named.get(path.rpartition("/")[2], self.endpoints.images)(request)

    async def drawn(self, path: str = "/v1/images/generations", **body: Any) -> dict[str, Any]:
        """The answer, parsed."""
        answer: dict[str, Any] = json.loads((await self.post(path, **body)).body)
        return answer


@asynccontextmanager
async def drawing_service(
    folder: Path,
    provider: Provider | None = None,
    *,
    offline: bool = False,
    image_models: tuple[str, ...] = (),
    image: Mapping[str, Any] | None = None,
    drain_s: float = 20.0,
) -> AsyncIterator[DrawingService]:
    """Drawn at `provider`, else by the offline painter; `image` is of the configuration's part of that name."""
    clock = SystemClock()
    settings = ImageConfig()
    if provider is not None:
        settings = ImageConfig(
            **{
                "model": "pictor-1",
                "base_url": provider.base_url,
                "api_key": "sk-canary",
                "timeout_s": 20.0,
                "price_usd": 0.04,
                **(image or {}),
            }
        )
    config = Config(image=settings, gateway=GatewayConfig(image_models=image_models))
    tool = ImageTool(Painter()) if provider is None else default_image_tool(config, clock)
    journals = Journals(folder)
    await journals.open()
    async with picture_service(folder) as pictures:
        engine = Engine(
            OfflineModel(),
            tool,
            recorder=Bookkeeping(journals, pictures.ledger, pictures.promises, pictures.links),
            storage=pictures.storage,
            inspector=pictures.inspector,
            config=config,
            drain_s=drain_s,
        )
        makers = Makers(config, tool, clock, offline=offline)
        references = References(pictures.ledger, pictures.storage, pictures.inspector)
        async with engine:
            endpoints = DrawingEndpoints(engine, makers, references, limits=Limits(), clock=clock)
            yield DrawingService(pictures, engine, endpoints)
        await makers.aclose()
