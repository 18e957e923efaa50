"""Onset strength -> how fast the beat goes, for every moment, by autocorrelation."""

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft

from lucidsonic.features.arrays import Numbers, rfft
from lucidsonic.features.spectrum import HOP_RATE

SLOWEST, FASTEST = 50.0, 210.0  # BPM
STEPS = 48  # tempi an octave
WINDOW_S, STEP_S = 12.0, 2.0
USUAL_BPM, SPREAD_OCTAVES = 118.0, 0.9  # what people tap (Moelants 2002)
JUMP = 8.0  # cost of changing the tempo by a fifth of an octave within one step
STEADY = 1.04  # a tempo that varies less than this is one tempo
REGULAR = 0.12  # share of the strength that repeats, below which nothing beats


@dataclass(frozen=True, slots=True, eq=False)
class Tempo:
    """The beat's speed.

    Attributes:
        period_hops: float64 `(hops,)`, hops from beat to beat around each hop.
        confidence: in [0, 1]; 0 where nothing repeats.
    """

    period_hops: Numbers
    confidence: float


def find_tempo(strength: Numbers) -> Tempo | None:
    """The local tempo of an onset strength curve.

    Args:
        strength: float32 `(hops,)` at HOP_RATE.

    Returns:
        None when nothing repeats.
    """
    window = min(round(WINDOW_S * HOP_RATE), len(strength))
    if window < 2 * HOP_RATE * 60 / FASTEST or not strength.any():
        return None
    starts = np.arange(0, max(1, len(strength) - window + 1), round(STEP_S * HOP_RATE))
    bpm = SLOWEST * 2 ** (np.arange(int(STEPS * np.log2(FASTEST / SLOWEST)) + 1) / STEPS)
    repeats = np.stack([_repetition(strength[s : s + window], bpm) for s in starts])
    prior = -0.5 * (np.log2(bpm / USUAL_BPM) / SPREAD_OCTAVES) ** 2
    path = _smoothest(np.maximum(repeats, 0) * np.exp(prior))
    found = float(np.mean(repeats[np.arange(len(path)), path]))
    if found < REGULAR:
        return None
    local = bpm[path]
    low, high = np.percentile(local, [5, 95])
    if high / low < STEADY:
        total = repeats.mean(axis=0) * np.exp(prior)
        local = np.full(len(path), _between(bpm, total, int(np.argmax(total))))
    middles = starts + window / 2
    period = 60 * HOP_RATE / np.interp(np.arange(len(strength)), middles, local)
    return Tempo(period, min(1.0, found))


def _repetition(part: Numbers, bpm: Numbers) -> Numbers:
    """How well the part repeats after one, two and four beats of each tempo; 1 is perfectly."""
    centred = part - part.mean()
    spectrum = rfft(centred, 2 * len(part))
    same = np.asarray(irfft(spectrum.real**2 + spectrum.imag**2))[: len(part)]
    if same[0] <= 0:
        return np.zeros(len(bpm))
    same = same / same[0] / (1 - np.arange(len(part)) / len(part) + 1e-3).clip(0.25)
    beat = 60 * HOP_RATE / bpm
    lags = np.arange(len(part))
    weights = {1: 0.4, 2: 0.3, 4: 0.3}
    return sum(
        (
            weight * np.interp(beats * beat, lags, same, right=0)
            for beats, weight in weights.items()
        ),
        np.zeros(len(bpm)),
    )


def _smoothest(scores: Numbers) -> Numbers:
    """The best way through `(steps, tempi)`, where leaps cost (Viterbi)."""
    tempi = scores.shape[1]
    distance = np.abs(np.arange(tempi)[:, None] - np.arange(tempi)) / (STEPS / 5)
    cost = JUMP * np.minimum(distance, 1) ** 2 * 0.02 + 0.05 * (distance > 1)
    best = scores[0]
    came = np.zeros(scores.shape, int)
    for step in range(1, len(scores)):
        through = best[None, :] - cost
        came[step] = through.argmax(axis=1)
        best = through.max(axis=1) + scores[step]
    path = np.empty(len(scores), int)
    path[-1] = int(best.argmax())
    for step in range(len(scores) - 1, 0, -1):
        path[step - 1] = came[step, path[step]]
    return path


def _between(bpm: Numbers, score: Numbers, at: int) -> float:
    """The top of a parabola through the best tempo and its neighbours."""
    if not 0 < at < len(bpm) - 1:
        return float(bpm[at])
    left, middle, right = score[at - 1 : at + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(bpm[at] * 2 ** (shift / STEPS))
