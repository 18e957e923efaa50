"""Heard -> builds and drops."""

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from lucidsonic.features.arrays import Numbers
from lucidsonic.features.heard import Heard
from lucidsonic.features.pitch import PITCH_RATE
from lucidsonic.types import Drop, Section

HOPS = 8  # hops in a row here: PITCH_RATE, 93 ms
LOW_UP_DB, LOUD_UP_DB = 10.0, 3.0  # the bass comes in, and the whole gets louder
RISE_DB_S = 0.5  # above 2 kHz, over the eight seconds before
BUILD_S = 8.0
LEAD_HOPS = 3  # rows before the drop that already hold some of it
LONGEST_BUILD_S = 32.0
BEFORE_S, AFTER_S = 1.5, 4.0  # the bass is out just before the drop
APART_S = 12.0
QUIET_DB = -60.0
RELEASE_S = 0.25


def find_drops(
    heard: Heard, *, beats_s: Numbers, sections: tuple[Section, ...]
) -> tuple[Drop, ...]:
    """Moments where the bass comes back after a build.

    Args:
        heard: the song.
        beats_s: drops fall on the nearest beat.
        sections: a build is the section before its drop, where there is one of fitting length.
    """
    powers = (heard.hops["level_low"] ** 2, heard.hops["power"], heard.hops["bright"])
    low, loud, bright = (_level_db(power) for power in powers)
    low_up, loud_up = _step(low), _step(loud)
    rise = _slope(bright)
    drops = low_up == maximum_filter1d(low_up, 2 * round(AFTER_S * PITCH_RATE) + 1)
    drops &= (low_up >= LOW_UP_DB) & (loud_up >= LOUD_UP_DB) & (rise >= RISE_DB_S)
    drops &= _mean(loud, AFTER_S, after=True) > -40
    score = np.where(drops, low_up, 0)
    found: list[Drop] = []
    while score.max(initial=0.0) > 0:
        at = int(score.argmax())
        time_s = _on_a_beat(at / PITCH_RATE, beats_s)
        strength = float(np.clip(low_up[at] / 30, 0.4, 1))
        found.append(Drop(_build_start(bright, at, time_s, sections), time_s, strength))
        reach = round(APART_S * PITCH_RATE)
        score[max(0, at - reach) : at + reach] = 0
    return tuple(sorted(found, key=lambda drop: drop.time_s))


def _level_db(power: Numbers) -> Numbers:
    rows = power[: len(power) // HOPS * HOPS].reshape(-1, HOPS).mean(axis=1)
    return np.maximum(10 * np.log10(rows + 1e-12), QUIET_DB)


def _mean(rows: Numbers, seconds: float, *, after: bool) -> Numbers:
    """Mean of the rows that come (or of those that were) at each row."""
    size = max(1, round(seconds * PITCH_RATE))
    origin = -(size // 2) if after else (size - 1) // 2 + 1 - (size + 1) % 2
    padded = np.pad(rows, (size, size), constant_values=QUIET_DB)
    return uniform_filter1d(padded, size, origin=origin)[size:-size] if len(rows) else rows


def _step(rows: Numbers) -> Numbers:
    return _mean(rows, AFTER_S, after=True) - _mean(rows, BEFORE_S, after=False)


def _slope(rows: Numbers) -> Numbers:
    """Decibels a second over the `BUILD_S` before each row, by least squares."""
    size = round(BUILD_S * PITCH_RATE)
    if len(rows) <= size:
        return np.zeros(len(rows))
    x = (np.arange(size) - (size - 1) / 2) / PITCH_RATE
    slopes = np.convolve(rows, (x / (x @ x))[::-1], "valid")
    late = size + LEAD_HOPS
    return np.concatenate([np.zeros(late), slopes])[: len(rows)]


def _build_start(
    bright: Numbers, at: int, time_s: float, sections: tuple[Section, ...]
) -> float:
    """Where the build begins: its section, or else the last moment near the rise's lowest."""
    lengths = [time_s - section.start_s for section in sections]
    fitting = [length for length in lengths if BUILD_S / 2 < length <= LONGEST_BUILD_S]
    if fitting:
        return time_s - min(fitting)
    first = max(0, at - round(LONGEST_BUILD_S * PITCH_RATE))
    last = max(first + 1, at - round(BUILD_S / 2 * PITCH_RATE))
    before = uniform_filter1d(bright[first : at + 1], round(PITCH_RATE))[: last - first]
    near_lowest = np.flatnonzero(before <= before.min() + 2.0)
    return float((first + near_lowest[-1]) / PITCH_RATE)


def _on_a_beat(time_s: float, beats_s: Numbers) -> float:
    if len(beats_s) == 0:
        return time_s
    near = float(beats_s[np.abs(beats_s - time_s).argmin()])
    return near if abs(near - time_s) < 0.4 else time_s


def build_curve(drops: tuple[Drop, ...], heard: Heard) -> Numbers:
    """Float32 `(frames,)` in [0, 1]: rises through each build, 1 at the drop, then lets go."""
    times = heard.frame_times_s
    curve = np.zeros(heard.frames, np.float32)
    for drop in drops:
        length = max(drop.time_s - drop.build_start_s, 1e-3)
        rising = np.clip((times - drop.build_start_s) / length, 0, 1) ** 2
        after = np.exp(-np.maximum(times - drop.time_s, 0) / RELEASE_S)
        shape = np.where(times <= drop.time_s, rising, np.where(after > 0.01, after, 0))
        curve = np.maximum(curve, shape)
    return curve.astype(np.float32)
