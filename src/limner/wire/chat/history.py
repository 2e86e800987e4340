"""A client's messages as what the model reads.

The model knows pictures by references alone (`image://1`), numbered through the conversation. So each
link that we minted becomes one again wherever it comes back: in text, in `images`, in the
`reasoning_details` that tell of finished calls, in the arguments and results of the client's own tools.
Pictures of assistant messages never go on as base64, which would fill any context; pictures that the
user sends stay, because the model is to look at them.

Whose a link is takes a store to say, so this takes two steps: `links_in_messages` and
`data_urls_in_messages` list what could be ours, `numbered` numbers what is, and `history` writes the
messages. All of it takes milliseconds for each megabyte: beside the event loop, please, where bodies
are large.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from limner.core.calls import reference
from limner.core.messages import Message, ToolCall
from limner.core.thoughts import joined
from limner.errors import CALL_CODES

from ..parsing import parsed
from ..servertool import IMAGE, SERVER_CALL
from .links import PICTURE, Rewriting, data_urls_in, image_url, is_picture, links_in, pictures_of

__all__ = [
    "SERVER_CALL",
    "data_urls_in_messages",
    "history",
    "links_in_messages",
    "numbered",
    "sent_pictures",
]

_LONGEST_ERROR = 2000
_WORDS = ("text", "refusal")
"""The fields of a part that hold words."""
_NONE = "https://\0"
"""What no link begins with."""
_ROLES: Mapping[str, Any] = {"developer": "system", "function": "tool"}
"""What those roles are here that have another name with us."""


def links_in_messages(messages: Iterable[Mapping[str, Any]], ours: str = "") -> tuple[str, ...]:
    """Every web address that could be a link of ours, once each, in order of first appearance.

    `ours`, here and below: what every link of ours begins with; "" where nothing is known of it.
    """
    addresses = (url for url in _addresses(messages, ours) if url.startswith(ours) and not is_picture(url))
    return tuple(dict.fromkeys(addresses))


def data_urls_in_messages(messages: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Every picture that the model or the user sent by value, once each, in order of first appearance."""
    return tuple(dict.fromkeys(url for url in _addresses(messages, _NONE) if is_picture(url)))


