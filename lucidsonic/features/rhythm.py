"""Heard -> beats and bars, timed to milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lucidsonic.features.arrays import Numbers
from lucidsonic.features.frames import FLUX_LAG_S
from lucidsonic.features.heard import Heard
from lucidsonic.features.onsets import attack_time_s, locally_normalized
from lucidsonic.features.spectrum import HOP_RATE
from lucidsonic.features.tempo import find_tempo

# Kick and snare are the beat; hats and bass notes only fill it in.
SHARES = {"low": 1.0, "mid": 0.7, "body": 0.35, "high": 0.15}
PHASE_SHARES = {"low": 1.0, "mid": 0.8}
TIGHTNESS = 100.0  # how dearly a beat pays for leaving the tempo (Ellis 2007)
OFFBEAT_WINS = 1.2  # how much stronger the half-way points must be to be the beats
HOLLOW = 0.4  # every other beat this weak against its neighbours is no beat,
FAST_BPM = 112.0  # unless the tempo would be too slow without it
SNAP_S = 0.03  # an attack this near to the smooth grid is the beat
NEIGHBOURS = 8  # beats on each side that a line is laid through
NO_BEATS = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Beats:
    """The grid of a song.

    Attributes:
        times_s: float32 `(beats,)`, ascending.
        strength: float32 `(beats,)` in [0, 1]: how hard each is struck.
        tempo_bpm: 0 when there is no beat.
        confidence: in [0, 1].
    """

    times_s: Numbers
    strength: Numbers
    tempo_bpm: float
    confidence: float


NO_BEAT = Beats(NO_BEATS, NO_BEATS, 0.0, 0.0)


def find_beats(strengths: Mapping[str, Numbers], heard: Heard) -> Beats:
    """The beats of a song.

    Args:
        strengths: from `band_strengths`.
        heard: the song.

    Returns:
        No beats and a tempo of 0 when nothing repeats.
    """
    drive = locally_normalized(_mix(strengths, SHARES))
    tempo = find_tempo(drive)
    if tempo is None:
        return NO_BEAT
    pulse = locally_normalized(_mix(strengths, PHASE_SHARES))
    hops = _track(0.6 * drive + 0.4 * pulse, tempo.period_hops)
    hops = _at_its_level(_on_the_kick(hops, pulse), pulse)
    hops = hops[_sounding(hops, drive)]
    if len(hops) < 4:
        return NO_BEAT
    times = _timed(hops / HOP_RATE - FLUX_LAG_S, heard)
    inside = (times >= 0) & (times < heard.duration_s)
    times, hops = times[inside], hops[inside]
    return Beats(
        times_s=times.astype(np.float32),
        strength=_around(pulse, hops).astype(np.float32),
        tempo_bpm=round(float(60 / _middle_interval(times)), 3),
        confidence=tempo.confidence,
    )


def _mix(strengths: Mapping[str, Numbers], shares: Mapping[str, float]) -> Numbers:
    total = sum(share * strengths[name] for name, share in shares.items())
    return np.asarray(total, np.float32) / sum(shares.values())


def _track(strength: Numbers, period: Numbers) -> Numbers:
    """The beats that are strong and evenly spaced (dynamic programming, Ellis 2007)."""
    score = strength / (strength.std() + 1e-9)
    total = score.astype(np.float64).copy()
    came = np.full(len(score), -1)
    for hop in range(len(score)):
        beat = period[hop]
        first, last = hop - round(2 * beat), hop - max(1, round(beat / 2))
        if last < 0:
            continue
        before = np.arange(max(first, 0), last + 1)
        through = total[before] - TIGHTNESS * np.log((hop - before) / beat) ** 2
        best = int(through.argmax())
        if through[best] > 0:
            total[hop] += through[best]
            came[hop] = before[best]
    return _backwards(total, came, round(period[-1]))


def _backwards(total: Numbers, came: Numbers, beat: int) -> Numbers:
    hop = len(total) - beat - 1 + int(np.argmax(total[-beat - 1 :])) if len(total) > beat else 0
    beats = []
    while hop >= 0:
        beats.append(hop)
        hop = int(came[hop])
    return np.array(beats[::-1])


def _on_the_kick(beats: Numbers, pulse: Numbers) -> Numbers:
    """The beats, moved half a beat on when kick and snare are there instead."""
    if len(beats) < 4:
        return beats
    between = (beats[:-1] + np.diff(beats) / 2).round().astype(int)
    on, off = _around(pulse, beats).mean(), _around(pulse, between).mean()
    if off <= OFFBEAT_WINS * on:
        return beats
    first, last = 2 * between[0] - between[1], 2 * between[-1] - between[-2]
    grid = np.concatenate([[first], between, [last]])
    return grid[(grid >= 0) & (grid < len(pulse))]


def _at_its_level(beats: Numbers, pulse: Numbers) -> Numbers:
    """Every other beat where only those are struck: the rest were hats between the beats."""
    if len(beats) < 8:
        return beats
    struck = [float(_around(pulse, beats[parity::2]).mean()) for parity in (0, 1)]
    faster = 60 * HOP_RATE / np.median(np.diff(beats))
    if faster < FAST_BPM or min(struck) > HOLLOW * max(struck):
        return beats
    return beats[int(np.argmax(struck)) :: 2]


def _around(curve: Numbers, hops: Numbers, *, reach: int = 3) -> Numbers:
    """The greatest value within `reach` hops of each hop."""
    near = np.clip(hops[:, None] + np.arange(-reach, reach + 1), 0, len(curve) - 1)
    return curve[near].max(axis=1)


def _sounding(beats: Numbers, drive: Numbers) -> slice:
    """From the first to the last beat that is struck: no beats in silence at the ends."""
    struck = np.flatnonzero(_around(drive, beats) > 0.1) if len(beats) else np.zeros(0, int)
    return slice(int(struck[0]), int(struck[-1]) + 1) if len(struck) else slice(0)


def _timed(rough_s: Numbers, heard: Heard) -> Numbers:
    """Each beat at its attack, or on a line through its neighbours where there is none."""
    seen = attack_time_s(rough_s, heard)
    line = _local_lines(seen)
    near = np.abs(seen - line) <= SNAP_S
    struck = attack_time_s(line, heard)
    return np.maximum.accumulate(
        np.where(near & (np.abs(struck - line) <= SNAP_S), struck, line)
    )


def _local_lines(times: Numbers) -> Numbers:
    """Each time on the line through itself and its neighbours, outliers weighed down."""
    offsets = np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    index = np.arange(len(times))[:, None] + offsets
    inside = (index >= 0) & (index < len(times))
    around = times[np.clip(index, 0, len(times) - 1)]
    weights = inside.astype(float)
    middle = times
    for _ in range(3):
        middle, slope = _weighted_line(offsets, around, weights)
        residual = np.abs(around - middle[:, None] - slope[:, None] * offsets)
        weights = inside / (1 + (residual / 0.01) ** 2)
    return middle


def _weighted_line(x: Numbers, y: Numbers, weights: Numbers) -> tuple[Numbers, Numbers]:
    """Value at x = 0 and slope of a line through each row of y, by least squares."""
    total = weights.sum(axis=1)
    mean_x, mean_y = (weights @ x) / total, (weights * y).sum(axis=1) / total
    dx = x - mean_x[:, None]
    spread = (weights * dx**2).sum(axis=1)
    slope = (weights * dx * (y - mean_y[:, None])).sum(axis=1) / np.maximum(spread, 1e-9)
    return mean_y - slope * mean_x, slope


def _middle_interval(times: Numbers) -> float:
    """Seconds a beat: the slope of a line through all, or the median where the tempo drifts."""
    steps = np.diff(times)
    median = float(np.median(steps))
    index = np.pad(np.cumsum(np.maximum(1, np.rint(steps / median))), (1, 0))
    slope, start = np.polyfit(index, times, 1)
    off = np.abs(times - start - slope * index).max()
    return float(slope) if off < 0.1 * median else median
