"""A film in pieces that can be found again: content-addressed segments of a few seconds.

Each segment's name is a hash of everything that its frames depend on, so a render that was cut
short goes on where it was, and a changed plan paints only what the change touches. A segment
appears whole or not at all, and its name carries its own checksum.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from lucidsonic.encoding import Options
from lucidsonic.ffmpeg import find_ffmpeg
from lucidsonic.pipeline.frames import Scene
from lucidsonic.types import Controls

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


def cut(scene: Scene, first: int, last: int, *, common: str) -> list[Segment]:
    """The segments of frames first to last - 1.

    Borders lie at multiples of the segment length in the whole song, so an excerpt shares its
    inner segments with the whole film.

    Args:
        scene: who paints what.
        first: the film's first frame, counted in the whole song.
        last: one past its last.
        common: what all its segments have in common, see `fingerprint`.
    """
    length = scene.segment_frames
    borders = [first, *range((first // length + 1) * length, last, length), last]
    return [
        Segment(start, stop, segment_key(scene, start, stop, common))
        for start, stop in pairwise(borders)
    ]


def fingerprint(scene: Scene, *, options: Options, model_key: str) -> str:
    """What all segments of a film have in common.

    Args:
        scene: who paints what.
        options: how the pictures are encoded.
        model_key: hash of the generator.
    """
    facts: dict[str, Any] = {
        "model": model_key,
        "code": code_version(),
        "encoder": encoder_version(),
        "size": scene.size,
        "fit": scene.fit,
        "resample": scene.resample,
        "dtype": str(scene.dtype),
        "guard": scene.guard,
        "fps": str(scene.fps),
        "encoding": options.model_dump(),
    }
    return json.dumps(facts, sort_keys=True)


def segment_key(scene: Scene, start: int, stop: int, common: str) -> str:
    """Hash of everything that frames start to stop - 1 depend on."""
    key = hashlib.sha256(common.encode())
    guard = scene.new_guard()
    seen = start if guard is None else max(0, start - guard.memory)
    feed_controls(key, scene.trajectory.at(seen, stop))
    key.update(scene.chain.fingerprint(int(scene.drawn(seen, stop)[0]), stop))
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


@cache
def encoder_version() -> str:
    """Which ffmpeg this is: segments of two builds need not fit together."""
    facts = find_ffmpeg().stat()
    return f"{facts.st_size} {facts.st_mtime_ns}"
