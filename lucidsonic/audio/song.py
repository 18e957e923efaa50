"""File -> Song: what is in it, exact to the sample, without holding it in memory."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np

from lucidsonic.audio.decode import Stream, open_stream
from lucidsonic.errors import AudioError
from lucidsonic.timebase import format_time, seconds_to_samples
from lucidsonic.types import FloatArray, Song

ENDLESS = 1 << 62  # samples; more than any file has
EXCERPTS = 240  # one-second looks at a long file whose samples can be sought


def open_song(
    path: Path | str, *, start_s: float = 0.0, duration_s: float | None = None
) -> Song:
    """The part of a file that is to be heard.

    The duration comes from the samples themselves: the container's word is taken only where it
    can be verified (WAV, FLAC, AIFF, Ogg), everything else is decoded once and counted.

    Args:
        path: any file that libsndfile or ffmpeg can decode; of a video, its first sound track.
        start_s: where the part begins.
        duration_s: how long it is, at most to the end of the file; None: to the end.

    Returns:
        The song; `start_s` and `duration_s` are whole numbers of samples.

    Raises:
        AudioError: missing, empty, damaged, no sound in it, no finite sample, or a part that
            lies outside the file.
        MissingDependencyError: only ffmpeg could read it and there is none.
    """
    path = Path(path)
    stream = open_stream(path)
    frames = stream.frames if stream.frames >= 0 else survey(path).frames
    if frames == 0:
        raise AudioError(f"'{path}' holds no samples.", hint="Choose a file with sound in it.")
    first, count = _part(path, frames, stream.sample_rate, start_s, duration_s)
    if stream.may_hold_nan and not _any_finite(stream, first, count):
        raise AudioError(
            f"'{path}' holds no finite sample, only NaN or infinity.", hint="Export it again."
        )
    return Song(
        path=path,
        sample_rate=stream.sample_rate,
        channels=stream.channels,
        start_s=first / stream.sample_rate,
        duration_s=count / stream.sample_rate,
    )


def _part(
    path: Path, frames: int, sample_rate: int, start_s: float, duration_s: float | None
) -> tuple[int, int]:
    length = format_time(frames / sample_rate)
    if not (math.isfinite(start_s) and 0 <= start_s < frames / sample_rate):
        raise AudioError(
            f"'{path}' cannot start at {start_s:g} s.", hint=f"It is {length} long."
        )
    first = min(seconds_to_samples(start_s, sample_rate), frames - 1)
    if duration_s is None:
        return first, frames - first
    if not duration_s > 0:
        raise AudioError(
            f"A part of {duration_s:g} s has nothing to hear.",
            hint=f"'{path}' is {length} long.",
        )
    wanted = frames if math.isinf(duration_s) else seconds_to_samples(duration_s, sample_rate)
    return first, max(1, min(wanted, frames - first))


def _any_finite(stream: Stream, first: int, count: int) -> bool:
    """Cheap for a good file: its first chunk settles it."""
    return any(bool(np.isfinite(c).any()) for c in stream.decode(stream, first, count))


@dataclass(frozen=True, slots=True)
class Survey:
    """What one look through a whole file tells.

    Attributes:
        frames: samples a channel; -1 when the look skipped parts.
        mix_power: mean square of the channel mean.
        channel_powers: mean square of each channel.
    """

    frames: int
    mix_power: float
    channel_powers: tuple[float, ...]


def survey(path: Path) -> Survey:
    """The length and the powers of a file, remembered until the file changes.

    Raises:
        AudioError: the file cannot be read to its end.
    """
    stat = path.stat()
    return _survey(path.absolute(), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _survey(path: Path, _mtime_ns: int, _size: int) -> Survey:
    stream = open_stream(path)
    starts = _looks(stream)
    length = ENDLESS if len(starts) == 1 else stream.sample_rate
    frames, mix = 0, 0.0
    powers = np.zeros(stream.channels)
    for chunk in chain.from_iterable(stream.decode(stream, s, length) for s in starts):
        frames += len(chunk)
        chunk = finite(chunk)
        powers += np.einsum("nc,nc->c", chunk, chunk)
        mean = chunk.mean(axis=1)
        mix += float(mean @ mean)
    seen = max(frames, 1)
    whole = frames if len(starts) == 1 else -1
    return Survey(whole, mix / seen, tuple(float(p) for p in powers / seen))


def _looks(stream: Stream) -> list[int]:
    """Where to look: everywhere in one go, or at seconds spread over a long indexed file."""
    if stream.frames <= EXCERPTS * stream.sample_rate:
        return [0]
    return [round(k * stream.frames / EXCERPTS) for k in range(EXCERPTS)]


def finite(samples: FloatArray) -> FloatArray:
    """Samples in [-1, 1]: NaN and infinity count as silence, the rest is clipped.

    Args:
        samples: float32, any shape.
    """
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(samples, -1.0, 1.0)
