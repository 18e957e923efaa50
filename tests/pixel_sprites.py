"""Sprites made in code: coloured shapes on a see-through ground."""

from pathlib import Path

import numpy as np
from PIL import Image

SHAPES = ("disc", "box", "cross", "ring")


def draw(shape: str, rng: np.random.Generator, side: int = 32) -> np.ndarray:
    """One RGBA sprite `(side, side, 4)`."""
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    radius = rng.uniform(0.22, 0.42) * side
    masks = {
        "disc": np.hypot(x, y) < radius,
        "box": np.maximum(abs(x), abs(y)) < radius,
        "cross": np.minimum(abs(x), abs(y)) < radius / 3,
        "ring": abs(np.hypot(x, y) - radius) < side / 10,
    }
    sprite = np.zeros((side, side, 4), np.uint8)
    sprite[masks[shape]] = (*rng.integers(60, 256, 3), 255)
    sprite[masks[shape] & (x + y < 0)] = (*rng.integers(60, 256, 3), 255)
    return sprite


def write_sprites(folder: Path, count: int = 48, side: int = 32) -> Path:
    """PNGs in a folder for each shape."""
    rng = np.random.default_rng(0)
    for number in range(count):
        shape = SHAPES[number % len(SHAPES)]
        path = folder / shape / f"{shape}_{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw(shape, rng, side)).save(path)
    return folder
