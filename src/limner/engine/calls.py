"""Calls of one turn, from the checking to the outcome."""

from __future__ import annotations

from dataclasses import replace

import anyio

from limner.core.calls import Call
from limner.core.events import PictureReserved, ToolPromised, ToolReturned
from limner.core.pictures import Picture
from limner.core.repair import clean
from limner.errors import PictureError
from limner.images.inspector import Inspector
from limner.logs import log
from limner.spending.reservations import refusal
from limner.storage.keeping import keep
from limner.storage.protocol import Storage
from limner.tools.checking import RefusedCall, Toolbox
from limner.tools.tool import Tool, ToolResult, as_result, content

from .cancellation import guarded
from .purchases import Purchases
from .run import Run

__all__ = ["Calls"]


class Calls:
    """Runs what the model asks for: pictures through the engine's purchases, other tools here."""

    def __init__(
        self, toolbox: Toolbox, purchases: Purchases | None, storage: Storage, inspector: Inspector
    ) -> None:
        self._toolbox = toolbox
        self._purchases = purchases
        self._storage = storage
        self._inspector = inspector

    async def prepare(self, run: Run, call: Call) -> None:
        """Check a call and set its money aside; what is refused beforehand has its outcome here.

        Called for the calls of a round one after the other, in the model's order, before any
        of them starts: the numbers of pictures and the last money of a budget follow that order.
        """
        if call.number is not None:
            return
        try:
            arguments = self._toolbox.arguments(call.name, call.arguments)
        except RefusedCall as refused:
            await run.offer(
                call.key, ToolReturned(call.key, code=refused.code, error=refused.sentence, paid=False)
            )
            return
        image = self._toolbox.image
        if call.kind != "image" or image is None:
            return
        request = image.request(arguments)
        try:
            price = image.backend.resolve(request).price_usd
        except Exception as error:
            # Strategy: a maker may raise anything; it becomes the call's result.
            log.exception("price.broke", call=call.key, error=type(error).__name__)
            await run.offer(call.key, ToolReturned(call.key, code="internal", paid=False))
            return
        code = refusal(run.state, price)
        if code is not None:
            await run.offer(call.key, ToolReturned(call.key, code=code, paid=False))
            return
        reserved = PictureReserved(
            call.key, request.prompt, arguments.get("alt") or request.prompt, request.aspect_ratio, price
        )
        if not await run.offer(f"{call.key}/reserved", reserved):
            return
        if run.state.settings.promise_after_s == 0:
            await run.offer(f"{call.key}/promised", ToolPromised(call.key))

    async def settle(self, run: Run, call: Call) -> None:
        """See one prepared call to its outcome."""
        if call.kind == "image":
            assert self._purchases is not None
            await self._purchases.settle(run, call)
            return
        event = await self._run_tool(run, self._toolbox.tools[call.name], call)
        await run.offer(call.key, event)

    def adopt(self, run: Run, call: Call) -> None:
        """See a call to its outcome without waiting for it."""
        if self._purchases is not None:
            self._purchases.adopt(run, call)

    async def returned(self, run: Run, call: Call, value: object) -> ToolReturned:
        """What a tool returned, as a fact; its pictures are kept first."""
        result: ToolResult = as_result(value)
        if result.error is not None:
            return ToolReturned(call.key, code="tool_failed", error=clean(result.error))
        text = content(result.value) if result.value is not None else ""
        pictures: list[Picture] = []
        for each in result.pictures:
            try:
                picture = await keep(
                    self._storage, self._inspector, run.state.owner, each.data, alt=clean(each.alt)
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
