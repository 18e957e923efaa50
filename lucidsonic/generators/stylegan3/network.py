"""StyleGAN3's generator (configurations T and R), for inference.

Parameter and buffer names are those of the official checkpoints. The filters are the stored
ones. Every filter runs as a depthwise convolution along one axis (transposed for upsampling, so
that no work is done on stuffed zeros); only the radial ones of configuration R need two.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lucidsonic.generators.base import Hooks
from lucidsonic.generators.stylegan3.plan import LayerPlan, SynthesisPlan
from lucidsonic.nn.fir import downsample_axis, upsample_axis
from lucidsonic.nn.mapping import Dense, MappingNetwork, MappingSpec

__all__ = ["Network", "Synthesis"]

EPSILON = 1e-8
LRELU_SLOPE = 0.2
LRELU_GAIN = 2**0.5


class FourierInput(nn.Module):
    """A style and a transform -> the features of the first grid, by sines of its coordinates.

    Appendix F of the paper: the style turns and shifts the picture, the transform comes on top.
    """

    freqs: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, plan: SynthesisPlan) -> None:
        super().__init__()
        self.size = plan.sizes[0]
        self.rate = plan.rates[0]
        self.bandwidth = float(plan.cutoffs[0])
        channels = plan.widths[0]
        directions = torch.randn(channels, 2)
        radii = directions.square().sum(dim=1, keepdim=True).sqrt()
        directions /= radii * radii.square().exp().pow(0.25)
        self.weight = nn.Parameter(torch.randn(channels, channels))
        self.affine = Dense(plan.w_dim, 4)
        nn.init.zeros_(self.affine.weight)
        self.affine.bias.data[0] = 1
        self.register_buffer("transform", torch.eye(3))
        self.register_buffer("freqs", directions * self.bandwidth)
        self.register_buffer("phases", torch.rand(channels) - 0.5)

    def forward(self, w: Tensor, transform: Tensor | None) -> Tensor:
        """`(batch, channels, height, width)` from `(batch, w_dim)` and `(… 3, 3)`."""
        placed = self.placement(w) @ (self.transform if transform is None else transform)
        phases = self.phases + (self.freqs @ placed[:, :2, 2:]).squeeze(2)
        freqs = self.freqs @ placed[:, :2, :2]
        # What a transform pushes beyond the grid's band fades out instead of aliasing.
        beyond = (freqs.norm(dim=2) - self.bandwidth) / (self.rate / 2 - self.bandwidth)
        amplitudes = (1 - beyond).clamp(0, 1)
        waves = (self.grid() @ freqs.transpose(1, 2).unsqueeze(1)) + phases[:, None, None]
        waves = torch.sin(waves * (2 * torch.pi)) * amplitudes[:, None, None]
        mixed = waves @ (self.weight / self.weight.shape[1] ** 0.5).t()
        return mixed.permute(0, 3, 1, 2)

    def placement(self, w: Tensor) -> Tensor:
        """`(batch, 3, 3)`: the shift, then the turn, that the style asks for."""
        t = self.affine(w)
        cosine, sine, x, y = (t / t[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        turn = torch.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], dim=1)
        shift = torch.stack([one, zero, -x, zero, one, -y, zero, zero, one], dim=1)
        return turn.view(-1, 3, 3) @ shift.view(-1, 3, 3)

    def grid(self) -> Tensor:
        """Pixel centres `(height, width, 2)` as x, y; the picture without margin is 1 wide."""
        height, width = (
            (torch.arange(side, device=self.freqs.device) - (side - 1) / 2) / self.rate
            for side in self.size
        )
        y, x = torch.meshgrid(height, width, indexing="ij")
        return torch.stack([x, y], dim=2)


class Layer(nn.Module):
    """Modulated convolution, bias and a leaky ReLU computed on a finer grid."""

    magnitude_ema: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(self, plan: LayerPlan, *, w_dim: int, clamp: float | None) -> None:
        super().__init__()
        self.plan = plan
        self.clamp = clamp
        inputs, outputs = plan.channels
        self.affine = Dense(w_dim, inputs)
        nn.init.ones_(self.affine.bias)
        weight = torch.randn(outputs, inputs, plan.kernel, plan.kernel)
        self.weight = nn.Parameter(weight.to(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.fold: tuple[Tensor, Tensor] | None = None
        self.register_buffer("magnitude_ema", torch.ones([]))
        for name, taps in zip(("up_filter", "down_filter"), plan.filters(), strict=True):
            self.register_buffer(name, None if taps is None else torch.from_numpy(taps).float())

    def forward(self, x: Tensor, w: Tensor, gain: Tensor | None) -> Tensor:
        """`(batch, out, height, width)`; `gain` is `(batch,)` on the output, or None."""
        y = self.convolve(x, w)
        if self.plan.is_picture:
            return y if self.clamp is None else y.clamp_(-self.clamp, self.clamp)
        y = self.upsample(y)
        y = F.leaky_relu_(y, LRELU_SLOPE)
        if self.clamp is not None:
            y = y.clamp_(-self.clamp, self.clamp)
        y = self.downsample(y)
        return y if gain is None else y * gain.to(y.dtype).view(-1, 1, 1, 1)

    def convolve(self, x: Tensor, w: Tensor) -> Tensor:
        """The modulated convolution with bias.

        One picture: weights are modulated (eq. 1 and 3 of StyleGAN2). Several: the input is
        scaled by the style and the output by the filters' norms, which is the same.
        """
        styles = self.affine(w)
        inputs, outputs = self.plan.channels
        pad = self.plan.kernel - 1
        weight, energy = self.folded()
        if self.plan.is_picture:
            # No demodulation here: the weights keep their own scale.
            styles = styles / inputs**0.5 * self.magnitude_ema.rsqrt()
            scale = styles.new_ones(len(x), outputs)
        else:
            styles = styles * styles.square().mean(dim=1, keepdim=True).rsqrt()
            scale = (styles.square() @ energy.t() + EPSILON).rsqrt()
            scale = scale * self.magnitude_ema.rsqrt()
        if len(x) == 1:
            weight = weight * styles.view(1, -1, 1, 1) * scale.view(-1, 1, 1, 1)
            return F.conv2d(x, weight.to(x.dtype), self.bias.to(x.dtype), padding=pad)
        # The filters are brought to unit norm so that half precision holds the sums.
        norm = (inputs * self.plan.kernel**2) ** 0.5
        x = x * styles.to(x.dtype)[:, :, None, None]
        y = F.conv2d(x, (weight / norm).to(x.dtype), padding=pad)
        scale = (scale * norm).to(x.dtype)[:, :, None, None]
        return torch.addcmul(self.bias.to(x.dtype).view(1, -1, 1, 1), y, scale)

    def folded(self) -> tuple[Tensor, Tensor]:
        """The weight, normalised where it is demodulated, and its energy; made once."""
        if self.fold is None or self.fold[0].device != self.weight.device:
            weight = self.weight.detach()
            if not self.plan.is_picture:
                weight = weight * weight.square().mean(dim=[1, 2, 3], keepdim=True).rsqrt()
            energy = weight.square().sum(dim=[2, 3])
            self.fold = weight.contiguous(memory_format=torch.channels_last), energy
        return self.fold

    def upsample(self, x: Tensor) -> Tensor:
        """To the temporary rate, padded; the activation's gain rides on the filter."""
        if self.up_filter is None:
            (top, bottom), (left, right) = self.plan.padding(0), self.plan.padding(1)
            return F.pad(x, [left, right, top, bottom]) * LRELU_GAIN
        up = self.plan.up
        taps = self.up_filter * up
        x = upsample_axis(x, taps, up=up, padding=self.plan.padding(0), axis=2)
        return upsample_axis(x, taps * LRELU_GAIN, up=up, padding=self.plan.padding(1), axis=3)

    def downsample(self, x: Tensor) -> Tensor:
        taps, down = self.down_filter, self.plan.down
        if taps is None:
            return x
        if taps.ndim == 1:
            # Width first: the channels of neighbouring columns lie side by side.
            x = downsample_axis(x, taps, down=down, axis=3)
            return downsample_axis(x, taps, down=down, axis=2)
        weight = taps.flip([0, 1]).to(x.dtype).expand(x.shape[1], 1, -1, -1)
        return F.conv2d(x, weight, stride=down, groups=x.shape[1])


