"""A sprite pack (numpy + CSV) or a folder of PNGs -> batches in [-1, 1]."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lucidsonic.errors import DataError
from lucidsonic.training.pixel_vae.pack import (
    Label,
    over_background,
    parse_colour,
    read_sprites,
)
from lucidsonic.types import Pictures

Indices = npt.NDArray[np.int64]
VALIDATION = 0.1  # share of the sprites that training never sees
SPLIT_SEED = 20_240_229  # one split for every run, so that scores compare


@dataclass(frozen=True, slots=True, eq=False)
class SpriteSet:
    """Sprites and what they show.

    Attributes:
        parts: uint8 arrays `(sprites, size, size, colours)`, maybe memory-mapped.
        labels: one for each sprite over all parts.
    """

    parts: tuple[Pictures, ...]
    labels: tuple[Label, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def colours(self) -> int:
        """3, or 4 with transparency."""
        return self.parts[0].shape[3]

    @property
    def size(self) -> int:
        """Side of a sprite, pixels."""
        return self.parts[0].shape[1]

    def take(self, indices: Indices) -> Pictures:
        """Those sprites: uint8 `(len(indices), size, size, colours)`."""
        starts = np.cumsum([0, *(len(part) for part in self.parts)])
        where = np.searchsorted(starts, indices, side="right") - 1
        return np.stack(
            [self.parts[p][i - starts[p]] for p, i in zip(where, indices, strict=True)]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Indices of the sprites for training and of those kept aside."""

    training: Indices
    validation: Indices


def read_sprite_set(
    folder: Path, *, colours: int = 3, background: str = "#000000"
) -> SpriteSet:
    """Open `sprites*.npy` + `labels*.csv`, or read the PNGs where there is no pack.

    Args:
        folder: the pack or the pictures.
        colours: channels that the network wants; a PNG folder gives what is asked for.
        background: CSS colour under transparent pixels where `colours` is 3.

    Raises:
        DataError: nothing there, arrays of another kind, or labels that do not match.
    """
    arrays = sorted(folder.glob("sprites*.npy"))
    if not arrays:
        return read_pictures(folder, colours, background)
    parts = tuple(open_array(path) for path in arrays)
    sprites = SpriteSet(parts, read_labels(folder))
    check_pack(folder, sprites)
    if sprites.colours == colours:
        return sprites
    if colours == 4:
        raise DataError(
            f"The sprites in {folder} have no transparency, but the model wants it.",
            hint="Pack them again: lucidsonic data pixel-pack SPRITES --alpha --out PACK.",
        )
    colour = parse_colour(background)
    return SpriteSet(tuple(over_background(p, colour) for p in parts), sprites.labels)


def read_pictures(folder: Path, colours: int, background: str, size: int = 128) -> SpriteSet:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of sprites.")
    images, labels, _ = read_sprites(folder, size)
    rgba = np.stack(images)
    flat = rgba if colours == 4 else over_background(rgba, parse_colour(background))
    return SpriteSet((flat,), tuple(labels))


def open_array(path: Path) -> Pictures:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not a numpy array: {error}.") from error
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] not in (3, 4):
        raise DataError(
            f"{path} holds {array.dtype} {array.shape}, not uint8"
            " (sprites, size, size, 3 or 4)."
        )
    return array


def read_labels(folder: Path) -> tuple[Label, ...]:
    paths = sorted(folder.glob("labels*.csv"))
    if not paths:
        raise DataError(f"{folder} has sprites but no labels*.csv.")
    labels: list[Label] = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if "filename" not in (rows.fieldnames or ()):
                raise DataError(f"{path} has no column called 'filename'.")
            labels += [read_label(row) for row in rows]
    return tuple(labels)


def read_label(row: dict[str, str | None]) -> Label:
    size = row.get("pixel_size") or "1"
    return Label(
        filename=row["filename"] or "",
        category=row.get("category") or "",
        prompt=row.get("prompt") or "",
        pixel_size=int(size) if size.isdigit() else 1,
    )


def check_pack(folder: Path, sprites: SpriteSet) -> None:
    count = sum(len(part) for part in sprites.parts)
    if count != len(sprites.labels):
        raise DataError(
            f"{folder} has {count} sprites but {len(sprites.labels)} labels.",
            hint="Row k of the labels belongs to sprite k over all sprites*.npy in order.",
        )
    if len({part.shape[1:] for part in sprites.parts}) > 1:
        raise DataError(f"The arrays in {folder} hold sprites of different sizes.")
    if not count:
        raise DataError(f"{folder} holds no sprites.")


def split_sprites(count: int) -> Split:
    """A fixed nine tenths for training, the rest kept aside; both are never empty.

    Raises:
        DataError: fewer than two sprites.
    """
    if count < 2:
        raise DataError(f"{count} sprite is too few to train on.")
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    kept = max(1, round(count * VALIDATION))
    return Split(training=np.sort(order[kept:]), validation=np.sort(order[:kept]))


def sprites_to_tensor(sprites: Pictures, *, size: int) -> torch.Tensor:
    """uint8 `(batch, side, side, 3 or 4)` -> float32 `(batch, colours, size, size)` in [-1, 1].

    RGB is multiplied by the coverage, so that a see-through pixel is black whatever colour
    the artist's tool left in it.

    Raises:
        DataError: `size` is no whole multiple or fraction of the side.
    """
    fitted = rescale(sprites, size).astype(np.float32) / 255
    if fitted.shape[3] == 4:
        fitted[..., :3] *= fitted[..., 3:]
    return torch.from_numpy(np.ascontiguousarray(fitted.transpose(0, 3, 1, 2))) * 2 - 1


def rescale(sprites: Pictures, size: int) -> Pictures:
    side = sprites.shape[1]
    if side % size == 0:
        return sprites[:, :: side // size, :: side // size]
    if size % side == 0:
        return sprites.repeat(size // side, axis=1).repeat(size // side, axis=2)
    raise DataError(
        f"Sprites of {side} pixels do not fit a model of {size} without blurring.",
        hint=f"Pack them again: lucidsonic data pixel-pack SPRITES --size {size} --out PACK.",
    )


def category_numbers(labels: Sequence[Label]) -> tuple[tuple[str, ...], Indices]:
    """The categories in order, and each sprite's place among them."""
    names = tuple(sorted({label.category for label in labels}))
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([place[label.category] for label in labels], np.int64)
