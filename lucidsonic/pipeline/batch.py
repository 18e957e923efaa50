"""Several songs -> a film each: names, an archive of what is done, and one summary."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lucidsonic import encoding
from lucidsonic.audio import open_song
from lucidsonic.errors import (
    AudioError,
    ConfigError,
    InterruptedRenderError,
    LucidsonicError,
)
from lucidsonic.pipeline.api import film_path
from lucidsonic.pipeline.film import RECIPE_KEY, FilmReport, film_recipe, portable_plan
from lucidsonic.pipeline.production import frame_range, heard_part
from lucidsonic.plan import RenderPlan
from lucidsonic.types import OnProgress, ignore_progress
from lucidsonic.zoo.digests import file_digest

ARCHIVE_HEAD = "# songs that lucidsonic has made films of: SHA-256 and name\n"
ALBUM_KEY = "lucidsonic_album"  # hash of what an album was made of, inside it
SKIPPED = "the batch ended before it"


@dataclass(frozen=True, slots=True)
class Order:
    """One film of a batch.

    Attributes:
        plan: what it is to be.
        film: where it goes.
        is_tuned: whether reactions are searched first.
    """

    plan: RenderPlan
    film: Path
    is_tuned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one film.

    Attributes:
        song: of what.
        film: where it lies, or should.
        state: made now; there already; failed; or not reached.
        frames: pictures in it, 0 unless it was made now.
        seconds: that it took.
        error: what was wrong, in one sentence.
        hint: what to do about it.
        exit_code: 0 when the film is there.
    """

    song: Path
    film: Path
    state: Literal["made", "there", "failed", "skipped"]
    frames: int = 0
    seconds: float = 0.0
    error: str = ""
    hint: str = ""
    exit_code: int = 0


def place_films(
    plans: Sequence[RenderPlan], output: Path | None, *, is_tuned: bool = False
) -> list[Order]:
    """Where each film of a batch goes.

    Args:
        plans: in order.
        output: a folder; a name with `{stem}`, `{number}` or `{style}` in it; None puts each
            film beside its song.
        is_tuned: whether reactions are searched first.

    Raises:
        ConfigError: the name knows something else, or two films would have one name.
    """
    orders = [
        Order(plan, name_film(plan, output, at), is_tuned) for at, plan in enumerate(plans, 1)
    ]
    seen: dict[Path, Path] = {}
    for order in orders:
        other = seen.setdefault(order.film, order.plan.song.path)
        if other is not order.plan.song.path:
            raise ConfigError(
                f"'{other}' and '{order.plan.song.path}' would both become {order.film}.",
                hint="Use -o 'films/{number} {stem}.mp4'.",
            )
    return orders


def name_film(plan: RenderPlan, output: Path | None, number: int) -> Path:
    """Where one film of a batch goes; see `place_films`."""
    usual = film_path(plan)
    if output is None:
        return usual
    if "{" in str(output):
        facts = {"stem": usual.stem, "number": number, "style": Path(plan.model.style).stem}
        try:
            return Path(str(output).format(**facts))
        except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
            raise ConfigError(
                f"The name '{output}' cannot be filled in.",
                hint="It may hold {stem}, {number}, {number:02} and {style}.",
            ) from error
    if output.suffix.lower() in encoding.SUFFIXES and not output.is_dir():
        raise ConfigError(
            f"Several songs cannot all become {output}.",
            hint="Give a folder, 'films/{stem}.mp4', or --crossfade 4 for one film of all.",
        )
    return output / usual.name


@dataclass(slots=True)
class Archive:
    """The songs that are done, by content; a text file that people may edit."""

    path: Path | None

    def __contains__(self, song: Path) -> bool:
        """Whether a song is done, whatever it is called now."""
        if self.path is None or not self.path.exists():
            return False
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"Cannot read the archive '{self.path}': {error}.") from error
        known = song_hash(song)
        return bool(known) and known in {line.split(" ", 1)[0] for line in lines}

    def add(self, song: Path) -> None:
        """Note that a song is done."""
        if self.path is None or song in self:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                if not file.tell():
                    file.write(ARCHIVE_HEAD)
                elif not self.path.read_bytes().endswith(b"\n"):
                    file.write("\n")  # somebody edited it
                file.write(f"{song_hash(song)}  {song.name}\n")
        except OSError as error:
            raise ConfigError(
                f"Cannot write the archive '{self.path}': {error.strerror}."
            ) from error


def song_hash(song: Path) -> str:
    """SHA-256 of a file's bytes; "" when it cannot be read."""
    try:
        return file_digest(song)
    except OSError:
        return ""


def make_films(
    orders: Sequence[Order],
    make: Callable[[Order], FilmReport],
    *,
    archive: Path | None = None,
    keep_going: bool = False,
    films_needed: bool = False,
    overwrite: bool = False,
) -> list[Outcome]:
    """Make each film that is not done yet.

    Args:
        orders: what goes where.
        make: makes one film.
        archive: songs in this file are done; those that are made now join it.
        keep_going: go on with the next film when one fails.
        films_needed: make a film again when its song is in the archive but the film is gone.
        overwrite: make a film again though it is there, if its song is not in the archive.

    Returns:
        What became of each, in order.

    Raises:
        ConfigError: the archive cannot be read or written.
        InterruptedRenderError: the person stopped it.
    """
    done = Archive(archive)
    outcomes: list[Outcome] = []
    failed = False
    for order in orders:
        song, film = order.plan.song.path, order.film
        if failed and not keep_going:
            outcomes.append(Outcome(song=song, film=film, state="skipped", error=SKIPPED))
            continue
        if is_done(order, done, films_needed=films_needed, overwrite=overwrite):
            done.add(song)
            outcomes.append(Outcome(song=song, film=film, state="there"))
            continue
        outcome = attempt(order, make)
        if outcome.state == "made":
            done.add(song)
        failed = failed or outcome.state == "failed"
        outcomes.append(outcome)
    return outcomes


