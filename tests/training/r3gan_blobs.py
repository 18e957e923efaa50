"""Small pictures and small settings for the tests of R3GAN."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from lucidsonic.training.r3gan.gan import Config, State, build
from lucidsonic.training.run import resolve_config

TINY: dict[str, Any] = {
    "widths": "8,8,8", "group_channels": 8, "blocks": 1, "batch_size": 4, "tick": 0.012,
    "max_steps": 6, "sample_every": 2, "score_every": 1, "scored": 16, "device": "cpu",
    "aug_p": 0.5, "kimg": 1, "log_every": 1,
}  # fmt: skip


def blob(seed: int, side: int) -> Image.Image:
    """Two soft coloured balls on dark ground."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    picture = np.full((side, side, 3), 0.1)
    for _ in range(2):
        (a, b), radius = random.uniform(0.2, 0.8, 2), random.uniform(0.1, 0.25)
        ball = np.exp(-((x - a) ** 2 + (y - b) ** 2) / radius**2)[..., None]
        picture = picture * (1 - ball) + random.uniform(0.3, 1, 3) * ball
    return Image.fromarray((picture.clip(0, 1) * 255).astype(np.uint8))


def write_blobs(folder: Path, count: int = 12, side: int = 16, start: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(start, start + count):
        blob(seed, side).save(folder / f"{seed}.png")
    return folder


def tiny(data: Path, out: Path, **flags: object) -> Config:
    return resolve_config(Config, {**TINY, "data": data, "out": out, **flags})


def fresh_state(config: Config) -> State:
    torch.manual_seed(0)
    return build(config, torch.device("cpu"))
