"""Whole films, judged from their files."""

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lucidsonic.encoding import probe_film
from lucidsonic.encoding.probe import starts_fast
from lucidsonic.errors import AudioError, ConfigError, EncodingError
from lucidsonic.evaluation import METRICS, evaluate, evaluate_film, judge, misses
from lucidsonic.evaluation.film import thumbnail
from lucidsonic.evaluation.pictures import Watcher

Make = Callable[..., Path]


def test_a_film_that_follows_passes_every_bar_that_is_checked(truth_film: Make):
    scores = evaluate_film(truth_film())

    assert misses(scores) == ()
    assert scores.sync is not None
    assert scores.sync.beat_hit_f > 0.9
    assert scores.sync.dance > 0.7


def test_a_late_film_misses_the_lag(truth_film: Make):
    late = truth_film("late.mp4", late_s=0.12)

    assert "lag_ms" in {row.name for row in misses(evaluate_film(late))}


def test_a_film_without_sound_is_judged_against_the_song(truth_film: Make, truth_song: Path):
    silent = truth_film("silent.mp4", silent=True)

    alone, beside = evaluate_film(silent), evaluate_film(silent, audio=truth_song)

    assert alone.sync is None
    assert alone.matrix is None
    assert beside.sync is not None
    assert beside.sync.dance > 0.7


def test_the_own_sound_is_found_late_against_the_song(
    truth_film: Make, truth_song: Path, tmp_path: Path
):
    samples, rate = soundfile.read(truth_song)
    early = tmp_path / "early.wav"
    soundfile.write(early, samples[round(0.15 * rate) :], rate)

    facts = evaluate_film(truth_film(), audio=early).facts

    assert facts.offset_ms == pytest.approx(150, abs=6)
    assert evaluate_film(truth_film(), audio=truth_song).facts.offset_ms == pytest.approx(
        0, abs=6
    )


def test_the_stream_facts_are_those_of_the_file(truth_film: Make):
    facts = evaluate_film(truth_film()).facts

    assert (facts.frames, facts.fps, facts.width, facts.height) == (250, "25", 64, 36)
    assert facts.codec == "h264"
    assert facts.colour == "bt709/bt709/bt709"
    assert facts.even_rate
    assert facts.fast_start
    assert facts.plays_anywhere
    assert abs(facts.duration_gap_ms) <= 45
    assert facts.bit_rate > 1000


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_film_cut_off_in_the_size_of_a_box_can_still_be_looked_at(cut: int, tmp_path: Path):
    film = tmp_path / "cut.mp4"
    film.write_bytes(
        box(b"ftyp", 8) + box(b"moov", 4) + struct.pack(">I4sQ", 1, b"mdat", 99)[:cut]
    )

    assert starts_fast(film)


@pytest.mark.parametrize("large", [False, True])
def test_an_index_behind_the_pictures_is_no_fast_start(large: bool, tmp_path: Path):
    film = tmp_path / "late.mp4"
    pictures = struct.pack(">I4sQ", 1, b"mdat", 16) if large else box(b"mdat", 20)
    film.write_bytes(box(b"ftyp", 8) + pictures + box(b"moov", 4))

    assert not starts_fast(film)


def box(name: bytes, content_bytes: int) -> bytes:
    return struct.pack(">I4s", 8 + content_bytes, name) + bytes(content_bytes)


@pytest.mark.parametrize("keep", [0.5, 1.0])
def test_a_film_that_was_cut_short_misses_what_it_announces(
    truth_film: Make, tmp_path: Path, keep: float
):
    data, short = truth_film().read_bytes(), tmp_path / "short.mp4"
    short.write_bytes(data[: int(keep * len(data))])

    scores = evaluate_film(short)

    missed = "missing_s" in [row.name for row in misses(scores)]
    assert missed == (keep < 1)
    assert (scores.facts.missing_s > 2) == (keep < 1)


def test_every_metric_finds_its_figure_and_every_bar_is_written(truth_film: Make):
    rows = judge(evaluate_film(truth_film()))

    assert [row.name for row in rows] == list(METRICS)
    for row in rows:
        assert bool(row.bar) == (row.metric.low is not None or row.metric.high is not None)
        assert row.metric.formula
        assert row.metric.source


def test_the_matrix_shows_that_the_kick_moves_the_picture_and_not_its_light(truth_film: Make):
    matrix = evaluate_film(truth_film()).matrix

    assert matrix is not None
    kick = dict(zip(matrix.seen, matrix.values[matrix.heard.index("onset_low")], strict=True))
    chance = dict(
        zip(matrix.seen, matrix.controls[matrix.heard.index("onset_low")], strict=True)
    )
    assert kick["change"] > chance["change"] + 0.2
    assert kick["change"] > abs(kick["luminance"])


def test_memory_does_not_grow_with_the_film():
    watcher = Watcher()
    chance = np.random.default_rng(0)
    pictures = chance.integers(0, 255, (4, 18, 32, 3), dtype=np.uint8)
    for number in range(100):
        watcher.take(number / 30, pictures[number % 4])
    tracemalloc.start()
    for number in range(100, 400):
        watcher.take(number / 30, pictures[number % 4])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 300_000  # 300 pictures as floats would be 2 MB


def test_pictures_are_looked_at_small_whatever_their_shape():
    assert thumbnail((1080, 1920), 96) == (54, 96)
    assert thumbnail((1920, 1080), 96) == (96, 54)
    assert thumbnail((40, 64), 96) == (40, 64)


def test_progress_counts_every_picture(truth_film: Make):
    told = []
    evaluate_film(truth_film(), on_progress=told.append)

    last = [p for p in told if p.stage == "watch"][-1]
    assert (last.done, last.total) == (250, 250)


def test_what_cannot_be_judged_says_why(truth_film: Make, truth_song: Path, tmp_path: Path):
    with pytest.raises(EncodingError, match="no film"):
        evaluate_film(tmp_path / "none.mp4")
    for name, content in (("empty.mp4", b""), ("text.mp4", b"hello" * 99)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(EncodingError, match="is no film: no pictures") as raised:
            evaluate_film(tmp_path / name)
        assert raised.value.hint
    with pytest.raises(EncodingError, match="is no film: no pictures"):
        evaluate_film(truth_song)
    with pytest.raises(AudioError):
        evaluate_film(truth_film(), audio=tmp_path / "none.wav")
    with pytest.raises(ConfigError, match="too little"):
        evaluate_film(truth_film(), scale=8)


def test_an_excerpt_keeps_its_pictures_for_the_report(truth_film: Make):
    judged = evaluate(truth_film())

    assert len(judged.rows.strip) == 16
    assert len(judged.rows) == probe_film(truth_film()).frames
