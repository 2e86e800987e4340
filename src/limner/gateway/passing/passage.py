"""A provider's answer on its way through: read as strictly as clients need it, changed as little as can be.

The words are the model's own. Changed is only what clients stumble over: bytes that are no text, events
of types of their own, nulls where their schemas have none, figures that nobody asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from limner.core.messages import Usage
from limner.wire.chat.said import Head
from limner.wire.chat.upstream import read_usage, read_words
from limner.wire.errors import Fault, chat_code, fault_in_body, read_fault
from limner.wire.frames import json_bytes
from limner.wire.parsing import finite, parsed
from limner.wire.sse import EventTooLarge, SseParser

from ..exchange import Dialect
from .echo import Echo

__all__ = ["MAX_WHOLE_BYTES", "Passage", "Unusable", "passed_whole"]

MAX_WHOLE_BYTES = 16 << 20
_MAX_EVENT_BYTES = 12 << 20
"""A chat model's own picture comes as one event."""
_MAX_STREAMED_BYTES = 256 << 20
"""Of a whole stream, silence included: an endless one must not be passed on for ever."""
_PADDING = b" \t\r\n\xef\xbb\xbf"
"""White space that some gateways send while they wait, and the byte order mark."""
_ODD = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    msgspec.MsgspecError,
)
"""Strategy: providers send shapes that nobody thought of; whatever trips over one ends here."""
_LINE_ENDS = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))
"""Ends of lines for Python's `splitlines`, by which several clients cut a stream."""
_MOST_VALUES = 1_000_000
"""Of one answer or event: each takes up to a hundred times its bytes."""
_FIGURES = ("prompt_tokens", "completion_tokens", "total_tokens")
_MOST_TOKENS = 10**9

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Unusable(Exception):
    """The answer, or the rest of it, cannot be passed on."""

    def __init__(self, code: str, fault: Fault | None = None) -> None:
        """`code` is one of the chat provider's failures; `fault` is its own report, for the debug log."""
        super().__init__(code)
        self.code = code
        self.fault = fault


