"""`POST /images/generations`, `POST /images` and `POST /images/edits`: pictures without a chat."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from anyio import to_thread

from limner.clock import Clock, SystemClock
from limner.core.formats import FORMATS, FormatName
from limner.core.limits import Limits
from limner.core.money import conversation_nanos, dollars
from limner.core.pictures import Picture
from limner.core.state import State
from limner.engine.conversation import Conversation
from limner.engine.engine import Engine
from limner.errors import StoreError
from limner.reply.reply import Reply
from limner.storage.protocol import Storage
from limner.wire.asking import AskError
from limner.wire.frames import DONE, json_bytes
from limner.wire.images.ask import ImageAsk, read_generations_ask, read_images_ask
from limner.wire.images.edit import read_edit_form, read_edits_ask
from limner.wire.images.events import ImageEvents
from limner.wire.images.lines import image_lines
from limner.wire.images.said import DrawnImage, generations_answer, images_answer

from ..exchange import OFFLINE_HEADERS, Answer, Dialect, Inbound, Streamed, Whole
from ..front.multipart import is_form, read_form
from ..front.strictjson import read_object
from ..given.references import References
from ..naming.makers import Makers
from ..refusal import Refusal
from .orders import Order, order_of
from .runs import Runs
from .streaming import UNREADABLE, Telling, broken
from .undrawn import undrawn

__all__ = ["DrawingEndpoints"]


@dataclass(frozen=True, slots=True)
class _Words:
    """How an endpoint answers."""

    kind: Literal["image_generation", "image_edit"]
    events: Dialect
    whole: Callable[..., dict[str, Any]]


_GENERATIONS = _Words("image_generation", "openai", generations_answer)
_EDITS = _Words("image_edit", "openai", generations_answer)
_IMAGES = _Words("image_generation", "openrouter", images_answer)


class DrawingEndpoints:
    """Draws through the engine, so that a picture is bought at most once here, too.

    Each picture is an order of its own: so any model draws several, and those that fail take no others
    with them (I20).
    """

    def __init__(
        self,
        engine: Engine,
        makers: Makers,
        references: References,
        *,
        limits: Limits,
        clock: Clock | None = None,
    ) -> None:
        """`engine`: its recorder keeps the books, so that pictures and money are known to the ledger.

        `limits`: of a turn; how many pictures one may have, each request says itself.
        """
        self._storage = engine.storage
        self._makers = makers
        self._runs = Runs(engine, references, limits)
        self._clock = clock or SystemClock()

    async def generations(self, inbound: Inbound) -> Answer:
        """`POST /images/generations`, as OpenAI and ARouter have it.

        Raises: Refusal, LimnerError. Cancel: what was ordered is received and kept.
        """
        ask = _asked(read_generations_ask, await read_object(inbound.body))
        return await self._answer(inbound, ask, _GENERATIONS)

    async def images(self, inbound: Inbound) -> Answer:
        """`POST /images`, as OpenRouter has it: always with the bytes. Otherwise as `generations`."""
        ask = _asked(read_images_ask, await read_object(inbound.body))
        return await self._answer(inbound, ask, _IMAGES)

    async def edits(self, inbound: Inbound) -> Answer:
        """`POST /images/edits`, as OpenAI has it: a form, or JSON. Otherwise as `generations`."""
        content_type = inbound.headers.get("content-type", "")
        if is_form(content_type):
            ask = _asked(read_edit_form, await read_form(inbound.body, content_type))
        else:
            ask = _asked(read_edits_ask, await read_object(inbound.body))
        return await self._answer(inbound, ask, _EDITS)

    async def _answer(self, inbound: Inbound, ask: ImageAsk, words: _Words) -> Answer:
        order = order_of(ask, await self._makers.find(ask.model))
        inbound.record["model"] = ask.model or order.overheard.name.rpartition(" ")[2]
        headers = OFFLINE_HEADERS if order.tool.backend.offline else {}
        if not ask.stream:
            return Whole(await self._whole(inbound, order, words), headers=headers)
        ordered = order.resolved.request
        events = ImageEvents(
            words.kind,
            words.events,
            size=ordered.size,
            quality=ordered.quality,
            background=ordered.background,
            offline=order.tool.backend.offline,
        )
        return Streamed(self._frames(inbound, order, events), headers, broken(inbound, events))

    async def _frames(self, inbound: Inbound, order: Order, events: ImageEvents) -> AsyncIterator[bytes]:
        conversation = await self._runs.opened(inbound, order)
        telling = Telling(conversation, events, self._storage, self._clock)
        with self._runs.held(conversation):
            async with aclosing(telling.frames(order.ask.prompt)) as frames:
                async for frame in frames:
                    yield frame
            state = conversation.state
        self._pictures(inbound, state, order)
        yield DONE

    async def _whole(self, inbound: Inbound, order: Order, words: _Words) -> bytes:
        ask = order.ask
        conversation = await self._runs.opened(inbound, order)
        with self._runs.held(conversation):
            reply = await _finished(conversation, ask)
            state = conversation.state
        pictures = self._pictures(inbound, state, order)
        try:
            drawn = [await _shown(picture, ask, self._storage) for picture in pictures.values()]
        except StoreError as error:
            raise Refusal("store_unavailable", UNREADABLE, retry_after_s=5, bought=True) from error
        urls = {number: image.url for number, image in zip(pictures, drawn, strict=True) if image.url}
        answer = words.whole(
            int(self._clock.now()),
            drawn,
            cost_usd=reply.receipt["images_usd"],
            lines=image_lines(reply.calls, pictures=pictures, urls=urls, receipt=reply.receipt),
            offline=order.tool.backend.offline,
        )
        # Pictures as text are megabytes.
        return await to_thread.run_sync(json_bytes, answer)

    def _pictures(self, inbound: Inbound, state: State, order: Order) -> dict[int, Picture]:
        """The pictures by their numbers, in the order asked. Raises: Refusal, where there is none."""
        pictures = {
            each.number: each.picture
            for call in state.calls
            if call.drawn and call.outcome is not None
            for each in call.outcome.pictures
        }
        inbound.record["pictures"] = len(pictures)
        inbound.record["cost_usd"] = dollars(conversation_nanos(state))
        if not pictures:
            unknown = not self._makers.own(order.ask.model) and "status 404" in order.overheard.details
            raise undrawn(state.calls, model_unknown=unknown)
        return pictures


def _asked(read: Callable[[Any], ImageAsk], said: Any) -> ImageAsk:
    try:
        return read(said)
    except AskError as error:
        raise Refusal(error.code, error.sentence, param=error.param) from error


async def _finished(conversation: Conversation, ask: ImageAsk) -> Reply:
    if not conversation.state.turn:
        return await conversation.ask(ask.prompt)
    return conversation.reply if conversation.state.at_rest else await conversation.resume()


async def _shown(picture: Picture, ask: ImageAsk, storage: Storage) -> DrawnImage:
    """A picture in the answer: our link, which outlives the provider's, or its bytes."""
    format_name: FormatName = picture.format  # type: ignore[assignment]  # of a picture that was inspected
    media_type = FORMATS[format_name].media_type
    if ask.response_format == "url":
        return DrawnImage(media_type, url=storage.link(picture.id), revised_prompt=picture.revised_prompt)
    data = await storage.open(picture.id)
    text = (await to_thread.run_sync(base64.b64encode, data)).decode("ascii")
    return DrawnImage(media_type, b64_json=text, revised_prompt=picture.revised_prompt)
