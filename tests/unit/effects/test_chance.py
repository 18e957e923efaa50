import numpy as np

from lucidsonic.effects.chain import pitch_turn, ring
from lucidsonic.effects.effect import random_numbers


def test_numbers_are_even_and_independent_of_order() -> None:
    index = np.arange(2000)
    numbers = random_numbers(7, 1, index, 3)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(numbers[:-1, 0], numbers[1:, 0])[0, 1]) < 0.08
    assert np.array_equal(random_numbers(7, 1, index[::-1], 3), numbers[::-1])


def test_streams_and_seeds_differ() -> None:
    index = np.arange(50)
    drawn = [
        random_numbers(seed, stream, index, 1) for seed, stream in ((1, 1), (1, 2), (2, 1))
    ]
    assert not np.allclose(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2])


def test_ringing_is_the_recursive_envelope() -> None:
    curve = np.random.default_rng(1).random(200).astype(np.float32) ** 8
    fall = np.exp(-1000 / (30 * 120))
    expected, level = [], 0.0
    for value in curve:
        level = max(float(value), level * fall)
        expected.append(level)
    assert np.allclose(ring(curve, 30.0, 120.0), expected, atol=2e-3)


def test_ringing_stays_exact_for_hours() -> None:
    curve = np.zeros(30 * 3600 * 2, np.float32)
    curve[-3] = 1.0
    rung = ring(curve, 30.0, 50.0)
    assert rung[-3] == 1.0
    assert rung[:-3].max() == 0


def test_a_fifth_is_one_step_on_the_circle() -> None:
    chroma = np.zeros((3, 12), np.float32)
    chroma[0, 0] = chroma[1, 7] = 1.0
    turns = pitch_turn(chroma)
    assert np.allclose(turns, [0, 1 / 12, 0], atol=1e-6)
