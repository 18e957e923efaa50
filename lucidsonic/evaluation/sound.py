"""Sound -> how strongly something begins at each moment, every 5 ms, and what the music is.

Each of three bands has a window of its own, short where sounds are short, and its latency is
measured with a click and taken off: an attack stands in the curve where it is heard.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import find_peaks

from lucidsonic.audio import analysis_blocks, open_song
from lucidsonic.features import extract_features
from lucidsonic.timebase import seconds_to_frames
from lucidsonic.types import Features, FloatArray, OnProgress, ignore_progress

Numbers = npt.NDArray[np.floating]

GRID_HZ = 200  # 5 ms
RATE = 22_000  # Hz; a whole number of samples for each step of the grid
HOP = RATE // GRID_HZ
LAG = 2  # hops that flux looks back
FAINT = 1000.0  # 1 / amplitude; what lies below -60 dB of full scale counts for little
FLOOR = 0.02  # flux of a band that hears nothing worth naming
APART_S = 0.06  # closest onsets
PROMINENT = 0.12  # of the curve's own high level, from which a peak is an onset
BEGINS_S = 0.06  # at the start, where everything is new
CLICK_S = 1.0  # where the measuring click lies


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the spectrum.

    Attributes:
        low_hz: where it begins.
        high_hz: where it ends.
        window: samples of its spectrum.
        parts: narrower bands inside, each of which may rise.
        weight: its share in the whole.
    """

    low_hz: float
    high_hz: float
    window: int
    parts: int
    weight: float


BANDS = (
    Band(30, 200, 1024, 4, 1.0),
    Band(200, 2500, 512, 8, 1.0),
    Band(2500, 11_000, 256, 8, 0.6),
)


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """What a film's music does.

    Attributes:
        onset: float32 `(steps,)`, about 0 to 1; step i is at i / GRID_HZ seconds.
        onsets_s: float64 `(onsets,)`, ascending: its peaks.
        beats_s: float64 `(beats,)`, ascending; empty without a beat.
        duration_s: how long it sounds.
        features: curves at the film's rate; None where only times matter.
    """

    onset: FloatArray
    onsets_s: Numbers
    beats_s: Numbers
    duration_s: float
    features: Features | None = None

    def audible(self, times_s: Numbers) -> npt.NDArray[np.bool_]:
        """Whether there is sound within a quarter of a second of each time."""
        if self.features is None:
            return np.ones(len(times_s), dtype=bool)
        fps = float(self.features.fps)
        near = maximum_filter1d(self.features.curves["loudness"], 2 * round(fps / 4) + 1)
        frames = np.clip(np.rint(times_s * fps).astype(int), 0, len(near) - 1)
        return near[frames] > 0.01


def hear(
    path: Path,
    fps: Fraction,
    *,
    start_s: float = 0.0,
    on_progress: OnProgress = ignore_progress,
) -> Sound:
    """Listen to a file as a film of `fps` pictures a second would.

    Args:
        path: a song, or a film with sound.
        fps: the film's rate.
        start_s: how much later than the pictures the sound begins.
        on_progress: told while listening.

    Raises:
        AudioError: no sound in it, or damaged.
    """
    song = open_song(path)
    duration_s = start_s + song.duration_s
    onset = onset_strength(
        padded(analysis_blocks(song, sample_rate=RATE), round(start_s * RATE)), duration_s
    )
    features = extract_features(
        padded(analysis_blocks(song), round(start_s * 22_050)),
        sample_rate=22_050,
        duration_s=duration_s,
        fps=fps,
        on_progress=on_progress,
    )
    beats = features.beats_s.astype(np.float64)
    sound = Sound(onset, onset_times(onset), beats, duration_s, features)
    heard = beats[sound.audible(beats)] if len(beats) else beats
    return Sound(onset, sound.onsets_s, heard, duration_s, features)


def padded(blocks: Iterable[FloatArray], silence: int) -> Iterator[FloatArray]:
    """The blocks behind that many samples of silence."""
    if silence > 0:
        yield np.zeros(silence, np.float32)
    yield from blocks


