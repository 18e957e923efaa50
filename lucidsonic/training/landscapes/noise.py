"""Seeded random fields: fractal noise from its spectrum, and lookups that wrap around."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2

Field = npt.NDArray[np.floating[Any]]  # a picture-sized or longer row of numbers

__all__ = ["Field", "fractal", "lookup", "ridge_line", "smoothstep"]


def fractal(
    rng: np.random.Generator, size: int, *, slope: float, stretch: float = 1.0
) -> Field:
    """A field that wraps around, with power falling as frequency^-slope.

    Args:
        rng: chance.
        size: side, pixels.
        slope: 2 is rough rock, 3.5 is rolling hills.
        stretch: how much longer features are along x than along y.

    Returns:
        float32 `(size, size)`, mean 0, deviation 1.
    """
    pairs = rng.standard_normal((size, size // 2 + 1, 2), dtype=np.float32)
    white = pairs.view(np.complex64)[..., 0]
    field = np.asarray(irfft2(white * _falloff(size, slope, stretch), s=(size, size)))
    field -= field.mean()
    return field / max(float(field.std()), 1e-9)


@lru_cache(maxsize=256)
def _falloff(size: int, slope: float, stretch: float) -> Field:
    """Amplitudes of the spectrum."""
    rows = np.fft.fftfreq(size)[:, None] * size
    columns = np.fft.rfftfreq(size)[None] * size * stretch
    squared = rows**2 + columns**2
    squared[0, 0] = np.inf
    return (squared ** (-slope / 4)).astype(np.float32)


def ridge_line(rng: np.random.Generator, size: int, *, slope: float) -> Field:
    """A fractal curve over x: float32 `(size,)`, mean 0, deviation 1; it does not wrap."""
    frequencies = np.fft.rfftfreq(2 * size) * 2 * size
    frequencies[0] = np.inf
    white = rng.standard_normal(size + 1) + 1j * rng.standard_normal(size + 1)
    line = np.fft.irfft(white * frequencies ** (-slope / 2))[:size]
    line -= line.mean()
    return (line / max(float(line.std()), 1e-9)).astype(np.float32)


def lookup(field: Field, y: Field, x: Field) -> Field:
    """Values of a wrapping square field at fractional places, linearly between its points."""
    size = field.shape[0]
    y0, x0 = np.floor(y), np.floor(x)
    fy, fx = (y - y0).astype(np.float32), (x - x0).astype(np.float32)
    row, column = y0.astype(np.int32) % size, x0.astype(np.int32) % size
    below, right = (row + 1) % size, (column + 1) % size
    flat = field.reshape(-1)
    row, below = row * size, below * size
    top = flat[row + column] * (1 - fx) + flat[row + right] * fx
    bottom = flat[below + column] * (1 - fx) + flat[below + right] * fx
    return top * (1 - fy) + bottom * fy


def smoothstep(low: float, high: float, x: Field) -> Field:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
