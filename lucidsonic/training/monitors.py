"""Pictures of a network in training -> what is wrong with them, by rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F

from lucidsonic.training.family import Firing

__all__ = ["MONITORS", "ImageMonitors", "Monitor", "luma"]

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
Statistic = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Monitor:
    """A rule: fires when a statistic of the fakes passes its limit.

    Attributes:
        statistic: `(count, 3, height, width)` in [0, 1] -> a number.
        limit: what it must not pass.
        side: whether it must stay "above" or "below" the limit.
        relative: whether the statistic is divided by that of the real pictures.
        level: how bad it is.
        patience: sample events in a row before it speaks.
    """

    statistic: Statistic
    limit: float
    side: Literal["above", "below"]
    relative: bool = True
    level: Literal["warn", "error"] = "warn"
    patience: int = 1
    advice: str = ""


def luma(images: torch.Tensor) -> torch.Tensor:
    """Brightness `(count, height, width)` of RGB `(count, 3, height, width)`."""
    weights = torch.tensor(LUMA, device=images.device, dtype=images.dtype)
    return torch.einsum("nchw,c->nhw", images, weights)


def mean_saturation(images: torch.Tensor) -> torch.Tensor:
    high, low = images.amax(1), images.amin(1)
    return ((high - low) / high.clamp_min(1e-4)).mean()


def pixel_deviation(images: torch.Tensor) -> torch.Tensor:
    return images.flatten(1).std(1).mean()


def thumbnail_distance(images: torch.Tensor) -> torch.Tensor:
    return torch.pdist(F.adaptive_avg_pool2d(images, 16).flatten(1)).mean()


def checkerboard_ratio(images: torch.Tensor) -> torch.Tensor:
    """Energy at the three Nyquist bins over the mean of their eight neighbours, the worst."""
    grey = luma(images)
    energy = torch.fft.fft2(grey - grey.mean((1, 2), keepdim=True)).abs().square().mean(0)
    height, width = energy.shape
    bins = ((height // 2, 0), (0, width // 2), (height // 2, width // 2))
    return torch.stack([_peak_ratio(energy, row, column) for row, column in bins]).max()


def _peak_ratio(energy: torch.Tensor, row: int, column: int) -> torch.Tensor:
    rows = torch.arange(row - 1, row + 2) % energy.shape[0]
    columns = torch.arange(column - 1, column + 2) % energy.shape[1]
    around = energy[rows][:, columns]
    return energy[row, column] / ((around.sum() - energy[row, column]) / 8).clamp_min(1e-12)


def block_ratio(images: torch.Tensor) -> torch.Tensor:
    """Steps across lines of an 8-pixel grid over steps elsewhere."""
    steps = luma(images).diff(dim=2).abs().mean((0, 1))
    on_grid = torch.arange(len(steps), device=steps.device) % 8 == 7
    return steps[on_grid].mean() / steps[~on_grid].mean().clamp_min(1e-6)


def sharpness(images: torch.Tensor) -> torch.Tensor:
    kernel = images.new_tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    return F.conv2d(luma(images)[:, None], kernel).var((1, 2, 3)).mean()


def diagonal_ratio(images: torch.Tensor) -> torch.Tensor:
    """Gradient energy along the diagonals over that along the axes."""
    grey = luma(images)
    falling = (grey[:, 1:, 1:] - grey[:, :-1, :-1]).square().mean()
    rising = (grey[:, 1:, :-1] - grey[:, :-1, 1:]).square().mean()
    axes = grey.diff(dim=1).square().mean() + grey.diff(dim=2).square().mean()
    return (falling + rising) / axes.clamp_min(1e-9)


def banding_ratio(images: torch.Tensor) -> torch.Tensor:
    grey = luma(images)
    rows, pixels = grey.mean(2).diff(dim=1), grey.diff(dim=1)
    return rows.var(1).mean() / pixels.flatten(1).var(1).mean().clamp_min(1e-9)


def clipped_share(images: torch.Tensor) -> torch.Tensor:
    return ((images * 2 - 1).abs() > 0.99).float().mean()


def bad_share(images: torch.Tensor) -> torch.Tensor:
    return (~torch.isfinite(images)).float().mean()


MONITORS: Mapping[str, Monitor] = {
    "nan_inf": Monitor(
        bad_share, 0.0, "below", relative=False, level="error", advice="numbers are not finite"
    ),
    "gray_collapse": Monitor(
        mean_saturation, 0.25, "above", level="error", patience=2, advice="colours are gone"
    ),
    "flat_collapse": Monitor(
        pixel_deviation, 0.3, "above", level="error", patience=2, advice="contrast is gone"
    ),
    "mode_collapse": Monitor(
        thumbnail_distance, 0.3, "above", level="error", patience=2, advice="all pictures alike"
    ),
    "checkerboard": Monitor(
        checkerboard_ratio, 4.0, "below", relative=False, advice="a one-pixel pattern shows"
    ),
    "block": Monitor(block_ratio, 1.5, "below", advice="an 8-pixel grid shows"),
    "blur": Monitor(sharpness, 0.25, "above", advice="fine detail is missing"),
    "x_blur": Monitor(diagonal_ratio, 1.5, "below", advice="crosses show"),
    "banding": Monitor(banding_ratio, 3.0, "below", advice="horizontal bands show"),
    "saturation": Monitor(
        clipped_share, 0.2, "below", relative=False, advice="pixels stick at the ends"
    ),
}


@dataclass(slots=True)
class ImageMonitors:
    """The rules above, with what they need to remember between sample events.

    Attributes:
        real: statistic of the real pictures by name.
        streaks: how often each rule was broken in a row.
    """

    real: dict[str, float] = field(default_factory=dict[str, float])
    streaks: dict[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def of(cls, real: torch.Tensor) -> "ImageMonitors":
        """Measure the real pictures once: `(count, 3, height, width)` in [0, 1]."""
        return cls(
            {name: float(m.statistic(real)) for name, m in MONITORS.items() if m.relative}
        )

    def watch(self, fake: torch.Tensor) -> list[Firing]:
        """The rules that the pictures break, after each rule's patience."""
        return [f for name, rule in MONITORS.items() if (f := self._judge(name, rule, fake))]

    def _judge(self, name: str, rule: Monitor, fake: torch.Tensor) -> Firing | None:
        value = float(rule.statistic(fake))
        if rule.relative:
            value /= max(self.real[name], 1e-9)
        is_broken = value < rule.limit if rule.side == "above" else value > rule.limit
        self.streaks[name] = self.streaks.get(name, 0) + 1 if is_broken else 0
        if self.streaks[name] < rule.patience:
            return None
        return Firing(name, rule.level, value, rule.limit, rule.advice)

    def state_dict(self) -> dict[str, Any]:
        return {"streaks": dict(self.streaks)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self.streaks = dict(state["streaks"])
