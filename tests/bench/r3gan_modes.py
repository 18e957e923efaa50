"""64 kinds of pictures, 8 shapes in 8 colours: does R3GAN learn to paint all of them?

Run from the repository: `python -m tests.bench.r3gan_modes OUT [--kimg 400]`.

On one core of a Xeon with AVX-512 (torch 2.13), 400,000 pictures: all 64 kinds among 2,048
pictures, the rarest 8 times, 81 % of the pictures good, balance 0.98, in 998 processor seconds,
1,004 by the clock.

What it took. Pictures of 8 pixels, one a kind, so that a step takes 75 ms and 12,500 of them
fit: 16 pixels with four places a kind reached 31 kinds in 1,047 seconds. Penalties that stay
strong (gamma 3 to 1): at 0.3 the critic is sure of everything and kinds are lost again; for
16 pixels 10 was better than 1 and 0.2. A rate of 2e-3 that falls late.
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

SIDE = 8
COLOURS = np.array(
    [
        (230, 40, 40), (40, 200, 60), (50, 80, 240), (240, 220, 50),
        (220, 60, 220), (60, 220, 230), (250, 250, 250), (120, 120, 120),
    ]
) / 255  # fmt: skip
NEAR = 0.08  # root mean square error: half the distance of the two kinds most alike

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a sample of pictures holds.

    Attributes:
        modes: kinds found at least once, of 64.
        good: share of pictures near to a kind.
        balance: entropy of the kinds over its maximum; 1 is even.
        rarest: good pictures of the kind that has the fewest.
    """

    modes: int
    good: float
    balance: float
    rarest: int


def shapes() -> list[Array]:
    """Eight masks `(SIDE, SIDE)`: square, ring, bars, plus, diagonals, two of four quarters."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    radius = np.hypot(x, y)
    box = np.maximum(abs(x), abs(y))
    inside = box < 3.5
    return [
        mask.astype(np.float64)
        for mask in (
            box < 3,
            (radius < 3.75) & (radius > 2),
            (abs(x) > 1) & inside,
            (abs(y) > 1) & inside,
            (np.minimum(abs(x), abs(y)) < 1) & inside,
            (abs(x - y) < 2.25) & inside,
            (abs(x + y) < 2.25) & inside,
            x * y > 0,
        )
    ]


def picture(kind: int) -> Array:
    """The picture `(SIDE, SIDE, 3)` of a kind, in [0, 1]."""
    return shapes()[kind // 8][..., None] * COLOURS[kind % 8]


def write_pictures(folder: Path) -> None:
    """Every kind once."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in range(64):
        pixels = (picture(kind) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{kind}.png")


def coverage(pictures: torch.Tensor) -> Coverage:
    """Sort pictures `(count, 3, SIDE, SIDE)` in [0, 1] into the kinds they are nearest to."""
    kinds = np.stack([picture(kind) for kind in range(64)])
    templates = torch.from_numpy(kinds).permute(0, 3, 1, 2).flatten(1).float()
    flat = pictures.flatten(1)
    distance = torch.cdist(flat, templates) / flat.shape[1] ** 0.5
    nearest, index = distance.min(dim=1)
    good = nearest < NEAR
    counts = torch.bincount(index[good], minlength=64).double()
    share = counts / counts.sum().clamp_min(1)
    entropy = -(share * share.clamp_min(1e-12).log()).sum() / np.log(64)
    found, rarest = int((counts > 0).sum()), int(counts.min())
    return Coverage(found, float(good.double().mean()), float(entropy), rarest)


def config(out: Path, data: Path, *, kimg: float, seed: int = 0) -> Config:
    return Config.model_validate(
        {
            "data": data, "out": out, "widths": (96, 48), "blocks": 1, "kimg": kimg,
            "batch_size": 32, "gamma": 3, "gamma_end": 1, "aug": "none", "ema_kimg": 2,
            "tick": 20, "score_every": 1, "sample_every": 1, "monitor": "off", "device": "cpu",
            "seed": seed, "lr": 2e-3, "lr_end": 2e-4,
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
    parser.add_argument("--kimg", type=float, default=400)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(1)  # maps are too small to be shared between cores
    write_pictures(chosen.out / "data")
    start = time.perf_counter()
    run = chosen.out / "run"
    train(FAMILY, config(run, chosen.out / "data", kimg=chosen.kimg, seed=chosen.seed))
    found = coverage(painted(run))
    facts = {
        "modes": found.modes,
        "good": round(found.good, 3),
        "balance": round(found.balance, 3),
        "rarest": found.rarest,
        "seconds": round(time.perf_counter() - start),
        "cpu_seconds": round(time.process_time()),
    }
    print(json.dumps(facts))  # noqa: T201


if __name__ == "__main__":
    main()
