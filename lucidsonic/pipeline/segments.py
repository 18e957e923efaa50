"""A film in pieces that can be found again: content-addressed segments of a few seconds.

Each segment's name is a hash of everything that its frames depend on, so a render that was cut
short goes on where it was, and a changed plan paints only what the change touches. A segment
appears whole or not at all, and its name carries its own checksum.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import platformdirs

from lucidsonic.encoding import Film, FilmWriter
from lucidsonic.errors import EncodingError
from lucidsonic.pipeline.frames import Painter, Scene
from lucidsonic.types import Controls

SEGMENT_S = 8  # seconds; a longer GOP saves nothing, a shorter one costs bytes
CACHE_BYTES = 20_000_000_000  # what the cache may keep
VARIABLE = "LUCIDSONIC_CACHE"
# The code that decides what a frame looks like; a change here makes every segment a new one.
CODE = ("effects", "generators", "nn", "encoding", "pipeline/frames.py", "pipeline/guard.py")


@dataclass(frozen=True, slots=True)
class Segment:
    """Some consecutive frames of a film.

    Attributes:
        start: its first frame, counted in the whole song.
        stop: one past its last.
        key: hash of all that its frames depend on.
    """

    start: int
    stop: int
    key: str

    def __len__(self) -> int:
        return self.stop - self.start


class SegmentCache:
    """The segments on this disk."""

    def __init__(self, folder: Path | None = None, *, suffix: str = ".mp4") -> None:
        self.folder = folder or cache_folder() / "segments"
        self.suffix = suffix

    def find(self, segment: Segment) -> Path | None:
        """The segment's file, if it is there and whole; a broken one is thrown away."""
        for path in sorted(self.folder.glob(f"{segment.key}-*{self.suffix}")):
            if checksum(path) == path.stem.rpartition("-")[2]:
                os.utime(path)
                return path
            path.unlink(missing_ok=True)
        return None

    def path(self, segment: Segment) -> Path:
        """The file of a segment that was found or painted before.

        Raises:
            EncodingError: somebody has thrown it away meanwhile.
        """
        for path in self.folder.glob(f"{segment.key}-*{self.suffix}"):
            return path
        raise EncodingError(
            "A finished part of the film has vanished from the cache.",
            hint=f"Run the same command again; do not tidy {self.folder} during a render.",
        )

    def keep(self, segment: Segment, written: Path) -> Path:
        """Give a finished file its name in the cache."""
        path = self.folder / f"{segment.key}-{checksum(written)}{self.suffix}"
        return written.replace(path)

    def entries(self) -> Iterator[tuple[Path, int, float]]:
        """Path, bytes and time of last use of each segment."""
        for path in self.folder.glob("*.*"):
            try:
                facts = path.stat()
            except FileNotFoundError:  # another render tidied up
                continue
            yield path, facts.st_size, facts.st_mtime

    def prune(self, *, limit: int = CACHE_BYTES, keep: frozenset[Path] = frozenset()) -> int:
        """Throw away the longest unused segments beyond `limit` bytes; returns bytes freed."""
        entries = sorted(self.entries(), key=lambda entry: -entry[2])
        total = freed = 0
        for path, size, _ in entries:
            total += size
            if total > limit and path not in keep:
                path.unlink(missing_ok=True)
                freed += size
        return freed

    def clear(self) -> int:
        """Throw everything away; returns bytes freed."""
        freed = sum(size for _, size, _ in self.entries())
        shutil.rmtree(self.folder, ignore_errors=True)
        return freed


def cache_folder() -> Path:
    """Where things lie that can be made again: `$LUCIDSONIC_CACHE` or the user's cache."""
    named = os.environ.get(VARIABLE)
    return Path(named or platformdirs.user_cache_dir("lucidsonic", appauthor=False))


def checksum(path: Path) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def cut(scene: Scene, first: int, last: int, *, film: Film, model_key: str) -> list[Segment]:
    """The segments of frames first to last - 1.

    Borders lie at multiples of the segment length in the whole song, so an excerpt shares its
    inner segments with the whole film.
    """
    length = round(SEGMENT_S * film.fps)
    common = fingerprint(scene, film=film, model_key=model_key)
    borders = [first, *range((first // length + 1) * length, last, length), last]
    return [
        Segment(start, stop, segment_key(scene, start, stop, common))
        for start, stop in pairwise(borders)
    ]


def fingerprint(scene: Scene, *, film: Film, model_key: str) -> str:
    """What all segments of a film have in common."""
    facts: dict[str, Any] = {
        "model": model_key,
        "code": code_version(),
        "size": scene.size,
        "fit": scene.fit,
        "resample": scene.resample,
        "dtype": str(scene.dtype),
        "guard": scene.guard,
        "fps": str(film.fps),
        "encoding": film.options.model_dump(),
    }
    return json.dumps(facts, sort_keys=True)


def segment_key(scene: Scene, start: int, stop: int, common: str) -> str:
    """Hash of everything that frames start to stop - 1 depend on."""
    key = hashlib.sha256(common.encode())
    seen = start if scene.guard != "damp" else max(0, start - round(scene.fps) + 1)
    feed_controls(key, scene.trajectory.at(seen, stop))
    key.update(scene.chain.fingerprint(seen, stop))
    return key.hexdigest()[:32]


def feed_controls(key: Any, controls: Controls) -> None:
    """Add what the generator is told to a hash."""
    for name in Controls.__slots__:
        values = getattr(controls, name)
        key.update(name.encode())
        if values is not None:
            key.update(str(values.shape).encode())
            key.update(values.tobytes())


@cache
def code_version() -> str:
    """Hash of the code that decides what a frame looks like."""
    package = Path(__file__).parents[1]
    key = hashlib.sha256()
    for name in CODE:
        place = package / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            key.update(path.relative_to(package).as_posix().encode())
            key.update(path.read_bytes())
    return key.hexdigest()


class SegmentPress:
    """Paints segments and encodes them, the end of one beside the beginning of the next."""

    def __init__(self, painter: Painter, film: Film, cache: SegmentCache) -> None:
        self.painter = painter
        self.film = film
        self.cache = cache
        self.frames = 0
        self._closing = ThreadPoolExecutor(1, thread_name_prefix="segment")
        self._pending: Future[Path] | None = None

    def __enter__(self) -> "SegmentPress":
        self.cache.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self._closing.shutdown(wait=True)
        if kind is None and self._pending is not None:
            self._pending.result()

    def press(self, segment: Segment, told: Callable[[int], None]) -> None:
        """Paint one segment; it enters the cache when the encoder is through with it.

        Args:
            segment: what to paint.
            told: told how many frames this press has painted in all, batch by batch.

        Raises:
            EncodingError: the encoder failed, on this segment or on the one before.
        """
        target = self.cache.folder / f"new-{segment.key}-{os.getpid()}{self.cache.suffix}"
        writer = FilmWriter(target, self.film)
        writer.__enter__()
        try:
            for pictures in self.painter.planes(segment.start, segment.stop):
                writer.put(pictures)
                told(self.frames + writer.frames)
            if self._pending is not None:
                self._pending.result()
        except BaseException as error:
            writer.__exit__(type(error), error, error.__traceback__)
            raise
        self.frames += writer.frames
        self._pending = self._closing.submit(self._close, writer, segment, target)

    def _close(self, writer: FilmWriter, segment: Segment, target: Path) -> Path:
        writer.__exit__(None, None, None)
        return self.cache.keep(segment, target)
