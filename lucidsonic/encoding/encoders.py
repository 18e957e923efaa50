"""Which encoders work on this machine, found out by encoding."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from time import perf_counter

from lucidsonic.encoding.process import run_ffmpeg
from lucidsonic.errors import EncodingError
from lucidsonic.ffmpeg import find_ffmpeg

FRAMES = 10
SIZE = (256, 320)  # height and width; the smallest that every NVENC takes is near 256x256
CODECS: Mapping[str, str] = {
    "libx264": "h264",
    "h264_nvenc": "h264",
    "libx265": "hevc",
    "hevc_nvenc": "hevc",
    "libsvtav1": "av1",
    "av1_nvenc": "av1",
    "libvpx-vp9": "vp9",
    "prores_ks": "prores",
    "gif": "gif",
}
PIXELS: Mapping[str, str] = {"prores_ks": "yuv422p10le", "gif": "rgb8"}


@dataclass(frozen=True, slots=True)
class EncoderFacts:
    """What an encoder did when asked to encode ten frames.

    Attributes:
        name: ffmpeg's name of it.
        codec: what it writes.
        works: whether ten frames came out.
        seconds: how long that took, start of the process included.
        problem: why not, in ffmpeg's words, or "".
    """

    name: str
    codec: str
    works: bool
    seconds: float
    problem: str = ""


def probe_encoders() -> list[EncoderFacts]:
    """Encode ten frames with every encoder that films may use.

    Raises:
        MissingDependencyError: there is no ffmpeg.
    """
    find_ffmpeg()
    return [probe_encoder(name) for name in CODECS]


def probe_encoder(name: str, size: tuple[int, int] = SIZE) -> EncoderFacts:
    """Encode ten frames: an encoder that ffmpeg lists need not work on this machine.

    Args:
        name: ffmpeg's name of it.
        size: height and width: hardware has bounds of its own, both ways.
    """
    began = perf_counter()
    problem = ""
    height, width = size
    source = f"testsrc2=size={width}x{height}:rate=30:duration=1"
    pixels = PIXELS.get(name, "yuv420p")
    try:
        run_ffmpeg(
            [
                *("-f", "lavfi", "-i", source, "-frames:v", str(FRAMES)),
                *("-pix_fmt", pixels, "-c:v", name, "-f", "null", "-"),
            ],
            doing=f"Encoding with {name}",
        )
    except EncodingError as error:
        problem = str(error)
    return EncoderFacts(name, CODECS[name], not problem, perf_counter() - began, problem)


@cache
def really_encodes(name: str, size: tuple[int, int]) -> bool:
    """Whether an encoder works on this machine at a size; each is asked once a process."""
    return probe_encoder(name, size).works
