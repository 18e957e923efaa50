from fractions import Fraction

import numpy as np
import pytest

from lucidsonic.trajectory import delayed
from lucidsonic.trajectory.offset import moved
from tests.steered import song


@pytest.mark.parametrize("seconds", [0.1, -0.1])
def test_hits_beats_and_curves_move_together(seconds: float):
    features = song()

    late = delayed(features, seconds)

    assert np.allclose(late.beats_s, features.beats_s + seconds, atol=1e-5)
    for name, train in features.onsets.items():
        assert np.allclose(late.onsets[name].times_s, train.times_s + seconds, atol=1e-5)
        assert np.array_equal(late.onsets[name].strength, train.strength)
    assert len(late) == len(features)
    assert late.sections == features.sections


def test_no_offset_is_the_very_same_song():
    features = song()

    assert delayed(features, 0.0) is features


def test_a_curve_is_read_between_frames():
    curve = np.array([0, 0, 1, 0, 0], np.float32)

    assert np.allclose(moved(curve, 1), [0, 0, 0, 1, 0])
    assert np.allclose(moved(curve, 0.5), [0, 0, 0.5, 0.5, 0])
    assert np.allclose(moved(curve, -1), [0, 1, 0, 0, 0])
    assert Fraction(len(moved(curve, 2.5))) == 5
