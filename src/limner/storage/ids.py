"""Names of stored pictures: unguessable, the same for the same bytes of one owner, and never a path."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from limner.errors import StoreError

__all__ = ["ID", "encoded", "not_found", "owner_key", "picture_id", "valid_id"]

ID = "[A-Za-z0-9_-]{43}"
"""The shape of an id, as a pattern."""
_ID = re.compile(ID)


def owner_key(secret: bytes, owner: str) -> bytes:
    """The key of one owner, derived from the store's one secret."""
    return hmac.digest(secret, b"owner\0" + owner.encode("utf-8", "surrogatepass"), hashlib.sha256)


def picture_id(key: bytes, data: bytes) -> str:
    """`base64url(HMAC-SHA256(key, data))` without padding: 43 characters. Source: DESIGN decision 6."""
    return encoded(hmac.digest(key, data, hashlib.sha256))


def encoded(digest: bytes) -> str:
    """A digest as base64url without padding."""
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def valid_id(id: str) -> bool:
    """Whether `id` has the shape of an id; asked before it comes near a file system (S16)."""
    # fullmatch, because `$` also matches before a final line feed.
    return _ID.fullmatch(id) is not None


def not_found() -> StoreError:
    """What every store says of an id that it does not have, or that is none."""
    return StoreError(
        "no such picture is kept here; ask again with an id that put() returned", code="image_not_found"
    )
