"""Hops: exactly still, and a leap in the beat's own frame."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steered import STILL, Model, song, steps

from lucidsonic.types import Section


def anchored(groups: int = 1) -> Model:
    return Model(spherical=False, anchored=True, groups=groups)


@settings(max_examples=12)
@given(
    bpm=st.floats(60, 180),
    fps=st.sampled_from([24, 30, 60]),
    hop_ms=st.sampled_from([0, 80, 120]),
)
def test_the_leap_begins_in_the_frame_of_the_beat(bpm: float, fps: int, hop_ms: float):
    features = song(10, fps=fps, bpm=bpm)
    film = anchored().film(features, hop_ms=hop_ms, **STILL)
    moved = np.concatenate([[0], steps(film)])
    beats = np.floor(features.beats_s[1:].astype(float) * fps + 0.25).astype(int)
    beats = beats[(beats < len(features) - 4) & (beats > 0)]

    for beat in beats:
        assert moved[beat - 2 : beat + 4].argmax() == 2
    hop = max(1, round(hop_ms / 1000 * fps))
    around = {b + i for b in [0, *beats] for i in range(hop)}
    still = [i for i in range(len(moved) - 4) if i not in around]
    assert moved[still].max(initial=0) == 0


def test_the_picture_stands_on_a_keyframe_between_the_beats():
    model = anchored()
    film = model.film(song(16, bpm=120), **STILL)
    keys = model.keyframes(list(dict.fromkeys(model.asked)))
    middle = film.latent[10::15, 0]

    assert all((keys == place).all(axis=1).any() for place in middle)


def test_each_beat_shows_another_figure_and_each_downbeat_home():
    film = anchored().film(song(16, bpm=120), **STILL)
    beats = film.latent[10::15, 0]

    assert all((a != b).any() for a, b in itertools.pairwise(beats))
    assert (beats[0] == beats[4]).all()  # the bar holds its home
    assert (beats[0] != beats[16]).any()  # another cast after four bars


def test_on_bars_the_picture_holds_a_whole_bar():
    film = anchored().film(song(16, bpm=120), keyframes_on="bars", **STILL)
    moved = np.flatnonzero(steps(film)) + 1

    assert set(moved[moved > 3] // 60 * 60) == set(range(60, 480, 60)) & set(moved)
    assert set(moved % 60) == {0, 1}


def test_a_returning_section_brings_its_figures_back():
    sections = [Section(8.0 * i, 8.0 * i + 8, "ABA"[i], 0.5) for i in range(3)]
    film = anchored().film(song(24, bpm=120, sections=sections), **STILL)
    a, b, again = (film.latent[i * 240 + 5 : (i + 1) * 240 - 5] for i in range(3))

    assert (again == a).all()
    assert (b != a).any(axis=-1).mean() > 0.9


def test_latents_come_in_their_order():
    model = anchored()
    film = model.film(song(4, bpm=120), latents=[5, 6, 7], **STILL)
    keys = model.keyframes([5, 6, 7])
    order = [int((keys == place).all(axis=1).argmax()) for place in film.latent[10::15, 0]]

    assert order == [1, 2, 0, 1, 2, 0, 1, 2]


def test_without_a_beat_the_hits_make_the_hops():
    features = song(6, hits={"kick": [1.0, 1.1, 2.5, 4.0]})
    moved = np.flatnonzero(steps(anchored().film(features, hop_ms=0, **STILL))) + 1

    assert moved.tolist() == [30, 75, 120]


def test_without_beat_and_hits_it_stands():
    assert steps(anchored().film(song(6, harmonic=0.8))).max() == 0


def test_hits_push_the_figure_and_let_it_return_to_exact_stillness():
    features = song(4, bpm=60, hits={"kick": [0.5, 1.5, 2.5]}, harmonic=0.5)
    film = anchored().film(features, pulse_react=1.0)
    moved = np.concatenate([[0], steps(film)])

    assert moved[[15, 45, 75]].min() > 0.5
    assert moved[28:30].max() == 0


def test_drift_can_be_chosen_for_an_anchored_model_and_hops_for_any():
    features = song(8, bpm=120)
    drifting = steps(anchored().film(features, motion="drift", **STILL))
    hopping = steps(Model().film(features, motion="hop", **STILL))

    assert drifting.min() > 0
    assert np.median(hopping) == pytest.approx(0, abs=1e-5)
