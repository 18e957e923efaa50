"""Hops -> video frames: the only place where analysis rates meet the film's."""

import numpy as np

from lucidsonic.features.arrays import Numbers
from lucidsonic.features.heard import Heard
from lucidsonic.features.spectrum import HOP_RATE

# A magnitude flux peaks from 0 ms (a click) to 12 ms (a held note) after the attack, for a
# window of 46 ms that looks back 23 ms.
FLUX_LAG_S = 0.006


def peaks_at_frames(hops: Numbers, heard: Heard, *, lag_s: float = 0.0) -> Numbers:
    """The greatest value within half a frame of each frame's time: no hit is lost.

    Args:
        hops: float32 at HOP_RATE.
        heard: the film's length and rate.
        lag_s: how late the hops are.

    Returns:
        float32 `(frames,)`.
    """
    half = 0.5 / float(heard.fps)
    times = heard.frame_times_s + lag_s
    left, right = (times - half) * HOP_RATE, (times + half) * HOP_RATE
    index = np.arange(len(hops))
    peaks = np.maximum(np.interp(left, index, hops), np.interp(right, index, hops))
    first = np.ceil(left).astype(int)
    for step in range(int(np.ceil(2 * half * HOP_RATE)) + 1):
        at = first + step
        inside = (at <= right) & (at >= 0) & (at < len(hops))
        peaks = np.where(inside, np.maximum(peaks, hops[np.clip(at, 0, len(hops) - 1)]), peaks)
    return peaks.astype(np.float32)


def at_frames(rows: Numbers, heard: Heard, *, rate: float = HOP_RATE) -> Numbers:
    """A slow curve, read at each frame's time.

    Args:
        rows: float32 `(rows,)`.
        heard: the film's length and rate.
        rate: rows a second.

    Returns:
        float32 `(frames,)`; the ends are held.
    """
    return np.interp(heard.frame_times_s * rate, np.arange(len(rows)), rows).astype(np.float32)
