"""The large truth set: real files over tempi, rates and codecs, through the whole chain."""

from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import soundfile

from lucidsonic.audio import open_song
from lucidsonic.encoding import Options, write_film
from lucidsonic.evaluation import METRICS, FilmScores, evaluate_film
from tests.unit.evaluation.test_truth import merit
from tests.unit.evaluation.truth import Case, pictures, samples, true_lag_s

RATES = (Fraction(24), Fraction(30000, 1001), Fraction(25), Fraction(60))
TEMPI = (84.0, 97.0, 108.0, 118.0, 124.0, 133.0, 146.0, 160.0)
CODECS = ("h264 mp4", "hevc mp4", "vp9 webm", "prores mov", "h264 mkv", "gif gif")
TREATMENTS = (
    {"frames": 1},
    {"frames": -1},
    {"frames": 3},
    {"frames": -3},
    {"late_s": -0.1},
    {"noise": 10.0},
    {"smooth_s": 0.3},
)
FOLDER = Path(mkdtemp(prefix="lucidsonic-truth-"))


def cases() -> list[tuple[Case, str]]:
    """Every tempo at every rate, codecs in turn; a GIF only at the rate that it can keep."""
    found = []
    for number, (bpm, fps) in enumerate((b, f) for f in RATES for b in TEMPI):
        codec = CODECS[number % len(CODECS)]
        if codec.startswith("gif") and fps != 25:
            codec = CODECS[0]
        found.append((Case(bpm, fps, seed=number), codec))
    return found


@cache
def scored(case: Case, codec: str) -> FilmScores:
    """The case as a film, judged from the file."""
    name, suffix = codec.split()
    song = FOLDER / f"{case.bpm:g}.wav"
    if not song.exists():
        soundfile.write(song, samples(case, 44_100), 44_100)
    film = FOLDER / f"{abs(hash((case, codec)))}.{suffix}"
    write_film(
        film,
        pictures(case),
        size=(36, 64),
        fps=case.fps,
        sound=None if suffix == "gif" else open_song(song),
        options=Options.model_validate({"codec": name, "speed": "fastest"}),
    )
    scores = evaluate_film(film, audio=song if suffix == "gif" else None)
    film.unlink()
    return scores


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(RATES) * len(TEMPI)))
def test_orderings_hold_and_lag_is_recovered_in_every_case(number: int):
    case, codec = cases()[number]
    late, deaf = case.but(late_s=0.1), case.but(deaf=True)
    found = {
        "reacting": scored(case, codec).sync,
        "late": scored(late, codec).sync,
        "ignoring": scored(deaf, codec).sync,
    }
    treated = treatment(case, number)
    changed = scored(treated, codec).sync

    for name, metric in METRICS.items():
        for pair in metric.tells:
            better, worse = (found[word] for word in pair.split(" > "))
            assert better is not None
            assert worse is not None
            assert merit(better, name) > merit(worse, name), (name, pair)
    plain = found["reacting"]
    assert plain is not None
    assert changed is not None
    if treated.smooth_s:
        assert changed.dance < 0.5 * plain.dance
        treated, changed = case, plain
    for film, sync in ((case, plain), (late, found["late"]), (treated, changed)):
        assert sync is not None
        assert abs(sync.lag_ms / 1000 - true_lag_s(film)) <= 0.5 * film.frame_s, film


def treatment(case: Case, number: int) -> Case:
    """One more film of the case: another shift, grain or heavy smoothing, in turn."""
    change = dict(TREATMENTS[number % len(TREATMENTS)])
    if "frames" in change:
        change = {"late_s": change["frames"] * case.frame_s}
    return case.but(**change)


@pytest.mark.parametrize("codec", ["h264 mp4", "vp9 webm", "gif gif"])
def test_a_file_is_judged_like_its_pictures(codec: str):
    case = Case(120, Fraction(25), late_s=0.1)

    scores = scored(case, codec)

    assert scores.sync is not None
    assert abs(scores.sync.lag_ms / 1000 - true_lag_s(case)) <= 0.5 * case.frame_s
    assert scores.facts.frames == 250
    assert np.isnan(scores.facts.duration_gap_ms) == (codec == "gif gif")
