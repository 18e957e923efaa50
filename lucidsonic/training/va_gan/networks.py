"""The networks that only training needs: the encoder, the critic, its pictures' features."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from lucidsonic.generators.va_gan.network import SLOPE, channel_groups, stage_widths

__all__ = ["Critic", "Encoder", "Latent"]

LOG_VARIANCE = (-10.0, 2.0)  # limits


class Encoder(nn.Module):
    """Pictures -> mean and log variance of their latents; knows nothing of emotion."""

    def __init__(
        self, *, latent_dim: int = 128, resolution: int = 128, width: int = 512
    ) -> None:
        super().__init__()
        widths = [3, *stage_widths(resolution, width)[-2::-1]]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [
                nn.Conv2d(before, after, 4, stride=2, padding=1),
                nn.GroupNorm(channel_groups(after), after),
                nn.LeakyReLU(SLOPE),
            ]
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.mean = nn.Linear(width * 16, latent_dim)
        self.log_variance = nn.Linear(width * 16, latent_dim)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance `(batch, latent)` of pictures in [-1, 1]."""
        code = self.body(images)
        return self.mean(code), self.log_variance(code).clamp(*LOG_VARIANCE)


class Critic(nn.Module):
    """Tells photographs from paintings, and guesses valence and arousal from the picture.

    Every layer has spectral norm.
    """

    def __init__(self, *, resolution: int = 128, width: int = 512) -> None:
        super().__init__()
        widths = _critic_widths(resolution, width)
        self.from_rgb = _conv(3, widths[0], 1)
        self.blocks = nn.ModuleList(
            nn.ModuleList([_conv(a, a, 3), _conv(a, b, 3)]) for a, b in pairwise(widths)
        )
        self.last = _conv(width + 1, width, 3)
        self.score = spectral_norm(nn.Linear(width, 1))
        hidden = max(width // 4, 8)
        self.emotion = nn.Sequential(
            spectral_norm(nn.Linear(width, hidden)),
            nn.LeakyReLU(SLOPE),
            spectral_norm(nn.Linear(hidden, 2)),
            nn.Sigmoid(),
        )

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """`(batch, width)` of pictures `(batch, 3, size, size)` in [-1, 1]."""
        x = F.leaky_relu(self.from_rgb(images), SLOPE)
        for first, second in self.blocks:  # pyright: ignore[reportGeneralTypeIssues]
            x = F.leaky_relu(first(x), SLOPE)
            x = F.avg_pool2d(F.leaky_relu(second(x), SLOPE), 2)
        x = F.leaky_relu(self.last(_with_batch_deviation(x)), SLOPE)
        return x.mean((2, 3))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Realness `(batch,)` and valence, arousal `(batch, 2)` in [0, 1]."""
        features = self.features(images)
        return self.score(features)[:, 0], self.emotion(features)


def _critic_widths(resolution: int, width: int) -> list[int]:
    # 128 pixels: 64, 64, 128, 256, 512, 512 for width 512
    falling = stage_widths(resolution, width)  # 512 256 128 64 32 32 at 4 8 16 32 64 128
    return [max(w, width >> 3) for w in [falling[0], *falling[:-1]]][::-1]


def _conv(before: int, after: int, kernel: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(before, after, kernel, padding=kernel // 2))


def _with_batch_deviation(x: torch.Tensor) -> torch.Tensor:
    """One more channel: how much the batch varies, averaged over all features."""
    deviation = (x.float().var(0, unbiased=False) + 1e-8).sqrt().mean().to(x.dtype)
    return torch.cat([x, deviation.expand(len(x), 1, *x.shape[2:])], 1)


class Latent:
    """Draws z, and the divergence of a posterior from the prior."""

    @staticmethod
    def draw(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
        """A sample of the posterior, `(batch, latent)`."""
        return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()

    @staticmethod
    def divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
        """Kullback-Leibler divergence from N(0, 1), mean over batch and dimensions."""
        return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).mean()
