"""Looking at a picture through changed coordinates, and blurring it; shared by the effects."""

import torch
from torch.nn import functional as F


def coordinates(frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """X `(1, 1, width)` and y `(1, height, 1)`, float32; the short side runs from -1 to 1."""
    height, width = frames.shape[-2:]
    pixel = 2.0 / min(height, width)
    x = (torch.arange(width, device=frames.device) - (width - 1) / 2) * pixel
    y = (torch.arange(height, device=frames.device) - (height - 1) / 2) * pixel
    return x[None, None], y[None, :, None]


def look(frames: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The pictures at coordinates `(batch, height, width)`; mirrored beyond their edges."""
    height, width = frames.shape[-2:]
    short = min(height, width)
    grid = torch.stack(
        torch.broadcast_tensors(x * (short / width), y * (short / height)), dim=-1
    )
    grid = grid.expand(len(frames), height, width, 2)
    seen = F.grid_sample(
        frames.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return seen.to(frames.dtype)


def blur(frames: torch.Tensor, width: float) -> torch.Tensor:
    """A wide soft blur; `width` is its deviation as a share of the short side.

    Never less than 0.6 pixels, so that it is a blur at any size.
    """
    height, long = frames.shape[-2:]
    deviation = max(width * min(height, long), 0.6)
    step = max(1, int(deviation / 1.5))
    small = frames.float()
    if step > 1:
        size = (max(1, height // step), max(1, long // step))
        small = F.interpolate(small, size=size, mode="area")
    small = _gauss(_gauss(small, deviation / step, -1), deviation / step, -2)
    if step > 1:
        small = F.interpolate(small, size=(height, long), mode="bilinear", align_corners=False)
    return small.to(frames.dtype)


def _gauss(frames: torch.Tensor, deviation: float, axis: int) -> torch.Tensor:
    place = torch.arange(frames.shape[axis], device=frames.device, dtype=torch.float32)
    weights = torch.exp(-0.5 * ((place[:, None] - place) / max(deviation, 1e-3)).square())
    weights = weights / weights.sum(1, keepdim=True)
    return frames @ weights.T if axis == -1 else weights @ frames
