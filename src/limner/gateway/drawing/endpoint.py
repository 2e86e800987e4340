"""`POST /images/generations` and `POST /images`: pictures without a chat."""

from __future__ import annotations

import base64
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from anyio import to_thread

from limner.clock import Clock, SystemClock
from limner.core.formats import FORMATS, FormatName
from limner.core.limits import Limits
from limner.core.money import conversation_nanos, dollars
from limner.core.pictures import Picture
from limner.core.state import State
from limner.engine.conversation import Conversation
from limner.engine.engine import Engine
from limner.errors import JournalError, ParameterError, StoreError
from limner.images.protocol import ImageRequest
from limner.reply.reply import Reply
from limner.storage.protocol import Storage
from limner.tools.image import ImageTool
from limner.wire.asking import AskError
from limner.wire.frames import json_bytes
from limner.wire.imageask import (
    DrawnImage,
    ImageAsk,
    generations_answer,
    images_answer,
    read_generations_ask,
    read_images_ask,
)
from limner.wire.imagelines import image_lines

from ..exchange import OFFLINE_HEADERS, Inbound, Whole
from ..front.strictjson import read_object
from ..naming.makers import Makers
from ..refusal import Refusal
from .dictation import DictatedTool, Dictation, Overheard
from .references import References
from .undrawn import undrawn

__all__ = ["DrawingEndpoints"]

_ROUNDS = 2
_MOST_LEFT = 256
_UNREADABLE = "The pictures were drawn and kept, but cannot be read now; send the request again with its Idempotency-Key."
_SAID = (
    "size",
    "aspect_ratio",
    "quality",
    "style",
    "background",
    "output_format",
    "output_compression",
    "moderation",
)
_NOT_PASSED_ON = ("seed", "provider")


