"""R3GAN: Options, the Generator and load()."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from safetensors.torch import load_file
from torch import Tensor

from lucidsonic.errors import WeightsError
from lucidsonic.generators.base import Hooks
from lucidsonic.generators.r3gan.network import FIRST_SIDE, Network, NetworkSpec
from lucidsonic.generators.styles import check_shape, gaussian_z, layer_groups, picture_to_rgb
from lucidsonic.nn.state import Unfilled, fill
from lucidsonic.types import Capabilities, Controls, FloatArray

__all__ = ["R3GAN", "Options", "load"]

STEP = 0.35  # of the norm of z: a clearly visible, still recognisable change

Width = Annotated[int, Field(ge=1, le=8192)]
Stages = Annotated[tuple[Width, ...], Field(min_length=1, max_length=10)]


class Options(BaseModel):
    """The network's shape, which a conversion fills in, and what its condition means.

    Attributes:
        z_dim: width of z.
        c_dim: width of the condition, 0 for none.
        embed_dim: width of the embedded condition.
        widths: channels of the stages at 4, 8, 16, ... pixels.
        groups: of the 3x3 convolutions, a stage.
        blocks: residual blocks, a stage.
        expansion: the bottleneck's width over the stage's.
        image_channels: 3 for RGB.
        condition: what the condition means, if there is one.
        class_names: what the classes are called.
        va_mean: valence and arousal that the network knows as 0.
        va_std: one step of it.
        aspect: width over height; the nearest that the first 4x4 map allows is made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    z_dim: Width = 64
    c_dim: Annotated[int, Field(ge=0, le=100_000)] = 0
    embed_dim: Width = 64
    widths: Stages
    groups: Stages
    blocks: Stages
    expansion: Width = 2
    image_channels: Annotated[int, Field(ge=1, le=16)] = 3
    condition: Literal["class", "va"] = "class"
    class_names: tuple[str, ...] = ()
    va_mean: tuple[float, float] = (0.0, 0.0)
    va_std: tuple[float, float] = (1.0, 1.0)
    aspect: Annotated[float, Field(ge=0.25, le=4)] = 1.0

    @model_validator(mode="after")
    def _stages_agree(self) -> Self:
        if not len(self.widths) == len(self.groups) == len(self.blocks):
            raise ValueError("widths, groups and blocks must name as many stages")
        for width, groups in zip(self.widths, self.groups, strict=True):
            if width * self.expansion % groups:
                raise ValueError(f"{width * self.expansion} channels do not split in {groups}")
        return self

    def spec(self) -> NetworkSpec:
        """The shape of the network."""
        shared = set(NetworkSpec.__dataclass_fields__) - {"stretch"}
        stretch = (max(1.0, 1 / self.aspect), max(1.0, self.aspect))
        return NetworkSpec(**{name: getattr(self, name) for name in shared}, stretch=stretch)


