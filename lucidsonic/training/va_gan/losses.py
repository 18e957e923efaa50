"""What the networks are judged by."""

from collections.abc import Callable

import torch
import torch.nn.functional as F

__all__ = ["critic_loss", "diversity_loss", "gradient_penalty", "pyramid_distance"]

LEVELS = 4  # of the pyramid


def critic_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Hinge: real scores should exceed 1, fake ones stay below -1; 2 is chance."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def gradient_penalty(
    score: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor
) -> torch.Tensor:
    """Mean squared norm of the score's gradient at the images (R1), always in float32."""
    images = images.detach().float().requires_grad_(True)
    with torch.autocast(images.device.type, enabled=False):
        total = score(images).sum()
        (gradient,) = torch.autograd.grad(total, images, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


def diversity_loss(images: torch.Tensor, va: torch.Tensor) -> torch.Tensor:
    """How far distances between pictures are from distances between their emotions.

    Args:
        images: `(groups, members, 3, height, width)`; members share one z.
        va: `(groups, members, 2)`.

    Returns:
        Mean over pairs within groups of |d_img / max d_img - d_va / max d_va|.
    """
    pictures = _pair_distances(images.flatten(2))
    emotions = _pair_distances(va)
    gaps = pictures / pictures.detach().amax().clamp_min(1e-8) - emotions / (
        emotions.detach().amax().clamp_min(1e-8)
    )
    return gaps.abs().mean()


def _pair_distances(points: torch.Tensor) -> torch.Tensor:
    members = points.shape[1]
    i, j = torch.triu_indices(members, members, 1, device=points.device)
    return (points[:, i] - points[:, j]).float().square().sum(-1).add(1e-12).sqrt()


def pyramid_distance(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of Laplacian pyramids, fine to coarse; stands in for LPIPS.

    Args:
        made: `(batch, 3, size, size)` in [-1, 1].
        wanted: the same shape.
    """
    difference = made - wanted
    total = difference.new_zeros(())
    for _ in range(LEVELS):
        coarse = F.avg_pool2d(difference, 2)
        total = total + (difference - F.interpolate(coarse, scale_factor=2.0)).abs().mean()
        difference = coarse
    return (total + difference.abs().mean()) / (LEVELS + 1)
