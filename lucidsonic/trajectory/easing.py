"""Small curves of numbers: easing, smoothing, fitting to the film's length."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def smoothstep(x: Floats) -> Floats:
    """0 up to x = 0, 1 from x = 1, without a corner between."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def ease_in(x: Floats) -> Floats:
    """Starts from rest and arrives at full speed."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * x


def ease_out(x: Floats) -> Floats:
    """Starts at full speed and comes to rest."""
    return 1.0 - ease_in(1.0 - x)


def smooth(curve: npt.NDArray[np.floating], *, sigma: float, wrap: bool = False) -> Floats:
    """A curve without its fast changes, without delay.

    Three running means are a Gaussian for the eye, and cost the same for any width.

    Args:
        curve: `(frames,)` or `(frames, columns)`.
        sigma: standard deviation, frames.
        wrap: the end meets the beginning; otherwise both ends go on as they are.
    """
    half = round((np.sqrt(4.0 * sigma * sigma + 1.0) - 1.0) / 2.0)  # 3 boxes, total var sigma^2
    if half == 0 or len(curve) == 0:
        return np.asarray(curve, dtype=np.float64)
    if curve.ndim == 2:
        return np.stack([smooth(c, sigma=sigma, wrap=wrap) for c in curve.T], axis=1)
    width = 2 * half + 1
    wide = np.pad(curve.astype(np.float64), 3 * half, mode="wrap" if wrap else "edge")
    for _ in range(3):
        total = np.concatenate([[0.0], np.cumsum(wide)])
        wide = (total[width:] - total[:-width]) / width
    return wide


def fit(curve: npt.NDArray[np.floating], frames: int) -> npt.NDArray[np.floating]:
    """The curve cut, or continued with zeros, to the film's length: a stem may be shorter."""
    missing = frames - len(curve)
    if missing <= 0:
        return curve[:frames]
    return np.pad(curve, [(0, missing)] + [(0, 0)] * (curve.ndim - 1))
