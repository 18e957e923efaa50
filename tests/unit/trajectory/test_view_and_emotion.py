"""Truncation, noise, gains, the view, and valence and arousal."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steered import Model, club_song, song

from lucidsonic.types import Drop, Features, FloatArray, Section

HALVES = np.repeat([0.1, 0.9], 150).astype(np.float32)


def seeing(**more: Any) -> Model:
    return Model(groups=3, has_noise=True, has_transform=True, **more)


def test_louder_music_is_less_truncated():
    psi = seeing().film(song(10, loudness=HALVES)).truncation

    assert psi[50] == pytest.approx(0.7 + 0.15 * (0.1 - 0.5), abs=0.01)
    assert psi[250] == pytest.approx(0.7 + 0.15 * (0.9 - 0.5), abs=0.01)


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0, 1.5])
def test_truncation_scales_psi(scale: float):
    psi = seeing().film(song(4), truncation=scale, truncation_react=0).truncation

    assert psi == pytest.approx(0.7 * scale, abs=1e-6)


@given(react=st.floats(0, 3), scale=st.floats(0, 1.5))
@settings(max_examples=20)
def test_psi_stays_in_its_range(react: float, scale: float):
    psi = seeing().film(club_song(8), truncation=scale, truncation_react=react).truncation

    assert psi.min() >= 0.5 * scale - 1e-6
    assert psi.max() <= 0.9 * scale + 1e-6


def test_hats_stir_the_noise_at_once_and_it_settles():
    features = song(3, hits={"hat": [1.0]})
    mix = seeing().film(features).noise_mix

    assert mix.argmax() == 30
    assert mix[:30].max() == 0
    assert mix[80:].max() == 0
    assert seeing().film(features, noise_react=0).noise_mix.max() == 0


def test_the_slow_noise_goes_on_while_music_plays_only():
    loudness = np.repeat([0.5, 0.0, 0.5], 60).astype(np.float32)
    phase = np.unwrap(seeing().film(song(6, loudness=loudness)).noise_phase, period=1)
    step = np.diff(phase)

    assert step[:59].min() > 0
    assert step[61:119].max() == 0
    assert phase[-1] < 0.5


def test_a_phase_is_less_than_one_turn_whatever_rounding_does():
    phase = seeing().film(song(400), speed_fpm=0).noise_phase

    assert phase.min() >= 0
    assert phase.max() < 1
    assert (np.diff(phase) < -0.5).sum() >= 10  # it did come round


def test_coarse_gains_follow_sections_middle_harmony_fine_hats():
    sections = [Section(0, 5, "A", 0.1), Section(5, 10, "B", 0.9)]
    film = seeing().film(song(10, sections=sections, harmonic=HALVES, hits={"hat": [7.0]}))
    gains = film.gains

    assert gains[280, 0] > gains[20, 0] + 0.1
    assert gains[280, 1] > gains[20, 1] + 0.1
    assert gains[:, 2].argmax() == 210
    assert (seeing().film(song(10, harmonic=HALVES), gain_react=0).gains == 1).all()


def test_the_view_punches_with_the_kick_and_leans_into_the_build():
    kick = seeing().film(song(4, hits={"kick": [2.0]})).transform
    build = seeing().film(song(20, drops=[Drop(8.0, 16.0, 1.0)])).transform

    assert kick[:, 3].argmax() == 60
    assert build[470, 3] > build[250, 3] + 0.01


def test_the_view_stays_near_the_middle():
    transform = seeing().film(club_song(60), transform_react=1.0).transform

    assert np.abs(transform[:, :2]).max() <= 0.05
    assert np.abs(transform[:, 2]).max() <= 0.02
    assert 0.9 < transform[:, 3].min() < transform[:, 3].max() < 1.2


@pytest.mark.parametrize("able", [True, False])
def test_no_reaction_or_no_ability_leaves_the_view_alone(able: bool):
    model = Model(has_transform=able)
    transform = model.film(club_song(8), transform_react=0.0 if able else 1.0).transform

    assert (transform == [0, 0, 0, 1]).all()


def feelings(features: Features, **options: Any) -> FloatArray:
    condition = Model(c_dim=2, condition="va").film(features, **options).condition
    assert condition is not None
    return condition


def test_the_song_s_emotion_arrives_in_order():
    felt = feelings(song(4, valence=0.4, arousal=-0.6))

    assert felt == pytest.approx(np.tile([0.4, -0.6], (120, 1)), abs=1e-6)


@pytest.mark.parametrize(("gain", "expected"), [(0, 0.0), (1.3, 0.52), (4, 1.0)])
def test_va_gain_exaggerates_about_neutral_and_stops_at_the_edge(gain: float, expected: float):
    assert feelings(song(2, valence=0.4), va_gain=gain)[:, 0] == pytest.approx(expected)
    assert feelings(song(2, valence=-0.4), va_gain=gain)[:, 0] == pytest.approx(-expected)


def test_va_smooth_is_as_slow_as_asked_and_not_late():
    leap = np.repeat([-0.5, 0.5], 300).astype(np.float32)
    sharp, soft = (feelings(song(20, valence=leap), va_smooth=s)[:, 0] for s in (0.0, 4.0))

    assert sharp == pytest.approx(leap)
    assert np.diff(soft).max() < 0.02
    assert abs(int((soft >= 0).argmax()) - 300) <= 1
    assert soft[100] == pytest.approx(-0.5, abs=0.01)


def test_opposite_songs_are_steered_to_opposite_corners():
    bright = feelings(song(2, valence=0.6, arousal=0.6), va_gain=1.3)
    dark = feelings(song(2, valence=-0.6, arousal=-0.6), va_gain=1.3)

    assert (bright > 0.7).all()
    assert (dark < -0.7).all()
