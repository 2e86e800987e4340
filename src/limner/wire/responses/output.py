"""The items of an answer of the Responses API while they are written.

An item tells itself: that it was added, how it grows, that it is done. What it was when it was done
never changes again, so that the whole answer at the end repeats it to the letter. Its events lack
nothing but their `sequence_number`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["CallItem", "Event", "Item", "MessageItem", "OutputItem"]

Event = dict[str, Any]
Item = dict[str, Any]


class OutputItem(ABC):
    """What all items have; `index` is the place in the answer's `output`."""

    def __init__(self, id: str, index: int) -> None:
        self.id = id
        self.index = index
        self.status = "in_progress"
        self.done: Item | None = None
        """As it was told when it was done."""

    def close(self, status: str) -> list[Event]:
        """Its last events, also where it is cut off; `status`: "completed" or "incomplete"."""
        return [*self._closing(), self._ended({"status": status} | self._left())]

    def now(self) -> Item:
        """The item, done or not; nothing that is written later changes what was given out."""
        return self._shape() if self.done is None else self.done

    def broken_off(self) -> Item:
        """The item in an answer that failed: nobody was told that it is done."""
        if self.done is not None:
            return self.done
        return self._shape() | {"status": "incomplete"} | self._left()

    @abstractmethod
    def _shape(self) -> Item:
        """As it is now, while it is written."""

    def _closing(self) -> list[Event]:
        """What is to be told before it is done."""
        return []

    def _left(self) -> Item:
        """What is true of it beside that, if it ends here."""
        return {}

    def _added(self) -> Event:
        return {"type": "response.output_item.added", "output_index": self.index, "item": self._shape()}

    def _ended(self, changes: Item) -> Event:
        self.done = self._shape() | changes
        return {"type": "response.output_item.done", "output_index": self.index, "item": self.done}

    def _of(self, type: str, **fields: Any) -> Event:
        return {"type": type, "item_id": self.id, "output_index": self.index, **fields}


class MessageItem(OutputItem):
    """All words of an answer, in one part."""

    def __init__(self, id: str, index: int) -> None:
        super().__init__(id, index)
        self._pieces: list[str] = []
        self._begun = False

    def open(self) -> list[Event]:
        """Its first events."""
        added = self._added()
        self._begun = True
        part = _output_text("")
        return [added, self._of("response.content_part.added", content_index=0, part=part)]

    def write(self, text: str) -> Event:
        """More words."""
        self._pieces.append(text)
        return {
            "type": "response.output_text.delta",
            "item_id": self.id,
            "output_index": self.index,
            "content_index": 0,
            "delta": text,
            "logprobs": [],
        }

    def _closing(self) -> list[Event]:
        text = "".join(self._pieces)
        self._pieces = [text]
        return [
            self._of("response.output_text.done", content_index=0, text=text, logprobs=[]),
            self._of("response.content_part.done", content_index=0, part=_output_text(text)),
        ]

    def _shape(self) -> Item:
        return {
            "id": self.id,
            "type": "message",
            "status": self.status,
            "role": "assistant",
            "content": [_output_text("".join(self._pieces))] if self._begun else [],
        }


class CallItem(OutputItem):
    """A call that the client executes."""

    def __init__(self, id: str, index: int, call_id: str, name: str) -> None:
        super().__init__(id, index)
        self._call_id = call_id
        self._name = name
        self._arguments = ""

    def tell(self, arguments: str) -> list[Event]:
        """All its events: nobody is told of a call before it is known to be whole."""
        added = self._added()
        self._arguments = arguments
        delta = self._of("response.function_call_arguments.delta", delta=arguments)
        return [added, delta, *self.close("completed")]

    def _closing(self) -> list[Event]:
        done = "response.function_call_arguments.done"
        return [self._of(done, name=self._name, arguments=self._arguments)]

    def _shape(self) -> Item:
        return {
            "id": self.id,
            "type": "function_call",
            "status": self.status,
            "call_id": self._call_id,
            "name": self._name,
            "arguments": self._arguments,
        }


def _output_text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
