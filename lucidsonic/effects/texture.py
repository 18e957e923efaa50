"""Effects of texture: grain, broken signals, lines, blur."""

from functools import cache
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from lucidsonic.effects.colour import HexColour, colour_of, luma
from lucidsonic.effects.effect import EffectOptions, Moment, effects_of
from lucidsonic.effects.sampling import blur as soft
from lucidsonic.effects.sampling import coordinates, look

TILE = 256  # pixels; the grain is cut from a noise tile at a new place for each frame


class GlitchOptions(EffectOptions):
    """`glitch`.

    Attributes:
        bands: strips that the picture is cut into.
        reach: how far a strip slides, share of the width, at amount 1.
        hold: frames that share their damage.
    """

    follow: str = "onset_mid"
    release_ms: Annotated[float, Field(ge=0, le=10_000)] = 90.0
    bands: Annotated[int, Field(ge=2, le=400)] = 24
    reach: Annotated[float, Field(gt=0, le=0.5)] = 0.12
    hold: Annotated[int, Field(ge=1, le=60)] = 3


class GrainOptions(EffectOptions):
    """`grain`. Attributes: strength: deviation at amount 1; hold: frames that share a grain."""

    amount: Annotated[float, Field(ge=0, le=1)] = 0.3
    strength: Annotated[float, Field(gt=0, le=0.5)] = 0.12
    hold: Annotated[int, Field(ge=1, le=60)] = 1


class ChromaticOptions(EffectOptions):
    """`chromatic`. Attributes: reach: how far red and blue part at the edges, share."""

    follow: str = "onset"
    release_ms: Annotated[float, Field(ge=0, le=10_000)] = 150.0
    reach: Annotated[float, Field(gt=0, le=0.2)] = 0.03


class PixelateOptions(EffectOptions):
    """`pixelate`. Attributes: block: side of a block at amount 1, share of the short side."""

    block: Annotated[float, Field(gt=0, le=0.5)] = 0.06


class ScanlinesOptions(EffectOptions):
    """`scanlines`. Attributes: lines: over the height."""

    lines: Annotated[int, Field(ge=4, le=2160)] = 180


class EdgesOptions(EffectOptions):
    """`edges`. Attributes: colour: of the lines; strength: of their light."""

    follow: str = "onset_high"
    release_ms: Annotated[float, Field(ge=0, le=10_000)] = 120.0
    colour: HexColour = "#ffffff"
    strength: Annotated[float, Field(gt=0, le=10)] = 2.0


class BlurOptions(EffectOptions):
    """`blur`. Attributes: radius: share of the short side."""

    radius: Annotated[float, Field(ge=0.002, le=0.25)] = 0.02


class SharpenOptions(EffectOptions):
    """`sharpen`. Attributes: strength: of what is added; radius: share of the short side."""

    strength: Annotated[float, Field(gt=0, le=5)] = 1.0
    radius: Annotated[float, Field(ge=0.002, le=0.1)] = 0.006


def glitch(
    frames: torch.Tensor, amount: torch.Tensor, options: GlitchOptions, moment: Moment
) -> torch.Tensor:
    """Slide strips sideways and tear the colours apart, as a broken signal does."""
    height, width = frames.shape[-2:]
    chance = moment.chance(2, 2 * options.bands + 1, hold=options.hold)
    slide, torn = chance[:, : options.bands] * 2 - 1, chance[:, options.bands : -1]
    share = amount[:, 0, 0].float()
    strip = np.arange(height) * options.bands // height
    push = torch.as_tensor(slide * (torn > 0.6), device=frames.device)[:, strip] * share
    shift = (push * options.reach * width).round().long()
    column = torch.arange(width, device=frames.device)
    split = (chance[:, -1] * 0.3 * options.reach * width).astype(np.int64)
    split = torch.as_tensor(split, device=frames.device)[:, None] * (share > 0.05)
    planes = [
        plane.gather(2, (column + (shift + side * split)[:, :, None]) % width)
        for plane, side in zip(frames.unbind(1), (1, 0, -1), strict=True)
    ]
    return torch.stack(planes, dim=1)


