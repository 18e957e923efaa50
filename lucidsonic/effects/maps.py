"""Effects on feature maps: what a network paints with is bent, not the picture.

Network bending: Broad, Leymarie & Grierson, *Network Bending: Expressive Manipulation of Deep
Generative Models* (2021). Most of the effects of motion work there as well.
"""

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from lucidsonic.effects.effect import EffectOptions, Moment, Share, effects_of, random_numbers

CHOICE = 7  # the stream of chance that channels are chosen by


class ChannelOptions(EffectOptions):
    """`ablate`, `invert`. Attributes: share: of the channels, drawn from the film's seed."""

    follow: str = "onset_low"
    release_ms: Annotated[float, Field(ge=0, le=10_000)] = 180.0
    share: Share = 0.35


class BoostOptions(ChannelOptions):
    """`boost`. Attributes: factor: of the channels at amount 1."""

    factor: Annotated[float, Field(ge=0, le=16)] = 3.0


def ablate(
    maps: torch.Tensor, amount: torch.Tensor, options: ChannelOptions, moment: Moment
) -> torch.Tensor:
    """Silence some of a network's channels."""
    return maps * (1 - amount * chosen(maps, options.share, moment))


def invert(
    maps: torch.Tensor, amount: torch.Tensor, options: ChannelOptions, moment: Moment
) -> torch.Tensor:
    """Turn some of a network's channels into their opposites."""
    return maps * (1 - 2 * amount * chosen(maps, options.share, moment))


def boost(
    maps: torch.Tensor, amount: torch.Tensor, options: BoostOptions, moment: Moment
) -> torch.Tensor:
    """Make some of a network's channels louder, or quieter."""
    return maps * (1 + (options.factor - 1) * amount * chosen(maps, options.share, moment))


def chosen(maps: torch.Tensor, share: float, moment: Moment) -> torch.Tensor:
    """1 for the channels that are touched, else 0; the same ones in the whole film."""
    numbers = random_numbers(moment.seed, CHOICE, np.zeros(1, np.int64), maps.shape[1])
    wanted = torch.as_tensor(numbers[0] < share, device=maps.device)
    return wanted.to(maps.dtype)[None, :, None, None]


MAPS = effects_of(
    ablate, invert, boost,
    options={"ablate": ChannelOptions, "invert": ChannelOptions, "boost": BoostOptions},
    works_on="maps",
)  # fmt: skip
