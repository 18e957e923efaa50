from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.generators.lumen import Lumen, Options, load
from lucidsonic.generators.lumen.canvas import make_frame
from lucidsonic.generators.lumen.forms import FORMS
from lucidsonic.generators.lumen.network import Mapping2
from lucidsonic.generators.lumen.painter import sharpen
from lucidsonic.generators.lumen.palettes import (
    PALETTES,
    mix_palettes,
    oklab_to_rgb,
    palette_colours,
    rgb_to_oklab,
)
from lucidsonic.types import Controls


def make(form: str = "silk", size: tuple[int, int] = (48, 64), **options: Any) -> Lumen:
    cast = [{"form": form, "palette": "neon"}]
    return load(None, Options.model_validate({"characters": cast, "size": size, **options}))


def controls(generator: Lumen, frames: int = 1, **changes: Any) -> Controls:
    latent = np.repeat(generator.keyframes([4])[:, None], 3, axis=1).repeat(frames, axis=0)
    told: dict[str, Any] = {
        "latent": latent,
        "condition": None,
        "truncation": np.ones(frames, np.float32),
        "noise_phase": np.zeros(frames, np.float32),
        "noise_mix": np.zeros(frames, np.float32),
        "gains": np.ones((frames, 3), np.float32),
        "transform": np.tile(np.array([0, 0, 0, 1], np.float32), (frames, 1)),
        "time_s": np.zeros(frames, np.float32),
    }
    return Controls(**{**told, **changes})


@pytest.mark.parametrize("form", FORMS)
def test_every_form_paints_darks_and_lights_at_any_latent(form: str) -> None:
    generator = make(form)
    pictures = generator(torch.randn(6, 64, generator=torch.Generator().manual_seed(1)))
    assert torch.isfinite(pictures).all()
    assert pictures.std(dim=(1, 2, 3)).min() > 0.02


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_at_the_edges_of_its_controls(form: str) -> None:
    generator = make(form)
    told = controls(
        generator,
        3,
        latent=np.array([[-9.0], [0.0], [9.0]], np.float32)[:, None]
        * np.ones((3, 64), np.float32),
        gains=np.array([[0, 0, 0], [4, 4, 4], [9, 9, 9]], np.float32),
        noise_phase=np.array([-3.3, 0.5, 1e4], np.float32),
        noise_mix=np.ones(3, np.float32),
    )
    pictures = generator.render(told)
    assert torch.isfinite(pictures).all()
    assert 0 <= pictures.min() <= pictures.max() <= 1


@pytest.mark.parametrize("form", FORMS)
def test_a_kick_shows_in_every_form(form: str) -> None:
    generator = make(form)
    hit = np.array([[1, 1, 1], [1.8, 1.2, 1.0]], np.float32)
    rest, kick = generator.render(controls(generator, 2, gains=hit))
    assert (kick - rest).abs().mean() > 0.01


@pytest.mark.parametrize("form", ["silk", "nebula", "city", "stained", "hills", "caustics"])
def test_a_small_move_of_the_latent_is_a_small_change(form: str) -> None:
    generator = make(form)
    told = controls(generator, 2)
    latent = told.latent.copy()
    latent[1] += generator.directions(1, seed=2) * 0.002
    a, b = generator.render(controls(generator, 2, latent=latent))
    assert (a - b).abs().mean() < 0.01


@pytest.mark.parametrize("form", ["silk", "curtains", "well", "galaxy"])
def test_the_slow_noise_returns_after_one_turn(form: str) -> None:
    generator = make(form)
    phase = np.array([0.0, 0.5, 1.0], np.float32)
    first, half, again = generator.render(controls(generator, 3, noise_phase=phase))
    assert (first - half).abs().mean() > 0.003
    assert (first - again).abs().mean() < 1e-3


