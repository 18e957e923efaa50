"""How a film is written: codecs, containers, and what goes with what."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lucidsonic.errors import ConfigError

Codec = Literal["h264", "hevc", "av1", "vp9", "prores", "gif"]
Speed = Literal["fastest", "fast", "slow"]
SoundCodec = Literal["aac", "opus", "flac", "alac", "pcm", "mp3"]

GIF_MAX_FPS = 50  # a GIF counts in 1/100 s, and players slow down delays below 2/100 s


class Options(BaseModel):
    """What a person may choose about the film file.

    Attributes:
        codec: picture codec; the suffix of the film must be able to hold it; "auto" takes the
            suffix's own, which is h264 for all but .webm and .gif.
        crf: quality, lower is better; None takes the codec's own good value. ProRes and GIF
            have no such thing.
        speed: how much work the encoder puts into a small file; quality stays about the same.
        sound: sound codec; "auto" takes the container's own.
        sound_kbps: bit rate of a lossy sound codec.
        hardware: "auto" uses NVENC where it really encodes, "nvenc" insists on it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    codec: Literal["auto", Codec] = "auto"
    crf: int | None = Field(default=None, ge=0, le=63)
    speed: Speed = "fast"
    sound: Literal["auto", SoundCodec] = "auto"
    sound_kbps: int = Field(default=256, ge=32, le=512)
    hardware: Literal["auto", "nvenc", "none"] = "auto"


@dataclass(frozen=True, slots=True)
class Container:
    """What a kind of file can hold.

    Attributes:
        muxer: ffmpeg's name of it.
        codecs: picture codecs, the usual one first.
        sounds: sound codecs, the usual one first; none for a silent container.
    """

    muxer: str
    codecs: tuple[Codec, ...]
    sounds: tuple[SoundCodec, ...] = ()


SUFFIXES: Mapping[str, Container] = {
    ".mp4": Container("mp4", ("h264", "hevc", "av1", "vp9"), ("aac", "opus", "alac", "mp3")),
    ".m4v": Container("mp4", ("h264", "hevc"), ("aac", "alac")),
    ".mov": Container("mov", ("h264", "hevc", "prores"), ("aac", "pcm", "alac")),
    ".mkv": Container(
        "matroska",
        ("h264", "hevc", "av1", "vp9", "prores"),
        ("flac", "opus", "aac", "pcm", "mp3"),
    ),
    ".webm": Container("webm", ("vp9", "av1"), ("opus",)),
    ".gif": Container("gif", ("gif",)),
}
CRF: Mapping[Codec, int] = {"h264": 18, "hevc": 21, "av1": 30, "vp9": 28}
CRF_MAX: Mapping[Codec, int] = {"h264": 51, "hevc": 51, "av1": 63, "vp9": 63}
NVENC: Mapping[Codec, str] = {"h264": "h264_nvenc", "hevc": "hevc_nvenc", "av1": "av1_nvenc"}
NEEDS_EVEN = ("h264", "hevc", "av1", "vp9", "prores")  # chroma at half the size


def container_of(path: Path) -> Container:
    """The kind of file that a name asks for.

    Raises:
        ConfigError: no film has this suffix.
    """
    container = SUFFIXES.get(path.suffix.lower())
    if container is None:
        raise ConfigError(
            f"'{path.name}' does not end like a film.",
            hint=f"Use one of {', '.join(SUFFIXES)}.",
        )
    return container


def check_choice(path: Path, options: Options, *, size: tuple[int, int], fps: Fraction) -> None:
    """Complain about a film that cannot be written, before any work is done.

    Args:
        path: where the film is to go.
        options: how it is to be written.
        size: height and width, pixels.
        fps: video frames per second.

    Raises:
        ConfigError: codec, container, quality, size and rate do not fit together.
    """
    container = container_of(path)
    codec = picture_codec(path, options)
    _check_codec(path, codec, container)
    _check_sound(path, options, container)
    _check_encoder(codec, options)
    height, width = size
    if height < 16 or width < 16:
        raise ConfigError(f"A film of {width}x{height} pixels is too small.", hint="16x16 up.")
    if codec in NEEDS_EVEN and (height % 2 or width % 2):
        raise ConfigError(
            f"{codec} needs an even width and height, not {width}x{height}.",
            hint=f"Use --size {width + width % 2}x{height + height % 2}.",
        )
    if codec == "gif" and fps > GIF_MAX_FPS:
        raise ConfigError(
            f"A GIF cannot show {float(fps):g} frames a second.",
            hint="Use --fps 50, 25 or 20 (whole hundredths of a second).",
        )


def picture_codec(path: Path, options: Options) -> Codec:
    """The picture codec that this film gets."""
    return container_of(path).codecs[0] if options.codec == "auto" else options.codec


def sound_codec(path: Path, options: Options) -> SoundCodec | None:
    """The sound codec that this film gets; None for a silent container."""
    sounds = container_of(path).sounds
    if not sounds:
        return None
    if options.sound != "auto":
        return options.sound
    return "pcm" if picture_codec(path, options) == "prores" and "pcm" in sounds else sounds[0]


def _check_codec(path: Path, codec: Codec, container: Container) -> None:
    if codec in container.codecs:
        return
    fitting = [name for name, kind in SUFFIXES.items() if codec in kind.codecs]
    raise ConfigError(
        f"A {path.suffix.lower()} file cannot hold {codec}.",
        hint=f"Use --codec {container.codecs[0]}, or end the name in {' or '.join(fitting)}.",
    )


def _check_sound(path: Path, options: Options, container: Container) -> None:
    if container.sounds and options.sound not in ("auto", *container.sounds):
        raise ConfigError(
            f"A {path.suffix.lower()} file cannot hold {options.sound} sound.",
            hint=f"It holds {', '.join(container.sounds)}.",
        )


def _check_encoder(codec: Codec, options: Options) -> None:
    limit = CRF_MAX.get(codec, 63)
    if options.crf is not None and options.crf > limit:
        raise ConfigError(
            f"{codec} takes a crf of 0 to {limit}, not {options.crf}.",
            hint=f"{CRF.get(codec, 18)} looks good.",
        )
    if options.hardware == "nvenc" and codec not in NVENC:
        raise ConfigError(
            f"NVENC does not encode {codec}.", hint=f"It encodes {', '.join(NVENC)}."
        )
