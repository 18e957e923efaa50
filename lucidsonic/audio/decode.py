"""File -> chunks of samples at its own rate: by libsndfile where it can, else by ffmpeg.

Chunks are float32 `(samples, channels)`, as they come: not yet clipped, NaN still in them.
"""

import os
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile

from lucidsonic.errors import AudioError
from lucidsonic.ffmpeg import find_ffmpeg
from lucidsonic.timebase import format_time
from lucidsonic.types import FloatArray

CHUNK = 1 << 17  # samples a read; fixed, so that nothing downstream depends on who asks
INDEXED = {
    "WAV",
    "WAVEX",
    "W64",
    "RF64",
    "FLAC",
    "AIFF",
    "CAF",
    "AU",
    "OGG",
}  # know their length
FLOATS = {"FLOAT", "DOUBLE"}
HINT_CONVERT = (
    "Check that it plays; 'ffmpeg -i FILE song.wav' makes a sound copy of what is good."
)


@dataclass(frozen=True, slots=True)
class Stream:
    """The first audio stream of a file.

    Attributes:
        path: the file.
        sample_rate: Hz.
        channels: how many.
        frames: samples a channel, -1 where only decoding tells.
        may_hold_nan: whether the samples are stored as floats.
        decode: `(stream, first, count)` -> chunks; fewer samples than asked when the file ends.
    """

    path: Path
    sample_rate: int
    channels: int
    frames: int
    may_hold_nan: bool
    decode: Callable[["Stream", int, int], Iterator[FloatArray]]


def open_stream(path: Path) -> Stream:
    """What a file holds and how to read it.

    Raises:
        AudioError: missing, a folder, empty, or nothing that can be decoded as sound.
    """
    if not path.exists():
        raise AudioError(f"There is no file '{path}'.", hint="Check the path and its spelling.")
    if not path.is_file():
        raise AudioError(f"'{path}' is not a file.", hint="Name one song, not a folder.")
    if path.stat().st_size == 0:
        raise AudioError(f"'{path}' is empty (0 bytes).", hint="Copy or download it again.")
    if path.suffix.lower() == ".mp3" and not starts_as_mpeg(path):
        return _probe_with_ffmpeg(path)  # libsndfile would search it, and tell the terminal so
    try:
        info = soundfile.info(_name(path))
    except (soundfile.LibsndfileError, OSError):
        return _probe_with_ffmpeg(path)
    return Stream(
        path=path,
        sample_rate=info.samplerate,
        channels=info.channels,
        frames=_trusted_length(path, info.frames) if info.format in INDEXED else -1,
        may_hold_nan=info.subtype in FLOATS,
        decode=_decode_with_soundfile,
    )


