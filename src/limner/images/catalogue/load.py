"""The catalogue: the packaged rows, a user's own over them, and how a model is found in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from limner.errors import ConfigError
from limner.tomlfile import parsed, read

from .fields import ALL, MODEL, check, invalid
from .model import ImageModel, Provider
from .rows import Tables, read_model, read_provider, read_tokens

__all__ = ["ANYWHERE", "Catalogue", "load_catalogue"]

ANYWHERE = Provider("any", "any server", (), "openai")
"""The provider of a user's rows that name none: they hold wherever their model is asked."""

_PACKAGED = "models.toml"
_OWN = frozenset({"id", "provider", "aliases", "like", "prices", "retired", "source", "as_of"})
"""What no row has from the one that it is like: above all no price."""

_MOST_ALIKE = 20
"""Rows that are like another that is like another: each is looked up for each of those before it."""

Key = tuple[str, str]
"""A row's id and the key of its provider."""
Rows = dict[Key, tuple[dict[str, Any], str]]
"""Rows as TOML, and where each was read."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that is known of image models."""

    providers: Mapping[str, Provider]
    models: tuple[ImageModel, ...]
    """In the order of the files; ids may come more than once, each at another provider."""

    def find(
        self, model_id: str, *, base_url: str | None = None, provider: str | None = None
    ) -> ImageModel | None:
        """The row of a model at the server behind `base_url`, or at the provider of that key.

        A row of that provider wins over a user's row for any server, and that over a row of
        another provider. What another provider's row says of prices does not count: whoever
        relays a model asks what they like. Without `base_url` and `provider` the first row is as
        good as any, and its prices stand. None where no row has the name.
        Raises: ConfigError (`config_invalid_value`) for a `provider` that there is not.
        """
        named = [model for model in self.models if model_id in model.names]
        named = named or [model for model in self.models if model_id.lower() in _lower(model.names)]
        if not named:
            return None
        asked = self._asked(base_url, provider)
        # Of equals the one that is called so comes before those that are also called so.
        found = min(named, key=lambda model: (_distance(model, asked), model_id != model.id))
        if (base_url is None and provider is None) or _distance(found, asked) < 2:
            return found
        seller = asked.name if asked else urlsplit(base_url or "").hostname or "this server"
        return replace(found, prices=(), seller=seller)

    def provider_of(self, base_url: str) -> Provider | None:
        """Whose server that is; None where no provider names it."""
        try:
            parts = urlsplit(base_url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            return None
        for provider in self.providers.values():
            for each in provider.hosts:
                name, _, wanted = each.partition(":")
                if (host == name or host.endswith(f".{name}")) and wanted in {"", str(port)}:
                    return provider
        return None

    def _asked(self, base_url: str | None, provider: str | None) -> Provider | None:
        if provider is None:
            return self.provider_of(base_url) if base_url is not None else None
        if provider not in self.providers:
            raise ConfigError(
                f"there is no provider {provider!r} in the catalogue; "
                f"give one of {', '.join(self.providers)}, or add it to your own file",
                code="config_invalid_value",
            )
        return self.providers[provider]


def load_catalogue(extra: Path | None = None) -> Catalogue:
    """The packaged catalogue, with the rows of the file `extra` added, or laid over those they name.

    A row of the file that has the id and the provider of another replaces what it says, key by
    key, and leaves the rest. A row without a provider means the only one of its id; where there is
    none, it holds at any server.
    Raises: ConfigError (`config_file_missing`, `config_file_invalid`, `config_unknown_key`,
    `config_invalid_value`).
    """
    if extra is None:
        return _packaged()
    where = f"the file {str(extra)!r}"
    return _build([(_parse(_packaged_bytes(), _PACKAGED), _PACKAGED), (_parse(_read(extra), where), where)])


@cache
def _packaged() -> Catalogue:
    return _build([(_parse(_packaged_bytes(), _PACKAGED), _PACKAGED)])


def _packaged_bytes() -> bytes:
    return files(__package__).joinpath(_PACKAGED).read_bytes()


def _read(path: Path) -> bytes:
    data = read(path)
    if data is None:
        raise ConfigError(
            f"there is no file {str(path)!r}; create it or name another", code="config_file_missing"
        )
    return data


def _parse(data: bytes, where: str) -> dict[str, Any]:
    said = parsed(data, where)
    check(said, ALL, where)
    return said


def _build(sources: list[tuple[dict[str, Any], str]]) -> Catalogue:
    providers = {ANYWHERE.key: ANYWHERE}
    ratios: dict[str, Mapping[str, str]] = {}
    tokens = {}
    rows: Rows = {}
    for said, where in sources:
        for key, table in said.get("providers", {}).items():
            providers[key] = read_provider(key, table, where)
        ratios.update(said.get("ratios", {}))
        for key, table in said.get("tokens", {}).items():
            tokens[key] = read_tokens(key, table, where)
        rows = {**rows, **_laid(said.get("models", []), rows, where)}
    tables = Tables(providers, ratios, tokens)
    models = [read_model(row, tables, where) for row, where in rows.values()]
    return Catalogue(providers, tuple(models))


def _laid(models: list[dict[str, Any]], below: Rows, where: str) -> Rows:
    """The rows of one file, each whole: with what lies below it, and with what it is like."""
    here: dict[Key, dict[str, Any]] = {}
    for number, row in enumerate(models, 1):
        place = f"{where}: row {row.get('id', number)!r}"
        check(row, MODEL, place)
        provider = row.get("provider") or _only_provider(row["id"], [*below, *here], place)
        key = (row["id"], provider)
        if key in here:
            raise ConfigError(
                f"{place} is there twice for the provider {provider!r}; keep one", code="config_invalid_value"
            )
        here[key] = {**row, "provider": provider}
    return {key: (_whole(key, here, below, where), where) for key in here}


def _only_provider(model_id: str, keys: Iterable[Key], place: str) -> str:
    providers = [provider for each, provider in keys if each == model_id]
    if len(providers) > 1:
        raise invalid(place, "provider", f"there, for more than one has this id: {', '.join(providers)}")
    return providers[0] if providers else ANYWHERE.key


def _whole(
    key: Key, here: Mapping[Key, dict[str, Any]], below: Rows, where: str, under: tuple[Key, ...] = ()
) -> dict[str, Any]:
    row = here[key]
    laid = below[key][0] if key in below else {}
    if "like" not in row:
        return {**laid, **row}
    place, model_id = f"{where}: row {row['id']!r}", row["like"]
    # A file's own rows come first: a user's new row must not change what ours are like.
    own = [each for each in here if each[0] == model_id and each != key]
    others = [each for each in below if each[0] == model_id and each != key]
    found = own or others
    if len(found) != 1:
        few = "there is none" if not found else "there are several"
        raise invalid(place, "like", f"the id of exactly one other row; {few} with {model_id!r}")
    if found[0] in under:
        raise invalid(place, "like", "another row, which is not like this one in turn")
    if len(under) >= _MOST_ALIKE:
        raise invalid(
            place, "like", f"a row that says more itself: at most {_MOST_ALIKE} may follow each other"
        )
    model = _whole(found[0], here, below, where, (*under, key)) if own else below[found[0]][0]
    inherited = {name: value for name, value in model.items() if name not in _OWN}
    return {**laid, **inherited, **row}


def _distance(model: ImageModel, asked: Provider | None) -> int:
    if asked is not None and model.provider.key == asked.key:
        return 0
    return 1 if model.provider.key == ANYWHERE.key else 2


def _lower(names: tuple[str, ...]) -> Iterator[str]:
    return (name.lower() for name in names)
