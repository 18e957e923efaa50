"""This machine -> rates and ratios: hearing, painting, encoding, and the whole, in one run."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch

from lucidsonic import encoding
from lucidsonic.pipeline.analysis import analyze
from lucidsonic.pipeline.doctor import write_trial_song
from lucidsonic.pipeline.film import make_film
from lucidsonic.pipeline.frames import Painter, Scene, find_batch
from lucidsonic.pipeline.production import prepare
from lucidsonic.pipeline.settling import settle
from lucidsonic.pipeline.store import VARIABLE
from lucidsonic.pipeline.tell import Teller, memory_mb
from lucidsonic.types import Pictures, ignore_progress

START_UP = ("listen", "load", "steer", "warm up")  # stages before the first frame


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """What this machine does.

    Attributes:
        style: who painted.
        size: width and height.
        frames: in the film.
        batch_size: frames painted at once.
        analysis_x: seconds of song heard a second.
        generator_fps: the generator alone.
        painter_fps: generator, effects, flash guard, resize and conversion, without an encoder.
        encoder_fps: the encoder alone, fed the same pictures.
        film_fps: the whole, from the first frame to the finished file.
        start_up_s: everything before the first frame.
        overhead: time of the whole against the slower of bare generator and bare encoder.
        cpu_limit: the same if both had to share all cores and nothing else were done.
        peak_memory_mb: the most this process held.
    """

    style: str
    size: str
    frames: int
    batch_size: int
    analysis_x: float
    generator_fps: float
    painter_fps: float
    encoder_fps: float
    film_fps: float
    start_up_s: float
    overhead: float
    cpu_limit: float
    peak_memory_mb: float


def bench(
    *, style: str = "aurora", size: str = "512x512", fps: str = "30", seconds: float = 10.0
) -> BenchReport:
    """Measure this machine with a drum track; takes a few times as long as the film.

    Args:
        style: who paints.
        size: width and height.
        fps: frames a second.
        seconds: length of the film.
    """
    with tempfile.TemporaryDirectory(prefix="lucidsonic-") as folder, fresh_cache(folder):
        song = Path(folder) / "song.wav"
        write_trial_song(song, seconds=seconds)
        resolved = settle(song, style=style, size=size, fps=fps, paint=1.0)
        production = prepare(resolved.plan, Teller(ignore_progress))
        scene = production.scene
        batch = find_batch(scene)
        frames = production.last - production.first
        heard = timed(lambda: analyze(song))
        painter = Painter(scene, batch, lambda _note: None)
        painted = timed(lambda: exhaust(painter.planes(0, frames)))
        sample = list(painter.planes(0, min(frames, 60)))
        encoder = timed(lambda: encode(sample, Path(folder) / "bare.mp4", scene, frames))
        half = frames // 2
        generator = timed(lambda: exhaust(bare_pictures(scene, 0, half, batch)))
        report = make_film(
            settle(song, style=style, size=size, fps=fps, paint=1.0, batch_size=batch).plan,
            Path(folder) / "film.mp4",
        )
        # The other half after the film: a machine that speeds up or slows down favours neither.
        generator += timed(lambda: exhaust(bare_pictures(scene, half, frames, batch)))
    start_up = sum(s for name, s in report.seconds.items() if name in START_UP)
    whole = sum(report.seconds.values()) - start_up
    return BenchReport(
        style=style,
        size=size,
        frames=frames,
        batch_size=batch,
        analysis_x=seconds / heard,
        generator_fps=frames / generator,
        painter_fps=frames / painted,
        encoder_fps=frames / encoder,
        film_fps=frames / whole,
        start_up_s=start_up,
        overhead=whole / max(generator, encoder),
        cpu_limit=(generator + encoder) / max(generator, encoder),
        peak_memory_mb=memory_mb(),
    )


@contextmanager
def fresh_cache(folder: str) -> Iterator[None]:
    """Look for finished parts in an empty place, so that all of the film is painted."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def timed(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def exhaust(pictures: Iterator[object]) -> None:
    """Draw everything and keep nothing."""
    for _ in pictures:
        pass


def bare_pictures(scene: Scene, first: int, last: int, batch: int) -> Iterator[torch.Tensor]:
    """The generator alone, from frame first to last - 1."""
    for start in range(first, last, batch):
        controls = scene.trajectory.at(start, min(start + batch, last))
        yield scene.generator.render(controls, dtype=scene.dtype)


def encode(sample: list[Pictures], path: Path, scene: Scene, frames: int) -> None:
    """The encoder alone, fed finished pictures over and over."""
    film = encoding.Film(size=scene.size, fps=Fraction(scene.fps), layout="yuv420p")
    with encoding.FilmWriter(path, film) as writer:
        while writer.frames < frames:
            for pictures in sample:
                writer.put(pictures[: frames - writer.frames])
                if writer.frames >= frames:
                    break
