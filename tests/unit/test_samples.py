"""The sample song is what its score says."""

import json
import subprocess
import sys
import tomllib
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from lucidsonic.plan import Layer, read_plan, resolve
from tests.conftest import REPO

SAMPLES = REPO / "samples"


@pytest.fixture(scope="module")
def truth():
    return json.loads((SAMPLES / "lanterns.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def song():
    samples, sample_rate = soundfile.read(SAMPLES / "lanterns.ogg", dtype="float32")
    return samples, sample_rate


def test_the_song_is_short_small_stereo_and_clean(song, truth):
    samples, sample_rate = song
    assert (SAMPLES / "lanterns.ogg").stat().st_size <= 2_000_000
    assert (sample_rate, samples.shape[1]) == (44_100, 2)
    assert 30 <= len(samples) / sample_rate <= 40
    assert len(samples) / sample_rate == pytest.approx(truth["duration_s"], abs=1e-3)
    assert np.abs(samples).max() < 0.999
    assert np.abs(samples.mean(axis=0)).max() < 1e-3
    assert np.abs(samples[:, 0] - samples[:, 1]).std() > 0.02  # really stereo


def test_sections_cover_the_song_and_the_chorus_returns(truth):
    sections = truth["sections"]
    assert sections[0]["start_s"] == 0
    assert sections[-1]["end_s"] == pytest.approx(truth["duration_s"])
    for one, other in pairwise(sections):
        assert one["end_s"] == other["start_s"]
    labels = {section["name"]: section["label"] for section in sections}
    assert labels["drop"] == labels["return"]
    assert next(s for s in sections if s["name"] == "bridge")["key"] == "D minor"


def test_the_drop_is_louder_than_the_build_and_the_bridge_is_quiet(song, truth):
    samples, rate = song
    level = {
        s["name"]: samples[round(s["start_s"] * rate) : round(s["end_s"] * rate)].std()
        for s in truth["sections"]
    }
    assert level["intro"] < level["build"] < level["drop"]
    assert level["bridge"] < 0.5 * level["drop"]
    assert level["return"] == pytest.approx(level["drop"], rel=0.15)


def test_every_kick_of_the_score_is_heard(song, truth):
    samples, rate = song
    mono = samples.mean(axis=1)
    spectrum = np.abs(mono)
    for kick in truth["hits"]["kick"]:
        start = round(kick * rate)
        after = spectrum[start : start + rate // 50].max()
        before = spectrum[max(0, start - rate // 100) : start].max(initial=0.0)
        assert after > 0.8 * before


def test_beats_are_even_and_downbeats_are_every_fourth(truth):
    beats = np.array(truth["beats_s"])
    assert np.diff(beats) == pytest.approx(60 / truth["tempo_bpm"], abs=2e-6)
    assert truth["downbeats_s"] == truth["beats_s"][::4]


@pytest.mark.parametrize("name", ["lanterns.toml", "loop.toml"])
def test_the_plans_are_plans(name):
    plan = resolve([Layer(name, read_plan(SAMPLES / name))]).plan
    assert plan.song.path == SAMPLES / "lanterns.ogg"
    assert tomllib.loads((SAMPLES / name).read_text(encoding="utf-8"))


@pytest.mark.slow
def test_composing_again_gives_the_same_song(song, tmp_path):
    script = str(SAMPLES / "compose.py")
    subprocess.run([sys.executable, script, str(tmp_path)], check=True, capture_output=True)
    again, _ = soundfile.read(tmp_path / "lanterns.ogg", dtype="float32")
    assert np.abs(again - song[0]).max() < 1e-3
    written = (SAMPLES / "lanterns.json").read_text(encoding="utf-8")
    assert (tmp_path / "lanterns.json").read_text(encoding="utf-8") == written
