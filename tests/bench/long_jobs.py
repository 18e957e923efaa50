"""What segments and workers cost beside one unbroken render, and what many workers would gain.

Run from the repository, on a machine that does nothing else:
`python -m tests.bench.long_jobs segments [repeats]`, or `crews`, or `model`.
What it has measured so far stands in `lucidsonic/README.md`.
"""

import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lucidsonic import encoding
from lucidsonic.pipeline import make_film, settle
from lucidsonic.pipeline.bench import fresh_cache
from lucidsonic.pipeline.crew import Crew, Done, Event, Ready
from lucidsonic.pipeline.doctor import write_trial_song
from lucidsonic.pipeline.film import write, write_at_once
from lucidsonic.pipeline.finish import finish_of
from lucidsonic.pipeline.frames import Painter
from lucidsonic.pipeline.press import Job
from lucidsonic.pipeline.processes import LocalCrew
from lucidsonic.pipeline.production import Production, prepare
from lucidsonic.pipeline.segments import Segment
from lucidsonic.pipeline.stop import Stop
from lucidsonic.pipeline.store import SegmentCache
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import RenderPlan
from lucidsonic.types import ignore_progress

SECONDS = 60.0
SIZE = "256x256"
STYLE = "satin"
BATCH = 8

# For the model: measured on two cores of 2.1 GHz, but for the network (1 Gbit/s) and the time
# until a worker is ready, which is 5 to 7 s here and is taken long, for CUDA and a large file.
SEGMENT_MB = 6.5  # eight seconds of 1080p
DRIVER_S = 0.001 + SEGMENT_MB * (0.004 + 1 / 125)  # to keep a segment, and to receive it
JOIN_S = SEGMENT_MB * 0.004
READY_S = 20.0
PAINT_FPS = (10, 30, 100)  # of one GPU


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def cpu_s() -> float:
    """Processor time of this process and of all its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of processors."""
    began, cpu = time.perf_counter(), cpu_s()
    work()
    return time.perf_counter() - began, cpu_s() - cpu


# segments against one unbroken encode


def segments(repeats: int) -> None:
    """Paint one film both ways in turn and print what the segments cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_trial_song(folder / "song.wav", seconds=SECONDS)
        plan = settle(folder / "song.wav", style=STYLE, size=SIZE, paint=1.0).plan
        production = prepare(plan, Teller(ignore_progress))
        took: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for turn in range(repeats):
            ways = ("unbroken", "segments") if turn % 2 else ("segments", "unbroken")
            for way in ways:
                with tempfile.TemporaryDirectory(dir=folder) as cache, fresh_cache(cache):
                    film = folder / f"{way}.mp4"
                    took[way].append(measured(lambda: one_way(production, film)))  # noqa: B023
                say(f"{way}: {took[way][-1][0]:.2f} s, {took[way][-1][1]:.2f} s of processors")
        for at, clock in enumerate(("wall", "cpu")):
            whole, cut = (statistics.median(t[at] for t in took[w]) for w in took_order(took))
            say(
                f"{clock}: {whole:.2f} s unbroken, {cut:.2f} s cut, "
                f"{100 * (cut / whole - 1):+.2f} %"
            )
        whole, cut = (
            (folder / f"{way}.mp4").stat().st_size for way in ("unbroken", "segments")
        )
        say(f"bytes: {whole} unbroken, {cut} cut, {100 * (cut / whole - 1):+.2f} %")


def took_order(took: dict[str, Any]) -> tuple[str, str]:
    """The two ways, the unbroken one first."""
    return tuple(sorted(took, key=lambda way: way != "unbroken"))  # pyright: ignore[reportReturnType]


def one_way(production: Production, film: Path) -> None:
    """Paint and encode the film, in the way that its name says."""
    teller = Teller(ignore_progress)
    painter = Painter(production.scene, BATCH, teller.note)
    job = Job(production=production, painter=painter, teller=teller, stop=Stop())
    if film.stem == "segments":
        with finish_of(production.plan, film, ()) as finish:
            write(job, finish, recipe="", overwrite=True)
        return
    target = encoding.Film(
        size=production.scene.size,
        fps=production.plan.film.fps,
        sound=production.sound,
        options=production.plan.film.encoding,
        layout="yuv420p",
        overwrite=True,
    )
    write_at_once(job, film, target)


# crews against the plain pipeline


class Watched:
    """A crew, and when it said what."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.heard: list[tuple[float, Event]] = []
        self.began = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.crew, name)

    def begin(self, assignment: Any) -> None:
        """Start the clock, then the workers."""
        self.began = time.perf_counter()
        self.crew.begin(assignment)

    def wait(self, timeout_s: float) -> list[Event]:
        """Pass on what happened."""
        events = self.crew.wait(timeout_s)
        self.heard += [(time.perf_counter(), event) for event in events]
        return events

    def start_up_s(self) -> float:
        """Until the last worker was ready."""
        return max(at for at, event in self.heard if isinstance(event, Ready)) - self.began

    def steady_fps(self) -> float:
        """Frames a second of all workers, each from when it was ready to its last delivery."""
        ready = {event.worker: at for at, event in self.heard if isinstance(event, Ready)}
        rate = 0.0
        for worker, since in ready.items():
            done = [
                (at, len(event.delivery.segment))
                for at, event in self.heard
                if isinstance(event, Done) and event.worker == worker
            ]
            if done:
                rate += sum(frames for _, frames in done) / (done[-1][0] - since)
        return rate


