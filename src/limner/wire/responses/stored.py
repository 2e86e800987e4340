"""Stored responses in the Responses API's words: their items as a list, and what a deletion answers.

Source: OpenAI API reference, "Responses": "List input items" and "Delete a model response" (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["deleted", "item_page", "listed_item"]


def item_page(
    items: Sequence[Mapping[str, Any]], *, limit: int, newest_first: bool, after: str | None
) -> dict[str, Any] | None:
    """At most `limit` of `items`, which come oldest first; None where `after` is the id of none of them."""
    rows = list(reversed(items)) if newest_first else list(items)
    if after is not None:
        places = [place for place, item in enumerate(rows) if item["id"] == after]
        if not places:
            return None
        rows = rows[places[0] + 1 :]
    page = [listed_item(item) for item in rows[:limit]]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(rows) > limit,
    }


def listed_item(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """An item as lists have it: the text of a message as a part, whichever way it was sent."""
    text = item.get("content")
    if item["type"] != "message" or not isinstance(text, str):
        return item
    if item.get("role") == "assistant":
        part = {"type": "output_text", "text": text, "annotations": []}
    else:
        part = {"type": "input_text", "text": text}
    return {**item, "content": [part]}


def deleted(id: str) -> dict[str, Any]:
    """What is said of a response that is no more."""
    return {"id": id, "object": "response", "deleted": True}
