"""Music with known truth, composed in code: drums, chords and forms. 22.05 kHz, mono."""

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from lucidsonic.features import extract_features
from lucidsonic.types import Features

Samples = npt.NDArray[Any]

RATE = 22050
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)
Chord = tuple[int, tuple[int, ...]]  # semitones above the tonic, and the chord's own


def hear(samples: Samples, *, fps: Fraction = Fraction(30), rate: int = RATE) -> Features:
    blocks = [np.asarray(samples, np.float32)]
    return extract_features(blocks, sample_rate=rate, duration_s=len(samples) / rate, fps=fps)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE))


def add(song: Samples, sound: Samples, at_s: float, gain: float = 1.0) -> None:
    first = round(at_s * RATE)
    part = sound[: max(0, len(song) - first)]
    song[first : first + len(part)] += gain * part


def kick() -> Samples:
    t = np.arange(round(0.25 * RATE)) / RATE
    hertz = 50 + 90 * np.exp(-t / 0.03)
    return 0.8 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE) * np.exp(-t / 0.08)


def snare(seed: int = 0) -> Samples:
    t = np.arange(round(0.18 * RATE)) / RATE
    noise = np.diff(np.random.default_rng(seed).normal(size=len(t)), prepend=0)
    return 0.5 * (0.25 * noise + 0.3 * np.sin(2 * np.pi * 190 * t)) * np.exp(-t / 0.05)


def hat(seed: int = 0) -> Samples:
    t = np.arange(round(0.06 * RATE)) / RATE
    noise = np.diff(np.random.default_rng(seed).normal(size=len(t)), n=3, prepend=[0, 0, 0])
    return 0.06 * noise * np.exp(-t / 0.015)


def click() -> Samples:
    t = np.arange(round(0.02 * RATE)) / RATE
    return 0.8 * np.cos(2 * np.pi * 1500 * t) * np.exp(-t / 0.003)


def note(
    midi: float, seconds: float, *, bright: float = 0.6, attack_s: float = 0.01
) -> Samples:
    t = np.arange(round(seconds * RATE)) / RATE
    hertz = 440 * 2 ** ((midi - 69) / 12)
    parts = [bright**k * np.sin(2 * np.pi * hertz * (k + 1) * t) for k in range(6)]
    return (
        np.sum(parts, axis=0)
        * np.clip(t / attack_s, 0, 1)
        * np.clip((seconds - t) / 0.03, 0, 1)
    )


def chord(root: float, kind: tuple[int, ...], seconds: float, **sound: float) -> Samples:
    return np.sum([note(root + step, seconds, **sound) for step in kind], axis=0)


def drum_loop(
    beats_s: Samples, *, four: bool = False, start_hats: bool = True, seconds: float = 0.0
) -> Samples:
    """Kick, snare and off-beat hats on the given beats; `four`: a kick on every beat."""
    song = silence(max(seconds, beats_s[-1] + 0.6))
    steps = np.diff(beats_s, append=2 * beats_s[-1] - beats_s[-2])
    for number, (beat, step) in enumerate(zip(beats_s, steps, strict=True)):
        if four or number % 2 == 0:
            add(song, kick(), beat, 0.6)
        if number % 2:
            add(song, snare(number), beat, 0.6)
        if start_hats:
            add(song, hat(number), beat, 0.6)
            add(song, hat(number + 999), beat + step / 2, 0.6)
    return song


def cadences(tonic: int, mode: str, *, seconds: float = 8.0, drums: bool = False) -> Samples:
    """A song in a key: tonic, subdominant and dominant chords over their roots."""
    step_s = 1.1
    if mode == "major":
        chords: list[Chord] = [(0, MAJOR), (5, MAJOR), (7, MAJOR), (0, MAJOR), (9, MINOR)]
    else:
        chords = [(0, MINOR), (5, MINOR), (7, MINOR), (0, MINOR), (8, MAJOR)]
    song = silence(seconds)
    for number in range(int(seconds / step_s)):
        root, kind = chords[number % len(chords)]
        place = (tonic + root) % 12
        add(song, chord(60 + place, kind, step_s), number * step_s, 0.08)
        add(song, note(48 + place, step_s), number * step_s, 0.12)
        if drums:
            add(song, kick(), number * step_s, 0.6)
            add(song, snare(number), (number + 0.5) * step_s, 0.5)
    return song


def mood(*, major: bool, loud: bool, fast: bool, seconds: float = 20.0) -> Samples:
    """The same four chords, bright or dark, loud or quiet, driven or slow; level in RMS."""
    beat_s = 60 / (140 if fast else 66)
    kind = MAJOR if major else MINOR
    song = silence(seconds)
    for number in range(int(seconds / beat_s)):
        root = 57 + (0, 5, 7, 0)[number // 4 % 4]
        sound = {"attack_s": 0.01 if fast else 0.05}
        add(song, chord(root, kind, beat_s, **sound), number * beat_s, 0.08)
        if fast:
            add(song, snare(number), number * beat_s, 0.2)
            add(song, hat(number), (number + 0.5) * beat_s, 0.3)
    return song / np.sqrt(np.mean(song**2)) * (0.25 if loud else 0.04)


FORM: list[tuple[str, int]] = [
    *(("intro", 8), ("verse", 8), ("build", 8), ("chorus", 8)),
    *(("bridge", 8), ("build", 8), ("chorus", 8)),
]
BAR_S = 2.0
PROGRESSIONS: dict[str, list[Chord]] = {
    "intro": [(0, MAJOR), (5, MAJOR)],
    "verse": [(9, MINOR), (5, MAJOR), (0, MAJOR), (7, MAJOR)],
    "build": [(7, MAJOR)],
    "chorus": [(0, MAJOR), (7, MAJOR), (9, MINOR), (5, MAJOR)],
    "bridge": [(4, MINOR), (9, MINOR)],
}


def dance_song() -> Samples:
    """112 s at 120 BPM: intro, verse, build, chorus, bridge, build, chorus."""
    song = silence(sum(bars for _, bars in FORM) * BAR_S)
    noise = np.random.default_rng(1)
    at_s = 0.0
    for part, bars in FORM:
        for bar in range(bars):
            _bar(song, part, bar, bars, at_s + bar * BAR_S, noise)
        at_s += bars * BAR_S
    return 0.8 * song


def _bar(
    song: Samples, part: str, bar: int, bars: int, at_s: float, noise: np.random.Generator
) -> None:
    root, kind = PROGRESSIONS[part][bar % len(PROGRESSIONS[part])]
    quiet = part in {"intro", "bridge"}
    add(song, chord(60 + root, kind, BAR_S, bright=0.4), at_s, 0.03 if quiet else 0.05)
    for beat in range(4):
        time = at_s + beat * 0.5
        if part == "chorus" or (part == "verse" and beat % 2 == 0):
            add(song, kick(), time, 0.8)
        if part in {"verse", "chorus"}:
            add(song, note(36 + root, 0.4), time, 0.15 if part == "chorus" else 0.05)
            add(song, hat(beat), time + 0.25, 0.7 if part == "chorus" else 0.2)
            if beat % 2:
                add(song, snare(beat), time, 0.6)
    if part == "build":
        hiss = np.diff(noise.normal(size=round(BAR_S * RATE)), prepend=0)
        add(song, hiss, at_s, 0.01 + 0.05 * bar / bars)
