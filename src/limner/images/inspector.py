"""Pictures inspected in processes of their own, so that a decoder can break none but its picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from limner.errors import ConfigError, PictureError

from .inspection import MAX_BYTES, Inspected
from .protocol import Content
from .workers.pool import WorkerFailed, Workers

__all__ = ["Inspector", "PictureUnjudged"]

_MODULE = "limner.images.inspection.worker"


class PictureUnjudged(PictureError):
    """Whether it is a picture cannot be said: its inspection broke. The bytes are as they came."""


class Inspector:
    """Says whether bytes are a picture that can be trusted, and cuts what is none of it.

    `workers`: how many pictures are decoded at the same time; one of the largest takes up to 700 MB meanwhile.
    `limit_s`: how long one of them may take, once it has its turn.
    """

    def __init__(self, *, workers: int | None = None, limit_s: float = 20.0) -> None:
        if workers is not None and workers < 1:
            raise ConfigError(f"workers is {workers}; give 1 or more", code="workers_invalid")
        self._workers = Workers(_MODULE, workers or min(2, os.cpu_count() or 1), limit_s=limit_s)

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the worker processes that run now."""
        return self._workers.pids

    async def inspect(self, content: Content) -> Inspected:
        """Check a picture; a file is read, and cut, where it is, and never comes into this process.

        Raises: PictureError (`image_bad_payload`, `image_too_large`, `image_type_not_allowed`,
        `image_too_many_pixels`, `image_truncated`, `image_decode_failed`); PictureUnjudged
        (`image_decode_failed` where the decoder crashed or took too long, else `internal`).
        Cancel: safe; the worker that decodes is killed and replaced. A file may be cut by then.
        """
        job: dict[str, Any] = {}
        body = b""
        if isinstance(content, Path):
            job["path"] = str(content.absolute())
        elif len(content) > MAX_BYTES:
            raise PictureError("image_too_large", billed="yes")
        else:
            body = content = bytes(content)
        try:
            answer, _ = await self._workers.ask(job, body)
        except WorkerFailed as failure:
            code = "image_decode_failed" if failure.why in ("ended", "too_slow") else "internal"
            raise PictureUnjudged(code, billed="yes", detail=failure.detail) from failure
        if "code" in answer:
            raise PictureError(answer["code"], billed="yes", detail=answer["detail"])
        left = content if isinstance(content, Path) else content[: answer["size_bytes"]]
        return Inspected(**answer, content=left)

    async def warm(self) -> None:
        """Start a worker ahead of the first picture, while that one is still being drawn.

        Cancel: safe.
        """
        await self._workers.warm()

    async def aclose(self) -> None:
        """End the worker processes; idempotent."""
        await self._workers.aclose()
