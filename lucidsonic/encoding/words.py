"""Words -> lines that fit a picture, and a moviepy clip with them on it."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from lucidsonic.encoding.lyrics import LyricLine
from lucidsonic.encoding.sheet import font_path, label_font
from lucidsonic.ffmpeg import find_ffmpeg
from lucidsonic.types import Pictures

SMALLEST_PX = 8  # letters below are not read
FOOT = 0.94  # where words at the foot end, 0 at the picture's top


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How words look.

    Attributes:
        size_px: of the letters, at most: they shrink until every word fits its line.
        width: of a line, at most, pixels.
        bold: heavy letters.
        fade_s: how long words take to come, and to go.
        lines: how many there may be before letters shrink; None for any number.
        middle: height of the words' middle, 0 at the top; None puts them at the foot.
    """

    size_px: int
    width: int
    bold: bool = False
    fade_s: float
    lines: int | None = None
    middle: float | None = None


def with_words(clip: Any, lines: Sequence[LyricLine], style: Style) -> Any:
    """The clip with its line of each moment on it.

    Lines are drawn when they come and forgotten when they are over: an album's lyrics as
    clips of a composition would all lie in memory at once.
    """
    starts = np.array([line.start_s for line in lines])
    draw = lru_cache(maxsize=2)(partial(text_clip, style=style))

    def blend(get_frame: Callable[[float], Pictures], time_s: float) -> Pictures:
        picture = get_frame(time_s)
        index = int(np.searchsorted(starts, time_s, side="right")) - 1
        if index < 0 or time_s >= lines[index].end_s:
            return picture
        fade = min(style.fade_s, (lines[index].end_s - starts[index]) / 3)
        strength = min(
            1.0, (time_s - starts[index]) / fade, (lines[index].end_s - time_s) / fade
        )
        return laid_over(picture, draw(lines[index].text), style.middle, strength)

    return clip.transform(blend)


def laid_over(picture: Pictures, words: Any, middle: float | None, strength: float) -> Pictures:
    """A picture with a moviepy text on it; what does not fit is cut off."""
    height, width = picture.shape[:2]
    down, across = min(words.h, height), min(words.w, width)
    top = round(
        height * (FOOT if middle is None else middle) - down * (1 if middle is None else 0.5)
    )
    top, left = max(0, top), (width - across) // 2
    cover = (words.mask.get_frame(0)[:down, :across] * strength)[..., None].astype(np.float32)
    out = picture.copy()
    part = out[top : top + down, left : left + across]
    part[:] = np.rint(part * (1 - cover) + words.get_frame(0)[:down, :across] * cover)
    return out


def text_clip(text: str, *, style: Style) -> Any:
    """White letters with a dark rim, broken into lines where they are too wide."""
    size, lines = fitted(text, style)
    return import_moviepy().TextClip(
        font=str(font_path(bold=style.bold)),
        text="\n".join(lines) or " ",
        font_size=size,
        color="white",
        stroke_color="black",
        stroke_width=rim(size),
        method="label",
        margin=(size // 3, size // 3),
        text_align="center",
        interline=round(size * 0.15),
    )


def rim(size_px: int) -> int:
    """Width of the dark rim around letters of a size, pixels."""
    return max(1, size_px // 16)


def fitted(text: str, style: Style) -> tuple[int, list[str]]:
    """The size of the letters, and the lines that the text is broken into.

    Letters are as large as the style allows while no word is broken and there are no more
    lines than it allows. Where the smallest letters are too large still, words are broken.
    """
    size = max(SMALLEST_PX, style.size_px)
    while True:
        font = label_font(size, bold=style.bold)
        room = style.width - 2 * rim(size)
        if size == SMALLEST_PX or widest(text, font) <= room:
            lines = [line for part in text.splitlines() for line in balanced(part, font, room)]
            if size == SMALLEST_PX or len(lines) <= (style.lines or len(lines)):
                return size, lines
        size = max(SMALLEST_PX, min(size - 1, round(size * 0.95)))


def widest(text: str, font: Any) -> float:
    """Width of the widest word, pixels."""
    return max((font.getlength(word) for word in text.split()), default=0.0)


def balanced(text: str, font: Any, width: float) -> list[str]:
    """Lines of about one length, as few as the width allows."""
    fewest = len(list(broken(text, font, width)))
    narrow, wide = min(widest(text, font), width), width
    while wide - narrow > 1:
        middle = (narrow + wide) / 2
        fits = len(list(broken(text, font, middle))) <= fewest
        narrow, wide = (narrow, middle) if fits else (middle, wide)
    return list(broken(text, font, wide))


def broken(text: str, font: Any, width: float) -> Iterator[str]:
    """Lines no wider than `width`, filled one after another; only too wide a word is broken."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= width:
            line = longer
            continue
        if line:
            yield line
        line = word
        while len(line) > 1 and font.getlength(line) > width:
            end = max(1, sum(font.getlength(line[:n]) <= width for n in range(1, len(line))))
            yield line[:end]
            line = line[end:]
    if line:
        yield line


def import_moviepy() -> Any:
    """The moviepy package, told to use our ffmpeg."""
    os.environ.setdefault("FFMPEG_BINARY", str(find_ffmpeg()))
    import moviepy

    return moviepy
