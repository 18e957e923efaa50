"""`lucidsonic train FAMILY`: settings in, a run folder out."""

import json
import os
import re
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from lucidsonic.cli.flags import describe_flags, read_flags
from lucidsonic.cli.say import say
from lucidsonic.cli.telling import Telling
from lucidsonic.cli.training_view import watching
from lucidsonic.training import FAMILIES

app = typer.Typer(no_args_is_help=True, help="Train a network of your own.")

LINES = {
    "va-vae": "Pictures with valence and arousal: the autoencoder that comes first.",
    "va-gan": "Pictures that obey valence and arousal, from va-vae's decoder.",
    "r3gan": "Pictures of any kind, with the modern GAN baseline.",
    "pixel-vae": "Pixel art, from sprites: an autoencoder and the teacher that judges it.",
}
# The settings are the family's own; typer hands their words through.
OPEN = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def register(root: typer.Typer) -> None:
    """Add the group to the program."""
    root.add_typer(app, name="train")


def add_family(name: str) -> None:
    """One command; its module is imported when it runs."""

    @app.command(name, help=LINES.get(name, ""), context_settings=OPEN)
    def train_family(
        context: typer.Context,
        config: Annotated[Path | None, typer.Option(help="Settings: yaml, json, toml.")] = None,
        preset: Annotated[str | None, typer.Option(help="Settings with a name.")] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Only print settings.")
        ] = False,
        show_help: Annotated[bool, typer.Option("--help", "-h", help="Say this.")] = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only errors.")] = False,
        progress: Annotated[Telling, typer.Option(help="How to tell.")] = Telling.AUTO,
    ) -> None:
        from lucidsonic.training import find_family

        family = find_family(name)
        if show_help:
            say_help(family)
            return
        settings = resolve(family, context.args, config=config, preset=preset)
        if dry_run:
            say(settings.model_dump_json(indent=2))
            return
        run(family, settings, quiet=quiet, progress=progress)


for _name in FAMILIES:
    add_family(_name)


def resolve(family: Any, words: list[str], *, config: Path | None, preset: str | None) -> Any:
    """Flags over file over preset over defaults; without --out, the family names the folder."""
    from lucidsonic.training.run import resolve_config

    flags = read_flags(words, family.config)
    settings = resolve_config(
        family.config, flags, file=config, preset=preset, presets=family.presets
    )
    if "out" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"out": Path("runs") / family.name})


def run(family: Any, settings: Any, *, quiet: bool, progress: Telling) -> None:
    """Train, and say what to do with the result."""
    from lucidsonic.training.loop import train
    from lucidsonic.training.model_file import MODEL

    with watching(family.name, progress, quiet=quiet) as listener:
        out = train(family, settings, on_progress=listener)
    if quiet or os.environ.get("RANK", "0") != "0":  # of torchrun's processes one speaks
        return
    say(f"{out}: done. Samples are in {out / 'samples'}.")
    if (out / MODEL).exists():
        slug = re.sub(r"[^a-z0-9]+", "_", out.name.lower()).strip("_")
        say(f"Render with it: lucidsonic render SONG --style {quote(str(out))}")
        say(f"Keep it: lucidsonic models add {quote(str(out))} --id my_{slug}")


def say_help(family: Any) -> None:
    """The settings of a family, as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table("setting", "default", "", box=None, padding=(0, 1))
    for row in describe_flags(family.config):
        table.add_row(*row)
    console = Console()
    console.print(
        f"Usage: lucidsonic train {family.name} [--setting value]...\n", highlight=False
    )
    console.print(LINES.get(family.name, ""), "\n", highlight=False)
    console.print(table)
    console.print("\n--config FILE, --preset NAME, --dry-run, --quiet, --progress HOW")
    console.print(f"Presets: {', '.join(family.presets) or 'none'}", highlight=False)


@app.command()
def export(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
) -> None:
    """Write a run's model.safetensors now, from its last checkpoints."""
    from lucidsonic.errors import TrainingError
    from lucidsonic.training import find_family
    from lucidsonic.training.model_file import write_model

    settings = run_folder / "config.json"
    if not settings.is_file():
        raise TrainingError(f"{run_folder} is not a run folder: it has no config.json.")
    family = find_family(json.loads(settings.read_text(encoding="utf-8"))["family"])
    written = write_model(family.export(run_folder), run_folder)
    say(written or f"A {family.name} has nothing to render with.")


@app.command()
def measure(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A va-gan or va-vae run.")],
    count: Annotated[int, typer.Option(min=50, help="Pictures painted.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Of the pictures.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """How well a run's model obeys valence and arousal, and how its pictures compare."""
    from dataclasses import asdict

    from lucidsonic.training.va_gan.measure import measure_run

    figures = asdict(measure_run(run_folder, count=count, seed=seed))
    if as_json:
        say(json.dumps(figures))
        return
    for name, value in figures.items():
        say(f"{name:18} {value:8.3f}")
