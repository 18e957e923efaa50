"""What any worker does, wherever it runs: open the production once, then paint segments."""

import platform
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lucidsonic.encoding import Film, FilmWriter
from lucidsonic.errors import ConfigError
from lucidsonic.pipeline.frames import Painter, find_batch
from lucidsonic.pipeline.listen import Hearing
from lucidsonic.pipeline.production import NOTHING_OWN, open_model, set_scene
from lucidsonic.pipeline.segments import Segment, code_version
from lucidsonic.pipeline.store import told_errors
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import RenderPlan
from lucidsonic.types import ignore_progress


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker is told once.

    Attributes:
        plan: the settings.
        hearing: the music, heard already.
        film: what a segment is to be.
        model_key: hash of the generator that the driver has.
        batch: frames at once; None lets the worker find out.
        code: hash of the driver's code, see `code_version`.
    """

    plan: RenderPlan
    hearing: Hearing
    film: Film
    model_key: str
    batch: int | None
    code: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A finished segment on its way to the driver.

    Attributes:
        segment: which one.
        data: the file.
        notes: what a person should know.
    """

    segment: Segment
    data: bytes
    notes: tuple[str, ...]


class Hand:
    """A worker's production: opened once, paints one segment after the other.

    Two threads may ask: one paints while the other waits for the encoder's end.
    """

    def __init__(self, assignment: Assignment, *, device: str, place: str = "") -> None:
        """Open the production.

        Raises:
            ConfigError: this is another version of lucidsonic, or of the model.
            LucidsonicError: the model cannot be opened here.
        """
        self.place = place or platform.node()
        if code_version() != assignment.code:
            raise ConfigError(
                f"Worker {self.place} runs another version of lucidsonic.",
                hint="Install the same version on every machine.",
            )
        plan = assignment.plan
        model = open_model(plan, device, Teller(ignore_progress), NOTHING_OWN)
        if model.fingerprint != assignment.model_key:
            raise ConfigError(
                f"Worker {self.place} has another model under the name '{plan.model.style}'.",
                hint="Put the same files there, or name the model by its hub address.",
            )
        self._notes: list[str] = []
        self._film = assignment.film
        self._painting = threading.Lock()
        scene = set_scene(plan, assignment.hearing, model, device)
        batch = assignment.batch or find_batch(scene)
        self._painter = Painter(
            scene, batch, self._notes.append, frames_folder=plan.film.save_frames
        )

    @property
    def batch(self) -> int:
        """Frames painted at once."""
        return self._painter.batch

    def paint(self, segment: Segment, batch: int) -> Callable[[], Delivery]:
        """Paint a segment in batches of `batch`; the rest is done by what comes back.

        Raises:
            LucidsonicError: any of its kinds.
        """
        with told_errors("Making a place for a part of the film"):
            folder = tempfile.TemporaryDirectory(prefix="lucidsonic-")
        name = "segment.mov" if self._film.options.codec == "prores" else "segment.mp4"
        writer = FilmWriter(Path(folder.name) / name, self._film)
        try:
            with self._painting:
                self._painter.batch = min(batch, self._painter.batch)
                paint_into(writer, self._painter, segment, lambda _frames: None)
                notes = tuple(self._notes)
                self._notes.clear()
        except BaseException:
            folder.cleanup()
            raise

        def deliver() -> Delivery:
            with folder:
                writer.__exit__(None, None, None)
                with told_errors("Reading a finished part"):
                    return Delivery(segment, writer.path.read_bytes(), notes)

        return deliver


def paint_into(
    writer: FilmWriter, painter: Painter, segment: Segment, told: Callable[[int], None]
) -> None:
    """Paint a segment into a writer, which is opened for it and is left open.

    Args:
        writer: not entered yet; it still is to be left by its `__exit__`.
        painter: who paints.
        segment: what.
        told: told how many frames of the segment are painted.

    Raises:
        LucidsonicError: any of its kinds; then the writer has been left.
    """
    writer.__enter__()
    try:
        for pictures in painter.planes(segment.start, segment.stop):
            writer.put(pictures)
            told(writer.frames)
    except BaseException as error:
        writer.__exit__(type(error), error, error.__traceback__)
        raise
