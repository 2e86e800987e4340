"""Pictures as objects of a bucket: S3, Google Cloud Storage, Azure, and what speaks like them.

    <prefix>/pictures/<id>           the bytes as they came
    <prefix>/pictures/<id>.json      its receipt: SHA-256 and size, checked on reading
    <prefix>/pictures/<id>.corrupt   what failed that check and was mended, for whoever wants to look
    <prefix>/key                     32 random bytes that ids are derived from, where no secret is given

The receipt is put first and the picture second, so a picture that can be found can be checked. An
object is whole or not there, and is only ever created: its key says what it holds. One that is
damaged stays where it is and is never returned, until a put of the same bytes mends it: no object
store can delete a thing on the condition that it is still the damaged one. Any number of processes
may share a bucket.
"""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from limner.errors import ConfigError, StoreError
from limner.images.protocol import Content

from .bucket import Bucket
from .contents import Facts, agree, facts_of, promised_bytes, same, unchanged
from .ids import not_found, owner_key, valid_id
from .links import LinkSigner, opaque_id, opaque_link

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["ObjectStorage"]

_SECRET_BYTES = 32
_LEAST_SECRET_BYTES = 16
_WHOLE_BYTES = 4 << 20
"""A file up to this size is put in one request, which can be told only to create."""
_FILES_AT_ONCE = 4
"""Files put at the same time: each stands in memory with up to `_WHOLE_BYTES` meanwhile."""
_AT_ONCE = 16
_LONGEST_RECEIPT = 1024
_files: RunVar[CapacityLimiter] = RunVar("limner_objects_from_files")
_others: RunVar[CapacityLimiter] = RunVar("limner_objects")
_LONGEST_S = 7 * 24 * 3600.0
"""Longer than this no link to S3 or to Google Cloud Storage lives."""
_VALUE = re.compile(r"[A-Za-z0-9%+._~-]*")
_CHANGING = "X-Amz-Security-Token"
"""Of a link's parameters the one that depends on where the credentials came from."""


