"""Wide pictures from square networks, and keyframes that somebody saved as z."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lucidsonic.errors import ConfigError
from lucidsonic.generators.styles import gaussian_z
from lucidsonic.pipeline.models import open_generator
from lucidsonic.pipeline.preview import foresee
from lucidsonic.pipeline.production import film_size, wished_shape, z_to_places
from lucidsonic.pipeline.settling import settle
from lucidsonic.plan import RenderPlan
from lucidsonic.trajectory.latents import read_latents
from tests.unit.generators.golden_networks import load

ROOT = Path(__file__).parents[3]
SONG = ROOT / "samples" / "lanterns.ogg"
NETWORK = ROOT / "tests" / "fixtures" / "stylegan2_ada_cond_32.pkl"
WALKS_IN_W = "stylegan2_from_sg3_repo_32"


def plan(**settings: Any) -> RenderPlan:
    return settle(SONG, style=str(NETWORK), height=180, **settings).plan


def test_a_square_network_paints_wide_when_asked() -> None:
    asked = plan(aspect=16 / 9)
    generator = open_generator(NETWORK, options=asked.model.options).generator
    assert generator.capabilities.size == (32, 56)


@pytest.mark.parametrize(
    ("aspect", "size"), [(16 / 9, (320, 180)), (0.5, (90, 180)), (None, (180, 180))]
)
def test_the_forecast_has_the_shape_that_was_asked(
    aspect: float | None, size: tuple[int, int]
) -> None:
    forecast = foresee(plan() if aspect is None else plan(aspect=aspect))
    assert (forecast.width, forecast.height) == size


def test_a_film_has_the_shape_that_was_asked_though_the_network_only_comes_near() -> None:
    asked = plan(aspect=16 / 9)
    assert film_size(asked.film, wished_shape(asked, (32, 56))) == (180, 320)
    assert film_size(asked.film, (32, 56)) != (180, 320)


def test_a_saved_z_is_the_place_that_its_seed_names(tmp_path: Path) -> None:
    generator = load(WALKS_IN_W)
    np.savez(tmp_path / "keys.npz", z=gaussian_z([5, 8], generator.z_dim))
    places = read_latents(
        tmp_path / "keys.npz", generator.capabilities, from_z=z_to_places(generator)
    )
    np.testing.assert_allclose(places, generator.keyframes([5, 8]), atol=1e-5)


def test_a_saved_w_goes_before_a_saved_z(tmp_path: Path) -> None:
    generator = load(WALKS_IN_W)
    w = np.ones((1, generator.capabilities.dim), dtype=np.float32)
    np.savez(tmp_path / "keys.npz", z=gaussian_z([5], generator.z_dim), w=w)
    places = read_latents(
        tmp_path / "keys.npz", generator.capabilities, from_z=z_to_places(generator)
    )
    np.testing.assert_array_equal(places, w)


def test_a_z_of_another_width_is_refused(tmp_path: Path) -> None:
    generator = load(WALKS_IN_W)
    np.savez(tmp_path / "keys.npz", z=np.zeros((2, 7)))
    with pytest.raises(ConfigError, match=r"\(2, 7\) called 'z'"):
        read_latents(
            tmp_path / "keys.npz", generator.capabilities, from_z=z_to_places(generator)
        )


@pytest.mark.parametrize("name", ["r3gan_64", "stylegan3_r_32"])
def test_where_the_walk_is_in_z_nothing_is_mapped(name: str) -> None:
    assert z_to_places(load(name)) is None
