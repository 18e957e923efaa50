"""PNG sprites -> `sprites.npy` and `labels.csv`, without a single interpolated pixel."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ImageColor

from lucidsonic.errors import ConfigError, DataError
from lucidsonic.nn.pictures import opened_picture
from lucidsonic.types import Pictures

COLUMNS = ("filename", "category", "prompt", "pixel_size")
SPRITES, LABELS = "sprites.npy", "labels.csv"


@dataclass(frozen=True, slots=True)
class Packed:
    """What a packing run wrote.

    Attributes:
        folder: where `sprites.npy` and `labels.csv` lie.
        count: sprites in it.
        categories: category -> sprites.
        rejected: files that could not be used, each with the reason.
    """

    folder: Path
    count: int
    categories: dict[str, int]
    rejected: tuple[tuple[Path, str], ...]


@dataclass(frozen=True, slots=True)
class Label:
    """One row of a labels file.

    Attributes:
        filename: the sprite's name; only for people.
        category: one word, may be "".
        prompt: what it shows, may be "".
        pixel_size: side of an art pixel in the packed sprite, pixels.
    """

    filename: str
    category: str = ""
    prompt: str = ""
    pixel_size: int = 1


def pack_sprites(
    folder: Path, out: Path, *, size: int = 32, background: str = "#000000", alpha: bool = False
) -> Packed:
    """Read every PNG under `folder` and write one sprite pack.

    The first folder level names the category, the file name the prompt.

    Args:
        folder: searched to any depth.
        out: gets `sprites.npy` uint8 `(sprites, size, size, 3 or 4)` and `labels.csv`.
        size: side of the packed sprites, pixels; smaller ones are enlarged by a whole factor
            and padded, larger ones thinned by a whole factor.
        background: CSS colour under transparent pixels.
        alpha: keep transparency as a fourth channel (straight, not premultiplied).

    Raises:
        DataError: no usable PNG.
        ConfigError: not a colour, or a size under 8.
    """
    if size < 8:
        raise ConfigError(
            f"A sprite size of {size} pixels is too small.", hint="Use 32 or 128."
        )
    colour = parse_colour(background)
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}'.", hint="Name one with PNG sprites.")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"'{out}' is no folder.", hint="Name one for the pack.")
    images, labels, rejected = read_sprites(folder, size)
    flat = np.stack(images) if alpha else over_background(np.stack(images), colour)
    out.mkdir(parents=True, exist_ok=True)
    write_npy(out / SPRITES, flat)
    write_labels(out / LABELS, labels)
    categories: dict[str, int] = {}
    for label in labels:
        categories[label.category] = categories.get(label.category, 0) + 1
    return Packed(out, len(labels), categories, tuple(rejected))


def read_sprites(
    folder: Path, size: int
) -> tuple[list[Pictures], list[Label], list[tuple[Path, str]]]:
    """Every PNG under `folder` as RGBA `(size, size, 4)`, its label, and what was refused."""
    images: list[Pictures] = []
    labels: list[Label] = []
    rejected: list[tuple[Path, str]] = []
    for path in sorted(folder.rglob("*.png")):
        try:
            with opened_picture(path, formats=("PNG",)) as picture:
                rgba = np.asarray(picture.convert("RGBA"))
        except ValueError as error:
            rejected.append((path, str(error)))
            continue
        if not rgba[..., 3].any():
            rejected.append((path, "every pixel is transparent"))
            continue
        images.append(fit_sprite(rgba, size))
        labels.append(describe(path.relative_to(folder), pixel_size=fit_scale(rgba, size)))
    if not images:
        raise DataError(
            f"{folder} holds no usable PNG sprite.", hint="PNG files at any depth are read."
        )
    return images, labels, rejected


def describe(path: Path, *, pixel_size: int) -> Label:
    """A label from a file's place: `mon/orcs/orc_wizard.png` is a `mon`, "orcs orc wizard"."""
    words = [*path.parts[1:-1], path.stem]
    prompt = " ".join(words).replace("_", " ").replace("-", " ").lower()
    category = path.parts[0] if len(path.parts) > 1 else ""
    return Label(path.as_posix(), category, prompt, pixel_size)


def fit_scale(image: Pictures, size: int) -> int:
    """By which whole factor a sprite is enlarged to fit, at least 1."""
    return max(1, size // max(image.shape[:2]))


def fit_sprite(image: Pictures, size: int) -> Pictures:
    """A sprite on a transparent square, centred; every pixel is one of the original's.

    Args:
        image: RGBA `(height, width, 4)`.
        size: side of the square, pixels.
    """
    step = -(-max(image.shape[:2]) // size)  # ceil: take every n-th pixel of a large one
    thin = image[::step, ::step]
    scale = fit_scale(image, size)
    grown = thin.repeat(scale, axis=0).repeat(scale, axis=1)
    square = np.zeros((size, size, 4), np.uint8)
    top, left = ((size - side) // 2 for side in grown.shape[:2])
    square[top : top + grown.shape[0], left : left + grown.shape[1]] = grown
    return square


def over_background(rgba: Pictures, colour: tuple[int, int, int]) -> Pictures:
    """RGBA `(..., 4)` laid over one colour: RGB `(..., 3)`."""
    cover = rgba[..., 3:].astype(np.float32) / 255
    mixed = rgba[..., :3] * cover + np.asarray(colour, np.float32) * (1 - cover)
    return np.rint(mixed).astype(np.uint8)


def parse_colour(text: str) -> tuple[int, int, int]:
    """RGB of a CSS colour, each 0 to 255.

    Raises:
        ConfigError: not a colour.
    """
    try:
        return ImageColor.getcolor(text, "RGB")  # pyright: ignore[reportReturnType]
    except ValueError as error:
        raise ConfigError(
            f"'{text}' is not a colour.", hint="For example black, #120f1e or rgb(18,15,30)."
        ) from error


def write_npy(path: Path, array: Pictures) -> None:
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        np.save(file, array)
    partial.replace(path)


def write_labels(path: Path, labels: Sequence[Label]) -> None:
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([getattr(label, name) for name in COLUMNS] for label in labels)
    partial.replace(path)
