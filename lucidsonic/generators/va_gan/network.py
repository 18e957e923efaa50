"""Latent, valence, arousal -> picture: a decoder whose every stage is bent by emotion.

The emotional residual unit follows the idea of Park & Lee (ACCV 2020).
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from lucidsonic.generators.base import Hooks

__all__ = ["Decoder", "EmotionUnit", "channel_groups", "stage_widths"]

SLOPE = 0.2  # of every leaky ReLU
HIDDEN = 64  # width of an emotion unit's four small networks
GAMMA_REACH = 0.5  # how far a learned scale may leave 1
NEUTRAL = 0.8, 0.4  # gain = first + second * value
SHIFT = 2.0  # factor of the learned shifts


def channel_groups(channels: int) -> int:
    """Groups of a group norm: eight channels each, at most 32 groups."""
    return max(1, min(32, channels // 8))


def stage_widths(resolution: int, width: int) -> list[int]:
    """Channels at 4, 8, 16, ... pixels: halved from `width` down to a sixteenth of it."""
    stages = int(math.log2(resolution)) - 2
    return [max(width >> i, width >> 4, 4) for i in range(stages + 1)]


class EmotionUnit(nn.Module):
    """Adds what valence and arousal make of the normalised features.

    Args:
        channels: of the features.
        clamp: "hard" cuts the learned scales, "soft" bends them with tanh.
    """

    def __init__(self, channels: int, *, clamp: str = "hard") -> None:
        super().__init__()
        self.v_gamma = _small_network(channels)
        self.v_beta = _small_network(channels)
        self.a_gamma = _small_network(channels)
        self.a_beta = _small_network(channels)
        self.scale_v = nn.Parameter(torch.ones(()))
        self.scale_a = nn.Parameter(torch.ones(()))
        self.groups = channel_groups(channels)
        self.clamp = clamp
        self.gain = 1.0  # a renderer's exaggeration

    def gammas(self, va: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scales by valence and by arousal `(batch, channels)`, 0.4 to 1.8."""
        valence, arousal = va[:, :1], va[:, 1:]
        return (
            self._bound(self.v_gamma(valence)) * (NEUTRAL[0] + NEUTRAL[1] * valence),
            self._bound(self.a_gamma(arousal)) * (NEUTRAL[0] + NEUTRAL[1] * arousal),
        )

    def _bound(self, raw: torch.Tensor) -> torch.Tensor:
        if self.clamp == "soft":
            return 1 + GAMMA_REACH * torch.tanh(2 * raw)
        return 1 + raw.clamp(-GAMMA_REACH, GAMMA_REACH)

    def forward(self, x: torch.Tensor, va: torch.Tensor) -> torch.Tensor:
        """Bend `(batch, channels, h, w)` by `(batch, 2)` valence and arousal in [0, 1]."""
        plain = F.group_norm(x, self.groups)
        gamma_v, gamma_a = self.gammas(va)
        scale = self.scale_v * gamma_v + self.scale_a * gamma_a
        shift = SHIFT * (
            self.scale_v * self.v_beta(va[:, :1]) + self.scale_a * self.a_beta(va[:, 1:])
        )
        bent = plain * scale[:, :, None, None] + shift[:, :, None, None]
        return x + (0.5 * self.gain) * bent


def _small_network(channels: int) -> nn.Sequential:
    last = nn.Linear(HIDDEN, channels)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(1, HIDDEN), nn.LeakyReLU(SLOPE), last)


class Stage(nn.Module):
    """Twice the size: nearest neighbour, convolution, norm, emotion."""

    def __init__(self, before: int, after: int, *, clamp: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1)
        self.norm = nn.GroupNorm(channel_groups(after), after)
        self.emotion = EmotionUnit(after, clamp=clamp)

    def forward(self, x: torch.Tensor, va: torch.Tensor) -> torch.Tensor:
        """Double `(batch, before, h, w)` to `(batch, after, 2 h, 2 w)`."""
        x = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.emotion(F.leaky_relu(self.norm(x), SLOPE), va)


class Decoder(nn.Module):
    """The generator: `(batch, latent)` and `(batch, 2)` -> pictures in [-1, 1].

    Args:
        latent_dim: width of z.
        resolution: side of the pictures, a power of two from 16.
        width: channels at 4 pixels.
        clamp: see `EmotionUnit`.
    """

    def __init__(
        self,
        *,
        latent_dim: int = 128,
        resolution: int = 128,
        width: int = 512,
        clamp: str = "hard",
    ) -> None:
        super().__init__()
        widths = stage_widths(resolution, width)
        self.width = width
        self.fc = nn.Linear(latent_dim, width * 16)
        # Where latents of an emotion lie: an autoencoder's export fills it.
        self.register_buffer("lean", torch.zeros(latent_dim, 2))
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.first_norm = nn.GroupNorm(channel_groups(width), width)
        self.stages = nn.ModuleList(
            Stage(before, after, clamp=clamp) for before, after in pairwise(widths)
        )
        self.last = nn.Conv2d(widths[-1], widths[-1], 3, padding=1)
        self.to_rgb = nn.Conv2d(widths[-1], 3, 3, padding=1)

    @property
    def emotion_units(self) -> list[EmotionUnit]:
        """One a stage, coarse to fine."""
        return [module for module in self.modules() if isinstance(module, EmotionUnit)]

    def forward(
        self, z: torch.Tensor, va: torch.Tensor, hooks: Hooks | None = None
    ) -> torch.Tensor:
        """Paint `(batch, 3, size, size)` in [-1, 1].

        Args:
            z: `(batch, latent_dim)`.
            va: `(batch, 2)` in the model's norm, [0, 1].
            hooks: stage -> what is done to its feature maps; stage 0 has 4x4 pixels.
        """
        hooks = hooks or {}
        z = z + va @ self.get_buffer("lean").T
        x = F.leaky_relu(self.fc(z), SLOPE).view(-1, self.width, 4, 4)
        x = F.leaky_relu(self.first_norm(self.first(x)), SLOPE)
        x = hooks[0](x) if 0 in hooks else x
        for index, stage in enumerate(self.stages, start=1):
            x = stage(x, va)
            x = hooks[index](x) if index in hooks else x
        x = F.leaky_relu(self.last(x), SLOPE)
        return torch.tanh(self.to_rgb(x))
