"""Heard -> tuning, chroma, tonnetz and key."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lucidsonic.features.arrays import Numbers
from lucidsonic.features.curves import smooth
from lucidsonic.features.heard import Heard
from lucidsonic.features.pitch import PITCH_RATE, STEPS
from lucidsonic.types import Key

# Key profiles. Temperley (Kostka-Payne corpus) expects the raised seventh of minor, Albrecht &
# Shanahan (2013) the natural one; a key is named by both. The latter alone weighs major against
# minor, because it leans to neither.
TEMPERLEY_MAJOR = np.array([748, 60, 488, 82, 670, 460, 96, 715, 104, 366, 57, 400]) / 1000
TEMPERLEY_MINOR = np.array([712, 84, 474, 618, 49, 460, 105, 747, 404, 67, 133, 330]) / 1000
ALBRECHT_MAJOR = np.array([238, 6, 111, 6, 137, 94, 16, 214, 9, 80, 8, 81]) / 1000
ALBRECHT_MINOR = np.array([220, 6, 104, 123, 19, 103, 12, 214, 62, 22, 61, 52]) / 1000
PROFILES = ((TEMPERLEY_MAJOR, TEMPERLEY_MINOR), (ALBRECHT_MAJOR, ALBRECHT_MINOR))
AUDIBLE = 1e-3  # amplitude; notes under -60 dBFS are none
TONE_NETWORK = ((7 / 6, 1.0), (3 / 2, 1.0), (2 / 3, 0.5))  # Harte, Sandler & Gasser 2006, eq. 1


@dataclass(frozen=True, slots=True, eq=False)
class Harmony:
    """What the notes do.

    Attributes:
        chroma: `(rows, 12)` at PITCH_RATE, square roots of amplitudes, not normalised.
        tuning_cents: how far the song is from 440 Hz, in [-50, 50).
        key: the song's key.
    """

    chroma: Numbers
    tuning_cents: float
    key: Key


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """How a chroma correlates with the keys.

    Attributes:
        major: `(rows, 12)`, Pearson r with each major key.
        minor: `(rows, 12)`, with each minor key.
    """

    major: Numbers
    minor: Numbers


def find_harmony(heard: Heard) -> Harmony:
    """Tuning, chroma and key of a song; silence gives zeros and a key of no confidence."""
    tuning = _tuning_steps(heard.pitch)
    chroma = np.sqrt(_fold(heard.pitch, tuning))
    chroma[heard.pitch.sum(axis=0) < AUDIBLE] = 0
    return Harmony(chroma, tuning * 1200 / STEPS, _key(chroma))


def _tuning_steps(pitch: Numbers) -> float:
    """Where between the semitones the sound lies, in steps of a third of one, [-1.5, 1.5)."""
    thirds = pitch.sum(axis=1).reshape(12, 3).sum(axis=0)
    turn = np.exp(2j * np.pi * (np.arange(3) - 1) / 3)
    return float(np.angle(thirds @ turn) * 3 / (2 * np.pi)) if thirds.any() else 0.0


def _fold(pitch: Numbers, tuning: float) -> Numbers:
    """`(rows, 12)`: each pitch class collects the steps within half a semitone of its place."""
    centre = 1 + 3 * np.arange(12) + tuning
    away = (np.arange(STEPS) - centre[:, None] + STEPS / 2) % STEPS - STEPS / 2
    weights = np.clip(2 - np.abs(away), 0, 1)
    return np.ascontiguousarray((weights @ pitch).T.astype(np.float32))


def correlate_keys(chroma: Numbers, *, major: Numbers, minor: Numbers) -> Mode:
    """Pearson correlation of each chroma row with the profile of each key.

    Args:
        chroma: `(rows, 12)`.
        major: profile of C major.
        minor: profile of C minor.
    """
    rows = _unit(chroma)
    return Mode(
        *(rows @ np.stack([np.roll(_unit(p), k) for k in range(12)]).T for p in (major, minor))
    )


def _unit(rows: Numbers) -> Numbers:
    centred = rows - rows.mean(axis=-1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-9)


def _key(chroma: Numbers) -> Key:
    total = chroma.sum(axis=0)[None]
    if not total.any():
        return Key(0, "major", 0.0)
    fits = [correlate_keys(total, major=major, minor=minor) for major, minor in PROFILES]
    both = np.stack([np.concatenate([fit.major[0], fit.minor[0]]) for fit in fits]).mean(axis=0)
    best = int(both.argmax())
    mode: Literal["major", "minor"] = "major" if best < 12 else "minor"
    ahead = both[best] - np.sort(both)[-2]
    clear = np.clip((both[best] - 0.45) / 0.4, 0, 1) * np.clip(0.5 + ahead / 0.2, 0, 1)
    return Key(best % 12, mode, float(clear))


def chroma_at_frames(harmony: Harmony, heard: Heard) -> Numbers:
    """Float32 `(frames, 12)` in [0, 1]: the strongest note of a moment is 1, silence is 0."""
    rows = smooth(harmony.chroma, fps=PITCH_RATE, seconds=0.1)
    top = rows.max(axis=1, keepdims=True)
    shown = rows / np.maximum(top, 0.1 * np.percentile(top, 95) + 1e-6)
    return _at_frames(shown, heard).clip(0, 1)


def _at_frames(rows: Numbers, heard: Heard) -> Numbers:
    places = heard.frame_times_s * PITCH_RATE
    index = np.arange(len(rows))
    return np.stack([np.interp(places, index, c) for c in rows.T], axis=1).astype(np.float32)


def tonnetz(chroma: Numbers) -> Numbers:
    """Where the chord lies on the circles of fifths and of minor and major thirds.

    Args:
        chroma: `(frames, 12)`.

    Returns:
        float32 `(frames, 6)` in [-1, 1]: sine and cosine on each circle; silence gives zeros.
    """
    share = chroma / np.maximum(chroma.sum(axis=1, keepdims=True), 1e-6)
    notes = np.arange(12)
    circles = [
        radius * wave(np.pi * notes * turn)
        for turn, radius in TONE_NETWORK
        for wave in (np.sin, np.cos)
    ]
    return (share @ np.stack(circles, axis=1)).astype(np.float32)
