"""Who may ask: hosts, origins and keys. The one authentication, for everything that is served."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from limner.config.settings import KeyConfig

from ..refusal import Refusal
from ..tenant import LOCAL

__all__ = ["Doors", "Headers"]

Headers = Iterable[tuple[bytes, bytes]]
"""As the server read them: names in lower case, repeated ones repeated."""

_HOST = re.compile(rb"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}))(?::[0-9]{1,5})?")
_BEARER = re.compile(rb"bearer +([!-~]+) *", re.IGNORECASE)
_NEAR = (b"none", b"same-origin")
"""What a browser says of requests that no page of another site has made."""


class Doors:
    """Decides on a request by its head alone, before anything else is looked at."""

    def __init__(self, keys: Iterable[KeyConfig], *, public_url: str | None = None) -> None:
        """Without `keys` everybody who reaches this machine's loopback address is let in."""
        self._keys = tuple((key.name, bytes.fromhex(key.sha256)) for key in keys)
        public = urlsplit(public_url or "")
        self._public_host = (public.hostname or "").encode()
        self._public_origin = f"{public.scheme}://{public.netloc}".lower().encode() if public.netloc else b""

    @property
    def keyed(self) -> bool:
        """Whether a key is needed."""
        return bool(self._keys)

    def check_host(self, headers: Headers, http_version: str) -> None:
        """Raises: Refusal (`host_invalid`)."""
        given = [value for name, value in headers if name == b"host"]
        if not given and http_version == "1.0":
            return  # It had none, and no browser speaks it.
        host = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        if host is None:
            raise Refusal("host_invalid")
        # A page whose name was pointed to this machine's own address would be let in, like anybody here.
        if not self._keys and not self._is_ours(host["name"].lower()):
            raise Refusal(
                "host_invalid", "Without keys this service answers only to localhost; configure a key."
            )

    def tenant(self, headers: Headers) -> str:
        """Whose request it is. Raises: Refusal (`invalid_api_key`, `origin_forbidden`)."""
        if not self._keys:
            self._check_origin(headers)
            return LOCAL
        name = self.known(_given_key(headers))
        if name is None:
            raise Refusal("invalid_api_key")
        return name

    def known(self, key: bytes) -> str | None:
        """Whose key it is; takes as long for any."""
        digest = hashlib.sha256(key).digest()
        found = None
        # Every key is looked at, whichever fits: time tells nothing about them.
        for name, wanted in self._keys:
            if hmac.compare_digest(digest, wanted):
                found = name
        return found

    def _is_ours(self, name: bytes) -> bool:
        if name in (b"localhost", self._public_host) or name.endswith(b".localhost"):
            return True
        try:
            return ipaddress.ip_address(name.strip(b"[]").decode()).is_loopback
        except ValueError:
            return False

    def _check_origin(self, headers: Headers) -> None:
        """Where no key is needed, a browser's every page could ask: only our own ones may."""
        said = dict(headers)
        origin = said.get(b"origin")
        if origin is None:
            near = said.get(b"sec-fetch-site", b"none") in _NEAR
        else:
            host = said.get(b"host", b"").lower()
            ours = {b"http://" + host, b"https://" + host, self._public_origin}
            near = origin.lower() in ours - {b"", b"http://", b"https://"}
        if not near:
            raise Refusal("origin_forbidden")


def _given_key(headers: Headers) -> bytes:
    """The key by either header, b"" where none or more than one is said."""
    keys: Collection[bytes] = {
        key
        for name, value in headers
        for key in (_bearer(value) if name == b"authorization" else value.strip(),)
        if name in (b"authorization", b"x-api-key")
    }
    return next(iter(keys)) if len(keys) == 1 else b""


def _bearer(value: bytes) -> bytes:
    match = _BEARER.fullmatch(value)
    return match[1] if match else b""
