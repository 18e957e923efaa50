"""The mathematics under the steering: splines, arcs, easing, chance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lucidsonic.trajectory.chance import draws, seeds
from lucidsonic.trajectory.easing import ease_in, ease_out, fit, smooth, smoothstep
from lucidsonic.trajectory.geometry import slerp, to_sphere
from lucidsonic.trajectory.spline import arc_table, closed_spline


def ring(keys: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((keys, dim)).astype(np.float32)


@settings(max_examples=25)
@given(keys=st.integers(3, 24), dim=st.integers(8, 96), spherical=st.booleans())
def test_equal_arcs_take_equal_steps(keys: int, dim: int, spherical: bool):
    spline = closed_spline([ring(keys, dim, seed=keys)], spherical=spherical)
    table = arc_table(spline, first=0, keys=keys)
    arcs = np.linspace(0, table.total, keys * 100 + 1)
    step = np.linalg.norm(np.diff(spline.at(*table.locate(arcs)), axis=0), axis=1)

    assert step.std() / step.mean() < 0.02


@settings(max_examples=25)
@given(keys=st.integers(1, 9), spherical=st.booleans())
def test_the_curve_passes_every_keyframe_and_closes(keys: int, spherical: bool):
    points = ring(keys, 16, seed=keys)
    spline = closed_spline([points], spherical=spherical)
    table = arc_table(spline, first=0, keys=keys)
    goal = to_sphere(points.astype(np.float64)) if spherical else points

    assert spline.at(np.arange(keys), np.zeros(keys)) == pytest.approx(goal, abs=1e-5)
    assert spline.at(*table.locate(table.at_keys[:-1])) == pytest.approx(goal, abs=1e-3)
    around = spline.at(*table.locate(np.array([0.0, table.total])))
    assert around[0] == pytest.approx(around[1], abs=1e-6)


@settings(max_examples=20)
@given(keys=st.integers(3, 12), spherical=st.booleans())
def test_the_curve_has_no_corners(keys: int, spherical: bool):
    spline = closed_spline([ring(keys, 32, seed=7 * keys)], spherical=spherical)
    table = arc_table(spline, first=0, keys=keys)
    places = spline.at(*table.locate(np.linspace(0, table.total, keys * 400 + 1)))
    ways = np.diff(places, axis=0)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    turn = (ways * np.roll(ways, 1, axis=0)).sum(axis=1)

    assert turn.min() > 0.99


def test_keyframes_that_coincide_are_no_trouble():
    points = np.ones((4, 8), np.float32)
    spline = closed_spline([points], spherical=False)
    table = arc_table(spline, first=0, keys=4)

    assert table.total == 0
    assert spline.at(*table.locate(np.array([0.0, 3.3]))) == pytest.approx(np.ones((2, 8)))


def test_curves_of_several_rings_do_not_mix():
    spline = closed_spline([ring(3, 8, 1), ring(5, 8, 2)], spherical=False)
    alone = closed_spline([ring(5, 8, 2)], spherical=False)
    local = np.linspace(0, 1, 5)

    assert spline.at(np.arange(3, 8), local) == pytest.approx(alone.at(np.arange(5), local))


@given(t=st.floats(0, 1), seed=st.integers(0, 1000))
def test_slerp_keeps_length_and_divides_the_angle(t: float, seed: int):
    a, b = to_sphere(np.random.default_rng(seed).standard_normal((2, 1, 24)))
    between = slerp(a, b, np.array([t]))

    def angle(x: np.ndarray, y: np.ndarray) -> float:
        return float(np.arccos(np.clip((x * y).sum() / 24, -1, 1)))

    assert np.linalg.norm(between) == pytest.approx(np.sqrt(24))
    assert angle(a, between) == pytest.approx(t * angle(a, b), abs=1e-6)


def test_slerp_between_equal_and_opposite_points_is_finite():
    a = np.array([[3.0, 4.0], [3.0, 4.0]])
    b = np.array([[3.0, 4.0], [-3.0, -4.0]])
    between = slerp(a, b, np.array([0.3, 0.3]))

    assert between[0] == pytest.approx(a[0])
    assert np.linalg.norm(between[1]) <= 5


@pytest.mark.parametrize("ease", [smoothstep, ease_in, ease_out])
def test_an_ease_goes_from_0_to_1_and_never_back(ease):
    x = np.linspace(-1, 2, 301)
    y = ease(x)

    assert y[x <= 0] == pytest.approx(0)
    assert y[x >= 1] == pytest.approx(1)
    assert (np.diff(y) >= -1e-12).all()


@settings(max_examples=40)
@given(
    sigma=st.floats(0, 80),
    frames=st.integers(1, 200),
    wrap=st.booleans(),
    seed=st.integers(0, 99),
)
def test_smoothing_keeps_range_and_length(sigma: float, frames: int, wrap: bool, seed: int):
    curve = np.random.default_rng(seed).random(frames)
    out = smooth(curve, sigma=sigma, wrap=wrap)

    assert len(out) == frames
    assert out.min() >= curve.min() - 1e-9
    assert out.max() <= curve.max() + 1e-9


def test_smoothing_is_a_gaussian_without_delay():
    pulse = np.zeros(401)
    pulse[200] = 1.0
    out = smooth(pulse, sigma=20.0)
    at = np.arange(401) - 200

    assert out.argmax() == 200
    assert out == pytest.approx(out[::-1])
    assert np.sqrt((out * at**2).sum()) == pytest.approx(20, rel=0.05)


def test_a_short_stem_goes_on_in_silence():
    assert fit(np.ones(3), 5).tolist() == [1, 1, 1, 0, 0]
    assert fit(np.ones((7, 2)), 5).shape == (5, 2)


@given(count=st.integers(0, 200), more=st.integers(0, 200), seed=st.integers(0, 2**31 - 1))
def test_a_draw_depends_on_its_number_alone(count: int, more: int, seed: int):
    few = draws(count, seed=seed, stream="hits")
    many = draws(count + more, seed=seed, stream="hits")

    assert (many[:count] == few).all()


def test_streams_seeds_and_parts_are_independent():
    base = draws(1000, seed=1, stream="hits")
    others = [
        draws(1000, seed=1, stream="wander"),
        draws(1000, seed=2, stream="hits"),
        draws(1000, seed=1, stream="hits", part=1),
    ]

    assert all(abs(np.corrcoef(base, other)[0, 1]) < 0.1 for other in others)
    assert all(0 <= s < 2**31 for s in seeds(1000, seed=3))
