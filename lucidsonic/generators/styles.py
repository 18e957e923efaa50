"""What the families with a style space share: paths, truncation and layers in w."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from lucidsonic.errors import ConfigError
from lucidsonic.nn.mapping import MappingNetwork, truncate
from lucidsonic.types import Condition, Controls, FloatArray, Space

__all__ = [
    "NoiseMode",
    "StyleSpace",
    "check_noise_mode",
    "check_shape",
    "gaussian_z",
    "layer_groups",
    "picture_to_rgb",
    "spread_gains",
]

NoiseMode = Literal["const", "random", "none"]
SAMPLES = 4096  # of w, for its mean and main axes
STEP = 1.5  # standard deviations: a clearly visible, still recognisable change
Z_STEP = 0.35  # of the norm of z
AXES = 24  # the main axes that pushes are drawn from


def gaussian_z(seeds: Sequence[int], z_dim: int) -> FloatArray:
    """The z that the official samplers draw for each seed: float32 `(len(seeds), z_dim)`."""
    rows = [np.random.RandomState(seed % 2**32).randn(z_dim) for seed in seeds]
    return np.array(rows, dtype=np.float32).reshape(len(seeds), z_dim)


def check_noise_mode(mode: str) -> None:
    """See that a kind of noise is known.

    Raises:
        ConfigError: it is not.
    """
    if mode not in (known := get_args(NoiseMode)):
        raise ConfigError(
            f"There is no noise_mode '{mode}'.", hint=f"Known: {', '.join(known)}."
        )


def check_shape(name: str, given: Tensor, wanted: tuple[int, ...]) -> None:
    """See that `given` is `(batch, *wanted)`.

    Raises:
        ConfigError: it is not.
    """
    if given.ndim != 1 + len(wanted) or given.shape[1:] != wanted:
        shape = ", ".join(map(str, wanted))
        raise ConfigError(
            f"{name} is {tuple(given.shape)}; this network wants (batch, {shape}).",
            hint="Its z_dim, c_dim, num_ws and w_dim say what it takes.",
        )


def picture_to_rgb(pictures: Tensor) -> Tensor:
    """Pictures in about [-1, 1] of any channel count -> RGB in [0, 1].

    A picture that holds infinity or NaN becomes NaN as a whole: cut to 0 or 1, what overflowed
    would pass for paint, and nobody would paint it again.
    """
    channels = pictures.shape[1]
    rgb = pictures[:, :3] if channels >= 3 else pictures[:, :1].expand(-1, 3, -1, -1)
    # 0.5, or NaN: one pass over the pixels, and a GPU is not waited for. The sum of a bright
    # picture is more than half precision holds.
    total = rgb.sum(dim=(1, 2, 3), keepdim=True, dtype=torch.float32)
    half = total.mul_(0).add_(0.5).to(rgb.dtype)
    return rgb.mul(0.5).add_(half).clamp_(0, 1)


def spread_gains(gains: Tensor, groups: Sequence[int]) -> Tensor:
    """Gains of three groups `(frames, 3)` -> one a layer `(frames, layers)`.

    A group's layers share its gain, so that their product is what was asked for.
    """
    index = torch.tensor(list(groups), device=gains.device)
    counts = torch.bincount(index, minlength=3).clamp_min(1)
    return gains.clamp_min(1e-3).pow(1 / counts)[:, index]


def layer_groups(layers: int, *, most: int | None = None) -> list[int]:
    """0, 1 or 2 (coarse, middle, fine) for each layer; a third each, coarse up to `most`."""
    share = max(round(layers / 3), 1)
    share = share if most is None else min(share, most)
    return [min(index // share, 2) for index in range(layers)]


class StyleSpace:
    """The way from latents to the styles of every layer, for one loaded network."""

    def __init__(
        self,
        network: MappingNetwork,
        num_ws: int,
        *,
        condition: Condition = "class",
        most: int | None = None,
    ) -> None:
        self.network = network
        self.meaning = condition
        self.num_ws = num_ws
        self.groups = layer_groups(num_ws, most=most)
        spec = network.spec
        self.z_dim, self.c_dim, self.w_dim = spec.z_dim, spec.c_dim, spec.w_dim
        self.space: Space = "w" if self.c_dim == 0 else "z"
        self.dim = self.w_dim if self.space == "w" else self.z_dim
        self.device = next(network.parameters()).device
        stored = network.w_avg
        self.average = self.sample().mean(dim=0) if stored is None else stored

    def sample(self) -> Tensor:
        """Some w of this network, always the same, `(SAMPLES, w_dim)`."""
        source = torch.Generator().manual_seed(0)
        z = torch.randn(SAMPLES, self.z_dim, generator=source).to(self.device)
        c = (
            torch.eye(self.c_dim, device=self.device)[
                torch.arange(SAMPLES, device=self.device) % max(self.c_dim, 1)
            ]
            if self.c_dim
            else None
        )
        with torch.inference_mode():
            return self.network(z, c)

    def mapping(self, z: Tensor, c: Tensor | None, psi: float, cutoff: int | None) -> Tensor:
        """`(batch, num_ws, w_dim)`; see `generators.base.Generator`."""
        check_shape("z", z, (self.z_dim,))
        z = z.to(self.device, torch.float32)
        w = self.network(z, self.condition(c, len(z))).unsqueeze(1).repeat(1, self.num_ws, 1)
        return w if psi == 1 else truncate(w, self.average, psi, cutoff=cutoff)

    def condition(self, c: Tensor | None, batch: int) -> Tensor | None:
        """The condition on the device; by default the first class or the mean emotion."""
        if self.c_dim == 0:
            return None
        if c is None:
            c = torch.zeros(batch, self.c_dim)
            if self.meaning == "class":
                c[:, 0] = 1
        check_shape("c", c, (self.c_dim,))
        return c.to(self.device, torch.float32)

    def keyframes(self, seeds: Sequence[int]) -> FloatArray:
        """Points of the walk space; see `generators.base.Generator`."""
        z = gaussian_z(seeds, self.z_dim)
        if self.space == "z":
            return z
        with torch.inference_mode():
            w: FloatArray = self.network(torch.from_numpy(z).to(self.device)).cpu().numpy()
        return w

    def directions(self, count: int, *, seed: int) -> FloatArray:
        """Pushes in the walk space: along the main axes of w, or random ones in z.

        The main axes are those that the network's own styles vary in most (Härkönen et al.,
        *GANSpace*, 2020); the seed picks some and their signs.
        """
        random = np.random.default_rng(seed)
        if self.space == "z":
            rows = random.standard_normal((count, self.z_dim))
            rows *= Z_STEP * self.z_dim**0.5 / np.linalg.norm(rows, axis=1, keepdims=True)
            return rows.astype(np.float32)
        w = self.sample().cpu().double()  # Apple's GPUs have no float64
        _, lengths, axes = torch.linalg.svd(w - w.mean(dim=0), full_matrices=False)
        scaled = (axes * (STEP * lengths / SAMPLES**0.5)[:, None])[:AXES].numpy()
        order = np.concatenate(
            [random.permutation(len(scaled)) for _ in range(-(-count // len(scaled)))]
        )[:count]
        signs = random.choice([-1.0, 1.0], size=(count, 1))
        return (scaled[order] * signs).astype(np.float32)

    def styles(self, controls: Controls) -> Tensor:
        """The styles of every frame, `(frames, num_ws, w_dim)`, truncated."""
        latent = torch.as_tensor(controls.latent, dtype=torch.float32).to(self.device)
        frames, groups, dim = latent.shape
        if self.space == "z":
            c = controls.condition
            c = self.condition(None if c is None else torch.as_tensor(c), frames)
            flat = latent.reshape(-1, dim)
            every = None if c is None else c.repeat_interleave(groups, dim=0)
            latent = self.network(flat, every).view(frames, groups, self.w_dim)
        index = torch.tensor([min(group, groups - 1) for group in self.groups])
        psi = torch.as_tensor(controls.truncation, dtype=torch.float32).to(self.device)
        return truncate(latent[:, index.to(self.device)], self.average, psi.view(-1, 1, 1))
