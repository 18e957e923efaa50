"""`lucidsonic evaluate`."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lucidsonic.cli.say import say
from lucidsonic.cli.telling import Telling, telling
from lucidsonic.errors import CheckFailedError, ConfigError

if TYPE_CHECKING:
    from lucidsonic.evaluation import FilmScores


def evaluate(
    film: Annotated[Path | None, typer.Argument(help="A film, by any tool.")] = None,
    audio: Annotated[
        Path | None, typer.Option(help="The song, if not the film's own sound.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write an HTML file with pictures.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Exit with 6 when a bar of sync, flashes, stillness or length is missed.",
        ),
    ] = False,
    scale: Annotated[
        int, typer.Option(min=32, max=1024, help="Longer side at which pictures are seen.")
    ] = 96,
    model: Annotated[str | None, typer.Option(help="Judge a style instead of a film.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Folder of pictures that the style should resemble.")
    ] = None,
    count: Annotated[int, typer.Option(min=16, help="Pictures of each side to compare.")] = 512,
    seed: Annotated[int, typer.Option(min=0, help="Of the style's pictures.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
    progress: Annotated[Telling, typer.Option("--progress")] = Telling.AUTO,
) -> None:
    """Judge FILM: does it dance, does it hold, does it hurt."""
    if model is not None and (film or audio or check or report):
        raise ConfigError(
            "A style is judged alone, against pictures.",
            hint="A film, --audio, --check and --report do not go with --model.",
        )
    with telling(progress, quiet=quiet or as_json) as listener:
        if model is not None:
            told = judge_model(model, against, count=count, seed=seed, listener=listener)
            show_figures(told, as_json=as_json, quiet=quiet)
            return
        if film is None:
            raise ConfigError("No film was given.", hint="lucidsonic evaluate film.mp4")
        from lucidsonic.evaluation import evaluate as judge_film
        from lucidsonic.evaluation.report import check_report, write_report

        if report is not None:
            check_report(report)
        judged = judge_film(film, audio=audio, scale=scale, on_progress=listener)
    if report is not None:
        write_report(judged, report)
    show_scores(judged.scores, as_json=as_json, quiet=quiet)
    if report is not None and not (as_json or quiet):
        say(f"Wrote {report}")
    if check:
        complain(judged.scores)


def complain(scores: "FilmScores") -> None:
    """Fail with the bars that were missed.

    Raises:
        CheckFailedError: there is one.
    """
    from lucidsonic.evaluation import misses

    missed = misses(scores)
    if missed:
        told = ", ".join(f"{row.name} is {row.value:.3g}, not {row.bar}" for row in missed)
        raise CheckFailedError(
            f"{scores.film}: {told}.", hint="--report report.html shows where."
        )


def show_scores(scores: "FilmScores", *, as_json: bool, quiet: bool) -> None:
    """Every figure beside its control and its bar."""
    from lucidsonic.evaluation import judge

    rows = judge(scores)
    if as_json:
        passed = {row.name: row.passed for row in rows if row.passed is not None}
        say(json.dumps(finite({**asdict(scores), "passed": passed})))
        return
    if quiet:
        return
    say(f"{'':18} {'film':>9} {'control':>9}  bar")
    for row in rows:
        verdict = {True: "ok", False: "missed", None: ""}[row.passed]
        figures = f"{told(row.value):>9} {told(row.control):>9}"
        say(f"{row.name:18} {figures}  {row.bar:16} {verdict}".rstrip())
    for stretch in scores.safety.violations:
        say(
            f"More than three flashes within a second: {stretch.start_s:.2f} to"
            f" {stretch.end_s:.2f} s."
        )


def show_figures(told_of: dict[str, Any], *, as_json: bool, quiet: bool) -> None:
    """A style's figures."""
    if as_json:
        say(json.dumps(finite(told_of)))
    elif not quiet:
        for name, value in told_of.items():
            say(f"{name:18} {told(value) if isinstance(value, float) else value}")


def told(value: float) -> str:
    """A figure for people; nothing where there is none."""
    return f"{value:.3f}" if math.isfinite(value) else ""


def finite(value: Any) -> Any:
    """JSON has no NaN: what cannot be told is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    return [finite(part) for part in value] if isinstance(value, list | tuple) else value


def judge_model(
    style: str, against: Path | None, *, count: int, seed: int, listener: Any
) -> dict[str, Any]:
    """How like the pictures in a folder a style's pictures are."""
    if against is None:
        raise ConfigError(
            "--model needs pictures to compare with.", hint="--against FOLDER_OF_PICTURES"
        )
    from lucidsonic.evaluation.fidelity import check_enough, compare, read_pictures
    from lucidsonic.pipeline.samples import sample_pictures

    real = read_pictures(against, most=count)
    check_enough("real", len(real))
    made = sample_pictures(style, count=count, seed=seed, on_progress=listener)
    return {"style": style, "against": str(against), **asdict(compare(made, real))}


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(evaluate)
