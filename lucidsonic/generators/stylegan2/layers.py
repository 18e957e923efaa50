"""StyleGAN2's modulated convolutions, arranged for speed without custom kernels.

Karras et al., *Analyzing and Improving the Image Quality of StyleGAN* (2020), section 2.2:
the style s scales the weights of each input channel, then every output filter is divided by
its norm. One picture at a time, that is done to the weights as written (eq. 1 and 3). For
several pictures the same product is had by scaling the input and the output of one shared
convolution, which never makes a set of weights per picture.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lucidsonic.generators.stylegan2.spec import SynthesisSpec
from lucidsonic.nn.activation import ACTIVATIONS
from lucidsonic.nn.fir import resample_2d, upsample_padding
from lucidsonic.nn.mapping import Dense

__all__ = ["ImageLayer", "ShortcutLayer", "StyledLayer", "upsample_image"]

EPSILON = 1e-8
LOW_PRECISION_CLAMP = 256.0


class StyledLayer(nn.Module):
    """Modulated convolution, noise, bias, activation; optionally doubles the size first."""

    def __init__(
        self,
        spec: SynthesisSpec,
        channels: tuple[int, int],
        resolution: int,
        *,
        up: bool = False,
    ) -> None:
        super().__init__()
        inputs, outputs = channels
        self.up = up
        self.clamp = spec.clamp
        self.activation = ACTIVATIONS[spec.activation]
        self.affine = Dense(spec.w_dim, inputs)
        nn.init.ones_(self.affine.bias)
        weight = torch.randn(outputs, inputs, spec.kernel_size, spec.kernel_size)
        self.weight = nn.Parameter(weight.to(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.fold: tuple[Tensor, Tensor] | None = None
        self.noise_strength: nn.Parameter | None = None
        if spec.use_noise:
            self.noise_strength = nn.Parameter(torch.zeros([]))
            self.register_buffer("noise_const", torch.randn(resolution, resolution))

    def forward(
        self, x: Tensor, w: Tensor, kernel: Tensor, noise: Tensor | None, *, gain: float = 1.0
    ) -> Tensor:
        """One layer.

        Args:
            x: `(batch, in, height, width)`; its dtype is what the convolution computes in.
            w: `(batch, w_dim)`.
            kernel: the upsampling filter, sum 1.
            noise: `(1 or batch, 1, out height, out width)` of unit variance, or None.
            gain: of the output.
        """
        act = self.activation
        total = act.gain * gain
        before, after = (total, 1.0) if act.homogeneous else (1.0, total)
        y, bias = self.convolve(x, self.affine(w), kernel, before)
        if noise is not None and self.noise_strength is not None:
            y = y.add_((noise * (self.noise_strength * before)).to(y.dtype))
        if bias is not None:
            y = y.add_(bias)
        y = act.function(y)
        if after != 1.0:
            y = y * after
        clamp = self.clamp
        if clamp is None and y.dtype == torch.float16:
            clamp = LOW_PRECISION_CLAMP
        return y if clamp is None else y.clamp_(-clamp * gain, clamp * gain)

    def convolve(
        self, x: Tensor, styles: Tensor, kernel: Tensor, gain: float
    ) -> tuple[Tensor, Tensor | None]:
        """The demodulated convolution times `gain`, and the bias that is still to be added."""
        bias = (self.bias * gain).to(x.dtype)
        weight, energy = self.folded()
        if x.dtype != torch.float32:
            weight, energy, styles = self.tamed(weight, energy, styles)
        demodulation = (styles.square() @ energy.t() + EPSILON).rsqrt() * gain
        if len(x) == 1 and x[0].numel() > weight.numel():
            # One picture that is larger than the weights: scale those.
            weight = weight * self.across(styles, demodulation)
            y = self.apply_weight(x, weight.to(x.dtype), kernel, None if self.up else bias)
            return y, bias.view(1, -1, 1, 1) if self.up else None
        x = x * styles.to(x.dtype)[:, :, None, None]
        y = self.apply_weight(x, weight.to(x.dtype), kernel, None)
        demodulation = demodulation.to(x.dtype)[:, :, None, None]
        return torch.addcmul(bias.view(1, -1, 1, 1), y, demodulation), None

    def folded(self) -> tuple[Tensor, Tensor]:
        """The weight as its convolution wants it, and its energy `(out, in)`; made once.

        Upsampling convolutions take it as `(in, out, k, k)`.
        """
        if self.fold is None or self.fold[0].device != self.weight.device:
            weight = self.weight.detach()
            energy = weight.square().sum(dim=[2, 3])
            weight = weight.transpose(0, 1) if self.up else weight
            self.fold = weight.contiguous(memory_format=torch.channels_last), energy
        return self.fold

    def across(self, styles: Tensor, outputs: Tensor) -> Tensor:
        """What one picture's inputs and outputs are scaled with, in the weight's layout."""
        scale = outputs[0, :, None] * styles[0]
        return (scale.t() if self.up else scale)[:, :, None, None]

    def tamed(
        self, weight: Tensor, energy: Tensor, styles: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Filters of unit norm and styles of unit variance, which half precision can hold."""
        norm = energy.sum(dim=1, keepdim=True).clamp_min(EPSILON)
        shape = (1, -1, 1, 1) if self.up else (-1, 1, 1, 1)
        weight = weight * norm.rsqrt().view(shape)
        scale = styles.square().mean(dim=1, keepdim=True).clamp_min(EPSILON).rsqrt()
        return weight, energy / norm, styles * scale

    def apply_weight(
        self, x: Tensor, weight: Tensor, kernel: Tensor, bias: Tensor | None
    ) -> Tensor:
        if not self.up:
            return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        return self.convolve_up(x, weight, kernel)

    def convolve_up(self, x: Tensor, weight: Tensor, kernel: Tensor) -> Tensor:
        """Convolve at stride 1/2, then smooth: a quarter of the work of smoothing first."""
        outputs, size, taps = weight.shape[1], weight.shape[-1], kernel.shape[-1]
        stuffed = F.conv_transpose2d(x, weight, stride=2)
        before = size // 2 + (taps + 1) // 2 - (size - 1)
        after = taps + 1 - size - before
        smooth = kernel.flip([0, 1]).to(x.dtype).mul(4).expand(outputs, 1, taps, taps)
        if before != after or before < 0:
            stuffed = F.pad(stuffed, [before, after, before, after])
            before = 0
        return F.conv2d(stuffed, smooth, padding=before, groups=outputs)


