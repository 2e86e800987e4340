"""The commands and their options; what they do is imported when they are used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from .output import Output

__all__ = ["app"]

app = typer.Typer(
    name="limner",
    help="Any chat model, one call in, one illustrated reply out.",
    epilog='Example: limner ask "Teach me to brew green tea in five illustrated steps" -o tea.html\n\n'
    "Exit codes: 0 done, 1 a provider failed, 2 usage, 3 some pictures are missing, 130 interrupted.",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_OUTPUT, _PICTURE, _LIMITS, _CONNECTION = "Output", "Picture", "Limits", "Connection"

_Prompt = Annotated[
    str | None,
    typer.Argument(metavar="PROMPT", help="What you would like; standard input if it is absent or -."),
]
_File = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Write the reply to FILE.html (one page, pictures inside), FILE.md or FILE.json "
        "(pictures beside it), instead of standard output.",
        rich_help_panel=_OUTPUT,
    ),
]
_ImagesDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Write pictures into DIR. Without it: beside the output, or limner-images.",
        rich_help_panel=_OUTPUT,
    ),
]
_Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the reply as JSON, and nothing else, on standard output.",
        rich_help_panel=_OUTPUT,
    ),
]
_Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No progress and no notes, only errors.", rich_help_panel=_OUTPUT),
]
_Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Read this configuration. Without it: LIMNER_CONFIG, or config.toml in your configuration folder.",
        rich_help_panel=_CONNECTION,
    ),
]
_Model = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The chat model; offline for none.", rich_help_panel=_CONNECTION),
]
_ImageModel = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The image model; offline for the built-in painter.", rich_help_panel=_CONNECTION
    ),
]


_Style = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help='One visual voice, which every picture is told of: "watercolour, soft light".',
        rich_help_panel=_OUTPUT,
    ),
]
_Budget = Annotated[
    float | None,
    typer.Option(
        min=0,
        metavar="X",
        help="At most X US dollars for pictures; one of unknown price is not bought.",
        rich_help_panel=_LIMITS,
    ),
]


@app.callback(invoke_without_command=True)
def _limner(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from limner import __version__

        typer.echo(f"limner {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(epilog='Example: limner ask "用四张图教我怎么包饺子" -o dumplings.html')
def ask(
    prompt: _Prompt = None,
    *,
    output: _File = None,
    images_dir: _ImagesDir = None,
    json: _Json = False,
    quiet: _Quiet = False,
    max_images: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="At most N pictures.", rich_help_panel=_LIMITS),
    ] = None,
    budget_usd: _Budget = None,
    promise_after: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="S",
            help="Let the model write on when a picture takes longer than S seconds.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record every step in FILE, so that [bold]limner resume FILE[/] can go on after a crash.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    system: Annotated[
        str, typer.Option(metavar="TEXT", help="The system message.", rich_help_panel=_CONNECTION)
    ] = "",
    style: _Style = None,
    model: _Model = None,
    image_model: _ImageModel = None,
    config: _Config = None,
) -> None:
    """Ask, and get an illustrated reply."""
    from .ask import AskOptions, configure
    from .ask import ask as run

    options = AskOptions(
        output=_output(output, images_dir, json),
        quiet=quiet,
        system=system,
        promise_after_s=promise_after,
        journal=journal,
        config=config,
        overrides=configure(
            model=model,
            image={"model": image_model, "style_sentence": style},
            images=max_images,
            usd=budget_usd,
        ),
        again=_again(style, model, image_model, config),
    )
    raise typer.Exit(run(prompt, options))


@app.command(epilog="Example: limner resume tea.journal -o tea.html")
def resume(
    journal: Annotated[Path, typer.Argument(metavar="FILE", help="The journal that --journal named.")],
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Which run; else the newest unfinished one, else the newest."),
    ] = None,
    *,
    output: _File = None,
    images_dir: _ImagesDir = None,
    json: _Json = False,
    quiet: _Quiet = False,
    style: _Style = None,
    model: _Model = None,
    image_model: _ImageModel = None,
    config: _Config = None,
) -> None:
    """Go on with a reply that was cut short; one that is finished is written again, and nothing is bought."""
    from .ask import AskOptions, configure
    from .resume import resume as go_on

    options = AskOptions(
        output=_output(output, images_dir, json),
        quiet=quiet,
        journal=journal,
        config=config,
        overrides=configure(model=model, image={"model": image_model, "style_sentence": style}),
        again=_again(style, model, image_model, config),
    )
    raise typer.Exit(go_on(run, options))


@app.command(epilog='Example: limner image "a fox in the snow" -n 3 -o fox.png')
def image(
    prompt: _Prompt = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where the picture goes; .png, .jpg or .webp decides the format. "
            "Several are FILE-1.png, FILE-2.png, … Without it: limner-image.png.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", min=1, metavar="N", help="How many pictures.", rich_help_panel=_OUTPUT)
    ] = 1,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="png, jpeg or webp, as drawn by the model.", rich_help_panel=_OUTPUT
        ),
    ] = None,
    quiet: _Quiet = False,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Like 1024x768.", rich_help_panel=_PICTURE)
    ] = None,
    aspect_ratio: Annotated[
        str | None,
        typer.Option(metavar="W:H", help="Like 16:9; --size wins.", rich_help_panel=_PICTURE),
    ] = None,
    quality: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As the model calls it, like high.", rich_help_panel=_PICTURE),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The model's own parameter, like vivid; words of yours belong into the prompt.",
            rich_help_panel=_PICTURE,
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Like transparent.", rich_help_panel=_PICTURE),
    ] = None,
    budget_usd: _Budget = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "--image-model",
            metavar="NAME",
            help="The image model; offline for the built-in painter. "
            "What each takes: [bold]limner models --images[/].",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    config: _Config = None,
) -> None:
    """Draw pictures of one prompt, without a chat model."""
    from .image import ImageOptions
    from .image import image as draw

    options = ImageOptions(
        file=output,
        count=count,
        quiet=quiet,
        config=config,
        budget_usd=budget_usd,
        said={
            "model": model,
            "size": size,
            "aspect_ratio": aspect_ratio,
            "quality": quality,
            "style": style,
            "background": background,
            "output_format": "jpeg" if format == "jpg" else format,
        },
    )
    raise typer.Exit(draw(prompt, options))


@app.command(epilog="Example: limner models --images gpt-image")
def models(
    filter: Annotated[
        str | None,
        typer.Argument(
            metavar="FILTER", help="Only models with this in their name, and all that is known of them."
        ),
    ] = None,
    *,
    images: Annotated[
        bool,
        typer.Option("--images", help="Image models: what each takes and costs.", rich_help_panel=_OUTPUT),
    ] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print them as JSON, and nothing else, on standard output.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    quiet: _Quiet = False,
    config: _Config = None,
) -> None:
    """Show which image models are known: sizes, qualities, prices, retirements."""
    from .models import ModelsOptions
    from .models import models as show

    raise typer.Exit(show(ModelsOptions(images, filter, json, quiet, config)))


@app.command(epilog="Example: limner serve --offline")
def serve(
    *,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="HOST",
            help="Listen there; anything but this machine itself needs keys.",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, metavar="N", help="8000, unless configured.", rich_help_panel=_CONNECTION
        ),
    ] = None,
    config: _Config = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Answer every model's name with the offline model and painter, and say so.",
            rich_help_panel=_CONNECTION,
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Say what would happen, and what is wrong with the configuration; send nothing.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    new_key: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Make a key for NAME and print it once, with the lines for the configuration file.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
) -> None:
    """Serve illustrated replies over HTTP, to clients of OpenAI and OpenRouter."""
    from .serve import ServeOptions
    from .serve import serve as run

    raise typer.Exit(run(ServeOptions(host, port, config, offline, check, new_key)))


def _again(
    style: str | None, model: str | None, image_model: str | None, config: Path | None
) -> dict[str, object]:
    return {"--style": style, "--model": model, "--image-model": image_model, "--config": config}


def _output(file: Path | None, images_dir: Path | None, json: bool) -> Output:
    from .output import Output  # not needed for --help

    return Output(file, images_dir, json)
