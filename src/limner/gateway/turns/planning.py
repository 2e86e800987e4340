"""From a chat request to what a conversation is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from limner.config.settings import GatewayConfig
from limner.core.limits import Limits
from limner.core.stopping import StopWhen
from limner.spending.budget import Budget
from limner.tools.image import ImageTool
from limner.tools.tool import Tool
from limner.wire.chat.ask import IMAGE, ChatAsk

from ..naming.makers import Makers
from ..naming.upstreams import Upstream
from ..refusal import Refusal
from .tooling import Declared, Masks, declared, option_path

__all__ = ["Plan", "planned"]


@dataclass(frozen=True, slots=True)
class Plan:
    """One request, ready to be answered by the engine."""

    ask: ChatAsk
    upstream: Upstream
    tool: ImageTool | None
    tools: tuple[Tool, ...]
    """The client's own: it executes them."""
    limits: Limits
    tool_choice: str
    stop_when: tuple[StopWhen, ...]
    promise_after_s: float | None
    show: Literal["markdown", "images", "both"]
    urls: Literal["links", "data"]
    size_bytes: int
    """Of the messages."""

    @property
    def offline(self) -> bool:
        """Whether words or pictures are made up here."""
        return self.upstream.offline or (self.tool is not None and self.tool.backend.offline)

    @property
    def image_tool(self) -> str:
        """The image tool's name, also where it is off: calls of it may stand in a history."""
        return "generate_image" if self.tool is None else self.tool.name

    @property
    def resembling(self) -> bool:
        """Whether pictures that the user sends can be resembled."""
        return self.tool is not None and self.tool.most_like > 0


async def planned(
    ask: ChatAsk,
    body: Mapping[str, Any],
    upstream: Upstream,
    *,
    makers: Makers,
    gateway: GatewayConfig,
    limits: Limits,
    budget: Budget,
    size_bytes: int,
    masks: Masks,
    partials: bool,
) -> Plan:
    """What is asked for, held against what can be had. `limits`: the most that a client gets.

    `masks`, `partials`: as for `declared`.

    Raises: Refusal, before anything is sent.
    """
    drawing = None if ask.image is None else await declared(ask, body, makers, masks, partials=partials)
    tool = None if drawing is None else drawing.tool
    if drawing is not None:
        _check_money(ask, drawing, budget)
    urls = gateway.urls if ask.image is None or ask.image.urls is None else ask.image.urls
    show = gateway.show if ask.image is None or ask.image.show is None else ask.image.show
    return Plan(
        ask=ask,
        upstream=upstream,
        tool=tool,
        tools=tuple(
            Tool(spec.name, spec.description, spec.parameters, given=spec.given) for spec in ask.tools
        ),
        limits=_limits(ask, limits),
        tool_choice=_choice(ask.tool_choice, tool),
        stop_when=tuple(_condition(each, tool) for each in ask.stop_when),
        promise_after_s=_promise_after_s(ask, body, gateway, urls),
        show=show,
        urls=urls,
        size_bytes=size_bytes,
    )


def _check_money(ask: ChatAsk, drawing: Declared, budget: Budget) -> None:
    """Refuse a request that is for a picture alone where not one can be paid for (S26).

    Everywhere else the words are worth having: the model reads that there is no money, and says so.
    """
    forced = ask.tool_choice == IMAGE or (ask.tool_choice == "required" and not ask.tools)
    left_usd = budget.left_usd
    if forced and left_usd is not None and (drawing.price_usd or 0.0) > left_usd:
        raise Refusal("budget_exceeded")


def _limits(ask: ChatAsk, most: Limits) -> Limits:
    # Conditions take the place of the count. Source: OpenRouter API reference, "stop_server_tools_when".
    if ask.max_tool_calls is None or ask.stop_when:
        return most
    return replace(most, images=min(most.images, ask.max_tool_calls))


def _choice(choice: str, tool: ImageTool | None) -> str:
    return tool.name if choice == IMAGE and tool is not None else choice


def _condition(condition: StopWhen, tool: ImageTool | None) -> StopWhen:
    ours = condition.kind == "has_tool_call" and condition.word == IMAGE and tool is not None
    return replace(condition, word=tool.name) if ours and tool is not None else condition


def _promise_after_s(
    ask: ChatAsk, body: Mapping[str, Any], gateway: GatewayConfig, urls: str
) -> float | None:
    """How long words wait for a picture. A data URL holds its picture, so it cannot be promised."""
    said = None if ask.image is None else ask.image.promise_after_s
    if urls == "links":
        return gateway.promise_after_s if said is None else said
    if said is not None and ask.image is not None and ask.image.urls == "data":
        raise Refusal(
            "parameter_refused",
            "A picture cannot be promised in a data URL; leave 'promise_after' out, or ask for 'urls': 'links'.",
            param=option_path(body, "promise_after"),
        )
    return None
