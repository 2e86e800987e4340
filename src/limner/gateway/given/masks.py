"""Masks: where a picture that is given may be changed."""

from __future__ import annotations

from limner.core.pictures import Picture
from limner.errors import StoreError
from limner.storage.protocol import Storage

from ..refusal import Refusal
from .references import References

__all__ = ["read_mask"]

_SIGNATURE_BYTES = 8
_COLOUR_AT = 25
_WITH_ALPHA = (4, 6)
"""Greys and colours with alpha. Source: PNG, third edition, section 11.2.1."""


async def read_mask(
    references: References, storage: Storage, tenant: str, given: str | bytes, over: Picture | None
) -> bytes:
    """The bytes of the mask `given`, which fits the picture `over`, unless that was seen to before (None).

    It is kept as any picture that is given.

    Raises: Refusal (`invalid_value`, `store_unavailable`).
    """
    mask = await references.one(tenant, given, "mask")
    if mask.format != "png":
        raise _unfit(f"is a {mask.format.upper()} picture")
    if over is not None and (mask.width, mask.height) != (over.width, over.height):
        raise _unfit(f"is {mask.width}x{mask.height}, and the picture is {over.width}x{over.height}")
    try:
        data = await storage.open(mask.id)
    except StoreError as error:
        raise Refusal("store_unavailable") from error
    if not _transparent(data):
        raise _unfit("has no alpha channel")
    return data


def _unfit(why: str) -> Refusal:
    return Refusal(
        "invalid_value",
        f"'mask' {why}; give a PNG as large as the first picture, transparent where it may be changed.",
        param="mask",
    )


def _transparent(png: bytes) -> bool:
    """Whether the PNG, which was inspected, can be transparent anywhere."""
    if png[_COLOUR_AT] in _WITH_ALPHA:
        return True
    at = _SIGNATURE_BYTES
    while (kind := png[at + 4 : at + 8]) not in (b"IDAT", b""):
        if kind == b"tRNS":
            return True
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return False
