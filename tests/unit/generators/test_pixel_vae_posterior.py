import numpy as np
import pytest

from lucidsonic.errors import WeightsError
from lucidsonic.generators.pixel_vae import cluster, fit_mixture, principal_axes
from lucidsonic.generators.pixel_vae.posterior import (
    draw_good,
    posterior_from_tensors,
    random_posterior,
)
from lucidsonic.types import FloatArray


def two_clouds(count: int = 400) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = np.array([[4.0, 0, 0], [-4, 1, 0]])
    which = (np.arange(count) < count // 4).astype(int)
    return (centres[which] + 0.5 * rng.standard_normal((count, 3))).astype(np.float32)


def test_a_mixture_finds_the_clouds_their_sizes_and_their_widths():
    mixture = fit_mixture(two_clouds(), seed=0, components=2)
    order = mixture.means[:, 0].argsort()

    np.testing.assert_allclose(mixture.means[order][:, 0], [-4, 4], atol=0.15)
    np.testing.assert_allclose(mixture.weights[order], [0.25, 0.75], atol=0.02)
    np.testing.assert_allclose(mixture.variances, 0.25, atol=0.08)


def test_draws_have_the_shape_asked_for_and_lie_where_the_data_lie():
    drawn = fit_mixture(two_clouds(), seed=0).draw(500, np.random.default_rng(1))

    assert drawn.shape == (500, 3)
    assert drawn.dtype == np.float32
    assert 0.15 < (drawn[:, 0] < 0).mean() < 0.35


def test_no_temperature_gives_the_centres_themselves():
    mixture = fit_mixture(two_clouds(), seed=0, components=2)
    drawn = mixture.draw(20, np.random.default_rng(1), temperature=0)

    assert len(np.unique(drawn.round(4), axis=0)) == 2


def test_points_that_are_all_alike_make_one_cluster():
    assert cluster(np.ones((9, 4), np.float32), 3, seed=0).tolist() == [0] * 9


def test_the_first_axis_is_the_widest_and_one_deviation_long():
    points = two_clouds()
    axes = principal_axes(points, 2)

    assert abs(axes[0] @ axes[1]) < 1e-3
    assert np.linalg.norm(axes[0]) == pytest.approx(points[:, 0].std(), rel=0.05)


def test_a_posterior_survives_a_model_file():
    stored = random_posterior(8, classes=3, seed=1)
    again = posterior_from_tensors(stored.to_tensors())

    np.testing.assert_array_equal(again.anchors, stored.anchors)
    np.testing.assert_array_equal(again.classes, stored.classes)


def test_a_file_without_anchors_is_refused_by_name():
    tensors = random_posterior(8, classes=3, seed=1).to_tensors()
    del tensors["posterior.anchors"]

    with pytest.raises(WeightsError, match=r"posterior\.anchors"):
        posterior_from_tensors(tensors)


def test_the_teacher_ends_the_search_and_three_tries_are_the_most():
    drawn: list[int] = []

    def tenth(points: FloatArray) -> FloatArray:
        return (points[:, 0] / 10).astype(np.float32)

    def draw(_rng: np.random.Generator) -> np.ndarray:
        drawn.append(len(drawn))
        return np.full(2, float(len(drawn)), np.float32)

    def worse_each_time(points: FloatArray) -> FloatArray:
        return (-points[:, 0]).astype(np.float32)

    rng = np.random.default_rng(0)
    liked = draw_good(draw, tenth, rng, threshold=0.2)
    assert (liked[0], len(drawn)) == (2, 2)

    drawn.clear()
    best = draw_good(draw, worse_each_time, rng, threshold=0.7)
    assert (best[0], len(drawn)) == (1, 3)
