"""The one place that makes a client for providers and sends requests through it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from limner.errors import ConfigError
from limner.wire.text import clean

from .bodies import Answer, Deadlines, close_stream
from .compression import Unpacker
from .faults import TransportFault, fault_of
from .parcels import Form, Json, Parcel, json_parcel

if TYPE_CHECKING:
    import httpx2
    import openai

__all__ = ["ProviderClient"]

_ERROR_BYTES = 64 * 1024
_ERROR_BODY_S = 2.0
_OPENAI = ".api.openai.com"
"""OpenAI's host, and with something before it those of its regions."""


class ProviderClient:
    """Sends JSON and forms to one provider and hands back raw answers; never retries, never follows a redirect."""

    def __init__(
        self, *, base_url: str | None, api_key: str, connect_s: float = 5.0, keep_connections: bool = True
    ) -> None:
        """`keep_connections` False: a new connection for each request.

        A kept connection may be dead without anybody knowing; a paid request that is sent into
        it has an unknown outcome, which costs more than a handshake.
        """
        if base_url is not None:
            _check_url(base_url)
        if not api_key.isascii() or not api_key.isprintable():
            raise ConfigError(
                "the API key has characters that no header can carry; copy it again", code="api_key_invalid"
            )
        self._base_url = base_url
        self._api_key = api_key
        self._connect_s = connect_s
        self._keep_connections = keep_connections
        self._client: openai.AsyncOpenAI | None = None

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | Parcel,
        deadlines: Deadlines,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send `body` to `path` (like "/chat/completions"); returns with the headers, of any status.

        Raises: TransportFault; TypeError or ValueError where `body` is no JSON.
        Cancel: safe; the connection is closed.
        """
        # A conversation may be megabytes, with pictures in it.
        parcel = body if isinstance(body, Json | Form) else await anyio.to_thread.run_sync(json_parcel, body)
        try:
            client = await self._opened()
        except OSError as error:
            # Certificates are files, and a process may have no more of them.
            raise TransportFault("unreachable", sent=False) from error
        sent = self._headers(client, parcel, headers or {})
        import openai

        started = anyio.current_time()
        opening_s, late = deadlines.opening
        try:
            with anyio.fail_after(opening_s):
                response = await _posted(client, path, parcel, {"headers": sent})
        except openai.APIStatusError as error:
            response = error.response
        except TimeoutError:
            raise TransportFault(late) from None
        except Exception as error:
            # Strategy: the two transports raise errors of four libraries; one place names them.
            raise fault_of(error) from error
        try:
            return Answer(response, deadlines, started)
        except TransportFault:
            with anyio.CancelScope(shield=True):
                await close_stream(cast("httpx2.AsyncByteStream", response.stream), None)
            raise

    async def _opened(self) -> openai.AsyncOpenAI:
        client = self._client
        if client is None:
            # Half a second of imports and certificates: at the first request, beside the event loop.
            made = await anyio.to_thread.run_sync(self._made, _on_asyncio())
            client = self._client = self._client or made
        return client

    def _headers(
        self, client: openai.AsyncOpenAI, parcel: Parcel, headers: Mapping[str, str]
    ) -> dict[str, str | openai.Omit]:
        import openai

        return {
            **_kept_back(client),
            # Answers it as it comes from the network: unparsed, not read ahead.
            "X-Stainless-Raw-Response": "stream",
            "Accept-Encoding": "identity",
            **({} if self._keep_connections else {"Connection": "close"}),
            # Said each time, or a variable of the environment would put another key in its place.
            "Authorization": f"Bearer {self._api_key}" if self._api_key else openai.Omit(),
            # The boundary of a form is added by whoever writes it.
            "Content-Type": "multipart/form-data" if isinstance(parcel, Form) else "application/json",
            **headers,
        }

    async def aclose(self) -> None:
        """Give back the connections; idempotent, and a later request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            with anyio.CancelScope(shield=True):
                await client.close()

    def _made(self, on_asyncio: bool) -> openai.AsyncOpenAI:
        import httpx2
        import openai

        # Deadlines are ours; only the connection's own time is left to the transport.
        timeout = httpx2.Timeout(None, connect=self._connect_s)
        # Shorter than the five seconds after which common servers close a kept connection.
        kept_s = 4.0 if self._keep_connections else 0.0
        limits = httpx2.Limits(
            max_connections=1000,
            max_keepalive_connections=20 if self._keep_connections else 0,
            keepalive_expiry=kept_s,
        )
        transport = openai.DefaultAioHttpClient if on_asyncio else httpx2.AsyncClient
        http_client = transport(
            timeout=timeout,
            limits=limits,
            # A redirect that is followed sends the key and the paid request elsewhere.
            follow_redirects=False,
            event_hooks={"response": [_shorten_error]},
        )
        client = openai.AsyncOpenAI(
            api_key=self._api_key or "none",
            base_url=self._base_url,
            max_retries=0,
            timeout=timeout,
            http_client=http_client,
        )
        # What they say of this machine is found out by another program, and then remembered.
        _ = client.default_headers
        return client


def _kept_back(client: openai.AsyncOpenAI) -> dict[str, str | openai.Omit]:
    """What takes back the headers that are meant for OpenAI alone, where `client` speaks to others.

    The SDK sends OPENAI_ORG_ID, OPENAI_PROJECT_ID and OPENAI_CUSTOM_HEADERS to any server.
    """
    import openai

    if f".{client.base_url.host}".endswith(_OPENAI):
        return {}
    taken: dict[str, str | openai.Omit] = dict.fromkeys(map(str.lower, client.default_headers), openai.Omit())
    # These two have to be there, though not as a variable may have changed them.
    taken |= {"accept": "application/json", "user-agent": client.user_agent}
    return taken


async def _shorten_error(response: httpx2.Response) -> None:
    """Keep only the beginning of an error's body, which the SDK would read without any limit."""
    import httpx2

    if response.status_code < 300:
        return
    stream = cast("httpx2.AsyncByteStream", response.stream)
    reads = aiter(stream)
    body = b""
    with anyio.move_on_after(_ERROR_BODY_S), contextlib.suppress(Exception):
        # Strategy: the status is worth more than its prose, whatever happens to the prose.
        unpacker = Unpacker(response.headers.get("content-encoding", ""))
        while len(body) < _ERROR_BYTES:
            for piece in unpacker.pieces(await anext(reads)):
                body += piece
                if len(body) >= _ERROR_BYTES:
                    break
    with anyio.CancelScope(shield=True):
        await close_stream(stream, reads)
    response.headers.pop("content-encoding", None)
    response.stream = httpx2.ByteStream(body[:_ERROR_BYTES])


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _posted(
    client: openai.AsyncOpenAI, path: str, parcel: Parcel, options: openai.RequestOptions
) -> httpx2.Response:
    import httpx2

    if isinstance(parcel, Json):
        return await client.post(path, cast_to=httpx2.Response, content=parcel.data, options=options)
    files = [(file.name, (file.filename, file.data, file.content_type)) for file in parcel.files]
    fields = _cleaned(parcel.fields)
    return await client.post(path, cast_to=httpx2.Response, body=fields, files=files, options=options)


def _cleaned(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {clean(name): clean(value) if isinstance(value, str) else value for name, value in fields.items()}


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError(
            f"the base URL {_shown(url)!r} is no address; write it like 'https://host/v1'",
            code="base_url_invalid",
        )


def _shown(url: str) -> str:
    """`url` without what may be a secret."""
    return re.sub(r"//.*@", "//…@", url.partition("?")[0])
