"""R3GAN's generator and discriminator.

Huang et al., *The GAN is dead; long live the GAN! A Modern GAN Baseline* (2024): grouped
bottleneck blocks without normalisation, plain resampling, nothing else. There is no mapping, no
style, no noise: one call from z to a picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lucidsonic.generators.base import Hooks
from lucidsonic.nn.fir import fir_kernel
from lucidsonic.nn.grouped import grouped_conv2d

__all__ = ["Discriminator", "Network", "NetworkSpec"]

LRELU_SLOPE = 0.2
LRELU_GAIN = (2 / (1 + LRELU_SLOPE**2)) ** 0.5
FIRST_SIDE = 4
LOW_PRECISION_STAGES = 4
LARGE = (
    6 << 20
)  # bytes a picture; larger feature maps are worked off picture by picture on CPUs


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """The shape of a generator, or of the discriminator that mirrors it.

    Attributes:
        z_dim: width of z.
        c_dim: width of the condition, 0 for none.
        embed_dim: width of the embedded condition.
        widths: channels of the stages at 4, 8, 16, ... pixels.
        groups: of the 3x3 convolutions, a stage.
        blocks: residual blocks, a stage.
        expansion: the bottleneck's width over the stage's.
        image_channels: 3 for RGB.
        stretch: height and width in square pictures, for other formats.
    """

    z_dim: int = 64
    c_dim: int = 0
    embed_dim: int = 64
    widths: tuple[int, ...]
    groups: tuple[int, ...]
    blocks: tuple[int, ...]
    expansion: int = 2
    image_channels: int = 3
    stretch: tuple[float, float] = (1.0, 1.0)

    @property
    def resolution(self) -> int:
        return FIRST_SIDE << (len(self.widths) - 1)

    @property
    def first_size(self) -> tuple[int, int]:
        """Height and width of the first feature map."""
        height, width = (round(FIRST_SIDE * side) for side in self.stretch)
        return height, width

    @property
    def gain(self) -> float:
        """Of a block's first two layers: Fixup's L^(-1 / (2m - 2)) for m = 3 layers."""
        return LRELU_GAIN * sum(self.blocks) ** -0.25


def normal(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> None:
    """He initialisation with a gain; 0 makes zeros."""
    fan_in = layer.weight[0].numel()
    if gain == 0:
        nn.init.zeros_(layer.weight)
    else:
        nn.init.normal_(layer.weight, std=gain / fan_in**0.5)


def pointwise(inputs: int, outputs: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 1, bias=False)
    normal(layer)
    return layer


class ResidualBlock(nn.Module):
    """x + bottleneck(x); the identity at initialisation."""

    def __init__(self, spec: NetworkSpec, stage: int) -> None:
        super().__init__()
        width = spec.widths[stage]
        inner = width * spec.expansion
        self.expand = nn.Conv2d(width, inner, 1, bias=False)
        self.bias1 = nn.Parameter(torch.zeros(inner))
        self.mix = nn.Conv2d(inner, inner, 3, padding=1, groups=spec.groups[stage], bias=False)
        self.bias2 = nn.Parameter(torch.zeros(inner))
        self.project = nn.Conv2d(inner, width, 1, bias=False)
        normal(self.expand, spec.gain)
        normal(self.mix, spec.gain)
        normal(self.project, 0)

    def forward(self, x: Tensor, gain: Tensor | None = None) -> Tensor:
        """The same shape; `gain` `(batch, 1, 1, 1)` scales what the block adds."""
        y = activate(convolve(self.expand, x, self.bias1))
        y = convolve(self.mix, y, self.bias2)
        y = convolve(self.project, activate(y))
        if gain is not None:
            y = y * gain.to(y.dtype)
        return x + y if torch.is_grad_enabled() else y.add_(x)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU; outside training in place, as nobody else needs the convolution's output."""
    if torch.is_grad_enabled():
        return F.leaky_relu(x, LRELU_SLOPE)
    return F.leaky_relu_(x, LRELU_SLOPE)


