"""Any OpenAI-compatible Chat Completions endpoint, streamed and whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.core.messages import ChatRequest, Delta
from limner.wire.body import Body
from limner.wire.chat.upstream import read_chunk, read_whole, read_words
from limner.wire.chat.writing import chat_body
from limner.wire.errors import Fault, fault_in_body

from .http import HTTPModel, Speech

__all__ = ["OpenAIModel"]


class _ChatAnswer:
    ended = False
    ends_itself = False
    counted = False

    def chunk(self, value: object, name: str) -> tuple[Delta, ...]:  # noqa: ARG002  chunks have no names
        return read_chunk(value)

    def words(self, value: object) -> str:
        return read_words(value)

    def whole(self, body: object) -> tuple[Delta, ...]:
        return read_whole(body)

    def fault(self, body: object, name: str = "") -> Fault | None:  # noqa: ARG002  chunks have no names
        return fault_in_body(body)


def _written(
    request: ChatRequest, *, model: str, stream: bool, options: Mapping[str, Any], extra: Mapping[str, Any]
) -> Body:
    return chat_body(request, model=model, stream=stream, extra={**options, **extra})


class OpenAIModel(HTTPModel):
    """A chat model behind an OpenAI-compatible endpoint."""

    speech = Speech(
        path="/chat/completions",
        write=_written,
        answering=_ChatAnswer,
        dispensable={"stream_options": ("stream_options",)},
    )
