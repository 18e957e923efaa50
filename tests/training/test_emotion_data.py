from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lucidsonic.errors import ConfigError, DataError
from lucidsonic.training.data import read_labels
from lucidsonic.training.landscapes.colour import (
    estimate_va,
    grade,
    mean_brightness,
    mean_saturation,
    target_colour,
)
from lucidsonic.training.landscapes.paint import render_landscape
from lucidsonic.training.make_data import (
    Crops,
    crop_photographs,
    label_folder,
    paint_landscapes,
)
from lucidsonic.types import Progress


def pictures(folder: Path, names: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.new("RGB", (8, 8), "teal").save(folder / name)
    return folder


def labels(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("header", ["", "image,valence,arousal\n"])
def test_labels_with_and_without_a_header_read_alike(tmp_path: Path, header: str):
    folder = pictures(tmp_path / "p", ["1.jpg", "2.jpg", "sea.png"])
    found = read_labels(labels(folder, header + "1,2,3\n2,9,1\nsea.png,5.5,6\n"), folder)
    assert [path.name for path in found.files] == ["1.jpg", "2.jpg", "sea.png"]
    assert found.va.tolist() == [[2, 3], [9, 1], [5.5, 6]]
    assert found.rejects == ()


def test_rows_without_a_picture_are_left_out_and_named(tmp_path: Path):
    folder = pictures(tmp_path / "p", ["1.jpg"])
    found = read_labels(labels(folder, "1,2,3\n77,2,3\n"), folder)
    assert len(found) == 1
    assert found.rejects[0].startswith("row 2: 77 is not in")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1,0.5,3\n", "row 1: 0.5, 3 is outside 1 to 9"),
        ("1,2,9.1\n", "outside"),
        ("1,nan,3\n", "outside"),
        ("1,two,3\n", "no numbers"),
        ("1,2\n", "2 columns"),
        ("1,2,3\n1,4,5\n", "row 2: 1 was named before"),
        ("1,2,3,test\n", "not train or validation"),
        ("8,2,3\n", "None of the 1 pictures"),
    ],
)
def test_a_wrong_row_is_an_error_that_names_it(tmp_path: Path, text: str, problem: str):
    folder = pictures(tmp_path / "p", ["1.jpg"])
    with pytest.raises(DataError, match=problem):
        read_labels(labels(folder, text), folder)


def test_a_missing_label_file_is_named(tmp_path: Path):
    with pytest.raises(DataError, match="cannot be read"):
        read_labels(tmp_path / "no.csv", tmp_path)


@given(st.floats(-0.9, 0.9), st.floats(-0.6, 0.6))
def test_a_colour_target_is_what_the_regression_calls_that_emotion(
    valence: float, arousal: float
):
    brightness, saturation = target_colour(valence, arousal)
    raw = (0.69 * brightness + 0.22 * saturation, -0.31 * brightness + 0.60 * saturation)
    assert (raw[0] - 0.425) / 0.175 == pytest.approx(valence, abs=0.06)
    assert (raw[1] - 0.035) / 0.175 == pytest.approx(arousal, abs=0.15)


def test_grading_reaches_the_colours_it_aims_at():
    picture = render_landscape(0, 0, size=64, seed=3).astype(np.float32) / 255
    graded = grade(picture, brightness=0.35, saturation=0.5)
    assert mean_brightness(graded) == pytest.approx(0.35, abs=0.03)
    assert mean_saturation(graded) == pytest.approx(0.5, abs=0.08)


def test_painted_scenes_are_of_their_seed_and_of_their_emotion():
    scene = render_landscape(0.5, -0.5, size=48, seed=7)
    assert scene.shape == (48, 48, 3)
    assert np.array_equal(scene, render_landscape(0.5, -0.5, size=48, seed=7))
    assert not np.array_equal(scene, render_landscape(0.5, -0.5, size=48, seed=8))

    corners = {(v, a): [] for v in (-0.8, 0.8) for a in (-0.8, 0.8)}
    for place, found in corners.items():
        for seed in range(6):
            picture = render_landscape(*place, size=48, seed=seed).astype(np.float32) / 255
            found.append(estimate_va(picture))
    means = {place: np.mean(found, 0) for place, found in corners.items()}
    assert min(means[0.8, a][0] for a in (-0.8, 0.8)) > 1 + max(
        means[-0.8, a][0] for a in (-0.8, 0.8)
    )
    assert min(means[v, 0.8][1] for v in (-0.8, 0.8)) > 1 + max(
        means[v, -0.8][1] for v in (-0.8, 0.8)
    )


def test_scenes_of_one_mood_differ_much():
    scenes = np.stack([render_landscape(0, 0, size=32, seed=s) for s in range(8)]) / 255.0
    gaps = np.abs(scenes[:4] - scenes[4:]).mean((1, 2, 3))
    assert gaps.min() > 0.05


def test_painting_adds_to_a_folder_and_never_overwrites(tmp_path: Path):
    first = paint_landscapes(tmp_path, count=3, size=16, seed=1)
    before = (tmp_path / "2.jpg").read_bytes()
    paint_landscapes(tmp_path, count=2, size=16, seed=2)
    found = read_labels(tmp_path / "labels.csv", tmp_path)
    assert len(found) == 5
    assert (tmp_path / "2.jpg").read_bytes() == before
    assert sum(map(sum, first.cells)) == 3
    assert not first.estimated


def test_crops_of_one_photograph_stay_on_one_side(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(6):
        scene = render_landscape(0, 0, size=64, seed=index)
        Image.fromarray(np.hstack([scene, scene])).save(photos / f"{index}.jpg")
    made = crop_photographs(photos, tmp_path / "out", Crops(per_photo=4, size=24))
    rows = [r.split(",") for r in (tmp_path / "out" / "labels.csv").read_text().split()[1:]]
    assert made.count == len(rows) == 24
    assert made.estimated
    for start in range(0, 24, 4):
        assert len({row[3] for row in rows[start : start + 4]}) == 1
    with pytest.raises(ConfigError):
        crop_photographs(photos, tmp_path / "out", Crops(per_photo=0))
    with pytest.raises(DataError, match="no photographs"):
        crop_photographs(tmp_path / "out", tmp_path / "x", Crops(), names=_names(tmp_path))


def _names(folder: Path) -> Path:
    path = folder / "names.txt"
    path.write_text("nothing.jpg\n")
    return path


def test_a_broken_picture_gets_no_label_and_stops_no_other(tmp_path: Path):
    Image.new("RGB", (8, 8), (20, 20, 24)).save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"no picture")
    told: list[Progress] = []
    assert label_folder(tmp_path, on_progress=told.append).count == 1
    assert "2.png' is not a picture" in told[1].note
    (tmp_path / "1.png").unlink()
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(DataError, match="None of the 1 pictures"):
        label_folder(tmp_path)


def test_labels_are_estimated_once_and_brighter_is_happier(tmp_path: Path):
    Image.new("RGB", (8, 8), (20, 20, 24)).save(tmp_path / "1.png")
    Image.new("RGB", (8, 8), (230, 190, 150)).save(tmp_path / "2.png")
    label_folder(tmp_path)
    found = read_labels(tmp_path / "labels.csv", tmp_path)
    assert found.va[1, 0] > found.va[0, 0] + 4
    with pytest.raises(DataError, match="exists already"):
        label_folder(tmp_path)
