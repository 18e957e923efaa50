"""Pictures of any depth as RGB."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lucidsonic.errors import DataError
from lucidsonic.nn.pictures import as_rgb, read_rgb


def test_sixteen_bits_keep_their_range():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None]
    seen = np.asarray(as_rgb(Image.fromarray(ramp)))
    assert seen.shape == (1, 256, 3)
    assert np.array_equal(seen[0, :, 0], np.arange(256))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "CMYK"])
def test_other_pictures_are_as_pillow_has_them(mode: str):
    picture = Image.new("RGB", (4, 4), (200, 30, 90)).convert(mode)
    assert as_rgb(picture).tobytes() == picture.convert("RGB").tobytes()


@pytest.mark.filterwarnings("error")
def test_a_palette_with_holes_is_read_without_a_warning(tmp_path: Path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 0])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "a.png", transparency=bytes([255, 0]))

    assert np.asarray(read_rgb(tmp_path / "a.png")).tolist() == [[[10, 20, 30], [200, 100, 0]]]


def test_a_photograph_stands_as_its_camera_was_held(tmp_path: Path):
    lying = Image.new("RGB", (30, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    lying.save(tmp_path / "phone.jpg", exif=exif)
    assert read_rgb(tmp_path / "phone.jpg").size == (20, 30)


def png(side: int) -> bytes:
    """Noise, in a file that says it is so many pixels wide."""
    file = BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    header = b"IHDR" + struct.pack(">II", side, side) + file.getvalue()[24:29]
    end = struct.pack(">I", zlib.crc32(header))
    return file.getvalue()[:12] + header + end + file.getvalue()[33:]


NO_PICTURES = {
    "empty": (b"", "its format is not known"),
    "text": (b"hello", "its format is not known"),
    "cut": (png(8)[:80], "truncated"),
    "broken": (png(8).replace(b"IDAT", b"I\0AT"), "its format is not known"),
    "monstrous": (png(65536), "decompression bomb"),
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_one_sentence(name: str, tmp_path: Path):
    content, reason = NO_PICTURES[name]
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=rf"x\.png' is not a picture: .*({reason})"):
        read_rgb(tmp_path / "x.png")


def test_a_missing_picture_is_said_to_be_missing(tmp_path: Path):
    with pytest.raises(DataError, match="no such file"):
        read_rgb(tmp_path / "x.png")
