"""The settings and pictures that both stages of the VA-GAN share."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from PIL import Image, ImageDraw
from pydantic import BeforeValidator, Field, PositiveInt, field_validator

from lucidsonic.errors import ConfigError
from lucidsonic.generators.va_gan.network import Decoder
from lucidsonic.training.data import PictureSet, load_pictures, normalise_va, read_labels
from lucidsonic.training.landscapes.paint import render_landscape
from lucidsonic.training.run import RunConfig

__all__ = [
    "EmotionConfig",
    "Sets",
    "describe_sets",
    "emotion_grid",
    "load_sets",
    "to_network",
    "to_pictures",
    "wish",
]

# Flags arrive as text.
Side = Annotated[
    Literal[32, 64, 128, 256], BeforeValidator(lambda v: int(v) if str(v).isdigit() else v)
]
SHOWN = 5  # rejected rows that are named
SYNTHETIC = 96  # pictures painted when no folder is given


class EmotionConfig(RunConfig):
    """What both stages are told."""

    img_dir: Path | None = Field(
        default=None, description="folder of pictures; without one, a few are painted"
    )
    label_csv: Path | None = Field(
        default=None, description="image,valence,arousal; labels.csv in the folder by default"
    )
    resolution: Side = Field(default=128, description="pixels of a side: 32, 64, 128 or 256")
    latent_dim: PositiveInt = Field(default=128, description="width of z")
    width: PositiveInt = Field(default=512, description="channels of the coarsest layers")
    va_norm: Literal["div9", "minmax"] = Field(default="div9", description="labels' scale")
    eru_clamp: Literal["hard", "soft"] = Field(
        default="hard", description="bound of the scales"
    )
    hflip: bool = Field(default=False, description="mirror half of the pictures")

    @field_validator("width")
    @classmethod
    def _check_width(cls, value: int) -> int:
        if value % 16:
            raise ValueError("must be a multiple of 16")
        return value

    def decoder(self) -> Decoder:
        """A fresh generator of these settings."""
        return Decoder(
            latent_dim=self.latent_dim,
            resolution=self.resolution,
            width=self.width,
            clamp=self.eru_clamp,
        )


class Sets:
    """Training pictures and held-out ones.

    Attributes:
        train: what is trained on.
        held_out: what is measured on.
        rejects: rows of the label file that name no picture.
    """

    def __init__(
        self, train: PictureSet, held_out: PictureSet, rejects: tuple[str, ...]
    ) -> None:
        self.train, self.held_out, self.rejects = train, held_out, rejects


def load_sets(config: EmotionConfig) -> Sets:
    """Read the pictures once a process.

    Raises:
        DataError: see `read_labels`.
        ConfigError: labels without a folder.
    """
    return _load(config.img_dir, config.label_csv, config.resolution, config.va_norm)


@lru_cache(maxsize=2)
def _load(folder: Path | None, labels: Path | None, size: int, norm: str) -> Sets:
    if folder is None:
        if labels is not None:
            raise ConfigError("--label-csv needs --img-dir.")
        return _painted_sets(size, norm)
    known = read_labels(labels or folder / "labels.csv", folder)
    pixels = load_pictures(known.files, size)
    train, held = ~known.held_out, known.held_out
    if not held.any():  # too few to keep one back
        held = train
    return Sets(
        PictureSet(pixels[train], known.va[train], norm=norm),
        PictureSet(pixels[held], known.va[held], norm=norm),
        known.rejects,
    )


def _painted_sets(size: int, norm: str) -> Sets:
    va = np.random.default_rng(4).uniform(1, 9, (SYNTHETIC, 2)).astype(np.float32)
    scenes = [
        render_landscape((v - 5) / 4, (a - 5) / 4, size=size, seed=index)
        for index, (v, a) in enumerate(va.tolist())
    ]
    pixels = np.stack(scenes).transpose(0, 3, 1, 2).copy()
    held = np.arange(SYNTHETIC) % 8 == 0
    return Sets(
        PictureSet(pixels[~held], va[~held], norm=norm),
        PictureSet(pixels[held], va[held], norm=norm),
        (),
    )


def describe_sets(config: EmotionConfig) -> list[str]:
    """How many pictures there are, and which rows were left out and why."""
    sets = load_sets(config)
    told = [f"{len(sets.train)} pictures to train on, {len(sets.held_out)} held out."]
    if sets.rejects:
        shown = "; ".join(sets.rejects[:SHOWN])
        rest = f"; and {len(sets.rejects) - SHOWN} more" if len(sets.rejects) > SHOWN else ""
        told.append(f"{len(sets.rejects)} rows left out: {shown}{rest}.")
    return told


def to_network(pixels: torch.Tensor, *, hflip: bool = False) -> torch.Tensor:
    """Bytes to [-1, 1]; half of them mirrored on demand."""
    images = pixels.float() / 127.5 - 1
    if hflip:
        mirrored = torch.rand(len(images), device=images.device) < 0.5
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    return images


def to_pictures(images: torch.Tensor) -> torch.Tensor:
    """[-1, 1] to [0, 1]."""
    return (images.float() / 2 + 0.5).clamp(0, 1)


@torch.no_grad()
def emotion_grid(
    decoder: Decoder,
    *,
    latent_dim: int,
    levels: tuple[float, ...],
    norm: str,
    is_shared: bool,
    device: torch.device,
) -> torch.Tensor:
    """A sheet of pictures: valence grows to the right, arousal upwards, with their labels.

    Args:
        decoder: the generator.
        latent_dim: width of z.
        levels: values from 1 to 9 for both axes.
        norm: the model's scale.
        is_shared: whether one z makes them all.
        device: where the generator is.

    Returns:
        `(3, height, width)` in [0, 1].
    """
    n = len(levels)
    va = torch.tensor([(v, a) for a in reversed(levels) for v in levels], device=device)
    z = torch.randn(1 if is_shared else n * n, latent_dim, device=device).expand(n * n, -1)
    pictures = to_pictures(decoder(z, normalise_va(va, norm))).cpu()
    size = pictures.shape[-1]
    rows = (
        pictures.view(n, n, 3, size, size).permute(2, 0, 3, 1, 4).reshape(3, n * size, n * size)
    )
    return _with_titles(rows, levels, size)


def _with_titles(sheet: torch.Tensor, levels: tuple[float, ...], size: int) -> torch.Tensor:
    margin = 16
    canvas = Image.new("RGB", (sheet.shape[2] + 2 * margin, sheet.shape[1] + margin), "white")
    pixels = (sheet * 255).round().byte().permute(1, 2, 0).numpy()
    canvas.paste(Image.fromarray(pixels), (2 * margin, margin))
    draw = ImageDraw.Draw(canvas)
    for index, level in enumerate(levels):
        draw.text((2 * margin + (index + 0.3) * size, 2), f"V {level:g}", fill="black")
        draw.text(
            (2, margin + (len(levels) - 1 - index + 0.4) * size), f"A {level:g}", fill="black"
        )
    return torch.from_numpy(np.asarray(canvas).copy()).permute(2, 0, 1).float() / 255


def wish(va: torch.Tensor, norm: str) -> torch.Tensor:
    """Emotions to paint: the first half as labelled, the others anywhere on the plane."""
    anywhere = normalise_va(1 + 8 * torch.rand_like(va), norm)
    return torch.where(
        torch.arange(len(va), device=va.device)[:, None] * 2 < len(va), va, anywhere
    )
