"""Which server is asked, and which key it may see.

A key is sent to the server it belongs to and to no other. It belongs to

- the provider, where a provider's own variable holds it (or where its address variable points);
- else the address that is stated beside it, or below it: arguments stand on the LIMNER_
  variables, those on the provider's, those on the file;
- else the first provider's address.

So an address that is stated above a key never takes that key along: with an API key in the
file and another server in an argument, that server is asked without a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from limner.errors import ConfigError

from .providers import FIRST

__all__ = ["Endpoint", "Voice", "choose", "choose_beside", "origin"]


@dataclass(frozen=True, slots=True)
class Voice:
    """What one source says of a server; sources come in the order of their strength."""

    key_name: str
    """How a sentence calls its key: "OPENAI_API_KEY"."""
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    home: str | None = None
    """Where its key belongs, when that is known without an address being stated."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and its key."""

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    withheld: tuple[str, ...] = ()
    """Where no key belongs to the server: one clause for each key that belongs elsewhere."""


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    value: str = field(repr=False)
    home: str


def choose(voices: Sequence[Voice]) -> Endpoint:
    """The server that the strongest address names, else the one that the strongest key belongs to."""
    keys = _keys(voices, FIRST.base_url)
    base_url = _stated(voices) or (keys[0].home if keys else None)
    return _with_key(base_url, keys)


def choose_beside(own: Sequence[tuple[Voice, int]], others: Sequence[Voice]) -> Endpoint:
    """The server of `own` voices, which stand on the `others` where they leave something open.

    Each of `own` comes with the place in `others` from which on those are not stronger than it.
    Raises: ConfigError (`config_incomplete`) where a key is given whose server could be either of two.
    """
    voices = [voice for voice, _ in own]
    keys: list[_Key] = []
    for place, (voice, since) in enumerate(own):
        if voice.api_key:
            home = _stated(voices[place:]) or choose(others[since:]).base_url or FIRST.base_url
            keys.append(_Key(voice.key_name, voice.api_key, home))
    base_url = _stated(voices)
    if base_url is None:
        base_url = choose(others).base_url or (keys[0].home if keys else None)
        unclear = [key for key in keys[:1] if base_url and origin(key.home) != origin(base_url)]
        if unclear:
            raise ConfigError(
                f"{unclear[0].name} could belong to {origin(unclear[0].home)} or to {origin(base_url or '')}; "
                "say which: set LIMNER_IMAGE_BASE_URL, or base_url in [image]",
                code="config_incomplete",
            )
    return _with_key(base_url, [*keys, *_keys(others, FIRST.base_url)])


def origin(base_url: str) -> str:
    """Scheme, host and port: what decides whether two addresses are one server."""
    parts = urlsplit(base_url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    shown = "" if port == {"http": 80, "https": 443}.get(parts.scheme) else f":{port}"
    host = (parts.hostname or "").rstrip(".")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{shown}"


def _stated(voices: Sequence[Voice]) -> str | None:
    return next((voice.base_url for voice in voices if voice.base_url), None)


def _keys(voices: Sequence[Voice], fallback: str) -> list[_Key]:
    return [
        _Key(voice.key_name, voice.api_key, voice.home or _stated(voices[place:]) or fallback)
        for place, voice in enumerate(voices)
        if voice.api_key
    ]


def _with_key(base_url: str | None, keys: Sequence[_Key]) -> Endpoint:
    if base_url is None:
        return Endpoint()
    for key in keys:
        if origin(key.home) == origin(base_url):
            return Endpoint(base_url, key.value)
    withheld = dict.fromkeys(f"{key.name} belongs to {origin(key.home)}" for key in keys)
    return Endpoint(base_url, None, tuple(withheld))
