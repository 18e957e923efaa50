"""Film file -> what is really in it: pictures counted, sound measured."""

import math
import os
import re
import struct
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from lucidsonic.encoding.boxes import boxes
from lucidsonic.encoding.process import last_words
from lucidsonic.errors import ConfigError, EncodingError
from lucidsonic.ffmpeg import find_ffmpeg
from lucidsonic.timebase import parse_fps

_VIDEO = re.compile(
    r"Stream #0:\d+.*?: Video: (?P<codec>\w+).*?, (?P<pixels>\w+)\(?(?P<tags>.*)"
)
_SIZE = re.compile(r", (\d{2,5})x(\d{2,5})[, ]")
_RATE = re.compile(r"([\d.]+k?) tbr")
_LASTS = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")
_AUDIO = re.compile(r"Stream #0:\d+.*?: Audio: (\w+).*?, (\d+) Hz, ([^,]+)")
_TIMEBASE = re.compile(r"#tb (\d+): (\d+)/(\d+)")
CHANNELS = {"mono": 1, "stereo": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmFacts:
    """What is in a film.

    Attributes:
        path: the file.
        size: height and width, pixels.
        fps: pictures per second.
        times_s: when each picture is shown, ascending.
        codec: ffmpeg's name of the picture codec.
        pixel_format: ffmpeg's name, for example "yuv420p".
        full_range: whether black is 0 (and not 16).
        matrix: "bt709", or "" when the film does not say.
        primaries: as `matrix`.
        transfer: as `matrix`.
        video_duration_s: from the first picture's start to the last one's end.
        audio_duration_s: of the decoded samples; 0 without sound.
        audio_codec: ffmpeg's name, or "".
        sample_rate: Hz, 0 without sound.
        channels: 0 without sound.
        bytes: the file's size.
        fast_start: whether a player can begin before it has read the whole file.
        missing_s: how much less there is than the container announces; NaN where it does not.
    """

    path: Path
    size: tuple[int, int]
    fps: Fraction
    times_s: tuple[float, ...]
    codec: str
    pixel_format: str
    full_range: bool
    matrix: str
    primaries: str
    transfer: str
    video_duration_s: float
    audio_duration_s: float
    audio_codec: str
    sample_rate: int
    channels: int
    bytes: int
    fast_start: bool
    missing_s: float = math.nan

    @property
    def frames(self) -> int:
        return len(self.times_s)

    @property
    def height(self) -> int:
        return self.size[0]

    @property
    def width(self) -> int:
        return self.size[1]

    @property
    def duration_s(self) -> float:
        return max(self.video_duration_s, self.audio_duration_s)

    @property
    def bit_rate(self) -> float:
        """Bits per second, pictures and sound."""
        return 8 * self.bytes / self.duration_s


def probe_film(path: Path, *, sound: bool = True) -> FilmFacts:
    """Read a whole film and say what is in it; pictures are counted without decoding them.

    Args:
        path: the film.
        sound: whether to decode the sound, to know its exact length.

    Raises:
        EncodingError: the file is not there, or no film.
    """
    if not path.is_file():
        raise EncodingError(f"There is no film called {path}.")
    table = PacketTable()
    banner = scan(path, table, sound=sound)
    picture = describe_pictures(banner)
    audio = _AUDIO.search(banner)
    if picture is None or not table.times:
        raise EncodingError(f"{path.name} holds no pictures.")
    times = sorted(table.times)
    fps = frame_rate(times, table.tick, picture["rate"])
    ticks = [float(time * table.tick) for time in times]
    return FilmFacts(
        path=path,
        size=(int(picture["height"]), int(picture["width"])),
        fps=fps,
        times_s=tuple(ticks),
        codec=picture["codec"],
        pixel_format=picture["pixels"],
        full_range="pc" in picture["tags"],
        matrix=picture["matrix"],
        primaries=picture["primaries"],
        transfer=picture["transfer"],
        video_duration_s=ticks[-1] - ticks[0] + float(1 / fps),
        audio_duration_s=table.audio_s,
        audio_codec=audio[1] if audio else "",
        sample_rate=int(audio[2]) if audio else 0,
        channels=channel_count(audio[3]) if audio else 0,
        bytes=path.stat().st_size,
        fast_start=starts_fast(path),
        missing_s=missing_s(banner, max(table.pictures_end_s, table.audio_s)),
    )


class PacketTable:
    """The packet times of one film."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.end = 0  # of the last picture, ticks
        self.tick = Fraction(1)
        self.audio_ticks = 0
        self.audio_tick = Fraction(1)

    @property
    def audio_s(self) -> float:
        return float(self.audio_ticks * self.audio_tick)

    @property
    def pictures_end_s(self) -> float:
        return float(self.end * self.tick)

    def read(self, lines: Iterable[str]) -> None:
        """Take in lines of ffmpeg's framecrc: stream, dts, pts, duration, bytes, checksum."""
        for line in lines:
            if line.startswith("#"):
                self._read_header(line)
                continue
            stream, _dts, pts, duration, *_ = line.split(",")
            if stream == "0":
                self.times.append(int(pts))
                self.end = max(self.end, int(pts) + int(duration))
            else:
                self.audio_ticks += int(duration)

    def _read_header(self, line: str) -> None:
        match = _TIMEBASE.match(line)
        if match and match[1] == "0":
            self.tick = Fraction(int(match[2]), int(match[3]))
        elif match:
            self.audio_tick = Fraction(int(match[2]), int(match[3]))


def scan(path: Path, table: PacketTable, *, sound: bool) -> str:
    """Fill the table from a film; returns ffmpeg's description of its streams.

    Raises:
        EncodingError: ffmpeg cannot read it.
    """
    command = [str(find_ffmpeg()), "-hide_banner", "-nostdin", "-nostats"]
    command += ["-fflags", "+genpts"]  # an AVI and a program stream say no times
    command += ["-i", f"file:{path}", "-map", "0:v:0", "-c:v", "copy"]
    command += ["-map", "0:a:0?", "-c:a", "pcm_s16le"] if sound else []
    with (
        TemporaryFile("w+", encoding="utf-8", errors="replace") as log,
        subprocess.Popen(
            [*command, "-f", "framecrc", "-"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        table.read(process.stdout)
        code = process.wait()
        log.seek(0)
        banner = log.read()
    if code:
        raise EncodingError(f"Reading {path.name} failed: {last_words(banner.splitlines())}.")
    return banner.partition("Stream mapping")[0]


def describe_pictures(banner: str) -> dict[str, str] | None:
    """Codec, pixels, colours, size and rate of the pictures, as ffmpeg words them."""
    match = _VIDEO.search(banner)
    if match is None:
        return None
    line = match[0]
    size, rate = _SIZE.search(line), _RATE.search(line)
    if size is None:
        return None
    tags = [tag.strip() for tag in match["tags"].partition(")")[0].split(",")]
    named = next((tag for tag in tags if tag.startswith(("bt", "smpte", "gbr"))), "")
    matrix, primaries, transfer = (named.split("/") * 3)[:3] if "/" in named else [named] * 3
    return {
        "codec": match["codec"],
        "pixels": match["pixels"],
        "tags": " ".join(tags),
        "matrix": matrix,
        "primaries": primaries,
        "transfer": transfer,
        "width": size[1],
        "height": size[2],
        "rate": rate[1] if rate else "",
    }


def missing_s(banner: str, found_s: float) -> float:
    """How much less was found than the container announces; NaN where it does not say."""
    told = _LASTS.search(banner)
    if told is None:
        return math.nan
    announced_s = 3600 * int(told[1]) + 60 * int(told[2]) + float(told[3])
    return max(0.0, announced_s - found_s)


def frame_rate(times: list[int], tick: Fraction, told: str) -> Fraction:
    """The rate that these times keep, exactly, though containers round them.

    Args:
        times: when pictures are shown, in ticks.
        tick: seconds.
        told: the rate that ffmpeg guesses, rounded to two places; breaks the tie in short
            films.
    """
    guess = told_rates(told)
    span = (times[-1] - times[0]) * tick
    if not span:
        return guess[0] if guess else Fraction(1)
    measured = (len(times) - 1) / span
    slack = float(tick / span) + 1e-9
    for candidate in (*guess, Fraction(round(measured)), nearest_ntsc(measured)):
        if abs(candidate / measured - 1) <= slack:
            return candidate
    return measured.limit_denominator(1001)


def told_rates(told: str) -> list[Fraction]:
    """What ffmpeg may mean by a rate of two places, the likeliest first; nothing by "90k"."""
    try:
        rate = parse_fps(told)
    except ConfigError:
        return []
    ntsc = nearest_ntsc(rate)
    rounded = rate.denominator > 1 and abs(ntsc - rate) <= Fraction(1, 200)
    return [ntsc, rate] if rounded else [rate]


def nearest_ntsc(rate: Fraction) -> Fraction:
    """The nearest of 24000/1001, 30000/1001 and their like."""
    return Fraction(round(rate * 1001 / 1000) * 1000, 1001)


def channel_count(layout: str) -> int:
    """Channels in ffmpeg's name of a layout."""
    if layout in CHANNELS:
        return CHANNELS[layout]
    numbers = [int(part) for part in re.findall(r"\d+", layout.partition("(")[0])]
    return sum(numbers) or 2


def starts_fast(path: Path) -> bool:
    """Whether an MP4's index comes before its data; True for containers without one."""
    with path.open("rb") as file:
        kinds = list(box_names(file))
    return (
        "moov" not in kinds or "mdat" not in kinds or kinds.index("moov") < kinds.index("mdat")
    )


def box_names(file: BinaryIO) -> Iterator[str]:
    """Names of the outermost boxes of an MP4, up to where it is cut off."""
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    with suppress(struct.error):
        for kind, _, _ in boxes(file, end):
            yield kind.decode("latin-1")
