"""Photographs or nothing at all -> folders of pictures with valence and arousal."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from lucidsonic.errors import ConfigError, DataError
from lucidsonic.nn.pictures import read_rgb
from lucidsonic.training.data import HELD_OUT, append_labels, list_pictures
from lucidsonic.training.landscapes.colour import estimate_va, grade, target_colour
from lucidsonic.training.landscapes.noise import Field
from lucidsonic.training.landscapes.paint import render_landscape
from lucidsonic.types import OnProgress, Pictures, Progress, ignore_progress

__all__ = ["Coverage", "Crops", "crop_photographs", "label_folder", "paint_landscapes"]

Row = tuple[str, float, float, str]  # image, valence, arousal, split
LABELS = "labels.csv"
LARGER = 160  # pixels that small pictures are painted at, at most
QUALITY = 95  # of the JPEGs


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was made, and where it lies on the plane.

    Attributes:
        count: pictures.
        folder: where they and `labels.csv` are.
        cells: 4 x 4 counts, rows from tense to calm, columns from sad to happy.
        estimated: whether the labels were measured from colour, not known.
    """

    count: int
    folder: Path
    cells: tuple[tuple[int, ...], ...]
    estimated: bool


def paint_landscapes(
    out: Path,
    *,
    count: int,
    size: int = 128,
    seed: int = 0,
    workers: int = 1,
    on_progress: OnProgress = ignore_progress,
) -> Coverage:
    """Paint landscapes whose valence and arousal are known, spread evenly over the plane.

    Pictures that lie in `out` already stay; the numbers go on after them.

    Args:
        out: the folder.
        count: how many to add.
        size: side, pixels.
        seed: names them: the same seed paints the same ones again.
        workers: processes that paint.
        on_progress: told after each picture.
    """
    start = _next_number(out)
    va = np.random.default_rng((seed, 9)).uniform(1, 9, (count, 2))
    paint = partial(_paint_one, size=size, seed=seed)
    rows: list[Row] = []
    for index, picture in enumerate(_spread_work(paint, va, workers)):
        name = str(start + index)
        _write(picture, out / f"{name}.jpg")
        side = "validation" if index % HELD_OUT == 0 else "train"
        rows.append((name, float(va[index, 0]), float(va[index, 1]), side))
        on_progress(Progress("paint", index + 1, count, "pictures"))
    append_labels(out / LABELS, rows)
    return _coverage(out, rows, estimated=False)


def _paint_one(task: tuple[int, Field], *, size: int, seed: int) -> Pictures:
    index, (valence, arousal) = task
    # Larger, then averaged: edges come out smooth.
    big = render_landscape(
        (valence - 5) / 4,
        (arousal - 5) / 4,
        size=max(size, min(2 * size, LARGER)),
        seed=seed * 10**7 + index,
    )
    return np.asarray(Image.fromarray(big).resize((size, size), Image.Resampling.LANCZOS))


