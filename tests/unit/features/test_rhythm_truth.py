from fractions import Fraction

import numpy as np
import pytest
from known_songs import MAJOR, RATE, add, chord, click, drum_loop, hear, note, silence, snare

from lucidsonic.types import FloatArray


def furthest_ms(found: FloatArray, wanted: FloatArray) -> float:
    """How far the worst wanted event is from the nearest found one."""
    return 1e3 * max(float(np.abs(found - time).min()) for time in wanted)


@pytest.mark.parametrize("bpm", [70, 84, 100, 120, 128, 140, 174])
@pytest.mark.parametrize("four", [True, False])
def test_a_drum_loop_has_its_tempo_and_its_beats(bpm: float, four: bool) -> None:
    beats = 0.37 + 60 / bpm * np.arange(40)
    heard = hear(drum_loop(beats, four=four))
    assert heard.tempo_bpm == pytest.approx(bpm, rel=0.001)
    assert len(heard.beats_s) == len(beats)
    assert furthest_ms(heard.beats_s, beats) < 3


def test_a_click_gives_an_event_within_three_milliseconds() -> None:
    times = 0.5 + 0.4987 * np.arange(30)
    song = silence(16)
    for time in times:
        add(song, click(), time)
    heard = hear(song)
    assert furthest_ms(heard.beats_s, times) < 3
    assert furthest_ms(heard.onsets["snare"].times_s, times) < 3


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30), Fraction(60)])
def test_the_onset_curve_peaks_in_the_hits_own_frame(fps: Fraction) -> None:
    times = np.cumsum(np.random.default_rng(2).uniform(0.3, 0.9, 25))
    song = silence(times[-1] + 1)
    for time in times:
        add(song, click(), time)
    onset = hear(song, fps=fps).curves["onset"]
    for time in times:
        frame = round(time * float(fps))
        assert onset[frame - 1 : frame + 2].max() > 0.5
    shown = np.flatnonzero(onset > 0.5)
    away = [min(abs(i / float(fps) - t) for t in times) for i in shown]
    assert max(away) <= 0.5 / float(fps) + 0.02
    assert np.mean(away) <= max(0.5 / float(fps), 0.013)


def test_every_hit_is_heard_in_its_own_band() -> None:
    beats = 0.2 + 0.5 * np.arange(32)
    heard = hear(drum_loop(beats))
    assert len(heard.onsets["kick"].times_s) == 16
    assert furthest_ms(heard.onsets["kick"].times_s, beats[::2]) < 5
    assert furthest_ms(heard.onsets["snare"].times_s, beats[1::2]) < 5
    offbeats = beats[:-1] + 0.25
    assert furthest_ms(heard.onsets["hat"].times_s, offbeats) < 5


def test_an_off_beat_bass_does_not_move_the_beat() -> None:
    beats = 0.1 + 0.5 * np.arange(48)
    song = drum_loop(beats, four=True)
    for beat in beats:
        add(song, note(33, 0.22), beat + 0.25, 0.5)
    heard = hear(song)
    assert heard.tempo_bpm == pytest.approx(120, rel=0.001)
    assert furthest_ms(heard.beats_s, beats) < 10


def test_a_tempo_ramp_is_followed() -> None:
    steps = 60 / np.linspace(100, 135, 100)
    beats = 0.2 + np.concatenate([[0], np.cumsum(steps)])
    heard = hear(drum_loop(beats, four=True))
    near = np.array([np.abs(heard.beats_s - beat).min() for beat in beats])
    assert np.mean(near < 0.01) > 0.95
    assert abs(len(heard.beats_s) - len(beats)) <= 2


def test_a_quiet_middle_keeps_its_beats() -> None:
    beats = 0.2 + 0.5 * np.arange(80)
    song = drum_loop(beats, four=True)
    song[12 * RATE : 28 * RATE] *= 0.15
    assert furthest_ms(hear(song).beats_s, beats) < 10


@pytest.mark.parametrize("pickup", [0, 1, 2, 3])
def test_bars_start_where_the_chords_change(pickup: int) -> None:
    beats = 0.2 + 0.5 * np.arange(64)
    song = drum_loop(beats, four=True)
    for bar, at in enumerate(beats[pickup::4]):
        root = 55 + (0, 5, 7, 3)[bar % 4]
        add(song, chord(root, MAJOR, 2.0), at, 0.08)
    downbeats = hear(song).downbeats_s
    assert furthest_ms(downbeats[:10], beats[pickup::4]) < 1e5
    np.testing.assert_allclose(downbeats[:10], beats[pickup::4][:10], atol=0.005)


def test_phases_count_through_beat_and_bar() -> None:
    beats = 0.5 + 0.5 * np.arange(32)
    heard = hear(drum_loop(beats, four=True))
    for time in (4.0, 7.5, 10.0):
        frame = round(time * 30)
        assert (heard.curves["beat_phase"][frame] + 0.05) % 1 < 0.1
        assert heard.curves["beat_phase"][frame + 7] == pytest.approx(0.467, abs=0.03)
    bar = heard.curves["bar_phase"]
    first = round(float(heard.downbeats_s[2]) * 30)
    assert (bar[first] + 0.02) % 1 < 0.05
    assert bar[first + 30] == pytest.approx(0.5, abs=0.02)


def test_the_pulse_never_starts_before_its_beat() -> None:
    beats = 0.5 + 0.7 * np.arange(20)
    song = silence(15)
    for number, beat in enumerate(beats):
        add(song, snare(number), beat, 0.8)
    heard = hear(song, fps=Fraction(60))
    rises = np.flatnonzero(np.diff(heard.curves["pulse"]) > 0.1) + 1
    assert max(float(np.abs(heard.beats_s - i / 60).min()) for i in rises) <= 0.5 / 60 + 1e-6
