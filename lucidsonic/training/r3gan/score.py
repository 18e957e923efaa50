"""How far the averaged generator's pictures are from the real ones."""

import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lucidsonic.errors import ConfigError
from lucidsonic.training.imagenet import imagenet_features
from lucidsonic.training.r3gan.pictures import to_network
from lucidsonic.training.r3gan.state import State
from lucidsonic.training.score import frechet_distance, picture_features

__all__ = ["fake_pictures", "kernel_distance", "measure"]

PART = 64  # pictures at once
THUMB = 16  # pixels


@torch.no_grad()
def fake_pictures(state: State, z: Tensor, c: Tensor) -> Tensor:
    """The averaged generator's pictures in [0, 1], `(count, 3, size, size)` on the CPU."""
    parts = [
        state.ema.module(one.to(state.device), label.to(state.device)).cpu()
        for one, label in zip(z.split(PART), c.split(PART), strict=True)
    ]
    return torch.cat(parts).mul(0.5).add(0.5).clamp(0, 1)


def measure(state: State) -> dict[str, float]:
    """The figures; "score" is the one that decides what is best.

    The proxies use fixed random features: comparable with themselves alone, and no FID or KID.
    On demand there are distances of ImageNet features too, which are no FID either; the true
    ones take the person's own Inception network. `ema_gap` is how far the averaged generator's
    thumbnails are from the live one's.
    """
    config, gallery = state.config, state.gallery
    count = min(config.scored, len(gallery.pixels))
    chosen = torch.randperm(len(gallery.pixels), generator=torch.Generator().manual_seed(11))
    chosen = chosen[:count]
    real = to_network(torch.from_numpy(gallery.pixels)[chosen]).mul(0.5).add(0.5)
    z = torch.randn(count, config.z_dim, generator=torch.Generator().manual_seed(12))
    fake = fake_pictures(state, z, torch.from_numpy(gallery.labels)[chosen])
    mine, theirs = picture_features(fake), picture_features(real)
    proxy = frechet_distance(mine, theirs) / theirs.shape[1]
    figures = {
        "score": proxy,
        "frechet_proxy": proxy,
        "kid_proxy": kernel_distance(mine, theirs),
        "ema_gap": ema_gap(state, z[:PART], torch.from_numpy(gallery.labels)[chosen[:PART]]),
    }
    if config.features == "imagenet":
        known, known_real = imagenet_features(fake), imagenet_features(real)
        distance = plain_frechet(known, known_real)
        figures |= {
            "score": distance,
            "frechet_imagenet": distance,
            "kid_imagenet": kernel_distance(known, known_real),
        }
    if config.inception is not None:
        network = inception(config.inception, state.device)
        deep, deep_real = (deep_features(network, x, state.device) for x in (fake, real))
        fid = plain_frechet(deep, deep_real)
        figures |= {"score": fid, "fid": fid, "kid": kernel_distance(deep, deep_real)}
    return figures


@torch.no_grad()
def ema_gap(state: State, z: Tensor, c: Tensor) -> float:
    """Mean difference of the two generators' thumbnails, in [-1, 1] pictures."""
    z, c = z.to(state.device), c.to(state.device)
    slow, live = (network(z, c).clamp(-1, 1) for network in (state.ema.module, state.generator))
    return float(F.adaptive_avg_pool2d(slow - live, THUMB).abs().mean())


def inception(path: Path, device: torch.device) -> Any:
    """The person's own feature network, a TorchScript file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return torch.jit.load(str(path), map_location=device).eval()
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            f"{path} is not a TorchScript network: {error}",
            hint="It takes bytes (count, 3, size, size) and returns features.",
        ) from error


@torch.no_grad()
def deep_features(network: Any, pictures: Tensor, device: torch.device) -> Tensor:
    """Features `(count, dim)` of pictures in [0, 1]."""
    bytes_ = (pictures * 255).round().to(torch.uint8)
    return torch.cat([network(part.to(device)).float().cpu() for part in bytes_.split(PART)])


def plain_frechet(fake: Tensor, real: Tensor) -> float:
    """FID: the Fréchet distance of features as they are (Heusel et al. 2017)."""
    a, b = fake.double(), real.double()
    gap = (a.mean(0) - b.mean(0)).square().sum()
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    middle = torch.linalg.eigvals(cov_a @ cov_b).real.clamp_min(0).sqrt().sum()
    return float(gap + cov_a.trace() + cov_b.trace() - 2 * middle)


def kernel_distance(fake: Tensor, real: Tensor) -> float:
    """KID: unbiased squared MMD with the cubic kernel (Bińkowski et al. 2018, equation 4)."""
    a, b = fake.double(), real.double()
    dim = a.shape[1]

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / dim + 1).pow(3)

    m, n = len(a), len(b)
    if min(m, n) < 2:
        return math.nan
    within_a, within_b = kernel(a, a), kernel(b, b)
    inner_a = (within_a.sum() - within_a.diagonal().sum()) / (m * (m - 1))
    inner_b = (within_b.sum() - within_b.diagonal().sum()) / (n * (n - 1))
    return float(inner_a + inner_b - 2 * kernel(a, b).mean())
