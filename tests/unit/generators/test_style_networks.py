import numpy as np
import pytest
import torch

from lucidsonic.errors import ConfigError
from lucidsonic.generators import Generator, build_generator
from lucidsonic.generators.styles import (
    StyleSpace,
    layer_groups,
    picture_to_rgb,
    spread_gains,
)
from tests.unit.generators.golden_networks import (
    STYLE_NETWORKS,
    TOLERANCE,
    AppleTensor,
    controls,
    deviation,
    load,
    reference,
)

pytestmark = pytest.mark.golden


@pytest.fixture(scope="module", params=STYLE_NETWORKS)
def case(request: pytest.FixtureRequest):
    return load(request.param), reference(request.param)


def test_styles_are_those_of_the_original(case) -> None:
    generator, theirs = case
    z, c = theirs["z"], theirs["c"]
    assert deviation(generator.mapping(z, c, 0.7), theirs["w"]) < TOLERANCE
    assert deviation(generator.mapping(z, c, 0.5, 3), theirs["w_psi05_cut3"]) < TOLERANCE
    assert deviation(generator.mapping(z, c, -0.4), theirs["w_psi_neg"]) < TOLERANCE


def test_pictures_are_those_of_the_original(case) -> None:
    generator, theirs = case
    w = generator.mapping(theirs["z"], theirs["c"], truncation_psi=0.7)
    assert deviation(generator.synthesis(w), theirs["img"]) < TOLERANCE


def test_mixed_styles_paint_as_in_the_original(case) -> None:
    generator, theirs = case
    assert deviation(generator.synthesis(theirs["w_mixed"]), theirs["img_mixed"]) < TOLERANCE


def test_what_the_file_says_of_the_network_is_told(case) -> None:
    generator, theirs = case
    assert generator.has_mapping
    assert generator.z_dim == theirs["z"].shape[1]
    assert generator.c_dim == theirs["c"].shape[1]
    assert generator.num_ws == theirs["w"].shape[1]
    assert generator.size == theirs["img"].shape[-2:]


def test_keyframes_are_the_official_seeds(case) -> None:
    generator, theirs = case
    points = torch.from_numpy(generator.keyframes(theirs["seeds"].tolist()))
    if generator.capabilities.space == "z":
        assert torch.equal(points, theirs["z"])
    else:
        assert torch.allclose(points, generator.mapping(theirs["z"])[:, 0], atol=1e-5)


def test_a_picture_does_not_depend_on_its_batch(case) -> None:
    generator, _ = case
    film = controls(generator, 3, truncation=[0.5, 0.8, 1.0], noise_phase=[0.0, 0.3, 0.7])
    together = generator.render(film)
    for index, (psi, phase) in enumerate([(0.5, 0.0), (0.8, 0.3), (1.0, 0.7)]):
        alone = generator.render(controls(generator, 1, truncation=[psi], noise_phase=[phase]))
        assert torch.allclose(together[index : index + 1], alone, atol=1e-5)


def test_neutral_controls_paint_the_plain_picture(case) -> None:
    generator, _ = case
    film = controls(generator, 1)
    z = torch.from_numpy(np.random.RandomState(3).randn(1, generator.z_dim))
    c = None if film.condition is None else torch.from_numpy(film.condition)
    plain = generator(z, c).mul(0.5).add(0.5).clamp(0, 1)
    assert torch.allclose(generator.render(film), plain, atol=1e-5)


def test_no_truncation_left_is_the_mean_picture_for_every_latent(case) -> None:
    generator, _ = case
    one = generator.render(controls(generator, 1, truncation=[0.0]))
    other = np.tile(generator.keyframes([9])[0], (1, 3, 1))
    assert torch.allclose(
        generator.render(controls(generator, 1, truncation=[0.0], latent=other)), one, atol=1e-6
    )


@pytest.mark.parametrize("group", [0, 1, 2])
def test_every_gain_group_bends_the_picture(case, group: int) -> None:
    generator, _ = case
    gains = np.ones((1, 3))
    gains[0, group] = 1.4
    plain = generator.render(controls(generator, 1))
    bent = generator.render(controls(generator, 1, gains=gains))
    assert (plain - bent).abs().mean() > 1e-4


@pytest.mark.parametrize("group", [0, 1, 2])
def test_every_latent_group_moves_the_picture(case, group: int) -> None:
    generator, _ = case
    film = controls(generator, 1)
    latent = film.latent.copy()
    latent[:, group] = generator.keyframes([9])[0]
    moved = generator.render(controls(generator, 1, latent=latent))
    assert (moved - generator.render(film)).abs().mean() > 1e-4


