"""Calls of one turn, from the checking to the outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import anyio

from limner.core.calls import Call
from limner.core.events import PictureReserved, ToolPromised, ToolReturned
from limner.core.machine import orphans
from limner.core.money import price
from limner.core.pictures import Picture
from limner.core.repair import clean
from limner.errors import ParameterError, PictureError
from limner.images.inspector import Inspector
from limner.logs import log
from limner.spending.reservations import Reservations
from limner.storage.keeping import keep
from limner.storage.protocol import Storage
from limner.tools.checking import RefusedCall, Toolbox
from limner.tools.tool import Tool, ToolResult, as_result, content, picture_bytes

from .cancellation import guarded
from .likeness import UnknownLikeness, liked, newest
from .purchases import Order, Purchases
from .run import Run

__all__ = ["Calls"]


class Calls:
    """Runs what the model asks for: pictures through the engine's purchases, other tools here."""

    def __init__(
        self,
        toolbox: Toolbox,
        purchases: Purchases,
        storage: Storage,
        inspector: Inspector,
        reservations: Reservations,
    ) -> None:
        self._toolbox = toolbox
        self._purchases = purchases
        self._storage = storage
        self._inspector = inspector
        self._reservations = reservations

    def take_up(self, run: Run) -> bool:
        """Somebody goes on with `run`: what it has ordered counts, and is received without being waited for.

        Returns whether there is such a picture.
        """
        self._reservations.take_up(run.id, run.state)
        image, left = self._toolbox.image, orphans(run.state)
        for orphan in left:
            if image is not None:
                self._purchases.settle(run, orphan.call, image, self._reservations)
        return bool(left)

    def put_down(self, run: Run) -> None:
        """Nobody goes on with `run` for now: what it has not ordered holds no money back."""
        self._reservations.put_down(run.id, run.state)

    def prepare(self, run: Run, calls: Iterable[Call]) -> None:
        """Note what the checking of calls says, with their money set aside; `run.ahead` has it.

        They are those of a round in the model's order, before any of them starts: the numbers of
        pictures and the last money of a budget follow that order.
        """
        for call in calls:
            if call.number is not None:
                continue
            try:
                arguments = (
                    _asked(call) if call.redraws else self._toolbox.arguments(call.name, call.arguments)
                )
                if call.kind == "image":
                    self._reserve(run, call, arguments)
            except RefusedCall as refused:
                why = ToolReturned(call.key, code=refused.code, error=refused.sentence, paid=False)
                run.propose(call.key, why)

    def _reserve(self, run: Run, call: Call, arguments: Mapping[str, Any]) -> None:
        """Number a picture and set its money aside. Raises: RefusedCall."""
        image = self._toolbox.image
        assert image is not None
        try:
            like = call.like or liked(run.ahead, call, arguments.get("like", ()))
        except UnknownLikeness as unknown:
            raise RefusedCall("arguments_schema", str(unknown)) from None
        if image.action == "edit" and not like:
            like = newest(run.ahead, call)
        try:
            # To say what it costs their number is enough.
            request = image.request(arguments, (b"",) * len(like))
            price_usd = price(image.backend.resolve(request).price_usd)
        except ParameterError as refused:
            # What the model has said it can mend; the rest was fixed by the application.
            theirs = refused.param in ("prompt", "aspect_ratio", "references") and not call.redraws
            raise RefusedCall("arguments_schema" if theirs else "image_bad_request", str(refused)) from None
        except Exception as error:
            # Strategy: a maker may raise anything; it becomes the call's result.
            log.exception("price.broke", call=call.key, error=type(error).__name__)
            run.propose(call.key, ToolReturned(call.key, code="internal", paid=False))
            return
        code = self._reservations.reserve(run.id, run.ahead, call, price_usd)
        if code is not None:
            run.propose(call.key, ToolReturned(call.key, code=code, paid=False))
            return
        event = PictureReserved(
            call.key,
            arguments["prompt"],
            arguments.get("alt") or arguments["prompt"],
            request.aspect_ratio,
            price_usd,
            label=arguments.get("name", "").strip(),
            like=like,
        )
        release = partial(self._reservations.release, run.id, call)
        reserved = run.propose(f"{call.key}/reserved", event, undo=release)
        if reserved is not None and run.ahead.settings.promise_after_s == 0:
            run.propose(f"{call.key}/promised", ToolPromised(call.key))

    def draws(self, call: Call) -> bool:
        """Whether it is a picture that can be drawn; a resumed run may speak of a tool that is gone."""
        return call.kind == "image" and self._toolbox.image is not None

    def order(self, run: Run, call: Call, told: Callable[[Order], None]) -> Order:
        """See one prepared picture to its outcome; `told` hears of it. Raises: CallerError (`engine_closed`)."""
        image = self._toolbox.image
        assert image is not None
        return self._purchases.settle(run, call, image, self._reservations, told)

    async def settle(self, run: Run, call: Call) -> None:
        """See one prepared call to its outcome that is no picture, or none that can be drawn."""
        if call.kind == "image":
            ordered = call.submitted_at_s is not None
            code, paid = ("outcome_unknown", None) if ordered else ("unknown_tool", False)
            await run.offer(call.key, ToolReturned(call.key, code=code, paid=paid))
            return
        event = await self._run_tool(run, self._toolbox.tools[call.name], call)
        await run.offer(call.key, event)

    async def returned(self, run: Run, call: Call, value: object) -> ToolReturned:
        """What a tool returned, as a fact; its pictures are kept first."""
        result: ToolResult = as_result(value)
        if result.error is not None:
            return ToolReturned(call.key, code="tool_failed", error=clean(result.error))
        text = content(result.value) if result.value is not None else ""
        pictures: list[Picture] = []
        for each in result.pictures:
            try:
                data = picture_bytes(each.data)
                picture = await keep(
                    self._storage, self._inspector, run.state.owner, data, alt=clean(each.alt)
                )
            except PictureError as error:
                sentence = f"A picture that the tool returned cannot be used ({error.code})."
                return ToolReturned(call.key, code="tool_failed", error=sentence)
            pictures.append(replace(picture, model=call.name))
        return ToolReturned(call.key, text, pictures=tuple(pictures))

    async def _run_tool(self, run: Run, tool: Tool, call: Call) -> ToolReturned:
        assert tool.run is not None
        try:
            arguments = self._toolbox.arguments(call.name, call.arguments)
            with anyio.fail_after(tool.timeout_s):
                return await self.returned(run, call, await guarded(tool.run(**arguments)))
        except TimeoutError:
            return ToolReturned(call.key, code="tool_timeout")
        except Exception as error:
            # Strategy: tools raise anything; it becomes the call's result here and nowhere else.
            # The model reads a sentence of ours, because the exception may quote a secret.
            log.exception("tool.broke", tool=tool.name, call=call.key, error=type(error).__name__)
            return ToolReturned(call.key, code="tool_failed")


def _asked(call: Call) -> dict[str, Any]:
    """What somebody wants drawn again, as the model would have said it."""
    return {"prompt": call.prompt, "alt": call.alt, "aspect_ratio": call.aspect_ratio}
