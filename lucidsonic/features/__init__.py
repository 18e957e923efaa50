"""Audio -> Features: what the music does, at the film's exact rate."""

from collections.abc import Mapping

from lucidsonic.features.emotion import Emotion, EmotionSettings
from lucidsonic.features.extract import extract_features
from lucidsonic.features.va_csv import read_va_csv

__all__ = ["CURVES", "Emotion", "EmotionSettings", "extract_features", "read_va_csv"]

# Every curve of `Features.curves`, float32 (frames,) in [0, 1].
CURVES: Mapping[str, str] = {
    "loudness": "how loud it is to the ear (A-weighted); half of it sounds half as loud",
    "onset": "attacks of any kind, as spikes",
    "onset_low": "kicks, 30 to 140 Hz, as spikes",
    "onset_mid": "snares and claps, 2 to 6.5 kHz, as spikes",
    "onset_high": "hats and cymbals, above 7 kHz, as spikes",
    "flux": "how fast the spectrum changes",
    "centroid": "how high the sound lies, dark to bright, on a log scale from 200 Hz to 6 kHz",
    "flatness": "how noisy it is: 0 a tone, 1 white noise",
    "brightness": "share of the power above 2 kHz",
    "harmonic": "the held part of the sound: chords, voice, pads",
    "percussive": "the struck part of the sound: drums",
    "energy_low": "bass, 30 to 250 Hz",
    "energy_mid": "middle, 250 Hz to 4 kHz",
    "energy_high": "treble, above 4 kHz",
    "beat_phase": "0 on each beat, rising towards 1 at the next",
    "bar_phase": "0 on each bar's first beat, rising towards 1 at the next bar's",
    "pulse": "an impulse on every beat, with decay",
    "build": "rises towards a drop, 1 at the drop",
    "novelty": "how much the song changes around here; peaks at section boundaries",
}
