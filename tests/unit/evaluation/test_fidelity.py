from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from lucidsonic.errors import DataError
from lucidsonic.evaluation.fidelity import (
    compare,
    covered,
    frechet_distance,
    kernel_distance,
    read_pictures,
)


def blobs(count: int, *, seed: int, red: float = 1.0, sigma: float = 4.0) -> list[np.ndarray]:
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        soft = gaussian_filter(chance.standard_normal((48, 48, 3)), (sigma, sigma, 0))
        soft = 128 + 90 * soft / np.abs(soft).max()
        found.append((soft * (red, 1, 1)).clip(0, 255).astype(np.uint8))
    return found


def test_pictures_of_one_kind_are_nearer_than_those_of_another():
    real = blobs(120, seed=0)
    same, redder, finer = (
        compare(made, real)
        for made in (
            blobs(120, seed=1),
            blobs(120, seed=2, red=1.4),
            blobs(120, seed=3, sigma=1),
        )
    )

    assert same.frechet < redder.frechet
    assert same.frechet < finer.frechet
    assert same.kid < redder.kid
    assert same.kid < finer.kid
    assert same.precision > 0.7
    assert finer.recall < 0.3 < same.recall


def test_the_more_they_differ_the_further_apart_they_are():
    real = blobs(100, seed=0)

    distances = [compare(blobs(100, seed=1, red=r), real).frechet for r in (1, 1.1, 1.2, 1.4)]

    assert distances == sorted(distances)


def test_a_set_is_at_no_distance_from_itself():
    pictures = blobs(40, seed=0)

    told = compare(pictures, pictures)

    assert told.frechet == pytest.approx(0, abs=1e-6)
    assert told.precision == told.recall == 1
    assert told.features == "proxy"


def test_made_pictures_that_are_all_alike_cover_little():
    real = blobs(80, seed=0)

    assert compare(real[:1] * 40, real).recall < 0.2


def test_the_frechet_distance_of_two_gaussians_is_the_textbooks():
    chance = np.random.default_rng(0)
    a = chance.standard_normal((200_000, 2))
    b = chance.standard_normal((200_000, 2)) * (2, 1) + (3, 0)

    assert frechet_distance(a, b) == pytest.approx(3**2 + (2 - 1) ** 2, rel=0.02)


def test_the_kernel_distance_is_unbiased():
    chance = np.random.default_rng(0)
    draws = [chance.standard_normal((2, 60, 3)) for _ in range(200)]

    assert np.mean([kernel_distance(a, b) for a, b in draws]) == pytest.approx(0, abs=0.02)


def test_what_lies_far_away_is_not_covered():
    near = np.random.default_rng(0).standard_normal((50, 4))

    assert covered(near + 100, near) == 0
    assert covered(near, near) == 1


def test_pictures_are_read_from_folders_and_what_is_none_is_named(tmp_path: Path):
    (tmp_path / "in").mkdir()
    for number in range(5):
        Image.new("RGB", (20, 10 + number)).save(tmp_path / "in" / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")

    assert len(read_pictures(tmp_path, most=3)) == 3
    assert read_pictures(tmp_path, most=9)[4].shape == (14, 20, 3)
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"bad\.png"):
        read_pictures(tmp_path, most=9)
    with pytest.raises(DataError, match="no folder"):
        read_pictures(tmp_path / "none", most=9)


def test_too_few_pictures_are_an_error_with_a_hint():
    with pytest.raises(DataError, match="too few"):
        compare(blobs(4, seed=0), blobs(40, seed=0))
