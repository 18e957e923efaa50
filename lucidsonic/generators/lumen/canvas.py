"""Where a frame's forms are drawn: camera coordinates and the smooth random fields on them.

Units: the short side of the picture runs from -1 to 1, x to the right, y downwards. Smooth
fields are sums of plane waves; they are evaluated on a coarse grid (the same at any resolution)
and interpolated by cubic B-splines, so that they cost little and have smooth derivatives.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

TAU = 2 * math.pi
NODES = 44  # grid nodes along the short side


@dataclass(frozen=True, slots=True)
class Camera:
    """How the picture lies on the plane; all `(batch, 1, 1)`."""

    pan_x: torch.Tensor
    pan_y: torch.Tensor
    angle: torch.Tensor  # radians
    zoom: torch.Tensor

    def place(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Picture coordinates -> coordinates on the plane."""
        cos, sin = torch.cos(self.angle) / self.zoom, torch.sin(self.angle) / self.zoom
        return x * cos - y * sin + self.pan_x, x * sin + y * cos + self.pan_y


@dataclass(frozen=True, slots=True)
class Frame:
    """The pixel grid of one picture size.

    Attributes:
        x: `(1, 1, width)`.
        y: `(1, height, 1)`.
        coarse_x: `(1, 1, nodes_x)`, where the smooth fields are evaluated.
        coarse_y: `(1, nodes_y, 1)`.
        up_x: `(nodes_x, width)`, cubic B-spline weights from nodes to pixels.
        up_y: `(height, nodes_y)`.
        pixel: side of a pixel.
    """

    x: torch.Tensor
    y: torch.Tensor
    coarse_x: torch.Tensor
    coarse_y: torch.Tensor
    up_x: torch.Tensor
    up_y: torch.Tensor
    pixel: float


def make_frame(size: tuple[int, int], device: torch.device) -> Frame:
    """The grids for pictures of `size` (height, width)."""
    height, width = size
    pixel = 2.0 / min(size)
    x, y = _centres(width, pixel), _centres(height, pixel)
    node_x, node_y = _nodes(width * pixel), _nodes(height * pixel)

    def put(values: np.ndarray, *shape: int) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=device).reshape(shape)

    return Frame(
        put(x, 1, 1, -1),
        put(y, 1, -1, 1),
        put(node_x, 1, 1, -1),
        put(node_y, 1, -1, 1),
        put(spline_matrix(node_x, x).T.copy(), len(node_x), width),
        put(spline_matrix(node_y, y), height, len(node_y)),
        pixel,
    )


def _centres(count: int, pixel: float) -> np.ndarray:
    return (np.arange(count) - (count - 1) / 2) * pixel


def _nodes(extent: float) -> np.ndarray:
    spacing = 2.0 / NODES
    count = math.ceil(extent / spacing) + 4  # two outside on each side, for the spline
    return _centres(count, spacing)


def spline_matrix(nodes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Weights `(points, nodes)` of the uniform cubic B-spline."""
    t = np.abs(points[:, None] - nodes[None, :]) / (nodes[1] - nodes[0])
    near = (4 - 6 * t**2 + 3 * t**3) / 6
    return np.where(t < 1, near, np.where(t < 2, (2 - np.minimum(t, 2)) ** 3 / 6, 0.0))


@dataclass
class Canvas:
    """What a form draws from.

    Attributes:
        x: `(batch, height, width)` on the plane.
        y: likewise.
        fields: name -> smooth random field `(batch, height, width)`, mean 0, deviation 1.
        traits: name -> `(batch, 1, 1)` in [0, 1], what the latent says.
        focus: `(x, y)` of the brightest place, each `(batch, 1, 1)`.
        drift: `(batch, 1, 1)`, turns of slow evolution.
        time_s: `(batch, 1, 1)`.
        sparkle: `(batch, 1, 1)` in [0, 1], how much fast noise shows.
        gains: coarse, middle, fine, each `(batch, 1, 1)`, 1 is neutral.
        table: random numbers in [0, 1), `(4, 4096)`, for whatever is counted in cells.
        cloud: periodic fractal noise `(1, 2, n, n)`, mean 0, deviation 1, 4 units wide.
        pixel: side of a pixel at zoom 1.
        symmetry: mirrors of a kaleidoscope.
    """

    x: torch.Tensor
    y: torch.Tensor
    fields: Mapping[str, torch.Tensor]
    traits: Mapping[str, torch.Tensor]
    focus: tuple[torch.Tensor, torch.Tensor]
    drift: torch.Tensor
    time_s: torch.Tensor
    sparkle: torch.Tensor
    gains: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    table: torch.Tensor
    cloud: torch.Tensor
    pixel: float
    symmetry: int = 6

    @cached_property
    def radius(self) -> torch.Tensor:
        """Distance to the focus."""
        return torch.hypot(self.x - self.focus[0], self.y - self.focus[1])

    @cached_property
    def pool(self) -> torch.Tensor:
        """Light that falls off around the focus, 1 to 0."""
        return 1 / (1 + (self.radius * 1.25).square())
