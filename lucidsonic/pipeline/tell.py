"""Stage times, notes and rates of one job, told to whoever listens."""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction

from lucidsonic.types import OnProgress, Progress


class Teller:
    """Keeps a job's stage times and notes, and passes progress on."""

    def __init__(self, on_progress: OnProgress) -> None:
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []
        self._on_progress = on_progress
        self._stage = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        self._stage, began = name, time.perf_counter()
        self._on_progress(Progress(name, 0, 0))
        try:
            yield
        finally:
            took = time.perf_counter() - began
            self.seconds[name] = self.seconds.get(name, 0.0) + took

    @contextmanager
    def painting(self, frames: int, fps: Fraction) -> Iterator[Callable[..., None]]:
        """Time the painting; the yielded function is told how many frames are done."""
        began = time.perf_counter()

        def told(done: int, cached: int = 0, **workers: float) -> None:
            took = max(time.perf_counter() - began, 1e-6)
            rate = (done - cached) / took
            facts = {
                "fps": rate,
                "realtime": rate / float(fps),
                "eta_s": (frames - done) / rate if rate else 0.0,
                "memory_mb": memory_mb(),
                **workers,
            }
            self._on_progress(Progress("paint", done, frames, facts=facts))

        with self.stage("paint"):
            yield told

    def note(self, sentence: str) -> None:
        """Say something once that a person should know."""
        self.notes.append(sentence)
        self._on_progress(Progress(self._stage, 0, 0, note=sentence))

    def pass_on(self, progress: Progress) -> None:
        """Hand on what a stage tells."""
        if progress.note:
            self.notes.append(progress.note)
        self._on_progress(progress)


def memory_mb() -> float:
    """The most memory that this process has held, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
