"""A generator -> a sheet of what its seeds look like."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lucidsonic import encoding
from lucidsonic.encoding.sheet import picture_format
from lucidsonic.files import check_new
from lucidsonic.generators import Generator
from lucidsonic.pipeline.frames import check_device, finite
from lucidsonic.pipeline.models import open_generator
from lucidsonic.types import (
    Controls,
    FloatArray,
    OnProgress,
    Pictures,
    Progress,
    ignore_progress,
)

BATCH = 8
THUMB_PX = 192
TRUNCATION = 0.7


def browse_latents(
    style: str | Path,
    sheet: Path,
    *,
    seeds: Sequence[int] = range(64),
    device: str = "cpu",
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> Path:
    """Paint one picture for each seed, labelled with it, on one sheet.

    The numbers are those that `--latents` takes. Networks with classes show them in turn.

    Args:
        style: as `open_generator` takes it.
        sheet: where to write: .png, .jpg or .webp.
        seeds: the numbers, at least one.
        device: a torch device name.
        overwrite: whether a file of that name may be replaced.
        on_progress: told how far it is.

    Raises:
        ConfigError: another suffix, no such device, or there is such a file already.
        WeightsError: the weights cannot be had.
    """
    check_new(sheet, overwrite=overwrite)
    picture_format(sheet)
    model = open_generator(
        style,
        device=check_device(device),
        paint_size=(THUMB_PX, THUMB_PX),
        on_progress=on_progress,
    )
    pictures = paint_seeds(model.generator, seeds, on_progress=on_progress)
    return encoding.contact_sheet(
        sheet,
        pictures,
        columns=max(1, round(len(seeds) ** 0.5)),
        labels=[str(seed) for seed in seeds],
        overwrite=overwrite,
    )


def paint_seeds(
    generator: Generator,
    seeds: Sequence[int],
    *,
    thumb_px: int = THUMB_PX,
    on_progress: OnProgress = ignore_progress,
) -> list[Pictures]:
    """A small picture for each seed: uint8 RGB `(height, width, 3)`, at rest."""
    pictures: list[Pictures] = []
    for start in range(0, len(seeds), BATCH):
        some = list(seeds)[start : start + BATCH]
        frames = generator.render(controls_at_rest(generator, some)).float()
        small = shrink(finite(frames, "The network's pictures"), thumb_px)
        pictures += [*(small * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()]
        on_progress(Progress("paint", len(pictures), len(seeds), unit="pictures"))
    return pictures


def controls_at_rest(generator: Generator, seeds: Sequence[int]) -> Controls:
    """Controls that show the seeds' own pictures: nothing pushes, nothing moves."""
    has = generator.capabilities
    count = len(seeds)
    zeros = np.zeros(count, np.float32)
    latent = np.repeat(generator.keyframes(seeds)[:, None, :], has.groups, axis=1)
    return Controls(
        latent=latent,
        condition=conditions(has.c_dim, has.condition, seeds),
        truncation=zeros + (TRUNCATION if has.has_mapping else 1.0),
        noise_phase=zeros,
        noise_mix=zeros,
        gains=np.ones((count, 3), np.float32),
        transform=np.tile(np.array([0, 0, 0, 1], np.float32), (count, 1)),
        time_s=zeros,
    )


def conditions(c_dim: int, meaning: str, seeds: Sequence[int]) -> FloatArray | None:
    """The classes in turn, or feelings from all around, `(seeds, c_dim)`; None without."""
    if not c_dim:
        return None
    if meaning == "class":
        return np.eye(c_dim, dtype=np.float32)[np.array(seeds) % c_dim]
    turns = np.array(seeds) * (np.pi * (3 - 5**0.5))  # the golden angle: evenly spread
    return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32) * 0.7


def shrink(frames: torch.Tensor, thumb_px: int) -> torch.Tensor:
    """Frames no wider than a thumbnail; small ones are enlarged by whole pixels."""
    height, width = frames.shape[-2:]
    if width <= thumb_px:
        times = max(1, thumb_px // width)
        return frames.repeat_interleave(times, -1).repeat_interleave(times, -2)
    size = (max(1, round(height * thumb_px / width)), thumb_px)
    small = torch.nn.functional.interpolate(frames, size, mode="bicubic", antialias=True)
    return small.clamp(0, 1)
