"""A production -> all segments of its film: found in the cache, or painted and encoded now."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from lucidsonic import encoding
from lucidsonic.encoding import Film, FilmWriter
from lucidsonic.encoding.video import uses_nvenc
from lucidsonic.errors import EncodingError
from lucidsonic.pipeline.crew import Crew, Shift
from lucidsonic.pipeline.frames import Painter, find_batch
from lucidsonic.pipeline.hand import Assignment, paint_into
from lucidsonic.pipeline.production import Production
from lucidsonic.pipeline.segments import Segment, code_version, cut, fingerprint
from lucidsonic.pipeline.stop import GO_ON, Stop
from lucidsonic.pipeline.store import FULL, ROOM, SegmentCache, remembered
from lucidsonic.pipeline.tell import Teller

Told = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A production under way.

    Attributes:
        production: what to paint.
        painter: who paints here.
        teller: hears how far it is.
        stop: lets somebody end the work.
        crew: paints the segments instead of this process, if there is one.
    """

    production: Production
    painter: Painter
    teller: Teller
    stop: Stop
    crew: Crew | None = None


@dataclass(frozen=True, slots=True)
class Pressed:
    """The segments of a film.

    Attributes:
        paths: in film order.
        painted: how many frames were painted now.
    """

    paths: list[Path]
    painted: int


def choose_batch(production: Production, crew: Crew | None, teller: Teller) -> int:
    """The plan's batch size, or the fastest one that fits; 0 lets the workers find it.

    What was found once is kept: networks round a little differently in other batches, and a
    resumed film is to be the very film that it would have been.
    """
    asked = production.plan.model.batch_size
    if asked != "auto":
        return asked
    if crew is not None and crew.elsewhere:
        return 0

    def find() -> int:
        with teller.stage("warm up"):
            return find_batch(production.scene)

    return remembered(batch_name(production), find)


def batch_name(production: Production) -> str:
    """What a batch size is good for: this model, size, precision and machine."""
    scene, options = production.scene, production.plan.film.encoding
    common = fingerprint(scene, options=options, model_key=production.model.fingerprint)
    return hashlib.sha256(f"{common} {production.device}".encode()).hexdigest()[:32]


@contextmanager
def press_segments(job: Job, target: Film, film: Path) -> Iterator[Pressed]:
    """The film's segments, from the cache or painted now; they stay while the block runs.

    Raises:
        LucidsonicError: any of its kinds; what is finished is found by the next render.
    """
    target = segment_form(target, film)
    production = job.production
    first, last = production.first, production.last
    common = fingerprint(
        production.scene, options=target.options, model_key=production.model.fingerprint
    )
    segments = cut(production.scene, first, last, common=common)
    suffix = Path(encoding.segment_name(film, target.options, 0)).suffix
    cache = SegmentCache(suffix=suffix)
    with cache.holding(segments):
        with job.teller.painting(last - first, target.fps) as told:
            painted = press_missing(job, target, segments, cache, told)
            cache.prune()
        yield Pressed([cache.path(segment) for segment in segments], painted)


def segment_form(target: Film, film: Path) -> Film:
    """What a segment of this film is to be: silent, and by an encoder that is named.

    Left to itself, a worker with an NVIDIA card would encode with it and one without would not,
    and their segments could not be joined.
    """
    codec = encoding.picture_codec(film, target.options)
    hardware = "nvenc" if uses_nvenc(codec, target.options, size=target.size) else "none"
    changes = {"codec": codec, "sound": "auto", "hardware": hardware}
    options = target.options.model_copy(update=changes)
    return replace(target, options=options, sound=None, metadata={}, overwrite=True)


def press_missing(
    job: Job, target: Film, segments: Sequence[Segment], cache: SegmentCache, told: Told
) -> int:
    """Paint what the cache has not got; returns how many frames that were."""
    again = job.production.plan.film.save_frames is not None  # each picture wanted as a file
    missing = [segment for segment in segments if again or cache.find(segment) is None]
    total = sum(map(len, segments))
    cached = total - sum(map(len, missing))
    if cached:
        job.teller.note(f"{cached} of {total} frames are there already: going on from them.")
    if not missing:
        return 0

    def progress(done: int, skipped: int = 0, **rates: float) -> None:
        there = cached + skipped
        told(there + done, there, **rates)

    if job.crew is not None:
        return press_by_crew(job, job.crew, target, missing, cache, progress)
    painted = 0
    with SegmentPress(job.painter, target, cache) as press:
        for segment in missing:
            if not again and cache.find(segment) is not None:  # another render was faster
                press.skipped += len(segment)
                continue
            job.stop.patient = True
            press.press(segment, progress)
            painted = press.frames
            job.stop.check(cached + press.skipped + painted, total)
    job.stop.patient = False
    return painted


def press_by_crew(
    job: Job,
    crew: Crew,
    target: Film,
    missing: Sequence[Segment],
    cache: SegmentCache,
    progress: Told,
) -> int:
    """Let others paint; returns how many frames they did."""
    production, painter = job.production, job.painter
    assignment = Assignment(
        plan=production.plan,
        hearing=production.hearing,
        film=target,
        model_key=production.model.fingerprint,
        batch=painter.batch or None,
        code=code_version(),
    )
    shift = Shift(
        crew,
        cache,
        job.teller,
        job.stop,
        agree=lambda batch: remembered(batch_name(production), lambda: batch),
    )
    painted = shift.work(assignment, missing, progress)
    painter.batch = shift.batch
    return painted


class SegmentPress:
    """Paints segments and encodes them, the end of one beside the beginning of the next."""

    def __init__(self, painter: Painter, film: Film, cache: SegmentCache) -> None:
        self.painter = painter
        self.film = film
        self.cache = cache
        self.frames = 0
        self.skipped = 0  # frames that another render has painted meanwhile
        self._closing = ThreadPoolExecutor(1, thread_name_prefix="segment")
        self._pending: Future[Path] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self._closing.shutdown(wait=True)
        if kind is None and self._pending is not None:
            self._pending.result()

    def press(self, segment: Segment, told: Told) -> None:
        """Paint one segment; it enters the cache when the encoder is through with it.

        Args:
            segment: what to paint.
            told: told how many frames this press has painted, and skipped, in all.

        Raises:
            EncodingError: the encoder failed, on this segment or on the one before.
        """
        writer = FilmWriter(self.cache.working_name(segment), self.film)
        try:
            paint_into(writer, self.painter, segment, lambda frames: told(self.frames + frames))
        except EncodingError as error:
            raise in_frames(segment, error) from error
        try:
            if self._pending is not None:
                self._pending.result()
        except BaseException as error:
            writer.__exit__(type(error), error, error.__traceback__)
            raise
        self.frames += writer.frames
        self._pending = self._closing.submit(self._close, writer, segment)

    def _close(self, writer: FilmWriter, segment: Segment) -> Path:
        try:
            writer.__exit__(None, None, None)
            return self.cache.keep(segment, writer.path)
        except EncodingError as error:
            raise in_frames(segment, error) from error


def in_frames(segment: Segment, error: EncodingError) -> EncodingError:
    """An encoder's complaint that names the frames instead of a file nobody knows."""
    words = str(error).partition(" failed: ")[2] or str(error)
    return EncodingError(
        f"Writing frames {segment.start} to {segment.stop - 1} failed: {words}",
        hint=ROOM if FULL in words else f"What is finished is kept. {GO_ON}",
    )
