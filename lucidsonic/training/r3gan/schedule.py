"""Everything that changes with the pictures seen."""

import math
from dataclasses import dataclass

from lucidsonic.training.r3gan.config import Config

__all__ = ["Moment", "cosine", "ema_decay", "moment"]

SIGN_TARGET = 0.6  # ADA: mean sign of D(real) - D(fake) that is still healthy
SPEED = 500_000  # ADA: pictures in which the chance could go from 0 to 1


@dataclass(frozen=True, slots=True)
class Moment:
    """The settings of one step.

    Attributes:
        lr: learning rate.
        beta2: Adam's.
        gamma: factor of the penalties.
        aug_p: chance of an augmentation.
        ema_kimg: half-life of the averaged weights.
    """

    lr: float
    beta2: float
    gamma: float
    aug_p: float
    ema_kimg: float


def cosine(first: float, last: float, images: float, decay: float) -> float:
    """Half a cosine from `first` to `last` over `decay` pictures, then constant."""
    share = min(images / decay, 1.0)
    return first + (1 - 0.5 * (1 + math.cos(math.pi * share))) * (last - first)


def moment(config: Config, images: int) -> Moment:
    """The settings after so many pictures."""

    def between(first: float, last: float) -> float:
        return cosine(first, last, images, config.decay_images)

    return Moment(
        lr=between(config.lr, config.lr_end),
        beta2=between(config.beta2, config.beta2_end),
        gamma=between(config.gamma, config.gamma_end),
        aug_p=between(0.0, config.aug_p) if config.aug != "none" else 0.0,
        ema_kimg=between(0.0, config.ema_kimg),
    )


def ema_decay(batch_size: int, half_life_kimg: float) -> float:
    """The factor a step by which old weights count half after `half_life_kimg`."""
    return 0.5 ** (batch_size / max(half_life_kimg * 1000, 1e-8))


def adapted_chance(chance: float, mean_sign: float, batch_size: int) -> float:
    """ADA: the next chance of an augmentation, up while the critic is too sure."""
    direction = (mean_sign > SIGN_TARGET) - (mean_sign < SIGN_TARGET)
    return min(1.0, max(0.0, chance + direction * batch_size / SPEED))
