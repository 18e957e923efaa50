"""The sprite autoencoder: `listed` (plain convolutions) and `residual` (GroupNorm, Mish)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

Architecture = Literal["listed", "residual"]
LOG_VARIANCE = 10.0  # log-variances stay within +- this
GROUPS = 8  # of a normalisation, where there are as many channels


@dataclass(frozen=True, slots=True, kw_only=True)
class VaeShape:
    """Everything that fixes the autoencoder's tensors.

    Attributes:
        arch: "listed" is conv + ReLU; "residual" adds GroupNorm, Mish and residual pairs.
        size: side of a sprite, pixels; a multiple of `2 ** len(channels)`.
        colours: 3 for RGB over a background, 4 for premultiplied RGB and coverage.
        channels: width of each level, finest first; every level halves the side.
        latent: width of the latent.
    """

    arch: Architecture = "listed"
    size: int = 128
    colours: int = 3
    channels: tuple[int, ...] = (64, 128, 256, 512)
    latent: int = 256

    @property
    def side(self) -> int:
        """Side of the coarsest feature map, pixels."""
        return self.size >> len(self.channels)


class ResidualPair(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(min(GROUPS, width), width),
            nn.Mish(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(min(GROUPS, width), width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.mish(x + self.path(x))


def listed_down(inside: int, outside: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inside, outside, 4, stride=2, padding=1), nn.ReLU())


def residual_down(inside: int, outside: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride=2, padding=1),
        nn.GroupNorm(min(GROUPS, outside), outside),
        nn.Mish(),
        ResidualPair(outside),
    )


def listed_up(inside: int, outside: int) -> nn.Module:
    return nn.Sequential(nn.ConvTranspose2d(inside, outside, 4, stride=2, padding=1), nn.ReLU())


def residual_up(inside: int, outside: int) -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(inside, outside, 4, stride=2, padding=1),
        nn.GroupNorm(min(GROUPS, outside), outside),
        nn.Mish(),
    )


def listed_last(width: int, colours: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(width, colours, 4, stride=2, padding=1)]


def residual_last(width: int, colours: int) -> list[nn.Module]:
    return [residual_up(width, width // 2), nn.Conv2d(width // 2, colours, 3, padding=1)]


@dataclass(frozen=True, slots=True)
class Parts:
    """The blocks that one architecture is made of."""

    down: Callable[[int, int], nn.Module]
    up: Callable[[int, int], nn.Module]
    last: Callable[[int, int], list[nn.Module]]


PARTS: dict[str, Parts] = {
    "listed": Parts(listed_down, listed_up, listed_last),
    "residual": Parts(residual_down, residual_up, residual_last),
}


class Encoder(nn.Module):
    """`(batch, colours, size, size)` in [-1, 1] -> mean and log-variance `(batch, latent)`."""

    def __init__(self, shape: VaeShape) -> None:
        super().__init__()
        widths = (shape.colours, *shape.channels)
        down = PARTS[shape.arch].down
        self.blocks = nn.ModuleList(down(i, o) for i, o in pairwise(widths))
        flat = shape.channels[-1] * shape.side**2
        self.mean = nn.Linear(flat, shape.latent)
        self.log_variance = nn.Linear(flat, shape.latent)
        self.checkpointing = False

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = run_blocks(self.blocks, images, checkpointing=self.checkpointing).flatten(1)
        # the clamp keeps exp(log-variance) finite in half precision and at the start
        return self.mean(x), self.log_variance(x).clamp(-LOG_VARIANCE, LOG_VARIANCE)


class Decoder(nn.Module):
    """`(batch, latent)` -> `(batch, colours, size, size)` in [-1, 1]; needs no encoder.

    The reference design feeds encoder maps into the decoder. At render time there is no
    encoder, so those inputs would be ones the decoder never saw: there are none here.
    """

    def __init__(self, shape: VaeShape) -> None:
        super().__init__()
        widths = shape.channels[::-1]
        self.start = (widths[0], shape.side, shape.side)
        self.expand = nn.Linear(shape.latent, widths[0] * shape.side**2)
        up = PARTS[shape.arch].up
        self.blocks = nn.ModuleList(up(i, o) for i, o in pairwise(widths))
        self.blocks.extend(PARTS[shape.arch].last(widths[-1], shape.colours))
        self.checkpointing = False

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        x = self.expand(latents).unflatten(1, self.start)
        return run_blocks(self.blocks, x, checkpointing=self.checkpointing).tanh()


class Vae(nn.Module):
    """Encoder and decoder; nothing but the latent runs from one to the other."""

    def __init__(self, shape: VaeShape) -> None:
        super().__init__()
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)

    def checkpoint_blocks(self, *, on: bool) -> None:
        """Trade time for memory: recompute each block in the backward pass."""
        self.encoder.checkpointing = self.decoder.checkpointing = on


def run_blocks(
    blocks: Iterable[nn.Module], x: torch.Tensor, *, checkpointing: bool
) -> torch.Tensor:
    for block in blocks:
        if checkpointing and torch.is_grad_enabled():
            x = checkpoint(block, x, use_reentrant=False)  # pyright: ignore[reportAssignmentType]
        else:
            x = block(x)
    return x


def count_parameters(modules: nn.Module | Sequence[nn.Module]) -> int:
    """Numbers that training may change."""
    several = [modules] if isinstance(modules, nn.Module) else modules
    return sum(p.numel() for module in several for p in module.parameters())
