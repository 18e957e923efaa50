"""What holds for the path of every film, whatever the generator and the song."""

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steered import MODELS, Model, club_song, drum_loop, silence, song, steps

from lucidsonic.types import Controls, Drop, Section

FIELDS = tuple(Controls.__dataclass_fields__)
SONGS = {
    "club": lambda: club_song(20),
    "drums": lambda: drum_loop(6),
    "silence": silence,
    "no beat, no sections": lambda: song(3, sections=[], harmonic=0.5),
    "one frame": lambda: song(1 / 30, hits={"kick": [0.0]}),
    "film rate": lambda: drum_loop(5, fps=Fraction(24000, 1001)),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "loop": {"loop": True},
    "hop": {"motion": "hop"},
    "beats": {"keyframes_on": "beats", "keyframe_every": 2},
    "bars": {"keyframes_on": "bars", "loop": True},
    "sections": {"keyframes_on": "sections", "loop": True},
    "wild": {
        "intensity": "club",
        "motion_randomness": 1.0,
        "motion_percussive": True,
        "pulse_harmonic": True,
        "class_shuffle_seconds": 0.7,
        "class_complexity": 0.0,
        "class_pitch_react": 2.0,
        "truncation": 1.5,
    },
}


def same(a: Controls, b: Controls, part: slice) -> bool:
    """Whether b is that part of a, to the last bit."""
    for name in FIELDS:
        whole, piece = getattr(a, name), getattr(b, name)
        if whole is None or piece is None:
            if whole is not piece:
                return False
        elif whole[part].tobytes() != piece.tobytes():
            return False
    return True


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("music", SONGS)
def test_every_frame_is_told_everything_in_range(name: str, options: str, music: str):
    features, model = SONGS[music](), Model(**MODELS[name])
    able = model.capabilities
    film = model.film(features, **OPTIONS[options])
    frames = len(features)

    assert len(film) == frames
    assert film.latent.shape == (frames, able.groups, able.dim)
    assert film.gains.shape == (frames, 3)
    assert film.transform.shape == (frames, 4)
    for field in FIELDS:
        value = getattr(film, field)
        if value is not None:
            assert value.dtype == np.float32
            assert len(value) == frames
            assert np.isfinite(value).all()
    assert film.noise_phase.min() >= 0
    assert film.noise_phase.max() < 1
    assert film.noise_mix.min() >= 0
    assert film.noise_mix.max() <= 1
    assert film.gains.min() >= 0
    assert film.transform[:, 3].min() > 0.5
    assert film.truncation.min() >= 0


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("options", OPTIONS)
def test_a_condition_means_what_the_generator_expects(name: str, options: str):
    model = Model(**MODELS[name])
    condition = model.film(club_song(20), **OPTIONS[options]).condition

    if model.capabilities.condition == "none":
        assert condition is None
        return
    assert condition is not None
    assert condition.shape[1] == model.capabilities.c_dim
    if model.capabilities.condition == "class":
        assert condition.min() >= 0
        assert condition.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    else:
        assert np.abs(condition).max() <= 1


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("options", OPTIONS)
@settings(max_examples=12)
@given(cuts=st.lists(st.integers(0, 300), max_size=8))
def test_a_frame_does_not_depend_on_the_batch_it_is_made_in(
    name: str, options: str, cuts: list[int]
):
    path = PATHS.setdefault(
        (name, options), Model(**MODELS[name]).plan(club_song(10), **OPTIONS[options])
    )
    film = WHOLE.setdefault((name, options), path.at(0, len(path)))
    bounds = [0, *sorted(cuts), len(path)]

    for start, stop in itertools.pairwise(bounds):
        assert same(film, path.at(start, stop), slice(start, stop))


PATHS: dict[tuple[str, str], Any] = {}
WHOLE: dict[tuple[str, str], Controls] = {}


@pytest.mark.parametrize("name", ["everything", "anchored", "w"])
def test_each_frame_alone_is_the_frame_of_the_film(name: str):
    path = Model(**MODELS[name]).plan(club_song(8))
    film = path.at(0, len(path))

    assert all(same(film, path.at(i, i + 1), slice(i, i + 1)) for i in range(len(path)))


@pytest.mark.parametrize("options", OPTIONS)
def test_the_same_song_and_seed_make_the_same_film(options: str):
    model = Model(**MODELS["everything"])
    first, again = (model.film(club_song(8), **OPTIONS[options]) for _ in range(2))
    other = model.film(club_song(8), seed=2, **OPTIONS[options])

    assert same(first, again, slice(None))
    assert not np.allclose(first.latent, other.latent)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("groups", [1, 3])
def test_gaussian_latents_stay_on_their_sphere(options: str, groups: int):
    film = Model(dim=128, groups=groups).film(club_song(20), **OPTIONS[options])
    norm = np.linalg.norm(film.latent, axis=-1)

    assert norm == pytest.approx(np.sqrt(128), rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("options", [o for o in OPTIONS if o != "wild"])
def test_silence_holds_the_picture_still(name: str, options: str):
    film = Model(**MODELS[name]).film(silence(), **OPTIONS[options])

    for field in set(FIELDS) - {"time_s"}:
        value = getattr(film, field)
        assert value is None or (value == value[0]).all(), field


def test_silence_stays_still_whatever_the_analysis_says_of_it():
    sections = [Section(0, 2, "A", 0.0), Section(2, 4, "B", 0.0)]
    mute = song(4, loudness=0.0, sections=sections, bpm=120, drops=[Drop(0, 2, 1.0)])
    for options in OPTIONS.values():
        assert steps(Model().film(mute, **options)).max() == 0


@pytest.mark.parametrize("name", [n for n in MODELS if n != "anchored"])  # a hop is a leap
@pytest.mark.parametrize("options", ["loop", "bars", "sections"])
def test_the_last_frame_of_a_loop_leads_into_the_first(name: str, options: str):
    quiet = {"pulse_react": 0.0, "drop_react": 0.0}  # a hit at 0:00 is a leap as well
    film = Model(**MODELS[name]).film(club_song(20), **OPTIONS[options], **quiet)
    seam = np.linalg.norm(film.latent[0] - film.latent[-1], axis=-1).mean()
    phase = (film.noise_phase[0] - film.noise_phase[-1]) % 1

    assert seam <= 1.5 * np.percentile(steps(film), 95)
    assert 0 < phase < 0.01


def test_without_loop_the_film_ends_elsewhere():
    film = Model().film(song(30), keyframes_on="seconds", speed_fpm=7)

    assert np.linalg.norm(film.latent[0] - film.latent[-1]) > 20 * np.median(steps(film))


def test_a_range_that_the_film_has_not_is_refused():
    path = Model().plan(song(1))

    for start, stop in [(-1, 3), (0, 31), (5, 4)]:
        with pytest.raises(IndexError):
            path.at(start, stop)


def test_an_empty_range_is_empty():
    film = Model(**MODELS["everything"]).plan(club_song(4)).at(7, 7)

    assert len(film) == 0
    assert film.condition is not None
    assert film.condition.shape == (0, 20)
