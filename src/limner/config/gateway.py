"""The service's own part of the configuration, and what must be true before anything is served."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from limner.errors import ConfigError

from .endpoint import Endpoint
from .file import default_state, expand, read_keys
from .providers import PROVIDERS
from .rule import KEY, check_value
from .settings import Config, GatewayConfig, KeyConfig, UpstreamConfig, is_loopback

__all__ = ["VARIABLES", "complete_gateway", "read_gateway", "variables_of_upstreams"]

VARIABLES = ("host", "port", "public_url", "state")
"""Keys of [gateway] that a LIMNER_GATEWAY_ variable may say: what differs from machine to machine."""

_SECRETS = ("api_key", "api_key_env", "api_key_file")
_OPEN = ("0.0.0.0", "::")
"""Hosts that mean every address of the machine, and none that a client could use."""


def read_gateway(values: Mapping[str, Any], state: Path | None) -> GatewayConfig:
    """What was said, checked row by row; the keys of upstreams are not looked for yet.

    Raises: ConfigError (`config_incomplete`, `config_invalid_value`).
    """
    numbers = (
        "promise_after_s",
        "header_s",
        "body_s",
        "write_s",
        "drain_s",
        "keep_alive_s",
        "keep_days",
        "store_days",
    )
    rest: dict[str, Any] = {key: float(value) if key in numbers else value for key, value in values.items()}
    rest = {key: tuple(value) if isinstance(value, list) else value for key, value in rest.items()}
    if "public_url" in rest:
        rest["public_url"] = rest["public_url"].rstrip("/")
    rest["keys"] = tuple(_key(row) for row in rest.get("keys", ()))
    rest["upstreams"] = tuple(_upstream(row) for row in rest.get("upstreams", ()))
    _unrepeated("keys", "name", [key.name for key in rest["keys"]])
    _unrepeated("keys", "sha256", [key.sha256 for key in rest["keys"]])
    _unrepeated("upstreams", "prefix", [upstream.prefix for upstream in rest["upstreams"]])
    return GatewayConfig(state=state, **rest)


def complete_gateway(
    config: Config,
    rows: Iterable[Mapping[str, Any]],
    default: Endpoint,
    *,
    file: Path | None,
    environ: Mapping[str, str],
    offline: bool,
) -> GatewayConfig:
    """`config.gateway` with all that serving needs; `rows` are its upstreams as they were said.

    Raises: ConfigError, for what a service cannot be started with.
    """
    gateway = replace(
        config.gateway, state=_state(config.gateway.state, environ, offline=offline), upstreams=()
    )
    _check_reach(gateway)
    if offline:
        return gateway
    upstreams = tuple(
        replace(_upstream(row), api_key=_api_key(row, file=file, environ=environ)) for row in rows
    )
    if default.base_url is not None:
        upstreams = (*upstreams, UpstreamConfig("", default.base_url, default.api_key, api=config.chat.api))
    if not upstreams:
        raise _no_upstream()
    return replace(gateway, upstreams=upstreams)


def variables_of_upstreams(rows: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The variables that hold keys of upstreams."""
    return frozenset(row["api_key_env"] for row in rows if "api_key_env" in row)


def _key(row: Mapping[str, Any]) -> KeyConfig:
    _needed("keys", row, "name", "sha256")
    usd = row.get("usd")
    return KeyConfig(**{**row, "sha256": row["sha256"].lower(), "usd": None if usd is None else float(usd)})


def _upstream(row: Mapping[str, Any]) -> UpstreamConfig:
    """Without its key, which may stand elsewhere."""
    _needed("upstreams", row, "prefix", "base_url")
    said = [name for name in _SECRETS if name in row]
    if len(said) > 1:
        raise ConfigError(
            f"[[gateway.upstreams]] with the prefix {row['prefix']!r} has both {said[0]!r} and {said[1]!r}; "
            "keep one of them",
            code="config_invalid_value",
        )
    return UpstreamConfig(
        **{key: value for key, value in row.items() if key not in ("api_key_env", "api_key_file")}
    )


def _needed(table: str, row: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if name not in row:
            which = next((f" with the {key} {row[key]!r}" for key in ("name", "prefix") if key in row), "")
            raise ConfigError(f"[[gateway.{table}]]{which} lacks {name!r}; add it", code="config_incomplete")


def _unrepeated(table: str, name: str, values: list[str]) -> None:
    if len(set(values)) < len(values):
        again = next(value for place, value in enumerate(values) if value in values[:place])
        shown = "" if name == "sha256" else f" {again!r}"
        raise ConfigError(
            f"[[gateway.{table}]] says the {name}{shown} twice; give each its own",
            code="config_invalid_value",
        )


def _api_key(row: Mapping[str, Any], *, file: Path | None, environ: Mapping[str, str]) -> str | None:
    """The key of an upstream, from where the file says. Raises: ConfigError, which never shows it."""
    where = f"[[gateway.upstreams]] with the prefix {row['prefix']!r}"
    if "api_key_env" in row:
        name = row["api_key_env"]
        value = environ.get(name, "").strip()
        if not value:
            near = difflib.get_close_matches(name, environ, n=1)
            advice = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(
                f"{where} takes its key from the variable {name!r}, which is not set; set it{advice}",
                code="config_incomplete",
            )
        return str(check_value(value, KEY, f"the variable {name}"))
    if "api_key_file" in row:
        path = expand(row["api_key_file"], environ)
        keys = read_keys(
            Path(os.path.abspath(file.parent / path if file else path)), f"api_key_file in {where}"
        )
        if len(keys) > 1:
            raise ConfigError(
                f"the file {str(path)!r}, which api_key_file in {where} names, has several lines; "
                "leave the key alone in it",
                code="config_file_invalid",
            )
        return str(check_value(keys[0], KEY, f"the key in the file {str(path)!r}"))
    return row.get("api_key")


def _state(said: Path | None, environ: Mapping[str, str], *, offline: bool) -> Path:
    folder = said or default_state(environ)
    if folder is None:
        raise ConfigError(
            "there is no folder for what the service keeps: this user has no home; "
            "set LIMNER_GATEWAY_STATE, or `state` in [gateway]",
            code="config_incomplete",
        )
    # What was only played must never be taken up by a service that is asked in earnest.
    return folder / "offline" if offline else folder


def _check_reach(gateway: GatewayConfig) -> None:
    if not gateway.keys and not is_loopback(gateway.host):
        raise ConfigError(
            f"no keys are configured, so whoever reaches {gateway.host!r} could use the service; "
            "add [[gateway.keys]] (`limner serve --new-key NAME` makes one), "
            'or listen on this machine alone with host = "127.0.0.1"',
            code="config_incomplete",
        )
    if gateway.host in _OPEN and gateway.public_url is None:
        raise ConfigError(
            f"{gateway.host!r} is every address of this machine, and links to pictures need one that clients "
            'can use; set LIMNER_GATEWAY_PUBLIC_URL, or public_url in [gateway], like "https://pictures.example.com"',
            code="config_incomplete",
        )


def _no_upstream() -> ConfigError:
    variables = " or ".join(row.key_variable for row in PROVIDERS)
    return ConfigError(
        f"there is no chat endpoint to ask; set {variables}, or base_url (and api_key) in [chat], "
        "or add [[gateway.upstreams]]. To try the service without one: limner serve --offline",
        code="config_incomplete",
    )