class ObjectStorage:
    """Keeps pictures in a bucket (extra `object-store`).

    `store` is an address like "s3://bucket/prefix", "gs://…" or "az://…" with `options` as obstore
    names them ("endpoint", "region", "access_key_id", …; what is missing comes from the
    environment), or a store that obstore has opened.

    `secret` is what ids are derived from. Without it the first process puts one into the bucket, so
    that all of them agree without anything to hand around. Give one where others may read the
    bucket's key and must not be able to check whether it holds a picture that they know.

    `timeout_s` bounds each request with its retries, where `store` is an address.
    """

    def __init__(
        self,
        store: ObjectStore | str,
        *,
        options: Mapping[str, str] | None = None,
        secret: str | bytes | None = None,
        links: LinkSigner | None = None,
        expires_s: float = 24 * 3600.0,
        timeout_s: float = 60.0,
    ) -> None:
        """Raises: ConfigError (`extra_missing`, `store_invalid`); nothing is asked of the store yet."""
        given = secret.encode() if isinstance(secret, str) else secret
        if given is not None and len(given) < _LEAST_SECRET_BYTES:
            raise ConfigError(
                f"a secret of {len(given)} bytes can be guessed; give 32 random ones, or none",
                code="store_invalid",
            )
        if not 1 <= expires_s <= _LONGEST_S:
            raise ConfigError(
                f"links cannot live for {expires_s!r} seconds; give 1 to {_LONGEST_S:.0f}",
                code="store_invalid",
            )
        if not (math.isfinite(timeout_s) and timeout_s > 0):
            raise ConfigError(f"timeout_s is {timeout_s!r}; give more than 0 seconds", code="store_invalid")
        self._bucket = Bucket(store, options or {}, timeout_s)
        self._given = given
        self._links = links
        self._expires_s = expires_s
        self._cached: bytes | None = None

    async def put(self, owner: str, data: Content) -> str:
        """Keep `data` and return its id; on return the object store has acknowledged it.

        A file is sent a few MiB at a time, and left as it is.

        Raises: StoreError (`image_store_full`, else `store_unavailable`).
        Cancel: safe; what has begun is finished first, and nothing half-written is found under an id.
        """
        if isinstance(data, Path):
            limiter = _limiter(_files, _FILES_AT_ONCE)
            return await to_thread.run_sync(self._put, owner, data, limiter=limiter)
        # A bytearray could change under its id.
        return await to_thread.run_sync(self._put, owner, bytes(data), limiter=_limiter(_others, _AT_ONCE))

    async def open(self, id: str) -> bytes:
        """Read a picture back, checked against its receipt; a wrong one is never returned.

        Raises: StoreError (`image_not_found`, `image_corrupt`, `store_unavailable`).
        Cancel: safe at once.
        """
        if not valid_id(id):  # before any request: an id is text from outside (S16)
            raise not_found()
        return await to_thread.run_sync(
            self._open, id, limiter=_limiter(_others, _AT_ONCE), abandon_on_cancel=True
        )

    def link(self, id: str) -> str:
        """A link that expires: signed by `links`, else one that the object store itself understands.

        Nothing is asked of the store, so an id that it does not have gets a link as well, which leads
        nowhere. A store's link holds for `expires_s`; where its credentials are those of a machine or
        a role, they may have to be fetched first.

        Raises: StoreError (`image_not_found` for what is no id, `store_unavailable` without credentials).
        """
        if not valid_id(id):
            raise not_found()
        if self._links is not None:
            return self._links.link(id)
        return self._bucket.sign(_key(id), self._expires_s) or opaque_link(id)

    def linked(self, link: str) -> str | None:
        """The id in a link of this store's, also an expired one; else None.

        A link of the object store's own counts by its shape: whether its signature was right, the
        object store alone could say.
        """
        signed = None if self._links is None else self._links.id_of(link)
        if signed is not None:
            return signed
        address, _, query = link.partition("?")
        name = opaque_id(link) or address.rpartition("/")[2]
        if not valid_id(name):
            return None
        try:
            ours = self._bucket.sign(_key(name), self._expires_s)
        except StoreError:
            return None
        if ours is None:
            return opaque_id(link)
        shape = (address, _parameters(query))
        our_address, _, our_query = ours.partition("?")
        return name if shape == (our_address, _parameters(our_query)) else None

    async def aclose(self) -> None:
        """Nothing to give back: connections end by themselves, and replies stay readable."""

    def _put(self, owner: str, content: Content) -> str:
        facts = facts_of(owner_key(self._secret(), owner), content)
        # The receipt first: a picture under an id can always be checked.
        self._keep_receipt(facts)
        if isinstance(content, Path) and facts.size_bytes > _WHOLE_BYTES:
            self._upload(facts, content)
        else:
            self._create(facts, content)
        return facts.id

    def _keep_receipt(self, facts: Facts) -> None:
        key, headers = _receipt_key(facts.id), {"Content-Type": "application/json"}
        if self._bucket.create(key, facts.receipt, headers):
            return
        if self._bucket.read(key, len(facts.receipt)) != facts.receipt:
            self._bucket.write(key, facts.receipt, headers)

    def _create(self, facts: Facts, content: Content) -> None:
        key, headers = _key(facts.id), _headers(facts)
        data = b"".join(map(bytes, unchanged(facts, content))) if isinstance(content, Path) else content
        if self._bucket.create(key, data, headers) or self._holds(facts):
            return
        self._bucket.copy(key, _aside(facts.id))
        self._bucket.write(key, data, headers)

    def _upload(self, facts: Facts, content: Path) -> None:
        """Send a large file in parts. That cannot be told only to create: so it is looked for first."""
        if self._holds(facts):
            return
        self._bucket.copy(_key(facts.id), _aside(facts.id))
        # Each part is copied, because the library holds more than one at a time.
        self._bucket.upload(_key(facts.id), map(bytes, unchanged(facts, content)), _headers(facts))

    def _holds(self, facts: Facts) -> bool:
        key = _key(facts.id)
        return self._bucket.size_bytes(key) == facts.size_bytes and same(facts, self._bucket.parts(key))

    def _open(self, id: str) -> bytes:
        receipt = self._bucket.read(_receipt_key(id), _LONGEST_RECEIPT)
        if receipt is None:
            raise not_found()
        data = self._bucket.read(_key(id), promised_bytes(receipt))
        if data is None:  # its put never ended
            raise not_found()
        if agree(receipt, data):
            return data
        raise StoreError(
            f"the kept picture {id!r} is damaged; draw it again, or restore it from a copy",
            code="image_corrupt",
        )

    def _secret(self) -> bytes:
        """What ids are derived from: given, else made by whichever process comes first."""
        if self._given is not None:
            return self._given
        if self._cached is None:
            made = self._bucket.read("key", _SECRET_BYTES)
            if made is None:
                self._bucket.create("key", secrets.token_bytes(_SECRET_BYTES))
                made = self._bucket.read("key", _SECRET_BYTES)
            if made is None or len(made) != _SECRET_BYTES:
                raise StoreError(
                    f"the object 'key' of {self._bucket.name} is damaged; "
                    "delete it (pictures kept so far stay readable)",
                    code="store_unavailable",
                )
            self._cached = made
        return self._cached


def _key(id: str) -> str:
    return f"pictures/{id}"


def _receipt_key(id: str) -> str:
    return f"pictures/{id}.json"


def _aside(id: str) -> str:
    return f"pictures/{id}.corrupt"


def _headers(facts: Facts) -> dict[str, str]:
    """What a browser that follows a link is told. Source: scorecard S19."""
    shown = "attachment" if facts.extension == "bin" else "inline"
    return {
        "Content-Type": facts.media_type,
        "Content-Disposition": f'{shown}; filename="{facts.id}.{facts.extension}"',
        "Cache-Control": "private, max-age=31536000, immutable",
    }


def _parameters(query: str) -> list[str] | None:
    """The names of a link's parameters; None where it is none that we could have minted."""
    names = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if not _VALUE.fullmatch(value):
            return None
        if name != _CHANGING:
            names.append(name)
    return sorted(names)  # those of Azure come in any order


def _limiter(kind: RunVar[CapacityLimiter], places: int) -> CapacityLimiter:
    try:
        limiter = kind.get()
    except LookupError:
        limiter = CapacityLimiter(places)
        kind.set(limiter)
    return limiter
