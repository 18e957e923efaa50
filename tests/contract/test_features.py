"""What every curve promises, whatever the song."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from lucidsonic.features import CURVES, extract_features
from lucidsonic.timebase import seconds_to_frames
from lucidsonic.types import Features

RATE = 22050
Samples = npt.NDArray[np.float64]


def hear(samples: Samples, *, rate: int = RATE, fps: Fraction = Fraction(30)) -> Features:
    blocks = [samples.astype(np.float32)]
    return extract_features(blocks, sample_rate=rate, duration_s=len(samples) / rate, fps=fps)


def noise(seconds: float, level: float) -> Samples:
    return level * np.random.default_rng(0).normal(size=round(seconds * RATE))


def sine(hertz: float = 440.0, seconds: float = 4.0, rate: int = RATE) -> Samples:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def one_click() -> Samples:
    song = np.zeros(5 * RATE)
    song[2 * RATE] = 0.9
    return song


def holes() -> Samples:
    song = sine()
    song[1000:3000] = np.nan
    song[50_000] = np.inf
    return song


def beats() -> Samples:
    song = np.zeros(10 * RATE)
    for k in range(20):
        song[k * RATE // 2 : k * RATE // 2 + 2000] += sine(80, 1)[:2000] * np.linspace(
            1, 0, 2000
        )
    return song


SONGS: dict[str, Callable[[], Samples]] = {
    "silence": lambda: np.zeros(3 * RATE),
    "one click": one_click,
    "sine": sine,
    "noise": lambda: noise(4, 0.1),
    "drums": beats,
    "NaN and infinity": holes,
    "constant offset": lambda: np.full(2 * RATE, 0.5),
    "clipped": lambda: np.clip(100 * sine(), -1, 1),
    "0.2 seconds": lambda: noise(0.2, 0.2),
    "one sample": lambda: np.array([0.5]),
    "nothing at all": lambda: np.zeros(1),
    "far too loud": lambda: 1e30 * sine(),
}


@pytest.mark.parametrize("song", SONGS)
def test_every_curve_keeps_its_promise(song: str) -> None:
    heard = hear(SONGS[song]())
    frames = seconds_to_frames(len(SONGS[song]()) / RATE, Fraction(30))
    assert set(heard.curves) == set(CURVES)
    wide = {"chroma": (heard.chroma, 12, 0.0), "tonnetz": (heard.tonnetz, 6, -1.0)}
    flat = {name: (curve, 0.0) for name, curve in heard.curves.items()}
    flat |= {"valence": (heard.valence, -1.0), "arousal": (heard.arousal, -1.0)}
    shapes = {
        **{name: (c, (frames,), low) for name, (c, low) in flat.items()},
        **{name: (c, (frames, width), low) for name, (c, width, low) in wide.items()},
    }
    for name, (curve, shape, low) in shapes.items():
        assert curve.shape == shape, name
        assert curve.dtype == np.float32, name
        assert np.isfinite(curve).all(), name
        assert curve.min() >= low, name
        assert curve.max() <= 1, name
    for name in ("beat_phase", "bar_phase"):
        assert heard.curves[name].max() < 1, name


@pytest.mark.parametrize("song", SONGS)
def test_events_are_in_order_and_inside_the_film(song: str) -> None:
    samples = SONGS[song]()
    heard = hear(samples)
    length = len(samples) / RATE
    hits = [h.times_s for h in heard.onsets.values()]
    for times in (heard.beats_s, heard.downbeats_s, *hits):
        assert (np.diff(times) >= 0).all()
        assert ((times >= 0) & (times <= length)).all()
    for band in heard.onsets.values():
        assert ((band.strength > 0) & (band.strength <= 1)).all()
        assert len(band.strength) == len(band.times_s)
    starts = [s.start_s for s in heard.sections]
    assert [s.end_s for s in heard.sections[:-1]] == starts[1:]
    assert (starts[0], heard.sections[-1].end_s) == (0, length)
    assert all(0 <= s.energy <= 1 for s in heard.sections)


def test_silence_is_zero_everywhere() -> None:
    heard = hear(np.zeros(20 * RATE))
    named = {**heard.curves, "chroma": heard.chroma, "tonnetz": heard.tonnetz}
    named |= {"valence": heard.valence, "arousal": heard.arousal}
    assert [name for name, curve in named.items() if curve.any()] == []
    assert heard.tempo_bpm == 0
    assert len(heard.beats_s) == 0
    assert len(heard.sections) == 1
    assert heard.drops == ()
    assert heard.key.confidence == 0


def test_a_nearly_silent_file_stays_nearly_still() -> None:
    heard = hear(noise(10, 1e-4))  # -80 dBFS: a recorder's own hiss
    loudest = {name: float(curve.max()) for name, curve in heard.curves.items()}
    assert {name: top for name, top in loudest.items() if top > 0.1} == {}
    assert heard.tempo_bpm == 0


def test_steady_noise_has_no_beat() -> None:
    assert hear(noise(20, 0.1)).tempo_bpm == 0


def test_a_held_tone_moves_nothing_after_its_attack() -> None:
    heard = hear(sine(440, 8))
    for name in (
        "onset",
        "onset_low",
        "onset_mid",
        "onset_high",
        "flux",
        "pulse",
        "percussive",
    ):
        assert heard.curves[name][15:-15].max() < 0.05, name
    assert heard.curves["loudness"][15:-15].std() < 0.01


def test_one_click_is_one_spike() -> None:
    onset = hear(one_click()).curves["onset"]
    assert int(onset.argmax()) in (59, 60, 61)
    assert np.count_nonzero(onset > 0.1) <= 3


@pytest.mark.parametrize(
    "fps", [Fraction(24000, 1001), Fraction(30), Fraction(60), Fraction(120)]
)
def test_curves_have_the_films_exact_length(fps: Fraction) -> None:
    heard = hear(sine(seconds=5.01), fps=fps)
    assert len(heard) == seconds_to_frames(5.01, fps)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000, 192_000])
def test_any_rate_hears_the_same_song(rate: int) -> None:
    heard = hear(sine(440, 4, rate), rate=rate)
    reference = hear(sine(440, 4))
    for name in ("loudness", "centroid", "energy_mid"):
        difference = np.abs(heard.curves[name] - reference.curves[name])[6:-6]
        assert difference.max() < 0.02, name
    assert int(heard.chroma[60].argmax()) == 9


@pytest.mark.parametrize("cut", [1000, 22050, 100_001])
def test_the_features_do_not_depend_on_the_blocks(cut: int) -> None:
    song = beats() + noise(10, 0.01)
    samples = np.tile(song, 5).astype(np.float32)
    blocks = [samples[i : i + cut] for i in range(0, len(samples), cut)]
    length = len(samples) / RATE
    pieces = extract_features(blocks, sample_rate=RATE, duration_s=length, fps=Fraction(30))
    whole = extract_features([samples], sample_rate=RATE, duration_s=length, fps=Fraction(30))
    for name, curve in whole.curves.items():
        np.testing.assert_array_equal(pieces.curves[name], curve, err_msg=name)
    np.testing.assert_array_equal(pieces.beats_s, whole.beats_s)
    np.testing.assert_array_equal(pieces.chroma, whole.chroma)
    assert pieces.sections == whole.sections