def convolve(layer: nn.Conv2d, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """The layer in x's dtype; its weights stay float32. In training as penalties like it."""
    weight = layer.weight.to(x.dtype)
    bias = None if bias is None else bias.to(x.dtype)
    padding = int(layer.padding[0])
    return grouped_conv2d(x, weight, bias, padding=padding, groups=layer.groups)


class Basis(nn.Module):
    """z -> a learned 4x4 map, each channel scaled by a linear function of z."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(width, FIRST_SIDE, FIRST_SIDE))
        self.linear = nn.Linear(inputs, width, bias=False)
        normal(self.linear)

    def forward(self, z: Tensor) -> Tensor:
        return self.basis.unsqueeze(0) * self.linear(z)[:, :, None, None]


class Stage(nn.Module):
    """One resolution of the generator: what brings the map there, then its blocks."""

    def __init__(self, spec: NetworkSpec, index: int) -> None:
        super().__init__()
        width = spec.widths[index]
        self.first = index == 0
        if self.first:
            embedded = spec.embed_dim if spec.c_dim else 0
            self.head = Basis(spec.z_dim + embedded, width)
        before = spec.widths[max(index - 1, 0)]
        self.widen = pointwise(before, width) if before != width else None
        self.blocks = nn.ModuleList(
            ResidualBlock(spec, index) for _ in range(spec.blocks[index])
        )

    def forward(self, x: Tensor, kernel: Tensor, gain: Tensor | None) -> Tensor:
        """This stage's features from those before it, or from the first map."""
        if self.widen is not None:
            x = convolve(self.widen, x)
        if not self.first:
            x = upsample(x, kernel)
        for block in self.blocks:
            x = block(x, gain)
        return x


def smoothing() -> Tensor:
    # Never on the meta device, on which networks are built before they are filled.
    with torch.device("cpu"):
        return fir_kernel([1.0, 3.0, 3.0, 1.0])


def upsample(x: Tensor, kernel: Tensor) -> Tensor:
    """Twice the height and width; constants stay (but for the border)."""
    weight = (kernel * 4).to(x.dtype).expand(x.shape[1], 1, -1, -1)
    return F.conv_transpose2d(x, weight, stride=2, padding=1, groups=x.shape[1])


def downsample(x: Tensor, kernel: Tensor) -> Tensor:
    """Half the height and width; constants stay (but for the border)."""
    weight = kernel.to(x.dtype).expand(x.shape[1], 1, -1, -1)
    return grouped_conv2d(x, weight, stride=2, padding=1, groups=x.shape[1])


class Network(nn.Module):
    """The generator: z `(batch, z_dim)` and c `(batch, c_dim)` -> pictures."""

    kernel: Tensor

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.stages = nn.ModuleList(Stage(spec, index) for index in range(len(spec.widths)))
        self.to_image = pointwise(spec.widths[-1], spec.image_channels)
        self.embed = nn.Linear(spec.c_dim, spec.embed_dim, bias=False) if spec.c_dim else None
        if self.embed is not None:
            normal(self.embed)
        self.register_buffer("kernel", smoothing(), persistent=False)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        gains: Tensor | None = None,
        dtypes: Sequence[torch.dtype] | torch.dtype = torch.float32,
        hooks: Hooks | None = None,
    ) -> Tensor:
        """Paint.

        Args:
            z: `(batch, z_dim)`.
            c: `(batch, c_dim)`: one-hot, class weights, or any real vector; ignored by a
                network without condition.
            gains: `(batch, stages)` factors on what the residual blocks add.
            dtypes: what the stages compute in: one for each, or one for the highest four.
            hooks: stage -> what is done to its feature maps.

        Returns:
            Float32 `(batch, channels, height, width)`; not bounded.
        """
        if isinstance(dtypes, torch.dtype):
            dtypes = self.stage_dtypes(dtypes)
        if self.embed is not None:
            if c is None:
                raise ValueError(f"this network wants a condition of width {self.spec.c_dim}")
            z = torch.cat([z, self.embed(c)], dim=1)
        x = self.stretched(self.stages[0].get_submodule("head")(z)).contiguous(
            memory_format=torch.channels_last
        )
        return self.paint(x, gains, dtypes, hooks or {}, start=0)

    def stage_dtypes(self, dtype: torch.dtype) -> list[torch.dtype]:
        """`dtype` in the highest stages, never in the first; float32 below."""
        count = len(self.stages)
        low = max(count - LOW_PRECISION_STAGES, 1)
        return [torch.float32] * low + [dtype] * (count - low)

    def stretched(self, x: Tensor) -> Tensor:
        if x.shape[-2:] == self.spec.first_size:
            return x
        return F.interpolate(x, self.spec.first_size, mode="bilinear", align_corners=False)

    def paint(
        self,
        x: Tensor,
        gains: Tensor | None,
        dtypes: Sequence[torch.dtype],
        hooks: Hooks,
        *,
        start: int,
    ) -> Tensor:
        """Run the stages from `start` on; where maps get large, picture by picture.

        A CPU spends more time on fetching fresh memory for a batch of large maps than a
        batch saves. Not so in training, where the batch's maps are kept anyway. Hooks want the
        whole batch.
        """
        alone = not (hooks or torch.is_grad_enabled())
        for index in range(start, len(self.stages)):
            if alone and len(x) > 1 and self.is_large(index, x):
                return torch.cat(
                    [
                        self.paint(x[i : i + 1], row(gains, i), dtypes, hooks, start=index)
                        for i in range(len(x))
                    ]
                )
            gain = None if gains is None else gains[:, index, None, None, None]
            x = self.stages[index](x.to(dtypes[index]), self.kernel, gain)
            x = hooks[index](x) if index in hooks else x
        return convolve(self.to_image, x).to(torch.float32)

    def is_large(self, index: int, x: Tensor) -> bool:
        height, width = (side << index for side in self.spec.first_size)
        inner = self.spec.widths[index] * self.spec.expansion
        return x.device.type == "cpu" and 4 * inner * height * width > LARGE


