"""StyleGAN3: the Generator and load()."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from lucidsonic.errors import WeightsError
from lucidsonic.generators.base import Hooks
from lucidsonic.generators.stylegan3.network import Network
from lucidsonic.generators.stylegan3.options import Options
from lucidsonic.generators.styles import (
    NoiseMode,
    StyleSpace,
    check_noise_mode,
    check_shape,
    picture_to_rgb,
    spread_gains,
)
from lucidsonic.nn.state import Unfilled, fill
from lucidsonic.types import Capabilities, Controls, FloatArray

__all__ = ["StyleGAN3", "load", "placement"]


class StyleGAN3:
    """A picture for every latent, anywhere and at any angle; see `generators.base.Generator`.

    Attributes:
        z_dim: width of z.
        c_dim: width of the condition, 0 for none.
        size: height and width of its pictures.
        has_mapping: True.
        num_ws: styles of a picture.
    """

    has_mapping = True

    def __init__(self, network: Network, options: Options) -> None:
        self.network = network
        plan = network.synthesis.plan
        self.styles = StyleSpace(network.mapping, plan.num_ws, condition=options.condition)
        self.layer_groups = self.styles.groups[1:]
        self.z_dim, self.c_dim, self.num_ws = self.styles.z_dim, self.styles.c_dim, plan.num_ws
        self.size = plan.sizes[-1]
        self.capabilities = Capabilities(
            z_dim=self.z_dim,
            c_dim=self.c_dim,
            condition=options.condition if self.c_dim else "none",
            class_names=options.class_names,
            has_mapping=True,
            num_ws=self.num_ws,
            has_transform=True,
            space=self.styles.space,
            dim=self.styles.dim,
            spherical=self.styles.space == "z",
            groups=3,
            size=self.size,
            stages=tuple(layer.out_size for layer in plan.layers() if not layer.is_picture),
        )

    def keyframes(self, seeds: Sequence[int]) -> FloatArray:
        """The w (or, with a condition, the z) that each seed names."""
        return self.styles.keyframes(seeds)

    def directions(self, count: int, *, seed: int) -> FloatArray:
        """Pushes along the main axes of w: float32 `(count, dim)`."""
        return self.styles.directions(count, seed=seed)

    @torch.inference_mode()
    def mapping(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """`(batch, z_dim)` -> `(batch, num_ws, w_dim)`.

        Args:
            z: Gaussian.
            c: `(batch, c_dim)`; None is right without a condition, else the first class.
            truncation_psi: pulls towards the mean w; 1 does not, negative is its opposite.
            truncation_cutoff: only this many styles are pulled; None for all.

        Raises:
            ConfigError: z or c is not as wide as the network wants.
        """
        return self.styles.mapping(z, c, truncation_psi, truncation_cutoff)

    @torch.inference_mode()
    def synthesis(
        self,
        w: Tensor,
        noise_mode: NoiseMode = "const",
        *,
        transform: Tensor | FloatArray | None = None,
        hooks: Hooks | None = None,
    ) -> Tensor:
        """`(batch, num_ws, w_dim)` -> `(batch, channels, height, width)`, near [-1, 1].

        Args:
            w: one style for the input and one a layer.
            noise_mode: without effect, as this network has no noise.
            transform: `(3, 3)` or `(batch, 3, 3)`, from places in the picture to places in the
                input, as the original tools set it; None for the stored one.
            hooks: stage -> what is done to its feature maps.

        Raises:
            ConfigError: no such noise, or styles of another shape.
        """
        check_noise_mode(noise_mode)
        check_shape("w", w, (self.num_ws, self.styles.w_dim))
        if transform is not None:
            transform = torch.as_tensor(transform, dtype=torch.float32).to(self.styles.device)
        w = w.to(self.styles.device, torch.float32)
        return self.network.synthesis(w, transform, hooks=hooks)

    def __call__(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        transform: Tensor | FloatArray | None = None,
        hooks: Hooks | None = None,
    ) -> Tensor:
        """Pictures in the network's own range, without truncation."""
        return self.synthesis(self.mapping(z, c), transform=transform, hooks=hooks)

    @torch.inference_mode()
    def render(
        self,
        controls: Controls,
        *,
        dtype: torch.dtype = torch.float32,
        hooks: Hooks | None = None,
    ) -> Tensor:
        """Paint consecutive frames: RGB `(frames, 3, height, width)` in [0, 1]."""
        device = self.styles.device
        gains = torch.as_tensor(controls.gains, dtype=torch.float32).to(device)
        stored = self.network.synthesis.input.transform
        transform = torch.from_numpy(placement(controls.transform)).to(device) @ stored
        pictures = self.network.synthesis(
            self.styles.styles(controls),
            transform,
            spread_gains(gains, self.layer_groups),
            dtype=dtype,
            hooks=hooks,
        )
        return picture_to_rgb(pictures)


def placement(transform: FloatArray) -> FloatArray:
    """Pan, rotation and zoom of each frame as the matrix that finds the input of a pixel.

    The picture is zoomed, then turned anticlockwise, then moved right and down; a pixel asks
    the way back.

    Args:
        transform: `(frames, 4)`: pan x, pan y (pictures), rotation (turns), zoom.

    Returns:
        float32 `(frames, 3, 3)`.
    """
    x, y, turns, zoom = np.asarray(transform, dtype=np.float64).T
    cosine, sine = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    zoom = np.maximum(zoom, 1e-3)
    zero, one = np.zeros_like(x), np.ones_like(x)
    # y points down, so this rotation of the way back turns the picture anticlockwise.
    turn = np.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], axis=1)
    shift = np.stack([one, zero, -x, zero, one, -y, zero, zero, one], axis=1)
    scale = np.stack([1 / zoom, zero, zero, zero, 1 / zoom, zero, zero, zero, one], axis=1)
    parts = (part.reshape(-1, 3, 3) for part in (scale, turn, shift))
    first, second, third = parts
    return (first @ second @ third).astype(np.float32)


def load(weights: Path | None, options: Options, *, device: str = "cpu") -> StyleGAN3:
    """Build the network that `options` describe and fill it from a safetensors file.

    Raises:
        WeightsError: there is no file, or it does not fit.
    """
    if weights is None:
        raise WeightsError("StyleGAN3 paints nothing without weights.")
    with Unfilled():
        network = Network(*options.specs())
    fill(network, load_file(weights, device="cpu"))
    return StyleGAN3(network.to(device).eval().requires_grad_(False), options)
