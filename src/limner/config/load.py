"""From what was said to one finished configuration."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from limner.errors import ConfigError

from .endpoint import Endpoint, Voice, choose, choose_beside, origin
from .file import expand, read_file, read_keys
from .gateway import VARIABLES, complete_gateway, read_gateway, variables_of_upstreams
from .providers import FIRST, PROVIDERS, Provider
from .rule import check_value
from .rules import RULES, Tables, check
from .settings import ChatConfig, Config, ImageConfig, LimitsConfig, StorageConfig

__all__ = ["OFFLINE", "load_config", "load_gateway_config", "load_image_config"]

OFFLINE = "offline"
"""As a model's name: the offline default, whatever keys there are."""

NO_KEY = "none"
"""What a server without keys is sent: a client refuses to start without one."""

_KNOWN = (
    *(
        f"LIMNER_{table}_{key}".upper()
        for table in ("chat", "image")
        for key in ("model", "base_url", "api", "api_key")
    ),
    *(f"LIMNER_GATEWAY_{key}".upper() for key in VARIABLES),
    "LIMNER_CONFIG",
    "LIMNER_DEBUG",
)
"""The variables that this library reads, but for the providers' own."""


@dataclass(frozen=True, slots=True)
class _Said:
    """All sources, strongest first; each says only what it says."""

    arguments: Tables
    variables: Tables
    file: Tables
    path: Path | None
    """Of the file."""
    environ: Mapping[str, str]

    def find(self, table: str, key: str) -> Any:
        for source in (self.arguments, self.variables, self.file):
            if key in source.get(table, {}):
                return source[table][key]
        return None

    def rest(self, table: str, *without: str) -> dict[str, Any]:
        merged = {
            **self.file.get(table, {}),
            **self.variables.get(table, {}),
            **self.arguments.get(table, {}),
        }
        return {key: value for key, value in merged.items() if key not in without}

    def path_of(self, table: str, key: str) -> Path | None:
        """What was said as a path, absolute."""
        value = self.find(table, key)
        if value is None:
            return None
        path = expand(value, self.environ)
        if self.path and not any(key in each.get(table, {}) for each in (self.arguments, self.variables)):
            path = self.path.parent / path  # a file means the same wherever it is read from
        return Path(os.path.abspath(path))


def load_config(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
) -> Config:
    """The configuration: arguments (`overrides`) before environment before the one file.

    `path` is the file; else LIMNER_CONFIG names it, else it is `config.toml` in the user's
    configuration folder, where it may be missing. `overrides` has the file's shape; None in it
    is not said. Which key goes to which server: `limner.config.endpoint`.

    Raises: ConfigError (`config_unknown_key`, `config_invalid_value`, `config_file_missing`,
    `config_file_invalid`, `config_incomplete`).
    """
    return _finished(_read(path, environ, overrides), _chat)


def load_image_config(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
) -> Config:
    """`load_config` for who only draws: its `chat` names no model, and what one would lack is not missed."""
    return _finished(_read(path, environ, overrides), _no_chat)


def load_gateway_config(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Mapping[str, object]] | None = None,
    offline: bool = False,
) -> Config:
    """`load_config` for who serves: clients name chat models, so `chat` names none, but where they are.

    `gateway` is complete: its `state` is a folder, its `upstreams` have their keys, and [chat] is
    the last of them, with no prefix. `offline`: it has no upstreams, and nothing is drawn elsewhere.
    Raises: ConfigError, also for what a service cannot be started with.
    """
    if offline:
        tables = {table: dict(keys) for table, keys in (overrides or {}).items()}
        overrides = tables | {
            table: {**tables.get(table, {}), "model": OFFLINE} for table in ("chat", "image")
        }
    said = _read(path, environ, overrides)
    config = _finished(said, _no_chat)
    default = choose(_chat_voices(said)) if config.chat.base_url is not None else Endpoint()
    rows = said.find("gateway", "upstreams") or ()
    gateway = complete_gateway(config, rows, default, file=said.path, environ=environ, offline=offline)
    if config.image.model is None and said.find("image", "model") != OFFLINE:
        raise _no_painter()
    notes = (*_withheld("chat", default), *config.notes) if default.base_url else config.notes
    return replace(
        config,
        chat=replace(config.chat, api_key=default.api_key),
        image=_painters(config.image) if offline else config.image,
        gateway=gateway,
        notes=notes,
    )


def _painters(image: ImageConfig) -> ImageConfig:
    """What of `image` is meant for the painter too: the rest is spelled as another model does."""
    common = ("style_sentence", "aspect_ratio", "timeout_s", "concurrency", "accept", "strip_metadata")
    return ImageConfig(**{name: getattr(image, name) for name in common})


def _read(
    path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Mapping[str, object]] | None
) -> _Said:
    file, found = read_file(path, environ)
    return _Said(_arguments(overrides or {}), _variables(environ), file, found, environ)


