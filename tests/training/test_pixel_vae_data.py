import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pixel_sprites import write_sprites

from lucidsonic.errors import ConfigError, DataError
from lucidsonic.training.pixel_vae.data import (
    read_sprite_set,
    split_sprites,
    sprites_to_tensor,
)
from lucidsonic.training.pixel_vae.dataset import jitter
from lucidsonic.training.pixel_vae.pack import fit_sprite, pack_sprites


@pytest.fixture
def sprites(tmp_path: Path) -> Path:
    return write_sprites(tmp_path / "png", 12)


def test_a_pack_has_a_row_for_every_sprite_with_category_and_prompt(sprites, tmp_path):
    packed = pack_sprites(sprites, tmp_path / "pack")
    table = (packed.folder / "labels.csv").read_text().splitlines()
    rows = list(csv.DictReader(table))
    array = np.load(packed.folder / "sprites.npy")

    assert array.shape == (12, 32, 32, 3)
    assert packed.categories == {"box": 3, "cross": 3, "disc": 3, "ring": 3}
    assert rows[0] == {
        "filename": "box/box_001.png",
        "category": "box",
        "prompt": "box 001",
        "pixel_size": "1",
    }


def test_see_through_pixels_show_the_background(sprites, tmp_path):
    pack_sprites(sprites, tmp_path / "pack", background="#102030")

    assert np.load(tmp_path / "pack/sprites.npy")[0, 0, 0].tolist() == [16, 32, 48]


def test_alpha_keeps_the_coverage_as_a_fourth_channel(sprites, tmp_path):
    pack_sprites(sprites, tmp_path / "pack", alpha=True)
    found = read_sprite_set(tmp_path / "pack", colours=4)

    assert found.colours == 4
    assert set(np.unique(found.take(np.arange(12))[..., 3])) == {0, 255}


@pytest.mark.parametrize("shape", [(7, 5), (32, 32), (30, 44), (100, 20), (16, 16)])
def test_no_size_invents_a_colour(shape):
    rng = np.random.default_rng(1)
    image = rng.integers(1, 255, (*shape, 4), dtype=np.uint8)
    fitted = fit_sprite(image, 32)
    known = {tuple(p) for p in image.reshape(-1, 4)} | {(0, 0, 0, 0)}

    assert fitted.shape == (32, 32, 4)
    assert {tuple(p) for p in fitted.reshape(-1, 4)} <= known


def test_an_odd_sprite_is_padded_evenly_and_a_small_one_enlarged_by_a_whole_factor():
    image = np.full((5, 9, 4), 255, np.uint8)
    cover = fit_sprite(image, 32)[..., 3] > 0

    assert cover.sum() == (5 * 3) * (9 * 3)
    assert cover[8:23].any()
    assert not cover[[*range(8), *range(23, 32)]].any()


def test_a_folder_of_pictures_needs_no_pack(sprites):
    found = read_sprite_set(sprites, colours=3)

    assert (len(found), found.size, found.colours) == (12, 128, 3)


def test_several_arrays_and_tables_are_one_set_in_order(sprites, tmp_path):
    pack = pack_sprites(sprites, tmp_path / "pack").folder
    array = np.load(pack / "sprites.npy")
    np.save(pack / "sprites_b.npy", array[:5])
    rows = (pack / "labels.csv").read_text().splitlines()
    (pack / "labels_b.csv").write_text("\n".join(rows[:6]) + "\n")
    found = read_sprite_set(pack)

    assert len(found) == 17
    np.testing.assert_array_equal(found.take(np.array([13, 2])), array[[1, 2]])


def test_sprites_and_labels_that_do_not_match_are_refused(sprites, tmp_path):
    pack = pack_sprites(sprites, tmp_path / "pack").folder
    rows = (pack / "labels.csv").read_text().splitlines()
    (pack / "labels.csv").write_text("\n".join(rows[:-2]) + "\n")

    with pytest.raises(DataError, match="12 sprites but 10 labels"):
        read_sprite_set(pack)


def test_labels_need_nothing_but_a_filename(sprites, tmp_path):
    pack = pack_sprites(sprites, tmp_path / "pack").folder
    names = "".join(f"{i}.png\n" for i in range(12))
    (pack / "labels.csv").write_text("filename\n" + names)

    assert read_sprite_set(pack).labels[3].filename == "3.png"


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), "float32"),
        (np.zeros((2, 8, 8), np.uint8), "not uint8"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path, array, problem):
    np.save(tmp_path / "sprites.npy", array)
    (tmp_path / "labels.csv").write_text("filename\na\nb\n")

    with pytest.raises(DataError, match=problem):
        read_sprite_set(tmp_path)


def test_a_file_that_only_looks_like_an_array_is_never_unpickled(tmp_path):
    np.save(tmp_path / "sprites.npy", np.array([{"a": 1}], dtype=object))

    with pytest.raises(DataError, match="not a numpy array"):
        read_sprite_set(tmp_path)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        read_sprite_set(tmp_path / "none")
    with pytest.raises(DataError, match="no usable PNG"):
        pack_sprites(tmp_path, tmp_path / "pack")
    with pytest.raises(ConfigError, match="not a colour"):
        pack_sprites(tmp_path, tmp_path / "pack", background="beige-ish")


def test_pictures_that_cannot_be_used_are_named_with_the_reason(sprites, tmp_path):
    (sprites / "broken.png").write_bytes(b"no picture")
    Image.new("RGBA", (8, 8)).save(sprites / "empty.png")
    packed = pack_sprites(sprites, tmp_path / "pack")

    assert packed.count == 12
    assert [p.name for p, _ in packed.rejected] == ["broken.png", "empty.png"]
    assert packed.rejected[1][1] == "every pixel is transparent"


def test_a_tenth_is_kept_aside_and_always_the_same_tenth():
    split = split_sprites(200)

    assert len(split.validation) == 20
    assert not set(split.validation) & set(split.training)
    np.testing.assert_array_equal(split.validation, split_sprites(200).validation)


def test_sprites_span_minus_one_to_one_and_see_through_ones_are_black():
    sprite = np.zeros((1, 8, 8, 4), np.uint8)
    sprite[0, 0, 0] = 255
    sprite[0, 0, 1] = (255, 255, 255, 0)
    tensor = sprites_to_tensor(sprite, size=8)

    assert tensor[0, :, 0, 0].tolist() == [1, 1, 1, 1]
    assert tensor[0, :, 0, 1].tolist() == [-1, -1, -1, -1]


def test_only_whole_factors_fit():
    sprite = np.zeros((1, 32, 32, 3), np.uint8)

    assert sprites_to_tensor(sprite, size=16).shape[-1] == 16
    assert sprites_to_tensor(sprite, size=128).shape[-1] == 128
    with pytest.raises(DataError, match="without blurring"):
        sprites_to_tensor(sprite, size=48)


def test_jitter_moves_whole_pixels_and_mirrors_half():
    torch.manual_seed(0)
    image = torch.rand(1, 3, 16, 16).expand(64, 3, 16, 16)
    moved = jitter(image, shift=1)
    known = set(image[0].flatten().tolist())

    assert set(moved.flatten().tolist()) <= known
    still = jitter(image, shift=0)
    mirrored = sum(torch.equal(x, image[0].flip(2)) for x in still)
    assert 16 < mirrored < 48
