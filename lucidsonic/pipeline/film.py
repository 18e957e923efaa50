"""The main path: a plan in, a film out. Newcomers start at `make_film`."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lucidsonic import encoding
from lucidsonic.errors import ConfigError
from lucidsonic.pipeline.crew import Crew
from lucidsonic.pipeline.finish import (
    Finish,
    check_finish,
    finish_film,
    finish_of,
    grown_size,
    wanted_layers,
)
from lucidsonic.pipeline.frames import Painter
from lucidsonic.pipeline.press import Job, choose_batch, press_segments
from lucidsonic.pipeline.processes import LocalCrew, devices_of
from lucidsonic.pipeline.production import NOTHING_OWN, Own, film_size, prepare
from lucidsonic.pipeline.settling import METADATA_KEY
from lucidsonic.pipeline.stop import Stop
from lucidsonic.pipeline.store import SegmentCache, told_room
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import RenderPlan, is_path, path_entries
from lucidsonic.types import OnProgress, Song, ignore_progress
from lucidsonic.zoo.digests import file_digest

RECIPE_KEY = "lucidsonic_recipe"  # hash of what was asked for, inside a film
WRITTEN = frozenset({"save_frames"})  # a path that is not read

Tune = Callable[[RenderPlan], RenderPlan]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmReport:
    """What was made.

    Attributes:
        film: where it lies.
        frames: how many pictures it has.
        fps: pictures a second.
        width: pixels.
        height: pixels.
        style: who painted it.
        device: on what.
        precision: what the network computed in.
        batch_size: frames painted at once, in the end.
        painted_frames: frames that were painted now; the others came from the cache.
        others: what `formats` asked for besides.
        seconds: stage -> seconds of wall time.
        notes: what a person should know.
    """

    film: Path
    frames: int
    fps: float
    width: int
    height: int
    style: str
    device: str
    precision: str
    batch_size: int
    painted_frames: int
    others: tuple[Path, ...]
    seconds: dict[str, float]
    notes: tuple[str, ...]


def make_film(  # noqa: PLR0913 - one keyword for each thing that is no setting of the film
    plan: RenderPlan,
    film: Path,
    *,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
    stop: Stop | None = None,
    own: Own = NOTHING_OWN,
    crew: Crew | None = None,
    tune: Tune | None = None,
) -> FilmReport:
    """Make the film that `plan` describes.

    Args:
        plan: all settings, see `settle`.
        film: where to write; the suffix chooses the container.
        overwrite: whether a file of that name may be replaced.
        on_progress: told how far it is.
        stop: lets somebody end the work; what is finished is found by the next render.
        own: a generator and effects of the caller's own.
        crew: workers that paint instead of this process; by default a process for each device
            that the plan names, if it names several.
        tune: gives the plan other reactions, once it is clear that a film can be written.

    Raises:
        LucidsonicError: any of its kinds; nothing half-made is left behind.
    """
    teller = Teller(on_progress)
    film = Path(film)
    check_target(plan, film, overwrite=overwrite)
    recipe = film_recipe(plan, film.parent, is_tuned=tune is not None)
    crew = choose_crew(plan, crew, own)
    plan = plan if tune is None else tune(plan)
    plan = plan if crew is None else crew.adapt(plan)
    production = prepare(plan, teller, own)
    batch = choose_batch(production, crew, teller)
    painter = Painter(production.scene, batch, teller.note, frames_folder=plan.film.save_frames)
    job = Job(
        production=production,
        painter=painter,
        teller=teller,
        stop=stop or Stop(),
        crew=crew,
    )
    features, first, last = production.hearing.features, production.first, production.last
    with finish_of(plan, film, wanted_layers(plan, features, first, last)) as finish:
        painted = write(job, finish, recipe=recipe, overwrite=overwrite)
        others = finish_film(finish, plan, overwrite=overwrite, teller=teller)
    height, width = grown_size(finish, production.scene.size)
    return FilmReport(
        film=film,
        frames=last - first,
        fps=float(plan.film.fps),
        width=width,
        height=height,
        style=plan.model.style,
        device=production.device,
        precision=str(production.scene.dtype).removeprefix("torch."),
        batch_size=painter.batch,
        painted_frames=painted,
        others=others,
        seconds=teller.seconds,
        notes=tuple(teller.notes),
    )


def check_target(plan: RenderPlan, film: Path, *, overwrite: bool) -> None:
    """Complain about a film that cannot be written before any work is done."""
    targets = [film, *(encoding.format_path(film, name) for name in plan.film.formats)]
    for source in read_files(plan):
        if any(is_same_file(target, source) for target in targets):
            raise ConfigError(
                f"The film is made of '{source}', which would be lost.",
                hint="Choose another name: -o film.mp4.",
            )
    size = film_size(plan.film, None)
    encoding.check_choice(film, plan.film.encoding, size=size, fps=plan.film.fps)
    encoding.check_free(film, overwrite=overwrite)
    check_finish(plan, film, overwrite=overwrite)
    if plan.film.save_frames is not None:
        encoding.check_free(plan.film.save_frames / "0000000.png", overwrite=True)


def read_files(plan: RenderPlan) -> list[Path]:
    """The files that a film is made of: songs, stems, lyrics, curves, keyframes."""
    values = plan.model_dump(mode="json", exclude_none=True)
    paths = [Path(section[key]) for section, key in path_entries(values) if key not in WRITTEN]
    inside = [sorted(path.iterdir()) if path.is_dir() else [path] for path in paths]
    return [path for paths in inside for path in paths if path.is_file()]


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two paths are one file."""
    return one.exists() and one.samefile(other)


