"""The sampling rates, cutoffs, sizes and filters of a StyleGAN3 network.

Karras et al., *Alias-Free Generative Adversarial Networks* (2021), section 3.2 and appendix C:
cutoffs grow geometrically from layer to layer, every layer's sampling rate is the power of two
that holds its stopband, and a margin around the picture keeps the borders out of sight.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["LayerPlan", "SynthesisPlan", "design_lowpass"]

Size = tuple[int, int]  # height, width


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlan:
    """One layer between two grids.

    Attributes:
        channels: in and out.
        in_size: height and width of its input.
        out_size: height and width of its output.
        rates: input, temporary (for the activation) and output sampling rate.
        cutoffs: of input and output, in cycles per picture.
        half_widths: of the filters' transition bands on the input and output side.
        kernel: of the convolution.
        taps: of the up- and the downsampling filter; 1 means none.
        radial: whether the downsampling filter is radially symmetric.
        is_picture: whether it makes the picture.
        name: the official one; it counts the width of square pictures.
    """

    channels: tuple[int, int]
    in_size: Size
    out_size: Size
    rates: tuple[int, int, int]
    cutoffs: tuple[float, float]
    half_widths: tuple[float, float]
    kernel: int
    taps: tuple[int, int]
    radial: bool
    is_picture: bool
    name: str

    @property
    def up(self) -> int:
        return self.rates[1] // self.rates[0]

    @property
    def down(self) -> int:
        return self.rates[1] // self.rates[2]

    def padding(self, axis: int) -> tuple[int, int]:
        """Zeros before and after the upsampled axis (0 height, 1 width); may be negative."""
        total = (self.out_size[axis] - 1) * self.down + 1
        total -= (self.in_size[axis] + self.kernel - 1) * self.up
        total += sum(self.taps) - 2
        before = (total + self.up) // 2
        return before, total - before

    def filters(self) -> tuple[npt.NDArray[np.float64] | None, npt.NDArray[np.float64] | None]:
        """The up- and downsampling filter, None where there is none."""
        rate = self.rates[1]
        up = design_lowpass(self.taps[0], self.cutoffs[0], self.half_widths[0] * 2, rate)
        down = design_lowpass(
            self.taps[1], self.cutoffs[1], self.half_widths[1] * 2, rate, radial=self.radial
        )
        return up, down


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisPlan:
    """What a synthesis network is built from; the defaults are configuration T.

    Attributes:
        w_dim: width of a style.
        resolution: height and width of the square picture.
        image_channels: 3 for RGB.
        channel_base: over the cutoff gives the channels, ...
        channel_max: ... up to this many.
        num_layers: without the one that makes the picture.
        num_critical: layers at the end that use all of the band.
        first_cutoff: of the first layer, cycles per picture.
        first_stopband: of the first layer.
        last_stopband_rel: of the last layer, over its cutoff.
        margin_size: pixels around the picture.
        output_scale: of the picture.
        num_low_precision: how many doublings of the resolution stand low precision.
        conv_kernel: 3 for T, 1 for R.
        filter_size: taps per doubling.
        lrelu_upsampling: how much finer the activation is computed.
        use_radial_filters: R.
        clamp: bound on every layer's output, None for none.
        aspect: height and width in square pictures, multiples of 1 / (first sampling rate).
    """

    w_dim: int
    resolution: int
    image_channels: int = 3
    channel_base: float = 32768
    channel_max: float = 512
    num_layers: int = 14
    num_critical: int = 2
    first_cutoff: float = 2
    first_stopband: float = 2**2.1
    last_stopband_rel: float = 2**0.3
    margin_size: int = 10
    output_scale: float = 0.25
    num_low_precision: int = 4
    conv_kernel: int = 3
    filter_size: int = 6
    lrelu_upsampling: int = 2
    use_radial_filters: bool = False
    clamp: float | None = 256
    aspect: tuple[float, float] = (1.0, 1.0)

    @property
    def num_ws(self) -> int:
        return self.num_layers + 2

    @property
    def cutoffs(self) -> npt.NDArray[np.float64]:
        last = self.resolution / 2
        return self.first_cutoff * (last / self.first_cutoff) ** self.exponents

    @property
    def stopbands(self) -> npt.NDArray[np.float64]:
        last = self.resolution / 2 * self.last_stopband_rel
        return self.first_stopband * (last / self.first_stopband) ** self.exponents

    @property
    def exponents(self) -> npt.NDArray[np.float64]:
        steps = np.arange(self.num_layers + 1) / (self.num_layers - self.num_critical)
        return np.minimum(steps, 1)

    @property
    def rates(self) -> list[int]:
        """Sampling rates, pixels per picture."""
        needed = np.minimum(self.stopbands * 2, self.resolution)
        return [int(rate) for rate in np.exp2(np.ceil(np.log2(needed)))]

    @property
    def widths(self) -> list[int]:
        """Output channels of every layer."""
        widths = np.rint(np.minimum(self.channel_base / 2 / self.cutoffs, self.channel_max))
        return [*(int(width) for width in widths[:-1]), self.image_channels]

    @property
    def sizes(self) -> list[Size]:
        """Height and width of every layer's output."""
        margins = [2 * self.margin_size] * (self.num_layers - 1) + [0, 0]
        rates = [*self.rates[:-2], self.resolution, self.resolution]
        return [
            (round(rate * self.aspect[0]) + margin, round(rate * self.aspect[1]) + margin)
            for rate, margin in zip(rates, margins, strict=True)
        ]

    def layers(self) -> list[LayerPlan]:
        """Every layer in order."""
        return [self.layer(index) for index in range(self.num_layers + 1)]

    def layer(self, index: int) -> LayerPlan:
        before = max(index - 1, 0)
        cutoffs, rates, widths = self.cutoffs, self.rates, self.widths
        half_widths = np.maximum(self.stopbands, np.array(rates) / 2) - cutoffs
        is_picture = index == self.num_layers
        finer = 1 if is_picture else self.lrelu_upsampling
        temporary = max(rates[before], rates[index]) * finer
        factors = temporary // rates[before], temporary // rates[index]
        up, down = (
            self.filter_size * factor if factor > 1 and not is_picture else 1
            for factor in factors
        )
        return LayerPlan(
            channels=(widths[before], widths[index]),
            in_size=self.sizes[before],
            out_size=self.sizes[index],
            rates=(rates[before], temporary, rates[index]),
            cutoffs=(float(cutoffs[before]), float(cutoffs[index])),
            half_widths=(float(half_widths[before]), float(half_widths[index])),
            kernel=1 if is_picture else self.conv_kernel,
            taps=(up, down),
            radial=self.use_radial_filters and index < self.num_layers - self.num_critical,
            is_picture=is_picture,
            name=f"L{index}_{replace(self, aspect=(1.0, 1.0)).sizes[index][1]}_{widths[index]}",
        )


