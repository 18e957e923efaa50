"""What `train r3gan` trains on."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from r3gan_blobs import tiny, write_blobs

from lucidsonic.errors import ConfigError, DataError
from lucidsonic.training.loop import train
from lucidsonic.training.order import Batches
from lucidsonic.training.r3gan import pictures
from lucidsonic.training.r3gan.gan import (
    FAMILY,
    Config,
    dataset,
)
from lucidsonic.training.r3gan.pictures import load_gallery, square_pixels
from lucidsonic.training.ranks import Ranks
from lucidsonic.training.run import resolve_config


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blobs(tmp_path_factory.mktemp("blobs"))


def test_every_picture_has_its_turn_however_short_a_tick_is(
    blobs: Path, tmp_path: Path
) -> None:
    config = tiny(blobs, tmp_path, tick=0.008)  # 8 of 12 pictures
    pairs = dataset(config)
    batches = Batches(pairs, config, Ranks())
    assert (len(pairs), batches.steps_per_epoch) == (12, 2)
    seen = [next(iter(batches.rest_of_epoch(step))) for step in range(3)]
    for name in ("x", "x_g"):
        pictures = torch.cat([batch[name] for batch in seen])
        assert len({picture.numpy().tobytes() for picture in pictures}) == 12


def test_a_zip_with_labels_is_read_like_the_authors_read_it(tmp_path: Path) -> None:
    write_blobs(tmp_path / "data", count=3, side=20)
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted((tmp_path / "data").iterdir()):
            file.write(path, f"00000/{path.name}")
        labels = [["00000/0.png", 2], ["00000/1.png", 0], ["00000/2.png", 1]]
        file.writestr("dataset.json", json.dumps({"labels": labels}))
        file.writestr("00000/broken.png", b"no picture")
    gallery = load_gallery(tiny(archive, tmp_path, cond="class", widths="8,8"))
    assert gallery.pixels.shape == (3, 3, 8, 8)
    assert gallery.labels.argmax(axis=1).tolist() == [2, 0, 1]
    assert [reject.split(":")[0] for reject in gallery.rejects] == ["00000/broken.png"]


def test_files_that_are_damaged_are_left_out_and_named(tmp_path: Path) -> None:
    write_blobs(tmp_path / "data", count=3)
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted((tmp_path / "data").iterdir()):
            file.write(path, path.name)
    content = bytearray(archive.read_bytes())
    content[60] ^= 255  # inside the first picture: its checksum is wrong now
    archive.write_bytes(content)
    config = tiny(archive, tmp_path / "run", max_steps=1)
    train(FAMILY, config)
    events = (tmp_path / "run" / "events.jsonl").read_text()
    assert "2 pictures to train on." in events
    assert "1 left out: 0.png: Bad CRC-32" in events


def test_a_photograph_taken_sideways_stands_upright(tmp_path: Path) -> None:
    sideways = np.zeros((8, 8, 3), np.uint8)
    sideways[:, :4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right to see it as taken
    Image.fromarray(sideways).save(tmp_path / "x.png", exif=exif)
    pixels = square_pixels((tmp_path / "x.png").read_bytes(), 8)
    assert pixels[:, :4].min() > 250
    assert pixels[:, 4:].max() < 5


def test_pictures_held_out_by_the_label_file_are_not_trained_on(
    blobs: Path, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.csv"
    sides = ["validation" if seed % 4 == 0 else "train" for seed in range(12)]
    labels.write_text("\n".join(f"{i},{1 + i * 0.5},5,{side}" for i, side in enumerate(sides)))
    config = tiny(blobs, tmp_path, cond="va", label_csv=labels)
    assert len(load_gallery(config).pixels) == 9


def test_a_file_in_a_zip_that_would_fill_the_memory_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "LARGEST", 100_000)
    write_blobs(tmp_path / "data", count=2)
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted((tmp_path / "data").glob("*.png")):
            file.write(path, path.name)
        file.writestr("bomb.png", bytes(1_000_000))
    gallery = load_gallery(tiny(tmp_path / "set.zip", tmp_path))
    assert len(gallery.pixels) == 2
    (told,) = gallery.rejects
    assert "bomb.png: unpacks to 1 MB" in told


def test_labels_in_a_zip_become_classes(tmp_path: Path) -> None:
    write_blobs(tmp_path / "data", count=2)
    labels = {"labels": [["0.png", 3], ["1.png", 0]]}
    (tmp_path / "data" / "dataset.json").write_text(json.dumps(labels))
    gallery = load_gallery(tiny(tmp_path / "data", tmp_path, cond="class"))
    assert gallery.labels.argmax(axis=1).tolist() == [3, 0]
    assert gallery.c_dim == 4


@pytest.mark.parametrize(
    ("content", "named"),
    [('{"labels": [["0.png"]]}', "not of the form"), ('{"labels": [["x.png", 0]]}', "no label"),
     ('{"labels": [["0.png", -1], ["1.png", 0]]}', "negative"),
     ('{"labels": [["0.png", 1000000000], ["1.png", 0]]}', "not below 30000")],
)  # fmt: skip
def test_labels_that_make_no_sense_are_named(tmp_path: Path, content: str, named: str) -> None:
    write_blobs(tmp_path / "data", count=2)
    (tmp_path / "data" / "dataset.json").write_text(content)
    with pytest.raises(DataError, match=named):
        load_gallery(tiny(tmp_path / "data", tmp_path, cond="class"))


def test_data_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs pictures"):
        load_gallery(resolve_config(Config, {"out": tmp_path}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture"):
        load_gallery(tiny(tmp_path / "empty", tmp_path))
    (tmp_path / "odd.zip").write_bytes(b"odd")
    with pytest.raises(DataError, match="neither a folder nor a zip"):
        load_gallery(tiny(tmp_path / "odd.zip", tmp_path))
    with pytest.raises(DataError, match="no classes"):
        load_gallery(tiny(write_blobs(tmp_path / "one"), tmp_path, cond="class"))


def test_the_middle_of_an_oblong_picture_is_taken(tmp_path: Path) -> None:
    oblong = np.zeros((8, 24, 3), np.uint8)
    oblong[:, 8:16] = 255
    Image.fromarray(oblong).save(tmp_path / "x.png")
    assert square_pixels((tmp_path / "x.png").read_bytes(), 8).min() > 250
