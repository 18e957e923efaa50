"""Songs and generators made of numbers, for tests of the steering."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from lucidsonic.timebase import seconds_to_frames
from lucidsonic.trajectory import Options, plan_trajectory
from lucidsonic.types import (
    Capabilities,
    Controls,
    Drop,
    Features,
    FloatArray,
    Key,
    Onsets,
    Section,
    Trajectory,
)


def song(
    seconds: float = 8.0,
    *,
    fps: float | Fraction = 30,
    loudness: float | FloatArray = 0.5,
    harmonic: float | FloatArray = 0.0,
    percussive: float | FloatArray = 0.0,
    chroma: FloatArray | None = None,
    valence: float | FloatArray = 0.0,
    arousal: float | FloatArray = 0.0,
    hits: Mapping[str, Sequence[float]] | None = None,
    strength: float = 1.0,
    bpm: float = 0.0,
    sections: Sequence[Section] | None = None,
    drops: Sequence[Drop] = (),
    tonnetz: FloatArray | None = None,
) -> Features:
    """A song that does exactly what is said here."""
    frames = seconds_to_frames(seconds, Fraction(fps))

    def full(value: float | FloatArray) -> FloatArray:
        return np.broadcast_to(np.asarray(value, dtype=np.float32), (frames,)).copy()

    beats = (
        np.arange(0, seconds, 60 / bpm, dtype=np.float32) if bpm else np.zeros(0, np.float32)
    )
    return Features(
        fps=Fraction(fps),
        curves={
            "loudness": full(loudness),
            "harmonic": full(harmonic),
            "percussive": full(percussive),
        },
        chroma=np.zeros((frames, 12), np.float32) if chroma is None else chroma,
        tonnetz=np.zeros((frames, 6), np.float32) if tonnetz is None else tonnetz,
        valence=full(valence),
        arousal=full(arousal),
        tempo_bpm=bpm,
        beats_s=beats,
        downbeats_s=beats[::4],
        onsets={
            name: Onsets(
                np.array(times, dtype=np.float32),
                np.full(len(times), strength, dtype=np.float32),
            )
            for name, times in (hits or {}).items()
        },
        sections=tuple([Section(0.0, seconds, "A", 0.5)] if sections is None else sections),
        drops=tuple(drops),
        key=Key(0, "major", 1.0),
    )


def silence(seconds: float = 4.0, *, fps: float = 30) -> Features:
    """No sound at all."""
    return song(seconds, fps=fps, loudness=0.0)


def drum_loop(
    seconds: float = 8.0, *, fps: float | Fraction = 30, bpm: float = 120
) -> Features:
    """Kick on the beat, snare on two and four, hats on the eighths."""
    beat = 60 / bpm
    beats = np.arange(0, seconds, beat)
    return song(
        seconds,
        fps=fps,
        bpm=bpm,
        percussive=0.5,
        hits={
            "kick": list(beats[::2]),
            "snare": list(beats[1::2]),
            "hat": list(np.arange(beat / 2, seconds, beat)),
        },
    )


def club_song(seconds: float = 60.0, *, fps: float | Fraction = 30, seed: int = 0) -> Features:
    """Everything at once: chords, drums, sections A B A C, a build and a drop."""
    rng = np.random.default_rng(seed)
    base = drum_loop(seconds, fps=fps)
    frames = len(base)
    t = np.arange(frames) / float(fps)
    quarter = seconds / 4
    labels = "ABAC"
    chroma = rng.random((frames // 30 + 1, 12), dtype=np.float32).repeat(30, axis=0)[:frames]
    tonnetz = rng.uniform(-1, 1, (frames // 30 + 1, 6)).astype(np.float32).repeat(30, axis=0)
    return song(
        seconds,
        fps=fps,
        bpm=120,
        loudness=(0.55 + 0.4 * np.sin(t / 3)).astype(np.float32),
        harmonic=(0.4 + 0.3 * np.sin(t * 2)).astype(np.float32),
        percussive=0.5,
        chroma=chroma,
        tonnetz=tonnetz[:frames],
        valence=np.sin(t / 5).astype(np.float32),
        arousal=np.cos(t / 7).astype(np.float32),
        hits={name: list(train.times_s) for name, train in base.onsets.items()},
        sections=[
            Section(i * quarter, (i + 1) * quarter, label, 0.3 + 0.1 * i)
            for i, label in enumerate(labels)
        ],
        drops=[Drop(2 * quarter - 4, 2 * quarter, 1.0)],
    )


class Model:
    """A generator's side of the steering: seeds and directions, no pictures."""

    def __init__(self, **capabilities: Any) -> None:
        settings = {"z_dim": 64, "dim": 64, "size": (64, 64)} | capabilities
        self.capabilities = Capabilities(**settings)
        self.asked: list[int] = []

    def keyframes(self, seeds: Sequence[int]) -> FloatArray:
        self.asked += seeds
        dim = self.capabilities.dim
        rows = [np.random.default_rng(seed).standard_normal(dim) for seed in seeds]
        return np.stack(rows).astype(np.float32)

    def directions(self, count: int, *, seed: int) -> FloatArray:
        rows = np.random.default_rng(seed).standard_normal((count, self.capabilities.dim))
        return (rows * 0.3).astype(np.float32)

    def plan(self, features: Features, *, seed: int = 1, **options: Any) -> Trajectory:
        stems = {
            k: options.pop(k) for k in ("pulse", "motion_stem", "classes_stem") if k in options
        }
        if "motion_stem" in stems:
            stems["motion"] = stems.pop("motion_stem")
        if "classes_stem" in stems:
            stems["classes"] = stems.pop("classes_stem")
        return plan_trajectory(
            features,
            self.capabilities,
            keyframes=self.keyframes,
            directions=self.directions,
            options=Options(**options),
            seed=seed,
            **stems,
        )

    def film(self, features: Features, **options: Any) -> Controls:
        path = self.plan(features, **options)
        return path.at(0, len(path))


MODELS: dict[str, dict[str, Any]] = {
    "z only": {},
    "z with layers": {"groups": 3},
    "w": {"space": "w", "spherical": False, "has_mapping": True, "num_ws": 8, "groups": 3},
    "everything": {
        "groups": 3,
        "c_dim": 20,
        "condition": "class",
        "has_noise": True,
        "has_transform": True,
    },
    "few classes": {"c_dim": 5, "condition": "class"},
    "one class": {"c_dim": 1, "condition": "class"},
    "feels": {"c_dim": 2, "condition": "va"},
    "anchored": {"spherical": False, "anchored": True},
}

STILL = {  # nothing but the walk
    "pulse_react": 0.0,
    "motion_react": 0.0,
    "harmony_react": 0.0,
    "drop_react": 0.0,
}


def steps(controls: Controls) -> FloatArray:
    """How far the latent moves into each frame from the one before: `(frames - 1,)`."""
    return np.linalg.norm(np.diff(controls.latent, axis=0), axis=-1).mean(axis=-1)


@pytest.fixture
def model() -> Model:
    return Model()
