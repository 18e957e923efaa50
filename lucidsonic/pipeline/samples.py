"""A style -> pictures as it paints them by itself, to compare with others."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from lucidsonic.nn.resample import to_rgb24
from lucidsonic.pipeline.browse import BATCH, controls_at_rest
from lucidsonic.pipeline.frames import finite
from lucidsonic.pipeline.models import open_generator
from lucidsonic.types import OnProgress, Pictures, Progress, ignore_progress

FREE_PX = 128  # side of the pictures of a style that paints any size


def sample_pictures(
    style: str | Path,
    *,
    count: int,
    seed: int = 0,
    device: str = "cpu",
    on_progress: OnProgress = ignore_progress,
) -> list[Pictures]:
    """Pictures of consecutive seeds without truncation, uint8 RGB `(height, width, 3)`.

    Args:
        style: as `open_generator` takes it.
        count: how many.
        seed: the first seed.
        device: a torch device name.
        on_progress: told how far it is.

    Raises:
        UnknownNameError: no such style.
        WeightsError: the weights cannot be had.
        LucidsonicError: a pixel is no number.
    """
    model = open_generator(
        style, device=device, paint_size=(FREE_PX, FREE_PX), on_progress=on_progress
    )
    pictures: list[Pictures] = []
    for start in range(seed, seed + count, BATCH):
        seeds = range(start, min(start + BATCH, seed + count))
        rest = controls_at_rest(model.generator, seeds)
        controls = replace(rest, truncation=np.ones_like(rest.truncation))
        frames = finite(model.generator.render(controls).float(), "The network's pictures")
        pictures += [*to_rgb24(frames.clamp(0, 1)).cpu().numpy()]
        on_progress(Progress("paint", len(pictures), count, unit="pictures"))
    return pictures
