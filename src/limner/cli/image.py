"""`limner image`: one picture, without a chat model."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import anyio
from anyio import to_thread

from limner.clock import SystemClock
from limner.config import load_config
from limner.engine.defaults import default_image_tool
from limner.errors import CallerError, ConfigError, PictureError, StoreError
from limner.images.inspection import Inspected
from limner.images.inspector import Inspector
from limner.images.protocol import Drawing, ImageBackend, ImageRequest, Purchase
from limner.logs import log
from limner.reply.markdown import tidy
from limner.storage.files import store_error

from .ask import configure, read_prompt
from .codes import ExitCode
from .console import Console
from .interruption import Interruption
from .output import check_file, write_file
from .spare import leave_spare_folder, spare_folder
from .turn import WAIT_S, interruptible

__all__ = ["ImageOptions", "image"]

Format = Literal["png", "jpeg", "webp"]

OFFLINE = (
    "no image model is connected: the offline painter draws; set OPENAI_API_KEY to connect one, "
    "or LIMNER_IMAGE_BASE_URL and LIMNER_IMAGE_MODEL for another server"
)
_FORMATS: dict[str, Format] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
_JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """What was said on the command line."""

    file: Path
    size: str | None = None
    aspect_ratio: str | None = None
    quiet: bool = False
    config: Path | None = None
    image_model: str | None = None


def image(prompt: str | None, options: ImageOptions) -> ExitCode:
    """Draw, write the file, and say how it went. Raises: LimnerError."""
    return anyio.run(partial(_image, read_prompt(prompt, "image"), options))


async def _image(prompt: str, options: ImageOptions) -> ExitCode:
    console = Console(quiet=options.quiet)
    wanted = _FORMATS.get(options.file.suffix.lower())
    if wanted is None:
        raise CallerError(
            f"-o {str(options.file)!r} says no format; end it in .png, .jpg, .jpeg or .webp",
            code="output_suffix",
        )
    check_file(options.file, "-o")
    overrides = configure(
        image_model=options.image_model, size=options.size, aspect_ratio=options.aspect_ratio
    )
    config = load_config(options.config, overrides=overrides)
    if options.size is not None and options.aspect_ratio is not None:
        console.note("note: --size says the shape as well, so --aspect-ratio is not used")
    tool = default_image_tool(config, SystemClock())
    # Some makers refuse to be told what they do anyway.
    told = None if wanted == "png" and tool.output_format is None else wanted
    request = replace(tool.request({"prompt": prompt}), output_format=told)
    if options.aspect_ratio is not None and options.size is None:
        # What is said here wins over the size of a file.
        request = replace(request, size=None)
    if config.image.model is None:
        _check_shape(request)
    for note in config.notes:
        if "LIMNER_CHAT" not in note:
            console.note(f"note: {note}")
    if tool.backend.offline:
        console.note(f"note: {OFFLINE}")
    inspector = Inspector(workers=1)
    async with interruptible(console) as interruption:
        try:
            await inspector.warm()
            drawing = await _draw(tool.backend, request, console, interruption)
            found = await inspector.inspect(drawing.data) if drawing is not None else None
        finally:
            with anyio.move_on_after(5, shield=True):
                await inspector.aclose()
            with anyio.move_on_after(5, shield=True):
                await tool.backend.aclose()
        if drawing is None or found is None:
            free = tool.backend.resolve(request).price_usd == 0
            doubt = "" if free else "; the provider may charge for the picture all the same"
            console.error(f"interrupted{doubt}")
            return ExitCode.INTERRUPTED
        return await _write(found, drawing.model, wanted, options.file, console)


def _check_shape(request: ImageRequest) -> None:
    """See that the painter draws what is asked for, wherever it was said. Raises: ConfigError."""
    from limner.images.offline.sizes import refusal  # start-up time

    reason = refusal(request.size, request.aspect_ratio)
    if reason is not None:
        raise ConfigError(reason, code="config_invalid_value")


async def _draw(
    backend: ImageBackend, request: ImageRequest, console: Console, interruption: Interruption
) -> Drawing | None:
    """The picture; None where somebody left before it was there. It is paid for by then, so not at once."""
    result: Drawing | PictureError | None = None

    async def order() -> None:
        nonlocal result
        try:
            with anyio.fail_after(backend.timeout_s):
                (result, *_) = await backend.draw(request, Purchase(uuid.uuid4().hex))
        except TimeoutError:
            result = PictureError("image_timeout")
        except PictureError as error:
            result = error
        done.set()

    done = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(order)
        with interruption.stage():
            await done.wait()
        if not done.is_set():
            console.note(
                f"waiting up to {WAIT_S:.0f} s for the picture, which is ordered already (Ctrl-C again to leave now)"
            )
            with interruption.stage(after=1), anyio.move_on_after(WAIT_S):
                await done.wait()
        tasks.cancel_scope.cancel()
    if isinstance(result, PictureError):
        log.debug("picture.detail", detail=result.detail[:500])
        raise result
    return result


async def _write(found: Inspected, model: str, wanted: Format, file: Path, console: Console) -> ExitCode:
    data = (
        found.content if isinstance(found.content, bytes) else await to_thread.run_sync(_moved, found.content)
    )
    if found.format != wanted:
        console.note(f"note: the provider sent {found.format}; it is converted to {wanted}")
        data = await to_thread.run_sync(_converted, data, wanted)
    try:
        await to_thread.run_sync(write_file, file, data)
    except OSError as error:
        raise await to_thread.run_sync(_kept_elsewhere, file, data, error) from error
    console.note(f"{file}: {found.width} × {found.height}, {wanted}, {tidy(model)}")
    return ExitCode.DONE


def _moved(path: Path) -> bytes:
    data = path.read_bytes()
    path.unlink()
    return data


def _converted(data: bytes, wanted: Format) -> bytes:
    from PIL import Image  # start-up time

    with Image.open(io.BytesIO(data)) as picture:
        whole: Image.Image = picture
        if wanted == "jpeg":
            # JPEG knows no transparency: what shows through is paper.
            whole = Image.new("RGB", picture.size, "white")
            layer = picture.convert("RGBA")
            whole.paste(layer, mask=layer)
        out = io.BytesIO()
        whole.save(out, wanted.upper(), quality=_JPEG_QUALITY)
    return out.getvalue()


def _kept_elsewhere(file: Path, data: bytes, error: OSError) -> StoreError:
    """What to say once the picture, which is paid for, is put where there is room."""
    problem = store_error(error, file.parent)
    try:
        spare = spare_folder() / file.name
        write_file(spare, data)
    except OSError:
        leave_spare_folder()
        return problem
    return StoreError(f"{problem}; the picture is written to {spare} instead", code=problem.code)
