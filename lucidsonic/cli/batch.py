"""Several songs, several machines: the flags of `lucidsonic render` for long jobs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lucidsonic.cli.say import plain, say

if TYPE_CHECKING:
    from lucidsonic.pipeline.batch import Order, Outcome
    from lucidsonic.pipeline.crew import Crew
    from lucidsonic.pipeline.film import FilmReport
    from lucidsonic.plan import RenderPlan

PANEL = "Long jobs"
Archive = Annotated[
    Path | None,
    typer.Option(
        help="A text file of songs that are done; they are skipped.", rich_help_panel=PANEL
    ),
]
KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going", help="Go on with the next song when one fails.", rich_help_panel=PANEL
    ),
]
Crossfade = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=60,
        help="Also one film of all songs, each fading into the next for so many seconds.",
        rich_help_panel=PANEL,
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        help="Paint on a Ray cluster: local, auto, or an address like ray://head:10001.",
        rich_help_panel=PANEL,
    ),
]
GpusPerWorker = Annotated[
    float,
    typer.Option(min=0, max=64, help="GPUs for each worker; 0: CPUs.", rich_help_panel=PANEL),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="How many; by default all there is room for.", rich_help_panel=PANEL
    ),
]


@dataclass(frozen=True, slots=True)
class CrewFlags:
    """Who paints instead of this process, as flags say it."""

    cluster: str | None
    gpus_per_worker: float
    workers: int | None

    def build(self) -> "Crew | None":
        """The crew; a new one for each film."""
        from lucidsonic.errors import ConfigError

        if self.cluster is None:
            if self.gpus_per_worker or self.workers:
                raise ConfigError(
                    "--workers and --gpus-per-worker need --cluster.",
                    hint="For the GPUs of this machine: --device cuda:0,cuda:1.",
                )
            return None
        from lucidsonic.pipeline.cluster import RayCrew

        return RayCrew(self.cluster, gpus_per_worker=self.gpus_per_worker, workers=self.workers)


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a batch.

    Attributes:
        outcomes: of each song, in order.
        album: the film of all, if one was made.
        album_frames: pictures in it; 0 when it was there already.
        exit_code: that of the first failure.
    """

    outcomes: "list[Outcome]"
    album: Path | None
    album_frames: int
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How several songs are made.

    Attributes:
        output: where films go.
        archive: which are done.
        keep_going: whether one failure ends it.
        crossfade_s: for one film of all.
    """

    output: Path | None
    archive: Path | None
    keep_going: bool
    crossfade_s: float | None

    def wanted(self, songs: Sequence[Path]) -> bool:
        """Whether this is a batch, and not just one film."""
        return bool(
            len(songs) > 1
            or self.archive
            or self.keep_going
            or self.crossfade_s is not None
            or (self.output is not None and ("{" in str(self.output) or self.output.is_dir()))
        )

    def names_one_film(self) -> bool:
        """Whether the output is a film, and neither a folder nor a pattern of films."""
        output = self.output
        return output is not None and is_film_name(output) and "{" not in str(output)

    def run(
        self, plans: "Sequence[RenderPlan]", crew: CrewFlags, common: dict[str, Any]
    ) -> Summary:
        """Make all films, and the album if it is wanted and nothing failed."""
        from lucidsonic.pipeline import make_film
        from lucidsonic.pipeline.batch import (
            album_is_done,
            album_place,
            check_album,
            check_songs,
            exit_code_of,
            make_album,
            make_films,
            place_films,
        )

        def make(order: "Order") -> "FilmReport":
            return make_film(order.plan, order.film, crew=crew.build(), **common)

        album = self.crossfade_s is not None
        named = self.output if album and self.names_one_film() else None
        folder = named.with_suffix("") if named else self.output
        orders = place_films(plans, folder, is_tuned=common["tune"] is not None)
        target, overwrite = album_place(orders, named), common["overwrite"]
        fade_s = self.crossfade_s or 0.0
        there = album and not overwrite and album_is_done(orders, target, crossfade_s=fade_s)
        if not self.keep_going:
            check_songs(orders)
            if album and not there:
                check_album(orders, target, crossfade_s=fade_s, overwrite=overwrite)
        outcomes = make_films(
            orders,
            make,
            archive=self.archive,
            keep_going=self.keep_going,
            films_needed=album,
            overwrite=overwrite,
        )
        code = exit_code_of(outcomes)
        if not album or code:
            return Summary(outcomes, None, 0, code)
        if there:
            return Summary(outcomes, target, 0, 0)
        frames = make_album(
            orders,
            target,
            crossfade_s=fade_s,
            overwrite=overwrite,
            on_progress=common["on_progress"],
        )
        return Summary(outcomes, target, frames, 0)


def is_film_name(path: Path) -> bool:
    """Whether a path ends like a film."""
    from lucidsonic.encoding import SUFFIXES

    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def tell_batch(summary: Summary, *, as_json: bool, quiet: bool) -> None:
    """Print the summary and end with its exit code."""
    if as_json:
        say(json.dumps(asdict(summary), default=str))
    elif not quiet:
        show_table(summary)
    for outcome in summary.outcomes:
        if outcome.error and outcome.exit_code and not as_json:
            say(f"error: {outcome.song.name}: {outcome.error}", err=True)
            if outcome.hint:
                say(f"hint:  {outcome.hint}", err=True)
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)


def show_table(summary: Summary) -> None:
    """A row for each song."""
    from rich.console import Console
    from rich.table import Table

    table = Table("song", "film", "what", "frames", "seconds", box=None, pad_edge=False)
    for row in summary.outcomes:
        made = row.state == "made"
        figures = (str(row.frames), f"{row.seconds:.1f}") if made else ("", "")
        table.add_row(plain(row.song.name), plain(row.film), row.state, *figures)
    if summary.album is not None:
        state = "made" if summary.album_frames else "there"
        table.add_row("all", plain(summary.album), state, str(summary.album_frames or ""), "")
    Console(soft_wrap=True).print(table, highlight=False, markup=False)