def film_recipe(plan: RenderPlan, folder: Path, *, is_tuned: bool = False) -> str:
    """Hash of the settings that were asked for and of the files that they name.

    Args:
        plan: the settings.
        folder: where the film lies.
        is_tuned: whether reactions are searched from there.
    """
    key = hashlib.sha256(f"{is_tuned} {portable_plan(plan, folder)}".encode())
    for path in read_files(plan):
        key.update(file_digest(path).encode())
    return key.hexdigest()


def choose_crew(plan: RenderPlan, crew: Crew | None, own: Own) -> Crew | None:
    """Who paints instead of this process, if anybody does.

    Raises:
        ConfigError: code that lives in this process alone cannot be sent to others.
    """
    devices = devices_of(plan.model.device)
    if crew is None and devices:
        crew = LocalCrew(devices)
    if crew is not None and own != NOTHING_OWN:
        raise ConfigError("A generator or an effect of your own paints in one process only.")
    return crew


def write(job: Job, finish: Finish, *, recipe: str, overwrite: bool) -> int:
    """Paint and encode the film's ground; returns how many frames were painted now.

    A film whose codec cannot be cut (GIF) is written in one go, others in segments.
    """
    production, ground = job.production, finish.ground
    plan = production.plan
    target = encoding.Film(
        size=production.scene.size,
        fps=plan.film.fps,
        sound=production.sound,
        options=finish.options,
        layout="yuv420p",
        metadata={METADATA_KEY: portable_plan(plan, finish.film.parent), RECIPE_KEY: recipe},
        overwrite=overwrite,
    )
    if encoding.picture_codec(ground, target.options) == "gif":
        return write_at_once(job, ground, target)
    with (
        sound_meanwhile(finish, target) as sound,
        press_segments(job, target, ground) as pressed,
        job.teller.stage("join"),
        told_room(),
    ):
        encoding.concat_segments(
            pressed.paths,
            ground,
            fps=target.fps,
            sound=sound(),
            options=target.options,
            metadata=target.metadata,
            overwrite=overwrite,
            frames=production.last - production.first,
        )
    return pressed.painted


@contextmanager
def sound_meanwhile(
    finish: Finish, target: encoding.Film
) -> Iterator[Callable[[], Song | Path | None]]:
    """The film's sound is encoded beside the painting of its pictures, not after it.

    Yields:
        What waits for the sound and gives what the film is to be joined with.
    """
    song, ground = target.sound, finish.ground
    if not isinstance(song, Song) or encoding.sound_codec(ground, target.options) is None:
        yield lambda: song
        return
    place = SegmentCache(suffix=ground.suffix).working_name()
    doing = f"Writing {finish.film.name}"
    with encoding.encode_sound(song, place, options=target.options, doing=doing) as sound:
        yield sound


def write_at_once(job: Job, film: Path, target: encoding.Film) -> int:
    """Paint and encode the whole film in one process."""
    first, last = job.production.first, job.production.last
    with (
        job.teller.painting(last - first, target.fps) as told,
        encoding.FilmWriter(film, target) as writer,
    ):
        for pictures in job.painter.planes(first, last):
            writer.put(pictures)
            told(writer.frames)
    return last - first


def portable_plan(plan: RenderPlan, folder: Path) -> str:
    """The plan as JSON to travel inside a film: no folder of this machine is told.

    Files below the film's folder keep their relative path, others only their name.
    """
    values = plan.model_dump(mode="json", exclude_none=True)
    for section, key in path_entries(values):
        path, here = Path(section[key]).expanduser().absolute(), folder.absolute()
        told = str(path.relative_to(here) if path.is_relative_to(here) else path.name)
        # a style of one word would be the name of a card
        section[key] = told if key != "style" or is_path(told) else f"./{told}"
    return json.dumps(values)
