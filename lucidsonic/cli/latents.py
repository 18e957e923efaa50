"""`lucidsonic latents ...`: what the seeds of a network look like."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lucidsonic.cli.say import say
from lucidsonic.cli.telling import Telling, telling

app = typer.Typer(no_args_is_help=True, help="Look for keyframes.")


@app.callback()
def latents() -> None:
    """Look for keyframes."""


@app.command()
def browse(
    style: Annotated[str, typer.Argument(help="Model id, file, address, or module:function.")],
    count: Annotated[int, typer.Option(min=1, max=1024, help="How many pictures.")] = 64,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A .png, .jpg or .webp.")
    ] = None,
    first: Annotated[int, typer.Option(min=0, max=2**31, help="The first seed.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 or mps.")] = "cpu",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
    progress: Annotated[
        Telling, typer.Option("--progress", help="How to tell how far it is.")
    ] = Telling.AUTO,
) -> None:
    """Paint a picture for each seed on one sheet; --latents takes the numbers on it."""
    from lucidsonic.pipeline.browse import browse_latents

    target = output or Path("latents.png")
    with telling(progress, quiet=quiet) as listener:
        browse_latents(
            style,
            target,
            seeds=range(first, first + count),
            device=device,
            overwrite=overwrite,
            on_progress=listener,
        )
    if as_json:
        say(json.dumps({"picture": str(target), "first": first, "count": count}))
    elif not quiet:
        say(f"Wrote {target}")


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="latents")
