"""`lucidsonic analyze`."""

from pathlib import Path
from typing import Annotated

import typer

from lucidsonic.cli.say import say
from lucidsonic.cli.telling import Telling, telling


def analyze(
    song: Annotated[Path, typer.Argument(help="The music; any file ffmpeg can decode.")],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "-o",
            "--output",
            help="features.csv, .npz, .json; a picture: .png, .svg, .pdf.",
        ),
    ] = None,
    fps: Annotated[str, typer.Option(help="Values a second.")] = "30",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing files.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
    progress: Annotated[Telling, typer.Option("--progress")] = Telling.AUTO,
) -> None:
    """Hear SONG: tempo, key, sections and curves, as a table, as files, as a picture."""
    from lucidsonic.pipeline import analyze as hear
    from lucidsonic.pipeline import check_analysis, summarize, write_analysis

    targets = output or [song.with_name(f"{song.stem}-analysis.png")]
    for target in targets:
        check_analysis(target, overwrite=overwrite)
    with telling(progress, quiet=quiet or as_json) as listener:
        features = hear(song, fps=fps, on_progress=listener)
    for target in targets:
        write_analysis(features, target, title=song.stem)
    summary = summarize(features)
    if as_json:
        import json

        told = {**summary, "files": [str(target) for target in targets]}
        say(json.dumps(told))
    elif not quiet:
        show(summary)
        for target in targets:
            say(f"Wrote {target}")


def show(summary: dict[str, object]) -> None:
    """The summary as a table."""
    for name, value in summary.items():
        say(f"{name:12} {value}")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(analyze)
