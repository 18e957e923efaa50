"""`lucidsonic render`, `rerender`, `still` and `sheet`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from lucidsonic.cli.batch import (
    Archive,
    Batch,
    Cluster,
    CrewFlags,
    Crossfade,
    GpusPerWorker,
    KeepGoing,
    Workers,
    tell_batch,
)
from lucidsonic.cli.interrupt import two_presses
from lucidsonic.cli.options import PANELS, with_flags
from lucidsonic.cli.say import say
from lucidsonic.cli.telling import Telling, telling
from lucidsonic.cli.tuning import tuned
from lucidsonic.errors import ConfigError

SongFile = Annotated[Path | None, typer.Argument(help="The music; any file ffmpeg can decode.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Where to write.")]
PlanFile = Annotated[Path | None, typer.Option("--plan", help="Settings from a TOML file.")]
Quality = Annotated[
    str | None, typer.Option("-q", "--quality", help="draft, standard, high or 4k.")
]
Effects = Annotated[
    list[str] | None,
    typer.Option("--effect", help="name:key=value,... ; may be given several times."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan; make no film.")]
SavePlan = Annotated[
    Path | None, typer.Option(help="Also write all settings here, a TOML file for --plan.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]
Songs = Annotated[
    list[Path] | None,
    typer.Argument(help="The music, any files that ffmpeg can decode; several make a batch."),
]
Place = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="A film, a folder, or a name with {stem}, {number}, {style}."
    ),
]
Tune = Annotated[
    bool, typer.Option("--tune", help="First search for reactions that follow better.")
]
How = Annotated[Telling, typer.Option("--progress", help="How to tell how far it is.")]


@with_flags(*PANELS)
def render(
    song: Songs = None,
    output: Place = None,
    plan: PlanFile = None,
    quality: Quality = None,
    effect: Effects = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    save_plan: SavePlan = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    progress: How = Telling.AUTO,
    archive: Archive = None,
    keep_going: KeepGoing = False,
    crossfade: Crossfade = None,
    cluster: Cluster = None,
    gpus_per_worker: GpusPerWorker = 0.0,
    workers: Workers = None,
    tune: Tune = False,
    **settings: Any,
) -> None:
    """Turn SONG into a film, by default SONG's name with .mp4 beside it; or several songs."""
    from lucidsonic.pipeline import film_path, make_film, settle

    how = {"plan_file": plan, "quality": quality, "effects": effect or (), **settings}
    plans = [settle(each, **how) for each in song or [None]]
    if save_plan is not None:
        keep_plan(plans, save_plan, overwrite=overwrite)
    if dry_run:
        for resolved in plans:
            show_plan(resolved, as_json=as_json)
        return
    batch = Batch(output=output, archive=archive, keep_going=keep_going, crossfade_s=crossfade)
    crew = CrewFlags(cluster, gpus_per_worker, workers)
    with telling(progress, quiet=quiet) as listener, two_presses() as stop:
        search = partial(tuned, on_progress=listener) if tune else None
        common = {
            "overwrite": overwrite, "on_progress": listener, "stop": stop, "tune": search,
        }  # fmt: skip
        if batch.wanted(song or ()):
            summary = batch.run([resolved.plan for resolved in plans], crew, common)
            tell_batch(summary, as_json=as_json, quiet=quiet)
            return
        target = output or film_path(plans[0].plan)
        report = make_film(plans[0].plan, target, crew=crew.build(), **common)
    tell_result(asdict(report), f"Wrote {report.film}", as_json=as_json, quiet=quiet)


