"""Hits: a jump in their own frame, a fall back, and nothing late."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steered import STILL, Model, drum_loop, song, steps

from lucidsonic.trajectory.impulses import impulse_kernel, impulse_train
from lucidsonic.types import FloatArray

RATES = [Fraction(24), Fraction(24000, 1001), Fraction(30), Fraction(60)]
HITS_ONLY = {**STILL, "pulse_react": 1.0, "speed_fpm": 0.0, "motion_randomness": 0.0}


def away(latent: FloatArray, group: int = 0) -> FloatArray:
    """Distance from where the film begins: `(frames,)`."""
    return np.linalg.norm(latent[:, group] - latent[0, group], axis=-1)


@settings(max_examples=60)
@given(time_s=st.floats(0.1, 3.5), fps=st.sampled_from(RATES))
def test_a_hit_moves_the_picture_most_in_the_frame_that_holds_it(time_s: float, fps: Fraction):
    film = Model().film(song(4, fps=fps, hits={"kick": [time_s]}))
    seen = int(steps(film).argmax()) + 1
    late = seen - float(np.float32(time_s)) * float(fps)  # frames after the hit

    assert -1 <= late <= 0.25 + 1e-6


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("intensity", ["subtle", "normal", "club"])
def test_a_drum_loop_shows_every_kick_and_snare(fps: Fraction, intensity: str):
    features = drum_loop(12, fps=fps)
    moved = np.concatenate([[0], steps(Model(dim=512).film(features, intensity=intensity))])
    for name in ("kick", "snare"):
        times = features.onsets[name].times_s
        frames = np.floor(times[times > 0].astype(float) * float(fps) + 0.25).astype(int)
        for frame in frames[:-1]:
            assert moved[frame - 3 : frame + 4].argmax() == 3


@pytest.mark.parametrize("fps", RATES)
def test_onset_strength_and_movement_correlate_at_lag_0(fps: Fraction):
    features = drum_loop(20, fps=fps)
    onset = np.zeros(len(features))
    for name, weight in (("kick", 1.0), ("snare", 0.8), ("hat", 0.3)):
        frames = np.floor(features.onsets[name].times_s.astype(float) * float(fps) + 0.25)
        onset[frames.astype(int)] += weight
    moved = np.concatenate([[0], steps(Model(dim=512).film(features))])
    lags = {
        lag: np.corrcoef(np.roll(onset, lag)[20:-20], moved[20:-20])[0, 1]
        for lag in range(-8, 9)
    }

    assert max(lags, key=lambda lag: lags[lag]) == 0
    assert lags[0] > 0.8


@pytest.mark.parametrize("decay_ms", [100, 200, 300])
def test_a_hit_falls_with_its_time_constant_and_ends(decay_ms: float):
    film = Model(spherical=False).film(
        song(4, fps=60, hits={"kick": [1.0]}), decay_ms=decay_ms, **HITS_ONLY
    )
    height = away(film.latent)
    after = round(decay_ms * 0.06)

    assert height.argmax() == 60
    assert height[60 + after] / height[60] == pytest.approx(np.exp(-1), abs=0.03)
    assert height[60 + 5 * after :].max() == 0
    assert height[:60].max() == 0


def test_a_long_attack_rises_over_its_time():
    film = Model(spherical=False).film(
        song(3, fps=60, hits={"kick": [1.0]}), attack_ms=100, **HITS_ONLY
    )
    height = away(film.latent)

    assert height[60] > 0
    assert height.argmax() == 65
    assert (np.diff(height[60:66]) > 0).all()


@pytest.mark.parametrize("fps", [24, 30, 60, 120])
def test_an_impulse_is_at_its_height_at_once(fps: int):
    kernel = impulse_kernel(fps=fps, attack_ms=min(20, 1000 / fps), decay_ms=200)

    assert kernel[0] == pytest.approx(1)
    assert (np.diff(kernel) <= 0).all()
    assert kernel[-1] == pytest.approx(0, abs=0.02)


@settings(max_examples=40)
@given(
    times=st.lists(st.integers(-20, 320), max_size=60),
    start=st.integers(0, 300),
    count=st.integers(0, 60),
)
def test_only_near_hits_are_summed_and_none_is_forgotten(
    times: list[int], start: int, count: int
):
    kernel = impulse_kernel(fps=30, attack_ms=15, decay_ms=200)
    frames = np.array(times, dtype=np.int64)
    weights = np.random.default_rng(1).random((len(times), 2))
    train = impulse_train(frames, weights, kernel, length=300, wrap=False)
    stop = min(start + count, 300)
    expected = np.zeros((stop - start, 2))
    for frame, weight in zip(frames, weights, strict=True):
        for i in range(start, stop):
            if 0 <= frame < 300 and 0 <= i - frame < len(kernel):
                expected[i - start] += kernel[i - frame] * weight

    assert train.sum(start, stop) == pytest.approx(expected, abs=1e-5)


def test_in_a_loop_a_last_hit_rings_on_at_the_beginning():
    features = song(4, hits={"kick": [3.9]})
    film = Model(spherical=False).film(features, loop=True, **HITS_ONLY)
    cut = Model(spherical=False).film(features, **HITS_ONLY)
    rest = film.latent[50]

    assert np.linalg.norm(film.latent[0] - rest) > 0.3 * np.linalg.norm(film.latent[117] - rest)
    assert np.linalg.norm(cut.latent[0] - rest) == 0


def test_harder_hits_push_further():
    soft, hard = (
        away(
            Model(spherical=False)
            .film(song(2, hits={"kick": [1]}, strength=s), **HITS_ONLY)
            .latent
        )
        for s in (0.3, 0.9)
    )

    assert hard.max() == pytest.approx(3 * soft.max(), rel=1e-4)


@pytest.mark.parametrize(("band", "group"), [("kick", 0), ("snare", 1), ("hat", 2)])
def test_each_drum_moves_its_own_layers(band: str, group: int):
    film = Model(spherical=False, groups=3).film(song(3, hits={band: [1.0]}), **HITS_ONLY)
    reach = [away(film.latent, g).max() for g in range(3)]

    assert int(np.argmax(reach)) == group


def test_layer_gains_choose_the_layers_that_take_part():
    chords = np.random.default_rng(0).uniform(-1, 1, (90, 6)).astype(np.float32)
    hits = {"kick": [1.0], "snare": [1.5], "hat": [2.0]}
    features = song(3, hits=hits, harmonic=0.5, tonnetz=chords)
    options = {**HITS_ONLY, "harmony_react": 1.0}
    film = Model(spherical=False, groups=3).film(features, layer_gains=(0, 1, 0), **options)

    assert away(film.latent, 0).max() == 0
    assert away(film.latent, 1).max() > 0
    assert away(film.latent, 2).max() == 0
    assert (film.gains[:, [0, 2]] == 0).all()


def test_unknown_bands_count_too():
    film = Model(spherical=False).film(song(2, hits={"cowbell": [1.0]}), **HITS_ONLY)

    assert away(film.latent).argmax() == 30


def test_pulse_switches_choose_what_is_listened_to():
    features = song(
        3, hits={"kick": [1.0]}, harmonic=np.repeat([0, 0.8], 45).astype(np.float32)
    )

    def heights(**switches: bool) -> tuple[float, float]:
        height = away(Model(spherical=False).film(features, **HITS_ONLY, **switches).latent)
        return float(height[30]), float(height[80])

    assert heights() == (pytest.approx(heights()[0]), 0)
    drums, chords = heights()[0], heights(pulse_percussive=False, pulse_harmonic=True)[1]
    assert drums > 0.5
    assert chords > 0.5
    assert heights(pulse_percussive=False) == (0, 0)
    assert heights(pulse_harmonic=True) == (pytest.approx(drums), pytest.approx(chords))


def test_the_pulse_can_listen_to_a_stem():
    drums = song(3, hits={"kick": [2.0]})
    film = Model(spherical=False).film(song(3, hits={"kick": [1.0]}), pulse=drums, **HITS_ONLY)

    assert away(film.latent).argmax() == 60


def test_a_stem_may_be_shorter_than_the_song():
    short = song(1, hits={"kick": [0.5]}, harmonic=0.9)
    film = Model(c_dim=4, condition="class").film(
        song(3), pulse=short, motion_stem=short, classes_stem=short
    )

    assert len(film) == 90
    assert np.isfinite(film.latent).all()


def test_chance_sends_each_hit_another_way_and_no_chance_the_same():
    features = song(8, hits={"kick": list(range(1, 8))})

    def ways(chance: float) -> np.ndarray:
        options = {**HITS_ONLY, "motion_randomness": chance}
        latent = Model(spherical=False).film(features, **options).latent[:, 0]
        pushes = latent[30::30] - latent[0]
        pushes /= np.linalg.norm(pushes, axis=1, keepdims=True)
        return pushes @ pushes.T

    assert ways(0.0).min() == pytest.approx(1, abs=1e-5)
    assert ways(1.0).min() < 0.9
    assert ways(0.5).min() > 0.3


def test_the_same_chord_bends_the_picture_the_same_way():
    chords = np.repeat(np.random.default_rng(2).uniform(-1, 1, (2, 6)), 60, axis=0)
    tonnetz = np.concatenate([chords, chords]).astype(np.float32)
    features = song(8, harmonic=0.6, tonnetz=tonnetz)
    still = {**STILL, "speed_fpm": 0.0, "harmony_react": 1.0}
    bend = Model(spherical=False, groups=3).film(features, **still).latent

    assert bend[150] == pytest.approx(bend[30], abs=1e-3)
    assert np.linalg.norm(bend[90, 1] - bend[30, 1]) > 0.3
    assert np.linalg.norm(bend[90, 1] - bend[30, 1]) > 2 * np.linalg.norm(
        bend[90, 0] - bend[30, 0]
    )


def test_a_chord_under_drums_bends_the_picture_about_as_a_clear_one_does():
    def bend(tonnetz: float) -> float:
        chord = np.full((60, 6), tonnetz, dtype=np.float32)
        chord[:30] = -tonnetz
        still = {**STILL, "speed_fpm": 0.0, "harmony_react": 1.0}
        latent = (
            Model(spherical=False).film(song(2, harmonic=0.6, tonnetz=chord), **still).latent
        )
        return float(np.linalg.norm(latent[-1] - latent[0]))

    assert bend(0.0) == 0
    assert 0.4 < bend(0.1) / bend(0.7) < 0.9
