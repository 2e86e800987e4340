"""One bucket of an object store, through `obstore`; its errors are ours.

Everything here blocks: call it from a thread.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from limner.errors import ConfigError, StoreError
from limner.transport.debug import note_words

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["Bucket"]

_SIGNING = ("S3Store", "GCSStore", "AzureStore")
_KNOWN = (*_SIGNING, "MemoryStore")
_CONNECT_S = 5.0
_MOST_RETRIES = 5
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.I)
_FULL = re.compile(r"status code: 507|QuotaExceeded|InsufficientStorage|StorageFull|EntityTooLarge", re.I)
_CONNECTION = re.compile(
    r"(?:aws_|google_|azure_)?(allow_(?:http|invalid_certificates)|(?:connect_|read_)?timeout|default_content_type"
    r"|http[12]_\w+|pool_\w+|proxy_(?:url|ca_certificate|excludes)|randomize_addresses|root_certificate|user_agent)",
    re.I,
)
"""Options of the connection: obstore panics where it finds them among those of the store."""
_STATUS = re.compile(r"status code: (\d{3})")


class Bucket:
    """Objects under keys, each of them whole or not there."""

    def __init__(self, store: ObjectStore | str, options: Mapping[str, str], timeout_s: float) -> None:
        """Raises: ConfigError (`extra_missing`, `store_invalid`)."""
        if find_spec("obstore") is None:
            raise ConfigError(
                "an object store needs an extra; install it with: pip install 'limner[object-store]'",
                code="extra_missing",
            )
        if options and not isinstance(store, str):
            raise ConfigError(
                "options belong to an address; give them to the store when you open it", code="store_invalid"
            )
        self.store = _checked(_opened(store, options, timeout_s) if isinstance(store, str) else store)
        self.name = _shown(store) if isinstance(store, str) else repr(store)
        """For people: what it is and where, never a key."""

    def create(self, key: str, data: bytes, attributes: Mapping[str, str] | None = None) -> bool:
        """Put an object under a free key; False where the key is taken, which changes nothing."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        try:
            with self._asking():
                obstore.put(self.store, key, data, mode="create", attributes=dict(attributes or {}))
        except AlreadyExistsError:
            return False
        return True

    def write(self, key: str, data: bytes, attributes: Mapping[str, str] | None = None) -> None:
        """Put an object in the place of what is under a key."""
        import obstore

        with self._asking():
            obstore.put(self.store, key, data, use_multipart=False, attributes=dict(attributes or {}))

    def upload(self, key: str, parts: Iterable[bytes], attributes: Mapping[str, str]) -> None:
        """Put an object that comes in parts in the place of what is under a key, 5 MiB at a time.

        Where `parts` raises, nothing has changed.
        """
        import obstore

        with self._asking():
            # One at a time: what is under way stands in memory.
            obstore.put(self.store, key, iter(parts), max_concurrency=1, attributes=dict(attributes))

    def size_bytes(self, key: str) -> int | None:
        """How long an object is; None where there is none."""
        import obstore

        try:
            with self._asking():
                return int(obstore.head(self.store, key)["size"])
        except FileNotFoundError:
            return None

    def read(self, key: str, most_bytes: int | None = None) -> bytes | None:
        """An object; None where there is none, empty where it is longer than `most_bytes`."""
        import obstore

        try:
            with self._asking():
                found = obstore.get(self.store, key)
                if most_bytes is not None and found.meta["size"] > most_bytes:
                    return b""
                return bytes(found.bytes())
        except FileNotFoundError:
            return None

    def parts(self, key: str) -> Iterator[memoryview]:
        """What an object holds, some MiB at a time; nothing where there is none."""
        import obstore

        with contextlib.suppress(FileNotFoundError), self._asking():
            for part in obstore.get(self.store, key).stream(min_chunk_size=1 << 20):
                yield memoryview(part)

    def copy(self, key: str, to: str) -> None:
        """A second object like the first, if there is one."""
        import obstore

        with contextlib.suppress(FileNotFoundError), self._asking():
            obstore.copy(self.store, key, to)

    def sign(self, key: str, expires_s: float) -> str | None:
        """A link that reads an object until it expires; None where the store knows no such thing."""
        import obstore

        if not _is_one_of(self.store, _SIGNING):
            return None
        store: Any = self.store
        with self._asking():
            return str(obstore.sign(store, "GET", key, timedelta(seconds=expires_s)))

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """Let through what an answer means, and turn what is a failure into an error of ours."""
        from obstore.exceptions import AlreadyExistsError, BaseError

        try:
            yield
        except (AlreadyExistsError, StoreError):
            raise
        except (BaseError, OSError, ValueError) as error:
            words = str(error)
            if isinstance(error, FileNotFoundError) and not _NO_BUCKET.search(words):
                raise
            failure = self._failure(error, words)
            status = _STATUS.search(words)
            note_words(failure.code, int(status[1]) if status else 0, words, "")
            # Without its cause: the store's words go to the restricted log alone.
            raise failure from None

    def _failure(self, error: Exception, words: str) -> StoreError:
        from obstore.exceptions import NotSupportedError, PermissionDeniedError, UnauthenticatedError

        if _FULL.search(words):
            return StoreError(
                f"the object store {self.name} has no room for a picture; free some or raise its quota",
                code="image_store_full",
            )
        if isinstance(error, FileNotFoundError):
            sentence = f"there is no such bucket as that of {self.name}; create it, or correct its name"
        elif isinstance(error, PermissionDeniedError | UnauthenticatedError):
            sentence = (
                f"the object store {self.name} refused our key; "
                "check the key, its secret, and that it may read and write there"
            )
        elif isinstance(error, NotSupportedError) or "status code: 501" in words:
            sentence = (
                f"the object store {self.name} lacks something that keeping pictures needs, "
                "like puts that only create (If-None-Match); use one that has it"
            )
        else:
            sentence = (
                f"the object store {self.name} cannot be reached or failed; "
                "check its address and the network, then try again"
            )
        return StoreError(sentence, code="store_unavailable")


