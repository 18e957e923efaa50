"""StyleGAN2's generator: mapping and synthesis, for inference.

Parameter names are those of the official checkpoints. The smoothing filter, which those store
once a layer, is stored once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lucidsonic.generators.base import Hook, Hooks
from lucidsonic.generators.stylegan2.layers import (
    ImageLayer,
    ShortcutLayer,
    StyledLayer,
    upsample_image,
)
from lucidsonic.generators.stylegan2.spec import SynthesisSpec
from lucidsonic.nn.fir import fir_kernel
from lucidsonic.nn.mapping import MappingNetwork, MappingSpec

__all__ = ["Bend", "Network", "Synthesis"]

LARGE = (
    6 << 20
)  # bytes a picture; larger feature maps are worked off picture by picture on CPUs
LOW_PRECISION_BLOCKS = 4


@dataclass(slots=True)
class Bend:
    """What each frame asks of the layers beside its styles.

    Attributes:
        noise: one entry a noise layer, `(1 or batch, 1, height, width)`; empty for none.
        gains: `(batch, blocks)` factors on the blocks' features, None for neutral.
        hooks: block -> what is done to its feature maps, of the whole batch.
    """

    noise: Sequence[Tensor] = ()
    gains: Tensor | None = None
    hooks: Hooks = field(default_factory=dict[int, Hook])

    def of(self, index: int) -> "Bend":
        """The part for one picture of the batch."""
        noise = [n if len(n) == 1 else n[index : index + 1] for n in self.noise]
        return Bend(noise, None if self.gains is None else self.gains[index : index + 1])


class Block(nn.Module):
    """All layers at one resolution."""

    def __init__(self, spec: SynthesisSpec, index: int) -> None:
        super().__init__()
        self.first = index == 0
        self.last = index == len(spec.widths) - 1
        self.residual = spec.architecture == "resnet" and not self.first
        resolution = 4 << index
        width = spec.widths[index]
        if self.first:
            self.const = nn.Parameter(torch.randn(width, 4, 4))
        else:
            self.conv0 = StyledLayer(spec, (spec.widths[index - 1], width), resolution, up=True)
        self.conv1 = StyledLayer(spec, (width, width), resolution)
        self.torgb: ImageLayer | None = None
        if self.last or spec.architecture == "skip":
            self.torgb = ImageLayer(width, spec.image_channels, spec.w_dim, clamp=spec.clamp)
        if self.residual:
            self.skip = ShortcutLayer(spec.widths[index - 1], width)

    def forward(self, x: Tensor, ws: Tensor, kernel: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """Features of this resolution; `ws` starts with this block's own styles."""
        if self.first:
            return self.conv1(x, ws[:, 0], kernel, noise[0] if noise else None)
        first, second = noise or (None, None)
        if not self.residual:
            x = self.conv0(x, ws[:, 0], kernel, first)
            return self.conv1(x, ws[:, 1], kernel, second)
        gain = 0.5**0.5
        around = self.skip(x, kernel, gain=gain)
        x = self.conv0(x, ws[:, 0], kernel, first)
        return self.conv1(x, ws[:, 1], kernel, second, gain=gain).add_(around)


@dataclass(slots=True)
class Flow:
    """What travels through the blocks: features and the picture so far."""

    x: Tensor
    picture: Tensor | None = None
    dtype: torch.dtype = field(default=torch.float32)


class Synthesis(nn.Module):
    """Styles `(batch, num_ws, w_dim)` -> pictures `(batch, channels, height, width)`."""

    resample_filter: Tensor

    def __init__(self, spec: SynthesisSpec) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("resample_filter", fir_kernel(torch.ones(spec.filter_taps)))
        for index in range(len(spec.widths)):
            self.add_module(f"b{4 << index}", Block(spec, index))

    @property
    def blocks(self) -> list[Block]:
        return [
            block
            for index in range(len(self.spec.widths))
            if isinstance(block := self.get_submodule(f"b{4 << index}"), Block)
        ]

    def noise_layers(self) -> list[Tensor]:
        """The constant noise `(resolution, resolution)` of every layer that takes noise."""
        if not self.spec.use_noise:
            return []
        layers = [layer for b in self.blocks for layer in b.children()]
        return [
            layer.get_buffer("noise_const")
            for layer in layers
            if isinstance(layer, StyledLayer)
        ]

    def forward(
        self, ws: Tensor, bend: Bend | None = None, *, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Paint.

        Args:
            ws: one style a layer.
            bend: noise, gains and hooks; None for no noise.
            dtype: what the highest resolutions compute in.

        Returns:
            Float32, in the network's own range.
        """
        const = self.blocks[0].const.unsqueeze(0).expand(len(ws), -1, -1, -1)
        flow = Flow(const.contiguous(memory_format=torch.channels_last), dtype=dtype)
        return self.paint(flow, ws, bend or Bend(), start=0)

    def paint(self, flow: Flow, ws: Tensor, bend: Bend, *, start: int) -> Tensor:
        """Run the blocks from `start` on; where maps get large, picture by picture.

        A CPU spends more time on fetching fresh memory for a batch of large maps than a
        batch saves. Hooks want the whole batch.
        """
        for index in range(start, len(self.spec.widths)):
            if len(ws) > 1 and not bend.hooks and self.is_large(index, flow.x):
                parts = [
                    self.paint(picked(flow, i), ws[i : i + 1], bend.of(i), start=index)
                    for i in range(len(ws))
                ]
                return torch.cat(parts)
            flow = self.step(index, flow, ws, bend)
        if flow.picture is None:
            raise AssertionError("the last block always makes a picture")
        return flow.picture

    def is_large(self, index: int, x: Tensor) -> bool:
        height, width = self.spec.size_at(4 << index)
        return x.device.type == "cpu" and 4 * self.spec.widths[index] * height * width > LARGE

    def step(self, index: int, flow: Flow, ws: Tensor, bend: Bend) -> Flow:
        block = self.blocks[index]
        low = index >= max(len(self.spec.widths) - LOW_PRECISION_BLOCKS, 1)
        x = flow.x.to(flow.dtype if low else torch.float32)
        first = max(2 * index - 1, 0)
        noise = bend.noise[first : 2 * index + 1] if bend.noise else ()
        x = block(self.stretched(x, index), ws[:, first:], self.resample_filter, noise)
        if bend.gains is not None:
            x = x * bend.gains[:, index, None, None, None].to(x.dtype)
        if index in bend.hooks:
            x = bend.hooks[index](x)
        picture = flow.picture
        if picture is not None:
            picture = upsample_image(self.stretched(picture, index), self.resample_filter)
        if block.torgb is not None:
            drawn = block.torgb(x, ws[:, 2 * index + 1])
            picture = drawn if picture is None else picture.add_(drawn)
        return Flow(x, picture, flow.dtype)

    def stretched(self, x: Tensor, index: int) -> Tensor:
        """Bring the input of block `index` to the format of its output, if it differs."""
        height, width = self.spec.size_at(4 << index)
        size = (height, width) if index == 0 else (height // 2, width // 2)
        if x.shape[-2:] == size:
            return x
        return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def picked(flow: Flow, index: int) -> Flow:
    picture = None if flow.picture is None else flow.picture[index : index + 1]
    return Flow(flow.x[index : index + 1], picture, flow.dtype)


class Network(nn.Module):
    """The whole generator."""

    def __init__(self, mapping: MappingSpec, synthesis: SynthesisSpec) -> None:
        super().__init__()
        self.mapping = MappingNetwork(mapping)
        self.synthesis = Synthesis(synthesis)
