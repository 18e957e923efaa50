import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lucidsonic.generators.pixel_vae.palette import (
    RING,
    double_size,
    fit_palette,
    make_palette,
    quantise,
    rgb_to_oklab,
    snap,
)


def some_pixels(count: int = 4000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 3), dtype=np.float32)


def test_oklab_of_white_black_and_red_is_as_published():
    lab = rgb_to_oklab(torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0]]))

    expected = torch.tensor([[1, 0, 0], [0, 0, 0], [0.62796, 0.22486, 0.12585]])
    torch.testing.assert_close(lab, expected, atol=1e-4, rtol=0)


@settings(max_examples=15)
@given(st.integers(2, 40), st.integers(0, 3))
def test_a_palette_never_has_more_colours_than_asked_for(colours, seed):
    assert len(fit_palette(some_pixels(500, seed), colours, seed=seed)) <= colours


def test_a_palette_of_three_colours_finds_them():
    three = np.array([[0.9, 0.1, 0.1], [0.1, 0.8, 0.2], [0.1, 0.2, 0.9]], np.float32)
    palette = fit_palette(three.repeat(200, axis=0), 5)

    gaps = torch.cdist(torch.from_numpy(three), palette.rgb).min(1).values
    assert gaps.max() < 0.02


def test_the_same_pixels_give_the_same_palette():
    one, other = (fit_palette(some_pixels(), 16, seed=3) for _ in range(2))

    assert torch.equal(one.rgb, other.rgb)


def test_numbers_name_the_nearest_colour_when_nothing_is_dithered():
    palette = make_palette(torch.tensor([[0.0, 0, 0], [0.5, 0.5, 0.5], [1, 1, 1]]))
    image = torch.tensor([0.05, 0.45, 0.9]).view(1, 1, 1, 3).expand(1, 3, 1, 3)

    assert quantise(image, palette, dither=0)[0, 0].tolist() == [0, 1, 2]


def test_dither_turns_a_ramp_between_two_colours_into_a_pattern_of_both():
    palette = make_palette(torch.tensor([[0.2, 0.2, 0.2], [0.6, 0.6, 0.6]]))
    flat = torch.full((1, 3, 8, 8), 0.39)
    shares = [quantise(flat, palette, dither=d).float().mean().item() for d in (0.0, 1.0)]

    assert shares[0] in {0.0, 1.0}
    assert 0.2 < shares[1] < 0.8


def test_a_rotation_exchanges_colours_and_leaves_greys_alone():
    palette = fit_palette(some_pixels(), 24)
    grey = palette.lab[:, 1:].norm(dim=1) < 0.03

    assert len(palette.turns) == RING
    for turn in palette.turns:
        assert sorted(turn.tolist()) == list(range(len(palette)))
        assert torch.equal(turn[grey], torch.arange(len(palette))[grey])
    assert (palette.turns[1] != palette.turns[0]).float().mean() > 0.5


def test_a_rotation_keeps_light_light_and_dark_dark():
    palette = fit_palette(some_pixels(), 24)
    light = palette.lab[:, 0]

    for turn in palette.turns:
        assert torch.corrcoef(torch.stack([light, light[turn]]))[0, 1] > 0.7


def test_shades_only_get_darker():
    palette = fit_palette(some_pixels(), 24)
    light = palette.lab[:, 0][palette.shades]

    assert (light.diff(dim=0) <= 0.021).all()
    assert light[-1].mean() < 0.6 * light[0].mean()


def test_a_block_becomes_its_commonest_colour():
    numbers = torch.tensor([[[1, 1, 5, 5], [1, 2, 5, 0]]])

    assert snap(numbers, 2, 6).tolist() == [[[1, 1, 5, 5], [1, 1, 5, 5]]]


def test_doubling_invents_no_colour_and_smooths_a_diagonal():
    step = torch.eye(4, dtype=torch.long)[None]
    large = double_size(step)

    assert large.shape == (1, 8, 8)
    assert set(large.unique().tolist()) == {0, 1}
    assert not torch.equal(large, step.repeat_interleave(2, 1).repeat_interleave(2, 2))


@pytest.mark.parametrize("number", [-1, 3])
def test_doubling_leaves_a_flat_picture_flat(number):
    assert double_size(torch.full((2, 3, 3), number)).unique().tolist() == [number]
