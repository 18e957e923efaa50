"""Heard -> how loud, how bright, how noisy, in which band: curves of energy and colour."""

import numpy as np

from lucidsonic.features.arrays import Numbers
from lucidsonic.features.curves import smooth
from lucidsonic.features.frames import at_frames, peaks_at_frames
from lucidsonic.features.heard import Heard
from lucidsonic.features.spectrum import HOP_RATE

SILENT = 1e-6  # mean square; -60 dBFS and below is no music
QUIETEST_PEAK = 1e-4  # mean square; a song under -40 dBFS is not blown up to full scale
TWICE_DB = 10.0  # what is that much louder sounds twice as loud (Stevens 1955)
LOW_HZ, HIGH_HZ = 200.0, 6000.0  # centroids that read 0 and 1
AMPLITUDES = ("energy_low", "energy_mid", "energy_high")


def energy_curves(heard: Heard) -> dict[str, Numbers]:
    """Loudness, the three bands, harmonic and percussive parts, centroid, flatness, brightness.

    Returns:
        name -> float32 `(frames,)` in [0, 1]; silence gives zeros.
    """
    hops = heard.hops
    sounding = activity(heard)
    colours = {
        "centroid": np.log(np.maximum(hops["centroid"], 1) / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ),
        "flatness": np.sqrt(hops["flatness"]),
        "brightness": hops["bright"] / (hops["power"] + SILENT),
    }
    curves = {
        "loudness": peaks_at_frames(_loudness(heard), heard),
        **{name: _amplitude(hops[name], hops[name], heard) for name in AMPLITUDES},
        **{name: _amplitude(hops[name], hops["power"], heard) for name in _PARTS},
    }
    for name, colour in colours.items():
        settled = smooth(np.clip(colour, 0, 1) * sounding, fps=HOP_RATE, seconds=0.02)
        curves[name] = at_frames(settled, heard)
    return curves


_PARTS = ("harmonic", "percussive")  # on one scale, so that they can be compared


def activity(heard: Heard) -> Numbers:
    """Where there is something to hear, at HOP_RATE: 0 in silence, 1 from 20 dB above it."""
    level_db = 10 * np.log10(heard.hops["power"] + 1e-12)
    floor_db = 10 * np.log10(max(SILENT, reference(heard.hops["power"]) * 1e-6))
    return np.clip((level_db - floor_db) / 20, 0, 1).astype(np.float32)


def reference(power: Numbers) -> float:
    """The power that counts as full: the loudest moments', if they are loud at all."""
    return float(max(np.percentile(power, 99.5), power.max() / 30, QUIETEST_PEAK))


def _loudness(heard: Heard) -> Numbers:
    """Like sones: A-weighted, over 50 ms, against the loudest moments, in [0, 1]."""
    power = smooth(heard.hops["power_a"], fps=HOP_RATE, seconds=0.025)
    below_db = 10 * np.log10(np.maximum(power, 1e-12) / reference(power))
    return np.clip(2 ** (below_db / TWICE_DB), 0, 1).astype(np.float32) * activity(heard)


def _amplitude(power: Numbers, full: Numbers, heard: Heard) -> Numbers:
    """An amplitude on the scale of the loudest moments, at the frames."""
    hops = np.sqrt(np.clip(power / reference(full), 0, 1)) * activity(heard)
    return peaks_at_frames(hops.astype(np.float32), heard)
