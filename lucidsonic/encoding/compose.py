"""A finished film -> the film with a title, lyrics or curves on it, composed by moviepy.

Pictures go through our own reader and writer, so that colours, count and times stay exact;
moviepy arranges them. The sound is taken over without being encoded again.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
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
from lucidsonic.encoding.words import Style, import_moviepy, with_words
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
        line = LyricLine(start_s, min(start_s + TITLE_S, clip.duration), text)
        style = Style(
            size_px=round(height * 0.11),
            width=round(width * 0.88),
            bold=True,
            fade_s=TITLE_FADE_S,
            lines=2,
            middle=0.5,
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
        style = Style(
            size_px=round(min(height * 0.052, width * 0.065)),
            width=round(width * 0.88),
            fade_s=LYRIC_FADE_S,
        )
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