def _finished(said: _Said, decide: Callable[[_Said, Endpoint], tuple[ChatConfig, list[str]]]) -> Config:
    voices = _chat_voices(said)
    chat, chat_notes = decide(said, choose(voices))
    image, image_notes = _image(said, voices, chat)
    _check_format(image)
    return Config(
        chat=chat,
        image=replace(image, catalogue=said.path_of("image", "catalogue")),
        limits=LimitsConfig(
            **_floats(said.rest("limits"), "seconds", "usd", "conversation_usd", "process_usd")
        ),
        storage=_storage(said),
        gateway=read_gateway(said.rest("gateway", "state"), said.path_of("gateway", "state")),
        notes=(*chat_notes, *image_notes, *_unknown_variables(said)),
    )


def _check_format(image: ImageConfig) -> None:
    if image.output_format not in {None, *image.accept}:
        raise ConfigError(
            f"the output_format {image.output_format!r} is asked for, and [image] does not accept it; "
            f"add it to `accept`, or ask for {' or '.join(image.accept)}",
            code="config_invalid_value",
        )


def _unknown_variables(said: _Said) -> list[str]:
    """Something that was said and that nobody hears; never its value, which may be a key."""
    notes = []
    known = {*_KNOWN, *variables_of_upstreams(said.find("gateway", "upstreams") or ())}
    for name in sorted(name for name in said.environ if name.startswith("LIMNER_") and name not in known):
        near = difflib.get_close_matches(name, _KNOWN, n=1)
        advice = f"did you mean {near[0]}?" if near else "take it away, or see which there are."
        notes.append(f"The variable {name!r} is not one of Limner's; {advice}")
    return notes


def _arguments(overrides: Mapping[str, Mapping[str, object]]) -> Tables:
    given = {
        table: {key: value for key, value in keys.items() if value is not None}
        for table, keys in overrides.items()
    }
    return check(given, "an argument")


def _variables(environ: Mapping[str, str]) -> Tables:
    tables: Tables = {}
    for table in ("chat", "image"):
        for key in ("model", "base_url", "api", "api_key"):
            value = _variable(environ, f"LIMNER_{table}_{key}".upper(), table, key)
            if value:
                tables.setdefault(table, {})[key] = value
    for key in VARIABLES:
        name = f"LIMNER_GATEWAY_{key}".upper()
        said = environ.get(name, "").strip()
        if said:
            number = key == "port" and said.isascii() and said.isdecimal()
            value = check_value(int(said) if number else said, RULES["gateway"][key], f"the variable {name}")
            tables.setdefault("gateway", {})[key] = value
    return tables


def _variable(environ: Mapping[str, str], name: str, table: str, key: str) -> str | None:
    value = environ.get(name, "").strip()
    # Set to nothing is how a shell takes back what it cannot unset.
    return str(check_value(value, RULES[table][key], f"the variable {name}")) if value else None


def _chat_voices(said: _Said) -> list[Voice]:
    return [
        _voice(said.arguments.get("chat", {}), "the argument's api_key in [chat]"),
        _voice(said.variables.get("chat", {}), "LIMNER_CHAT_API_KEY"),
        *(_provider_voice(row, said.environ) for row in PROVIDERS),
        _voice(said.file.get("chat", {}), "the file's api_key in [chat]"),
    ]


def _voice(keys: Mapping[str, Any], key_name: str) -> Voice:
    return Voice(key_name, keys.get("base_url"), keys.get("api_key"))


def _provider_voice(row: Provider, environ: Mapping[str, str]) -> Voice:
    key = _variable(environ, row.key_variable, "chat", "api_key")
    url = _variable(environ, row.url_variable, "chat", "base_url") if row.url_variable else None
    return Voice(row.key_variable, url, key, url or row.base_url)


def _chat(said: _Said, endpoint: Endpoint) -> tuple[ChatConfig, list[str]]:
    asking = said.rest("chat", "model", "base_url", "api_key")
    model = said.find("chat", "model")
    if model == OFFLINE or (model is None and endpoint.base_url is None):
        return ChatConfig(**asking), []
    if endpoint.base_url is None:
        raise _no_server("chat", model)
    notes = _withheld("chat", endpoint)
    if model is None:
        if endpoint.api_key is None:
            raise _no_model("chat", endpoint.base_url)
        row = _row(endpoint.base_url)
        model = row.chat_model
        notes.append(_default_note("chat", model, row))
    return ChatConfig(model, endpoint.base_url, endpoint.api_key or NO_KEY, **asking), notes


def _no_chat(said: _Said, endpoint: Endpoint) -> tuple[ChatConfig, list[str]]:
    """Where words would go, for pictures go there as well; None where they would be made offline."""
    offline = said.find("chat", "model") == OFFLINE
    asking = said.rest("chat", "model", "base_url", "api_key")
    return ChatConfig(base_url=None if offline else endpoint.base_url, **asking), []


