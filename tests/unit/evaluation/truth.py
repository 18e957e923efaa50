"""Films whose truth is known: a disc that jumps on beats, late, noisy, smoothed, or deaf."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from scipy.ndimage import gaussian_filter1d

from lucidsonic.evaluation.pictures import PictureRows, Watcher
from lucidsonic.evaluation.sound import RATE, Sound, onset_strength, onset_times
from lucidsonic.types import FloatArray, Pictures

HEIGHT, WIDTH = 36, 64
SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Case:
    """One film of the truth set.

    Attributes:
        bpm: beats a minute.
        fps: pictures a second.
        late_s: how late the disc jumps.
        noise: deviation of grain, 0 to 255.
        smooth_s: deviation of a blur over time.
        deaf: the disc jumps at times of its own.
        seed: of beats that wander, of places and of grain.
    """

    bpm: float
    fps: Fraction
    late_s: float = 0.0
    noise: float = 2.0
    smooth_s: float = 0.0
    deaf: bool = False
    seed: int = 0

    def but(self, **other: object) -> "Case":
        return replace(self, **other)  # pyright: ignore[reportArgumentType]

    @property
    def frame_s(self) -> float:
        return float(1 / self.fps)

    @property
    def beats_s(self) -> np.ndarray:
        return np.arange(0.35, SECONDS - 0.3, 60 / self.bpm)


def samples(case: Case, rate: int = RATE) -> FloatArray:
    """Kick and hat on every beat, a soft chord below."""
    t = np.arange(round(SECONDS * rate)) / rate
    chance = np.random.default_rng(5)
    sound = 0.02 * (np.sin(2 * np.pi * 220 * t) + np.sin(2 * np.pi * 277 * t))
    for number, beat in enumerate(case.beats_s):
        age = np.maximum(t - beat, 0)
        on = t >= beat
        kick = np.sin(2 * np.pi * (50 * age + 2 * (1 - np.exp(-40 * age)))) * np.exp(-14 * age)
        snare = chance.standard_normal(len(t)) * np.exp(-25 * age)
        sound += on * (0.5 * kick + (0.25 if number % 2 else 0.06) * snare)
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)


def sound_of(case: Case) -> Sound:
    onset = onset_strength([samples(case)], SECONDS)
    return Sound(onset, onset_times(onset), case.beats_s, SECONDS)


def true_lag_s(case: Case) -> float:
    """How late the disc really jumps: pictures come at their own times."""
    fps = float(case.fps)
    return float(np.mean(np.rint(jumps_s(case) * fps) / fps - case.beats_s))


def jumps_s(case: Case) -> np.ndarray:
    """When the disc jumps."""
    if not case.deaf:
        return case.beats_s + case.late_s
    gaps = np.random.default_rng(100 + case.seed).uniform(0.5, 1.5, 200) * 60 / case.bpm
    times = 0.1 + np.cumsum(gaps)
    return times[times < SECONDS - 0.1]


def pictures(case: Case, *, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Iterator[Pictures]:
    """A disc before a soft ground that drifts; after each jump it glides on slowly."""
    height, width = size
    count = round(SECONDS * case.fps)
    times = np.arange(count) / float(case.fps)
    # A jump shows in the picture whose time is nearest: late by at most half a frame.
    number = np.searchsorted(
        np.rint(jumps_s(case) * float(case.fps)), np.arange(count), "right"
    )
    places = np.random.default_rng(case.seed).permuted(
        np.tile(np.linspace(0.15, 0.85, 6), (2, 200)), axis=1
    )[:, number]
    across = np.stack([places[0], (places[0] + 0.35) % 0.7 + 0.15])
    centres = np.where(number % 2, across[0], across[1])
    if case.smooth_s:
        centres = gaussian_filter1d(centres, case.smooth_s * float(case.fps), mode="nearest")
    grain = np.random.default_rng(case.seed + 1)
    y, x = np.mgrid[0:height, 0:width] / height
    for k in range(count):
        ground = 70 + 30 * np.sin(5 * x + 3 * y + 0.8 * times[k])
        cx = centres[k] * width / height + 0.02 * np.sin(2 * times[k])
        away = np.hypot(x - cx, y - 0.5)
        disc = 150 / (1 + np.exp((away - 0.2) * 50))
        noisy = ground + disc + case.noise * grain.standard_normal((height, width))
        grey = np.clip(noisy, 0, 255).astype(np.uint8)
        yield np.stack([grey, grey, 255 - grey], axis=-1)


def rows_of(case: Case) -> PictureRows:
    watcher = Watcher()
    for number, picture in enumerate(pictures(case)):
        watcher.take(number / float(case.fps), picture)
    return watcher.rows()
