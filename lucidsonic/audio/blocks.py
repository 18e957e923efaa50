"""Song -> blocks of samples, at the file's rate for the film or at the analysis rate."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr

from lucidsonic.audio.decode import Stream, open_stream
from lucidsonic.audio.song import finite, open_song, survey
from lucidsonic.errors import AudioError
from lucidsonic.timebase import format_time, seconds_to_samples
from lucidsonic.types import Audio, FloatArray, Song

ANALYSIS_RATE = 22050  # Hz; hats live below 11 kHz
ALONE = 0.9  # share of the power from which one channel is the song
CANCELS = 0.25  # of what unrelated channels would leave in their mean


def read_blocks(
    song: Song, *, sample_rate: int | None = None, mono: bool = False, block_s: float = 30.0
) -> Iterator[FloatArray]:
    """The song's samples, block by block.

    Args:
        song: from `open_song`.
        sample_rate: Hz to resample to; None keeps the file's own.
        mono: one channel, the plain mean of all.
        block_s: seconds in memory at a time. The samples do not depend on it.

    Yields:
        float32 `(channels, samples)` in [-1, 1], finite; all but the last of equal length.

    Raises:
        AudioError: the file is damaged, or is not the one that was opened.
    """
    weights = np.full(song.channels, 1 / song.channels, np.float32) if mono else None
    return _rebatch(
        _resampled(song, weights, sample_rate), sample_rate or song.sample_rate, block_s
    )


def analysis_blocks(
    song: Song, *, sample_rate: int = ANALYSIS_RATE, block_s: float = 30.0
) -> Iterator[FloatArray]:
    """The one-channel signal that analysis listens to, block by block.

    It is the mean of the channels, unless they cancel (their mean has less than a quarter of
    the power that unrelated channels would leave, for stereo 1/8 of the mean channel power) or
    one channel alone holds nine tenths of the power: then it is the loudest channel. A first
    look at the whole file decides, once, so that a preview of a part hears what the film hears.

    Args:
        song: from `open_song`.
        sample_rate: Hz.
        block_s: seconds in memory at a time. The samples do not depend on it.

    Yields:
        float32 `(samples,)` in [-1, 1], finite.

    Raises:
        AudioError: the file is damaged, or is not the one that was opened.
    """
    for block in _rebatch(_resampled(song, downmix(song), sample_rate), sample_rate, block_s):
        yield block[0]


def load_audio(
    path: Path | str,
    *,
    sample_rate: int | None = None,
    mono: bool = False,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> Audio:
    """A short recording as a whole; long ones are for `read_blocks`.

    Args:
        path: any file that can be decoded.
        sample_rate: Hz to resample to; None keeps the file's own.
        mono: one channel, the plain mean of all.
        start_s: where to begin.
        duration_s: how much; None: to the end.

    Raises:
        AudioError: as `open_song` and `read_blocks`.
    """
    song = open_song(path, start_s=start_s, duration_s=duration_s)
    blocks = list(read_blocks(song, sample_rate=sample_rate, mono=mono))
    return Audio(np.concatenate(blocks, axis=1), sample_rate or song.sample_rate)


def downmix(song: Song) -> FloatArray:
    """The weight of each channel in the analysis signal.

    Returns:
        float32 `(channels,)`: all alike, or a single 1.

    Raises:
        AudioError: the file is damaged.
    """
    mean = np.full(song.channels, 1 / song.channels, np.float32)
    if song.channels == 1:
        return mean
    seen = survey(song.path)
    powers = np.array(seen.channel_powers)
    cancels = seen.mix_power < CANCELS * powers.mean() / song.channels
    if not (cancels or powers.max() > ALONE * powers.sum()):
        return mean
    return np.eye(song.channels, dtype=np.float32)[int(powers.argmax())]


def _resampled(
    song: Song, weights: FloatArray | None, sample_rate: int | None
) -> Iterator[FloatArray]:
    """Float32 `(samples, channels)`; every sample of the part, or an error."""
    channels = song.channels if weights is None else 1
    mixed = (c if weights is None else (c @ weights)[:, None] for c in _part_of(song))
    if sample_rate is None or sample_rate == song.sample_rate:
        yield from mixed
        return
    resampler = soxr.ResampleStream(song.sample_rate, sample_rate, channels, dtype="float32")
    for chunk in mixed:
        yield np.clip(resampler.resample_chunk(np.ascontiguousarray(chunk)), -1.0, 1.0)
    tail = resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)
    yield np.clip(tail, -1.0, 1.0)


def _part_of(song: Song) -> Iterator[FloatArray]:
    stream = open_stream(song.path)
    first = seconds_to_samples(song.start_s, song.sample_rate)
    count = seconds_to_samples(song.duration_s, song.sample_rate)
    read = 0
    if (stream.sample_rate, stream.channels) == (song.sample_rate, song.channels):
        for chunk in stream.decode(stream, first, count):
            read += len(chunk)
            yield finite(chunk)
    if read != count:
        raise _changed(stream, first + read)


def _changed(stream: Stream, sample: int) -> AudioError:
    at = format_time(sample / stream.sample_rate)
    return AudioError(
        f"'{stream.path}' ends or changes at {at}, before the part that was opened.",
        hint="The file changed, or it is damaged; open it again.",
    )


def _rebatch(
    chunks: Iterator[FloatArray], sample_rate: int, block_s: float
) -> Iterator[FloatArray]:
    """Chunks of any length -> `(channels, samples)` of `block_s` each; the rest at the end."""
    size = max(1, seconds_to_samples(block_s, sample_rate))
    held: list[FloatArray] = []
    length = 0
    for chunk in chunks:
        while length + len(chunk) >= size:
            cut = size - length
            yield np.ascontiguousarray(np.concatenate([*held, chunk[:cut]]).T)
            held, length, chunk = [], 0, chunk[cut:]
        held.append(chunk)
        length += len(chunk)
    if length:
        yield np.ascontiguousarray(np.concatenate(held).T)
