"""Heard -> sections: where the song changes, and which parts sound alike."""

from dataclasses import dataclass
from itertools import pairwise
from string import ascii_uppercase

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.ndimage import convolve1d
from scipy.signal import find_peaks

from lucidsonic.features.arrays import Numbers
from lucidsonic.features.bars import Bars
from lucidsonic.features.curves import smooth
from lucidsonic.features.frames import at_frames
from lucidsonic.features.harmony import Harmony
from lucidsonic.features.heard import Heard
from lucidsonic.features.pitch import PITCH_RATE
from lucidsonic.features.rhythm import Beats
from lucidsonic.features.spectrum import POOL, POOL_RATE, TIMBRES
from lucidsonic.types import Section

KERNELS_S = (6.0, 16.0)  # half-kernels: the arrangement changes, and whole progressions do
ARRIVAL = 0.4  # change of the drums that settles a boundary better than the slow kernels do
SHARP_S = 2.0  # half-kernel that finds a boundary's place
REACH_S = 3.3  # how far a slow kernel may be off
SHORTEST_S = 6.0
BOUNDARY = 0.42  # novelty from which a peak is a boundary
ALIKE = 0.45  # distance below which two sections share a label
RHYTHM = ("flux_low", "flux_mid", "flux_high")
BUSY = 2e-3  # mean rise; less than this is no drum
FLOOR_DB = -60.0
STEADY_DB = 5.0  # a band that varies less than this says little
NOTES = 1.3  # weight of the chroma against the timbre
SURE = 0.15  # confidence of the bars from which boundaries keep to them


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """The form of a song.

    Attributes:
        sections: in order, without gaps.
        novelty: float32 `(frames,)` in [0, 1].
    """

    sections: tuple[Section, ...]
    novelty: Numbers


def find_structure(
    heard: Heard, *, harmony: Harmony, beats: Beats, bars: Bars, loudness: Numbers
) -> Structure:
    """Sections with labels, and the novelty that told them.

    Args:
        heard: the song.
        harmony: its notes.
        beats: its beats; boundaries snap to them,
        bars: or to the bars, where those are sure.
        loudness: `(frames,)` in [0, 1], for the sections' energy.
    """
    rows = _character(heard, harmony)
    novelty = _novelty(rows)
    edges = _snapped(_boundaries(rows, novelty, heard.duration_s), heard, beats, bars)
    edges, labels = _joined(edges, _labels(rows, edges))
    sections = tuple(
        Section(start, end, label, _mean_between(loudness, start, end, heard))
        for start, end, label in zip(edges[:-1], edges[1:], labels, strict=True)
    )
    shown = np.clip(novelty / max(1.0, float(novelty.max(initial=0.0))), 0, 1)
    return Structure(sections, at_frames(shown, heard, rate=POOL_RATE))


def _character(heard: Heard, harmony: Harmony) -> Numbers:
    """What each pool sounds like: `TIMBRES` bands, `len(RHYTHM)` of drums, 12 notes.

    A distance of 1 is plain to hear.
    """
    pools = heard.timbre.shape[1]
    # Filled in place, in single precision: for a long mix these rows are what weighs most.
    rows = np.empty((pools, TIMBRES + len(RHYTHM) + harmony.chroma.shape[1]), np.float32)
    timbre, drums, notes = np.split(rows, (TIMBRES, TIMBRES + len(RHYTHM)), axis=1)
    np.log10(heard.timbre.T + np.float32(1e-12), out=timbre)
    timbre *= 10  # dB
    np.maximum(timbre, max(float(timbre.max()) + FLOOR_DB, -70.0), out=timbre)
    spread = np.maximum(timbre.std(axis=0), STEADY_DB)
    timbre -= timbre.mean(axis=0)
    timbre /= spread * np.sqrt(TIMBRES)
    for column, name in zip(drums.T, RHYTHM, strict=True):
        column[:] = _pooled(heard.hops[name], pools)
    places = np.arange(pools) / POOL_RATE * PITCH_RATE
    index = np.arange(len(harmony.chroma))
    for column, chroma in zip(notes.T, harmony.chroma.T, strict=True):
        column[:] = np.interp(places, index, chroma)
    size = np.linalg.norm(notes, axis=1, keepdims=True)
    notes /= np.maximum(size, 0.05 * size.max() + 1e-6)
    notes -= notes.mean(axis=0)
    notes *= NOTES
    return rows


