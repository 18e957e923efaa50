"""The song's part of an ffmpeg graph: its own samples, cut to the sample, from its own file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lucidsonic.encoding.options import Options, SoundCodec, sound_codec
from lucidsonic.timebase import seconds_to_samples
from lucidsonic.types import Song

# Rates that each codec takes, Hz; others are resampled to the next one up.
AAC_RATES = (
    *(7350, 8000, 11025, 12000, 16000, 22050, 24000),
    *(32000, 44100, 48000, 64000, 88200, 96000),
)
RATES: Mapping[SoundCodec, tuple[int, ...]] = {
    "aac": AAC_RATES,
    "opus": (48000,),
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
ENCODERS: Mapping[SoundCodec, str] = {
    "aac": "aac",
    "opus": "libopus",
    "flac": "flac",
    "alac": "alac",
    "pcm": "pcm_s24le",
    "mp3": "libmp3lame",
}
LOSSY = ("aac", "opus", "mp3")
MP3_MAX_KBPS = 320


def add_sound(sound: Song | Path | None, path: Path, options: Options) -> "SoundPart":
    """What a film's ffmpeg command needs for its sound.

    Args:
        sound: a part of a song, or a film whose sound is taken over as it is, or None.
        path: the film that is to be written.
        options: how it is written.
    """
    import ffmpeg  # ffmpeg-python

    codec = sound_codec(path, options)
    if sound is None or codec is None:
        return SoundPart([], {})
    if isinstance(sound, Path):
        return SoundPart([ffmpeg.input(f"file:{sound}")["a?"]], {"c:a": "copy"})
    return SoundPart([sound_stream(sound, codec)], sound_arguments(codec, options))


@dataclass(frozen=True, slots=True)
class SoundPart:
    """Streams of an ffmpeg-python graph, and the output options that go with them."""

    streams: list[Any]
    arguments: dict[str, str]


def sound_stream(song: Song, codec: SoundCodec) -> Any:
    """The chosen part of the song as a stream of an ffmpeg-python graph.

    It is cut by counting samples from the file's beginning, because seeking in MP3 and AAC
    lands up to a frame beside the asked time, and padded where the file ends early, so that
    it is exactly as long as the film expects. More than two channels are mixed to stereo by
    ITU-R BS.775 (centre and surround at -3 dB), scaled so that nothing clips.
    """
    import ffmpeg  # ffmpeg-python

    start = seconds_to_samples(song.start_s, song.sample_rate)
    count = seconds_to_samples(song.duration_s, song.sample_rate)
    stream = ffmpeg.input(f"file:{song.path}").audio
    stream = stream.filter("aresample", song.sample_rate)  # files may change rate on the way
    stream = stream.filter("asetpts", "N/SR/TB")
    stream = stream.filter("atrim", start_sample=start, end_sample=start + count)
    stream = stream.filter("asetpts", "N/SR/TB").filter("apad", whole_len=count)
    stream = stream.filter("aresample", fitting_rate(song.sample_rate, codec))
    return stream.filter("aformat", channel_layouts="mono" if song.channels == 1 else "stereo")


def sound_arguments(codec: SoundCodec, options: Options) -> dict[str, str]:
    """Output options of a sound codec."""
    arguments = {"c:a": ENCODERS[codec]}
    if codec in LOSSY:
        limit = MP3_MAX_KBPS if codec == "mp3" else options.sound_kbps
        arguments["b:a"] = f"{min(options.sound_kbps, limit)}k"
    return arguments


def fitting_rate(sample_rate: int, codec: SoundCodec) -> int:
    """The rate nearest above the song's own that a codec takes, Hz."""
    rates = RATES.get(codec, (sample_rate,))
    return min((rate for rate in rates if rate >= sample_rate), default=rates[-1])
