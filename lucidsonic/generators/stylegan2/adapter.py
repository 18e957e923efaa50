"""StyleGAN2: the Generator and load()."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from lucidsonic.errors import WeightsError
from lucidsonic.generators.base import Hooks
from lucidsonic.generators.stylegan2.network import Bend, Network
from lucidsonic.generators.stylegan2.noise import NoiseSource
from lucidsonic.generators.stylegan2.options import Options
from lucidsonic.generators.styles import (
    NoiseMode,
    StyleSpace,
    check_shape,
    picture_to_rgb,
    spread_gains,
)
from lucidsonic.nn.state import Unfilled, fill
from lucidsonic.types import Capabilities, Controls, FloatArray

__all__ = ["StyleGAN2", "load"]

COARSE_WS = 4  # styles up to 8x8, the original's coarse group


class StyleGAN2:
    """A picture for every latent; see `generators.base.Generator`.

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
        spec = network.synthesis.spec
        self.styles = StyleSpace(
            network.mapping, spec.num_ws, condition=options.condition, most=COARSE_WS
        )
        resolutions = [4, *(4 << index for index in range(1, len(spec.widths)) for _ in "01")]
        stored = network.synthesis.noise_layers()
        sizes = [spec.size_at(resolution) for resolution in resolutions] if stored else []
        self.noise = NoiseSource(stored, sizes)
        self.block_groups = [self.styles.groups[2 * i + 1] for i in range(len(spec.widths))]
        self.z_dim, self.c_dim, self.num_ws = self.styles.z_dim, self.styles.c_dim, spec.num_ws
        self.size = spec.size_at(spec.resolution)
        self.capabilities = Capabilities(
            z_dim=self.z_dim,
            c_dim=self.c_dim,
            condition=options.condition if self.c_dim else "none",
            class_names=options.class_names,
            has_mapping=True,
            num_ws=self.num_ws,
            has_noise=spec.use_noise,
            space=self.styles.space,
            dim=self.styles.dim,
            spherical=self.styles.space == "z",
            groups=3,
            size=self.size,
            stages=tuple(spec.size_at(4 << index) for index in range(len(spec.widths))),
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
        seed: int = 0,
        hooks: Hooks | None = None,
    ) -> Tensor:
        """`(batch, num_ws, w_dim)` -> `(batch, channels, height, width)`, near [-1, 1].

        Args:
            w: one style a layer; rows of different pictures mix styles.
            noise_mode: the stored noise, fresh noise, or none.
            seed: of fresh noise.
            hooks: stage -> what is done to its feature maps.

        Raises:
            ConfigError: no such noise, or styles of another shape.
        """
        check_shape("w", w, (self.num_ws, self.styles.w_dim))
        noise = self.noise.make(noise_mode, len(w), seed=seed)
        bend = Bend(noise, hooks=hooks or {})
        return self.network.synthesis(w.to(self.styles.device, torch.float32), bend)

    def __call__(
        self, z: Tensor, c: Tensor | None = None, *, hooks: Hooks | None = None
    ) -> Tensor:
        """Pictures in the network's own range, without truncation."""
        return self.synthesis(self.mapping(z, c), hooks=hooks)

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
        phase, mix, gains = (
            torch.as_tensor(values, dtype=torch.float32).to(device)
            for values in (controls.noise_phase, controls.noise_mix, controls.gains)
        )
        gains = spread_gains(gains, self.block_groups)
        bend = Bend(self.noise.drift(phase, mix), gains, hooks or {})
        pictures = self.network.synthesis(self.styles.styles(controls), bend, dtype=dtype)
        return picture_to_rgb(pictures)


def load(weights: Path | None, options: Options, *, device: str = "cpu") -> StyleGAN2:
    """Build the network that `options` describe and fill it from a safetensors file.

    Raises:
        WeightsError: there is no file, or it does not fit.
    """
    if weights is None:
        raise WeightsError("StyleGAN2 paints nothing without weights.")
    with Unfilled():
        network = Network(*options.specs())
    fill(network, load_file(weights, device="cpu"))
    return StyleGAN2(network.to(device).eval().requires_grad_(False), options)