def _name(path: Path) -> Any:
    """What libsndfile opens: bytes, as a name made on another system may be no text here."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def starts_as_mpeg(path: Path) -> bool:
    """Whether a file begins like an MP3: with an ID3 tag, or the sync word of a frame."""
    try:
        with path.open("rb") as file:
            start = file.read(3)
    except OSError:
        return False
    return start == b"ID3" or (len(start) == 3 and start[0] == 0xFF and start[1] >= 0xE0)


def _trusted_length(path: Path, frames: int) -> int:
    """`frames` if the last sample is there, else -1 (a cut FLAC still claims them all)."""
    try:
        with soundfile.SoundFile(_name(path)) as file:
            file.seek(frames - 1)
            return frames if len(file.read(1)) == 1 else -1
    except (soundfile.LibsndfileError, ValueError, OverflowError):
        return -1


def _decode_with_soundfile(stream: Stream, first: int, count: int) -> Iterator[FloatArray]:
    read = 0
    try:
        with soundfile.SoundFile(_name(stream.path)) as file:
            # Seeking in an MP3 loses its bit reservoir: those are read from the start instead.
            skip = 0 if stream.frames >= 0 else first
            if not skip:
                file.seek(first)
            for chunk in _drop_first(_soundfile_chunks(file), skip):
                wanted = chunk[: count - read]
                read += len(wanted)
                if len(wanted):
                    yield wanted
                if read >= count:
                    return
    except soundfile.LibsndfileError as error:
        raise _damaged(stream, first + read) from error


def _soundfile_chunks(file: soundfile.SoundFile) -> Iterator[FloatArray]:
    while len(
        chunk := np.asarray(file.read(CHUNK, dtype="float32", always_2d=True), np.float32)
    ):
        yield chunk


def _drop_first(chunks: Iterator[FloatArray], skip: int) -> Iterator[FloatArray]:
    for chunk in chunks:
        rest = chunk[skip:]
        skip = max(0, skip - len(chunk))
        if len(rest):
            yield rest


def _damaged(stream: Stream, sample: int) -> AudioError:
    at = format_time(sample / stream.sample_rate)
    return AudioError(f"'{stream.path}' cannot be read past {at}: damaged.", hint=HINT_CONVERT)


def _probe_with_ffmpeg(path: Path) -> Stream:
    with tempfile.TemporaryFile() as log:
        child = _start_ffmpeg(path, log, first=0, count=1)
        try:
            sample_rate, channels = _read_wav_header(_pipe(child))
        except (EOFError, struct.error) as error:
            child.wait()
            raise _no_sound(path, log) from error
        finally:
            _end(child)
    return Stream(path, sample_rate, channels, -1, True, _decode_with_ffmpeg)


def _decode_with_ffmpeg(stream: Stream, first: int, count: int) -> Iterator[FloatArray]:
    with tempfile.TemporaryFile() as log:
        child = _start_ffmpeg(stream.path, log, first=first, count=count)
        read = 0
        try:
            pipe = _pipe(child)
            _read_wav_header(pipe)
            while data := pipe.read(CHUNK * stream.channels * 4):
                whole = len(data) // (4 * stream.channels) * stream.channels
                chunk = np.frombuffer(data, "<f4", whole).reshape(-1, stream.channels)
                read += len(chunk)
                yield chunk
            if child.wait() != 0:
                raise _damaged(stream, first + read)
        except (EOFError, struct.error) as error:
            raise _damaged(stream, first + read) from error
        finally:
            _end(child)


def _start_ffmpeg(
    path: Path, log: IO[bytes], *, first: int, count: int
) -> subprocess.Popen[bytes]:
    # -ss would land on packet borders; atrim counts samples. Playlists reach no network.
    trim = f"atrim=start_sample={first}:end_sample={first + count}"
    arguments = ["-v", "error", "-nostdin", "-protocol_whitelist", "file", "-i"]
    arguments += [f"file:{path.absolute()}", "-map", "0:a:0", "-af", trim]
    arguments += ["-c:a", "pcm_f32le", "-bitexact", "-f", "wav", "pipe:1"]
    command = [str(find_ffmpeg()), *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
    )


def _pipe(child: subprocess.Popen[bytes]) -> IO[bytes]:
    assert child.stdout is not None
    return child.stdout


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    _pipe(child).close()
    child.wait()


def _read_wav_header(pipe: IO[bytes]) -> tuple[int, int]:
    """Sample rate and channels of a RIFF stream; leaves the pipe at its first sample."""
    if _exactly(pipe, 12)[8:] != b"WAVE":
        raise EOFError
    sample_rate = channels = 0
    while True:
        name, size = struct.unpack("<4sI", _exactly(pipe, 8))
        if name == b"data":
            return sample_rate, channels
        body = _exactly(pipe, size + size % 2)
        if name == b"fmt ":
            channels, sample_rate = struct.unpack_from("<HI", body, 2)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _no_sound(path: Path, log: IO[bytes]) -> AudioError:
    log.seek(0)
    said = log.read(4096).decode("utf-8", "replace")
    if "matches no streams" in said:
        return AudioError(
            f"'{path}' has no sound in it.", hint="Choose a file with an audio track."
        )
    return AudioError(f"'{path}' cannot be read as sound.", hint=HINT_CONVERT)
