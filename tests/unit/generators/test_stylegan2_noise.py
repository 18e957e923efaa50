import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from lucidsonic.generators.stylegan2.noise import NoiseSource, fit
from tests.unit.generators.golden_networks import (
    TOLERANCE,
    controls,
    deviation,
    load,
    reference,
)

NAME = "stylegan2_from_sg3_repo_32"


def source() -> NoiseSource:
    torch.manual_seed(0)
    return NoiseSource([torch.randn(64, 64)], [(64, 64)])


@given(st.floats(0, 1), st.floats(0, 1))
def test_drifting_noise_keeps_its_strength(phase: float, mix: float) -> None:
    (noise,) = source().drift(torch.tensor([phase]), torch.tensor([mix]))
    assert abs(float(noise.std()) - 1) < 0.05


def test_drifting_noise_starts_as_the_stored_noise_and_returns_to_it() -> None:
    maps = source()
    (noise,) = maps.drift(torch.tensor([0.0, 1.0]), torch.zeros(2))
    assert torch.allclose(noise[0, 0], maps.stored[0], atol=1e-6)
    assert torch.allclose(noise[1, 0], maps.stored[0], atol=1e-4)


def test_noise_changes_little_from_frame_to_frame_and_much_over_time() -> None:
    (noise,) = source().drift(torch.tensor([0.2, 0.201, 0.7]), torch.full((3,), 0.3))
    assert (noise[0] - noise[1]).abs().mean() < 0.05
    assert (noise[0] - noise[2]).abs().mean() > 0.5


def test_fresh_noise_follows_its_seed() -> None:
    generator = load(NAME)
    w = generator.mapping(torch.zeros(2, generator.z_dim) + 0.5)
    first = generator.synthesis(w, noise_mode="random", seed=1)
    assert torch.equal(first, generator.synthesis(w, noise_mode="random", seed=1))
    assert not torch.equal(first, generator.synthesis(w, noise_mode="random", seed=2))
    assert not torch.allclose(first[0], first[1])


def test_no_noise_is_as_in_the_original() -> None:
    theirs = reference(NAME)
    ours = load(NAME).synthesis(theirs["w"], noise_mode="none")
    assert deviation(ours, theirs["img_noise_none"]) < TOLERANCE


def test_the_film_shows_the_noise_moving() -> None:
    generator = load(NAME)
    film = controls(generator, 2, noise_phase=[0.0, 0.5])
    still, moved = generator.render(film)
    assert (still - moved).abs().mean() > 1e-3


def test_a_map_too_small_goes_on_as_its_mirror_image() -> None:
    noise = torch.arange(4.0).view(2, 2)
    assert np.array_equal(fit(noise, (2, 5)), [[0, 1, 1, 0, 0], [2, 3, 3, 2, 2]])
    assert fit(noise, (2, 2)) is noise
