"""The pictures' part of an ffmpeg graph: colours, encoder, container."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from lucidsonic.encoding.encoders import SIZE, really_encodes
from lucidsonic.encoding.options import (
    CRF,
    NVENC,
    Codec,
    Options,
    Speed,
    picture_codec,
)
from lucidsonic.errors import ConfigError

# Everything is BT.709 in studio range, the only thing that every player reads alike.
COLOUR_TAGS = {
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "colorspace": "bt709",
    "color_range": "tv",
}
TO_709 = {
    "in_range": "pc",
    "out_range": "tv",
    "out_color_matrix": "bt709",
    "flags": "bicubic+accurate_rnd+full_chroma_int",
}
PIXELS: Mapping[Codec, str] = {"prores": "yuv422p10le", "gif": "rgb24"}
KEYFRAME_S = 4  # seconds between pictures that a player can jump to
FAST_START = ("mp4", "m4v", "mov")

X26X: Mapping[Speed, str] = {"fastest": "ultrafast", "fast": "veryfast", "slow": "medium"}
SVT: Mapping[Speed, int] = {"fastest": 12, "fast": 8, "slow": 5}
VPX: Mapping[Speed, int] = {"fastest": 8, "fast": 5, "slow": 2}
NV: Mapping[Speed, str] = {"fastest": "p1", "fast": "p4", "slow": "p7"}


def picture_stream(size: tuple[int, int], *, fps: Fraction, layout: str, codec: Codec) -> Any:
    """Raw pictures on standard input as a stream of an ffmpeg-python graph, in BT.709."""
    import ffmpeg  # ffmpeg-python

    height, width = size
    stream = ffmpeg.input(
        "pipe:0", f="rawvideo", pix_fmt=layout, s=f"{width}x{height}", framerate=str(fps)
    )
    return coloured(stream, layout=layout, codec=codec)


def coloured(stream: Any, *, layout: str, codec: Codec) -> Any:
    """The stream in the pixels that the codec takes, tagged."""
    if codec == "gif":
        return with_palette(stream)
    tags = {"color_primaries": "bt709", "color_trc": "bt709", "colorspace": "bt709"}
    if layout == "rgb24":
        stream = stream.filter("scale", **TO_709)
    stream = stream.filter("setparams", range="tv", **tags)
    return stream.filter("format", PIXELS.get(codec, "yuv420p"))


def with_palette(stream: Any) -> Any:
    """The stream in 256 colours, chosen for each picture: one for all would wait for all."""
    import ffmpeg  # ffmpeg-python

    both = stream.split()
    palette = both[0].filter("palettegen", stats_mode="single")
    return ffmpeg.filter([both[1], palette], "paletteuse", new=1, dither="sierra2_4a")


def video_arguments(
    path: Path, options: Options, *, fps: Fraction, size: tuple[int, int]
) -> dict[str, Any]:
    """Output options of the picture codec and container that this film gets.

    Args:
        path: where the film is to go.
        options: how it is to be written.
        fps: video frames per second.
        size: height and width, pixels.

    Raises:
        ConfigError: NVENC was asked for and does not encode such a film here.
    """
    codec = picture_codec(path, options)
    arguments: dict[str, Any] = {"fps_mode": "passthrough", "map_metadata": -1}
    arguments |= encoder_arguments(codec, options, keyframe=round(KEYFRAME_S * fps), size=size)
    if codec != "gif":
        arguments |= COLOUR_TAGS
    return arguments | container_arguments(path, codec, fps=fps)


def container_arguments(path: Path, codec: Codec, *, fps: Fraction) -> dict[str, Any]:
    """Output options of the container."""
    if path.suffix.lower().removeprefix(".") not in FAST_START:
        return {}
    arguments: dict[str, Any] = {
        "movflags": "+faststart+use_metadata_tags+write_colr",
        # Whole ticks a frame: every frame starts exactly where it should, for hours.
        "video_track_timescale": fps.numerator * max(1, -(-1000 // fps.numerator)),
    }
    if codec == "hevc":
        arguments["tag:v"] = "hvc1"  # Apple's players do not open hev1
    return arguments


def encoder_arguments(
    codec: Codec, options: Options, *, keyframe: int, size: tuple[int, int]
) -> dict[str, Any]:
    """Output options of the encoder.

    Raises:
        ConfigError: NVENC was asked for and does not encode such a film here.
    """
    crf = CRF.get(codec, 0) if options.crf is None else options.crf
    if uses_nvenc(codec, options, size=size):
        return nvenc(NVENC[codec], crf, options.speed, keyframe)
    return ENCODERS[codec](crf, options.speed, keyframe)


def uses_nvenc(codec: Codec, options: Options, *, size: tuple[int, int]) -> bool:
    """Whether a film of this height and width is encoded by an NVIDIA card.

    Raises:
        ConfigError: it was asked for and does not encode such a film here.
    """
    if options.hardware == "none" or codec not in NVENC:
        return False
    found = really_encodes(NVENC[codec], size)
    if options.hardware == "nvenc" and not found:
        at_all = really_encodes(NVENC[codec], SIZE)
        which = f" of {size[1]}x{size[0]} pixels" if at_all else ""
        raise ConfigError(
            f"NVENC does not encode {codec}{which} on this machine.",
            hint="Leave --hardware away; 'lucidsonic doctor' lists what encodes here.",
        )
    return found


def nvenc(name: str, crf: int, speed: Speed, keyframe: int) -> dict[str, Any]:
    # cq runs about 2 to 3 above the crf of the same look; open GOPs are off by default.
    return {
        "c:v": name,
        "rc": "vbr",
        "cq": max(1, crf + 2),
        "b:v": 0,
        "preset": NV[speed],
        "g": keyframe,
    }


def x264(crf: int, speed: Speed, keyframe: int) -> dict[str, Any]:
    return {
        "c:v": "libx264",
        "crf": crf,
        "preset": X26X[speed],
        "g": keyframe,
        "x264-params": "open-gop=0",
    }


def x265(crf: int, speed: Speed, keyframe: int) -> dict[str, Any]:
    return {
        "c:v": "libx265",
        "crf": crf,
        "preset": X26X[speed],
        "g": keyframe,
        "x265-params": "open-gop=0:log-level=error:info=0",
    }


def svt_av1(crf: int, speed: Speed, keyframe: int) -> dict[str, Any]:
    return {
        "c:v": "libsvtav1",
        "crf": crf,
        "preset": SVT[speed],
        "g": keyframe,
        "svtav1-params": "enable-overlays=0:irefresh-type=2",
    }


def vp9(crf: int, speed: Speed, keyframe: int) -> dict[str, Any]:
    return {
        "c:v": "libvpx-vp9",
        "crf": crf,
        "b:v": 0,
        "deadline": "good",
        "cpu-used": VPX[speed],
        "row-mt": 1,
        "g": keyframe,
    }


def prores(_crf: int, _speed: Speed, _keyframe: int) -> dict[str, Any]:
    return {"c:v": "prores_ks", "profile:v": "hq", "vendor": "apl0"}


def gif(_crf: int, _speed: Speed, _keyframe: int) -> dict[str, Any]:
    return {"c:v": "gif", "loop": 0}


ENCODERS: Mapping[Codec, Callable[[int, Speed, int], dict[str, Any]]] = {
    "h264": x264,
    "hevc": x265,
    "av1": svt_av1,
    "vp9": vp9,
    "prores": prores,
    "gif": gif,
}
