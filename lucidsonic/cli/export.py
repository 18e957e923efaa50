"""`lucidsonic models export`: a model for other tools."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lucidsonic.cli.say import say
from lucidsonic.cli.telling import Telling, telling


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="An id, file or run folder.")],
    target: Annotated[Path | None, typer.Argument(metavar="OUT", help="Where to.")] = None,
    form: Annotated[
        str, typer.Option("--format", help="safetensors, or pkl for the authors' R3GAN tools.")
    ] = "safetensors",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
    progress: Annotated[
        Telling, typer.Option(help="How to tell how far it is.")
    ] = Telling.AUTO,
) -> None:
    """Write a model's weights for other tools; what was written is read back."""
    from lucidsonic.pipeline.exporting import export_model

    with telling(progress, quiet=quiet) as listener:
        written = export_model(
            model, target, form=form, overwrite=overwrite, on_progress=listener
        )
    if as_json:
        say(json.dumps({"file": str(written), "format": form}))
    elif not quiet:
        say(f"Wrote {written}")