class ImageLayer(nn.Module):
    """Features -> picture: a modulated 1x1 convolution that is not demodulated."""

    def __init__(self, inputs: int, channels: int, w_dim: int, *, clamp: float | None) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = Dense(w_dim, inputs)
        nn.init.ones_(self.affine.bias)
        self.weight = nn.Parameter(torch.randn(channels, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.weight_gain = inputs**-0.5

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Float32 `(batch, channels, height, width)` from `(batch, in, height, width)`."""
        styles = self.affine(w) * self.weight_gain
        weight = (self.weight[:, :, 0, 0] * styles[:, None, :]).to(x.dtype)
        batch, inputs, height, width = x.shape
        # As one product a picture: the channels lie together, and the outputs are few.
        pixels = x.permute(0, 2, 3, 1).reshape(batch, height * width, inputs)
        drawn = (pixels @ weight.transpose(1, 2)).to(torch.float32)
        picture = drawn.transpose(1, 2).reshape(batch, -1, height, width)
        picture = picture + self.bias.view(1, -1, 1, 1)
        return picture if self.clamp is None else picture.clamp_(-self.clamp, self.clamp)


class ShortcutLayer(nn.Module):
    """The way round a block in the residual architecture: 1x1 convolution, doubled."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.weight_gain = inputs**-0.5

    def forward(self, x: Tensor, kernel: Tensor, *, gain: float) -> Tensor:
        weight = (self.weight * (self.weight_gain * gain)).to(x.dtype)
        return upsample_image(F.conv2d(x, weight), kernel)


def upsample_image(x: Tensor, kernel: Tensor) -> Tensor:
    """Twice the height and width, smoothed by `kernel`; constants stay (but for the border)."""
    before, after = upsample_padding(kernel.shape[-1])
    return resample_2d(x, kernel * 4, up=2, padding=(before, after, before, after))
