"""The drift: where the picture goes when nothing hits it."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steered import STILL, Model, club_song, song, steps

from lucidsonic.types import Drop, FloatArray, Section

WALK = {**STILL, "keyframes_on": "seconds"}


def at_keys(model: Model, film_latent: FloatArray) -> FloatArray:
    """Distance of each frame to each keyframe that was asked for: `(frames, keys)`."""
    keys = model.keyframes(list(dict.fromkeys(model.asked)))
    if model.capabilities.spherical:
        keys *= np.sqrt(keys.shape[1]) / np.linalg.norm(keys, axis=1, keepdims=True)
    return np.linalg.norm(film_latent[:, 0, None] - keys, axis=2)


@pytest.mark.parametrize("spherical", [True, False])
@pytest.mark.parametrize("dim", [64, 512])
def test_steady_music_moves_the_picture_at_a_steady_speed(spherical: bool, dim: int):
    film = Model(dim=dim, spherical=spherical).film(song(60), **WALK)
    speed = steps(film)

    assert speed.std() / speed.mean() < 0.02
    assert np.ptp(speed) / speed.mean() < 0.1


@pytest.mark.parametrize("fpm", [6, 12, 30])
def test_speed_fpm_is_keyframes_a_minute(fpm: float):
    model = Model()
    film = model.film(song(60), speed_fpm=fpm, **WALK)
    near = at_keys(model, film.latent).min(axis=1)
    visits = (near[1:-1] < near[:-2]) & (near[1:-1] <= near[2:]) & (near[1:-1] < 1.5)

    assert visits.sum() == pytest.approx(fpm, abs=1)


def test_speed_0_stays_at_one_place():
    assert steps(Model().film(song(5), speed_fpm=0, **WALK)).max() == 0


def test_louder_music_moves_the_picture_faster():
    loudness = np.repeat([0.2, 0.9], 300).astype(np.float32)
    speed = steps(Model().film(song(20, loudness=loudness), **WALK))

    assert speed[400:].mean() / speed[:200].mean() == pytest.approx(
        (0.4 + 1.2 * 0.9) / (0.4 + 1.2 * 0.2), rel=0.05
    )


def test_a_rest_stops_the_picture_and_the_music_takes_it_on():
    loudness = np.repeat([0.6, 0.0, 0.6], 150).astype(np.float32)
    speed = steps(Model().film(song(15, loudness=loudness), **WALK))

    assert speed[150:299].max() == 0
    assert speed[:149].min() > 0
    assert speed[300:].min() > 0


def test_the_ending_is_not_frozen():
    for kind in ("seconds", "beats", "bars", "sections"):
        speed = steps(Model().film(club_song(30), **{**WALK, "keyframes_on": kind}))
        assert speed[-30:].min() > 0.1 * np.median(speed), kind


@pytest.mark.parametrize(("kind", "apart"), [("beats", 15), ("bars", 60)])
@pytest.mark.parametrize("spherical", [True, False])
def test_a_keyframe_is_hit_on_each_mark_exactly(kind: str, apart: int, spherical: bool):
    model = Model(spherical=spherical)
    film = model.film(song(16, bpm=120), **{**STILL, "keyframes_on": kind})
    near = at_keys(model, film.latent).min(axis=1)

    assert near[::apart].max() < 1e-2
    assert near[apart // 2 :: apart].min() > 1


def test_keyframe_every_counts_beats():
    model = Model()
    film = model.film(song(16, bpm=120), **{**STILL, "keyframes_on": "beats"}, keyframe_every=4)
    near = at_keys(model, film.latent).min(axis=1)

    assert near[::60].max() < 1e-2
    assert near[15::60].min() > 1


def test_a_song_without_beats_goes_by_the_clock():
    by_beats = Model().film(song(10), **{**STILL, "keyframes_on": "beats"})
    by_clock = Model().film(song(10), **WALK)

    assert (by_beats.latent == by_clock.latent).all()


def abac(seconds: float = 40.0) -> list[Section]:
    quarter = seconds / 4
    return [Section(i * quarter, (i + 1) * quarter, "ABAC"[i], 0.5) for i in range(4)]


@pytest.mark.parametrize("spherical", [True, False])
def test_a_returning_section_returns_to_its_place(spherical: bool):
    film = Model(spherical=spherical).film(song(40, sections=abac()), **STILL)
    first, other, again = (film.latent[i * 300 : i * 300 + 180] for i in range(3))

    assert again == pytest.approx(first, abs=1e-4)
    assert np.linalg.norm(other - first, axis=-1).min() > 1


def test_sections_join_without_a_jump():
    speed = steps(Model().film(song(40, sections=abac()), **STILL))

    assert speed.max() < 12 * np.median(speed)
    assert speed[295:305].max() < 3 * np.median(speed)  # the way there was made before


def test_the_way_into_a_drop_ends_with_its_greatest_step_at_the_drop():
    drop = Drop(14.0, 20.0, 1.0)
    speed = steps(Model().film(song(40, sections=abac(), drops=[drop]), **STILL))
    way = speed[14 * 30 : 20 * 30 + 15]

    assert abs(int(way.argmax()) + 1 - 6 * 30) <= 1
    assert speed[14 * 30 : 15 * 30].max() < 0.5 * way.max()


def test_a_build_holds_its_breath_and_the_drop_lets_go():
    calm, tense = song(20), song(20, drops=[Drop(4.0, 10.0, 1.0)])
    walk = {**WALK, "drop_react": 1.0}
    plain, built = (steps(Model().film(f, **walk)) for f in (calm, tense))

    assert built[9 * 30 : 10 * 30 - 2].mean() < 0.5 * plain.mean()
    assert built[10 * 30 : 11 * 30].mean() > 1.3 * plain.mean()


def test_latents_are_the_keyframes_in_their_order():
    model = Model()
    film = model.film(song(60), latents=[12, 85, 297], **WALK)

    assert model.asked == [12, 85, 297]
    distance = at_keys(model, film.latent)
    assert distance[0].argmin() == 0
    assert distance[0, 0] < 1e-4
    assert distance.min(axis=0).max() < 0.2
    nearest = distance.argmin(axis=1)
    turns = nearest[np.flatnonzero(np.diff(nearest, prepend=-1))]
    assert turns[:6].tolist() == [0, 1, 2, 0, 1, 2]


def test_one_latent_is_one_place():
    assert steps(Model().film(song(5), latents=[3], **WALK)).max() < 1e-5


@settings(max_examples=20)
@given(seconds=st.floats(0.03, 3), fps=st.sampled_from([24, 30, 60]), loop=st.booleans())
def test_short_films_have_a_path(seconds: float, fps: int, loop: bool):
    for kind in ("seconds", "beats", "bars", "sections"):
        film = Model().film(song(seconds, fps=fps, bpm=100), keyframes_on=kind, loop=loop)
        assert np.isfinite(film.latent).all()


def test_motion_takes_the_picture_along_with_the_instrument_chosen():
    half = np.repeat([0.0, 1.0], 150).astype(np.float32)
    options = {**WALK, "motion_react": 1.0, "motion_randomness": 0.0}
    chords, drums = song(10, harmonic=half), song(10, percussive=half)

    def gain(features, **switches: bool) -> float:
        speed = steps(Model().film(features, **options, **switches))
        return float(speed[200:].mean() / speed[:100].mean())

    percussion = {"motion_percussive": True, "motion_harmonic": False}
    assert gain(chords) > 2
    assert gain(drums) == pytest.approx(1, abs=0.02)
    assert gain(drums, **percussion) > 2
    assert gain(chords, **percussion) == pytest.approx(1, abs=0.02)
    assert gain(chords, motion_harmonic=False) == pytest.approx(1, abs=0.02)


def test_motion_randomness_leaves_the_path_and_stays_near_it():
    features = song(60, harmonic=0.6)
    options = {**WALK, "motion_react": 1.0}
    model = Model(spherical=False)
    strict = model.film(features, motion_randomness=0.0, **options).latent
    free = model.film(features, motion_randomness=1.0, speed_fpm=0, **options).latent

    assert np.linalg.norm(free - free[0], axis=-1).max() > 0.5
    assert np.linalg.norm(free - free[0], axis=-1).max() < 8
    assert np.linalg.norm(strict - strict[0], axis=-1).max() > 8


def test_intensity_scales_speed_and_reactions():
    speeds = [
        np.median(steps(Model().film(song(10), intensity=name, **WALK)))
        for name in ("subtle", "normal", "club")
    ]

    assert speeds == sorted(speeds)
    assert speeds[2] > 1.5 * speeds[0]


@pytest.mark.parametrize("hours", [1, 2])
def test_a_long_mix_is_planned_in_little_time_and_memory(hours: int):
    model, features = (
        Model(dim=512, groups=3, c_dim=1000, condition="class"),
        club_song(3600 * hours),
    )
    tracemalloc.start()
    begun = time.perf_counter()
    path = model.plan(features)
    took = time.perf_counter() - begun
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    last = path.at(len(path) - 16, len(path))

    assert took < 15  # about 1 s alone on a core, tracing included
    assert peak < 100e6
    assert last.time_s[-1] == pytest.approx(3600 * hours - 1 / 30, abs=1e-3)


def test_the_hundred_thousandth_frame_is_as_exact_as_the_first():
    path = Model().plan(song(3600, bpm=120), **{**STILL, "keyframes_on": "beats"})
    early = path.at(15, 31).latent
    late = path.at(107_985, 108_000).latent

    def stride(latent: FloatArray) -> float:
        return float(np.linalg.norm(np.diff(latent[:, 0], axis=0), axis=1).max())

    assert 0.5 < stride(late) / stride(early) < 2


def test_bars_that_pass_in_silence_pass_no_keyframe():
    loudness = np.repeat([0.5, 0.0, 0.5], 240).astype(np.float32)
    features = song(24, bpm=120, loudness=loudness)
    speed = steps(Model().film(features, **{**STILL, "keyframes_on": "bars"}))

    assert speed[241:479].max() == 0
    assert speed.max() < 4 * np.median(speed[:230])


def seam(film_latent: FloatArray) -> float:
    return float(np.linalg.norm(film_latent[0] - film_latent[-1]))


def test_a_loop_closes_the_wandering_too():
    options = {**WALK, "speed_fpm": 0.0, "motion_react": 1.0, "motion_randomness": 1.0}
    film = Model(spherical=False).film(song(13, harmonic=0.7), loop=True, **options)

    assert seam(film.latent) <= 1.5 * steps(film).max()


@pytest.mark.parametrize("latents", [(), (1, 2, 3)])
def test_a_loop_from_bar_to_bar_ends_at_its_first_key(latents: tuple[int, ...]):
    options = {**STILL, "keyframes_on": "bars", "latents": latents}
    film = Model().film(song(16, bpm=120), loop=True, **options)

    assert seam(film.latent) <= 1.5 * steps(film).max()
