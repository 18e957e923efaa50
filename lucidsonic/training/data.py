"""Folders of pictures with valence and arousal -> data sets; strict about every row."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from lucidsonic.errors import DataError
from lucidsonic.nn.pictures import read_rgb

__all__ = [
    "HEADER",
    "Labels",
    "PictureSet",
    "append_labels",
    "denormalise_va",
    "list_pictures",
    "load_pictures",
    "normalise_va",
    "read_labels",
]

HEADER = ("image", "valence", "arousal")
SPLIT = "split"  # an optional fourth column: train or validation
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
LOW, HIGH = 1.0, 9.0  # the scale of the labels
HELD_OUT = 10  # one in so many pictures is kept for validation when no column says which


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What a label file says of the pictures that exist.

    Attributes:
        files: the pictures.
        va: float32 `(pictures, 2)`, valence and arousal in [1, 9].
        held_out: bool `(pictures,)`, kept for validation.
        rejects: rows whose picture is missing: "row 12: 77 is not in FOLDER".
        says_split: whether the file itself says which are held out.
    """

    files: tuple[Path, ...]
    va: np.ndarray
    held_out: np.ndarray
    rejects: tuple[str, ...] = ()
    says_split: bool = False

    def __len__(self) -> int:
        return len(self.files)


def read_labels(path: Path, folder: Path) -> Labels:
    """Read `image,valence,arousal[,split]`, with or without a header.

    Args:
        path: the csv; `image` is a file's stem ("17") or name ("17.jpg").
        folder: where the pictures lie.

    Raises:
        DataError: no such file, a row that is not of that form, a label outside 1 to 9, a
            picture named twice, or no picture at all; the row is named.
    """
    known = _pictures_by_name(folder)
    files: list[Path] = []
    va: list[tuple[float, float]] = []
    sides: list[str] = []
    rejects: list[str] = []
    seen: set[Path] = set()
    for number, row in _rows(path):
        valence, arousal = _read_values(row, number, path)
        picture = known.get(row[0].strip())
        if picture is None:
            rejects.append(f"row {number}: {row[0]} is not in {folder}")
            continue
        if picture in seen:
            raise DataError(f"{path}, row {number}: {row[0]} was named before.")
        seen.add(picture)
        files.append(picture)
        va.append((valence, arousal))
        sides.append(row[3].strip() if len(row) > 3 else "")
    if not files:
        raise DataError(
            f"None of the {len(rejects)} pictures that {path} names is in {folder}.",
            hint="The column 'image' holds file names without their endings.",
        )
    held_out, va_array = _held_out(sides), np.array(va, np.float32)
    return Labels(tuple(files), va_array, held_out, tuple(rejects), any(sides))


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file), start=1):
                is_header = number == 1 and tuple(c.strip().lower() for c in row[:3]) == HEADER
                if row and not is_header:
                    yield number, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _read_values(row: list[str], number: int, path: Path) -> tuple[float, float]:
    if len(row) not in (3, 4):
        raise DataError(
            f"{path}, row {number}: {len(row)} columns instead of {','.join(HEADER)}."
        )
    try:
        values = float(row[1]), float(row[2])
    except ValueError as error:
        raise DataError(
            f"{path}, row {number}: {row[1]!r}, {row[2]!r} are no numbers."
        ) from error
    if not all(LOW <= value <= HIGH for value in values):
        raise DataError(
            f"{path}, row {number}: {row[1]}, {row[2]} is outside {LOW:g} to {HIGH:g}.",
            hint="Valence and arousal are ratings from 1 to 9.",
        )
    if len(row) == 4 and row[3].strip() not in {"", "train", "validation"}:
        raise DataError(f"{path}, row {number}: split is {row[3]!r}, not train or validation.")
    return values


def _held_out(sides: list[str]) -> np.ndarray:
    if any(sides):
        return np.array([side == "validation" for side in sides])
    order = np.random.default_rng(len(sides)).permutation(len(sides))
    return order < len(sides) // HELD_OUT


def list_pictures(folder: Path) -> list[Path]:
    """The pictures in a folder, numbers in their own order.

    Raises:
        DataError: no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.")
    found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES]
    return sorted(found, key=lambda p: (len(p.stem) if p.stem.isdigit() else 0, p.name))


def _pictures_by_name(folder: Path) -> dict[str, Path]:
    found = list_pictures(folder)
    return {p.stem: p for p in found} | {p.name: p for p in found}


def append_labels(path: Path, rows: Sequence[tuple[str, float, float, str]]) -> None:
    """Add rows (image, valence, arousal, split) to a label file; a new one gets a header."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    lines = lines or [",".join((*HEADER, SPLIT))]
    lines += [f"{name},{v:.4f},{a:.4f},{side}" for name, v, a, side in rows]
    partial = path.with_suffix(".partial")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(path)


def load_pictures(files: Sequence[Path], size: int) -> np.ndarray:
    """All pictures in memory: uint8 `(pictures, 3, size, size)`, RGB.

    Raises:
        DataError: one of them is no picture.
    """
    pixels = np.empty((len(files), 3, size, size), np.uint8)
    for index, path in enumerate(files):
        square = read_rgb(path, near=size).resize((size, size), Image.Resampling.LANCZOS)
        pixels[index] = np.asarray(square).transpose(2, 0, 1)
    return pixels


NORMS = {"div9": (0.0, 9.0), "minmax": (1.0, 8.0)}  # (label - first) / second


def normalise_va(va: Any, norm: str) -> Any:
    """Labels from 1 to 9 on the model's scale: "div9" or "minmax"."""
    first, second = NORMS[norm]
    return (va - first) / second


def denormalise_va(va: Any, norm: str) -> Any:
    """The model's scale back to 1 to 9."""
    first, second = NORMS[norm]
    return va * second + first


class PictureSet(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Pictures uint8 `(3, size, size)` with their labels on the model's scale `(2,)`.

    Args:
        pixels: uint8 `(pictures, 3, size, size)`.
        va: `(pictures, 2)` in [1, 9].
        norm: the model's scale.
    """

    def __init__(self, pixels: np.ndarray, va: np.ndarray, *, norm: str) -> None:
        self.pixels = torch.from_numpy(pixels)
        self.va = torch.from_numpy(normalise_va(va, norm).astype(np.float32))

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.pixels[index], self.va[index]