def rerender(
    film: Annotated[Path, typer.Argument(help="A film that lucidsonic made.")],
    output: Output = None,
    song: Annotated[
        Path | None, typer.Option(help="The song, if it is not where it was.")
    ] = None,
    style: Annotated[
        str | None, typer.Option("-s", "--style", help="Who paints, instead of who did.")
    ] = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    save_plan: SavePlan = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    progress: How = Telling.AUTO,
) -> None:
    """Make FILM again from the plan that travels inside it."""
    from lucidsonic.pipeline import make_film, plan_of_film

    resolved = plan_of_film(film, song=song, style=style)
    if save_plan is not None:
        keep_plan([resolved], save_plan, overwrite=overwrite)
    if dry_run:
        show_plan(resolved, as_json=as_json)
        return
    target = output or film.with_stem(f"{film.stem}-again")
    with telling(progress, quiet=quiet) as listener, two_presses() as stop:
        report = make_film(
            resolved.plan, target, overwrite=overwrite, on_progress=listener, stop=stop
        )
    tell_result(asdict(report), f"Wrote {report.film}", as_json=as_json, quiet=quiet)


@with_flags(*PANELS)
def still(
    song: SongFile = None,
    at: Annotated[str, typer.Option(help="When: 42, 0:42.")] = "0",
    output: Output = None,
    plan: PlanFile = None,
    quality: Quality = None,
    effect: Effects = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    progress: How = Telling.AUTO,
    **settings: Any,
) -> None:
    """Paint one frame as it stands in the film, without title, lyrics and scope."""
    from lucidsonic.pipeline import paint_still, settle

    resolved = settle(song, plan_file=plan, quality=quality, effects=effect or (), **settings)
    target = output or resolved.plan.song.path.with_suffix(".png")
    with telling(progress, quiet=quiet) as listener:
        paint_still(resolved.plan, target, at=at, overwrite=overwrite, on_progress=listener)
    tell_result({"picture": target}, f"Wrote {target}", as_json=False, quiet=quiet)


@with_flags(*PANELS)
def sheet(
    song: SongFile = None,
    output: Output = None,
    count: Annotated[int, typer.Option(min=1, max=400, help="How many frames.")] = 24,
    plan: PlanFile = None,
    quality: Quality = None,
    effect: Effects = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    progress: How = Telling.AUTO,
    **settings: Any,
) -> None:
    """Paint a contact sheet: frames spread over the song."""
    from lucidsonic.pipeline import paint_sheet, settle

    resolved = settle(song, plan_file=plan, quality=quality, effects=effect or (), **settings)
    target = output or resolved.plan.song.path.with_name(
        f"{resolved.plan.song.path.stem}-sheet.png"
    )
    with telling(progress, quiet=quiet) as listener:
        paint_sheet(
            resolved.plan, target, count=count, overwrite=overwrite, on_progress=listener
        )
    tell_result({"picture": target}, f"Wrote {target}", as_json=False, quiet=quiet)


def show_plan(resolved: Any, *, as_json: bool) -> None:
    """Print each setting with where it came from, and what the film will be."""
    from lucidsonic.pipeline import foresee

    forecast = asdict(foresee(resolved.plan))
    if as_json:
        rows = [{"setting": n, "value": v, "origin": o} for n, v, o in resolved.rows()]
        say(json.dumps({"film": forecast, "settings": rows}, default=str, indent=2))
        return
    for name, value in forecast.items():
        say(f"{name:32} {value}")
    say("")
    for name, value, origin in resolved.rows():
        say(f"{name:32} {value!s:28} {origin}")


def keep_plan(plans: Sequence[Any], target: Path, *, overwrite: bool) -> None:
    """Write the settings of a film into a file of their own.

    Raises:
        ConfigError: they are those of several films, or there is such a file already.
    """
    from lucidsonic.files import check_new, write_file
    from lucidsonic.plan import plan_to_toml

    if len(plans) > 1:
        raise ConfigError("--save-plan keeps the settings of one film, not of several.")
    check_new(target, overwrite=overwrite)
    write_file(target, plan_to_toml(plans[0].plan).encode())


def tell_result(result: dict[str, Any], sentence: str, *, as_json: bool, quiet: bool) -> None:
    """What a command prints when it is done: one sentence, one JSON object, or nothing."""
    if as_json:
        say(json.dumps(result, default=str))
    elif not quiet:
        say(sentence)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (render, rerender, still, sheet):
        app.command()(command)
