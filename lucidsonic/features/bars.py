"""Beats -> bars, and the curves that count through both."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lucidsonic.features.arrays import Numbers
from lucidsonic.features.curves import envelope
from lucidsonic.features.heard import Heard
from lucidsonic.features.pitch import PITCH_RATE
from lucidsonic.features.rhythm import Beats
from lucidsonic.features.spectrum import HOP_RATE

BAR = 4  # beats
# What marks a bar's first beat: the harmony changes, the kick falls, the snare does not; and
# songs rather start with one.
CHORDS, KICKS, SNARES, START = 3.0, 0.8, 0.6, 0.15
PULSE_MS = 180.0


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Where the bars start.

    Attributes:
        downbeats_s: float32 `(bars,)`.
        first: which beat starts the first whole bar.
        confidence: in [0, 1]; 0 when the four choices look alike.
    """

    downbeats_s: Numbers
    first: int
    confidence: float


def find_bars(beats: Beats, strengths: Mapping[str, Numbers], chroma: Numbers) -> Bars:
    """Which of every four beats starts a bar.

    Args:
        beats: the grid.
        strengths: from `band_strengths`.
        chroma: `(rows, 12)` at PITCH_RATE.
    """
    times = beats.times_s
    if len(times) < 2 * BAR:
        return Bars(times[:0], 0, 0.0)
    evidence = (
        CHORDS * _chord_changes(times, chroma)
        + KICKS * _struck(times, strengths["low"])
        - SNARES * _struck(times, strengths["mid"])
    )
    means = np.array([evidence[phase::BAR].mean() for phase in range(BAR)])
    means[0] += START
    first = int(means.argmax())
    ahead = means[first] - np.sort(means)[-2]
    return Bars(times[first::BAR], first, float(np.clip(2 * ahead, 0, 1)))


def _chord_changes(times: Numbers, chroma: Numbers) -> Numbers:
    """How different the notes after each beat are from those before it."""
    edges = np.clip(np.rint(times * PITCH_RATE).astype(int), 0, len(chroma) - 1)
    sums = np.concatenate([np.zeros((1, chroma.shape[1])), np.cumsum(chroma, axis=0)])
    width = max(1, int(np.median(np.diff(edges))))
    before = sums[edges] - sums[np.maximum(edges - width, 0)]
    after = sums[np.minimum(edges + width, len(chroma))] - sums[edges]
    dots = (before * after).sum(axis=1)
    sizes = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    return np.where(sizes > 1e-9, 1 - dots / np.maximum(sizes, 1e-9), 0)


def _struck(times: Numbers, band: Numbers) -> Numbers:
    near = np.rint(times[:, None] * HOP_RATE).astype(int) + np.arange(-2, 5)
    return band[np.clip(near, 0, len(band) - 1)].max(axis=1)


def count_curves(beats: Beats, bars: Bars, heard: Heard) -> dict[str, Numbers]:
    """How far through the beat and the bar each frame is, and an impulse on every beat.

    Returns:
        "beat_phase", "bar_phase": float32 `(frames,)` in [0, 1); "pulse" in [0, 1]. All zero
        without a beat.
    """
    times = heard.frame_times_s
    if len(beats.times_s) < 2:
        nothing = np.zeros(heard.frames, np.float32)
        return {"beat_phase": nothing, "bar_phase": nothing.copy(), "pulse": nothing.copy()}
    count = _count_at(times, beats.times_s)
    phases = {"beat_phase": count, "bar_phase": (count - bars.first) / BAR}
    curves = {name: _fraction(phase) for name, phase in phases.items()}
    hit = np.zeros(heard.frames, np.float32)
    at = np.rint(beats.times_s * float(heard.fps)).astype(int)
    inside = at < heard.frames
    np.maximum.at(hit, at[inside], 0.4 + 0.6 * beats.strength[inside])
    curves["pulse"] = envelope(hit, fps=heard.fps, release_ms=PULSE_MS)
    return curves


def _count_at(times: Numbers, beats: Numbers) -> Numbers:
    """Beats since the first one, going on at the same speed before it and after the last."""
    index = np.arange(len(beats), dtype=float)
    step = float(np.median(np.diff(beats)))
    before = np.minimum(times - beats[0], 0) / step
    after = np.maximum(times - beats[-1], 0) / step
    return np.interp(times, beats, index) + before + after


def _fraction(count: Numbers) -> Numbers:
    part = (count - np.floor(count)).astype(np.float32)
    return np.where(part < 1, part, 0).astype(np.float32)
