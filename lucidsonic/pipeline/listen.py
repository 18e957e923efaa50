"""A plan's song and stems -> Features, one set for each role."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from lucidsonic.audio import analysis_blocks, find_stems, open_song
from lucidsonic.errors import AudioError
from lucidsonic.features import EmotionSettings, extract_features, read_va_csv
from lucidsonic.plan import SongTable
from lucidsonic.timebase import seconds_to_samples
from lucidsonic.types import Features, FloatArray, OnProgress, Song, ignore_progress

ANALYSIS_RATE = 22_050  # Hz
DEFAULT_EMOTION = EmotionSettings()
ROLES = ("pulse", "motion", "class", "effect")
# Which stem each role listens to, the first that the folder has.
STEM_OF_ROLE: Mapping[str, tuple[str, ...]] = {
    "pulse": ("drums", "bass"),
    "motion": ("bass", "drums"),
    "class": ("other", "vocals", "bass"),
    "effect": ("drums",),
}


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is heard, and by whom.

    Attributes:
        song: the music as a whole.
        features: what the song does.
        roles: "pulse", "motion", "class", "effect" -> what that role listens to.
    """

    song: Song
    features: Features
    roles: Mapping[str, Features]


def listen(
    table: SongTable,
    fps: Fraction,
    *,
    song: Song | None = None,
    emotion: EmotionSettings = DEFAULT_EMOTION,
    on_progress: OnProgress = ignore_progress,
) -> Hearing:
    """Analyse the song, and the files that single roles listen to.

    The whole song is heard even when only a part of it is filmed, so that an excerpt holds the
    very frames of the whole film. Every file is opened before any is heard: a wrong name is
    told at once, not after minutes.

    Args:
        table: what to listen to.
        fps: the film's rate.
        song: the table's song, if it is open already.
        emotion: how valence and arousal are estimated.
        on_progress: told how far it is.

    Raises:
        AudioError: a file cannot be read.
        ConfigError: the VA file is wrong.
    """
    files = files_of_roles(table)
    song = song or open_song(table.path)
    others = [file for file in dict.fromkeys(files.values()) if file != table.path]
    songs = {table.path: song, **{file: open_song(file) for file in others}}
    drawn = None
    if table.va_csv is not None:
        drawn = read_va_csv(table.va_csv, frames=song.frame_count(fps), fps=fps)
    heard = {
        file: hear(
            each,
            duration_s=song.duration_s,
            fps=fps,
            emotion=emotion,
            on_progress=on_progress,
        )
        for file, each in songs.items()
    }
    features = heard[table.path]
    if drawn is not None:
        features = replace(features, valence=drawn.valence, arousal=drawn.arousal)
    roles = {role: heard[file] for role, file in files.items()}
    return Hearing(song, features, {role: roles.get(role, features) for role in ROLES})


def files_of_roles(table: SongTable) -> dict[str, Path]:
    """The file of each role that has one of its own: named, or found among the stems."""
    stems = find_stems(table.stems) if table.stems is not None else {}
    if table.stems is not None and not stems:
        raise AudioError(
            f"'{table.stems}' holds no stems.",
            hint="Name the files drums, bass, vocals and other, for example drums.wav.",
        )
    files: dict[str, Path] = {}
    for role in ROLES:
        named: Path | None = getattr(table, f"{role}_audio")
        found = next((stems[s] for s in STEM_OF_ROLE[role] if s in stems), None)
        if named or found:
            files[role] = named or found  # pyright: ignore[reportArgumentType]
    return files


def hear(
    song: Song,
    *,
    duration_s: float,
    fps: Fraction,
    emotion: EmotionSettings = DEFAULT_EMOTION,
    on_progress: OnProgress = ignore_progress,
) -> Features:
    """The features of a file, cut or padded with silence to `duration_s`."""
    blocks = analysis_blocks(song, sample_rate=ANALYSIS_RATE)
    return extract_features(
        fit_blocks(blocks, seconds_to_samples(duration_s, ANALYSIS_RATE)),
        sample_rate=ANALYSIS_RATE,
        duration_s=duration_s,
        fps=fps,
        emotion=emotion,
        on_progress=on_progress,
    )


def fit_blocks(blocks: Iterable[FloatArray], samples: int) -> Iterator[FloatArray]:
    """Exactly `samples` samples: the first ones, then silence."""
    left = samples
    for block in blocks:
        if left <= 0:
            return
        yield block[:left]
        left -= len(block)
    while left > 0:
        yield np.zeros(min(left, 30 * ANALYSIS_RATE), dtype=np.float32)
        left -= 30 * ANALYSIS_RATE
