"""`lucidsonic bench`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from lucidsonic.cli.say import say


def bench(
    style: Annotated[str, typer.Option("-s", "--style", help="Who paints.")] = "aurora",
    size: Annotated[str, typer.Option(help="Width and height.")] = "512x512",
    fps: Annotated[str, typer.Option(help="Frames a second.")] = "30",
    seconds: Annotated[float, typer.Option(min=1, help="Length of the film.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure this machine: hearing, painting, encoding, and the whole, as rates and ratios."""
    from lucidsonic.pipeline.bench import bench as measure

    report = measure(style=style, size=size, fps=fps, seconds=seconds)
    if as_json:
        say(json.dumps(asdict(report)))
        return
    for name, value in asdict(report).items():
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        say(f"{name:16} {shown}")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(bench)
