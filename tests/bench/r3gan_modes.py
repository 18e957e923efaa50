"""64 kinds of pictures, 8 shapes in 8 colours: does R3GAN learn to paint all of them?

Run from the repository: `python -m tests.bench.r3gan_modes OUT [--kimg 140]`.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from lucidsonic.generators import build_generator
from lucidsonic.generators.r3gan import R3GAN
from lucidsonic.training.loop import train
from lucidsonic.training.r3gan.gan import FAMILY, Config, export

SIDE = 16
COLOURS = np.array(
    [
        (230, 40, 40), (40, 200, 60), (50, 80, 240), (240, 220, 50),
        (220, 60, 220), (60, 220, 230), (250, 250, 250), (120, 120, 120),
    ]
) / 255  # fmt: skip
JITTER = (0, 1)  # pixels: four places for each kind
NEAR = 0.12  # root mean square error of a picture that is what it seems to be

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a sample of pictures holds.

    Attributes:
        modes: kinds found at least once, of 64.
        good: share of pictures near to a kind.
        balance: entropy of the kinds over its maximum; 1 is even.
    """

    modes: int
    good: float
    balance: float


def shapes() -> list[Array]:
    """Eight masks `(SIDE, SIDE)`."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    radius = np.hypot(x, y)
    box = np.maximum(abs(x), abs(y))
    return [
        mask.astype(np.float64)
        for mask in (
            radius < 5.5,
            (radius < 7) & (radius > 4),
            (abs(x) > 4) & (box < 7),
            (abs(y) > 4) & (box < 7),
            (np.minimum(abs(x), abs(y)) < 2) & (box < 7),
            (abs(x - y) < 2.5) & (box < 7),
            (abs(x + y) < 2.5) & (box < 7),
            (x * y > 0) & (box < 6),
        )
    ]


def picture(kind: int, right: int = 0, down: int = 0) -> Array:
    """One picture `(SIDE, SIDE, 3)` in [0, 1]."""
    mask = np.roll(shapes()[kind // 8], (down, right), axis=(0, 1))
    return mask[..., None] * COLOURS[kind % 8]


def write_pictures(folder: Path) -> None:
    """Every kind at every place, once."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in range(64):
        for right in JITTER:
            for down in JITTER:
                pixels = (picture(kind, right, down) * 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{kind}_{right}_{down}.png")


def coverage(pictures: torch.Tensor) -> Coverage:
    """Sort pictures `(count, 3, SIDE, SIDE)` in [0, 1] into the kinds they are nearest to."""
    kinds = [picture(k, r, d) for k in range(64) for r in JITTER for d in JITTER]
    templates = torch.from_numpy(np.stack(kinds)).permute(0, 3, 1, 2).flatten(1).float()
    flat = pictures.flatten(1)
    distance = torch.cdist(flat, templates) / flat.shape[1] ** 0.5
    nearest, index = distance.min(dim=1)
    good = nearest < NEAR
    counts = torch.bincount(index[good] // len(JITTER) ** 2, minlength=64).double()
    share = counts / counts.sum().clamp_min(1)
    entropy = -(share * share.clamp_min(1e-12).log()).sum() / np.log(64)
    return Coverage(int((counts > 0).sum()), float(good.double().mean()), float(entropy))


def config(out: Path, data: Path, *, kimg: float, seed: int = 0) -> Config:
    return Config.model_validate(
        {
            "data": data, "out": out, "widths": (64, 64, 48), "blocks": 1, "kimg": kimg,
            "batch_size": 32, "gamma": 2, "gamma_end": 0.5, "aug": "none", "ema_kimg": 1,
            "tick": 8, "score_every": 1, "sample_every": 1, "monitor": "off", "device": "cpu",
            "seed": seed, "lr": 1e-3, "lr_end": 1e-4,
        }
    )  # fmt: skip


def painted(run: Path, count: int = 2048) -> torch.Tensor:
    """Pictures in [0, 1] of the run's averaged generator."""
    exported = export(run / "checkpoints" / "latest.pt")
    generator = build_generator("r3gan", run / "model.safetensors", exported.options)
    assert isinstance(generator, R3GAN)
    z = torch.randn(count, generator.z_dim, generator=torch.Generator().manual_seed(1))
    return generator(z).mul(0.5).add(0.5).clamp(0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kimg", type=float, default=140)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    write_pictures(chosen.out / "data")
    start = time.perf_counter()
    run = chosen.out / "run"
    train(FAMILY, config(run, chosen.out / "data", kimg=chosen.kimg, seed=chosen.seed))
    found = coverage(painted(run))
    facts = {
        "modes": found.modes,
        "good": round(found.good, 3),
        "balance": round(found.balance, 3),
        "seconds": round(time.perf_counter() - start),
        "cpu_seconds": round(time.process_time()),
    }
    print(json.dumps(facts))  # noqa: T201


if __name__ == "__main__":
    main()
