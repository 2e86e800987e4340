"""`limner serve`: the HTTP service, what it would do, and keys for it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import secrets
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import typer

from limner.config.file import found_path
from limner.config.load import load_gateway_config
from limner.config.rule import check_value
from limner.config.rules import ROWS, RULES
from limner.config.settings import Config, GatewayConfig
from limner.errors import ConfigError

from .codes import ExitCode
from .console import Console
from .control import visible
from .outlook import Outlook, foresee

__all__ = ["ServeOptions", "serve"]

_LIBRARIES = ("httptools", "msgspec", "starlette", "uvicorn")
"""Of the extra `gateway`."""
_KEY_PREFIX = "lim_"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What was said on the command line."""

    host: str | None = None
    port: int | None = None
    config: Path | None = None
    offline: bool = False
    check: bool = False
    new_key: str | None = None


def serve(options: ServeOptions) -> int:
    """Serve until SIGTERM or Ctrl-C; or only check, or only make a key. Raises: LimnerError."""
    if options.new_key is not None:
        return _new_key(options.new_key)
    overrides = {
        "gateway": {
            key: None if value is None else check_value(value, RULES["gateway"][key], f"--{key}")
            for key, value in (("host", options.host), ("port", options.port))
        }
    }
    config = load_gateway_config(options.config, overrides=overrides, offline=options.offline)
    _check_libraries(config)
    outlook = anyio.run(
        partial(foresee, config, offline=options.offline, file=found_path(options.config, os.environ))
    )
    if options.check:
        return _told(outlook)
    _say([f"warning: {each}" for each in outlook.warnings] + [f"note: {each}" for each in outlook.notes])
    from limner.gateway.service import serve as run

    from .debug import hide_log

    hide_log()
    return run(
        config,
        offline=options.offline,
        ready=lambda address: _say(_greeting(config, address, offline=options.offline)),
    )


def _say(lines: Iterable[str]) -> None:
    """On standard output, for standard error is the log's: one JSON object on each line."""
    text = "".join(f"{line}\n" for line in lines)
    # The service does not depend on somebody who reads this.
    with contextlib.suppress(OSError):
        typer.echo(visible(text), nl=False)


def _told(outlook: Outlook) -> int:
    lines = [f"{label:<13}{words}" for label, words in outlook.lines]
    lines += [f"warning: {each}" for each in outlook.warnings] + [f"note: {each}" for each in outlook.notes]
    lines.append("ok: limner serve would start; nothing was sent")
    typer.echo(visible("\n".join(lines)))
    return ExitCode.DONE


def _check_libraries(config: Config) -> None:
    """Raises: ConfigError (`extra_missing`)."""
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"the service needs {missing[0]!r}; install it with: pip install 'limner[gateway]'",
            code="extra_missing",
        )
    if config.storage.url is not None and importlib.util.find_spec("obstore") is None:
        raise ConfigError(
            "`url` in [storage] needs 'obstore'; install it with: pip install 'limner[object-store]'",
            code="extra_missing",
        )


def _new_key(name: str) -> int:
    """The lines for the file on standard output, so that they can be appended; the key beside them."""
    check_value(name, ROWS["gateway", "keys"]["name"], "--new-key")
    key = _KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
    console = Console()
    console.error(f"{name}'s key, shown this once: {key}")
    console.error(
        "The configuration file gets the three lines from [[gateway.keys]] on; the key is not in them."
    )
    digest = hashlib.sha256(key.encode("ascii")).hexdigest()
    typer.echo(f'[[gateway.keys]]\nname = "{name}"\nsha256 = "{digest}"')
    return ExitCode.DONE


def _greeting(config: Config, address: str, *, offline: bool) -> Iterator[str]:
    """Where it listens, what to tell a client, and something to try."""
    gateway = config.gateway
    base = gateway.public_url or address
    yield f"Limner listens on {address}. Tell a client of"
    yield f"  OpenAI      base_url = {base}/v1"
    yield f"  OpenRouter  base_url = {base}/api/v1"
    if gateway.keys:
        yield f"with a key of {', '.join(key.name for key in gateway.keys)}. Try:"
    elif offline:
        yield "with any key and any model: all is drawn offline, and each answer says so. Try:"
    else:
        yield "with any key. Try:"
    yield f"  {_curl(gateway, base, offline=offline)}"


def _curl(gateway: GatewayConfig, base: str, *, offline: bool) -> str:
    named = [name for name in gateway.models if "*" not in name]
    body = (
        f'{{"model": "{named[0] if named else "any" if offline else "MODEL"}", '
        '"messages": [{"role": "user", "content": "Green tea in three illustrated steps"}], '
        '"tools": [{"type": "openrouter:image_generation"}]}'
    )
    key = ' -H "Authorization: Bearer $LIMNER_KEY"' if gateway.keys else ""
    url = shlex.quote(f"{base}/v1/chat/completions")
    return f"curl {url}{key} -H 'Content-Type: application/json' -d {shlex.quote(body)}"