@dataclass(frozen=True, slots=True)
class _Order:
    """One request, ready to be drawn."""

    ask: ImageAsk
    tool: DictatedTool
    overheard: Overheard


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
        self._engine = engine
        self._makers = makers
        self._references = references
        self._limits = limits
        self._clock = clock or SystemClock()
        self._left: OrderedDict[str, Conversation] = OrderedDict()
        """Of requests that were cancelled, by their runs."""

    async def generations(self, inbound: Inbound) -> Whole:
        """`POST /images/generations`, as OpenAI and ARouter have it.

        Raises: Refusal, LimnerError. Cancel: what was ordered is received and kept.
        """
        return await self._answer(inbound, read_generations_ask, generations_answer)

    async def images(self, inbound: Inbound) -> Whole:
        """`POST /images`, as OpenRouter has it: always with the bytes. Otherwise as `generations`."""
        return await self._answer(inbound, read_images_ask, images_answer)

    async def _answer(
        self,
        inbound: Inbound,
        read: Callable[[Mapping[str, Any]], ImageAsk],
        write: Callable[..., dict[str, Any]],
    ) -> Whole:
        try:
            ask = read(await read_object(inbound.body))
        except AskError as error:
            raise Refusal(error.code, error.sentence, param=error.param) from error
        _refuse_unused(ask)
        order = self._order(ask, await self._makers.find(ask.model))
        inbound.record["model"] = ask.model or order.overheard.name.rpartition(" ")[2]
        state, reply = await self._drawn(inbound, order)
        pictures = self._pictures(inbound, state, order)
        offline = order.tool.backend.offline
        storage = self._engine.storage
        try:
            drawn = [await _shown(picture, ask, storage) for picture in pictures.values()]
        except StoreError as error:
            raise Refusal("store_unavailable", _UNREADABLE, retry_after_s=5, bought=True) from error
        urls = {number: image.url for number, image in zip(pictures, drawn, strict=True) if image.url}
        answer = write(
            int(self._clock.now()),
            drawn,
            cost_usd=reply.receipt["images_usd"],
            lines=image_lines(reply.calls, pictures=pictures, urls=urls, receipt=reply.receipt),
            offline=offline,
        )
        # Pictures as text are megabytes.
        body = await to_thread.run_sync(json_bytes, answer)
        return Whole(body, headers=OFFLINE_HEADERS if offline else {})

    def _order(self, ask: ImageAsk, tool: ImageTool) -> _Order:
        """What will be drawn. Raises: Refusal (`parameter_refused`)."""
        overheard = Overheard(tool.backend)
        request = _request(ask, tool)
        try:
            # To say what it takes, the number of pictures to resemble is enough.
            overheard.resolve(replace(request, references=(b"",) * len(ask.references)))
        except ParameterError as error:
            param = "input_references" if error.param == "references" else error.param
            raise Refusal("parameter_refused", str(error), param=param) from error
        return _Order(ask, DictatedTool(overheard, asked=request), overheard)

    async def _drawn(self, inbound: Inbound, order: _Order) -> tuple[State, Reply]:
        """The pictures, of a run that was cut off where there is one, else of a new one."""
        conversation = None
        if inbound.resume_run is not None:
            conversation = await self._found(inbound.resume_run, inbound, order)
        if conversation is None:
            conversation = await self._begun(inbound, order)
        inbound.record["turn"] = conversation.id
        try:
            reply = await self._finished(conversation, order.ask)
        except BaseException:
            # What was ordered is still received: whoever asks again waits for it with this conversation.
            self._left[conversation.id] = conversation
            while len(self._left) > _MOST_LEFT:
                self._left.popitem(last=False)
            raise
        state = conversation.state
        conversation.let_go()
        return state, reply

    async def _begun(self, inbound: Inbound, order: _Order) -> Conversation:
        ask = order.ask
        known = await self._references.kept(inbound.tenant.name, ask.references)
        run = uuid.uuid4().hex
        conversation = self._engine.conversation(
            run,
            owner=inbound.tenant.name,
            pictures=known,
            model=_dictation(ask),
            images=order.tool,
            tools=(),
            limits=replace(self._limits, rounds=_ROUNDS, calls=ask.n, images=ask.n),
            budget=inbound.tenant.budget,
            promise_after_s=False,
        )
        # First of all, so that whoever repeats the request goes on with this run.
        await inbound.begun(run)
        return conversation

    async def _found(self, run: str, inbound: Inbound, order: _Order) -> Conversation | None:
        """The run as this process or another left it; None where nobody knows it any more."""
        left = self._left.pop(run, None)
        if left is not None:
            return left
        try:
            return await self._engine.resume(
                run,
                model=_dictation(order.ask),
                images=order.tool,
                tools=(),
                budget=inbound.tenant.budget,
            )
        except JournalError as error:
            if error.code != "run_unknown":
                raise
            return None

    async def _finished(self, conversation: Conversation, ask: ImageAsk) -> Reply:
        if not conversation.state.turn:
            return await conversation.ask(ask.prompt)
        return conversation.reply if conversation.state.at_rest else await conversation.resume()

    def _pictures(self, inbound: Inbound, state: State, order: _Order) -> dict[int, Picture]:
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


def _dictation(ask: ImageAsk) -> Dictation:
    return Dictation(ask.prompt, ask.n, tuple(range(1, len(ask.references) + 1)))


def _refuse_unused(ask: ImageAsk) -> None:
    for name in _NOT_PASSED_ON:
        if getattr(ask, name) is not None:
            raise Refusal(
                "unsupported_parameter",
                f"{name!r} is not passed on to image models; leave it out.",
                param=name,
            )


def _request(ask: ImageAsk, tool: ImageTool) -> ImageRequest:
    """One picture as the client asked for it; what it left open is as configured."""
    said = {name: value for name in _SAID if (value := getattr(ask, name)) is not None}
    request = tool.request({"prompt": ask.prompt})
    # One says the shape; the other may contradict it.
    if "size" in said:
        request = replace(request, aspect_ratio=None)
    elif "aspect_ratio" in said:
        request = replace(request, size=None)
    return replace(request, n=1, **said)


async def _shown(picture: Picture, ask: ImageAsk, storage: Storage) -> DrawnImage:
    """A picture in the answer: our link, which outlives the provider's, or its bytes."""
    format_name: FormatName = picture.format  # type: ignore[assignment]  # of a picture that was inspected
    media_type = FORMATS[format_name].media_type
    if ask.response_format == "url":
        return DrawnImage(media_type, url=storage.link(picture.id), revised_prompt=picture.revised_prompt)
    data = await storage.open(picture.id)
    text = (await to_thread.run_sync(base64.b64encode, data)).decode("ascii")
    return DrawnImage(media_type, b64_json=text, revised_prompt=picture.revised_prompt)