class Synthesis(nn.Module):
    """Styles `(batch, num_ws, w_dim)` -> pictures `(batch, channels, height, width)`."""

    def __init__(self, plan: SynthesisPlan) -> None:
        super().__init__()
        self.plan = plan
        self.input = FourierInput(plan)
        self.names: list[str] = []
        for layer in plan.layers():
            self.names.append(layer.name)
            self.add_module(layer.name, Layer(layer, w_dim=plan.w_dim, clamp=plan.clamp))

    def forward(
        self,
        ws: Tensor,
        transform: Tensor | None = None,
        gains: Tensor | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        hooks: Hooks | None = None,
    ) -> Tensor:
        """Paint.

        Args:
            ws: one style for the input and one a layer.
            transform: `(3, 3)` or `(batch, 3, 3)` from picture to input coordinates; None for
                the stored one.
            gains: `(batch, layers)` factors on the layers' features, None for neutral.
            dtype: what the highest resolutions compute in.
            hooks: layer -> what is done to its feature maps, of the whole batch.

        Returns:
            Float32, in the network's own range.
        """
        if ws.device.type == "cpu" and not hooks:
            # A batch of finely sampled maps outgrows the caches: one by one is faster.
            each = split(ws, transform, gains)
            return torch.cat([self.paint(*one, dtype, {}) for one in each])
        return self.paint(ws, transform, gains, dtype, hooks or {})

    def paint(
        self,
        ws: Tensor,
        transform: Tensor | None,
        gains: Tensor | None,
        dtype: torch.dtype,
        hooks: Hooks,
    ) -> Tensor:
        """The whole batch at once; see `forward`."""
        x = self.input(ws[:, 0], transform)
        for index, name in enumerate(self.names):
            layer = self.get_submodule(name)
            low = self.plan.rates[index] * 2**self.plan.num_low_precision > self.plan.resolution
            x = x.to(dtype if low else torch.float32)
            x = layer(x, ws[:, index + 1], None if gains is None else gains[:, index])
            x = hooks[index](x) if index in hooks else x
        return x.to(torch.float32) * self.plan.output_scale


def split(
    ws: Tensor, transform: Tensor | None, gains: Tensor | None
) -> list[tuple[Tensor, Tensor | None, Tensor | None]]:
    """The arguments of each picture."""
    each = transform is not None and transform.ndim == 3
    return [
        (
            ws[i : i + 1],
            transform[i : i + 1] if each and transform is not None else transform,
            None if gains is None else gains[i : i + 1],
        )
        for i in range(len(ws))
    ]


class Network(nn.Module):
    """The whole generator."""

    def __init__(self, mapping: MappingSpec, synthesis: SynthesisPlan) -> None:
        super().__init__()
        self.mapping = MappingNetwork(mapping)
        self.synthesis = Synthesis(synthesis)
