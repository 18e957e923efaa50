"""Effects of colour: hue, strength, number of colours."""

import math
from typing import Annotated

import torch
from pydantic import Field

from lucidsonic.effects.effect import EffectOptions, Moment, Share, effects_of

LUMA = (0.2126, 0.7152, 0.0722)  # BT.709
HexColour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class HueOptions(EffectOptions):
    """`hue`.

    Attributes:
        shift: turns of the colour wheel at amount 1.
        drift: turns a minute, whatever the music does; scaled by `amount`.
    """

    amount: Share = 1.0
    shift: Annotated[float, Field(ge=-1, le=1)] = 0.25
    drift: Annotated[float, Field(ge=-60, le=60)] = 0.0


class SaturationOptions(EffectOptions):
    """`saturation`. Attributes: strength: colour at amount 1; below 1 takes colour away."""

    follow: str = "loudness"
    strength: Annotated[float, Field(ge=0, le=4)] = 1.8


class TintOptions(EffectOptions):
    """`tint`. Attributes: colour: what white becomes at amount 1."""

    colour: HexColour = "#ffb070"


class PosterizeOptions(EffectOptions):
    """`posterize`. Attributes: levels: shades of each primary."""

    levels: Annotated[int, Field(ge=2, le=64)] = 5


class DuotoneOptions(EffectOptions):
    """`duotone`. Attributes: dark, light: what black and white become."""

    dark: HexColour = "#120a2e"
    light: HexColour = "#ffe9c4"


def luma(frames: torch.Tensor) -> torch.Tensor:
    """Brightness `(batch, 1, height, width)`."""
    red, green, blue = LUMA
    return red * frames[:, :1] + green * frames[:, 1:2] + blue * frames[:, 2:]


def hue(
    frames: torch.Tensor, amount: torch.Tensor, options: HueOptions, moment: Moment
) -> torch.Tensor:
    """Turn all colours around the wheel; greys and brightness stay."""
    drift = moment.seconds(frames) * (options.drift / 60 * options.amount)
    angle = (2 * math.pi * (amount.float() * options.shift + drift)).flatten()
    matrix = hue_matrix(angle).to(frames.dtype)
    return torch.matmul(matrix, frames.flatten(2)).unflatten(2, frames.shape[2:])


def hue_matrix(angle: torch.Tensor) -> torch.Tensor:
    """The feColorMatrix `hueRotate` of SVG 1.1 (15.10) with BT.709 weights: `(batch, 3, 3)`."""
    weights = torch.tensor(LUMA, device=angle.device)
    grey = weights.expand(3, 3)
    cosine = torch.eye(3, device=angle.device) - grey
    sine = torch.tensor(
        [[-0.2126, -0.7152, 0.9278], [0.143, 0.140, -0.283], [-0.7874, 0.7152, 0.0722]],
        device=angle.device,
    )
    turn = angle[:, None, None]
    return grey + torch.cos(turn) * cosine + torch.sin(turn) * sine


def saturation(
    frames: torch.Tensor, amount: torch.Tensor, options: SaturationOptions, _moment: Moment
) -> torch.Tensor:
    """Make colours stronger, or take them away."""
    grey = luma(frames)
    return grey + (frames - grey) * (1 + amount * (options.strength - 1))


def tint(
    frames: torch.Tensor, amount: torch.Tensor, options: TintOptions, _moment: Moment
) -> torch.Tensor:
    """Put a coloured gel before the lamp."""
    return frames * (1 - amount * (1 - colour_of(options.colour, frames)))


def duotone(
    frames: torch.Tensor, amount: torch.Tensor, options: DuotoneOptions, _moment: Moment
) -> torch.Tensor:
    """Print in two inks."""
    dark, light = colour_of(options.dark, frames), colour_of(options.light, frames)
    return torch.lerp(frames, dark + (light - dark) * luma(frames), amount)


def posterize(
    frames: torch.Tensor, amount: torch.Tensor, options: PosterizeOptions, _moment: Moment
) -> torch.Tensor:
    """Print with few shades."""
    steps = options.levels - 1
    return torch.lerp(frames, torch.round(frames * steps) / steps, amount)


def colour_of(text: str, like: torch.Tensor) -> torch.Tensor:
    rgb = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return torch.tensor(rgb, device=like.device, dtype=like.dtype)[:, None, None]


COLOUR = effects_of(
    hue, saturation, tint, duotone, posterize,
    options={
        "hue": HueOptions, "saturation": SaturationOptions, "tint": TintOptions,
        "duotone": DuotoneOptions, "posterize": PosterizeOptions,
    },
)  # fmt: skip