class Passage:
    """One streamed answer: feed it each network read, and b"" at the end; after a failure no more.

    What is said is judged by its first byte and not by its content type: some servers answer
    plain JSON to `stream: true`, and some call their streams text.
    """

    def __init__(self, head: Head, dialect: Dialect, *, wants_usage: bool, choices: int = 1) -> None:
        """What the client wants.

        `head` is for what the provider leaves out. `wants_usage`: whether figures are read, beside
        where they always are. `choices`: how many answers were asked for.
        """
        self.ended = False
        """Nothing more needs to be read."""
        self.begun = False
        """Something of the model's has been passed on."""
        self.failure: Unusable | None = None
        """Why there is no more, after the frames that were given back with it."""
        self.usage: Usage | None = None
        self._head = head
        self._dialect = dialect
        self._wants_usage = wants_usage or dialect == "openrouter"
        self._choices = choices
        self._finished: set[object] = set()
        self._calls: dict[object, int] = {}
        self._parser: SseParser | None = None
        self._whole: list[bytes] | None = None
        self._echo = Echo()
        self._at_rest = True
        self._received = 0
        self._events = 0

    @property
    def finished(self) -> bool:
        """The model has said that it has finished; its figures may follow."""
        return len(self._finished) >= self._choices

    def take(self, data: bytes) -> list[bytes]:
        """The frames that one read gives; `failure` and `ended` may be set after it."""
        frames: list[bytes] = []
        try:
            self._take(data, frames)
        except Unusable as failure:
            # What the model has finished stands, however its stream goes on.
            if self.finished and failure.code == "upstream_too_large":
                self.ended = True
            else:
                self.failure = failure
        except _ODD:
            self.failure = Unusable("upstream_protocol")
        return frames

    def _take(self, data: bytes, frames: list[bytes]) -> None:
        self._received += len(data)
        if self._received > _MAX_STREAMED_BYTES:
            raise Unusable("upstream_too_large")
        if self._parser is None and self._whole is None:
            data = self._opened(data)
        if self._whole is not None:
            self._take_whole(self._whole, data, frames)
        elif self._parser is not None:
            self._take_events(self._parser, data, frames)

    def _opened(self, data: bytes) -> bytes:
        """Decide by the first byte what the answer is; the data without its padding."""
        rest = data.lstrip(_PADDING)
        if rest[:1] in (b"{", b"["):
            self._whole = []
        elif rest[:1] == b"<" or not data:
            raise Unusable("upstream_empty")
        elif rest:
            self._parser = SseParser(_MAX_EVENT_BYTES)
            # The mark may stand before the whole stream only, and has been taken off.
            self._parser.feed(b"\n")
        return rest

    def _take_whole(self, pieces: list[bytes], data: bytes, frames: list[bytes]) -> None:
        if data:
            pieces.append(data)
            if self._received > MAX_WHOLE_BYTES:
                raise Unusable("upstream_too_large")
            return
        answer, self.usage = _read_whole(b"".join(pieces), self._head, self._dialect)
        self.ended = self.begun = True
        figures = answer.pop("usage", None)
        answer["object"] = "chat.completion.chunk"
        for choice in answer["choices"]:
            delta = choice["delta"] = choice.pop("message")
            for index, call in enumerate(delta.get("tool_calls") or ()):
                call["index"] = index
        if answer["system_fingerprint"] is None:
            del answer["system_fingerprint"]
        frames.append(_frame(_encode(answer)))
        if figures is not None and self._wants_usage:
            frames.append(_frame(_encode({**answer, "choices": self._beside_usage(), "usage": figures})))

    def _take_events(self, parser: SseParser, data: bytes, frames: list[bytes]) -> None:
        if self._at_rest and data.startswith(b"data: ") and data.endswith(b"\n\n") and b"\r" not in data:
            # Whole frames as nearly all servers write them, one line each: the parser would say the same.
            events = data[6:-2].split(b"\n\ndata: ")
            if not any(b"\n" in event for event in events):
                for event in events:
                    again = self._echo.again(event)
                    if again is not None:
                        frames.append(_frame(again))
                        continue
                    self._event(event, frames)
                    if self.ended:
                        return
                return
        too_large = False
        try:
            read = parser.feed(data) if data else parser.close()
        except EventTooLarge as error:
            read, too_large = error.events, True
        self._at_rest = data.endswith(b"\n\n") and b"\r" not in data
        for each in read:
            if each.event == "error":
                raise self._reported(read_fault(0, _value(each.data)))
            self._event(each.data.encode("utf-8", "replace"), frames, last=not data)
            if self.ended:
                return
        if too_large:
            raise Unusable("upstream_too_large")
        if not data:
            self.ended = True
            if not self.finished:
                raise Unusable("upstream_truncated" if self._events else "upstream_empty")

    def _event(self, payload: bytes, frames: list[bytes], *, last: bool = False) -> None:
        """One event; `last` where the stream ended without ending it."""
        said = payload.strip()
        if not said:
            return
        self._events += 1
        if said == b"[DONE]":
            self.ended = True
            if not self.begun:
                raise Unusable("upstream_empty")
            return
        try:
            chunk, payload = _read(payload)
        except _ODD:
            raise Unusable("upstream_truncated" if last else "upstream_protocol") from None
        # Before it is mended in its place.
        words = read_words(chunk)
        mended = self._mended(chunk, payload)
        if mended is not None:
            frames.append(_frame(mended))
            if words:
                self._echo.learn(payload, words, lambda like: self._mended(*_read(like)))

    def _mended(self, chunk: object, payload: bytes) -> bytes | None:
        """What an event says as it goes on; None where it does not. Raises: Unusable, and others of `_ODD`."""
        if not isinstance(chunk, dict):
            raise Unusable("upstream_protocol")
        fault = fault_in_body(chunk)
        if fault is not None:
            raise self._reported(fault)
        changed = self._mend(chunk)
        if changed is None:
            return None
        return _encode(chunk) if changed or b"\n" in payload else payload

    def _reported(self, fault: Fault) -> Unusable:
        # Once the answer has begun, that it broke off is all that matters.
        code = "upstream_stream_error" if self.begun or not fault.status else chat_code(fault)
        return Unusable(code, fault)

    def _mend(self, chunk: dict[str, Any]) -> bool | None:
        """Make a chunk right in its place: whether it was changed, or None where it is not passed on."""
        changed = self._keep_figures(chunk)
        choices = chunk.get("choices")
        if not choices:
            # Azure's filter speaks first and figures come last, both without choices (quirk 11).
            if "usage" not in chunk:
                return None
            if choices is None or self._dialect == "openrouter":
                chunk["choices"], changed = self._beside_usage(), True
        else:
            for position, choice in enumerate(choices):
                changed = self._mend_choice(choice, position) or changed
            self.begun = True
        return _mend_head(chunk, self._head, self._dialect, "chat.completion.chunk") or changed

    def _keep_figures(self, chunk: dict[str, Any]) -> bool:
        """Note what was counted, and take it out where nobody wants it or can believe it."""
        if "usage" not in chunk:
            return False
        figures = chunk["usage"]
        if isinstance(figures, dict):
            self.usage = read_usage(figures)
        if self._wants_usage and _believable(figures):
            return False
        del chunk["usage"]
        return True

    def _beside_usage(self) -> list[dict[str, Any]]:
        """The choices of a chunk that tells figures: OpenRouter's clients look at the first."""
        return (
            []
            if self._dialect == "openai"
            else [{"index": 0, "delta": {}, "finish_reason": None, "logprobs": None}]
        )

    def _mend_choice(self, choice: dict[str, Any], position: int) -> bool:
        changed = False
        if not isinstance(choice.get("index"), int):
            choice["index"], changed = position, True
        index = choice["index"]
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            # Some servers stream whole messages, some null where there is nothing to say.
            message = choice.pop("message", None)
            delta = choice["delta"] = message if isinstance(message, dict) else {}
            changed = True
        if choice.get("finish_reason"):
            self._finished.add(index)
        elif choice.get("finish_reason", "") is not None:
            choice["finish_reason"], changed = None, True
        if "tool_calls" in delta:
            changed = self._mend_calls(delta, index) or changed
        return _drop_nulls(delta, "function_call", "audio") or changed

    def _mend_calls(self, delta: dict[str, Any], choice: object) -> bool:
        """Give each fragment the index that clients need, where the provider sends none (quirk 1)."""
        if not delta["tool_calls"]:
            del delta["tool_calls"]
            return True
        changed = False
        for call in delta["tool_calls"]:
            if isinstance(call.get("index"), int):
                self._calls[choice] = max(self._calls.get(choice, -1), call["index"])
            else:
                newest = self._calls.get(choice, -1)
                newest = newest + 1 if call.get("id") or newest < 0 else newest
                call["index"] = self._calls[choice] = newest
                changed = True
        return changed


