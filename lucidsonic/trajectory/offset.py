"""Features -> the same features, heard earlier or later."""

from dataclasses import replace

import numpy as np

from lucidsonic.types import Features, FloatArray, Onsets


def delayed(features: Features, seconds: float) -> Features:
    """The same music, `seconds` later; what is held for long (sections, feelings) stays.

    Args:
        features: the song.
        seconds: below 0 is earlier.
    """
    if not seconds:
        return features
    late, frames = np.float32(seconds), seconds * float(features.fps)
    return replace(
        features,
        curves={name: moved(curve, frames) for name, curve in features.curves.items()},
        beats_s=features.beats_s + late,
        downbeats_s=features.downbeats_s + late,
        onsets={
            name: Onsets(train.times_s + late, train.strength)
            for name, train in features.onsets.items()
        },
        drops=tuple(replace(d, time_s=d.time_s + seconds) for d in features.drops),
    )


def moved(curve: FloatArray, frames: float) -> FloatArray:
    """A curve some frames later, read between frames; the ends are held."""
    at = np.arange(len(curve), dtype=np.float64)
    return np.interp(at - frames, at, curve).astype(np.float32)
