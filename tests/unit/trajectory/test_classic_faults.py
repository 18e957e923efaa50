"""Faults of the classic tool that must not come back, as far as they are the steering's."""

import math
import time
from fractions import Fraction

import numpy as np
import pytest
from steered import STILL, Model, club_song, drum_loop, silence, song, steps


@pytest.mark.parametrize(
    "fps", [Fraction(24), Fraction(30), Fraction(60), Fraction(24000, 1001)]
)
def test_the_frame_rate_is_the_one_asked_for(fps: Fraction):
    film = Model().film(drum_loop(60, fps=fps))

    assert len(film) == math.ceil(60 * fps)
    assert film.time_s[-1] == pytest.approx(float((len(film) - 1) / fps), abs=1e-4)
    assert np.diff(film.time_s).mean() == pytest.approx(float(1 / fps), rel=1e-5)


def test_truncation_has_an_effect_where_latents_are_on_a_sphere():
    low, high = (Model().film(song(2), truncation=t) for t in (0.3, 1.0))

    assert (low.latent == high.latent).all()  # scaling z would change nothing after a mapping
    assert (low.truncation < high.truncation).all()


def test_the_ending_is_not_frozen():
    for seconds in (7.3, 20.0, 61.7):
        for options in ({}, {"keyframes_on": "sections"}, {"loop": True}):
            speed = steps(Model().film(song(seconds, harmonic=0.4), **options))
            assert speed[-5:].min() > 0.2 * np.median(speed)


def test_no_frame_is_dropped_from_the_last_batch():
    features = song(100 / 30)
    path = Model().plan(features)
    batches = [path.at(i, min(i + 16, len(path))) for i in range(0, len(path), 16)]

    assert sum(len(batch) for batch in batches) == len(features) == 100


def test_time_grows_with_the_song_and_not_with_its_square():
    model = Model(dim=64)

    def seconds(minutes: float) -> float:
        features = club_song(60 * minutes)
        begun = time.process_time()
        path = model.plan(features)
        for start in range(0, len(path), 64):
            path.at(start, min(start + 64, len(path)))
        return time.process_time() - begun

    seconds(0.5)
    short, long = seconds(4), seconds(16)

    assert long < 8 * short  # 4 if linear, 16 if quadratic


@pytest.mark.parametrize("times", [[0.1 + 0.2, 1.1], [1 / 3, 2 / 3], [0.7000000001]])
def test_shuffle_times_need_not_equal_a_frame_time(times: list[float]):
    model = Model(c_dim=12, condition="class")
    chroma = np.tile(np.linspace(0.1, 1, 12, dtype=np.float32), (60, 1))
    condition = model.film(
        song(2, chroma=chroma), class_shuffle_seconds=times, class_shuffle_strength=1.0
    ).condition
    assert condition is not None

    assert np.abs(condition[-1] - condition[0]).max() > 0.01


def test_silence_gives_numbers():
    for model in (Model(), Model(c_dim=12, condition="class"), Model(c_dim=2, condition="va")):
        film = model.film(silence())
        assert np.isfinite(film.latent).all()
        assert film.condition is None or np.isfinite(film.condition).all()


@pytest.mark.parametrize("classes", [None, [0]])
def test_one_class_is_enough(classes: list[int] | None):
    model = Model(c_dim=1, condition="class")
    condition = model.film(
        club_song(6), classes=classes, class_shuffle_seconds=1, dominant_classes_first=True
    ).condition

    assert condition is not None
    assert (condition == 1).all()


def test_a_latent_does_not_depend_on_the_batch_size():
    path = Model(dim=512, groups=3).plan(club_song(6))
    whole = path.at(0, len(path)).latent
    for size in (1, 3, 16, 64):
        parts = [path.at(i, min(i + size, len(path))) for i in range(0, len(path), size)]
        assert (np.concatenate([part.latent for part in parts]) == whole).all()


def test_percussive_false_is_obeyed():
    features = drum_loop(4)
    off = {**STILL, "pulse_react": 1.0, "speed_fpm": 0}
    deaf = steps(Model().film(features, pulse_percussive=False, **off))
    hearing = steps(Model().film(features, pulse_percussive=True, **off))
    unmoved = steps(Model().film(features, **{**off, "motion_react": 1.0, "pulse_react": 0}))
    moved = steps(
        Model().film(
            features,
            **{**off, "motion_react": 1.0, "pulse_react": 0},
            motion_percussive=True,
        )
    )

    assert deaf.max() == 0
    assert hearing.max() > 0.5
    assert unmoved.max() == 0
    assert moved.max() > 0


def test_nothing_piles_up_from_one_film_to_the_next():
    model = Model(c_dim=12, condition="class")
    first = model.film(club_song(5))
    for _ in range(2):
        model.film(club_song(5), pulse_react=3.0, intensity="club")
    again = model.film(club_song(5))

    assert (first.latent == again.latent).all()


def test_the_song_is_not_changed_by_steering():
    features = club_song(5)
    before = {name: curve.copy() for name, curve in features.curves.items()}
    chroma = features.chroma.copy()
    Model(c_dim=12, condition="class").film(features)

    assert all((features.curves[name] == before[name]).all() for name in before)
    assert (features.chroma == chroma).all()