def passed_whole(body: bytes, head: Head, dialect: Dialect) -> tuple[bytes, Usage | None]:
    """A whole answer as it goes on, and what was counted. Raises: Unusable."""
    answer, usage = _read_whole(body, head, dialect)
    return _encode(answer), usage


def _read_whole(body: bytes, head: Head, dialect: Dialect) -> tuple[dict[str, Any], Usage | None]:
    """A whole answer, made right. Raises: Unusable."""
    body = body.strip(_PADDING)
    if body[:1] not in (b"{", b"["):
        raise Unusable("upstream_protocol" if body[:5] == b"data:" else "upstream_empty")
    try:
        answer, _ = _read(body)
        fault = fault_in_body(answer)
        if fault is not None:
            raise Unusable(chat_code(fault) if fault.status else "upstream_stream_error", fault)
        return _mended_whole(answer, head, dialect)
    except _ODD:
        raise Unusable("upstream_protocol") from None


def _mended_whole(answer: Any, head: Head, dialect: Dialect) -> tuple[dict[str, Any], Usage | None]:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not choices:
        raise Unusable("upstream_empty")
    for position, choice in enumerate(choices):
        message = choice.get("message")
        if not isinstance(message, dict):
            raise Unusable("upstream_empty")
        message.setdefault("role", "assistant")
        if not isinstance(message.get("tool_calls"), list) or not message["tool_calls"]:
            message.pop("tool_calls", None)
            message["content"] = message.get("content") or ""
        _drop_nulls(message, "function_call", "audio")
        choice.setdefault("index", position)
        if not choice.get("finish_reason"):
            choice["finish_reason"] = "tool_calls" if message.get("tool_calls") else "stop"
    figures = answer.get("usage")
    if not _believable(figures):
        answer.pop("usage", None)
    _mend_head(answer, head, dialect, "chat.completion")
    answer.setdefault("system_fingerprint", None)
    return answer, read_usage(figures)


def _mend_head(answer: dict[str, Any], head: Head, dialect: Dialect, kind: str) -> bool:
    """What every piece begins with; a null fingerprint is for whole answers alone."""
    changed = answer.get("system_fingerprint", "") is None
    if changed:
        del answer["system_fingerprint"]
    if answer.get("object") != kind:
        answer["object"], changed = kind, True
    if not isinstance(answer.get("id"), str) or not answer["id"]:
        answer["id"], changed = head.id, True
    if not isinstance(answer.get("created"), int):
        answer["created"], changed = head.created, True
    if not isinstance(answer.get("model"), str):
        answer["model"], changed = head.model, True
    if dialect == "openrouter" and not isinstance(answer.get("provider"), str):
        answer["provider"], changed = head.provider, True
    return changed


def _drop_nulls(said: dict[str, Any], *names: str) -> bool:
    changed = False
    for name in names:
        if said.get(name, "") is None:
            del said[name]
            changed = True
    return changed


def _believable(figures: object) -> bool:
    """Whether what was counted can be: figures that are negative or absurd are left out (scorecard U31)."""
    if not isinstance(figures, Mapping):
        return False
    counts = [finite(figures.get(name, 0)) for name in _FIGURES]
    priced = figures.get("cost") is None or finite(figures["cost"]) is not None
    return priced and all(count is not None and count <= _MOST_TOKENS for count in counts)


def _read(payload: bytes) -> tuple[Any, bytes]:
    """What JSON says, and the same in valid UTF-8. Raises: Unusable, ValueError and others of `_ODD`."""
    if len(payload) > _MOST_VALUES and sum(map(payload.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise Unusable("upstream_too_large")
    try:
        return _decode(payload), payload
    except (msgspec.MsgspecError, ValueError):
        # Bytes that are no text, halves of characters: rare, so only here they are looked for.
        cleaned = json_bytes(parsed(payload))
        return _decode(cleaned), cleaned


def _value(data: str) -> object:
    try:
        return parsed(data)
    except ValueError:
        return data


def _frame(payload: bytes) -> bytes:
    if not payload.isascii():
        for end, escaped in _LINE_ENDS:
            payload = payload.replace(end, escaped)
    return b"data: " + payload + b"\n\n"
