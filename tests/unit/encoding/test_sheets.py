"""Pictures become files: alone, numbered, on a sheet."""

import numpy as np
import pytest
from PIL import Image

from lucidsonic.encoding import contact_sheet, save_frames, write_picture
from lucidsonic.errors import ConfigError, EncodingError


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_comes_back(suffix, tmp_path, waves):
    picture = waves(1)[0]
    path = write_picture(tmp_path / f"a{suffix}", picture)
    with Image.open(path, formats=["PNG", "JPEG", "WEBP"]) as image:
        seen = np.asarray(image.convert("RGB"))
    assert seen.shape == picture.shape
    assert np.abs(seen.astype(int) - picture).mean() < (0.01 if suffix == ".png" else 4)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_pictures_are_saved_as_they_pass_and_pass_unchanged(tmp_path, waves):
    batches = [waves(5)[:3], waves(5)[3:]]
    passed = list(save_frames(tmp_path / "frames", batches, start=7))
    assert all(np.array_equal(a, b) for a, b in zip(passed, batches, strict=True))
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == [f"{number:07}.png" for number in range(7, 12)]
    with Image.open(tmp_path / "frames" / names[-1], formats=["PNG"]) as image:
        assert np.array_equal(np.asarray(image), waves(5)[4])


def test_a_sheet_shows_pictures_in_reading_order(tmp_path):
    shades = [np.full((20, 30, 3), 10 * number + 5, np.uint8) for number in range(5)]
    path = contact_sheet(tmp_path / "a.png", shades, columns=3, labels=["x"] * 5)
    with Image.open(path, formats=["PNG"]) as image:
        sheet = np.asarray(image)
    spots = [sheet[18 + row * 44, 20 + column * 38, 0] for row in (0, 1) for column in range(3)]
    assert spots[:5] == [5, 15, 25, 35, 45]


@pytest.mark.parametrize(("count", "columns"), [(0, 3), (3, 0)])
def test_an_empty_sheet_is_refused(count, columns, tmp_path, waves):
    with pytest.raises(ConfigError, match="needs pictures"):
        contact_sheet(tmp_path / "a.png", list(waves(count)), columns=columns)


def test_other_suffixes_and_taken_names_are_refused(tmp_path, waves):
    with pytest.raises(ConfigError, match="does not end like a picture"):
        write_picture(tmp_path / "a.bmp", waves(1)[0])
    write_picture(tmp_path / "a.png", waves(1)[0])
    with pytest.raises(ConfigError, match="there already"):
        write_picture(tmp_path / "a.png", waves(1)[0])


def test_a_file_in_the_folders_place_is_one_error(tmp_path, waves):
    (tmp_path / "frames").write_text("")
    with pytest.raises(EncodingError, match="Cannot write"):
        list(save_frames(tmp_path / "frames", [waves(1)]))