def is_done(
    order: Order, archive: Archive, *, films_needed: bool, overwrite: bool = False
) -> bool:
    """Whether nothing is to be made: the archive says so, or the very film is there."""
    formats = [encoding.format_path(order.film, name) for name in order.plan.film.formats]
    whole = all(path.is_file() for path in (order.film, *formats))
    if order.plan.song.path in archive:
        return whole or not films_needed
    if overwrite or not whole:
        return False
    try:
        inside = encoding.read_metadata(order.film).get(RECIPE_KEY)
    except LucidsonicError:
        return False
    folder = order.film.parent
    return inside is not None and inside == film_recipe(
        order.plan, folder, is_tuned=order.is_tuned
    )


def attempt(order: Order, make: Callable[[Order], FilmReport]) -> Outcome:
    """Make one film; what is wrong with it becomes a part of the summary.

    Raises:
        InterruptedRenderError: the person stopped it.
    """
    song, film, began = order.plan.song.path, order.film, time.perf_counter()
    try:
        report = make(order)
    except InterruptedRenderError:
        raise
    except LucidsonicError as error:
        return Outcome(
            song=song,
            film=film,
            state="failed",
            seconds=time.perf_counter() - began,
            error=str(error),
            hint=error.hint,
            exit_code=error.exit_code,
        )
    took = time.perf_counter() - began
    return Outcome(song=song, film=film, state="made", frames=report.frames, seconds=took)


def exit_code_of(outcomes: Sequence[Outcome]) -> int:
    """The first failure's code, 0 without one."""
    return next((outcome.exit_code for outcome in outcomes if outcome.exit_code), 0)


def make_album(
    orders: Sequence[Order],
    target: Path,
    *,
    crossfade_s: float,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> int:
    """Join the films of a batch to one, with crossfades and chapters; returns its frames.

    Raises:
        ConfigError: the films do not fit together.
        EncodingError: the album cannot be written.
    """
    tracks = [track_of(order) for order in orders]
    options = orders[0].plan.film.encoding
    return encoding.join_album(
        tracks,
        target,
        crossfade_s=crossfade_s,
        options=options,
        metadata={ALBUM_KEY: album_recipe(orders, crossfade_s)},
        overwrite=overwrite,
        on_progress=on_progress,
    )


def album_recipe(orders: Sequence[Order], crossfade_s: float) -> str:
    """Hash of all that an album is made of: another one is another album."""
    plans = [portable_plan(order.plan, order.film.parent) for order in orders]
    songs = [song_hash(order.plan.song.path) for order in orders]
    facts = json.dumps([crossfade_s, plans, songs])
    return hashlib.sha256(facts.encode()).hexdigest()


def album_is_done(orders: Sequence[Order], target: Path, *, crossfade_s: float) -> bool:
    """Whether this very album lies there."""
    try:
        inside = encoding.read_metadata(target).get(ALBUM_KEY) if target.is_file() else None
    except LucidsonicError:
        return False
    return inside is not None and inside == album_recipe(orders, crossfade_s)


def check_album(
    orders: Sequence[Order], target: Path, *, crossfade_s: float, overwrite: bool
) -> None:
    """Complain about an album that cannot be made, before any film of it is.

    Raises:
        AudioError: a song cannot be read.
        ConfigError: another file has its name, or a song is shorter than its crossfades.
    """
    encoding.check_free(target, overwrite=overwrite)
    for number, order in enumerate(orders):
        first, last = frame_range(order.plan, open_song(order.plan.song.path))
        fade = round(crossfade_s * order.plan.film.fps)
        needed = encoding.shared_frames(fade, number, len(orders))
        title = order.plan.song.path.stem
        encoding.check_length(title, last - first, needed, crossfade_s)


def check_songs(orders: Sequence[Order]) -> None:
    """Complain about a song that is not there before the first film is made.

    Raises:
        AudioError: it is not.
    """
    for order in orders:
        if not order.plan.song.path.is_file():
            raise AudioError(
                f"There is no file '{order.plan.song.path}'.",
                hint="Check the path, or go on without it: --keep-going.",
            )


def track_of(order: Order) -> encoding.Track:
    """A film of a batch as a track of its album."""
    song = open_song(order.plan.song.path)
    first, last = frame_range(order.plan, song)
    return encoding.Track(
        order.film, heard_part(order.plan, song, first, last), order.plan.song.path.stem
    )


def album_place(orders: Sequence[Order], output: Path | None) -> Path:
    """Where the album goes when the batch goes to `output`: in the folder, by its name."""
    if output is not None and output.suffix.lower() in encoding.SUFFIXES:
        return output
    folder = orders[0].film.parent
    name = orders[0].plan.song.path.absolute().parent.name or "album"
    return folder / f"{name} (album){orders[0].film.suffix}"
