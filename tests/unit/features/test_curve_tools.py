from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lucidsonic.errors import ConfigError
from lucidsonic.features.curves import envelope, gate, percentile_normalize, smooth
from lucidsonic.types import FloatArray

CURVE = arrays(np.float32, st.integers(1, 200), elements=st.floats(0, 1, width=32))
FPS = Fraction(30)


@given(CURVE, st.floats(0, 500), st.floats(0, 2000))
def test_an_envelope_keeps_length_and_range(
    curve: FloatArray, attack: float, release: float
) -> None:
    shaped = envelope(curve, fps=FPS, attack_ms=attack, release_ms=release)
    assert shaped.shape == curve.shape
    assert shaped.dtype == np.float32
    assert shaped.min() >= 0
    assert shaped.max() <= curve.max()


@given(CURVE, st.floats(0, 2000))
def test_without_attack_the_envelope_covers_the_curve(
    curve: FloatArray, release: float
) -> None:
    assert (envelope(curve, fps=FPS, release_ms=release) >= curve).all()


@given(CURVE, st.integers(0, 199), st.booleans())
def test_causal_tools_do_not_see_the_future(curve: FloatArray, at: int, changed: bool) -> None:
    at = min(at, len(curve) - 1)
    other = curve.copy()
    other[at:] = 1.0 if changed else 0.0
    for tool in (
        lambda c: envelope(c, fps=FPS, attack_ms=20, release_ms=200),
        lambda c: smooth(c, fps=FPS, seconds=0.3, causal=True),
    ):
        np.testing.assert_array_equal(tool(curve)[:at], tool(other)[:at])


def test_a_release_falls_to_a_third_in_its_time() -> None:
    curve = np.zeros(31, np.float32)
    curve[0] = 1
    shaped = envelope(curve, fps=FPS, release_ms=500)
    assert shaped[15] == pytest.approx(np.exp(-1), rel=1e-5)


def test_an_attack_climbs_to_two_thirds_in_its_time() -> None:
    shaped = envelope(np.ones(61, np.float32), fps=FPS, attack_ms=500)
    assert shaped[14] == pytest.approx(1 - np.exp(-1), rel=1e-5)


@given(CURVE, st.floats(0, 1), st.floats(0, 0.5))
def test_a_gate_only_takes_away(curve: FloatArray, threshold: float, knee: float) -> None:
    gated = gate(curve, threshold=threshold, knee=knee)
    assert (gated <= curve + 1e-6).all()
    assert (gated[curve < threshold - knee] == 0).all()
    np.testing.assert_allclose(gated[curve > threshold + knee], curve[curve > threshold + knee])


@given(CURVE, st.floats(0, 40), st.floats(60, 100), st.floats(0, 0.5))
def test_normalising_stays_in_range_and_keeps_order(
    curve: FloatArray, low: float, high: float, floor: float
) -> None:
    scaled = percentile_normalize(curve, low=low, high=high, floor=floor)
    assert scaled.min() >= 0
    assert scaled.max() <= 1
    assert (np.diff(scaled[np.argsort(curve)]) >= 0).all()


def test_normalising_does_not_blow_up_a_noise_floor() -> None:
    hiss = 1e-4 * np.random.default_rng(0).random(500).astype(np.float32)
    assert percentile_normalize(hiss, floor=1e-2).max() < 0.02


def test_a_single_click_survives_normalising() -> None:
    curve = np.zeros(10_000, np.float32)
    curve[500] = 0.3
    assert percentile_normalize(curve)[500] == 1


@given(CURVE, st.floats(0, 3), st.booleans())
def test_smoothing_keeps_length_and_range(
    curve: FloatArray, seconds: float, causal: bool
) -> None:
    smoothed = smooth(curve, fps=FPS, seconds=seconds, causal=causal)
    assert smoothed.shape == curve.shape
    assert smoothed.min() >= curve.min() - 1e-5
    assert smoothed.max() <= curve.max() + 1e-5


def test_zero_phase_smoothing_does_not_lag() -> None:
    curve = np.zeros(201, np.float32)
    curve[100] = 1
    assert int(smooth(curve, fps=FPS, seconds=0.5).argmax()) == 100


@pytest.mark.parametrize("tool", [envelope, gate, percentile_normalize, smooth])
def test_silence_stays_silence(tool: object) -> None:
    options = {
        envelope: {"fps": FPS, "attack_ms": 10, "release_ms": 100},
        gate: {"threshold": 0.1},
        percentile_normalize: {},
        smooth: {"fps": FPS, "seconds": 1.0},
    }
    assert not tool(np.zeros(50, np.float32), **options[tool]).any()  # pyright: ignore


def test_negative_times_are_an_error() -> None:
    curve = np.zeros(3, np.float32)
    with pytest.raises(ConfigError, match="negative"):
        envelope(curve, fps=FPS, attack_ms=-1)
    with pytest.raises(ConfigError, match="negative"):
        smooth(curve, fps=FPS, seconds=-1)
    with pytest.raises(ConfigError, match="negative"):
        gate(curve, threshold=0.5, knee=-1)
