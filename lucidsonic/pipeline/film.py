"""The main path: a plan in, a film out. Newcomers start at `make_film`."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from lucidsonic import encoding
from lucidsonic.pipeline.finish import check_finish, composed, wanted_layers
from lucidsonic.pipeline.frames import Painter, Scene, find_batch
from lucidsonic.pipeline.production import NOTHING_OWN, Own, Production, film_size, prepare
from lucidsonic.pipeline.segments import SegmentCache, SegmentPress, cut
from lucidsonic.pipeline.settle import METADATA_KEY
from lucidsonic.pipeline.stop import Stop
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import PATH_KEYS, RenderPlan
from lucidsonic.types import OnProgress, ignore_progress


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


def make_film(
    plan: RenderPlan,
    film: Path,
    *,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
    stop: Stop | None = None,
    own: Own = NOTHING_OWN,
) -> FilmReport:
    """Make the film that `plan` describes.

    Args:
        plan: all settings, see `settle`.
        film: where to write; the suffix chooses the container.
        overwrite: whether a file of that name may be replaced.
        on_progress: told how far it is.
        stop: lets somebody end the work; what is finished is found by the next render.
        own: a generator and effects of the caller's own.

    Raises:
        LucidsonicError: any of its kinds; nothing half-made is left behind.
    """
    teller = Teller(on_progress)
    film = Path(film)
    check_target(plan, film, overwrite=overwrite)
    production = prepare(plan, teller, own)
    batch = choose_batch(plan, production.scene, teller)
    painter = Painter(production.scene, batch, teller.note, frames_folder=plan.film.save_frames)
    job = Job(production, painter, teller, stop or Stop())
    painted = write(job, film, overwrite=overwrite)
    others = make_others(plan, film, teller, overwrite=overwrite)
    height, width = production.scene.size
    return FilmReport(
        film=film,
        frames=production.last - production.first,
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
    check_finish(plan)


def choose_batch(plan: RenderPlan, scene: Scene, teller: Teller) -> int:
    """The plan's batch size, or the fastest one that fits."""
    if plan.model.batch_size != "auto":
        return plan.model.batch_size
    with teller.stage("warm up"):
        return find_batch(scene, teller.note)


@dataclass(frozen=True, slots=True)
class Job:
    """A production under way."""

    production: Production
    painter: Painter
    teller: Teller
    stop: Stop


def write(job: Job, film: Path, *, overwrite: bool) -> int:
    """Paint and encode; returns how many frames were painted now.

    A film whose codec cannot be cut (GIF) is written in one go, others in segments.
    """
    production = job.production
    plan = production.plan
    target = encoding.Film(
        size=production.scene.size,
        fps=plan.film.fps,
        sound=production.sound,
        options=plan.film.encoding,
        layout="yuv420p",
        metadata={METADATA_KEY: portable_plan(plan, film.parent)},
        overwrite=overwrite,
    )
    if encoding.picture_codec(film, plan.film.encoding) == "gif":
        return write_at_once(job, film, target)
    paths, painted = press_segments(job, target, film)

    def join(place: Path) -> None:
        encoding.concat_segments(
            paths,
            place,
            fps=target.fps,
            sound=target.sound,
            options=target.options,
            metadata=target.metadata,
            overwrite=overwrite,
            frames=production.last - production.first,
        )

    with job.teller.stage("join"):
        features, first, last = production.hearing.features, production.first, production.last
        layers = wanted_layers(plan, features, first, last)
        composed(
            film,
            layers,
            join,
            plan=plan,
            overwrite=overwrite,
            on_progress=job.teller.pass_on,
        )
    return painted


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


def press_segments(job: Job, target: encoding.Film, film: Path) -> tuple[list[Path], int]:
    """The film's segments in order, from the cache or painted now, and how many frames were."""
    codec = encoding.picture_codec(film, target.options)
    options = target.options.model_copy(update={"codec": codec, "sound": "auto"})
    target = replace(target, options=options, sound=None, metadata={}, overwrite=True)
    production = job.production
    cache = SegmentCache(suffix=Path(encoding.segment_name(film, options, 0)).suffix)
    total = production.last - production.first
    segments = cut(
        production.scene,
        production.first,
        production.last,
        film=target,
        model_key=production.model.fingerprint,
    )
    again = production.plan.film.save_frames is not None  # every picture is wanted as a file
    missing = [segment for segment in segments if again or cache.find(segment) is None]
    cached = total - sum(len(segment) for segment in missing)
    if cached:
        job.teller.note(f"{cached} of {total} frames are there already: going on from them.")
    with job.teller.painting(total, target.fps) as told:
        with SegmentPress(job.painter, target, cache) as press:
            for segment in missing:
                job.stop.patient = True
                press.press(segment, lambda frames: told(cached + frames, cached))
                job.stop.check(cached + press.frames, total)
        job.stop.patient = False
        paths = [cache.path(segment) for segment in segments]
    cache.prune(keep=frozenset(paths))
    return paths, total - cached


def make_others(
    plan: RenderPlan, film: Path, teller: Teller, *, overwrite: bool
) -> tuple[Path, ...]:
    """The other shapes and pieces that the plan asks for, beside the film."""
    if not plan.film.formats:
        return ()
    with teller.stage("formats"):
        return tuple(
            encoding.make_formats(
                film,
                plan.film.formats,
                options=plan.film.encoding,
                overwrite=overwrite,
                on_progress=teller.pass_on,
            )
        )


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
