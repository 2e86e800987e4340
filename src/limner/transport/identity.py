"""Where requests go and what they say of who sends them: what the `openai` package would say.

The package is what users configure, so its variables of the environment hold here too. Where
requests go to OpenAI itself, it is asked; other servers get none of what it would tell them about
this machine and its account, and then it need not even be imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    import openai

__all__ = ["Address", "address_of", "base_url_of", "introduction"]

_DEFAULT_URL = "https://api.openai.com/v1"
_OPENAI = ".api.openai.com"
"""OpenAI's host, and with something before it those of its regions."""


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL, without what may be a secret in it."""

    scheme_and_host: str
    path: str
    query: str
    authorization: str | None = field(repr=False)
    """What name and password before the host become."""

    def at(self, path: str) -> str:
        """The URL of `path`, like "/chat/completions", below this address."""
        return f"{self.scheme_and_host}{self.path}{path}{self.query}"

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own."""
        return f".{urlsplit(self.scheme_and_host).hostname}".endswith(_OPENAI)


def base_url_of(base_url: str | None) -> str:
    """`base_url`, else the one of the environment, else OpenAI's own."""
    return base_url or os.environ.get("OPENAI_BASE_URL", "").strip() or _DEFAULT_URL


def address_of(base_url: str | None) -> Address:
    """`base_url_of` it, in its parts. Raises: ValueError, where it is none."""
    parts = urlsplit(base_url_of(base_url))
    credentials, separator, host = parts.netloc.rpartition("@")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("no http or https URL")
    # Names that are too long, or not to be written, are told apart here and not by each library.
    parts.hostname.encode("idna")
    authorization = None
    if separator:
        name, _, password = credentials.partition(":")
        pair = f"{unquote(name)}:{unquote(password)}".encode()
        import base64  # start-up time

        authorization = f"Basic {base64.b64encode(pair).decode()}"
    query = f"?{parts.query}" if parts.query else ""
    return Address(urlunsplit((parts.scheme, host, "", "", "")), parts.path.rstrip("/"), query, authorization)


def introduction(address: Address, api_key: str) -> Callable[[], Mapping[str, str]]:
    """What makes the headers that go with every request; slow, for it may import the SDK.

    What it returns is quick, and to be called on the event loop, whose name is one of the headers.
    """
    ours = {
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        # What the SDK says where answers are left as they come from the network, and where nothing is retried.
        "X-Stainless-Raw-Response": "stream",
        "X-Stainless-Retry-Count": "0",
    }
    # Said by us alone, or a variable of the environment would put another key in its place.
    authorization = address.authorization or (f"Bearer {api_key}" if api_key else None)
    if authorization is not None:
        ours["Authorization"] = authorization
    if not address.is_openai:
        # These two have to be there, though not as a variable may have changed them.
        ours |= {"Accept": "application/json", "User-Agent": f"AsyncOpenAI/Python {_version()}"}
        return lambda: ours
    client = _client(address.at(""))
    # What they say of this machine is found out by another program, and then remembered.
    _ = client.default_headers
    return lambda: _merged(client.default_headers, ours)


def _merged(theirs: Mapping[str, str | openai.Omit], ours: Mapping[str, str]) -> Mapping[str, str]:
    taken = {name.lower() for name in ours} | {"authorization"}
    said = {name: value for name, value in theirs.items() if isinstance(value, str)}
    return {name: value for name, value in said.items() if name.lower() not in taken} | dict(ours)


def _client(base_url: str) -> openai.AsyncOpenAI:
    """The SDK's client, which is asked and never sends."""
    import httpx2
    import openai

    return openai.AsyncOpenAI(
        api_key="none",
        base_url=base_url,
        http_client=httpx2.AsyncClient(transport=httpx2.AsyncBaseTransport(), trust_env=False),
    )


def _version() -> str:
    if "openai" in sys.modules:
        import openai

        return openai.__version__
    from importlib.metadata import version

    return version("openai")
