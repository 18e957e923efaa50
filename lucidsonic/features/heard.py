"""Blocks -> Heard: the song boiled down to rows that fit in memory, whatever its length."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lucidsonic.features import pitch, spectrum
from lucidsonic.features.arrays import Numbers
from lucidsonic.features.chunks import CHUNK, RATE, chunks
from lucidsonic.features.spectrum import HOP_RATE
from lucidsonic.timebase import seconds_to_frames
from lucidsonic.types import OnProgress, Progress, ignore_progress


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A song's rows. About 30 MB an hour.

    Attributes:
        duration_s: the film's length.
        fps: the film's rate.
        hops: name -> float32 `(hops,)` at HOP_RATE; see `spectrum.ROWS`.
        attack: float32 at FINE_RATE.
        timbre: float32 `(TIMBRES, pools)` at POOL_RATE, mean powers.
        pitch: float32 `(STEPS, rows)` at PITCH_RATE.
    """

    duration_s: float
    fps: Fraction
    hops: Mapping[str, Numbers]
    attack: Numbers
    timbre: Numbers
    pitch: Numbers

    @property
    def frames(self) -> int:
        """The film's length in video frames."""
        return seconds_to_frames(self.duration_s, self.fps)

    @property
    def frame_times_s(self) -> Numbers:
        """When each video frame starts, float64 `(frames,)`."""
        return np.arange(self.frames) / float(self.fps)


_SHAPES = {  # rows, and how many a second
    "hops": (len(spectrum.ROWS), HOP_RATE),
    "timbre": (spectrum.TIMBRES, spectrum.POOL_RATE),
    "attack": (1, spectrum.FINE_RATE),
    "pitch": (pitch.STEPS, pitch.PITCH_RATE),
}


def listen(
    blocks: Iterable[Numbers],
    *,
    sample_rate: int,
    duration_s: float,
    fps: Fraction,
    on_progress: OnProgress = ignore_progress,
) -> Heard:
    """Everything that later steps need to know about the sound.

    Args:
        blocks: float32 `(samples,)`, one after the other.
        sample_rate: of the blocks, Hz.
        duration_s: the film's length; rows beyond it are cut, missing ones are silence.
        fps: the film's rate.
        on_progress: told after every chunk, in seconds heard.
    """
    # Made at once and filled in place: parts beside their sum would double the memory.
    rows = {
        name: np.zeros((height, 1 + int(np.ceil(duration_s * rate))), np.float32)
        for name, (height, rate) in _SHAPES.items()
    }
    filled = dict.fromkeys(_SHAPES, 0)
    for number, chunk in enumerate(chunks(blocks, sample_rate=sample_rate), 1):
        for name, part in _rows_of(chunk).items():
            room = part[:, : rows[name].shape[1] - filled[name]]
            rows[name][:, filled[name] : filled[name] + room.shape[1]] = room
            filled[name] += room.shape[1]
        done = min(number * CHUNK / RATE, duration_s)
        on_progress(Progress("listen", round(done), round(duration_s), "s"))
    return Heard(
        duration_s=duration_s,
        fps=fps,
        hops=dict(zip(spectrum.ROWS, rows["hops"], strict=True)),
        attack=rows["attack"][0],
        timbre=rows["timbre"],
        pitch=rows["pitch"],
    )


def _rows_of(chunk: Numbers) -> dict[str, Numbers]:
    attack = spectrum.attack_row(chunk)[None]
    return {**spectrum.spectral_rows(chunk), "attack": attack, "pitch": pitch.pitch_rows(chunk)}