@cache
def _noise_tile() -> torch.Tensor:
    noise = np.random.default_rng(11).standard_normal((TILE, TILE))
    return torch.as_tensor(noise, dtype=torch.float32)


def grain(
    frames: torch.Tensor, amount: torch.Tensor, options: GrainOptions, moment: Moment
) -> torch.Tensor:
    """Film grain, strongest in the middle tones."""
    height, width = frames.shape[-2:]
    corner = torch.as_tensor((moment.chance(3, 2, hold=options.hold) * TILE).astype(np.int64))
    rows = (torch.arange(height) + corner[:, :1]) % TILE
    columns = (torch.arange(width) + corner[:, 1:]) % TILE
    noise = _noise_tile()[rows[:, :, None], columns[:, None, :]].to(frames)[:, None]
    grey = luma(frames)
    return frames + noise * (options.strength * amount * (0.25 + 3 * grey * (1 - grey)))


def chromatic(
    frames: torch.Tensor, amount: torch.Tensor, options: ChromaticOptions, _moment: Moment
) -> torch.Tensor:
    """A cheap lens: red and blue part towards the edges."""
    x, y = coordinates(frames)
    part = options.reach * amount[:, 0].float()
    red = look(frames[:, :1], x * (1 - part), y * (1 - part))
    blue = look(frames[:, 2:], x * (1 + part), y * (1 + part))
    return torch.cat([red, frames[:, 1:2], blue], dim=1)


def pixelate(
    frames: torch.Tensor, amount: torch.Tensor, options: PixelateOptions, _moment: Moment
) -> torch.Tensor:
    """Coarse blocks."""
    x, y = coordinates(frames)
    pixel = 2.0 / min(frames.shape[-2:])
    side = pixel + amount[:, 0].float() * (2 * options.block - pixel)
    return look(frames, torch.round(x / side) * side, torch.round(y / side) * side)


def scanlines(
    frames: torch.Tensor, amount: torch.Tensor, options: ScanlinesOptions, _moment: Moment
) -> torch.Tensor:
    """The dark lines of an old screen."""
    height = frames.shape[-2]
    y = (torch.arange(height, device=frames.device) + 0.5) / height
    dark = 0.5 - 0.5 * torch.cos(2 * torch.pi * y * min(options.lines, height / 2))
    return frames * (1 - 0.7 * amount * dark.to(frames.dtype)[:, None])


def edges(
    frames: torch.Tensor, amount: torch.Tensor, options: EdgesOptions, _moment: Moment
) -> torch.Tensor:
    """Draw the outlines in light."""
    grey = luma(frames)
    across = torch.zeros_like(grey)
    down = torch.zeros_like(grey)
    across[..., 1:-1] = grey[..., 2:] - grey[..., :-2]
    down[..., 1:-1, :] = grey[..., 2:, :] - grey[..., :-2, :]
    size = min(frames.shape[-2:]) / 256  # the same picture has gentler slopes when larger
    lines = torch.tanh(torch.hypot(across, down) * options.strength * size)
    return frames + (1 - frames) * lines * amount * colour_of(options.colour, frames)


def blur(
    frames: torch.Tensor, amount: torch.Tensor, options: BlurOptions, _moment: Moment
) -> torch.Tensor:
    """Out of focus."""
    return torch.lerp(frames, soft(frames, options.radius), amount)


def sharpen(
    frames: torch.Tensor, amount: torch.Tensor, options: SharpenOptions, _moment: Moment
) -> torch.Tensor:
    """Bring out the detail."""
    return frames + (frames - soft(frames, options.radius)) * (amount * options.strength)


TEXTURE = effects_of(
    glitch, grain, chromatic, pixelate, scanlines, edges,
    options={
        "glitch": GlitchOptions, "grain": GrainOptions, "chromatic": ChromaticOptions,
        "pixelate": PixelateOptions, "scanlines": ScanlinesOptions, "edges": EdgesOptions,
    },
) | effects_of(
    blur, sharpen,
    options={"blur": BlurOptions, "sharpen": SharpenOptions},
    works_on="both",
)  # fmt: skip
