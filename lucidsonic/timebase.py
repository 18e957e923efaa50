"""The only place where seconds, samples and video frames are converted.

Frame i covers the time from i/fps to (i+1)/fps. Rates are exact fractions and counts are whole
numbers, so a two-hour film ends where it should: nothing here adds up floats.
"""

import math
from fractions import Fraction

from lucidsonic.errors import ConfigError

NTSC = {24: "23.976", 30: "29.97", 48: "47.952", 60: "59.94", 120: "119.88"}
_NTSC_RATES = {
    **{name: Fraction(rate * 1000, 1001) for rate, name in NTSC.items()},
    "23.98": Fraction(24000, 1001),
}
TICK_S = Fraction(1, 1_000_000)  # times are exact to a microsecond


def parse_fps(text: str | float | Fraction) -> Fraction:
    """The exact frame rate that a person means.

    >>> parse_fps("23.976")
    Fraction(24000, 1001)
    >>> parse_fps("30000/1001")
    Fraction(30000, 1001)
    >>> parse_fps(25)
    Fraction(25, 1)

    Raises:
        ConfigError: not a number, or outside 1 to 240.
    """
    name = str(text).strip()
    try:
        fps = _NTSC_RATES.get(name) or Fraction(name).limit_denominator(1001)
    except (ValueError, ZeroDivisionError) as error:
        raise ConfigError(
            f"'{name}' is not a frame rate.", hint="For example 24, 30, 23.976 or 30000/1001."
        ) from error
    if not 1 <= fps <= 240:
        raise ConfigError(
            f"A frame rate of {name} is outside 1 to 240.", hint="Films use 24 to 60."
        )
    return fps


def parse_time(text: str | float) -> float:
    """Seconds from '83', '1:23', '1:23.5' or '1:02:03'.

    >>> parse_time("1:02")
    62.0
    >>> parse_time("1:00:00.5")
    3600.5

    Raises:
        ConfigError: not a time, or negative.
    """
    parts = str(text).strip().split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3 or not all(0 <= n < math.inf for n in numbers):
        raise ConfigError(f"'{text}' is not a time.", hint="For example 83, 1:23 or 1:02:03.5.")
    seconds = 0.0
    for number in numbers:
        seconds = seconds * 60 + number
    return seconds


def format_time(seconds: float) -> str:
    """A time as people write it.

    >>> format_time(62.0)
    '1:02'
    >>> format_time(3723.4)
    '1:02:03'
    """
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def seconds_to_frames(seconds: float, fps: Fraction) -> int:
    """Number of whole video frames that cover `seconds`, at least one.

    The film is never shorter than the song and less than one frame longer.

    >>> seconds_to_frames(2.0, fps=Fraction(30))
    60
    >>> seconds_to_frames(2.001, fps=Fraction(30))
    61
    >>> seconds_to_frames(3600.0, fps=Fraction(24000, 1001))
    86314
    """
    exact = Fraction(round(seconds / float(TICK_S))) * TICK_S * fps
    return max(1, math.ceil(exact))


def frames_to_seconds(frames: int, fps: Fraction) -> float:
    """When frame number `frames` starts; also the length of that many frames.

    >>> frames_to_seconds(45, fps=Fraction(30))
    1.5
    """
    return float(Fraction(frames) / fps)


def seconds_to_frame(seconds: float, fps: Fraction) -> int:
    """The frame on screen at `seconds`.

    >>> seconds_to_frame(1.0, fps=Fraction(30))
    30
    >>> seconds_to_frame(0.99, fps=Fraction(30))
    29
    """
    return math.floor(Fraction(round(seconds / float(TICK_S))) * TICK_S * fps)


def seconds_to_samples(seconds: float, sample_rate: int) -> int:
    """The nearest sample to a time.

    >>> seconds_to_samples(0.5, 44_100)
    22050
    """
    return round(seconds * sample_rate)
