"""What a critic is taught, and what it says to the generator: two schools.

`hinge` is the specification's: spectral norm everywhere, scores on either side of a margin, and
a guess of the picture's emotion. `pairing` is R3GAN's (Huang et al. 2024): each photograph is
compared with a painting of the same emotion, and gradients at both are kept short. It sharpens
a decoder within an hour of CPU time, where the hinge critic still guesses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lucidsonic.generators.r3gan.network import Discriminator, NetworkSpec
from lucidsonic.generators.va_gan.network import stage_widths
from lucidsonic.training.r3gan.losses import generator_loss, pairing_loss, penalised_score
from lucidsonic.training.run import Clock
from lucidsonic.training.update import Losses
from lucidsonic.training.va_gan.emotion_data import wish
from lucidsonic.training.va_gan.losses import critic_loss, gradient_penalty
from lucidsonic.training.va_gan.networks import Critic
from lucidsonic.training.va_gan.schedule import learning_rate

__all__ = ["ADVERSARIES", "Adversary", "Lesson"]

GROUP = 16  # channels of a group in the pairing critic's 3x3 convolutions
EMBEDDED = 64  # width of its embedded emotion

Augment = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a critic looks at.

    Attributes:
        real: photographs `(batch, 3, size, size)` in [-1, 1].
        va: their emotions `(batch, 2)`, in the model's norm.
        fake: paintings, as many.
        wanted: the emotions that they were asked for.
        augment: what both go through before they are seen.
    """

    real: Tensor
    va: Tensor
    fake: Tensor
    wanted: Tensor
    augment: Augment


class Adversary(Protocol):
    """A school of critics."""

    def build(self, *, resolution: int, width: int) -> nn.Module:
        """A critic whose coarsest layers have so many channels."""
        ...

    def wanted(self, va: Tensor, norm: str) -> Tensor:
        """The emotions to paint beside photographs of these."""
        ...

    def penalty(self, config: Any, clock: Clock) -> float:
        """Factor of the gradient penalties in this step."""
        ...

    def teach(self, critic: nn.Module, lesson: Lesson, *, va: float, gamma: float) -> Losses:
        """The critic's losses: `loss` in all, `d_loss`, `d_sign`, `d_wrong`, and its own."""
        ...

    def ask(self, critic: nn.Module, lesson: Lesson) -> Losses:
        """What the generator hears: `adv`, and `va_g` from critics that guess emotions."""
        ...


class Hinge:
    """Realness and emotion are scored apart; R1 on photographs, every few steps."""

    def build(self, *, resolution: int, width: int) -> nn.Module:
        return Critic(resolution=resolution, width=width)

    def wanted(self, va: Tensor, norm: str) -> Tensor:
        return wish(va, norm)

    def penalty(self, config: Any, clock: Clock) -> float:
        return config.r1_gamma if clock.step % config.r1_every == 0 else 0.0

    def teach(self, critic: nn.Module, lesson: Lesson, *, va: float, gamma: float) -> Losses:
        scores, emotion = critic(lesson.augment(lesson.real))
        fake_scores, _ = critic(lesson.augment(lesson.fake))
        hinge, error = critic_loss(scores, fake_scores), F.mse_loss(emotion, lesson.va)
        losses = {
            "loss": hinge + va * error,
            "d_loss": hinge,
            "va_d": error,
            "d_sign": scores.sign().mean(),
            "d_wrong": ((scores < 0).float().mean() + (fake_scores > 0).float().mean()) / 2,
        }
        if gamma:
            losses["r1"] = gradient_penalty(lambda x: critic(x)[0], lesson.real)
            losses["loss"] = losses["loss"] + gamma * losses["r1"]
        return losses

    def ask(self, critic: nn.Module, lesson: Lesson) -> Losses:
        scores, emotion = critic(lesson.augment(lesson.fake))
        return {"adv": -scores.mean(), "va_g": F.mse_loss(emotion, lesson.wanted)}


class Pairing:
    """Photograph against painting, both of one emotion; R1 and R2 every step."""

    def build(self, *, resolution: int, width: int) -> nn.Module:
        widths = tuple(
            GROUP * max(1, round(w / GROUP)) for w in stage_widths(resolution, width)
        )
        spec = NetworkSpec(
            c_dim=2,
            embed_dim=EMBEDDED,
            widths=widths,
            groups=tuple(w // GROUP for w in widths),
            blocks=(1,) * len(widths),
        )
        return Discriminator(spec, offset=True)

    def wanted(self, va: Tensor, norm: str) -> Tensor:
        return va

    def penalty(self, config: Any, clock: Clock) -> float:
        return learning_rate(config.r1_gamma, clock.epoch, config)  # falls as the rates do

    def teach(self, critic: nn.Module, lesson: Lesson, *, va: float, gamma: float) -> Losses:
        judge = judging(critic, lesson)
        real, fake = (penalised_score(judge, images) for images in (lesson.real, lesson.fake))
        loss, gap = pairing_loss(real.score, fake.score), real.score - fake.score
        r1, r2 = real.penalty.mean(), fake.penalty.mean()
        return {
            "loss": loss + 0.5 * gamma * (r1 + r2),
            "d_loss": loss,
            "d_sign": gap.sign().mean(),
            "d_wrong": (gap < 0).float().mean(),
            "r1": r1,
            "r2": r2,
        }

    def ask(self, critic: nn.Module, lesson: Lesson) -> Losses:
        judge = judging(critic, lesson)
        with torch.no_grad():
            real = judge(lesson.real)
        return {"adv": generator_loss(real, judge(lesson.fake))}


def judging(critic: nn.Module, lesson: Lesson) -> Augment:
    """Pictures -> their realness, as pictures of the lesson's emotions."""
    centred = 4 * lesson.va - 2  # about -2 to 2
    return lambda images: critic(lesson.augment(images), centred)


ADVERSARIES: Mapping[str, Adversary] = {"hinge": Hinge(), "pairing": Pairing()}
