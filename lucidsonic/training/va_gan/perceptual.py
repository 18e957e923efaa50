"""How unlike two pictures look: LPIPS where its weights can be had, else a pyramid."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch
import torch.nn.functional as F
from torch import nn

from lucidsonic.errors import WeightsError
from lucidsonic.training.va_gan.losses import pyramid_distance

__all__ = ["Distance", "Lpips", "find_distance"]

BACKBONE = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
HEADS = (
    "https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/alex.pth"
)
# Channels in and out, kernel, stride, padding, index in the published state dict.
LAYERS = ((3, 64, 11, 4, 2, 0), (64, 192, 5, 1, 2, 3), (192, 384, 3, 1, 1, 6),
          (384, 256, 3, 1, 1, 8), (256, 256, 3, 1, 1, 10))  # fmt: skip
POOLED = (1, 2)  # layers whose input is max-pooled
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of the published metric


@dataclass(frozen=True, slots=True)
class Distance:
    """A perceptual term.

    Attributes:
        measure: from two batches in [-1, 1] to a mean distance.
        note: one line that says which it is.
    """

    measure: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    note: str


class Lpips(nn.Module):
    """Zhang et al. (CVPR 2018) with AlexNet's five convolutions.

    Args:
        backbone: the published AlexNet state dict.
        heads: the published linear heads.

    Raises:
        WeightsError: they are other networks' weights.
    """

    def __init__(
        self, backbone: dict[str, torch.Tensor], heads: dict[str, torch.Tensor]
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, o, k, s, p) for i, o, k, s, p, _ in LAYERS)
        try:
            for conv, (*_, index) in zip(self.convs, LAYERS, strict=True):
                conv.load_state_dict(
                    {n: backbone[f"features.{index}.{n}"] for n in ("weight", "bias")}
                )
            found = [heads[f"lin{i}.model.1.weight"] for i in range(len(LAYERS))]
        except (KeyError, RuntimeError) as error:
            raise WeightsError(
                f"These are not the weights of LPIPS (AlexNet): {error}"
            ) from error
        for index, head in enumerate(found):
            self.register_buffer(f"head{index}", head.float())
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Mean distance of two batches `(batch, 3, size, size)` in [-1, 1]."""
        shift, scale = self.get_buffer("shift"), self.get_buffer("scale")
        x, y = ((images - shift) / scale for images in (made, wanted))
        total = made.new_zeros(())
        for index, conv in enumerate(self.convs):
            if index in POOLED:
                x, y = F.max_pool2d(x, 3, 2), F.max_pool2d(y, 3, 2)
            x, y = F.relu(conv(x)), F.relu(conv(y))
            gap = (F.normalize(x, dim=1, eps=1e-10) - F.normalize(y, dim=1, eps=1e-10)).square()
            total = total + F.conv2d(gap, getattr(self, f"head{index}")).mean()
        return total


def find_distance(kind: str, weights: Path | None, device: torch.device) -> Distance | None:
    """The term that `--perceptual` names: "lpips", "pyramid" or "none".

    Args:
        kind: "lpips" falls back to the pyramid, and says so, when it cannot be downloaded.
        weights: a folder with `alexnet*.pth` and `alex.pth` to use instead of a download.
        device: where to compute.

    Raises:
        WeightsError: the given folder does not hold them.
    """
    if kind == "none":
        return None
    if kind == "pyramid":
        return Distance(pyramid_distance, "The perceptual term is a Laplacian pyramid.")
    try:
        network = Lpips(*_read_weights(weights)).to(device)
    except (URLError, OSError) as error:
        if weights is not None:
            raise WeightsError(
                f"The LPIPS weights in {weights} cannot be read: {error}"
            ) from error
        note = f"LPIPS cannot be had ({error}); a Laplacian pyramid stands in."
        return Distance(pyramid_distance, note)
    return Distance(network, "The perceptual term is LPIPS (AlexNet).")


def _read_weights(folder: Path | None) -> list[dict[str, torch.Tensor]]:
    if folder is None:
        return [
            torch.hub.load_state_dict_from_url(
                url, map_location="cpu", progress=False, weights_only=True
            )
            for url in (BACKBONE, HEADS)
        ]
    backbones = sorted(folder.glob("alexnet*.pth"))
    if not backbones:
        raise FileNotFoundError("no alexnet*.pth")
    return [
        torch.load(path, map_location="cpu", weights_only=True)
        for path in (backbones[-1], folder / "alex.pth")
    ]