def test_pan_moves_the_picture_by_its_own_width() -> None:
    generator = make("silk", (64, 64), vignette=0.0, bloom=0.0, grain=0.0)
    moved = np.array([[0, 0, 0, 1], [0.25, 0, 0, 1]], np.float32)
    a, b = generator.render(controls(generator, 2, transform=moved))
    assert (a[..., 16:] - b[..., :-16]).abs().mean() < 0.02
    assert (a - b).abs().mean() > 0.05


def test_zoom_and_half_a_turn_are_exact() -> None:
    generator = make("silk", (64, 64), vignette=0.0, bloom=0.0, grain=0.0)
    turn = np.array([[0, 0, 0, 1], [0, 0, 0.5, 1]], np.float32)
    a, b = generator.render(controls(generator, 2, transform=turn))
    assert (a - b.flip(-1, -2)).abs().mean() < 0.005


@pytest.mark.parametrize("form", ["silk", "nebula", "hills", "rings"])
def test_a_larger_picture_is_the_same_picture(form: str) -> None:
    small, large = make(form, (64, 96), grain=0.0), make(form, (128, 192), grain=0.0)
    z = torch.randn(1, 64, generator=torch.Generator().manual_seed(3))
    shrunk = torch.nn.functional.avg_pool2d(large(z), 2)
    assert (small(z) - shrunk).abs().mean() < 0.02


def test_worlds_differ_and_return() -> None:
    z = torch.ones(1, 64)
    one, two, again = (make(seed=seed)(z) for seed in (1, 2, 1))
    assert torch.equal(one, again)
    assert (one - two).abs().mean() > 0.02


def test_the_mean_of_w_is_zero_and_its_spread_is_one() -> None:
    z = torch.randn(4000, 64, generator=torch.Generator().manual_seed(0))
    w = Mapping2(0)(z)
    assert w.mean(0).abs().max() < 0.08
    assert w.std(0).mean() == pytest.approx(1.0, abs=0.25)
    assert torch.allclose(Mapping2(0)(-z), -w, atol=1e-5)


@given(st.lists(st.floats(0, 1), min_size=12, max_size=12))
def test_class_weights_stay_weights(values: list[float]) -> None:
    weights = sharpen(torch.tensor([values]))
    assert weights.min() >= 0
    assert float(weights.sum()) == pytest.approx(1.0, abs=1e-4)


def test_one_class_is_that_class_alone() -> None:
    assert torch.allclose(sharpen(torch.eye(12)), torch.eye(12), atol=1e-4)


def test_colours_survive_the_way_to_oklab_and_back() -> None:
    rgb = torch.rand(50, 3, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(oklab_to_rgb(rgb_to_oklab(rgb)), rgb, atol=1e-4)


def test_opposite_palettes_do_not_mix_to_grey() -> None:
    pair = torch.stack([palette_colours("ruby"), palette_colours("emerald")])
    mixed = mix_palettes(pair, torch.tensor([[0.5, 0.5]]))
    assert mixed[0, 2, 1:].norm() > 0.5 * pair[:, 2, 1:].norm(dim=-1).min()


@pytest.mark.parametrize("name", PALETTES)
def test_palettes_run_from_dark_to_light(name: str) -> None:
    lightness = palette_colours(name)[:5, 0]
    assert (lightness.diff() > 0).all()


def test_splines_add_up_to_one_at_every_pixel() -> None:
    frame = make_frame((30, 50), torch.device("cpu"))
    assert torch.allclose(frame.up_x.sum(0), torch.ones(50), atol=1e-4)
    assert torch.allclose(frame.up_y.sum(1), torch.ones(30), atol=1e-4)


def test_wrong_forms_and_palettes_are_named() -> None:
    with pytest.raises(UnknownNameError, match="slik"):
        make("slik")
    with pytest.raises(UnknownNameError, match="noen"):
        make(characters=[{"form": "silk", "palette": "noen"}])
    with pytest.raises(ConfigError, match="not a palette"):
        make(characters=[{"form": "silk", "palette": ["#000000", "#ffffff"]}])
