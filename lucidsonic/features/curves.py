"""Curve -> curve: envelopes, gates, normalisation and smoothing. Pure functions.

A curve is float32 `(frames,)`; its rate is in frames per second. No function changes a length,
and none makes something out of nothing: zeros stay zeros.
"""

from fractions import Fraction

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from lucidsonic.errors import ConfigError
from lucidsonic.features.arrays import Numbers
from lucidsonic.types import FloatArray

Rate = float | Fraction  # frames per second


def envelope(
    curve: FloatArray, *, fps: Rate, attack_ms: float = 0.0, release_ms: float = 200.0
) -> FloatArray:
    """The curve's peaks, reached within `attack_ms` and let go over `release_ms`.

    One-sided: the envelope never starts before its cause and, with no attack, is never below
    the curve. The release is a decay to 1/e per `release_ms`.

    Args:
        curve: float32 `(frames,)`, not negative.
        fps: frames per second.
        attack_ms: time to climb to 63 % of a step; 0 climbs at once.
        release_ms: time to fall to 37 %; 0 falls at once.

    Raises:
        ConfigError: a negative time.
    """
    attack, release = (_decay(ms, fps) for ms in (attack_ms, release_ms))
    held = np.empty(len(curve), np.float32)
    level = 0.0
    for i, value in enumerate(curve.tolist()):
        keep = attack if value > level else release
        level = value + (level - value) * keep if value > level else max(value, level * keep)
        held[i] = level
    return held


def _decay(milliseconds: float, fps: Rate) -> float:
    """What is left after one frame of an exponential with this time constant."""
    if milliseconds < 0:
        raise ConfigError(f"A time of {milliseconds:g} ms is negative.", hint="Use 0 or more.")
    return float(np.exp(-1000.0 / (float(fps) * milliseconds))) if milliseconds else 0.0


def gate(curve: FloatArray, *, threshold: float, knee: float = 0.0) -> FloatArray:
    """The curve where it is above `threshold`, zero below, a smooth ramp across the knee.

    Args:
        curve: float32 `(frames,)`.
        threshold: where the gate is half open.
        knee: width of the ramp around it; 0 is a hard gate.

    Raises:
        ConfigError: a negative knee.
    """
    if knee < 0:
        raise ConfigError(f"A knee of {knee:g} is negative.", hint="Use 0 or more.")
    if knee < 1e-6:  # a hard gate
        return np.where(curve >= threshold, curve, 0).astype(np.float32)
    opening = np.clip((curve - threshold) / knee + 0.5, 0, 1)
    return (curve * opening * opening * (3 - 2 * opening)).astype(np.float32)


def percentile_normalize(
    curve: FloatArray, *, low: float = 0.0, high: float = 99.5, floor: float = 0.0
) -> FloatArray:
    """The curve scaled so that its percentiles `low` and `high` become 0 and 1, then clipped.

    Args:
        curve: float32 `(frames,)`.
        low: percentile that becomes 0; 0 keeps zero where it is.
        high: percentile that becomes 1. Rare peaks above it, a click in silence, still count:
            the scale is never under a tenth of the greatest value.
        floor: smallest span that is stretched to 1; it keeps a noise floor near zero.

    Returns:
        float32 in [0, 1]; a flat or empty curve gives zeros.
    """
    if curve.size == 0:
        return curve.astype(np.float32)
    bottom = float(np.percentile(curve, low)) if low > 0 else 0.0
    span = max(np.percentile(curve, high) - bottom, (curve.max() - bottom) / 10, floor)
    if span <= 0:
        return np.zeros(len(curve), np.float32)
    return (np.clip(curve.astype(np.float64) - bottom, 0, span) / span).astype(np.float32)


def smooth(curve: FloatArray, *, fps: Rate, seconds: float, causal: bool = False) -> FloatArray:
    """The curve without what is faster than `seconds`.

    Zero-phase (a Gaussian whose standard deviation is `seconds`) sees the future and does not
    lag: for slow things. Causal (one pole with the time constant `seconds`) never moves before
    its cause.

    Args:
        curve: float32 `(frames,)` or `(frames, dims)`.
        fps: frames per second.
        seconds: 0 changes nothing.
        causal: whether the future is unknown.

    Raises:
        ConfigError: a negative time.
    """
    if seconds < 0:
        raise ConfigError(f"Smoothing over {seconds:g} s is negative.", hint="Use 0 or more.")
    if seconds * float(fps) < 1e-3 or len(curve) == 0:
        return curve.astype(np.float32)
    if not causal:
        sigma = seconds * float(fps)
        return gaussian_filter1d(
            curve.astype(np.float64), sigma, axis=0, mode="reflect"
        ).astype(np.float32)
    keep = _decay(seconds * 1000, fps)
    start = keep * np.asarray(curve[:1], np.float64)
    return lfilter([1 - keep], [1, -keep], curve, axis=0, zi=start)[0].astype(np.float32)


def smoothstep(x: Numbers) -> Numbers:
    """0 below 0, 1 above 1, and between them 3x^2 - 2x^3."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
