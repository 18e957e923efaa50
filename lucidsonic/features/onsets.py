"""Heard -> onset curves of kick, snare and hat, and their hits."""

from collections.abc import Mapping

import bottleneck
import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.signal import find_peaks

from lucidsonic.features.arrays import Numbers
from lucidsonic.features.frames import FLUX_LAG_S, peaks_at_frames
from lucidsonic.features.heard import Heard
from lucidsonic.features.spectrum import ATTACKS, FINE_RATE, HOP_RATE
from lucidsonic.types import Onsets

BASELINE_HOPS = 87  # one second: what rises all the time is no hit
FLOOR = 1e-3  # amplitude; a rise below -60 dBFS is none
AGAINST_LEVEL = 0.6  # a hit is large against the band's own level, else it is noise
HIT = 0.25  # strength from which a peak is a hit
APART_S = 0.06
INSTRUMENTS = {"kick": "low", "snare": "mid", "hat": "high"}
SHARES = {"low": 1.0, "body": 0.8, "mid": 0.8, "high": 0.5}  # of each band in `onset`
# An attack's steepest fine hop, minus the attack: between a click's 0 and a held note's 1.5 ms.
ATTACK_LAG_S = 0.0008


def band_strengths(heard: Heard) -> dict[str, Numbers]:
    """How strongly each band of ATTACKS is struck, float32 in [0, 1] at HOP_RATE."""
    return {
        name: _strength(heard.hops[f"flux_{name}"], heard.hops[f"level_{name}"])
        for name in ATTACKS
    }


def onset_curves(strengths: Mapping[str, Numbers], heard: Heard) -> dict[str, Numbers]:
    """Onset strength in all, of kick, snare and hat, and the plain spectral flux.

    Returns:
        name -> float32 `(frames,)` in [0, 1], spikes without decay; silence gives zeros.
    """
    level = sum(heard.hops[f"level_{name}"] for name in ATTACKS)
    hops = {
        "onset": overall(strengths),
        "flux": _strength(heard.hops["flux"], np.asarray(level) / len(ATTACKS), baseline=False),
        **{f"onset_{name}": strengths[name] for name in INSTRUMENTS.values()},
    }
    return {name: peaks_at_frames(h, heard, lag_s=FLUX_LAG_S) for name, h in hops.items()}


def overall(strengths: Mapping[str, Numbers]) -> Numbers:
    """The strongest of the weighted bands at each hop, float32 in [0, 1]."""
    weighted = [share * strengths[name] for name, share in SHARES.items()]
    return np.stack(weighted).max(axis=0).astype(np.float32)


def hits(strengths: Mapping[str, Numbers], heard: Heard) -> dict[str, Onsets]:
    """The hits of kick, snare and hat, timed to about a millisecond."""
    return {name: _hits_of(strengths[band], heard) for name, band in INSTRUMENTS.items()}


def peak_hops(strength: Numbers, *, least: float = HIT) -> Numbers:
    """Hop numbers of the peaks of a strength curve."""
    padded = np.pad(strength, 1)
    found, _ = find_peaks(padded, height=least, distance=max(1, round(APART_S * HOP_RATE)))
    return found - 1


def attack_time_s(near_s: Numbers, heard: Heard, *, within_s: float = 0.03) -> Numbers:
    """The steepest attack near each time, from the fine curve.

    Args:
        near_s: rough times, `(events,)`.
        heard: the song.
        within_s: how far to look on each side.

    Returns:
        float64 `(events,)`, seconds; the rough time itself where nothing rises.
    """
    reach = int(np.ceil(within_s * FINE_RATE))
    offsets = np.arange(-reach, reach + 1)
    fine = np.pad(heard.attack, reach + 1)
    middle = np.clip(np.rint(near_s * FINE_RATE).astype(int), 0, len(heard.attack) - 1)
    around = fine[middle[:, None] + offsets + reach + 1]
    nearness = np.exp(-0.5 * (offsets / (0.6 * reach)) ** 2)
    best = middle + offsets[np.argmax(around * nearness, axis=1)]
    three = fine[best[:, None] + np.arange(-1, 2) + reach + 1]
    total = three.sum(axis=1)
    shift = (three[:, 2] - three[:, 0]) / np.where(total > 0, total, 1)
    timed = np.maximum((best + shift) / FINE_RATE - ATTACK_LAG_S, 0)
    return np.where(around.max(axis=1) > 0, timed, near_s)


def _strength(rise: Numbers, level: Numbers, *, baseline: bool = True) -> Numbers:
    if baseline and len(rise) > BASELINE_HOPS:
        half = BASELINE_HOPS // 2
        padded = np.pad(rise, half, mode="reflect")
        rise = rise - bottleneck.move_median(padded, BASELINE_HOPS)[BASELINE_HOPS - 1 :]
    loud = AGAINST_LEVEL * np.percentile(level, 95)
    full = max(np.percentile(rise, 99.5), rise.max() / 5, loud, FLOOR)
    return np.clip(rise / full, 0, 1).astype(np.float32)


def _hits_of(strength: Numbers, heard: Heard) -> Onsets:
    at = peak_hops(strength)
    if len(at) == 0:
        return Onsets(np.zeros(0, np.float32), np.zeros(0, np.float32))
    near = at / HOP_RATE - FLUX_LAG_S
    times = attack_time_s(near, heard).astype(np.float32)
    order = np.argsort(times, kind="stable")
    return Onsets(times[order], strength[at][order])


def locally_normalized(strength: Numbers, *, seconds: float = 8.0) -> Numbers:
    """A strength curve whose quiet passages count as much as its loud ones."""
    around = maximum_filter1d(strength, max(1, round(seconds * HOP_RATE)))
    return (strength / np.maximum(around, 0.1)).astype(np.float32)
