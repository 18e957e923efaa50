"""Film file -> stream facts: what a player, a platform or an editor will stumble over."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lucidsonic.encoding import FilmFacts, probe_film
from lucidsonic.errors import EncodingError
from lucidsonic.ffmpeg import find_ffmpeg

PLAYABLE = {"h264", "hevc", "av1", "vp9"}  # what browsers and phones play
COMMON_PIXELS = ("yuv420p", "yuvj420p")
JITTER_S = 0.002  # containers round times to a millisecond


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What is in the file.

    Attributes:
        frames: pictures.
        fps: pictures a second, as a fraction.
        width: pixels.
        height: pixels.
        codec: of the pictures.
        pixel_format: ffmpeg's name.
        colour: matrix, primaries and transfer, "untagged" where the film does not say.
        audio_codec: "" without sound.
        video_s: how long the pictures last.
        audio_s: how long the sound lasts, 0 without.
        duration_gap_ms: how much longer the pictures last than the sound; NaN without.
        missing_s: how much less there is than the file announces: it was cut short.
        sound_starts_ms: how much later than the pictures the sound begins.
        offset_ms: how late the film's own sound is against the song; NaN if not compared.
        bit_rate: bits a second, all streams.
        even_rate: whether all pictures last equally long.
        fast_start: whether a player can begin before it has read the file.
        plays_anywhere: a codec and pixels that browsers and phones take.
    """

    frames: int
    fps: str
    width: int
    height: int
    codec: str
    pixel_format: str
    colour: str
    audio_codec: str
    video_s: float
    audio_s: float
    duration_gap_ms: float
    missing_s: float
    sound_starts_ms: float
    offset_ms: float
    bit_rate: float
    even_rate: bool
    fast_start: bool
    plays_anywhere: bool


@dataclass(frozen=True, slots=True)
class Probed:
    """A film's facts, and what reading it needs."""

    film: FilmFacts
    sound_starts_s: float


def probe(path: Path) -> Probed:
    """Look into a film.

    Raises:
        EncodingError: it is not there, or no film.
    """
    if not path.is_file():
        raise EncodingError(
            f"There is no film called '{path}'.", hint="Check the path and its spelling."
        )
    try:
        film = probe_film(path)
    except EncodingError as error:
        raise EncodingError(
            f"'{path}' is no film: no pictures can be read from it.",
            hint="Check that it plays and that it was copied whole.",
        ) from error
    starts = sound_start_s(path) - film.times_s[0] if film.audio_duration_s else 0.0
    return Probed(film, starts)


def stream_facts(probed: Probed, *, offset_ms: float) -> StreamFacts:
    """The facts as people want them."""
    film = probed.film
    gaps = np.diff(film.times_s)
    uneven = len(gaps) > 0 and float(np.ptp(gaps)) > JITTER_S
    tags = [tag or "untagged" for tag in (film.matrix, film.primaries, film.transfer)]
    ends_s = probed.sound_starts_s + film.audio_duration_s
    return StreamFacts(
        frames=film.frames,
        fps=str(film.fps),
        width=film.width,
        height=film.height,
        codec=film.codec,
        pixel_format=film.pixel_format,
        colour="/".join(tags),
        audio_codec=film.audio_codec,
        video_s=film.video_duration_s,
        audio_s=film.audio_duration_s,
        duration_gap_ms=1000 * (film.video_duration_s - ends_s)
        if film.audio_duration_s
        else float("nan"),
        missing_s=film.missing_s,
        sound_starts_ms=1000 * probed.sound_starts_s,
        offset_ms=offset_ms,
        bit_rate=film.bit_rate,
        even_rate=not uneven,
        fast_start=film.fast_start,
        plays_anywhere=film.codec in PLAYABLE and film.pixel_format in COMMON_PIXELS,
    )


def sound_start_s(path: Path) -> float:
    """When the first sample of a film's sound is heard, seconds on the pictures' clock."""
    done = subprocess.run(
        [
            *(str(find_ffmpeg()), "-v", "error", "-nostdin", "-i", f"file:{path}"),
            *("-map", "0:a:0", "-c:a", "pcm_s16le", "-frames:a", "1", "-f", "framecrc", "-"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    tick = re.search(r"#tb 0: (\d+)/(\d+)", done.stdout)
    packet = re.search(r"^0,\s*-?\d+,\s*(-?\d+)", done.stdout, re.MULTILINE)
    if tick is None or packet is None:
        return 0.0
    return int(packet[1]) * int(tick[1]) / int(tick[2])
