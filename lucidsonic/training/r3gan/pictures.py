"""A folder or zip of pictures, with or without labels -> a data set of pairs."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from lucidsonic.errors import ConfigError, DataError
from lucidsonic.nn.pictures import opened_picture, upright_rgb
from lucidsonic.training.data import SUFFIXES, read_labels
from lucidsonic.training.r3gan.config import Config
from lucidsonic.types import FloatArray, Pictures

__all__ = ["Gallery", "Pairs", "load_gallery", "to_network"]

LABEL_FILE = "dataset.json"
SHOWN = 3  # rejects that are named
# What a file that is damaged, locked, packed in an unknown way or no picture is known by.
LARGEST = 256 << 20  # bytes of a file in a zip
MOST_CLASSES = 30_000
UNREADABLE = (OSError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile)
MIDDLE, REACH = 5.0, 4.0  # labels from 1 to 9 -> [-1, 1]


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Every picture of a training set, in memory.

    Attributes:
        pixels: uint8 `(pictures, 3, size, size)`.
        labels: float32 `(pictures, c_dim)`: one-hot classes, or valence and arousal brought to
            mean 0 and deviation 1; c_dim may be 0.
        class_names: what the classes are called.
        va_mean: valence and arousal in [-1, 1] that became 0.
        va_std: one step of them.
        rejects: files that are no pictures.
    """

    pixels: Pictures
    labels: FloatArray
    class_names: tuple[str, ...] = ()
    va_mean: tuple[float, float] = (0.0, 0.0)
    va_std: tuple[float, float] = (1.0, 1.0)
    rejects: tuple[str, ...] = ()

    @property
    def c_dim(self) -> int:
        return self.labels.shape[1]

    def describe(self) -> list[str]:
        """What a person should know of the set: its size, and which files were left out."""
        told = [f"{len(self.pixels)} pictures to train on."]
        if self.rejects:
            more = len(self.rejects) - SHOWN
            rest = f"; and {more} more" if more > 0 else ""
            told.append(
                f"{len(self.rejects)} left out: {'; '.join(self.rejects[:SHOWN])}{rest}."
            )
        return told


class Pairs(Dataset[dict[str, Tensor]]):
    """Two pictures an item: one for the discriminator's step, one for the generator's."""

    def __init__(self, gallery: Gallery) -> None:
        self.pixels = torch.from_numpy(gallery.pixels)
        self.labels = torch.from_numpy(gallery.labels)
        self.partner = np.random.default_rng(7).permutation(len(gallery.pixels))

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        other = int(self.partner[index])
        return {
            "x": self.pixels[index],
            "c": self.labels[index],
            "x_g": self.pixels[other],
            "c_g": self.labels[other],
        }


def to_network(pixels: Tensor, *, mirror: bool = False) -> Tensor:
    """Bytes to [-1, 1]; half of them mirrored on demand."""
    pictures = pixels.float() / 127.5 - 1
    if not mirror:
        return pictures
    flipped = torch.rand(len(pictures), device=pictures.device) < 0.5
    return torch.where(flipped[:, None, None, None], pictures.flip(3), pictures)


def load_gallery(config: Config) -> Gallery:
    """Read all pictures, once a process.

    Raises:
        ConfigError: no data were named, or labels that the condition needs are missing.
        DataError: nothing there is a picture, or the labels contradict the pictures.
    """
    if config.data is None:
        raise ConfigError(
            "train r3gan needs pictures.", hint="Name a folder or a zip: --data photos/"
        )
    return _load(config.data, config.cond, config.label_csv, config.resolution)


@lru_cache(maxsize=2)
def _load(data: Path, cond: str, label_csv: Path | None, size: int) -> Gallery:
    if cond == "va":
        return _emotions(data, label_csv, size)
    names, pixels, rejects = _read_all(data, size)
    if cond == "none":
        return Gallery(pixels, np.zeros((len(pixels), 0), np.float32), rejects=rejects)
    classes, class_names = _classes(data, names)
    return Gallery(pixels, _one_hot(classes, len(class_names)), class_names, rejects=rejects)


