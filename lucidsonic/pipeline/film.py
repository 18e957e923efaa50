"""The main path: a plan in, a film out. Newcomers start at `make_film`."""

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
from lucidsonic.plan import PATH_KEYS, RenderPlan
from lucidsonic.types import OnProgress, Song, ignore_progress


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

    Raises:
        LucidsonicError: any of its kinds; nothing half-made is left behind.
    """
    teller = Teller(on_progress)
    film = Path(film)
    check_target(plan, film, overwrite=overwrite)
    crew = choose_crew(plan, crew, own)
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
        painted = write(job, finish, overwrite=overwrite)
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
    size = film_size(plan.film, None)
    encoding.check_choice(film, plan.film.encoding, size=size, fps=plan.film.fps)
    encoding.check_free(film, overwrite=overwrite)
    check_finish(plan, film, overwrite=overwrite)
    if plan.film.save_frames is not None:
        encoding.check_free(plan.film.save_frames / "0000000.png", overwrite=True)


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


def write(job: Job, finish: Finish, *, overwrite: bool) -> int:
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
        metadata={METADATA_KEY: portable_plan(plan, finish.film.parent)},
        overwrite=overwrite,
    )
    if encoding.picture_codec(ground, target.options) == "gif":
        return write_at_once(job, ground, target)
    with sound_meanwhile(finish, target) as sound:
        pressed = press_segments(job, target, ground)
        with job.teller.stage("join"), told_room():
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
    for table, keys in PATH_KEYS.items():
        section = values.get(table, {})
        for key in keys & section.keys():
            path = Path(section[key]).absolute()
            inside = path.is_relative_to(folder.absolute())
            section[key] = str(path.relative_to(folder.absolute()) if inside else path.name)
    return json.dumps(values)