class R3GAN:
    """A picture for every latent, in one call; see `generators.base.Generator`.

    Attributes:
        z_dim: width of z.
        c_dim: width of the condition, 0 for none.
        size: height and width of its pictures.
        has_mapping: False.
        num_ws: 0.
    """

    has_mapping = False
    num_ws = 0

    def __init__(self, network: Network, options: Options) -> None:
        self.network = network
        self.options = options
        spec = network.spec
        self.z_dim, self.c_dim = spec.z_dim, spec.c_dim
        height, width = (side * spec.resolution // FIRST_SIDE for side in spec.first_size)
        self.size = (height, width)
        self.device = network.to_image.weight.device
        self.groups = layer_groups(len(spec.widths))
        self.capabilities = Capabilities(
            z_dim=self.z_dim,
            c_dim=self.c_dim,
            condition=options.condition if self.c_dim else "none",
            class_names=options.class_names,
            dim=self.z_dim,
            size=self.size,
            stages=tuple(
                (spec.first_size[0] << stage, spec.first_size[1] << stage)
                for stage in range(len(spec.widths))
            ),
        )

    def keyframes(self, seeds: Sequence[int]) -> FloatArray:
        """The z that the official sampler draws for each seed."""
        return gaussian_z(seeds, self.z_dim)

    def directions(self, count: int, *, seed: int) -> FloatArray:
        """Pushes that move the 4x4 code the most: float32 `(count, z_dim)`.

        The code is linear in z, so its main axes are the singular vectors of that map; the seed
        picks some and their signs.
        """
        random = np.random.default_rng(seed)
        head = self.network.get_submodule("stages.0.head")
        energy = head.get_parameter("basis").square().sum(dim=(1, 2)).sqrt()
        weight = head.get_parameter("linear.weight")[:, : self.z_dim] * energy[:, None]
        # Apple's GPUs have no float64.
        axes = torch.linalg.svd(weight.cpu().double(), full_matrices=False).Vh
        axes = axes[: max(self.z_dim // 2, 1)].numpy()
        rounds = -(-count // len(axes))
        order = np.concatenate([random.permutation(len(axes)) for _ in range(rounds)])[:count]
        signs = random.choice([-1.0, 1.0], size=(count, 1))
        return (axes[order] * signs * (STEP * self.z_dim**0.5)).astype(np.float32)

    @torch.inference_mode()
    def __call__(
        self, z: Tensor, c: Tensor | None = None, *, hooks: Hooks | None = None
    ) -> Tensor:
        """Float32 `(batch, channels, height, width)`, about [-1, 1], from z and condition.

        Args:
            z: Gaussian `(batch, z_dim)`.
            c: `(batch, c_dim)` in the network's own scale; None is right without a condition,
                else the first class or the mean emotion.
            hooks: stage -> what is done to its feature maps.

        Raises:
            ConfigError: z or c is not as wide as the network wants.
        """
        check_shape("z", z, (self.z_dim,))
        z = z.to(self.device, torch.float32)
        return self.network(z, self.condition(c, len(z)), hooks=hooks)

    def condition(self, c: Tensor | None, batch: int) -> Tensor | None:
        if self.c_dim == 0:
            return None
        if c is None:
            c = torch.zeros(batch, self.c_dim)
            if self.options.condition == "class":
                c[:, 0] = 1
        check_shape("c", c, (self.c_dim,))
        return c.to(self.device, torch.float32)

    @torch.inference_mode()
    def render(
        self,
        controls: Controls,
        *,
        dtype: torch.dtype = torch.float32,
        hooks: Hooks | None = None,
    ) -> Tensor:
        """Paint consecutive frames: RGB `(frames, 3, height, width)` in [0, 1].

        Truncation scales z: there is no mean w to pull to, and the 4x4 code is linear in z.
        """
        z = torch.as_tensor(controls.latent[:, 0], dtype=torch.float32).to(self.device)
        psi = torch.as_tensor(controls.truncation, dtype=torch.float32).to(self.device)
        gains = torch.as_tensor(controls.gains, dtype=torch.float32).to(self.device)
        pictures = self.network(
            z * psi[:, None],
            self.condition(self.own_scale(controls.condition), len(z)),
            gains=gains[:, self.groups],
            dtypes=dtype,
            hooks=hooks,
        )
        return picture_to_rgb(pictures)

    def own_scale(self, condition: FloatArray | None) -> Tensor | None:
        """Class weights as they are; valence and arousal standardised as in training."""
        if condition is None:
            return None
        c = torch.as_tensor(condition, dtype=torch.float32)
        if self.options.condition == "class":
            return c
        return (c - torch.tensor(self.options.va_mean)) / torch.tensor(self.options.va_std)


def load(weights: Path | None, options: Options, *, device: str = "cpu") -> R3GAN:
    """Build the network that `options` describe and fill it from a safetensors file.

    Raises:
        WeightsError: there is no file, or it does not fit.
    """
    if weights is None:
        raise WeightsError("R3GAN paints nothing without weights.")
    with Unfilled():
        network = Network(options.spec())
    fill(network, load_file(weights, device="cpu"))
    return R3GAN(network.to(device).eval().requires_grad_(False), options)
