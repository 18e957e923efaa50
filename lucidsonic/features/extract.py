"""Blocks -> Features: the whole of hearing, in order."""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from lucidsonic.features.bars import count_curves, find_bars
from lucidsonic.features.drops import build_curve, find_drops
from lucidsonic.features.emotion import (
    DEFAULT_EMOTION,
    TURN_S,
    EmotionSettings,
    emotion_path,
    moments,
)
from lucidsonic.features.energy import energy_curves
from lucidsonic.features.harmony import chroma_at_frames, find_harmony, tonnetz
from lucidsonic.features.heard import listen
from lucidsonic.features.onsets import band_strengths, hits, onset_curves
from lucidsonic.features.rhythm import find_beats
from lucidsonic.features.structure import find_structure
from lucidsonic.types import Features, FloatArray, OnProgress, ignore_progress


def extract_features(
    blocks: Iterable[FloatArray],
    *,
    sample_rate: int,
    duration_s: float,
    fps: Fraction,
    on_progress: OnProgress = ignore_progress,
    emotion: EmotionSettings = DEFAULT_EMOTION,
) -> Features:
    """What the music does at each video frame.

    One pass over the blocks boils them down to rows (about 30 MB an hour); the rest works on
    those. The result does not depend on how the song is cut into blocks.

    Args:
        blocks: float32 `(samples,)` in [-1, 1], one after the other; NaN counts as silence.
        sample_rate: of the blocks, Hz.
        duration_s: the film's length.
        fps: the film's rate.
        on_progress: told while listening, in seconds heard.
        emotion: how valence and arousal are formed.

    Returns:
        Curves of the film's length; silence gives zeros, no beats and one section.
    """
    heard = listen(
        blocks, sample_rate=sample_rate, duration_s=duration_s, fps=fps, on_progress=on_progress
    )
    strengths = band_strengths(heard)
    harmony = find_harmony(heard)
    beats = find_beats(strengths, heard)
    bars = find_bars(beats, strengths, harmony.chroma)
    energy = energy_curves(heard)
    form = find_structure(
        heard, harmony=harmony, beats=beats, bars=bars, loudness=energy["loudness"]
    )
    drops = find_drops(heard, beats_s=beats.times_s, sections=form.sections)
    felt = moments(heard, harmony=harmony, strengths=strengths, settings=emotion)
    bar_s = 240 / beats.tempo_bpm if beats.tempo_bpm else TURN_S / 2
    path = emotion_path(felt, heard, sections=form.sections, bar_s=bar_s, settings=emotion)
    chroma = chroma_at_frames(harmony, heard)
    return Features(
        fps=fps,
        curves={
            **energy,
            **onset_curves(strengths, heard),
            **count_curves(beats, bars, heard),
            "build": build_curve(drops, heard),
            "novelty": form.novelty,
        },
        chroma=chroma,
        tonnetz=np.clip(tonnetz(chroma), -1, 1),
        valence=path.valence,
        arousal=path.arousal,
        tempo_bpm=beats.tempo_bpm,
        beats_s=beats.times_s,
        downbeats_s=bars.downbeats_s,
        onsets=hits(strengths, heard),
        sections=form.sections,
        drops=drops,
        key=harmony.key,
    )
