"""Fixed features of pictures, and how far two sets of them are apart: a stand-in for FID."""

from functools import lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as F

__all__ = ["frechet_distance", "picture_features", "spearman"]

WIDTHS = (3, 24, 48)  # of the random convolutions


def picture_features(images: torch.Tensor) -> torch.Tensor:
    """Random-convolution, colour and edge statistics `(count, 104)` of pictures in [0, 1].

    The convolutions are seeded and never trained: a proxy, comparable only with itself.
    """
    x = F.adaptive_avg_pool2d(images, 64) if images.shape[-1] > 64 else images
    parts = [x.mean((2, 3)), x.std((2, 3))]
    parts += [
        x.diff(dim=2).abs().mean((1, 2, 3))[:, None],
        x.diff(dim=3).abs().mean((1, 2, 3))[:, None],
    ]
    hidden = x * 2 - 1
    for kernel in _kernels():
        hidden = F.leaky_relu(
            F.conv2d(hidden, kernel.to(hidden.device), stride=2, padding=1), 0.2
        )
    parts += [hidden.mean((2, 3)), hidden.std((2, 3))]
    return torch.cat(parts, 1)


@lru_cache(maxsize=1)
def _kernels() -> list[torch.Tensor]:
    chance = torch.Generator().manual_seed(1994)
    return [
        torch.randn(after, before, 3, 3, generator=chance) * (2 / (9 * before)) ** 0.5
        for before, after in pairwise(WIDTHS)
    ]


def frechet_distance(fake: torch.Tensor, real: torch.Tensor) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2) of two sets of features `(count, dim)`.

    Features are first put on the real set's scale, so that none dominates.
    """
    scale = real.double().std(0).clamp_min(1e-6)
    a, b = fake.double() / scale, real.double() / scale
    gap = (a.mean(0) - b.mean(0)).square().sum()
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    root = _square_root(cov_a)
    middle = torch.linalg.eigvalsh(root @ cov_b @ root).clamp_min(0).sqrt().sum()
    return float(gap + cov_a.trace() + cov_b.trace() - 2 * middle)


def _square_root(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.T


def spearman(a: torch.Tensor, b: torch.Tensor) -> float:
    """Rank correlation of two series; 0 when one of them is constant."""
    ranks = torch.stack([_ranks(a), _ranks(b)])
    ranks = ranks - ranks.mean(1, keepdim=True)
    length = ranks.square().sum(1).prod().sqrt()
    return float((ranks[0] * ranks[1]).sum() / length) if length > 0 else 0.0


def _ranks(values: torch.Tensor) -> torch.Tensor:
    values = values.double().cpu()
    _, group, count = torch.unique(values, return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    return (last - (count - 1) / 2)[group]  # ties share their mean rank
