"""A picture's bytes as an HTTP answer: exact type, one range, the headers of scorecard row S19."""

from __future__ import annotations

from collections.abc import Mapping

from limner.core.formats import FORMATS, HEAD_BYTES, format_of

from ..exchange import Whole
from ..refusal import Refusal
from .ranges import Unsatisfiable, asked_range, matches, still_the_same

__all__ = ["NOT_KEPT", "SAFE", "served"]

NOT_KEPT = "no-store"
"""For whatever a link may answer differently with the next time."""

SAFE: Mapping[str, str] = {
    # A browser does not guess, and a picture that it opens as a page runs nothing.
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "referrer-policy": "no-referrer",
    # Pages of other sites show these pictures: a reply is read on the client's own page. Who has the
    # link may see the picture, no cookie is ever asked for, so other origins learn nothing by it.
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
}


def served(data: bytes, id: str, headers: Mapping[str, str], *, max_age_s: int) -> Whole:
    """The picture `id`, or the part of it that `headers` ask for.

    `max_age_s`: for how long the link still holds. Whoever asks with HEAD gets the same head: the
    bytes are left out by who writes.

    Raises: Refusal (`range_invalid`, `image_corrupt`).
    """
    kind = format_of(data[:HEAD_BYTES])
    if kind is None:
        # Never text or a program, whatever has come into the store.
        raise Refusal("image_corrupt", headers={**SAFE, "cache-control": NOT_KEPT})
    etag = f'"{id}"'
    kept = {
        **SAFE,
        # An id is derived from the bytes, so it is their strong tag, and they never change.
        "etag": etag,
        # Private: the link is a credential. No longer than it: what is seen must have been allowed.
        "cache-control": f"private, max-age={max_age_s}, immutable" if max_age_s > 0 else "private, no-cache",
        "content-disposition": f'inline; filename="{id}.{FORMATS[kind].suffix}"',
        "accept-ranges": "bytes",
    }
    media_type = FORMATS[kind].media_type
    if matches(headers.get("if-none-match"), etag):
        return Whole(b"", 304, media_type, kept)
    try:
        part = None
        if still_the_same(headers.get("if-range"), etag):
            part = asked_range(headers.get("range"), len(data))
    except Unsatisfiable:
        refused = {**SAFE, "cache-control": NOT_KEPT, "content-range": f"bytes */{len(data)}"}
        raise Refusal("range_invalid", headers=refused) from None
    if part is None:
        return Whole(data, 200, media_type, kept)
    content_range = f"bytes {part.start}-{part.stop - 1}/{len(data)}"
    return Whole(data[part.start : part.stop], 206, media_type, {**kept, "content-range": content_range})