def _opened(url: str, options: Mapping[str, str], timeout_s: float) -> ObjectStore:
    from obstore.exceptions import BaseError, UnknownConfigurationKeyError
    from obstore.store import from_url

    config: Any = {key: value for key, value in options.items() if not _CONNECTION.fullmatch(key)}
    endpoints = [value for key, value in config.items() if "endpoint" in key.lower()]
    # Half of the time for one attempt, half for starting others: together never more than all of it.
    half = timedelta(seconds=timeout_s / 2)
    connection: Any = {
        # Who writes an address without TLS means it.
        "allow_http": any(str(value).startswith("http://") for value in endpoints),
        "connect_timeout": min(timedelta(seconds=_CONNECT_S), half),
        "timeout": half,
    }
    for key, value in options.items():
        if found := _CONNECTION.fullmatch(key):
            connection[found[1].lower()] = value
    try:
        return from_url(
            url,
            config=config,
            client_options=connection,
            retry_config={"max_retries": _MOST_RETRIES, "retry_timeout": half},
        )
    except UnknownConfigurationKeyError:
        raise ConfigError(
            f"{_shown(url)!r} does not know all of the options {sorted(options)}; "
            "write them as obstore's documentation has them",
            code="store_invalid",
        ) from None
    except (BaseError, ValueError, TypeError):
        raise ConfigError(
            f"{_shown(url)!r} with the options {sorted(options)} is no object store; "
            "write it like 's3://bucket/prefix', 'gs://…' or 'az://…'",
            code="store_invalid",
        ) from None


def _checked(store: ObjectStore) -> ObjectStore:
    if not _is_one_of(store, _KNOWN):
        raise ConfigError(
            f"pictures are not kept in a {type(store).__name__}; give a store of S3, Google Cloud or Azure, "
            "and for a folder of this machine a FolderStorage, which survives power cuts",
            code="store_invalid",
        )
    return store


def _is_one_of(store: ObjectStore, names: tuple[str, ...]) -> bool:
    # By name, so that nothing is imported for it.
    return any(kind.__name__ in names for kind in type(store).__mro__)


def _shown(url: str) -> str:
    """`url` without what may be a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition(":")[0]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
