"""Pictures inspected so that a decoder can break none but its picture: in other processes, or without any."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from limner.beside import LARGE_BYTES
from limner.core.formats import FORMATS, FormatName
from limner.errors import ConfigError, PictureError

from .inspection.inspected import Inspected
from .inspection.limits import MAX_BYTES, STILL_FORMATS
from .protocol import Content
from .workers.pool import WorkerFailed, Workers

__all__ = ["Inspector", "PictureUnjudged"]

_MODULE = "limner.images.inspection.worker"
_QUICK_BYTES = 64 << 10
"""Of a picture that takes less than a millisecond, unless it is packed to take more."""


class PictureUnjudged(PictureError):
    """Whether it is a picture cannot be said: its inspection broke. The bytes are as they came."""


class Inspector:
    """Says whether bytes are a picture that can be trusted, and cuts what is none of it.

    `formats`: which are pictures at all; "gif" and "avif" are allowed only where they are named here.
    `strip_metadata`: whether text, EXIF (but for how the picture is turned) and provenance go as well;
    the pixels and their colour profile stay as they are. Every picture then takes a worker.
    `workers`: how many pictures are decoded at once; one of the largest takes up to 700 MB meanwhile. As many
    large PNGs are judged without one.
    `limit_s`: how long one may take, once it has its turn.

    Raises: ConfigError (`formats_invalid`, `workers_invalid`).
    """

    def __init__(
        self,
        formats: Iterable[FormatName] = STILL_FORMATS,
        *,
        strip_metadata: bool = False,
        workers: int | None = None,
        limit_s: float = 20.0,
    ) -> None:
        self._formats = _known(formats)
        if workers is not None and workers < 1:
            raise ConfigError(f"workers is {workers}; give 1 or more", code="workers_invalid")
        self._strip_metadata = strip_metadata
        self._judges_pngs = "png" in self._formats and not strip_metadata
        count = workers or min(2, os.cpu_count() or 1)
        self._workers = Workers(_MODULE, count, limit_s=limit_s)
        # Each thread keeps what it has ever held.
        self._threads = anyio.Semaphore(count, fast_acquire=True)

    @property
    def formats(self) -> tuple[FormatName, ...]:
        """Which formats are pictures."""
        return self._formats

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the worker processes that run now."""
        return self._workers.pids

    def lacks_worker(self, expected: str | None = None) -> bool:
        """Whether a worker that will be asked is neither there nor being started, so that `warm` pays.

        `expected`: the format that was ordered; where none was, most makers send PNGs, which need no worker.
        """
        return not (self._judges_pngs and expected in ("png", None)) and not self._workers.warmed

    async def inspect(self, content: Content) -> Inspected:
        """Check a picture; a file is read, and changed, where it is, and is never in memory as a whole.

        A PNG as most makers write them is judged in this process, in a thread where that takes time.
        Raises: PictureError (`image_bad_payload`, `image_too_large`, `image_type_not_allowed`,
        `image_too_many_pixels`, `image_truncated`, `image_decode_failed`); PictureUnjudged
        (`image_decode_failed` where the decoder crashed or took too long, else `internal`).
        Cancel: safe; the worker that decodes is killed and replaced. A file is as it was, or as it is kept.
        """
        if not isinstance(content, Path):
            if len(content) > MAX_BYTES:
                raise PictureError("image_too_large", billed="yes")
            content = bytes(content)
        found = await self._in_place(content) if self._judges_pngs else None
        return found or await self._by_worker(content)

    def glance(self, data: bytes) -> tuple[FormatName, bytes]:
        """What bytes are by their structure alone, and what of them would be kept; nothing is decoded.

        For pictures that nobody keeps. Takes milliseconds. Raises: PictureError, as `inspect`.
        """
        from .inspection.checking import glance  # start-up time

        return glance(data, formats=self._formats, strip_metadata=self._strip_metadata)

    async def warm(self) -> None:
        """Start a worker ahead of the first picture that needs one, while that is still being drawn.

        Returns before the worker is ready. Cancel: safe.
        """
        await self._workers.warm()

    async def aclose(self) -> None:
        """End the worker processes; idempotent."""
        await self._workers.aclose()

    async def _in_place(self, content: Content) -> Inspected | None:
        """What can be said without a worker; None where it has to be asked."""
        from .inspection.usual import effort_bytes, judged  # start-up time

        if not isinstance(content, Path) and effort_bytes(content) <= LARGE_BYTES:
            return judged(content)
        async with self._threads:
            return await to_thread.run_sync(judged, content)

    async def _by_worker(self, content: Content) -> Inspected:
        job = {"formats": self._formats, "strip_metadata": self._strip_metadata}
        if isinstance(content, Path):
            answer, left = await self._asked(job | {"path": str(content.absolute())}, b"")
            return Inspected(**answer, content=content)
        answer, left = await self._asked(job, content)
        return Inspected(**answer, content=left or content[: answer["size_bytes"]])

    async def _asked(self, job: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        try:
            answer, left = await self._workers.ask(job, body, quick=0 < len(body) <= _QUICK_BYTES)
        except WorkerFailed as failure:
            code = "image_decode_failed" if failure.why in ("ended", "too_slow") else "internal"
            raise PictureUnjudged(code, billed="yes", detail=failure.detail) from failure
        if "code" in answer:
            raise PictureError(answer["code"], billed="yes", detail=answer["detail"])
        return answer, left


def _known(formats: Iterable[FormatName]) -> tuple[FormatName, ...]:
    named = tuple(dict.fromkeys(formats))
    unknown = [each for each in named if each not in FORMATS]
    if unknown or not named:
        wrong = f"cannot hold {unknown[0]!r}" if unknown else "names nothing"
        raise ConfigError(f"formats {wrong}; give some of {', '.join(FORMATS)}", code="formats_invalid")
    return named