def _pooled(rise: Numbers, pools: int) -> Numbers:
    """How busy a band is, about 0 where nothing strikes and 1 at its busiest."""
    whole = np.resize(np.pad(rise, (0, POOL)), pools * POOL).reshape(pools, POOL).mean(axis=1)
    busy = smooth(whole.astype(np.float32), fps=POOL_RATE, seconds=0.4)
    return busy / max(float(np.percentile(busy, 95)), BUSY)


def _novelty(rows: Numbers) -> Numbers:
    return np.stack([_change(rows, seconds) for seconds in KERNELS_S]).mean(axis=0)


def _change(rows: Numbers, half_s: float) -> Numbers:
    """Distance between what comes and what was: Foote's checkerboard (2000), of dot products.

    The sum over a tapered checkerboard of f(s)·f(t) is the squared length of the sum of f under
    the kernel's own signed taper, so no similarity matrix is needed.
    """
    half = max(1, round(half_s * POOL_RATE))
    place = np.arange(-half, half + 1) / half
    taper = np.sign(place) * np.exp(-0.5 * (place / 0.5) ** 2)
    kernel = -taper / np.abs(taper).sum() * 2
    squares = np.zeros(len(rows))
    for column in rows.T:
        squares += convolve1d(column, kernel, mode="nearest").astype(float) ** 2
    return np.sqrt(squares)


def _boundaries(rows: Numbers, novelty: Numbers, duration_s: float) -> list[float]:
    apart = max(1, round(SHORTEST_S * POOL_RATE))
    peaks, _ = find_peaks(novelty, height=BOUNDARY, distance=apart, prominence=0.12)
    sharp = _change(
        rows[:, TIMBRES : TIMBRES + len(RHYTHM)], SHARP_S
    )  # chords change off the border, drums on it
    reach = round(REACH_S * POOL_RATE)
    times = []
    for peak in peaks:
        near = np.arange(max(0, peak - reach), min(len(sharp), peak + reach + 1))
        nearness = np.exp(-0.5 * ((near - peak) / reach * 1.3) ** 2)
        arrival = int(near[np.argmax(sharp[near] * nearness)])
        times.append((arrival if sharp[arrival] > ARRIVAL else int(peak)) / POOL_RATE)
    return [t for t in times if SHORTEST_S / 2 < t < duration_s - SHORTEST_S / 2]


def _snapped(boundaries: list[float], heard: Heard, beats: Beats, bars: Bars) -> list[float]:
    """The film's borders and, between them, the boundaries on the nearest beat or bar."""
    sure = bars.confidence >= SURE and len(bars.downbeats_s) > 2
    grid = bars.downbeats_s if sure else beats.times_s
    edges = [0.0]
    for boundary in boundaries:
        near = float(grid[np.abs(grid - boundary).argmin()]) if len(grid) else boundary
        snapped = near if abs(near - boundary) <= 1.2 else boundary
        if edges[-1] + SHORTEST_S / 2 < snapped < heard.duration_s - SHORTEST_S / 2:
            edges.append(snapped)
    return [*edges, heard.duration_s]


def _labels(rows: Numbers, edges: list[float]) -> list[str]:
    """A letter a section: nearest groups join (average linkage) until none are alike."""
    means = []
    for start, end in pairwise(edges):
        first = round(start * POOL_RATE) + 1
        means.append(rows[first : max(first + 1, round(end * POOL_RATE) - 1)].mean(axis=0))
    if len(means) < 2:
        return [_letter(0)] * len(means)
    groups = fcluster(linkage(np.stack(means), "average"), ALIKE, criterion="distance")
    letter_of = {group: _letter(n) for n, group in enumerate(dict.fromkeys(groups))}
    return [letter_of[group] for group in groups]


def _joined(edges: list[float], labels: list[str]) -> tuple[list[float], list[str]]:
    """Neighbours that sound alike are one section."""
    kept = [0, *(i for i in range(1, len(labels)) if labels[i] != labels[i - 1])]
    return [*(edges[i] for i in kept), edges[-1]], [labels[i] for i in kept]


def _letter(number: int) -> str:
    """A to Z, then AA, AB, ..."""
    rest, last = divmod(number, 26)
    return (_letter(rest - 1) if rest else "") + ascii_uppercase[last]


def _mean_between(curve: Numbers, start_s: float, end_s: float, heard: Heard) -> float:
    first, last = (round(t * float(heard.fps)) for t in (start_s, end_s))
    return float(curve[first : max(first + 1, last)].mean()) if first < len(curve) else 0.0
