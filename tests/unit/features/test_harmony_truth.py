import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from known_songs import MAJOR, add, cadences, chord, hear, silence

from lucidsonic.features.arrays import Numbers
from lucidsonic.features.chunks import CHUNK, CONTEXT
from lucidsonic.features.harmony import tonnetz
from lucidsonic.features.spectrum import FINE_HOP, HOP, spectral_rows

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@pytest.mark.parametrize("drums", [False, True])
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_all_keys_are_named(mode: str, drums: bool) -> None:
    songs = [cadences(tonic, mode, drums=drums) for tonic in range(12)]
    found = [hear(song).key for song in songs]
    assert [f"{NAMES[k.tonic]} {k.mode}" for k in found] == [f"{n} {mode}" for n in NAMES]
    assert min(k.confidence for k in found) > 0.2


@pytest.mark.parametrize("cents", [-45, -20, 30, 45])
def test_a_song_out_of_tune_has_the_same_chroma(cents: float) -> None:
    song = silence(4)
    add(song, chord(60 + cents / 100, MAJOR, 4.0), 0.0, 0.1)
    top = np.argsort(hear(song).chroma[60])[-3:]
    assert set(top) == {0, 4, 7}


def test_relatives_lie_near_and_strangers_far_on_the_tone_network() -> None:
    def triad(root: int) -> Numbers:
        notes = np.zeros(12, np.float32)
        notes[[root % 12, (root + 4) % 12, (root + 7) % 12]] = 1
        return notes

    c, g, f_sharp = tonnetz(np.stack([triad(0), triad(7), triad(6)]))
    assert np.linalg.norm(c - g) < np.linalg.norm(c - f_sharp)


def test_hops_are_where_they_say() -> None:
    chunk = np.zeros(CONTEXT + CHUNK + CONTEXT, np.float32)
    chunk[CONTEXT + 100 * HOP] = 1
    power = spectral_rows(chunk)["hops"][1]
    assert int(power.argmax()) == 100
    assert HOP % FINE_HOP == 0


def test_the_mel_filters_are_those_of_librosa() -> None:
    import librosa

    from lucidsonic.features import spectrum

    mel = librosa.filters.mel(sr=22050, n_fft=1024, n_mels=96, fmin=30, norm=None)
    np.testing.assert_allclose(spectrum._mel_filters(), mel.T, atol=1e-5)


def test_a_fresh_machine_does_not_wait_for_numba(tmp_path: Path) -> None:
    """librosa's filters, stft and beat tracker compile for 15 to 40 s on first use."""
    code = (
        "import sys, numpy as np; from fractions import Fraction\n"
        "from lucidsonic.features import extract_features\n"
        "song = np.random.default_rng(0).normal(size=22050).astype(np.float32)\n"
        "extract_features([song], sample_rate=22050, duration_s=1.0, fps=Fraction(30))\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)

    assert list(tmp_path.rglob("*.nbi")) == []


def test_mel_bands_and_a_weights_are_those_of_librosa() -> None:
    import librosa

    time = np.arange(CONTEXT + CHUNK + CONTEXT) / 22050
    chunk = (0.5 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    rows = spectral_rows(chunk)["hops"][:, 500]
    reference = librosa.feature.spectral_centroid(y=chunk, sr=22050, n_fft=1024)[0, 600]
    assert rows[1] == pytest.approx(0.125, rel=0.01)
    assert rows[0] == pytest.approx(0.125, rel=0.02)  # A-weighting is 0 dB at 1 kHz
    assert rows[2] == pytest.approx(reference, rel=0.02)