def _spread_work(paint: partial[Pictures], va: Field, workers: int) -> Iterator[Pictures]:
    if workers == 1:
        yield from map(paint, enumerate(va))
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(paint, enumerate(va), chunksize=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crops:
    """How photographs are cut.

    Attributes:
        per_photo: crops of each, at scales from half the photograph to all of it.
        size: side of a crop, pixels.
        grade_share: share of the crops whose exposure and saturation are changed towards a
            random place on the plane, so that no cell stays empty; labelled after that.
        seed: names the crops.
    """

    per_photo: int = 60
    size: int = 128
    grade_share: float = 0.5
    seed: int = 0


def crop_photographs(
    photographs: Path,
    out: Path,
    crops: Crops,
    *,
    names: Path | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Coverage:
    """Cut square crops at several scales and places, and label them by their colours.

    All crops of a photograph lie on one side of the train/validation split.

    Args:
        photographs: a folder, searched through.
        out: where crops and labels go; what lies there already stays.
        crops: how many and which.
        names: a text file with the names of the photographs to take, one a line; all if None.
        on_progress: told after each photograph.

    Raises:
        DataError: there are no photographs, or none can be read. One that cannot be is left
            out, and `on_progress` is told.
        ConfigError: the shares or counts make no sense.
    """
    if crops.per_photo < 1 or not 0 <= crops.grade_share <= 1:
        raise ConfigError("A photograph needs at least one crop, and a share lies in 0 to 1.")
    found = _find_photographs(photographs, names)
    number = _next_number(out)
    rows: list[Row] = []
    for index, path in enumerate(found):
        note = ""
        try:
            made = _crop_one(path, out, crops, number)
        except DataError as error:
            made, note = [], f"Left out: {error}"
        rows += made
        number += len(made)
        on_progress(Progress("crop", index + 1, len(found), "photographs", note=note))
    if not rows:
        raise DataError(f"None of the {len(found)} photographs can be read.")
    append_labels(out / LABELS, rows)
    return _coverage(out, rows, estimated=True)


def _crop_one(path: Path, out: Path, crops: Crops, number: int) -> list[Row]:
    photo = read_rgb(path)
    digest = int(hashlib.sha256(path.name.encode()).hexdigest(), 16)
    rng = np.random.default_rng((crops.seed, digest % 2**32))
    side = "validation" if digest % HELD_OUT == 0 else "train"
    rows: list[Row] = []
    for index in range(number, number + crops.per_photo):
        pixels = _crop(photo, crops, rng)
        _write(pixels, out / f"{index}.jpg")
        valence, arousal = estimate_va(pixels.astype(np.float32) / 255)
        rows.append((str(index), float(valence), float(arousal), side))
    return rows


def _find_photographs(folder: Path, names: Path | None) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.")
    wanted = set(names.read_text(encoding="utf-8").split()) if names else None
    found = [
        p for p in sorted(folder.rglob("*")) if p.suffix.lower() in {".jpg", ".jpeg", ".png"}
    ]
    found = [p for p in found if wanted is None or p.name in wanted]
    if not found:
        raise DataError(f"There are no photographs in {folder}.")
    return found


def _crop(photo: Image.Image, crops: Crops, rng: np.random.Generator) -> Pictures:
    size = crops.size
    side = int(min(photo.size) * rng.uniform(0.5, 1.0))
    left, top = (int(rng.integers(0, length - side + 1)) for length in photo.size)
    square = photo.resize(
        (size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side)
    )
    if rng.random() < 0.5:
        square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.asarray(square)
    if rng.random() >= crops.grade_share:
        return pixels
    brightness, saturation = target_colour(*rng.uniform(-1, 1, 2))
    graded = grade(
        pixels.astype(np.float32) / 255,
        brightness=brightness,
        saturation=saturation,
        strength=rng.uniform(0.6, 0.95),
    )
    return (graded * 255 + 0.5).astype(np.uint8)


def label_folder(folder: Path, *, on_progress: OnProgress = ignore_progress) -> Coverage:
    """Write `labels.csv` for the pictures of a folder, estimated from their colours.

    Args:
        folder: the pictures.
        on_progress: told after each picture.

    Raises:
        DataError: no pictures, none that can be read, or labels lie there already. One that
            cannot be read gets no label, and `on_progress` is told.
    """
    target = folder / LABELS
    if target.exists():
        raise DataError(f"{target} exists already.", hint="Move it away to estimate anew.")
    found = list_pictures(folder)
    if not found:
        raise DataError(f"There are no pictures in {folder}.")
    names = Counter(path.stem for path in found)
    if twice := [name for name, times in names.items() if times > 1]:
        raise DataError(
            f"{folder} has several pictures called '{twice[0]}'.",
            hint="Labels name pictures without their suffix: rename all but one.",
        )
    rows: list[Row] = []
    for index, path in enumerate(found):
        note = ""
        try:
            rows.append(_label_one(path))
        except DataError as error:
            note = f"Left out: {error}"
        on_progress(Progress("label", index + 1, len(found), "pictures", note=note))
    if not rows:
        raise DataError(f"None of the {len(found)} pictures in {folder} can be read.")
    append_labels(target, rows)
    return _coverage(folder, rows, estimated=True)


def _label_one(path: Path) -> Row:
    small = read_rgb(path).resize((64, 64), Image.Resampling.BOX)
    valence, arousal = estimate_va(np.asarray(small, np.float32) / 255)
    return path.stem, float(valence), float(arousal), ""


def _write(pixels: Pictures, path: Path) -> None:
    Image.fromarray(pixels).save(path, quality=QUALITY, subsampling=0)


def _next_number(out: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    return 1 + max((int(p.stem) for p in list_pictures(out) if p.stem.isdigit()), default=0)


def _coverage(folder: Path, rows: list[Row], *, estimated: bool) -> Coverage:
    va = np.array([row[1:3] for row in rows], dtype=float)
    counts, _, _ = np.histogram2d(va[:, 1], va[:, 0], bins=4, range=((1, 9), (1, 9)))
    cells = tuple(tuple(int(n) for n in line) for line in counts[::-1])
    return Coverage(len(rows), folder, cells, estimated)
