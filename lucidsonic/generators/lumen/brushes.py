"""Small tools that forms share: soft steps, glows, clouds, stars."""

import torch
from torch.nn import functional as F

from lucidsonic.generators.lumen.canvas import TAU, Canvas

CLOUD_WIDTH = 4.0  # units after which the fractal noise repeats


def smooth(
    x: torch.Tensor, low: torch.Tensor | float, high: torch.Tensor | float
) -> torch.Tensor:
    """0 below `low`, 1 above `high`, smooth between."""
    t = ((x - low) / (high - low)).clamp_(0, 1)
    return t * t * (3 - 2 * t)


def glow(distance: torch.Tensor, width: torch.Tensor | float) -> torch.Tensor:
    """1 at distance 0, falling off like light around a lamp."""
    return 1 / (1 + (distance / width).square())


def line(distance: torch.Tensor, width: torch.Tensor | float) -> torch.Tensor:
    """1 at distance 0, gone after about twice the width."""
    return torch.exp(-(distance / width).square())


def cloud(
    canvas: Canvas, x: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two planes of fractal noise at `(x, y)`; mean 0, deviation 1."""
    grid = torch.stack([x, y], dim=-1).div_(CLOUD_WIDTH)
    grid = (grid - grid.floor()).mul_(2).sub_(1)
    tile = canvas.cloud.expand(len(x), -1, -1, -1)
    found = F.grid_sample(tile, grid, align_corners=True)
    return found[:, 0], found[:, 1]


def cell_numbers(canvas: Canvas, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
    """Four random numbers in [0, 1) for each cell `(i, j)`: `(4, ...)`."""
    index = (i.long() * 73 + j.long() * 179).remainder_(canvas.table.shape[1])
    return canvas.table[:, index]


RISE = 48  # cells that rising points climb in a turn; their numbers repeat after as many


def stars(
    canvas: Canvas, cells: float, *, share: float = 0.5, size: float = 0.012, rise: int = 0
) -> torch.Tensor:
    """Points of light that twinkle with the fast noise: `(batch, height, width)` in [0, 1].

    Args:
        canvas: where.
        cells: star places a unit.
        share: how many places hold a star.
        size: radius of a bright star.
        rise: how often a turn of the slow noise lifts them by RISE cells.
    """
    x, y = canvas.x * cells, canvas.y * cells
    if rise:
        x = x + 0.7 * canvas.fields["u"]
        y = y + canvas.drift * (rise * RISE)
    i, j = x.floor(), y.floor()
    dx, dy, bright, rate = cell_numbers(canvas, i, j.remainder(RISE) if rise else j)
    radius = size * cells * (0.35 + 0.65 * bright)
    room = 1 - 2 * radius
    x = (x - i).sub_(radius + dx * room)
    y = (y - j).sub_(radius + dy * room)
    near = (1 - torch.hypot(x, y) / radius).clamp_min_(0)
    shown = smooth(bright, 1 - share, 1.0)
    blink = torch.sin(TAU * (rate * 7 + canvas.time_s * (0.6 + 2.4 * dx)))
    return near.square_().mul_(shown) * (1 + canvas.sparkle * blink)