def design_lowpass(
    taps: int, cutoff: float, width: float, rate: float, *, radial: bool = False
) -> npt.NDArray[np.float64] | None:
    """A Kaiser low-pass filter with sum 1, `(taps,)`, or `(taps, taps)` when radial.

    Args:
        taps: its length; 1 means no filter.
        cutoff: in cycles per picture.
        width: of the transition band, in cycles per picture.
        rate: samples per picture.
        radial: the same in every direction (the paper's appendix C, by a jinc).
    """
    if taps == 1:
        return None
    x = (np.arange(taps) - (taps - 1) / 2) / rate
    window = np.kaiser(taps, kaiser_beta(taps, width / (rate / 2)))
    if not radial:
        kernel = np.sinc(2 * cutoff * x) * window
        return kernel / kernel.sum()
    radius = np.hypot(*np.meshgrid(x, x))
    bessel = torch.special.bessel_j1(torch.from_numpy(2 * cutoff * np.pi * radius)).numpy()
    kernel = bessel / (np.pi * radius) * np.outer(window, window)
    return kernel / kernel.sum()


def kaiser_beta(taps: int, width: float) -> float:
    """The window's shape for a transition `width` (1 is half the sampling rate).

    Kaiser (1974): first the attenuation that so many taps can reach, in dB, then the beta that
    reaches it. The same as scipy's, whose import would take as long as all else together.
    """
    attenuation = 2.285 * (taps - 1) * np.pi * width + 7.95
    if attenuation > 50:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21:
        return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    return 0.0
