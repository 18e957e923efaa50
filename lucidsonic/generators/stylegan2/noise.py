"""Noise for the layers: as stored, none, fresh, or drifting smoothly from frame to frame."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lucidsonic.generators.styles import NoiseMode, check_noise_mode

__all__ = ["NoiseSource"]

FAST_TURNS = 8  # turns of the fast noise in one turn of the slow one
FIRST_SEED = 715_517  # of those maps; one nobody draws a network with
PARTNERS = 3  # maps that join the stored one: slow sine, fast cosine, fast sine


class NoiseSource:
    """The noise maps of every layer.

    Args:
        stored: the network's constant maps `(resolution, resolution)`.
        sizes: height and width that each layer paints; larger than its map in other formats.
    """

    def __init__(self, stored: Sequence[Tensor], sizes: Sequence[tuple[int, int]]) -> None:
        self.stored = [fit(noise, size) for noise, size in zip(stored, sizes, strict=True)]
        self.maps: list[Tensor] | None = None

    def make(self, mode: NoiseMode, batch: int, *, seed: int) -> list[Tensor]:
        """One entry a layer, `(1 or batch, 1, height, width)`; empty for "none".

        Raises:
            ConfigError: no such mode.
        """
        check_noise_mode(mode)
        if mode == "none":
            return []
        if mode == "const":
            return [noise[None, None] for noise in self.stored]
        source = torch.Generator().manual_seed(seed)
        return [
            torch.randn(batch, 1, *noise.shape, generator=source).to(noise.device)
            for noise in self.stored
        ]

    def drift(self, phase: Tensor, mix: Tensor) -> list[Tensor]:
        """Unit-variance noise that changes smoothly, `(frames, 1, height, width)` a layer.

        Two loops of fixed maps, cos(a)·M1 + sin(a)·M2, are blended with weights whose squares
        add up to one. At phase 0 and mix 0 it is the stored noise.

        Args:
            phase: `(frames,)`, turns of the slow loop.
            mix: `(frames,)` in [0, 1], how much the fast loop shows.
        """
        slow, fast = 2 * torch.pi * phase, 2 * torch.pi * FAST_TURNS * phase
        calm, busy = (1 - mix).clamp_min(0).sqrt(), mix.clamp_min(0).sqrt()
        weights = torch.stack(
            [slow.cos() * calm, slow.sin() * calm, fast.cos() * busy, fast.sin() * busy], dim=1
        ).to(torch.float32)
        return [
            (weights.to(maps.device) @ maps.flatten(1)).view(len(phase), 1, *maps.shape[1:])
            for maps in self.partners()
        ]

    def partners(self) -> list[Tensor]:
        """Each layer's stored map and the others, `(4, height, width)`; made once."""
        if self.maps is None:
            self.maps = []
            for layer, noise in enumerate(self.stored):
                source = torch.Generator().manual_seed(FIRST_SEED + layer)
                others = torch.randn(PARTNERS, *noise.shape, generator=source)
                self.maps.append(torch.cat([noise[None], others.to(noise.device)]))
        return self.maps


def fit(noise: Tensor, size: tuple[int, int]) -> Tensor:
    """The map, continued by its mirror image where the picture is larger."""
    for axis, length in enumerate(size):
        side = noise.shape[axis]
        if length != side:
            index = torch.arange(length, device=noise.device) % (2 * side)
            noise = noise.index_select(axis, torch.minimum(index, 2 * side - 1 - index))
    return noise
