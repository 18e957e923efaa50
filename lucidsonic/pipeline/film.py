"""The main path: a plan in, a film out. Newcomers start at `make_film`."""

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from lucidsonic import encoding
from lucidsonic.effects import build_chain
from lucidsonic.errors import ConfigError
from lucidsonic.pipeline.frames import Painter, Scene, choose_device, choose_dtype, find_batch
from lucidsonic.pipeline.hold import HeldTrajectory
from lucidsonic.pipeline.listen import Hearing, listen
from lucidsonic.pipeline.models import LoadedModel, open_generator
from lucidsonic.pipeline.segments import SegmentCache, SegmentPress, cut
from lucidsonic.pipeline.settle import METADATA_KEY
from lucidsonic.pipeline.stop import Stop
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import PATH_KEYS, FilmTable, RenderPlan
from lucidsonic.timebase import frames_to_seconds, seconds_to_frame, seconds_to_frames
from lucidsonic.trajectory import plan_trajectory
from lucidsonic.types import OnProgress, Song, ignore_progress

WIDE = Fraction(16, 9)
CPU_PIXELS = 640 * 360  # what a resolution-free style paints a frame on a CPU by default


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
    seconds: dict[str, float]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Production:
    """A plan with everything that it names loaded.

    Attributes:
        plan: the settings.
        hearing: the music.
        model: the generator and where it comes from.
        scene: what paints any frame.
        first: the film's first frame, counted in the whole song.
        last: one past its last frame.
        device: what the generator lies on.
    """

    plan: RenderPlan
    hearing: Hearing
    model: LoadedModel
    scene: Scene
    first: int
    last: int
    device: str

    @property
    def sound(self) -> Song:
        """The part of the song, or of the other file to be heard, that the film covers."""
        table, fps = self.plan.song, self.plan.film.fps
        start_s = frames_to_seconds(self.first, fps)
        song = self.hearing.song
        until_s = min(frames_to_seconds(self.last, fps), song.duration_s)
        if table.output_audio is not None:
            from lucidsonic.audio import open_song

            song = open_song(table.output_audio)
            until_s = min(until_s, song.duration_s)
        return replace(song, start_s=start_s, duration_s=until_s - start_s)


def make_film(
    plan: RenderPlan,
    film: Path,
    *,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
    stop: Stop | None = None,
) -> FilmReport:
    """Make the film that `plan` describes.

    Args:
        plan: all settings, see `settle`.
        film: where to write; the suffix chooses the container.
        overwrite: whether a file of that name may be replaced.
        on_progress: told how far it is.
        stop: lets somebody end the work; what is finished is found by the next render.

    Raises:
        LucidsonicError: any of its kinds; nothing half-made is left behind.
    """
    teller = Teller(on_progress)
    film = Path(film)
    check_target(plan, film, overwrite=overwrite)
    production = prepare(plan, teller)
    batch = choose_batch(plan, production.scene, teller)
    painter = Painter(production.scene, batch, teller.note, frames_folder=plan.film.save_frames)
    job = Job(production, painter, teller, stop or Stop())
    painted = write(job, film, overwrite=overwrite)
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
        seconds=teller.seconds,
        notes=tuple(teller.notes),
    )


def check_target(plan: RenderPlan, film: Path, *, overwrite: bool) -> None:
    """Complain about a film that cannot be written before any work is done."""
    size = film_size(plan.film, None)
    encoding.check_choice(film, plan.film.encoding, size=size, fps=plan.film.fps)
    encoding.check_free(film, overwrite=overwrite)


def prepare(plan: RenderPlan, teller: Teller) -> Production:
    """Hear the song, load the generator, steer it: everything before the first frame."""
    device = choose_device(plan.model.device)
    with teller.stage("listen"):
        hearing = listen(plan.song, plan.film.fps, on_progress=teller.pass_on)
    first, last = frame_range(plan, hearing.song)
    with teller.stage("load"):
        model = open_model(plan, device, teller)
    with teller.stage("steer"):
        scene = set_scene(plan, hearing, model, device)
    return Production(plan, hearing, model, scene, first, last, device)


def frame_range(plan: RenderPlan, song: Song) -> tuple[int, int]:
    """The film's frames, counted in the whole song.

    Raises:
        ConfigError: the part begins after the song has ended.
    """
    fps, total = plan.film.fps, song.frame_count(plan.film.fps)
    first = seconds_to_frame(plan.song.start, fps)
    if first >= total:
        raise ConfigError(
            f"--from {plan.song.start:g} s lies behind the song's end, {song.duration_s:.1f} s."
        )
    end = plan.song.end
    return first, total if end is None else min(
        total, max(first + 1, seconds_to_frames(end, fps))
    )


def open_model(plan: RenderPlan, device: str, teller: Teller) -> LoadedModel:
    """The generator of the plan's style, at the size it should paint."""
    return open_generator(
        plan.model.style,
        device=device,
        options=plan.model.options,
        paint_size=paint_size(plan.film, device),
        on_progress=teller.pass_on,
    )


def set_scene(plan: RenderPlan, hearing: Hearing, model: LoadedModel, device: str) -> Scene:
    """Who paints what, in which light."""
    generator, able = model.generator, model.generator.capabilities
    trajectory = plan_trajectory(
        hearing.features,
        able,
        keyframes=generator.keyframes,
        directions=generator.directions,
        options=plan.trajectory,
        seed=plan.seed,
        pulse=hearing.roles["pulse"],
        motion=hearing.roles["motion"],
        classes=hearing.roles["class"],
    )
    if plan.film.hold_fps is not None:
        trajectory = HeldTrajectory(trajectory, plan.film.fps, plan.film.hold_fps)
    return Scene(
        generator=generator,
        trajectory=trajectory,
        chain=build_chain(plan.effects, hearing.roles["effect"], seed=plan.seed),
        size=film_size(plan.film, None if able.resolution_free else able.size),
        fit=plan.film.fit,
        resample=plan.film.resample,
        dtype=choose_dtype(plan.model.precision, device),
        guard=plan.film.flash_guard,
        fps=plan.film.fps,
    )


def film_size(table: FilmTable, native: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width of the film, both even.

    Args:
        table: asks for a size, or for a height.
        native: the shape of the generator's pictures; None when it paints any shape.
    """
    if table.size is not None:
        width, height = table.size
        return height, width
    shape = WIDE if native is None else Fraction(native[1], native[0])
    return table.height, 2 * round(table.height * shape / 2)


def paint_size(table: FilmTable, device: str) -> tuple[int, int]:
    """Height and width at which a resolution-free generator paints this film."""
    height, width = film_size(table, None)
    scale = table.paint
    if scale == "auto":
        slow = device == "cpu"
        scale = min(1.0, (CPU_PIXELS / (height * width)) ** 0.5) if slow else 1.0
    return max(16, round(height * scale)), max(16, round(width * scale))


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
    with job.teller.stage("join"):
        encoding.concat_segments(
            paths,
            film,
            fps=target.fps,
            sound=target.sound,
            options=target.options,
            metadata=target.metadata,
            overwrite=overwrite,
            frames=production.last - production.first,
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