def crews(repeats: int) -> None:
    """Paint one film alone, by two processes and by two Ray workers, in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_trial_song(folder / "song.wav", seconds=SECONDS)
        words = {"style": STYLE, "size": SIZE, "paint": 1.0, "batch_size": BATCH}
        plan = settle(folder / "song.wav", **words).plan
        plain: list[float] = []
        rates: dict[str, list[float]] = defaultdict(list)
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as cache, fresh_cache(cache):
                report = make_film(plan, folder / "plain.mp4", overwrite=True)
            plain.append(report.frames / report.seconds["paint"])
            say(f"plain: {plain[-1]:.1f} frames/s on all cores")
            for title, crew in kinds_of_crew():
                rates[title].append(by_crew(title, Watched(crew), plan, folder))
        middle = statistics.median(plain)
        for title, found in rates.items():
            say(f"{title}: {statistics.median(found) / middle:.2f} x the plain pipeline")


def by_crew(title: str, crew: Watched, plan: RenderPlan, folder: Path) -> float:
    """Let a crew paint the film; its frames a second once all workers are ready."""
    with tempfile.TemporaryDirectory() as cache, fresh_cache(cache), kept() as keeping:
        report = make_film(plan, folder / f"{title}.mp4", crew=crew, overwrite=True)  # pyright: ignore[reportArgumentType]
    rate, driver_ms = crew.steady_fps(), 1000 * statistics.median(keeping)
    say(
        f"{title}: {rate:.1f} frames/s; ready after {crew.start_up_s():.1f} s; the driver "
        f"takes {driver_ms:.1f} ms a segment; joining {report.seconds['join']:.2f} s"
    )
    return rate


def kinds_of_crew() -> Iterator[tuple[str, Crew]]:
    """Two workers of each kind that this machine can have."""
    yield "two processes", LocalCrew(("cpu", "cpu"))
    if importlib.util.find_spec("ray") is not None:
        from lucidsonic.pipeline.cluster import RayCrew

        yield "two Ray workers", RayCrew("local", workers=2)


@contextmanager
def kept() -> Iterator[list[float]]:
    """Seconds that the driver spends on each segment: writing, counting, checksum, renaming."""
    seconds: list[float] = []
    keep_bytes = SegmentCache.keep_bytes

    def timed(self: SegmentCache, segment: Segment, data: bytes) -> Path:
        began = time.perf_counter()
        try:
            return keep_bytes(self, segment, data)
        finally:
            seconds.append(time.perf_counter() - began)

    SegmentCache.keep_bytes = timed
    try:
        yield seconds
    finally:
        SegmentCache.keep_bytes = keep_bytes


# what many workers would gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a film costs, seconds.

    Attributes:
        segments: how many it has.
        paint: a worker, on one segment.
        look_back: a worker, on the second before a segment that it does not go on to.
        driver: this process, on one segment that comes in: see `kept`, and the network.
        join: this process, on one segment when the film is joined.
        ready: until a worker has loaded the model.
    """

    segments: int
    paint: float
    look_back: float
    driver: float
    join: float
    ready: float


def film_seconds(costs: Costs, workers: int) -> float:
    """How long a film takes: the busiest worker, or the driver where that is the narrowest."""
    rounds = -(-costs.segments // workers)
    painting = rounds * costs.paint + costs.look_back
    driving = costs.segments * costs.driver + costs.paint + costs.look_back
    return costs.ready + max(painting, driving) + costs.segments * costs.join


def model(_repeats: int) -> None:
    """Print what 1 to 64 workers with a GPU would take for a film of two hours, 30 frames/s."""
    say("frames/s of one  workers  minutes  speed-up  of the ideal")
    for rate in PAINT_FPS:
        costs = Costs(
            segments=900,
            paint=8 * 30 / rate,
            look_back=30 / rate,
            driver=DRIVER_S,
            join=JOIN_S,
            ready=READY_S,
        )
        alone = costs.segments * (costs.paint + costs.join)
        for workers in (1, 2, 4, 8, 16, 32, 64):
            took = film_seconds(costs, workers)
            share = alone / took
            say(f"{rate:15} {workers:8} {took / 60:8.1f} {share:9.1f} {share / workers:13.0%}")


if __name__ == "__main__":
    what, repeats = (*sys.argv[1:], "4")[:2]
    {"segments": segments, "crews": crews, "model": model}[what](int(repeats))
