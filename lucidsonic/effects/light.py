"""Effects of light: how bright, how hard, how much it glows."""

from typing import Annotated

import torch
from pydantic import Field

from lucidsonic.effects.effect import EffectOptions, Moment, Share, effects_of
from lucidsonic.effects.sampling import blur, coordinates


class ContrastOptions(EffectOptions):
    """`contrast`. Follows what is struck."""

    follow: str = "percussive"


class FlashOptions(EffectOptions):
    """`flash`. Attributes: limit: the most it may whiten, so that eyes are safe."""

    follow: str = "onset_low"
    amount: Share = 0.3
    release_ms: Annotated[float, Field(ge=0, le=10_000)] = 140.0
    limit: Share = 0.85


class BrightnessOptions(EffectOptions):
    """`brightness`. Attributes: stops: how many times the light doubles at amount 1."""

    follow: str = "pulse"
    stops: Annotated[float, Field(gt=0, le=4)] = 1.0


class DimOptions(EffectOptions):
    """`dim`. Attributes: floor: the light that stays at amount 1."""

    floor: Share = 0.1


class BloomOptions(EffectOptions):
    """`bloom`. Attributes: radius: share of the short side; threshold: light that glows."""

    follow: str = "loudness"
    radius: Annotated[float, Field(ge=0.005, le=0.25)] = 0.04
    threshold: Annotated[float, Field(ge=0, lt=1)] = 0.45


class VignetteOptions(EffectOptions):
    """`vignette`. Attributes: reach: how far the dark comes in, 1 is the middle."""

    reach: Annotated[float, Field(gt=0, le=1)] = 0.7


def contrast(
    frames: torch.Tensor, amount: torch.Tensor, _options: ContrastOptions, _moment: Moment
) -> torch.Tensor:
    """Deepen darks and lift lights along an S-curve; nothing is clipped."""
    curve = frames * frames * (3 - 2 * frames)
    return torch.lerp(frames, curve * curve * (3 - 2 * curve), amount)


def flash(
    frames: torch.Tensor, amount: torch.Tensor, options: FlashOptions, _moment: Moment
) -> torch.Tensor:
    """Brighten towards white."""
    return frames + (1 - frames) * (amount * options.limit)


def brightness(
    frames: torch.Tensor, amount: torch.Tensor, options: BrightnessOptions, _moment: Moment
) -> torch.Tensor:
    """Open the lens; highlights roll off instead of clipping."""
    return 1 - (1 - frames).pow(2 ** (amount * options.stops))


def dim(
    frames: torch.Tensor, amount: torch.Tensor, options: DimOptions, _moment: Moment
) -> torch.Tensor:
    """Turn the light down."""
    return frames * (1 - amount * (1 - options.floor))


def bloom(
    frames: torch.Tensor, amount: torch.Tensor, options: BloomOptions, _moment: Moment
) -> torch.Tensor:
    """Let bright places glow into their surroundings."""
    bright = ((frames - options.threshold) / (1 - options.threshold)).clamp(0, 1)
    spill = blur(bright, options.radius) + 0.6 * blur(bright, 3 * options.radius)
    return 1 - (1 - frames) * (1 - (spill * amount).clamp(0, 1))


def vignette(
    frames: torch.Tensor, amount: torch.Tensor, options: VignetteOptions, _moment: Moment
) -> torch.Tensor:
    """Darken the corners."""
    x, y = coordinates(frames)
    far = ((x / x.abs().max()).square() + (y / y.abs().max()).square()) / 2
    edge = 1 - options.reach
    shade = ((far - edge) / (1 - edge)).clamp(0, 1)
    return frames * (1 - amount * (shade * shade * (3 - 2 * shade))[:, None].to(frames.dtype))


LIGHT = effects_of(
    contrast, flash, brightness, dim, bloom, vignette,
    options={
        "contrast": ContrastOptions, "flash": FlashOptions, "brightness": BrightnessOptions,
        "dim": DimOptions, "bloom": BloomOptions, "vignette": VignetteOptions,
    },
)  # fmt: skip
