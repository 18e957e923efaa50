"""The song's part of an ffmpeg graph: its own samples, cut to the sample, from its own file."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lucidsonic.encoding.options import Options, SoundCodec, sound_codec
from lucidsonic.ffmpeg import find_ffmpeg
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
QUEUE = 8  # packets that wait at an input; ffmpeg's own choice
# How ffmpeg describes sound that is stored as floats, which may be NaN or infinite.
STORED_FLOATS = re.compile(r"Stream #0:\d+.*?: Audio: (pcm_f|(wavpack|mp4als).*, fltp?\b)")
# The AAC encoder fails at what is no number, and at numbers far beyond any sound.
NUMBERS_ONLY = "if(lt(abs(val(ch)),1e6),val(ch),0)"


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

    It is padded where the file ends early, so that it is exactly as long as the film expects.
    """
    count = seconds_to_samples(song.duration_s, song.sample_rate)
    stream = cut_samples(song).filter("apad", whole_len=count)
    rate = fitting_rate(song.sample_rate, codec)
    return mixed(stream, song, rate, layout="mono" if song.channels == 1 else "stereo")


def cut_samples(song: Song, *, number: int = 0) -> Any:
    """The chosen part's own samples, as a stream of an ffmpeg-python graph.

    It is cut by counting samples from the file's beginning, because seeking in MP3 and AAC
    lands up to a frame beside the asked time. NaN and infinity are silence, as in the analysis.

    Args:
        song: the part.
        number: of the song in the graph, where there are several.
    """
    import ffmpeg  # ffmpeg-python

    start = seconds_to_samples(song.start_s, song.sample_rate)
    count = seconds_to_samples(song.duration_s, song.sample_rate)
    # ffmpeg-python takes inputs that are alike for one, which cannot be heard twice.
    apart = {"thread_queue_size": QUEUE + number} if number else {}
    stream = ffmpeg.input(f"file:{song.path}", **apart).audio
    if stores_floats(song.path):
        stream = stream.filter("aeval", NUMBERS_ONLY, c="same")
    stream = stream.filter("aresample", song.sample_rate)  # files may change rate on the way
    stream = stream.filter("asetpts", "N/SR/TB")
    stream = stream.filter("atrim", start_sample=start, end_sample=start + count)
    return stream.filter("asetpts", "N/SR/TB")


def stores_floats(path: Path) -> bool:
    """Whether a file's sound may hold NaN: only then does looking at each sample change any."""
    looked = subprocess.run(
        [str(find_ffmpeg()), "-hide_banner", "-nostdin", "-i", f"file:{path}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,  # without an output it always complains
    )
    return STORED_FLOATS.search(looked.stderr.decode(errors="replace")) is not None


def mixed(stream: Any, song: Song, rate: int, *, layout: str) -> Any:
    """The song's stream at another rate, in one or two channels.

    More than two are mixed to stereo by ITU-R BS.775 (centre and surround at -3 dB), scaled
    so that nothing clips; by itself ffmpeg scales only what is stored as whole numbers.
    """
    if song.channels > 2:
        how = {"ochl": "stereo", "rematrix_maxval": 1}
        stream = stream.filter("aresample", rate, **how)
    else:
        stream = stream.filter("aresample", rate)
    return stream.filter("aformat", channel_layouts=layout)


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