def onset_strength(blocks: Iterable[FloatArray], duration_s: float) -> FloatArray:
    """How strongly something begins, every 5 ms.

    o(t) = sum over bands of w_b min(1, F_b(t + latency_b) / P_b), where F_b is the mean
    rise of log(1 + 1000 |X|) over the band's parts against 10 ms before, the past widened by
    one part (superflux, Boeck & Widmer 2013), and P_b the usual height of its peaks.
    Latencies are measured with a click. That a file begins is no onset.

    Args:
        blocks: float32 `(samples,)` at RATE.
        duration_s: how long the curve is to be.

    Returns:
        float32 `(ceil(duration_s * GRID_HZ),)`; silence gives zeros.
    """
    steps = seconds_to_frames(duration_s, Fraction(GRID_HZ))
    fluxes = band_fluxes(blocks)
    total = np.zeros(steps)
    for band, flux, late in zip(BANDS, fluxes, latencies_s(), strict=True):
        at = np.arange(steps) + late * GRID_HZ
        placed = np.interp(at, np.arange(len(flux)), flux, right=0.0)
        placed[: round(BEGINS_S * GRID_HZ)] = 0.0
        total += band.weight * np.minimum(placed / usual_peak(placed), 1.0)
    return (total / sum(band.weight for band in BANDS)).astype(np.float32)


def usual_peak(flux: Numbers) -> float:
    """How high the stronger half of a band's peaks is: one crash does not dwarf the rest."""
    found, at = find_peaks(flux, height=FLOOR, distance=round(APART_S * GRID_HZ))
    if not len(found):
        return FLOOR
    heights = at["peak_heights"]
    strong = heights[heights >= 0.25 * heights.max()]
    return max(FLOOR, float(np.percentile(strong, 60)))


def onset_times(onset: Numbers) -> Numbers:
    """Where the curve peaks, float64 seconds: its own second's mean lies well below."""
    if not len(onset) or onset.max() <= 0:
        return np.zeros(0)
    high = float(np.percentile(onset[onset > 0], 98))
    ground = uniform_filter1d(onset.astype(np.float64), GRID_HZ)
    found, _ = find_peaks(
        np.pad(onset, 1),
        height=np.pad(1.3 * ground + PROMINENT * high, 1, mode="edge"),
        distance=round(APART_S * GRID_HZ),
    )
    return (found - 1) / GRID_HZ


def band_fluxes(blocks: Iterable[FloatArray]) -> list[FloatArray]:
    """The raw rise of each band at each step, not yet corrected for latency."""
    rows: list[list[FloatArray]] = [[] for _ in BANDS]
    for stretch in stretches(blocks):
        for row, band in zip(rows, BANDS, strict=True):
            row.append(band_flux(stretch, band))
    return [np.concatenate(row) if row else np.zeros(1, np.float32) for row in rows]


MARGIN = BANDS[0].window  # samples around a stretch that its spectra look at
STRETCH = GRID_HZ * 10 * HOP  # samples that a stretch answers for


def stretches(blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """Ten seconds at a time, with what surrounds them; silence lies around the whole."""
    held = np.zeros(MARGIN, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= STRETCH + 2 * MARGIN:
            yield held[: STRETCH + 2 * MARGIN]
            held = held[STRETCH:]
    while len(held) > MARGIN:
        yield np.pad(held, (0, max(0, STRETCH + 2 * MARGIN - len(held))))[
            : STRETCH + 2 * MARGIN
        ]
        held = held[STRETCH:]


def band_flux(stretch: FloatArray, band: Band) -> FloatArray:
    """Mean rise over the band's parts: float32 `(STRETCH / HOP,)`."""
    first = MARGIN - band.window // 2 - LAG * HOP
    hops = STRETCH // HOP + LAG
    inner = stretch[first : first + (hops - 1) * HOP + band.window]
    frames = np.lib.stride_tricks.sliding_window_view(inner, band.window)[::HOP]
    window = np.hanning(band.window).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float32)
    spectrum *= 2 / window.sum()
    edges = part_edges(band)
    parts = np.add.reduceat(spectrum[:, : edges[-1]], edges[:-1], axis=1) / np.diff(edges)
    level = np.log1p(FAINT * parts)
    before = maximum_filter1d(level, 3, axis=1)[:-LAG]
    return np.maximum(level[LAG:] - before, 0).mean(axis=1).astype(np.float32)


def part_edges(band: Band) -> npt.NDArray[np.int64]:
    """Bins where the parts of a band begin, and where the last one ends."""
    hertz = np.geomspace(band.low_hz, band.high_hz, band.parts + 1)
    bins = np.rint(hertz * band.window / RATE).astype(np.int64)
    return np.unique(np.clip(bins, 1, band.window // 2 + 1))


@cache
def latencies_s() -> tuple[float, ...]:
    """How late each band hears a click, measured; seconds, negative when early."""
    samples = np.zeros(2 * RATE, np.float32)
    click = 0.25 * np.hanning(round(0.002 * RATE))
    start = round(CLICK_S * RATE)
    samples[start : start + len(click)] = click
    middle = CLICK_S + 0.5 * len(click) / RATE
    found = []
    for flux in band_fluxes([samples]):
        around = np.arange(len(flux)) / GRID_HZ
        found.append(float((flux * around).sum() / flux.sum()) - middle)
    return tuple(found)
