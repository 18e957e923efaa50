"""Epoch -> how much each loss weighs and how fast the networks learn."""

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Schedule", "Weights", "learning_rate", "phase", "weights_at"]

ADV_AT_2, REC_AT_2 = 0.5, 0.2  # where phase 2 ends


class Schedule(Protocol):
    """The settings that schedules read; see `gan.Config`."""

    phase1_end: int
    phase2_end: int
    phase3_ramp: int
    adv_weight: float
    recon_final: float
    va_weight_g: float
    diversity_weight: float
    lpips_weight: float
    lpips_start: int
    lpips_end: int
    lr_gamma: float
    lr_floor: float


@dataclass(frozen=True, slots=True)
class Weights:
    """Factors of the generator's losses in one epoch."""

    adv: float
    rec: float
    va: float
    diversity: float
    lpips: float
    emotion: bool


def phase(epoch: int, config: Schedule) -> int:
    """1 while only reconstructing, 2 while blending, 3 after; epochs count from 1."""
    return 1 + (epoch > config.phase1_end) + (epoch > config.phase2_end)


def weights_at(epoch: int, config: Schedule) -> Weights:
    """The losses' factors in an epoch, from 1."""
    now = phase(epoch, config)
    adv, rec = PHASES[now](epoch, config)
    emotion = now > 1
    return Weights(
        adv,
        rec,
        config.va_weight_g * emotion,
        config.diversity_weight * emotion,
        _perceptual(epoch, config),
        emotion,
    )


def _reconstruct(_epoch: int, _config: Schedule) -> tuple[float, float]:
    return 0.0, 1.0


def _blend(epoch: int, config: Schedule) -> tuple[float, float]:
    p = (epoch - config.phase1_end) / (config.phase2_end - config.phase1_end)
    adv = ADV_AT_2 * p if config.adv_weight else 0.0
    return adv, 1 - (1 - REC_AT_2) * p


def _compete(epoch: int, config: Schedule) -> tuple[float, float]:
    p = 1.0
    if config.phase3_ramp:
        p = min(1.0, (epoch - config.phase2_end) / config.phase3_ramp)
    adv = ADV_AT_2 + (config.adv_weight - ADV_AT_2) * p if config.adv_weight else 0.0
    return adv, REC_AT_2 + (config.recon_final - REC_AT_2) * p


PHASES = {1: _reconstruct, 2: _blend, 3: _compete}


def _perceptual(epoch: int, config: Schedule) -> float:
    if epoch <= config.lpips_start:
        return 0.0
    span = max(1, config.lpips_end - config.lpips_start)
    return config.lpips_weight * min(1.0, (epoch - config.lpips_start) / span)


def learning_rate(start: float, epoch: int, config: Schedule) -> float:
    """Constant through phase 2, then falling by `lr_gamma` an epoch, down to the floor.

    Without a floor the rate at epoch 500 would be 1.2 % of the first one.
    """
    falls = max(0, epoch - config.phase2_end)
    return start * max(config.lr_gamma**falls, config.lr_floor)
