"""A finished film -> the film with a title, lyrics or curves on it, composed by moviepy.

Pictures go through our own reader and writer, so that colours, count and times stay exact;
moviepy arranges them. The sound is taken over without being encoded again.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from lucidsonic.encoding.film import Film, FilmWriter
from lucidsonic.encoding.lyrics import LyricLine, read_lyrics
from lucidsonic.encoding.metadata import read_metadata
from lucidsonic.encoding.options import Options
from lucidsonic.encoding.probe import FilmFacts, probe_film
from lucidsonic.encoding.reading import read_film
from lucidsonic.encoding.scope import Scope, Side, panel_size
from lucidsonic.encoding.sheet import font_path, label_font
from lucidsonic.ffmpeg import find_ffmpeg
from lucidsonic.types import FloatArray, OnProgress, Pictures, Progress, ignore_progress

Layer = Callable[[Any, FilmFacts], Any]  # a moviepy clip and its film -> another clip

TITLE_S = 4.5  # seconds that a title stays
TITLE_FADE_S = 0.8
LYRIC_FADE_S = 0.18
REPORT_EVERY = 10  # frames between two words to whoever watches


def compose_film(
    film: Path,
    target: Path,
    layers: Sequence[Layer],
    *,
    options: Options | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> Path:
    """Lay things over a film, in one pass.

    Args:
        film: a film; it is not changed unless it is also the target.
        target: the new film, of a container that can hold the old one's sound.
        layers: what to lay over, undermost first; see `title_layer`, `lyrics_layer` and
            `scope_layer`.
        options: how the new film is written.
        overwrite: whether a file of this name may be replaced.
        on_progress: told how far it is.

    Returns:
        `target`: as many pictures, at the same times, with the same sound and texts.

    Raises:
        ConfigError: there is such a file already, or codec and container do not fit.
        EncodingError: the film cannot be read, or the new one cannot be written.
    """
    facts = probe_film(film, sound=False)
    clip: Any = film_clip(facts)
    for layer in layers:
        clip = layer(clip, facts)
    width, height = clip.size
    form = Film(
        size=(height, width),
        fps=facts.fps,
        sound=film if has_sound(facts) else None,
        options=options or Options(),
        metadata=read_metadata(film),
        overwrite=overwrite,
    )
    write_clip(clip, target, form, frames=facts.frames, on_progress=on_progress)
    return target


def add_title(
    film: Path,
    text: str,
    *,
    target: Path,
    overwrite: bool = False,
    options: Options | None = None,
) -> Path:
    """Show a title at the film's beginning; raises what `compose_film` raises."""
    return compose_film(film, target, [title_layer(text)], options=options, overwrite=overwrite)


def add_lyrics(
    film: Path,
    lrc: Path,
    *,
    target: Path,
    overwrite: bool = False,
    options: Options | None = None,
) -> Path:
    """Show the lines of an .lrc file as they are sung; raises what `compose_film` raises.

    Raises:
        ConfigError: the lyrics cannot be read.
    """
    lines = read_lyrics(lrc)
    return compose_film(
        film, target, [lyrics_layer(lines)], options=options, overwrite=overwrite
    )


def title_layer(text: str, *, start_s: float = 0.4) -> Layer:
    """A layer: the film's name in its middle, coming and going softly."""

    def lay(clip: Any, _facts: FilmFacts) -> Any:
        width, height = clip.size
        size = fitting_size(text, width * 0.84, height * 0.11)
        line = LyricLine(start_s, min(start_s + TITLE_S, clip.duration), text)
        style = Style(
            size, width=round(width * 0.9), bold=True, fade_s=TITLE_FADE_S, middle=0.5
        )
        return with_words(clip, [line], style)

    return lay


def lyrics_layer(lines: Sequence[LyricLine], *, start_s: float = 0.0) -> Layer:
    """A layer: each line at the film's foot while it is sung.

    Args:
        lines: in order; times count from the song's beginning.
        start_s: where in the song the film begins.
    """
    moved = [LyricLine(x.start_s - start_s, x.end_s - start_s, x.text) for x in lines]

    def lay(clip: Any, _facts: FilmFacts) -> Any:
        width, height = clip.size
        size = max(12, round(height * 0.052))
        style = Style(size, width=round(width * 0.88), bold=False, fade_s=LYRIC_FADE_S)
        return with_words(clip, moved, style)

    return lay


