"""What a model thinks, as items of the Responses API.

Inside, and in chats, it is a list of `reasoning_details`, each written in fragments; here it is items, each with
parts. Fragments are of one item while they name one `id`; without one, while they have one `index`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .output import Event, Item, OutputItem

__all__ = ["LONGEST_ID", "OWN_ID", "ReasoningItem", "tells_reasoning"]

LONGEST_ID = 1024
"""Of an item that has its maker's id; it stands in every event, so one of megabytes is no id."""

OWN_ID = "rs_tmp_"
"""The beginning of the id of an item whose maker gave it none; nobody but us and the client knows it."""

_WRITTEN: Mapping[str, str] = {
    "reasoning.text": "text",
    "reasoning.summary": "summary",
    "reasoning.encrypted": "data",
}
"""The types of details that become items → where their fragment stands."""
_NOTED = ("signature", "format")
"""Fields of a detail that its maker wants back; OpenRouter's items have them too."""


class _Part:
    def __init__(self, kind: str, key: object, at: int) -> None:
        self.kind = kind
        self.key = key
        self.at = at
        """Among the parts of its kind."""
        self.pieces: list[str] = []

    def shape(self) -> dict[str, Any]:
        name = "summary_text" if self.kind == "summary" else "reasoning_text"
        return {"type": name, "text": "".join(self.pieces)}


class ReasoningItem(OutputItem):
    """One train of thought: what of it is shown, and what its maker wants back."""

    def __init__(self, id: str, index: int, fragment: Mapping[str, Any]) -> None:
        """`fragment`: the first of it, to be given to `write` too."""
        super().__init__(id, index)
        self._source = fragment.get("id")
        self._last = fragment.get("index")
        self._parts: list[_Part] = []
        self._open: _Part | None = None
        self._encrypted: list[str] = []
        self._noted: dict[str, str] = {}

    def open(self) -> list[Event]:
        """Its first event."""
        return [self._added()]

    def takes(self, fragment: Mapping[str, Any]) -> bool:
        """Whether `fragment` goes on with this item, or begins another."""
        source, index = fragment.get("id"), fragment.get("index")
        if source is not None:
            return bool(source == self._source)
        return index is None or index == self._last

    def begins(self, fragment: Mapping[str, Any]) -> bool:
        """Whether `fragment`, which it takes, is the first of another part."""
        field = _WRITTEN[fragment["type"]]
        return field != "data" and not self._goes_on(field, fragment.get("index"))

    def write(self, fragment: Mapping[str, Any]) -> list[Event]:
        """More of it."""
        field = _WRITTEN[fragment["type"]]
        self._last = fragment.get("index", self._last)
        self._noted |= {name: value for name in _NOTED if isinstance(value := fragment.get(name), str)}
        written = fragment.get(field)
        if not isinstance(written, str) or not written:
            return []
        if field == "data":
            self._encrypted.append(written)
            return []
        return self._say(field, fragment.get("index"), written)

    def _closing(self) -> list[Event]:
        return self._close_part()

    def _shape(self) -> Item:
        item: Item = {
            "id": self.id,
            "type": "reasoning",
            "status": self.status,
            "summary": [part.shape() for part in self._parts if part.kind == "summary"],
        }
        # What is not there is left out: not every client takes null for it.
        if content := [part.shape() for part in self._parts if part.kind == "text"]:
            item["content"] = content
        if self._encrypted:
            item["encrypted_content"] = "".join(self._encrypted)
        return item | self._noted

    def _goes_on(self, kind: str, key: object) -> bool:
        part = self._open
        return part is not None and part.kind == kind and part.key == key

    def _say(self, kind: str, key: object, text: str) -> list[Event]:
        events: list[Event] = []
        part = self._open
        if part is None or not self._goes_on(kind, key):
            events += self._close_part()
            part = _Part(kind, key, sum(each.kind == kind for each in self._parts))
            events.append(self._about(part, "part.added", part=part.shape()))
            self._parts.append(part)
            self._open = part
        part.pieces.append(text)
        return [*events, self._about(part, "text.delta", delta=text)]

    def _close_part(self) -> list[Event]:
        part, self._open = self._open, None
        if part is None:
            return []
        shape = part.shape()
        part.pieces = [shape["text"]]
        return [
            self._about(part, "text.done", text=shape["text"]),
            self._about(part, "part.done", part=shape),
        ]

    def _about(self, shown: _Part, what: str, **fields: Any) -> Event:
        if shown.kind == "summary":
            return self._of(f"response.reasoning_summary_{what}", summary_index=shown.at, **fields)
        # OpenAI's names, which its packages and those of others know; Open Responses says `response.reasoning.…`.
        family = "response.content_" if what.startswith("part") else "response.reasoning_"
        return self._of(f"{family}{what}", content_index=shown.at, **fields)


def tells_reasoning(fragment: Mapping[str, Any]) -> bool:
    """Whether `fragment` is of an item at all, and says something of it."""
    where = _WRITTEN.get(str(fragment.get("type")))
    return where is not None and bool(fragment.get(where) or fragment.get("signature"))
