"""Pictures -> pictures of another size, and to the bytes that an encoder takes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch

__all__ = ["fit", "resize", "to_rgb24", "to_yuv420p"]

Mode = Literal["cover", "contain", "stretch", "tile"]
Filter = Literal["lanczos", "bicubic", "area", "nearest"]
BAND = 64  # pixels made at once; a kernel reads only those near them


def fit(
    frames: torch.Tensor,
    size: tuple[int, int],
    *,
    mode: Mode = "cover",
    filter: Filter = "lanczos",  # noqa: A002 - the word that everyone uses
) -> torch.Tensor:
    """Bring pictures to `size`.

    Args:
        frames: `(batch, 3, height, width)` in [0, 1].
        size: height and width wanted.
        mode: "cover" fills and crops, "contain" shows all between black bars, "stretch"
            ignores the shape, "tile" repeats the picture at its own size from the centre,
            every other one mirrored.
        filter: how; "lanczos" is the sharpest, "area" the plain mean.

    Returns:
        `(batch, 3, *size)` in [0, 1]; the same tensor where nothing is to be done.
    """
    if tuple(frames.shape[-2:]) == tuple(size):
        return frames
    return _MODES[mode](frames, size, filter)


def _cover(frames: torch.Tensor, size: tuple[int, int], kind: Filter) -> torch.Tensor:
    height, width = frames.shape[-2:]
    scale = max(size[0] / height, size[1] / width)
    return resize(frames, size, filter=kind, extent=(size[0] / scale, size[1] / scale))


def _contain(frames: torch.Tensor, size: tuple[int, int], kind: Filter) -> torch.Tensor:
    height, width = frames.shape[-2:]
    scale = min(size[0] / height, size[1] / width)
    inner = (
        min(size[0], max(1, round(height * scale))),
        min(size[1], max(1, round(width * scale))),
    )
    bars = frames.new_zeros((*frames.shape[:2], *size))
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    bars[..., top : top + inner[0], left : left + inner[1]] = resize(frames, inner, filter=kind)
    return bars


def _stretch(frames: torch.Tensor, size: tuple[int, int], kind: Filter) -> torch.Tensor:
    return resize(frames, size, filter=kind)


def _tile(frames: torch.Tensor, size: tuple[int, int], _kind: Filter) -> torch.Tensor:
    rows, columns = (
        _mirrored(count, wanted, frames.device)
        for count, wanted in zip(frames.shape[-2:], size, strict=True)
    )
    return frames.index_select(-2, rows).index_select(-1, columns)


def _mirrored(count: int, wanted: int, device: torch.device) -> torch.Tensor:
    place = torch.arange(wanted, device=device) - (wanted - count) // 2
    place = place.remainder(2 * count)
    return torch.where(place < count, place, 2 * count - 1 - place)


_MODES: Mapping[str, Callable[[torch.Tensor, tuple[int, int], Filter], torch.Tensor]] = {
    "cover": _cover,
    "contain": _contain,
    "stretch": _stretch,
    "tile": _tile,
}


@dataclass(frozen=True, slots=True)
class Bands:
    """A resampling matrix without its zeros.

    Attributes:
        wanted: pixels that it makes.
        parts: `(first pixel made, first pixel read, weights)`, in order.
    """

    wanted: int
    parts: tuple[tuple[int, int, torch.Tensor], ...]


def resize(
    frames: torch.Tensor,
    size: tuple[int, int],
    *,
    filter: Filter = "lanczos",  # noqa: A002
    extent: tuple[float, float] | None = None,
) -> torch.Tensor:
    """Resample the middle `extent` (height, width in pixels; None is all) to `size`."""
    height, width = frames.shape[-2:]
    part = extent or (height, width)
    rows = _weights(height, size[0], part[0], filter, frames.device)
    columns = _weights(width, size[1], part[1], filter, frames.device)
    work = frames.float()
    # The smaller product first: shrink before growing.
    if size[0] * width <= height * size[1]:
        done = _across(_down(work, rows), columns)
    else:
        done = _down(_across(work, columns), rows)
    return done.clamp_(0, 1).to(frames.dtype)


def _down(frames: torch.Tensor, bands: Bands) -> torch.Tensor:
    done = frames.new_empty((*frames.shape[:-2], bands.wanted, frames.shape[-1]))
    for start, low, weights in bands.parts:
        stop, high = start + weights.shape[0], low + weights.shape[1]
        done[..., start:stop, :] = weights @ frames[..., low:high, :]
    return done


def _across(frames: torch.Tensor, bands: Bands) -> torch.Tensor:
    parts = [
        frames[..., low : low + weights.shape[1]] @ weights.T for _, low, weights in bands.parts
    ]
    return torch.cat(parts, dim=-1)


def _lanczos(t: np.ndarray) -> np.ndarray:
    return np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0.0)


def _bicubic(t: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = -1/2 (1981, eq. 4)."""
    t = np.abs(t)
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))