def scope_layer(curves: Mapping[str, FloatArray], *, side: Side = "under") -> Layer:
    """A layer: a panel under or beside the picture, on which the curves pass by.

    Args:
        curves: name -> float32 `(frames,)` in [0, 1], at least one.
        side: where the panel goes; the film grows by it.
    """

    def lay(clip: Any, facts: FilmFacts) -> Any:
        width, height = clip.size
        panel = Scope(curves, size=panel_size((height, width), side), fps=float(facts.fps))
        axis = 0 if side == "under" else 1

        def draw(get_frame: Callable[[float], Pictures], time_s: float) -> Pictures:
            number = round(time_s * float(facts.fps))
            return np.concatenate([get_frame(time_s), panel.frame(number)], axis=axis)

        grown = clip.transform(draw)
        down, across = panel.size
        grown.size = (width, height + down) if side == "under" else (width + across, height)
        return grown

    return lay


@dataclass(frozen=True, slots=True)
class Style:
    """How words look.

    Attributes:
        size_px: of the letters.
        width: of the box that lines are broken to, pixels.
        bold: heavy letters.
        fade_s: how long words take to come, and to go.
        middle: height of the words' middle, 0 at the top; None puts them at the foot.
    """

    size_px: int
    width: int
    bold: bool
    fade_s: float
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
        height * (0.94 if middle is None else middle) - down * (1 if middle is None else 0.5)
    )
    top, left = max(0, top), (width - across) // 2
    cover = (words.mask.get_frame(0)[:down, :across] * strength)[..., None].astype(np.float32)
    out = picture.copy()
    part = out[top : top + down, left : left + across]
    part[:] = np.rint(part * (1 - cover) + words.get_frame(0)[:down, :across] * cover)
    return out


def text_clip(text: str, *, style: Style) -> Any:
    """White letters with a dark rim, broken into lines where they are too wide."""
    size = style.size_px
    return import_moviepy().TextClip(
        font=str(font_path(bold=style.bold)),
        text=text,
        font_size=size,
        color="white",
        stroke_color="black",
        stroke_width=max(1, size // 16),
        method="caption",
        size=(style.width, None),
        margin=(0, size // 3),
        text_align="center",
        interline=round(size * 0.15),
    )


def fitting_size(text: str, width_px: float, size_px: float) -> int:
    """The font size at which a text fits in two lines of a width."""
    wanted = max(12, round(size_px))
    while wanted > 12 and label_font(wanted).getlength(text) > 1.8 * width_px:
        wanted -= 1
    return wanted


def film_clip(
    facts: FilmFacts, *, size: tuple[int, int] | None = None, start_s: float = 0.0
) -> Any:
    """A film as a moviepy clip, read from its front to its back.

    Args:
        facts: the film.
        size: height and width to scale it to.
        start_s: where to begin.
    """
    mpy = import_moviepy()
    height, width = size or facts.size
    pictures = Pages(facts, (height, width), start_s)
    clip = mpy.VideoClip(pictures.at, duration=float(pictures.count / facts.fps))
    clip.size = (width, height)  # moviepy would read a picture to find out
    return clip


class Pages:
    """Pictures by time, for a caller that only goes forward."""

    def __init__(self, facts: FilmFacts, size: tuple[int, int], start_s: float) -> None:
        self._rate: Fraction = facts.fps
        self._stream = read_film(facts.path, size=size, start_s=start_s)
        self._number = -1
        self._picture: Pictures | None = None
        half = 0.5 / float(facts.fps)
        self.count = sum(time > start_s - half for time in facts.times_s)

    def at(self, time_s: float) -> Pictures:
        """The picture on screen at a time."""
        wanted = min(round(time_s * float(self._rate)), self.count - 1)
        while self._number < wanted:
            _, self._picture = next(self._stream)
            self._number += 1
        assert self._picture is not None
        return self._picture


def write_clip(
    clip: Any, target: Path, form: Film, *, frames: int, on_progress: OnProgress
) -> None:
    """Write the first `frames` pictures of a moviepy clip."""
    with FilmWriter(target, form) as writer:
        for number in range(frames):
            writer.put(np.asarray(clip.get_frame(float(number / form.fps)), np.uint8))
            if number % REPORT_EVERY == 0 or number == frames - 1:
                on_progress(Progress("compose", number + 1, frames))


def has_sound(facts: FilmFacts) -> bool:
    """Whether a film has a sound stream."""
    return bool(facts.audio_codec)


def import_moviepy() -> Any:
    """The moviepy package, told to use our ffmpeg."""
    os.environ.setdefault("FFMPEG_BINARY", str(find_ffmpeg()))
    import moviepy

    return moviepy