def _emotions(folder: Path, label_csv: Path | None, size: int) -> Gallery:
    known = read_labels(label_csv or folder / "labels.csv", folder)
    kept: list[int] = []
    pixels: list[Pictures] = []
    rejects = list(known.rejects)
    for index, path in enumerate(known.files):
        if known.says_split and known.held_out[index]:
            continue  # another family's measure compares with these
        try:
            pixels.append(square_pixels(path.read_bytes(), size))
            kept.append(index)
        except UNREADABLE as error:
            rejects.append(f"{path.name}: {error}")
    if not pixels:
        raise DataError(f"No file in {folder} is a picture.")
    va = (known.va[kept] - MIDDLE) / REACH
    mean, std = va.mean(axis=0), np.maximum(va.std(axis=0), 1e-3)
    return Gallery(
        np.stack(pixels),
        ((va - mean) / std).astype(np.float32),
        va_mean=(float(mean[0]), float(mean[1])),
        va_std=(float(std[0]), float(std[1])),
        rejects=tuple(rejects),
    )


def _read_all(data: Path, size: int) -> tuple[list[str], Pictures, tuple[str, ...]]:
    """Names, pixels and what was no picture."""
    names: list[str] = []
    pixels: list[Pictures] = []
    rejects: list[str] = []
    for name, read in _files(data):
        try:
            pixels.append(square_pixels(read(), size))
            names.append(name)
        except UNREADABLE as error:
            rejects.append(f"{name}: {error}")
    if not pixels:
        hint = f"The first of {len(rejects)}: {rejects[0]}" if rejects else ""
        raise DataError(f"{data} holds no picture.", hint=hint)
    return names, np.stack(pixels), tuple(rejects)


def _files(data: Path) -> list[tuple[str, Any]]:
    """Name inside the set -> a function that reads the file."""
    if data.is_dir():
        paths = sorted(p for p in data.rglob("*") if p.suffix.lower() in SUFFIXES)
        return [(p.relative_to(data).as_posix(), p.read_bytes) for p in paths]
    archive = _archive(data)
    names = sorted(n for n in archive.namelist() if PurePosixPath(n).suffix.lower() in SUFFIXES)
    return [(name, lambda name=name: _unpacked(archive, name)) for name in names]


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file in a zip, unless it would fill the memory; none unpacks to more than it says."""
    size = archive.getinfo(name).file_size
    if size > LARGEST:
        raise ValueError(f"unpacks to {size / 1e6:,.0f} MB, too much for a picture or labels")
    return archive.read(name)


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is neither a folder nor a zip: {error}",
            hint="Give a folder of pictures, or a zip of them.",
        ) from error


def square_pixels(content: bytes, size: int) -> Pictures:
    """The centre square of a picture: uint8 `(3, size, size)`.

    Raises:
        ValueError: it is no picture, a broken or a monstrous one.
    """
    with opened_picture(io.BytesIO(content)) as picture:
        whole = upright_rgb(picture, near=size)
    width, height = whole.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = whole.resize(
        (size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side)
    )
    return np.asarray(square).transpose(2, 0, 1)


def _classes(data: Path, names: list[str]) -> tuple[list[int], tuple[str, ...]]:
    """Each picture's class: by `dataset.json`, else by its folder."""
    told = _told_labels(data)
    if told:
        missing = [name for name in names if name not in told]
        if missing:
            raise DataError(f"{LABEL_FILE} gives '{missing[0]}' no label.")
        classes = [told[name] for name in names]
        if not 0 <= min(classes) <= max(classes) < MOST_CLASSES:
            raise DataError(
                f"{LABEL_FILE} has a label that is negative or not below {MOST_CLASSES}.",
                hint="Number the classes from 0.",
            )
        return classes, tuple(f"class {i}" for i in range(max(classes) + 1))
    folders = [PurePosixPath(name).parent.as_posix() for name in names]
    class_names = tuple(sorted(set(folders)))
    if len(class_names) < 2:
        raise DataError(
            f"{data} has no classes.",
            hint=f"Put each class in a folder of its own, or add {LABEL_FILE}.",
        )
    return [class_names.index(folder) for folder in folders], class_names


def _told_labels(data: Path) -> Mapping[str, int]:
    """`{"labels": [["00000/img0.png", 3], ...]}` as a table; empty without the file."""
    try:
        if data.is_dir():
            text = (data / LABEL_FILE).read_text(encoding="utf-8")
        else:
            text = _unpacked(_archive(data), LABEL_FILE).decode()
    except (FileNotFoundError, KeyError):
        return {}
    except UNREADABLE as error:
        raise DataError(f"{LABEL_FILE} cannot be read: {error}.") from error
    try:
        rows = json.loads(text)["labels"] or []
        return {str(name): int(label) for name, label in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{LABEL_FILE} is not of the form {{'labels': [['file.png', 0], ...]}}: {error}"
        ) from error


def _one_hot(classes: list[int], count: int) -> FloatArray:
    table: npt.NDArray[np.float32] = np.eye(count, dtype=np.float32)
    return table[classes]
