"""Small FIR filters on pictures: upsampling and decimation."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "downsample_axis",
    "fir_kernel",
    "resample_2d",
    "upsample_axis",
    "upsample_padding",
]


def fir_kernel(taps: Sequence[float] | Tensor) -> Tensor:
    """A 2-D kernel with sum 1, `(height, width)`, from one row of taps or a whole kernel."""
    kernel = torch.as_tensor(taps, dtype=torch.float32)
    if kernel.ndim == 1:
        kernel = torch.outer(kernel, kernel)
    return kernel / kernel.sum()


def upsample_padding(taps: int, *, up: int = 2) -> tuple[int, int]:
    """Zeros before and after the stuffed signal that keep it centred and `up` times as long."""
    return (taps + up - 1) // 2, (taps - up) // 2


def resample_2d(
    x: Tensor,
    kernel: Tensor,
    *,
    up: int = 1,
    down: int = 1,
    padding: Sequence[int] = (0, 0, 0, 0),
) -> Tensor:
    """Stuff with zeros, pad, convolve with `kernel`, keep every `down`-th pixel.

    Args:
        x: `(batch, channels, height, width)`.
        kernel: `(kh, kw)`; convolution, that is, applied flipped.
        up: each pixel becomes a block of `up` x `up` with one non-zero corner.
        down: decimation.
        padding: left, right, top, bottom in stuffed pixels; negative crops.
    """
    batch, channels, height, width = x.shape
    if up > 1:
        stuffed = x.new_zeros(batch, channels, height, up, width, up)
        stuffed[:, :, :, 0, :, 0] = x
        x = stuffed.reshape(batch, channels, height * up, width * up)
    x = F.pad(x, list(padding))
    weight = kernel.flip([0, 1]).to(x.dtype).expand(channels, 1, *kernel.shape)
    return F.conv2d(x, weight, stride=down, groups=channels)


def upsample_axis(
    x: Tensor, taps: Tensor, *, up: int, padding: tuple[int, int], axis: int
) -> Tensor:
    """Stuff with zeros, pad and convolve along one axis, skipping the work on zeros.

    Args:
        x: `(batch, channels, height, width)`.
        taps: `(count,)`, gain included.
        up: how many times finer the axis becomes.
        padding: before and after, in fine pixels; negative crops.
        axis: 2 or 3.
    """
    count, channels = len(taps), x.shape[1]
    before = count - 1 - padding[0]
    after = count - up - padding[1]
    even = before == after >= 0
    y = F.conv_transpose2d(
        x,
        along(taps.to(x.dtype), axis).expand(channels, 1, -1, -1),
        stride=pair(up, 1, axis),
        padding=pair(before if even else 0, 0, axis),
        groups=channels,
    )
    if even:
        return y
    # A transposed convolution ends with the last pixel's taps: what lies beyond is zero.
    return F.pad(y, [-before, -after] if axis == 3 else [0, 0, -before, -after])


def downsample_axis(x: Tensor, taps: Tensor, *, down: int, axis: int) -> Tensor:
    """Convolve along one axis without padding and keep every `down`-th value."""
    weight = along(taps.flip(0).to(x.dtype), axis).expand(x.shape[1], 1, -1, -1)
    return F.conv2d(x, weight, stride=pair(down, 1, axis), groups=x.shape[1])


def along(taps: Tensor, axis: int) -> Tensor:
    return taps.view(1, 1, -1, 1) if axis == 2 else taps.view(1, 1, 1, -1)


def pair(value: int, other: int, axis: int) -> tuple[int, int]:
    return (value, other) if axis == 2 else (other, value)
