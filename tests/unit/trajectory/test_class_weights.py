"""Classes: which pitches show which pictures."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steered import Model, club_song, song

from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.types import FloatArray


def classy(c_dim: int = 20, **more: Any) -> Model:
    return Model(c_dim=c_dim, condition="class", **more)


def notes(*pitches: int, seconds: float = 2.0) -> FloatArray:
    """One pitch after another at 30 frames a second."""
    frames = int(30 * seconds)
    return np.eye(12, dtype=np.float32)[np.repeat(pitches, frames)]


def weights(chroma: FloatArray, *, model: Model | None = None, **options: Any) -> FloatArray:
    features = song(len(chroma) / 30, chroma=chroma)
    condition = (model or classy()).film(features, **options).condition
    assert condition is not None
    return condition


ALL = {"classes": list(range(12)), "class_pitch_react": 1.0, "class_smooth_seconds": 0.0}


def test_each_pitch_shows_its_class():
    shown = weights(notes(0, 4, 7), **ALL).argmax(axis=1)

    assert shown[[30, 90, 150]].tolist() == [0, 4, 7]


def test_the_first_class_goes_to_the_commonest_pitch_when_asked():
    shown = weights(notes(7, 7, 4, 7), dominant_classes_first=True, **ALL).argmax(axis=1)

    assert shown[[30, 150]].tolist() == [0, 1]


@pytest.mark.parametrize("react", [0.0, 0.5, 1.0, 2.0])
def test_pitch_react_goes_from_the_mean_to_the_pitches_heard(react: float):
    chroma = np.where(notes(0, 4) > 0, 0.6, 0.1).astype(np.float32)
    shown = weights(chroma, **{**ALL, "class_pitch_react": react})
    swing = float(shown[30, 0] - shown[90, 0])

    assert (swing > 0) == (react > 0)
    assert swing == pytest.approx(react * 0.5 / 1.7, abs=0.15)


def test_smoothing_is_as_slow_as_asked_and_not_late():
    sharp, soft = (
        weights(notes(0, 4), **{**ALL, "class_smooth_seconds": s})[:, 4] for s in (0.0, 1.0)
    )

    assert np.diff(sharp).max() > 0.9
    assert np.diff(soft).max() < 0.1
    assert abs(int((soft >= 0.5).argmax()) - 60) <= 1
    assert soft[60 - 30] < 0.05
    assert soft[60 + 30] > 0.95


def test_complexity_0_shows_one_class_and_1_the_whole_mixture():
    chroma = np.tile(np.linspace(0.1, 1, 12, dtype=np.float32), (60, 1))
    shown = [weights(chroma, **ALL, class_complexity=c)[30] for c in (0.0, 0.3, 1.0)]
    most = [float(w.max()) for w in shown]

    assert most[0] == 1
    assert most == sorted(most, reverse=True)
    assert (shown[2] > 0).sum() == 12


def test_classes_may_be_named():
    names = tuple(f"style {i}" for i in range(20))
    model = classy(class_names=names)
    shown = weights(notes(0, 1), model=model, **{**ALL, "classes": ["style 9", "3"]})

    assert shown.argmax(axis=1)[[30, 90]].tolist() == [9, 3]


def test_a_misspelt_class_is_named_with_its_neighbour():
    model = classy(class_names=("coral", "aurora"), c_dim=2)
    with pytest.raises(UnknownNameError, match="'corral'") as caught:
        weights(notes(0), model=model, classes=["corral"])
    assert "coral" in caught.value.hint


@pytest.mark.parametrize("number", [20, -1, "99"])
def test_a_class_that_is_not_there_is_refused(number: int | str):
    with pytest.raises(ConfigError, match=str(number)):
        weights(notes(0), classes=[number])


@pytest.mark.parametrize("c_dim", [1, 2, 5, 12, 13, 1000])
def test_any_number_of_classes_works(c_dim: int):
    shown = weights(club_song(8).chroma, model=classy(c_dim))

    assert shown.shape[1] == c_dim
    assert shown.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (shown.max(axis=0) > 0).sum() == min(12, c_dim)


def test_unset_classes_are_drawn_from_the_seed():
    def used(seed: int) -> set[int]:
        shown = weights(club_song(4).chroma, model=classy(500), seed=seed)
        return {int(c) for c in np.flatnonzero(shown[0])}

    assert used(1) == used(1)
    assert used(1) != used(2)
    assert len(used(1)) == 12


def test_a_song_without_pitch_shows_one_class_steadily():
    shown = weights(np.zeros((90, 12), np.float32), **ALL)

    assert (shown == np.eye(20)[0]).all()


@settings(max_examples=20)
@given(
    every=st.floats(0.1, 3),
    strength=st.floats(0, 1),
    smooth=st.floats(0, 3),
    classes=st.integers(1, 30),
)
def test_shuffled_weights_still_add_up(
    every: float, strength: float, smooth: float, classes: int
):
    shown = weights(
        club_song(6).chroma,
        model=classy(30),
        classes=list(range(classes)),
        class_shuffle_seconds=every,
        class_shuffle_strength=strength,
        class_smooth_seconds=smooth,
    )

    assert shown.min() >= 0
    assert shown.sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("shuffle", "changes"), [(1.0, [30, 60, 90]), ([0.5, 2.5], [15, 75])])
def test_shuffles_come_when_asked(shuffle: float | list[float], changes: list[int]):
    held = notes(0, seconds=4.0)
    shown = weights(
        held,
        **{**ALL, "class_pitch_react": 0.0},
        class_shuffle_seconds=shuffle,
        class_shuffle_strength=1.0,
    )
    seen = np.flatnonzero(np.abs(np.diff(shown, axis=0)).max(axis=1) > 0) + 1

    assert set(seen) <= set(changes)
    assert len(seen) >= 1


def test_shuffle_strength_0_changes_nothing_and_more_changes_more():
    chroma = np.tile(np.linspace(0.1, 1, 12, dtype=np.float32), (90, 1))

    def changed(strength: float) -> int:
        shown = weights(
            chroma, **ALL, class_shuffle_seconds=[1.5], class_shuffle_strength=strength
        )
        return int((np.abs(shown[80] - shown[10]) > 1e-6).sum())

    assert changed(0.0) == 0
    assert changed(1.0) == 12
    assert 0 < changed(0.5) < 12


def test_a_shuffle_is_as_soft_as_other_class_changes():
    chroma = np.tile(np.linspace(0.1, 1, 12, dtype=np.float32) ** 3, (180, 1))
    shown = weights(
        chroma,
        **{**ALL, "class_smooth_seconds": 1.0},
        class_shuffle_seconds=[2.0],
        class_shuffle_strength=1.0,
    )

    assert np.abs(np.diff(shown, axis=0)).max() < 0.03
    assert np.abs(shown[170] - shown[10]).max() > 0.05


def test_more_than_twelve_classes_get_their_turn_by_shuffles():
    shown = weights(
        club_song(20).chroma,
        model=classy(30),
        classes=list(range(30)),
        class_shuffle_seconds=1.0,
        class_shuffle_strength=1.0,
    )

    assert (shown.max(axis=0) > 0.01).sum() > 20
