"""Tone, light and accent -> a picture: palette, bloom, shoulder, vignette, dither."""

from dataclasses import dataclass

import numpy as np
import torch

from lucidsonic.generators.lumen.canvas import Frame
from lucidsonic.generators.lumen.layers import Layers
from lucidsonic.generators.lumen.palettes import STEPS

GLOW_NODES = 2.6  # deviation of the glow around bright places, in nodes of the coarse grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """How light becomes a picture; all but the first about 0 to 2.

    Attributes:
        exposure: multiplies all light.
        bloom: light that spills around bright places.
        shoulder: how early highlights are held back; 0 clips, as print does.
        vignette: how dark the corners are.
        grain: film grain, 1/255.
    """

    exposure: float = 1.0
    bloom: float = 0.6
    shoulder: float = 0.6
    vignette: float = 0.5
    grain: float = 1.0


@dataclass(frozen=True, slots=True)
class Lab:
    """What developing pictures of one size needs.

    Attributes:
        glow_y: `(nodes_y, height)`, pixels -> blurred nodes.
        glow_x: `(width, nodes_x)`.
        back_y: `(height, nodes_y)`.
        back_x: `(nodes_x, width)`.
        vignette: `(1, 1, height, width)` in [0, 1], 1 in the corners.
        grain: `(1, 1, height, width)`, even, mean 0, width 2.
    """

    glow_y: torch.Tensor
    glow_x: torch.Tensor
    back_y: torch.Tensor
    back_x: torch.Tensor
    vignette: torch.Tensor
    grain: torch.Tensor


def make_lab(frame: Frame) -> Lab:
    """The tables for pictures on `frame`."""
    x, y = frame.x, frame.y
    reach = (x / x.abs().max()).square() + (y / y.abs().max()).square()
    noise = np.random.default_rng(5).random((y.shape[1], x.shape[2]), dtype=np.float32)
    return Lab(
        _down(frame.up_y.T), _down(frame.up_x).T.contiguous(), frame.up_y, frame.up_x,
        (reach / 2).square()[:, None],
        (torch.as_tensor(noise, device=x.device) * 2 - 1)[None, None],
    )  # fmt: skip


def _down(up: torch.Tensor) -> torch.Tensor:
    """Weights `(nodes, pixels)` of a blur onto the nodes, from those of the way back."""
    nodes = torch.arange(len(up), device=up.device, dtype=torch.float32)
    blur = torch.exp(-0.5 * ((nodes[:, None] - nodes) / GLOW_NODES).square())
    down = blur @ up
    return down / down.sum(1, keepdim=True)


def colour(layers: Layers, table: torch.Tensor, accent: torch.Tensor) -> torch.Tensor:
    """Light `(batch, 3, height, width)` from a palette table `(batch, 3, STEPS)`."""
    place = layers.tone.clamp(0, 1).mul_(STEPS - 1)
    entry = place.long().clamp_(max=STEPS - 2)
    between = place.sub_(entry).to(table.dtype)[:, None]
    entry = entry.flatten(1)[:, None].expand(-1, 3, -1)
    size = layers.tone.shape[1:]
    slope = table.diff(dim=2).gather(2, entry).unflatten(2, size)
    light = table.gather(2, entry).unflatten(2, size).addcmul_(slope, between)
    light = light.mul_(layers.light.to(light.dtype)[:, None])
    return light.addcmul_(layers.accent.to(light.dtype)[:, None], accent[..., None, None])


def develop(light: torch.Tensor, lab: Lab, stock: Stock) -> torch.Tensor:
    """Light -> pictures `(batch, 3, height, width)` in [0, 1]."""
    light = light.mul_(stock.exposure)
    if stock.bloom:
        bright = (light - 0.35).clamp_min_(0)
        spill = lab.glow_y.to(light.dtype) @ bright @ lab.glow_x.to(light.dtype)
        light = light.add_(
            (lab.back_y.to(light.dtype) @ spill @ lab.back_x.to(light.dtype)), alpha=stock.bloom
        )
    if stock.vignette:
        light = light.mul_((1 - stock.vignette * lab.vignette).to(light.dtype))
    if stock.shoulder:
        light = light.mul_((1 + stock.shoulder * light.square()).rsqrt_())
        light = light.mul_((1 + 0.5 * stock.shoulder) ** 0.5)
    picture = light.clamp_(0, 1).sqrt_().float()
    return picture.add_(lab.grain, alpha=stock.grain / 255).clamp_(0, 1)
