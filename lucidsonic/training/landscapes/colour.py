"""Colour <-> emotion: the regression of Valdez & Mehrabian (1994), and grading towards it."""

import numpy as np

from lucidsonic.training.landscapes.noise import Field

__all__ = [
    "LUMA",
    "estimate_va",
    "grade",
    "mean_brightness",
    "mean_saturation",
    "target_colour",
]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
DARK = 0.1  # saturation of darker pixels than this is noise

# pleasure = .69 brightness + .22 saturation; arousal = -.31 brightness + .60 saturation
WEIGHTS = np.array([[0.69, 0.22], [-0.31, 0.60]])
# What these give on landscape photographs, first to last percentile or so: becomes 1 to 9.
SPANS = np.array([[0.25, 0.60], [-0.14, 0.21]])


def mean_brightness(pictures: Field) -> Field:
    """Mean luma `(...)` of RGB pictures `(..., height, width, 3)` in [0, 1]."""
    return (pictures.mean((-3, -2)) @ LUMA).astype(np.float32)


def mean_saturation(pictures: Field) -> Field:
    """Mean HSV saturation `(...)` of RGB pictures `(..., height, width, 3)` in [0, 1]."""
    red, green, blue = np.moveaxis(pictures, -1, 0)  # max(-1) over three is ten times slower
    high = np.maximum(np.maximum(red, green), blue)
    low = np.minimum(np.minimum(red, green), blue)
    return ((high - low) / np.maximum(high, DARK)).mean((-2, -1))


def estimate_va(pictures: Field) -> Field:
    """Valence and arousal that the colours suggest.

    Args:
        pictures: RGB `(..., height, width, 3)` in [0, 1].

    Returns:
        float32 `(..., 2)` in [1, 9].
    """
    colour = np.stack([mean_brightness(pictures), mean_saturation(pictures)], -1)
    raw = colour @ WEIGHTS.T
    low, high = SPANS.T
    return np.clip(1 + 8 * (raw - low) / (high - low), 1, 9).astype(np.float32)


def target_colour(valence: float, arousal: float) -> tuple[float, float]:
    """Mean brightness and saturation at which `estimate_va` gives these values in [-1, 1]."""
    low, high = SPANS.T
    raw = low + (high - low) * (np.array([valence, arousal]) + 1) / 2
    brightness, saturation = np.linalg.solve(WEIGHTS, raw)
    return float(np.clip(brightness, 0.1, 0.85)), float(np.clip(saturation, 0.04, 0.8))


def grade(
    picture: Field, *, brightness: float, saturation: float, strength: float = 1.0
) -> Field:
    """Change exposure and saturation until the means are the wanted ones.

    Args:
        picture: RGB `(height, width, 3)` in [0, 1].
        brightness: wanted mean luma.
        saturation: wanted mean HSV saturation.
        strength: share of the way to go.

    Returns:
        RGB `(height, width, 3)` in [0, 1].
    """
    wanted_b = _towards(float(mean_brightness(picture)), brightness, strength)
    wanted_s = _towards(float(mean_saturation(picture)), saturation, strength)
    for _ in range(3):  # the two pull at each other a little
        picture = _saturate(picture, wanted_s)
        picture = _expose(picture, wanted_b)
    return picture


def _towards(now: float, wanted: float, strength: float) -> float:
    return now + (wanted - now) * strength


def _expose(picture: Field, wanted: float) -> Field:
    now = float(np.clip(mean_brightness(picture), 0.02, 0.98))
    gamma = np.clip(np.log(wanted) / np.log(now), 0.4, 2.5)
    return np.clip(picture, 0, 1) ** np.float32(gamma)


def _saturate(picture: Field, wanted: float) -> Field:
    grey = (picture @ LUMA)[..., None]
    gain = np.clip(wanted / max(float(mean_saturation(picture)), 0.02), 0.3, 2.2)
    return np.clip(grey + (picture - grey) * np.float32(gain), 0, 1)
