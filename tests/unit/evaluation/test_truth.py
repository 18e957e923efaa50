"""Films whose truth is known, judged; the large set with codecs is in `test_truth_films`."""

from dataclasses import astuple
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from lucidsonic.evaluation.metrics import METRICS, ORDER
from lucidsonic.evaluation.sound import GRID_HZ, RATE, latencies_s, onset_strength, onset_times
from lucidsonic.evaluation.sync import Judged, SyncScores, judge_sync
from tests.unit.evaluation.truth import SECONDS, Case, rows_of, sound_of, true_lag_s

CASES = (Case(97, Fraction(24)), Case(124, Fraction(30000, 1001)), Case(150, Fraction(25)))
SHIFTS = {"one frame late": 1, "three frames early": -3}
JUDGING = [name for name, metric in METRICS.items() if metric.group == "sync"]


@cache
def judged(case: Case) -> Judged:
    return judge_sync(rows_of(case), sound_of(case.but(late_s=0.0, deaf=False)))


def merit(scores: SyncScores, name: str) -> float:
    """Larger is better; of a lag its size counts."""
    value = getattr(scores, name)
    return -abs(value) if name.endswith("lag_ms") else value


def films(case: Case) -> dict[str, SyncScores]:
    late, deaf = case.but(late_s=0.1), case.but(deaf=True)
    return {
        "reacting": judged(case).scores,
        "late": judged(late).scores,
        "ignoring": judged(deaf).scores,
    }


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("frames", [0, *SHIFTS.values()])
def test_lag_is_recovered_to_half_a_frame(case: Case, frames: int):
    shifted = case.but(late_s=frames * case.frame_s)

    scores = judged(shifted).scores

    for lag_ms in (scores.lag_ms, scores.sparse_lag_ms, scores.flow_lag_ms):
        assert abs(lag_ms / 1000 - true_lag_s(shifted)) <= 0.5 * case.frame_s


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_film_that_is_a_tenth_of_a_second_late_is_measured_so(case: Case):
    late = case.but(late_s=0.1)

    assert abs(judged(late).scores.lag_ms / 1000 - true_lag_s(late)) <= 0.5 * case.frame_s


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", JUDGING)
def test_a_figure_orders_the_films_that_it_claims_to_tell_apart(case: Case, name: str):
    found = films(case)

    for pair in METRICS[name].tells:
        better, worse = pair.split(" > ")
        assert merit(found[better], name) > merit(found[worse], name), pair


def test_one_figure_claims_to_order_all_three_and_the_rest_say_what_they_cannot():
    assert METRICS["dance"].tells == ORDER
    assert all(METRICS[name].tells for name in JUDGING)
    assert "late > ignoring" not in METRICS["av_align"].tells


def test_a_film_smoothed_heavily_follows_less_and_one_with_grain_still_follows():
    case = CASES[0]
    plain, grainy, smooth = (
        judged(c).scores for c in (case, case.but(noise=12.0), case.but(smooth_s=0.3))
    )

    assert smooth.dance < 0.3 * plain.dance
    assert smooth.beat_f < grainy.beat_f
    assert grainy.peak_corr > 0.6
    assert grainy.beat_f > 0.9


def test_the_control_of_a_film_that_follows_is_near_chance():
    control = judged(CASES[1]).control

    assert abs(control.corr_zero) < 0.15
    assert control.beat_f < 0.4
    assert control.dance < 0.1
    assert abs(control.beat_f_excess) < 1e-9


def test_a_song_that_goes_on_after_the_film_is_judged_as_far_as_the_film_goes():
    case, times = CASES[1], 3
    own = sound_of(case)
    onset = np.tile(own.onset, times)
    beats_s = np.concatenate([own.beats_s + SECONDS * n for n in range(times)])
    longer = type(own)(onset, onset_times(onset), beats_s, SECONDS * times)

    found = judge_sync(rows_of(case), longer)

    for one, other in (
        (found.scores, judged(case).scores),
        (found.control, judged(case).control),
    ):
        assert astuple(one) == pytest.approx(astuple(other), abs=0.02, rel=0.02, nan_ok=True)


def test_the_same_film_gets_the_same_figures():
    rows, sound = rows_of(CASES[0]), sound_of(CASES[0])

    assert judge_sync(rows, sound) == judge_sync(rows, sound)


def test_a_click_stands_in_the_curve_where_it_is_heard():
    times = (0.5, 1.237, 1.9)
    samples = np.zeros(3 * RATE, np.float32)
    for at in times:
        start = round(at * RATE)
        samples[start : start + 44] = 0.3 * np.hanning(44)

    found = onset_times(onset_strength([samples], 3.0))

    assert len(found) == 3
    assert np.abs(found - times).max() <= 1.5 / GRID_HZ
    assert max(map(abs, latencies_s())) < 0.02


def test_the_onset_curve_does_not_depend_on_how_the_sound_is_cut():
    samples = np.random.default_rng(0).standard_normal(23 * RATE).astype(np.float32) * 0.1
    samples[::11_000] = 1.0
    blocks = np.split(samples, [1, 7_000, 240_000, 400_001])

    whole, cut = onset_strength([samples], 23.0), onset_strength(blocks, 23.0)

    assert np.array_equal(whole, cut)


def test_silence_has_no_onsets_and_judges_nothing_to_dance():
    case = CASES[0]
    onset = onset_strength([np.zeros(10 * RATE, np.float32)], 10.0)
    sound = sound_of(case)
    silent = type(sound)(onset, onset_times(onset), np.zeros(0), 10.0)

    scores = judge_sync(rows_of(case), silent).scores

    assert onset.max() == 0
    assert np.isnan(scores.lag_ms)
    assert np.isnan(scores.beat_f)
    assert scores.dance == 0