def sent_pictures(messages: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The addresses of the pictures that the user sent, links and data URLs, once each, in order.

    Whoever keeps their bytes and gives them a number in `history` lets the model name them.
    """
    urls = (
        url
        for message in messages
        if message["role"] == "user"
        for part in _parts(message)
        if (url := image_url(part)) is not None
    )
    return tuple(dict.fromkeys(urls))


def numbered(
    messages: Iterable[Mapping[str, Any]], pictures: Mapping[str, str], ours: str = ""
) -> dict[str, int]:
    """The number of each address in `pictures` (ids of pictures by address), in order of first appearance.

    Two addresses of one picture have the same number. A conversation that only grows keeps its numbers.
    """
    by_id: dict[str, int] = {}
    numbers: dict[str, int] = {}
    for url in _addresses(messages, ours):
        if url in pictures and url not in numbers:
            numbers[url] = by_id.setdefault(pictures[url], len(by_id) + 1)
    return numbers


def history(
    messages: Sequence[Mapping[str, Any]],
    numbers: Mapping[str, int],
    *,
    image_tool: str,
    ours: str = "",
    broken: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> tuple[Message, ...]:
    """The transcript that `messages`, checked by `read_chat_ask`, amount to.

    `numbers`: references by link or data URL. `image_tool`: our tool's name, for the calls that are told
    again. A link that begins with `ours` and has no number is left as a link, never as an image. `broken`: promised links that came to nothing, with a code of `errors.CALL_CODES`.
    `values`: data URLs by link of those pictures of ours that the user shows the model.
    """
    writer = _Writer(Rewriting(numbers, broken or {}, ours), image_tool, values or {}, _ids(messages))
    return tuple(said for message in messages for said in writer.said(message))


def _addresses(messages: Iterable[Mapping[str, Any]], ours: str) -> Iterator[str]:
    """All of them (in text only those that begin with `ours`), in the order in which `history` puts them before the model."""
    for message in messages:
        spoken = message["role"] == "assistant"
        for detail in _details(message) if spoken else ():
            told = _told(detail)
            if told is not None:
                yield from links_in(told[0], ours)
                shown = told[1].get("imageUrl")
                yield from (shown,) if isinstance(shown, str) else ()
        for part in _parts(message):
            for text in _texts(part).values():
                yield from links_in(text, ours)
                yield from data_urls_in(text) if spoken else ()
            url = image_url(part)
            yield from () if url is None else (url,)
        if spoken:
            yield from pictures_of(message)
            for call in message.get("tool_calls") or ():
                yield from links_in(_called(call).arguments, ours)


class _Writer:
    """Writes one message after the other."""

    def __init__(
        self, rewriting: Rewriting, image_tool: str, values: Mapping[str, str], taken: set[str]
    ) -> None:
        self._rewriting = rewriting
        self._image_tool = image_tool
        self._values = values
        self._taken = taken
        self._calls = 0

    def said(self, message: Mapping[str, Any]) -> Iterator[Message]:
        """What `message` is to the model: itself, after the calls of ours that it tells of."""
        role = message["role"]
        if role == "assistant":
            thoughts = yield from self._told_again(message)
            yield from self._assistant(message, thoughts)
        else:
            content = message.get("content")
            given = {**message, "content": self._shown(content) if isinstance(content, list) else content}
            if isinstance(content, str):
                given["content"] = self._rewriting.text(content)
            call_id = message["tool_call_id"] if role == "tool" else None
            yield Message(_ROLES.get(role, role), _text(given), call_id=call_id, given=given)

    def _told_again(self, message: Mapping[str, Any]) -> Generator[Message, None, list[object]]:
        """The finished calls in `reasoning_details`: one message that asks, then the results in its order.

        Returns: what the model thought after the last of them. What it thought before one goes with that, for its
        provider wants it there (quirks 34 and 35).
        """
        calls: list[ToolCall] = []
        results: list[Message] = []
        thoughts: list[object] = []
        before: list[object] = []
        details = message.get("reasoning_details")
        for detail in details if isinstance(details, list) else ():
            if not _ours(detail):
                thoughts.append(detail)
                continue
            told = _told(detail)
            result = None if told is None else self._result(told[1])
            if told is not None and result is not None:
                call = ToolCall(self._id(), self._image_tool, self._rewriting.text(told[0]))
                before += [_placed(each, len(calls)) for each in thoughts]
                thoughts = []
                calls.append(call)
                results.append(Message("tool", json.dumps(result, ensure_ascii=False), call_id=call.id))
        if calls:
            kept = tuple(each for each in joined(before) if isinstance(each, Mapping))
            yield Message("assistant", calls=tuple(calls), reasoning=kept)
            yield from results
        return thoughts

    def _result(self, result: Mapping[str, Any]) -> dict[str, str] | None:
        """A finished call's result as the model reads it; None where nobody can know what it was."""
        if result.get("status") == "ok":
            url = result.get("imageUrl")
            if not isinstance(url, str):
                return None
            if url in self._rewriting.broken:
                code = self._rewriting.broken[url]
                return {"status": "error", "error": CALL_CODES[code].sentence, "code": code}
            number = self._rewriting.numbers.get(url)
            return None if number is None else {"status": "ok", "imageUrl": reference(number)}
        error, told_code = result.get("error"), result.get("code")
        if result.get("status") != "error" or not isinstance(error, str):
            return None
        failed = {"status": "error", "error": error[:_LONGEST_ERROR]}
        if isinstance(told_code, str) and told_code in CALL_CODES:
            failed["code"] = told_code
        return failed

    def _assistant(self, message: Mapping[str, Any], thoughts: list[object]) -> Iterator[Message]:
        given = {key: value for key, value in message.items() if key not in ("images", "tool_calls")}
        content = message.get("content")
        if isinstance(content, str):
            given["content"] = self._rewriting.text(content, pictures=True)
        elif isinstance(content, list):
            given["content"] = [self._spoken(part) for part in content]
        if isinstance(given.get("reasoning_details"), list):
            given["reasoning_details"] = thoughts
            if not thoughts:
                del given["reasoning_details"]
        self._show(given, message)
        asked = [self._call(call) for call in message.get("tool_calls") or ()]
        if asked:
            # An empty list is refused by some providers, and says as much as none.
            given["tool_calls"] = asked
        calls = tuple(map(_called, asked))
        text = _text(given)
        if not (text or calls or given.get("content") or given.get("function_call") or given.get("audio")):
            # What says nothing is refused by several providers and tells nobody anything.
            return
        yield Message("assistant", text, calls=calls, given=given)

    def _show(self, given: dict[str, Any], message: Mapping[str, Any]) -> None:
        """Put the pictures of `images` at the end where the text does not show them already."""
        alts = {number: alt for number, alt in self._alts(message) if alt}
        in_text = {url for part in _parts(message) for url in _in_part(part)}
        text = _text(given)
        shown: list[str] = []
        for url in dict.fromkeys(pictures_of(message)):
            number = self._rewriting.numbers.get(url)
            if number is None:
                line = "" if url in in_text or PICTURE in shown else PICTURE
            elif re.search(rf"{reference(number)}(?!\d)", text):
                line = ""
            else:
                line = f"![{alts.get(number, 'picture')}]({reference(number)})"
            if line and line not in shown:
                shown.append(line)
        if not shown:
            return
        lines, content = "\n\n".join(shown), given.get("content")
        if isinstance(content, list):
            given["content"] = [*content, {"type": "text", "text": f"\n\n{lines}"}]
        else:
            given["content"] = f"{content}\n\n{lines}" if content else lines

    def _alts(self, message: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        """What finished calls said that their pictures show."""
        for detail in _details(message):
            told = _told(detail)
            number = self._rewriting.numbers.get(str(told[1].get("imageUrl"))) if told is not None else None
            arguments = _object(told[0]) if told is not None else None
            alt = arguments.get("alt") if arguments is not None else None
            if number is not None and isinstance(alt, str):
                yield number, "".join(letter for letter in alt[:200] if letter not in "[]\\\n\r")

    def _shown(self, content: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The parts of what the user (or a tool of the client) says, and what the pictures in it are called."""
        parts: list[Mapping[str, Any]] = []
        attached: dict[int, None] = {}
        for part in content:
            url = image_url(part)
            if url is None:
                parts.append(self._reworded(part))
                continue
            number = self._rewriting.numbers.get(url)
            if number is not None:
                attached[number] = None
            if url in self._values:
                parts.append({**part, "image_url": self._by_value(part, url)})
            elif not self._rewriting.of_ours(url):
                parts.append(part)
            elif number is None:
                # Nobody's picture, or somebody else's: the words of its address, and no image.
                parts.append({"type": "text", "text": url})
        if attached:
            names = ", ".join(map(reference, attached))
            parts.append({"type": "text", "text": f"\n\n(Attached pictures: {names})"})
        return parts

    def _by_value(self, part: Mapping[str, Any], url: str) -> dict[str, Any]:
        said = part["image_url"]
        return {**(said if isinstance(said, Mapping) else {}), "url": self._values[url]}

    def _spoken(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """A part of what the model said, without pictures by value."""
        url = image_url(part)
        if url is None and not _holds_picture(part):
            return self._reworded(part, pictures=True)
        number = None if url is None else self._rewriting.numbers.get(url)
        return {"type": "text", "text": PICTURE if number is None else f"![picture]({reference(number)})"}

    def _reworded(self, part: Mapping[str, Any], *, pictures: bool = False) -> Mapping[str, Any]:
        texts = {name: self._rewriting.text(text, pictures=pictures) for name, text in _texts(part).items()}
        return {**part, **texts}

    def _call(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        """A call of the client's own tools; the links in it stand for references that the model wrote."""
        field, words = ("custom", "input") if call.get("type") == "custom" else ("function", "arguments")
        called = call[field]
        said = self._rewriting.text(called[words])
        return call if said == called[words] else {**call, field: {**called, words: said}}

    def _id(self) -> str:
        while True:
            self._calls += 1
            made = f"p{self._calls:08}"
            if made not in self._taken:
                return made


def _ids(messages: Iterable[Mapping[str, Any]]) -> set[str]:
    """The ids of the client's own calls."""
    return {
        call["id"]
        for message in messages
        if message["role"] == "assistant"
        for call in message.get("tool_calls") or ()
    }


def _called(call: Mapping[str, Any]) -> ToolCall:
    if call.get("type") == "custom":
        return ToolCall(call["id"], call["custom"]["name"], call["custom"]["input"])
    return ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The content as parts, also where it is text alone."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def _texts(part: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name in _WORDS if isinstance(text := part.get(name), str)}


def _in_part(part: Mapping[str, Any]) -> Iterator[str]:
    text = part.get("text")
    if isinstance(text, str):
        yield from links_in(text)
        yield from data_urls_in(text)
    url = image_url(part)
    if url is not None:
        yield url


def _text(message: Mapping[str, Any]) -> str:
    return "".join(text for part in _parts(message) if isinstance(text := part.get("text"), str))


def _holds_picture(part: Mapping[str, Any]) -> bool:
    """Whether another kind of part carries a picture by value, as AI SDKs and other dialects write them."""
    fields = [part, *(value for value in part.values() if isinstance(value, Mapping))]
    values = [value for each in fields for name, value in each.items() if name not in _WORDS]
    return "image" in part["type"] or any(isinstance(value, str) and is_picture(value) for value in values)


def _details(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = message.get("reasoning_details")
    return [detail for detail in details if _ours(detail)] if isinstance(details, list) else []


def _ours(detail: object) -> bool:
    return (
        isinstance(detail, Mapping) and detail.get("type") == SERVER_CALL and detail.get("tool_name") == IMAGE
    )


def _placed(thought: object, call: int) -> object:
    """A thought, and before which of several calls it stands."""
    return {**thought, "place": call + 1} if call and isinstance(thought, Mapping) else thought


def _told(detail: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The arguments and the result of a finished call; None where they are not what we have written."""
    arguments, result = detail.get("arguments"), _object(detail.get("result"))
    if not isinstance(arguments, str) or result is None or _object(arguments) is None:
        return None
    return arguments, result


def _object(text: object) -> Mapping[str, Any] | None:
    if not isinstance(text, str):
        return None
    try:
        value = parsed(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