_KERNELS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "lanczos": _lanczos,
    "bicubic": _bicubic,
}


@lru_cache(maxsize=64)
def _weights(
    count: int, wanted: int, extent: float, kind: Filter, device: torch.device
) -> Bands:
    """Rows `(wanted, count)` that add up to 1; widened when shrinking, against aliasing."""
    step = extent / wanted
    start = (count - extent) / 2
    centre = start + (np.arange(wanted) + 0.5) * step
    if kind == "nearest":
        rows = np.zeros((wanted, count))
        rows[np.arange(wanted), np.clip(np.floor(centre), 0, count - 1).astype(int)] = 1.0
    elif kind == "area":
        rows = _overlap(centre, max(step, 1.0), count)
    else:
        rows = _sampled(_KERNELS[kind], centre, max(step, 1.0), count)
    rows = rows / rows.sum(1, keepdims=True)
    return Bands(wanted, tuple(_band(rows, start, device) for start in range(0, wanted, BAND)))


def _band(rows: np.ndarray, start: int, device: torch.device) -> tuple[int, int, torch.Tensor]:
    part = rows[start : start + BAND]
    read = np.flatnonzero(np.abs(part).max(0))
    band = np.ascontiguousarray(part[:, read[0] : read[-1] + 1])
    weights = torch.as_tensor(band, dtype=torch.float32, device=device)
    return start, int(read[0]), weights


def _overlap(centre: np.ndarray, width: float, count: int) -> np.ndarray:
    pixel = np.arange(count)
    low, high = (centre - width / 2)[:, None], (centre + width / 2)[:, None]
    return np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)


def _sampled(
    kernel: Callable[[np.ndarray], np.ndarray], centre: np.ndarray, width: float, count: int
) -> np.ndarray:
    reach = math.ceil(3 * width) + 1  # beyond the edge the edge pixel repeats
    pixel = np.arange(-reach, count + reach)
    wide = kernel((pixel[None] + 0.5 - centre[:, None]) / width)
    rows = wide[:, reach : reach + count].copy()
    rows[:, 0] += wide[:, :reach].sum(1)
    rows[:, -1] += wide[:, reach + count :].sum(1)
    return rows


def to_rgb24(frames: torch.Tensor) -> torch.Tensor:
    """uint8 `(batch, height, width, 3)` from `(batch, 3, height, width)` in [0, 1].

    Each value is `floor(255 x + 1/2)`.
    """
    scaled = frames.float().mul(255).add_(0.5).clamp_(0, 255.5)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


# ITU-R BT.709-6, items 3.2 to 3.4: Y' = R' Kr + G' Kg + B' Kb, C = (X' - Y') / (2 - 2 K).
KR, KB = 0.2126, 0.0722
KG = 1 - KR - KB


def to_yuv420p(frames: torch.Tensor) -> torch.Tensor:
    """Planar BT.709 in limited range: uint8 `(batch, height * 3 / 2, width)`.

    Rows 0 to height - 1 are Y', then come U and V, each `(height / 2, width / 2)`. Chroma is
    sited left (MPEG-2, what players assume for H.264): taps 1 2 1 across, 1 1 down. Values are
    rounded once, from the full-precision mean.

    Args:
        frames: `(batch, 3, height, width)` in [0, 1]; height and width even.
    """
    batch, _, height, width = frames.shape
    planes = torch.empty(
        (batch, height * 3 // 2, width), dtype=torch.uint8, device=frames.device
    )
    work = frames.float()
    planes[:, :height] = _luma(work, 219).add_(16.5).clamp_(16, 235.5)
    pairs = work[:, :, 0::2] + work[:, :, 1::2]
    luma, red, blue = _luma(pairs, 1), pairs[:, 0], pairs[:, 2]
    chroma = planes[:, height:].view(batch, 2, height // 2, width // 2)
    for place, (plane, weight) in enumerate(((blue, KB), (red, KR))):
        half = _tapped(plane.sub_(luma)).mul_(224 / (2 - 2 * weight) / 8)
        chroma[:, place] = half.add_(128.5).clamp_(16, 240.5)
    return planes


def _luma(frames: torch.Tensor, white: float) -> torch.Tensor:
    """Y' of `(batch, 3, height, width)`, from 0 to `white`."""
    red, green, blue = frames.unbind(1)
    return (green * (white * KG)).add_(red, alpha=white * KR).add_(blue, alpha=white * KB)


def _tapped(rows: torch.Tensor) -> torch.Tensor:
    """Half the width: 1 2 1 across around every even column, 4 times the mean."""
    even, odd = rows[..., 0::2], rows[..., 1::2]
    half = torch.add(odd, even, alpha=2)
    half[..., 1:] += odd[..., :-1]
    half[..., 0] += even[..., 0]  # the edge repeats
    return half
