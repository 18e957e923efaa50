"""The seeded network: a class-conditional mapping, and heads that read each style input.

Nothing here is trained. Every matrix is drawn from the world's seed and made orthogonal, so
that each direction of the latent space does about as much as any other.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from lucidsonic.generators.lumen.canvas import TAU

Z_DIM = 64
NUM_WS = 9  # three coarse, three middle, three fine
HIDDEN = 128

# What the latent says in one number, and the style input it is read from.
TRAITS: Mapping[str, int] = {
    "focus_x": 0, "focus_y": 0, "angle": 1, "scale": 1, "warp": 2, "balance": 2,
    "shape": 3, "density": 3, "bend": 4, "width": 4, "hue": 5, "tone": 5, "chroma": 5,
    "detail": 6, "edge": 6, "spark": 7, "scatter": 7, "glint": 8,
}  # fmt: skip

# Smooth fields: style input, lowest and highest frequency (cycles a unit).
FIELDS: Mapping[str, tuple[int, float, float]] = {
    "u": (1, 0.10, 0.42),
    "v": (1, 0.10, 0.42),
    "a": (2, 0.12, 0.50),
    "m": (2, 0.12, 0.45),
    "b": (4, 0.35, 0.95),
    "c": (5, 0.35, 0.95),
    "d": (6, 0.90, 1.90),
}
WAVES = 16  # plane waves a field


def draw(seed: int, stream: int, *shape: int) -> torch.Tensor:
    """Gaussian numbers that depend on the world and the stream alone."""
    rng = np.random.default_rng([seed, stream])
    return torch.as_tensor(rng.standard_normal(shape), dtype=torch.float32)


def orthogonal(seed: int, stream: int, rows: int, columns: int) -> torch.Tensor:
    """A random matrix with orthonormal columns (or rows, where there are fewer)."""
    wide = rows < columns
    q, r = np.linalg.qr(
        np.random.default_rng([seed, stream]).standard_normal(
            (columns, rows) if wide else (rows, columns)
        )
    )
    q = q * np.sign(np.diag(r))
    return torch.as_tensor(np.ascontiguousarray(q.T if wide else q), dtype=torch.float32)


class Mapping2(nn.Module):
    """z -> w: orthogonal, odd and smooth, so that the mean of w is exactly zero."""

    enter: torch.Tensor
    leave: torch.Tensor

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.register_buffer("enter", orthogonal(seed, 1, Z_DIM, HIDDEN))
        self.register_buffer("leave", orthogonal(seed, 2, HIDDEN, Z_DIM))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """`(batch, 64)` -> `(batch, 64)`, about unit variance for Gaussian z."""
        bent = torch.sin(1.2 * (z @ self.enter) * math.sqrt(HIDDEN / Z_DIM) * 0.7071)
        return 0.5 * z + 1.25 * math.sqrt(0.5) * (bent @ self.leave) * math.sqrt(2.0)


class Heads(nn.Module):
    """w -> traits and the coefficients of the smooth fields."""

    trait_rows: torch.Tensor
    wave_x: torch.Tensor
    wave_y: torch.Tensor
    wave_turns: torch.Tensor
    field_rows: torch.Tensor
    field_base: torch.Tensor
    scales: torch.Tensor

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.register_buffer("trait_rows", orthogonal(seed, 3, Z_DIM, Z_DIM)[: len(TRAITS)])
        fields = len(FIELDS)
        rng = np.random.default_rng([seed, 4])
        low = np.array([f[1] for f in FIELDS.values()])[:, None]
        high = np.array([f[2] for f in FIELDS.values()])[:, None]
        rate = low + (high - low) * rng.random((fields, WAVES))
        angle = TAU * (np.arange(WAVES) + rng.random((fields, WAVES))) / WAVES
        turns = rng.choice([-1.0, 1.0], (fields, WAVES))
        for name, value in (
            ("wave_x", rate * np.cos(angle) * TAU),
            ("wave_y", rate * np.sin(angle) * TAU),
            ("wave_turns", turns * TAU),
        ):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32))
        self.register_buffer(
            "field_rows", draw(seed, 5, fields, Z_DIM, 2 * WAVES) / math.sqrt(Z_DIM)
        )
        self.register_buffer("field_base", 0.5 * draw(seed, 6, fields, 2 * WAVES))

    def traits(self, w: torch.Tensor) -> dict[str, torch.Tensor]:
        """`(batch, 9, 64)` -> name -> `(batch, 1, 1)` in [0, 1], evenly spread."""
        layers = list(TRAITS.values())
        raw = torch.einsum("btd,td->bt", w[:, layers], self.trait_rows)
        even = 0.5 + 0.5 * torch.erf(raw * 0.7071)
        return {name: even[:, i, None, None] for i, name in enumerate(TRAITS)}

    def fields(
        self, w: torch.Tensor, x: torch.Tensor, y: torch.Tensor, drift: torch.Tensor
    ) -> torch.Tensor:
        """Smooth fields at the nodes.

        Args:
            w: `(batch, 9, 64)`.
            x: `(batch, nodes_y, nodes_x)` on the plane.
            y: likewise.
            drift: `(batch, 1, 1)`, turns; the fields come back after one.

        Returns:
            `(batch, fields, nodes_y, nodes_x)`, mean 0, deviation 1.
        """
        layers = [f[0] for f in FIELDS.values()]
        own = w[:, layers]
        mixed = self.field_base + torch.einsum("bfd,fdk->bfk", own, self.field_rows)
        mixed = mixed / mixed.norm(dim=-1, keepdim=True) * math.sqrt(2.0)
        points = torch.stack([x.flatten(1), y.flatten(1)], 1)  # (batch, 2, points)
        waves = torch.stack([self.wave_x.flatten(), self.wave_y.flatten()], 1)
        phase = waves @ points + (drift * self.wave_turns.flatten()[:, None])
        phase = phase.unflatten(1, (len(FIELDS), WAVES))
        basis = torch.cat([torch.cos(phase), torch.sin(phase)], dim=2)
        found = torch.einsum("bfk,bfkp->bfp", mixed, basis)
        return found.unflatten(-1, x.shape[1:])


def make_cloud(seed: int, side: int = 512) -> torch.Tensor:
    """Periodic fractal noise `(1, 2, side + 1, side + 1)`: mean 0, deviation 1."""
    rate = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]) * side
    power = np.where(rate > 0, np.maximum(rate, 1e-9) ** -1.75, 0.0)
    power = power * np.exp(-((rate / 90) ** 2)) * (rate > 1.5)
    planes = []
    for stream in (7, 8):
        noise = np.random.default_rng([seed, stream]).standard_normal((side, side))
        plane = np.fft.irfft2(np.fft.rfft2(noise) * power, s=(side, side))
        plane = plane / plane.std()
        planes.append(np.pad(plane, ((0, 1), (0, 1)), mode="wrap"))
    return torch.as_tensor(np.stack(planes)[None], dtype=torch.float32)


def make_table(seed: int) -> torch.Tensor:
    """Even random numbers `(4, 4096)` for whatever is counted in cells."""
    rng = np.random.default_rng([seed, 9])
    return torch.as_tensor(rng.random((4, 4096)), dtype=torch.float32)