def _image(said: _Said, others: list[Voice], chat: ChatConfig) -> tuple[ImageConfig, list[str]]:
    rest = _floats(said.rest("image", "model", "base_url", "api_key", "catalogue"), "timeout_s", "price_usd")
    if "accept" in rest:
        rest["accept"] = tuple(rest["accept"])
    model = said.find("image", "model")
    stated = said.find("image", "base_url") or said.find("image", "api_key")
    if model == OFFLINE or (model is None and not stated and chat.base_url is None):
        return ImageConfig(**rest), []
    own = [
        (_voice(said.arguments.get("image", {}), "the argument's api_key in [image]"), 0),
        (_voice(said.variables.get("image", {}), "LIMNER_IMAGE_API_KEY"), 1),
        (_voice(said.file.get("image", {}), "the file's api_key in [image]"), len(others) - 1),
    ]
    endpoint = choose_beside(own, others)
    if endpoint.base_url is None:
        raise _no_server("image", model)
    notes = _withheld("image", endpoint) if stated else []
    if model is None:
        if endpoint.api_key is None and said.find("image", "base_url"):
            raise _no_model("image", endpoint.base_url)
        if endpoint.api_key is None:
            # A chat server of one's own seldom draws, and its answer would be a name it does not know.
            note = (
                f"No image model is named for {origin(endpoint.base_url)}, so pictures are drawn offline; "
                "set LIMNER_IMAGE_MODEL if it has one."
            )
            return ImageConfig(**rest), [note]
        row = _row(endpoint.base_url)
        model = row.image_model
        notes.append(_default_note("image", model, row))
    return ImageConfig(model, endpoint.base_url, endpoint.api_key or NO_KEY, **rest), notes


def _row(base_url: str) -> Provider:
    # A server that nobody knows, but that wants a key, mostly speaks for the first provider's models.
    return next((row for row in PROVIDERS if origin(row.base_url) == origin(base_url)), FIRST)


def _default_note(table: str, model: str, row: Provider) -> str:
    return (
        f"No {table} model is named, so {model!r} is used (the default as of {row.as_of}); "
        f"set LIMNER_{table.upper()}_MODEL to choose another."
    )


def _withheld(table: str, endpoint: Endpoint) -> list[str]:
    server = origin(endpoint.base_url or "")
    return [
        f"No key is sent to {server}: {clause}; set LIMNER_{table.upper()}_API_KEY beside "
        f"LIMNER_{table.upper()}_BASE_URL if {server} needs one."
        for clause in endpoint.withheld
    ]


def _no_server(table: str, model: str | None) -> ConfigError:
    return ConfigError(
        f"the {table} model {model!r} is named, but no server; set {FIRST.key_variable}, "
        f"or LIMNER_{table.upper()}_BASE_URL (or base_url in [{table}]) for another server",
        code="config_incomplete",
    )


def _no_model(table: str, base_url: str) -> ConfigError:
    return ConfigError(
        f"the server {origin(base_url)} is named, but no {table} model; "
        f"set LIMNER_{table.upper()}_MODEL (or model in [{table}]) to one that it has",
        code="config_incomplete",
    )


def _no_painter() -> ConfigError:
    return ConfigError(
        "no image model is named, and a service never draws offline unless it is told to; set LIMNER_IMAGE_MODEL "
        "(and LIMNER_IMAGE_BASE_URL where pictures come from elsewhere), or model in [image]; "
        f'"{OFFLINE}" is the built-in painter',
        code="config_incomplete",
    )


def _floats(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: float(value) if key in names else value for key, value in values.items()}


def _storage(said: _Said) -> StorageConfig:
    """Raises: ConfigError, for what contradicts something else, or is of no use without it."""
    rest = _floats(said.rest("storage", "path", "link_key_file", "link_keys"), "link_ttl_s")
    key_file = said.path_of("storage", "link_key_file")
    keys = tuple(said.find("storage", "link_keys") or ())
    storage = StorageConfig(said.path_of("storage", "path"), link_key_file=key_file, link_keys=keys, **rest)
    for one, other in (("path", "url"), ("link_keys", "link_key_file")):
        if getattr(storage, one) and getattr(storage, other):
            raise ConfigError(
                f"[storage] has both {one!r} and {other!r}; keep one of them", code="config_invalid_value"
            )
    signed = storage.link_base_url is not None
    for key, useful, needed in (
        ("options", storage.url is not None, "a `url`"),
        ("link_keys", signed, "a `link_base_url`"),
        ("link_key_file", signed, "a `link_base_url`"),
        ("link_ttl_s", signed or storage.url is not None, "a `url` or a `link_base_url`"),
        ("link_base_url", bool(keys or key_file), "`link_keys` or a `link_key_file`"),
    ):
        if getattr(storage, key) and not useful:
            raise ConfigError(
                f"{key!r} in [storage] is of no use without {needed}; say that as well",
                code="config_incomplete",
            )
    return (
        replace(storage, link_keys=read_keys(key_file, "link_key_file in [storage]"))
        if key_file is not None
        else storage
    )
