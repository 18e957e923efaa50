import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from known_songs import (
    FORM,
    MAJOR,
    MINOR,
    RATE,
    add,
    chord,
    dance_song,
    drum_loop,
    hear,
    silence,
)

from lucidsonic import analyze
from lucidsonic.types import Features

BAR_S = 2.0


@cache
def dance() -> Features:
    return hear(dance_song())


def test_a_dance_songs_sections_are_found_and_snap_to_bars() -> None:
    heard = dance()
    edges = BAR_S * np.cumsum([0, *(bars for _, bars in FORM)])
    found = [s.start_s for s in heard.sections]
    assert len(found) == len(FORM)
    # The verse ends on the chord that the build holds: a bar early is right, too.
    np.testing.assert_allclose(found, edges[:-1], atol=2.1)
    assert sum(abs(f - e) < 0.05 for f, e in zip(found, edges, strict=False)) >= 5


def test_the_second_chorus_is_known_to_be_the_first() -> None:
    labels = [s.label for s in dance().sections]
    assert labels[3] == labels[6]
    assert labels[2] == labels[5]
    assert len(set(labels)) == 5


def test_both_drops_are_found_on_the_beat_with_their_builds() -> None:
    drops = dance().drops
    assert [d.time_s for d in drops] == pytest.approx([48.0, 96.0], abs=0.02)
    assert [d.build_start_s for d in drops] == pytest.approx([32.0, 80.0], abs=4)


def test_the_build_rises_to_its_drop_and_lets_go() -> None:
    build = dance().curves["build"]
    drop = round(48.0 * 30)
    rising = build[34 * 30 : drop]
    assert (np.diff(rising) >= 0).all()
    assert build[drop - 1 : drop + 1].max() > 0.9
    assert build[drop + 45] == 0
    assert build[: 20 * 30].max() == 0


def test_a_loud_chorus_has_more_energy_than_the_bridge() -> None:
    energy = {name: s.energy for (name, _), s in zip(FORM, dance().sections, strict=True)}
    assert energy["chorus"] > energy["verse"] > energy["bridge"]


def test_sections_with_the_same_instruments_are_told_apart_by_their_chords() -> None:
    parts = {
        "A": [(0, MAJOR), (5, MAJOR)],
        "B": [(9, MINOR), (4, MINOR)],
        "C": [(3, MAJOR), (8, MAJOR)],
    }
    form = "ABAC"
    song = drum_loop(0.5 * np.arange(192), four=True, seconds=96)
    for part, name in enumerate(form):
        for bar in range(12):
            root, kind = parts[name][bar % 2]
            add(song, chord(55 + root, kind, 2.0), part * 24 + bar * 2.0, 0.1)
    sections = hear(song).sections
    assert "".join(s.label for s in sections) == form
    assert [s.start_s for s in sections] == pytest.approx([0, 24, 48, 72], abs=1.0)


def test_one_loop_is_one_section() -> None:
    song = drum_loop(0.5 * np.arange(120), four=True)
    assert [s.label for s in hear(song).sections] == ["A"]


def test_a_drum_entry_without_a_build_is_no_drop() -> None:
    song = silence(40)
    song[: 20 * RATE] += chord(60, MAJOR, 20.0) * 0.05
    late = drum_loop(20 + 0.5 * np.arange(38), four=True, seconds=40)
    assert hear(song + late).drops == ()


def test_the_sample_songs_drop_is_found_after_its_build() -> None:
    song = Path(__file__).parents[3] / "samples" / "lanterns"
    truth = json.loads(song.with_suffix(".json").read_text())["drops"][0]
    drops = analyze(song.with_suffix(".ogg")).drops
    assert drops[0].time_s == pytest.approx(truth["time_s"], abs=0.05)
    assert drops[0].build_start_s == pytest.approx(truth["build_start_s"], abs=0.5)
