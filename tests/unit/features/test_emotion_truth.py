from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from known_songs import RATE, Samples, hear, mood
from scipy.stats import spearmanr

from lucidsonic.errors import ConfigError
from lucidsonic.features import EmotionSettings, extract_features, read_va_csv
from lucidsonic.features.emotion import FASTEST
from lucidsonic.types import Features

BOTH = list(product([True, False], repeat=2))


@cache
def felt(major: bool, loud: bool, fast: bool) -> tuple[float, float]:
    heard = hear(mood(major=major, loud=loud, fast=fast))
    return float(heard.valence.mean()), float(heard.arousal.mean())


@pytest.mark.parametrize(("loud", "fast"), BOTH)
def test_major_is_brighter_than_minor(loud: bool, fast: bool) -> None:
    assert felt(True, loud, fast)[0] - felt(False, loud, fast)[0] >= 0.3


@pytest.mark.parametrize(("major", "fast"), BOTH)
def test_loud_is_tenser_than_quiet(major: bool, fast: bool) -> None:
    assert felt(major, True, fast)[1] > felt(major, False, fast)[1]


@pytest.mark.parametrize(("major", "loud"), BOTH)
def test_fast_is_tenser_than_slow(major: bool, loud: bool) -> None:
    assert felt(major, loud, True)[1] > felt(major, loud, False)[1]


@pytest.mark.parametrize(("bright", "tense"), BOTH)
def test_four_songs_land_in_their_quadrants(bright: bool, tense: bool) -> None:
    valence, arousal = felt(bright, tense, tense)
    assert (valence > 0, arousal > 0) == (bright, tense)


def test_a_crescendo_raises_the_arousal() -> None:
    song = mood(major=True, loud=True, fast=True)
    heard = hear(song * np.linspace(0.05, 1, len(song)))
    correlation = float(np.asarray(spearmanr(heard.arousal, np.arange(len(heard))))[0])
    assert correlation >= 0.9


def test_the_path_never_runs() -> None:
    song = np.concatenate([
        mood(major=False, loud=False, fast=False),
        mood(major=True, loud=True, fast=True),
        mood(major=False, loud=False, fast=False),
    ])  # fmt: skip
    heard = hear(song)
    for path in (heard.valence, heard.arousal):
        assert np.abs(np.diff(path)).max() * 30 <= FASTEST * 1.01
    middle = slice(28 * 30, 32 * 30)
    assert heard.valence[middle].mean() > heard.valence[:300].mean() + 0.4
    assert heard.arousal[middle].mean() > heard.arousal[:300].mean() + 0.4


def settled(song: Samples, **settings: object) -> Features:
    return extract_features(
        [song.astype(np.float32)],
        sample_rate=RATE,
        duration_s=len(song) / RATE,
        fps=Fraction(30),
        emotion=EmotionSettings(**settings),  # pyright: ignore[reportArgumentType]
    )


def test_a_quiet_master_can_be_judged_by_its_own_level() -> None:
    song = mood(major=True, loud=False, fast=True)
    ways = ("absolute", "half", "relative")
    levels = [settled(song, loudness=how).arousal.mean() for how in ways]
    assert levels[0] < levels[1] < levels[2]


def test_without_coupling_loudness_leaves_valence_alone() -> None:
    loud, quiet = (
        settled(mood(major=True, loud=loud, fast=True), coupling=0.0).valence.mean()
        for loud in (True, False)
    )
    assert loud == pytest.approx(quiet, abs=0.06)


def path_of(folder: Path, text: str) -> Path:
    path = folder / "path.csv"
    path.write_text(text)
    return path


def test_a_drawn_path_is_read_between_its_rows(tmp_path: Path) -> None:
    path = path_of(tmp_path, "time,valence,arousal\n0,-1,0\n2,1,0.5\n")
    drawn = read_va_csv(path, frames=90, fps=Fraction(30))
    assert drawn.valence[[0, 30, 60, 89]] == pytest.approx([-1, 0, 1, 1])
    assert drawn.arousal[30] == pytest.approx(0.25)
    assert drawn.valence.dtype == np.float32


def test_nine_point_ratings_are_known_by_their_numbers(tmp_path: Path) -> None:
    path = path_of(tmp_path, "arousal,time,valence,note\n5,0,1,x\n9,1,5,y\n")
    drawn = read_va_csv(path, frames=31, fps=Fraction(30))
    assert (drawn.valence[0], drawn.valence[30]) == pytest.approx((-1, 0))
    assert (drawn.arousal[0], drawn.arousal[30]) == pytest.approx((0, 1))


def test_a_declared_scale_is_obeyed(tmp_path: Path) -> None:
    path = path_of(tmp_path, "time,valence,arousal\n0,1,1\n")
    drawn = read_va_csv(path, frames=1, fps=Fraction(30), scale="1..9")
    assert drawn.valence[0] == -1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,valence\n0,1\n", "no column 'arousal'"),
        ("", "no column 'time'"),
        ("time,valence,arousal\n", "no rows"),
        ("time,valence,arousal\n0,0,0\n1,much,0\n", "row 3: valence 'much'"),
        ("time,valence,arousal\n0,0,0\n1,0\n", "row 3: arousal ''"),
        ("time,valence,arousal\n0,0,nan\n", "row 2: arousal 'nan'"),
        ("time,valence,arousal\n1,0,0\n1,0,0\n", "row 3: time 1 does not come after"),
        ("time,valence,arousal\n0,-0.5,0\n1,5,0\n", "row 3: valence 5 is outside -1 to 1"),
        ("time,valence,arousal\n0,5,5\n1,12,5\n", "row 3: valence 12 is outside 1 to 9"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_va_csv(path_of(tmp_path, text), frames=3, fps=Fraction(30))


def test_a_missing_or_binary_path_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_va_csv(tmp_path / "none.csv", frames=3, fps=Fraction(30))
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ConfigError, match="not a text file"):
        read_va_csv(tmp_path / "b.csv", frames=3, fps=Fraction(30))
