"""`limner image`: pictures of one prompt, without a chat model."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import anyio

from limner.clock import SystemClock
from limner.config.load import load_image_config
from limner.config.settings import Config, LimitsConfig
from limner.engine.defaults import default_image_tool, default_inspector
from limner.errors import CallerError, ParameterError, PictureError
from limner.images.protocol import Drawing, ImageBackend, ImageRequest, Purchase, Resolved
from limner.logs import log
from limner.tools.image import ImageTool

from .advice import advice, refused
from .ask import OPTIONS, configure, read_prompt
from .codes import ExitCode
from .console import Console
from .interruption import Interruption
from .prints import Kept, Prints, Target
from .summary import dollars
from .turn import WAIT_S, interruptible

__all__ = ["ImageOptions", "image"]

OFFLINE = (
    "no image model is connected: the offline painter draws; set OPENAI_API_KEY to connect one, "
    "or LIMNER_IMAGE_BASE_URL and LIMNER_IMAGE_MODEL for another server"
)


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """What was said on the command line."""

    file: Path | None = None
    count: int = 1
    quiet: bool = False
    config: Path | None = None
    budget_usd: float | None = None
    said: Mapping[str, str | None] = field(default_factory=dict)
    """What of [image] was said: key → value, None where nothing was."""

    @property
    def options(self) -> Mapping[str, str]:
        """Parameter → the option that said it."""
        keys = (key for key, value in self.said.items() if value is not None)
        return {"n": "-n", **{key: OPTIONS["image", key] for key in keys}}


def image(prompt: str | None, options: ImageOptions) -> ExitCode:
    """Draw, write the files, and say how it went. Raises: LimnerError."""
    return anyio.run(partial(_image, read_prompt(prompt, "image"), options))


async def _image(prompt: str, options: ImageOptions) -> ExitCode:
    console = Console(quiet=options.quiet)
    config = load_image_config(
        options.config, overrides=configure(usd=options.budget_usd, image=dict(options.said))
    )
    target = _target(config, options)
    target.check(options.count)
    tool = default_image_tool(config, SystemClock())
    order = _order(tool, prompt, options, target)
    _check_price(order, config.limits)
    for note in (*config.notes, *order.notes):
        console.note(f"note: {note}")
    if tool.backend.offline:
        console.note(f"note: {OFFLINE}")
    inspector = default_inspector(config)
    async with interruptible(console) as interruption:
        try:
            if inspector.lacks_worker(order.request.output_format):
                await inspector.warm()
            drawn = await _draw(tool.backend, order.request, console, interruption)
            if not drawn:
                doubt = "" if order.price_usd == 0 else "; the provider may charge for it all the same"
                console.error(f"interrupted{doubt}")
                return ExitCode.INTERRUPTED
            return await _kept(drawn, order, Prints(target, inspector, console))
        except PictureError as error:
            return _failed(error, order, console)
        finally:
            for part in (inspector, tool.backend):
                with anyio.move_on_after(5, shield=True):
                    await part.aclose()


def _target(config: Config, options: ImageOptions) -> Target:
    return Target.chosen(
        options.file,
        said=config.image.output_format if options.said.get("output_format") else None,
        usual=config.image.output_format or "png",
        accepted=config.image.accept,
        several=options.count > 1,
    )


def _order(tool: ImageTool, prompt: str, options: ImageOptions, target: Target) -> Resolved:
    """What will be ordered. Raises: CallerError, which names what the model does not take."""
    request = replace(tool.request({"prompt": prompt}), n=options.count, partial_images=0)
    # What is said here wins over the other way to say it in a file.
    if options.said.get("size") is None and options.said.get("aspect_ratio") is not None:
        request = replace(request, size=None)
    if options.said.get("aspect_ratio") is None and options.said.get("size") is not None:
        request = replace(request, aspect_ratio=None)
    try:
        if options.said.get("output_format") is None:
            return _by_name(tool, request, target)
        return tool.backend.resolve(request)
    except ParameterError as error:
        raise refused(error, options.options) from error


def _by_name(tool: ImageTool, request: ImageRequest, target: Target) -> Resolved:
    """The order where only the name of a file says the format: what a model cannot draw is converted."""
    # Some makers refuse to be told what they do anyway.
    plain = target.format == "png" and request.output_format is None
    try:
        return tool.backend.resolve(replace(request, output_format=None if plain else target.format))
    except ParameterError as error:
        if error.param != "output_format":
            raise
        return tool.backend.resolve(replace(request, output_format=None))


def _check_price(order: Resolved, limits: LimitsConfig) -> None:
    """Raises: CallerError (`price_unknown`, `budget_exceeded`), before anything is bought."""
    # This is all that the process buys, so the least of them holds.
    said = [each for each in (limits.usd, limits.conversation_usd, limits.process_usd) if each is not None]
    if not said or (order.price_usd is None and limits.unknown_prices == "allow"):
        return
    budget_usd = min(said)
    what = "the picture costs" if order.request.n == 1 else f"the {order.request.n} pictures cost"
    if order.price_usd is None:
        raise CallerError(
            f"what {what} is unknown, and the budget is {dollars(budget_usd)}; {_lower(advice('price_unknown'))}",
            code="price_unknown",
        )
    if order.price_usd > budget_usd + 1e-5:
        raise CallerError(
            f"{what} up to {dollars(order.price_usd)}, and the budget is {dollars(budget_usd)}; "
            f"{_lower(advice('budget_exceeded'))}",
            code="budget_exceeded",
        )


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")


async def _draw(
    backend: ImageBackend, request: ImageRequest, console: Console, interruption: Interruption
) -> Sequence[Drawing]:
    """The pictures; none where somebody left before they were there. They are paid for by then, so not at once.

    Raises: PictureError.
    """
    result: Sequence[Drawing] | PictureError = ()

    async def order() -> None:
        nonlocal result
        purchase = Purchase(uuid.uuid4().hex)
        await backend.throttle.enter(purchase)
        try:
            with anyio.fail_after(backend.timeout_s):
                result = await backend.draw(request, purchase) or PictureError("image_bad_payload")
        except TimeoutError:
            result = PictureError("image_timeout")
        except PictureError as error:
            result = error
        finally:
            backend.throttle.leave(purchase)
        done.set()

    done = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(order)
        with interruption.stage():
            await done.wait()
        if not done.is_set():
            what = "the picture, which is" if request.n == 1 else "the pictures, which are"
            console.note(
                f"waiting up to {WAIT_S:.0f} s for {what} ordered already (Ctrl-C again to leave now)"
            )
            with interruption.stage(after=1), anyio.move_on_after(WAIT_S):
                await done.wait()
        tasks.cancel_scope.cancel()
    if isinstance(result, PictureError):
        raise result
    return result


async def _kept(drawn: Sequence[Drawing], order: Resolved, prints: Prints) -> ExitCode:
    """Write what came, and say what did not."""
    wanted, cost = order.request.n, _cost(drawn, order)
    single = wanted == len(drawn) == 1
    remark = f", {cost}" if cost and single else ""
    kept = [await prints.keep(drawing, number, remark) for number, drawing in enumerate(drawn, 1)]
    written = kept.count(Kept.WRITTEN)
    if not single:
        pictures = "1 picture" if written == 1 else f"{written} pictures"
        prints.console.note(f"{pictures}{f', {cost}' if cost else ''}")
    if len(drawn) < wanted:
        prints.console.error(f"{len(drawn)} of {wanted} pictures came: the provider sent no more")
    if Kept.ELSEWHERE in kept:
        return ExitCode.USAGE
    if not written:
        return ExitCode.PROVIDER
    return ExitCode.DONE if written >= wanted else ExitCode.PICTURES


def _cost(drawn: Sequence[Drawing], order: Resolved) -> str:
    """What the order cost, as far as it is known; empty where it is free."""
    costs = [drawing.cost_usd for drawing in drawn if drawing.cost_usd is not None]
    if len(costs) == len(drawn):
        return dollars(sum(costs)) if sum(costs) else ""
    if order.price_usd is None:
        return "price unknown"
    return f"at most {dollars(order.price_usd)}" if order.price_usd else ""


def _failed(error: PictureError, order: Resolved, console: Console) -> ExitCode:
    log.debug("picture.detail", detail=error.detail[:500])
    console.error(f"error: {' '.join(filter(None, (str(error), advice(error.code))))}")
    if error.billed != "no" and order.price_usd != 0:
        charge = "charges" if error.billed == "yes" else "may charge"
        console.note(f"note: the provider {charge} for it all the same")
    return ExitCode.PROVIDER
