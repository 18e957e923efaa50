"""Features -> valence and arousal for a generator that understands them."""

import numpy as np

from lucidsonic.trajectory.easing import fit
from lucidsonic.trajectory.options import Options
from lucidsonic.trajectory.score import Score
from lucidsonic.types import Features, FloatArray


def emotion(features: Features, score: Score, options: Options) -> FloatArray:
    """Valence and arousal of each frame: float32 `(frames, 2)` in [-1, 1].

    Args:
        features: the song, or the person's own curves in its place.
        score: the song's length and rate.
        options: `va_gain`, `va_smooth`.
    """
    heard = np.stack(
        [fit(c, score.frames) for c in (features.valence, features.arousal)], axis=1
    )
    felt = score.smooth(heard, options.va_smooth / 2.0)  # about as long as asked, both ways
    return np.clip(options.va_gain * felt, -1.0, 1.0).astype(np.float32)
