"""Pictures -> picture files: one, many in a folder, many on one sheet."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lucidsonic.encoding.partial import whole_file
from lucidsonic.errors import ConfigError
from lucidsonic.types import Pictures

PICTURE_SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
SAVING = {
    "PNG": {"compress_level": 4},
    "JPEG": {"quality": 92, "subsampling": 0},
    "WEBP": {"quality": 88, "method": 4},
}
GAP_PX = 8
LABEL_SHARE = 16  # a label is this much lower than its picture is wide
PAPER = (14, 14, 18)
INK = (214, 214, 222)


def picture_format(path: Path) -> str:
    """Pillow's name of the format that a name asks for.

    Raises:
        ConfigError: not one of PNG, JPEG and WebP.
    """
    kind = PICTURE_SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise ConfigError(
            f"'{path.name}' does not end like a picture.",
            hint=f"Use one of {', '.join(PICTURE_SUFFIXES)}.",
        )
    return kind


def write_picture(path: Path, picture: Pictures, *, overwrite: bool = False) -> Path:
    """Save one picture.

    Args:
        path: where; the suffix is .png, .jpg or .webp.
        picture: uint8 RGB `(height, width, 3)`.
        overwrite: whether a file of this name may be replaced.

    Returns:
        `path`. It appears whole or not at all.

    Raises:
        ConfigError: another suffix, or there is such a file already.
        EncodingError: it cannot be written here.
    """
    from PIL import Image

    kind = picture_format(path)
    with whole_file(path, overwrite=overwrite) as partial:
        Image.fromarray(np.ascontiguousarray(picture)).save(
            partial, format=kind, **SAVING[kind]
        )
    return path


def save_frames(
    folder: Path, pictures: Iterable[Pictures], *, start: int = 0
) -> Iterator[Pictures]:
    """Save pictures as they pass by, numbered: a tee between painter and encoder.

    Args:
        folder: made if it is not there; files of the same numbers are replaced.
        pictures: uint8 RGB, `(height, width, 3)` or `(batch, height, width, 3)` each.
        start: number of the first picture.

    Yields:
        `pictures`, unchanged.

    Raises:
        EncodingError: the folder cannot be written.
    """
    number = start
    for batch in pictures:
        for picture in batch.reshape(-1, *batch.shape[-3:]):
            write_picture(folder / f"{number:07}.png", picture, overwrite=True)
            number += 1
        yield batch


def contact_sheet(
    path: Path,
    pictures: Sequence[Pictures],
    *,
    columns: int = 4,
    labels: Sequence[str] = (),
    overwrite: bool = False,
) -> Path:
    """Save pictures side by side on one sheet, in reading order.

    Args:
        path: where; the suffix is .png, .jpg or .webp.
        pictures: uint8 RGB `(height, width, 3)`, all of one size, at least one.
        columns: pictures in a row.
        labels: a word below each picture, or none.
        overwrite: whether a file of this name may be replaced.

    Raises:
        ConfigError: no picture, no column, another suffix, or there is such a file already.
        EncodingError: it cannot be written here.
    """
    picture_format(path)
    if not pictures or columns < 1:
        raise ConfigError(
            "A contact sheet needs pictures and columns.", hint="At least one each."
        )
    return write_picture(path, lay_out(pictures, columns, labels), overwrite=overwrite)


def lay_out(pictures: Sequence[Pictures], columns: int, labels: Sequence[str]) -> Pictures:
    """The sheet: uint8 RGB `(height, width, 3)`."""
    from PIL import Image, ImageDraw

    height, width = pictures[0].shape[:2]
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    label_px = max(16, width // LABEL_SHARE) if labels else 0
    cell = (height + label_px + GAP_PX, width + GAP_PX)
    sheet = Image.new("RGB", (columns * cell[1] + GAP_PX, rows * cell[0] + GAP_PX), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        x, y = GAP_PX + column * cell[1], GAP_PX + row * cell[0]
        sheet.paste(Image.fromarray(np.ascontiguousarray(picture)), (x, y))
        if number < len(labels):
            where = (x + width / 2, y + height + label_px / 2 + 1)
            draw.text(where, labels[number], INK, label_font(label_px * 0.8), anchor="mm")
    return np.asarray(sheet)


def label_font(size_px: float, *, bold: bool = False) -> Any:
    """DejaVu Sans, as matplotlib ships it, so that a sheet looks the same everywhere."""
    from PIL import ImageFont

    return ImageFont.truetype(str(font_path(bold=bold)), max(8, round(size_px)))


def font_path(*, bold: bool = False) -> Path:
    """A font file with all European letters that is sure to be there."""
    import matplotlib as mpl

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return Path(mpl.get_data_path()) / "fonts" / "ttf" / name
