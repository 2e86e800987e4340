"""Links to kept pictures that expire, and that nobody can make who lacks the key.

    https://pictures.example/images/<id>?expires=<seconds since 1970>&key=<which key>&signature=<HMAC>

A link is a credential: whoever has it sees the picture until it expires. It is minted each time
a reply is read, so no old one has to last. Nothing here waits or touches a file.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from limner.clock import Clock, SystemClock
from limner.errors import ConfigError

from .ids import ID, encoded, not_found, valid_id

__all__ = ["LinkSigner", "opaque_id", "opaque_link"]

_SKEW_S = 60
"""How far the clocks of who mints and who checks may be apart (P12)."""
_LEAST_KEY_BYTES = 16
_WINDOWS = 4
"""In how many windows the life of a link is cut."""
_QUERY = r"\?expires=([1-9][0-9]{0,11})&key=([A-Za-z0-9_-]{8})&signature=([A-Za-z0-9_-]{43})"
_OPAQUE = "limner:picture/"


def opaque_link(id: str) -> str:
    """A name for a picture that nothing outside this process can follow."""
    return f"{_OPAQUE}{id}"


def opaque_id(link: str) -> str | None:
    """The id in such a name; else None."""
    name = link.removeprefix(_OPAQUE)
    return name if valid_id(name) and link != name else None


class LinkSigner:
    """Mints and checks links below `base_url`, where a gateway serves `/images/<id>`.

    The first of `keys` signs, and all of them are good for checking: to rotate, put a new one in
    front, and drop the last one when its links need no longer be recognised.

    A link holds for `ttl_s` seconds at least, and a quarter longer at most: within such a quarter
    the links of a picture are the same to the byte, so that a browser's cache knows them again.
    """

    def __init__(
        self,
        base_url: str,
        keys: Sequence[str | bytes],
        *,
        ttl_s: float = 24 * 3600.0,
        clock: Clock | None = None,
    ) -> None:
        """Raises: ConfigError (`base_url_invalid`, `link_keys_invalid`, `link_ttl_invalid`)."""
        if not (math.isfinite(ttl_s) and ttl_s >= _WINDOWS):
            raise ConfigError(
                f"links cannot live for {ttl_s!r} seconds; give {_WINDOWS} or more", code="link_ttl_invalid"
            )
        self.base_url = _checked(base_url)
        self.ttl_s = ttl_s
        self._keys = _named(keys)
        self._signing = next(iter(self._keys))
        self._clock = clock or SystemClock()
        self._shape = re.compile(re.escape(self.base_url) + f"/images/({ID})" + _QUERY)

    def link(self, id: str) -> str:
        """A link to the picture `id`, signed with the first key.

        Raises: StoreError (`image_not_found`) where `id` is none.
        """
        if not valid_id(id):
            raise not_found()
        window_s = max(1, int(self.ttl_s / _WINDOWS))
        # Rounded up to the end of a window, so that it never lives shorter than promised.
        expires = math.ceil((self._clock.now() + self.ttl_s) / window_s) * window_s
        return self._written(id, str(expires), self._signing)

    def verify(self, link: str) -> str | None:
        """The id in `link` where its signature is right and it has not expired; else None.

        `link` is the whole of it, `base_url` and the request's raw path and query: what differs in
        one byte from what was minted is refused, and why is not said.
        """
        read = self._read(link)
        if read is None:
            return None
        name, expires = read
        return name if self._clock.now() <= expires + _SKEW_S else None

    def id_of(self, link: str) -> str | None:
        """The id in `link` where one of the keys has signed it, however long ago; else None.

        It tells which picture an old link meant, not that somebody may still see it.
        """
        read = self._read(link)
        return None if read is None else read[0]

    def _read(self, link: str) -> tuple[str, int] | None:
        """The id and the expiry of a link that one of the keys has signed."""
        found = self._shape.fullmatch(link)
        if found is None:
            return None
        name, expires, key, _ = found.groups()
        if key not in self._keys:
            return None
        # Written anew and compared as a whole: one spelling, and no byte of it tells how far it was right.
        expected = self._written(name, expires, key)
        return (name, int(expires)) if hmac.compare_digest(link.encode(), expected.encode()) else None

    def _written(self, id: str, expires: str, key: str) -> str:
        path = f"/images/{id}"
        message = "\n".join(("limner link 1", path, expires, key)).encode("ascii")
        signature = encoded(hmac.digest(self._keys[key], message, hashlib.sha256))
        return f"{self.base_url}{path}?expires={expires}&key={key}&signature={signature}"


def _named(keys: Sequence[str | bytes]) -> dict[str, bytes]:
    """The keys by what a link calls them, which tells nothing of the key itself."""
    if isinstance(keys, str | bytes) or not keys:
        raise ConfigError(
            "links are signed with a list of keys; give at least one, the newest first",
            code="link_keys_invalid",
        )
    named: dict[str, bytes] = {}
    for key in keys:
        secret = key.encode() if isinstance(key, str) else bytes(key)
        if len(secret) < _LEAST_KEY_BYTES:
            raise ConfigError(
                f"a key of {len(secret)} bytes for links can be guessed; give 32 random ones, as from "
                "`python -c 'import secrets; print(secrets.token_urlsafe())'`",
                code="link_keys_invalid",
            )
        named[encoded(hmac.digest(secret, b"limner name of a link key", hashlib.sha256))[:8]] = secret
    return named


def _checked(base_url: str) -> str:
    """`base_url` without the slashes at its end."""
    url = base_url.rstrip("/")
    try:
        parts = urlsplit(url)
        fine = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and parts.username is None
            and re.fullmatch(r"[!-~]+", url) is not None
            and not re.search(r"[?#\\]", url)
        )
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError(
            "the base URL of links is no address; write it like 'https://pictures.example', "
            "without a name, a password or a query in it",
            code="base_url_invalid",
        )
    return url
