import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from lucidsonic.errors import WeightsError
from lucidsonic.generators import build_generator
from lucidsonic.generators.pixel_vae import Options, PixelVae
from lucidsonic.generators.pixel_vae.posterior import random_posterior

sys.path.insert(0, str(Path(__file__).parent))
from pixel_vae_parts import controls, tiny


@pytest.fixture(scope="module")
def generator() -> PixelVae:
    return tiny()


@pytest.fixture(scope="module")
def keys(generator: PixelVae) -> np.ndarray:
    return generator.keyframes(range(6))


def colours(picture: torch.Tensor) -> int:
    return len(picture.flatten(1).T.unique(dim=0))


def test_every_frame_keeps_to_the_colours_of_the_palette(generator: PixelVae, keys):
    frames = generator.render(controls(keys))
    everything = frames.permute(1, 0, 2, 3).flatten(1)

    assert len(everything.T.unique(dim=0)) <= generator.options.palette


@pytest.mark.parametrize("size", [(96, 96), (90, 160), (128, 72)])
def test_art_pixels_are_whole_blocks_of_the_film_in_any_shape(size):
    coarse = tiny(size=[size[0] * 3, size[1] * 3], pixel_size=3)
    frame = coarse.render(controls(coarse.keyframes([1])))[0]
    blocks = frame.unfold(1, 3, 3).unfold(2, 3, 3).flatten(3)

    assert frame.shape[1:] == (size[0] * 3, size[1] * 3)
    assert torch.equal(blocks.amin(3), blocks.amax(3))


def test_about_128_art_pixels_fill_the_shorter_side_when_nobody_says_otherwise():
    assert Options(size=(1080, 1920)).art_pixel == 8
    assert Options(size=(512, 512)).art_pixel == 4
    assert Options(size=(64, 64)).art_pixel == 1


def test_a_picture_does_not_depend_on_its_batch(generator: PixelVae, keys):
    together = generator.render(controls(keys))
    alone = torch.cat([generator.render(controls(key[None])) for key in keys])

    assert torch.equal(together, alone)


def test_a_held_latent_holds_the_picture(generator: PixelVae, keys):
    frames = generator.render(controls(np.repeat(keys[:1], 3, axis=0)))

    assert torch.equal(frames[0], frames[2])


def test_the_next_keyframe_changes_the_picture(generator: PixelVae, keys):
    frames = generator.render(controls(keys[:2]))

    assert (frames[0] != frames[1]).float().mean() > 0.05


def test_no_truncation_room_shows_the_nearest_known_sprite_itself(generator: PixelVae):
    anchor = generator.posterior.anchors[:1]
    small = 0.04 * generator.directions(2, seed=0)[1:]  # too little for a jump
    pushed = (anchor + small).astype(np.float32)
    near, push = generator.placed(pushed)
    held = generator.render(controls(pushed, truncation=np.zeros(1, np.float32)))

    assert near.tolist() == [0]
    np.testing.assert_allclose(push, pushed - anchor)
    assert torch.equal(held, generator.render(controls(anchor)))


def test_a_kick_rotates_the_floor_and_makes_the_hero_jump(generator: PixelVae, keys):
    near = np.zeros(1, np.int64)
    kick, snare = generator.directions(8, seed=3)[:2]
    hit = generator.moves(controls(keys[:1]), near, kick[None])
    other = generator.moves(controls(keys[:1]), near, snare[None])

    assert (hit.turn.item(), other.turn.item()) == (1, 0)
    assert hit.jump[0, 1] > 3 > 1 > other.jump[0, 1]
    assert other.jump[0, 0] > 3


def test_classes_choose_the_floor(generator: PixelVae, keys):
    weights = np.eye(generator.c_dim, dtype=np.float32)[:2]
    frames = generator.render(controls(keys[[0, 0]], condition=weights))

    assert not torch.equal(frames[0], frames[1])


def test_directions_are_equally_long_and_the_first_is_the_kicks(generator: PixelVae):
    one, other = generator.directions(8, seed=1), generator.directions(8, seed=2)

    np.testing.assert_allclose(np.linalg.norm(one, axis=1), generator.push, rtol=1e-4)
    assert abs(one[0] @ other[0]) == pytest.approx(generator.push**2, rel=1e-4)
    assert not np.allclose(one, other)


def test_the_same_seed_names_the_same_keyframe(generator: PixelVae):
    np.testing.assert_array_equal(generator.keyframes([5, 9])[1], generator.keyframes([9])[0])


@pytest.mark.parametrize("sampler", ["gmm", "anchors", "normal"])
def test_every_sampler_gives_points_of_the_space(sampler: str):
    points = tiny(sampler=sampler).keyframes(range(3))

    assert points.shape == (3, 32)
    assert points.dtype == np.float32


def test_a_call_paints_the_scene_at_rest(generator: PixelVae, keys):
    z, c = torch.from_numpy(keys[:2]), torch.eye(generator.c_dim)[:2]
    called = generator(z, c)
    rendered = generator.render(controls(keys[:2], condition=c.numpy()))

    torch.testing.assert_close(called, rendered * 2 - 1)
    assert generator(z).shape == (2, 3, 128, 128)


def test_a_network_without_coverage_makes_a_scene_as_well():
    frames = tiny(colours=3, arch="residual").render(controls(np.zeros((1, 32), np.float32)))

    assert colours(frames[0]) <= 12


def test_weights_with_a_teacher_load_from_half_precision(tmp_path: Path):
    donor = tiny(teacher="moe")
    assert donor.teacher is not None
    networks = {"decoder": donor.decoder, "teacher": donor.teacher}
    tensors = {
        f"{part}.{name}": tensor.half()
        for part, network in networks.items()
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point()
    }
    stored = random_posterior(32, classes=4, seed=7)
    save_file({**tensors, **stored.to_tensors()}, tmp_path / "model.safetensors")
    loaded = build_generator(
        "pixel_vae",
        tmp_path / "model.safetensors",
        {"size": 64, "teacher": "moe", "palette": 8},
    )

    assert isinstance(loaded, PixelVae)
    np.testing.assert_array_equal(loaded.posterior.anchors, stored.anchors)
    assert loaded.teacher is not None


def test_a_file_of_another_shape_is_refused(tmp_path: Path):
    stored = random_posterior(32, classes=4, seed=7).to_tensors()
    decoder = {f"decoder.{n}": t for n, t in tiny().decoder.state_dict().items()}
    save_file({**decoder, **stored}, tmp_path / "model.safetensors")

    with pytest.raises(WeightsError):
        tiny(tmp_path / "model.safetensors", channels=[16, 32, 64])


def test_options_that_cannot_be_are_refused():
    with pytest.raises(ValidationError, match="snap 5"):
        Options(snap=5)
    with pytest.raises(ValidationError):
        Options.model_validate({"pallete": 3})