def row(gains: Tensor | None, index: int) -> Tensor | None:
    return None if gains is None else gains[index : index + 1]


class Discriminator(nn.Module):
    """Pictures `(batch, channels, height, width)` and c -> realness `(batch,)`.

    Args:
        spec: of the generator that it judges.
        offset: for conditions that are no classes. A score linear in c would be nothing at
            c = 0 and turn its sign with c: it could not say that a picture is bad whatever c.
    """

    kernel: Tensor

    def __init__(self, spec: NetworkSpec, *, offset: bool = False) -> None:
        super().__init__()
        self.spec = spec
        self.from_image = pointwise(spec.image_channels, spec.widths[-1])
        self.stages = nn.ModuleList(
            DiscriminatorStage(spec, index) for index in reversed(range(len(spec.widths)))
        )
        width = spec.widths[0]
        self.basis = nn.Conv2d(width, width, FIRST_SIDE, groups=width, bias=False)
        # With a condition the score is a projection (Miyato and Koyama 2018).
        self.linear = nn.Linear(width, width if spec.c_dim else 1, bias=False)
        self.embed = nn.Linear(spec.c_dim, width, bias=offset) if spec.c_dim else None
        normal(self.basis)
        normal(self.linear)
        if self.embed is not None:
            normal(self.embed, width**-0.5)
            if offset:
                nn.init.normal_(self.embed.bias, std=width**-0.5)
        self.register_buffer("kernel", smoothing(), persistent=False)

    def forward(
        self,
        pictures: Tensor,
        c: Tensor | None = None,
        *,
        dtypes: Sequence[torch.dtype] | None = None,
    ) -> Tensor:
        """Realness, float32; `dtypes` are the stages' from the picture down, or None."""
        dtypes = dtypes or [torch.float32] * len(self.stages)
        x = pictures.contiguous(memory_format=torch.channels_last).to(dtypes[0])
        x = convolve(self.from_image, x)
        for stage, dtype in zip(self.stages, dtypes, strict=True):
            x = stage(x.to(dtype), self.kernel)
        x = self.linear(
            grouped_conv2d(
                x.to(torch.float32), self.basis.weight, padding=0, groups=x.shape[1]
            ).flatten(1)
        )
        if self.embed is None:
            return x.squeeze(1)
        if c is None:
            raise ValueError(f"this network wants a condition of width {self.spec.c_dim}")
        return (x * self.embed(c)).sum(dim=1)


class DiscriminatorStage(nn.Module):
    """One resolution of the discriminator: its blocks, then half the size."""

    def __init__(self, spec: NetworkSpec, index: int) -> None:
        super().__init__()
        width = spec.widths[index]
        self.last = index == 0
        self.blocks = nn.ModuleList(
            ResidualBlock(spec, index) for _ in range(spec.blocks[index])
        )
        after = spec.widths[max(index - 1, 0)]
        self.widen = pointwise(width, after) if after != width else None

    def forward(self, x: Tensor, kernel: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        if self.last:
            return x
        x = downsample(x, kernel)
        return x if self.widen is None else convolve(self.widen, x)