def test_directions_are_reproducible_and_as_many_as_asked(case) -> None:
    generator, _ = case
    ways = generator.directions(40, seed=5)
    assert ways.shape == (40, generator.capabilities.dim)
    assert np.array_equal(ways, generator.directions(40, seed=5))
    assert not np.array_equal(ways, generator.directions(40, seed=6))
    assert (np.linalg.norm(ways, axis=1) > 0).all()


def test_directions_are_found_on_a_device_without_float64(
    case, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, _ = case
    ways = generator.directions(4, seed=5)
    sample = StyleSpace.sample
    monkeypatch.setattr(StyleSpace, "sample", lambda s: sample(s).as_subclass(AppleTensor))
    assert np.array_equal(generator.directions(4, seed=5), ways)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_bright_picture_is_no_overflow(dtype: torch.dtype) -> None:
    white = torch.ones(2, 3, 256, 256, dtype=dtype)  # their sum is more than fp16 holds

    assert torch.equal(picture_to_rgb(white), white)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_overflowed_is_not_taken_for_white_or_black(value: float, channels: int) -> None:
    pictures = torch.zeros(2, channels, 8, 8)
    pictures[1, 0, 3, 4] = value
    rgb = picture_to_rgb(pictures)
    assert (rgb[0] == 0.5).all()
    assert not torch.isfinite(rgb[1]).any()


def test_low_precision_paints_nearly_the_same(case) -> None:
    generator, _ = case
    film = controls(generator, 2)
    full, low = generator.render(film), generator.render(film, dtype=torch.bfloat16)
    assert (full - low).abs().mean() < 0.02


@pytest.mark.parametrize("name", STYLE_NETWORKS[1:])
def test_wide_pictures_keep_their_height(name: str) -> None:
    generator = load(name, aspect=1.5)
    assert generator.capabilities.size == (32, 48)
    picture = generator.render(controls(generator, 1))
    assert picture.shape == (1, 3, 32, 48)
    assert torch.isfinite(picture).all()


def test_tall_pictures_keep_their_width() -> None:
    generator: Generator = load("stylegan2_from_sg3_repo_32", aspect=0.5)
    assert generator.render(controls(generator, 2)).shape == (2, 3, 64, 32)


def test_gains_of_a_group_multiply_to_what_was_asked() -> None:
    spread = spread_gains(torch.tensor([[2.0, 3.0, 0.5]]), [0, 0, 1, 2, 2, 2])
    products = spread[0, :2].prod(), spread[0, 2], spread[0, 3:].prod()
    assert torch.allclose(torch.stack(products), torch.tensor([2.0, 3.0, 0.5]))


def test_layers_fall_into_coarse_middle_and_fine() -> None:
    assert layer_groups(18, most=4) == [0] * 4 + [1] * 4 + [2] * 10
    assert layer_groups(6) == [0, 0, 1, 1, 2, 2]
    assert layer_groups(1) == [0]


def test_what_does_not_fit_is_refused_in_a_sentence(case) -> None:
    generator, theirs = case
    w = generator.mapping(theirs["z"], theirs["c"])
    with pytest.raises(ConfigError, match=r"^z is \(\d+, 5\); this network wants \(batch, "):
        generator(theirs["z"][:, :5], theirs["c"])
    with pytest.raises(ConfigError, match=r"^w is "):
        generator.synthesis(w[:, 1:])
    with pytest.raises(ConfigError, match="no noise_mode 'constant'"):
        generator.synthesis(w, noise_mode="constant")
    if generator.c_dim:
        with pytest.raises(ConfigError, match=r"^c is "):
            generator(theirs["z"], theirs["c"][:, 1:])


def test_options_that_do_not_fit_are_refused_in_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"aspect = 9.0: Input should be .* 4\.$") as caught:
        load("stylegan3_t_32", aspect=9.0)
    assert "\n" not in str(caught.value)
    assert "aspect" in caught.value.hint
    with pytest.raises(ConfigError, match=r"there is no setting 'aspekt'\.$"):
        load("stylegan2_ada_cond_32", aspekt=2.0)
    with pytest.raises(ConfigError, match=r"'w_dim' is missing\.$"):
        build_generator("stylegan3", None, {"z_dim": 4, "resolution": 32})
