"""Four songs, four moods: their films by the model that is told what they feel."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile
from known_songs import RATE, mood

from lucidsonic import render
from lucidsonic.encoding.reading import read_film
from lucidsonic.training.landscapes.colour import estimate_va

Moods = dict[tuple[bool, bool], tuple[float, float]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Moods:
    """(bright, tense) -> valence and arousal of the film's colours, mean of its frames."""
    folder = tmp_path_factory.mktemp("moods")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUCIDSONIC_CACHE", str(folder / "cache"))
        return {
            (bright, tense): colours_of(folder, bright, tense)
            for bright, tense in product([False, True], repeat=2)
        }


def colours_of(folder: Path, bright: bool, tense: bool) -> tuple[float, float]:
    song, film = folder / f"{bright}-{tense}.wav", folder / f"{bright}-{tense}.mp4"
    soundfile.write(song, mood(major=bright, loud=tense, fast=tense, seconds=12.0), RATE)
    render(song, film, style="va_landscapes", size="64x64", fps=5, seed=3)
    frames = np.stack([picture for _, picture in read_film(film)]).astype(np.float32) / 255
    valence, arousal = estimate_va(frames).mean(axis=0)
    return float(valence), float(arousal)


@pytest.mark.parametrize("tense", [False, True])
def test_a_bright_song_has_a_brighter_film_than_a_dark_one(seen: Moods, tense: bool):
    assert seen[True, tense][0] - seen[False, tense][0] > 1


@pytest.mark.parametrize("bright", [False, True])
def test_a_tense_song_has_a_tenser_film_than_a_calm_one(seen: Moods, bright: bool):
    assert seen[bright, True][1] - seen[bright, False][1] > 1


def test_the_two_extremes_lie_on_either_side_of_the_middle(seen: Moods):
    assert seen[False, False][1] < 5 < seen[True, True][1]
