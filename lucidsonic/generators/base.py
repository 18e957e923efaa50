"""What every family module offers, and what every loaded generator can do."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from pydantic import BaseModel

from lucidsonic.types import Capabilities, Controls, FloatArray

Hook = Callable[[torch.Tensor], torch.Tensor]
Hooks = Mapping[int, Hook]
"""Network bending: stage -> function of its feature maps `(batch, channels, height, width)`, in
whatever range and dtype the network has there; it returns the same shape and dtype."""


class Generator(Protocol):
    """A picture for every latent.

    The same controls give the same picture, whatever batch they come in. Networks that have
    them also offer `mapping(z, c, truncation_psi=1.0, truncation_cutoff=None)` and
    `synthesis(w, noise_mode="const")`, in the network's own range. Where `capabilities.stages`
    names stages, `render`, `synthesis` and the call also take `hooks`, see `Hooks`.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What the trajectory stage may drive."""
        ...

    def keyframes(self, seeds: Sequence[int]) -> FloatArray:
        """The point of the walk space that each seed names: float32 `(len(seeds), dim)`.

        For networks with Gaussian z this is the official samplers'
        `numpy.random.RandomState(seed).randn(1, z_dim)`, mapped to w where paths run in w.
        """
        ...

    def directions(self, count: int, *, seed: int) -> FloatArray:
        """Ways in which an onset may push the picture: float32 `(count, dim)`.

        A row is as long as a clearly visible, still recognisable change.
        """
        ...

    def render(self, controls: Controls, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Paint consecutive frames.

        Args:
            controls: what to paint.
            dtype: what the network may compute in; layers that need float32 keep it.

        Returns:
            RGB `(frames, 3, height, width)` in [0, 1] on the generator's device; may hold
            non-finite values when `dtype` is too narrow for this network.
        """
        ...

    def __call__(self, z: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        """Float32 pictures in the network's own range, from `(batch, z_dim)` and `c`."""
        ...


class Family(Protocol):
    """The names that `lucidsonic.generators.<family>` must export."""

    Options: type[BaseModel]

    @staticmethod
    def load(weights: Path | None, options: Any, *, device: str) -> Generator:
        """Build the network that `options` describe and fill it from `weights`.

        Args:
            weights: a safetensors file, or None for a family without weights.
            options: an `Options`.
            device: a torch device name.
        """
        ...
