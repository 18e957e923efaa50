"""Picture files as other people make them -> RGB."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from lucidsonic.errors import DataError, unread


@contextmanager
def opened_picture(
    source: Path | IO[bytes], *, formats: tuple[str, ...] | None = None
) -> Iterator[Any]:
    """A Pillow image, whatever Pillow says of files that are none.

    Args:
        source: a file's name or its bytes.
        formats: which to accept, by Pillow's names; any if None.

    Raises:
        ValueError: it is no picture, a broken or a monstrous one; it says which.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source, formats=formats) as picture:
            yield picture
    except UnidentifiedImageError as error:
        raise ValueError("its format is not known") from error
    except OSError as error:
        raise ValueError(unread(error)) from error
    except (SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error


def read_rgb(path: Path, *, near: int | None = None) -> Any:
    """A picture file as a Pillow image in RGB, upright as its camera held it.

    Args:
        path: the file.
        near: a JPEG may be read at a smaller size, not below this many pixels a side.

    Raises:
        DataError: it is no picture.
    """
    try:
        with opened_picture(path) as picture:
            return upright_rgb(picture, near=near)
    except ValueError as error:
        raise DataError(f"'{path}' is not a picture: {error}.") from error


def upright_rgb(picture: Any, *, near: int | None = None) -> Any:
    """An opened picture as `read_rgb` gives it."""
    from PIL import ImageOps

    if near is not None:
        picture.draft("RGB", (near, near))
    return as_rgb(ImageOps.exif_transpose(picture))


def as_rgb(picture: Any) -> Any:
    """A Pillow image as RGB with 8 bits a channel.

    Pillow itself cuts 16-bit greys off at 255, which turns photographs white; here their range
    is kept.
    """
    from PIL import Image

    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")  # Pillow warns of the direct way
    if not picture.mode.startswith("I"):
        return picture.convert("RGB")
    grey = np.asarray(picture).astype(np.float64) / 257  # 65535 is white
    return Image.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8)).convert("RGB")
