"""What the critic sees, augmented: geometry only, since colour carries emotion."""

import math

import torch
import torch.nn.functional as F

__all__ = ["adjust_chance", "augment"]

TARGET = 0.6  # mean sign of the critic's scores on real pictures
EVERY = 4  # steps between adjustments
SPEED = 500_000  # pictures in which the chance could go from 0 to 1
SHIFT = 1 / 8  # largest share of the side
ZOOM = 0.2  # deviation of log2 of the scale


def augment(images: torch.Tensor, chance: float) -> torch.Tensor:
    """Mirror, shift and zoom each picture with that chance; 0 changes nothing.

    Args:
        images: `(batch, 3, size, size)`.
        chance: of each of the three, in [0, 1].
    """
    if chance <= 0:
        return images
    count, size, device = len(images), images.shape[-1], images.device
    mirror = torch.where(_toss(count, chance, device), -1.0, 1.0)
    pixels = torch.randint(-int(size * SHIFT), int(size * SHIFT) + 1, (count, 2), device=device)
    shift = pixels * (2 / size) * _toss(count, chance, device)[:, None]
    zoom = torch.exp2(ZOOM * torch.randn(count, device=device) * _toss(count, chance, device))
    theta = torch.zeros(count, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 1, 1] = mirror / zoom, 1 / zoom
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _toss(count: int, chance: float, device: torch.device) -> torch.Tensor:
    return torch.rand(count, device=device) < chance


def adjust_chance(chance: float, mean_sign: float, *, batch_size: int) -> float:
    """The next chance: up while the critic is too sure of the real pictures, else down."""
    step = math.copysign(1.0, mean_sign - TARGET) if mean_sign != TARGET else 0.0
    return min(1.0, max(0.0, chance + step * batch_size * EVERY / SPEED))
