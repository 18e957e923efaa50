"""One film -> the shapes and pieces that other places want."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lucidsonic.encoding.compose import (
    Layer,
    film_clip,
    has_sound,
    write_clip,
)
from lucidsonic.encoding.film import Film
from lucidsonic.encoding.metadata import read_metadata
from lucidsonic.encoding.options import Options, container_of
from lucidsonic.encoding.probe import FilmFacts, probe_film
from lucidsonic.encoding.reading import read_film
from lucidsonic.encoding.sheet import write_picture
from lucidsonic.encoding.words import import_moviepy
from lucidsonic.errors import EncodingError, UnknownNameError
from lucidsonic.types import OnProgress, Pictures, ignore_progress

LOOP_S = 8.0
OVERLAP_S = 0.75  # the loop's end melts into its beginning for this long
COVER_CANDIDATES = 24
COVER_MARGIN = 0.06  # of the film, at both ends, that no cover is taken from
THUMB = (90, 160)  # height and width at which covers are compared


@dataclass(frozen=True, slots=True)
class Order:
    """What a format needs to know.

    Attributes:
        facts: the film that it is made of.
        layers: what lies over the film.
        target: where it is to lie.
        options: how a film is written.
        overwrite: whether a file of its name may be replaced.
        on_progress: told how far it is.
    """

    facts: FilmFacts
    layers: Sequence[Layer]
    target: Path
    options: Options
    overwrite: bool
    on_progress: OnProgress


def make_formats(
    film: Path,
    formats: Iterable[str],
    *,
    layers: Sequence[Layer] = (),
    options: Options | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> list[Path]:
    """Make other films and pictures of a film, beside it.

    "16:9", "9:16" and "1:1" are cut from its middle, as large as its shorter side allows, with
    its sound and with what lies over it set anew, so that no word is cut; "loop8s" is a silent
    loop of eight seconds without a seam; "cover" is its most colourful picture as PNG. These
    two, which belong to no moment of the song, have nothing over them.

    Args:
        film: the film, with nothing over it.
        formats: names from `FORMATS`.
        layers: what lies over it, see `compose_film`.
        options: how the films are written.
        overwrite: whether files of these names may be replaced.
        on_progress: told how far each is.

    Raises:
        UnknownNameError: there is no such format.
        ConfigError: there is such a file already.
        EncodingError: the film cannot be read, or a new one cannot be written.
    """
    targets = {name: format_path(film, name) for name in formats}
    facts = probe_film(film, sound=False)
    return [
        FORMATS[name](
            Order(facts, layers, target, options or Options(), overwrite, on_progress)
        )
        for name, target in targets.items()
    ]


def format_path(film: Path, name: str) -> Path:
    """Where a format of a film lies; GIFs have MP4s beside them, which can hold sound.

    Raises:
        UnknownNameError: there is no such format.
    """
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS)
    suffix = film.suffix if container_of(film).sounds else ".mp4"
    suffix = ".png" if name == "cover" else suffix
    return film.with_name(f"{film.stem}-{name.replace(':', 'x')}{suffix}")


def reshape(order: Order, *, aspect: tuple[int, int]) -> Path:
    """The film's middle in another shape, its shorter side as before, its layers set anew."""
    facts = order.facts
    across, down = aspect
    short = min(facts.size)
    scale = short / min(across, down)
    size = (even(down * scale), even(across * scale))
    clip = laid(middle(facts, room_under(order.layers, size, facts)), order)
    form = Film(
        size=size,
        fps=facts.fps,
        sound=facts.path if has_sound(facts) else None,
        options=order.options,
        metadata=read_metadata(facts.path),
        overwrite=order.overwrite,
    )
    filled = clip.transform(lambda get_frame, time_s: filled_up(get_frame(time_s), size))
    write_clip(filled, order.target, form, frames=facts.frames, on_progress=order.on_progress)
    return order.target


def laid(clip: Any, order: Order) -> Any:
    """The clip with the film's layers over it."""
    for layer in order.layers:
        clip = layer(clip, order.facts)
    return clip


def middle(facts: FilmFacts, size: tuple[int, int]) -> Any:
    """The film's middle as a moviepy clip of a size, as much of it as can be seen."""
    height, width = size
    scale = max(height / facts.height, width / facts.width)
    whole = (max(height, even(facts.height * scale)), max(width, even(facts.width * scale)))
    return film_clip(facts, size=whole).cropped(
        x1=(whole[1] - width) // 2, y1=(whole[0] - height) // 2, width=width, height=height
    )


def room_under(
    layers: Sequence[Layer], size: tuple[int, int], facts: FilmFacts
) -> tuple[int, int]:
    """How large a picture may be so that it is of a size with its layers.

    A layer may add a panel, which is as large in proportion on a picture of any size.
    """
    mpy = import_moviepy()
    height, width = size
    probe = mpy.ColorClip((width, height), color=(0, 0, 0), duration=1)
    for layer in layers:
        probe = layer(probe, facts)
    across, down = probe.size
    return 2 * (height * height // (2 * down)), 2 * (width * width // (2 * across))


def filled_up(picture: Pictures, size: tuple[int, int]) -> Pictures:
    """A picture of about a size in just that size: its last lines gone, or there again."""
    height, width = size
    part = picture[:height, :width]
    lacks = (height - part.shape[0], width - part.shape[1])
    return np.pad(part, [(0, lacks[0]), (0, lacks[1]), (0, 0)], "edge") if any(lacks) else part


def loop(order: Order) -> Path:
    """Eight seconds from the film's middle whose end leads into their beginning."""
    mpy = import_moviepy()
    facts = order.facts
    length = float(facts.frames / facts.fps)
    overlap = min(OVERLAP_S, length / 4)
    frames = round(min(LOOP_S, length - overlap) * facts.fps)
    stay = float(frames / facts.fps)
    start = max(0.0, (length - stay - overlap) / 2)
    first = film_clip(facts, start_s=start).with_duration(stay)
    # What follows the loop in the film lies on its beginning and fades: the seam is a place
    # where the film itself goes on.
    after = film_clip(facts, start_s=start + stay).with_duration(overlap)
    after = after.with_effects([mpy.vfx.CrossFadeOut(overlap)])
    clip = mpy.CompositeVideoClip([first, after]).with_duration(stay)
    form = Film(
        size=facts.size,
        fps=facts.fps,
        options=order.options,
        metadata=read_metadata(facts.path),
        overwrite=order.overwrite,
    )
    write_clip(clip, order.target, form, frames=frames, on_progress=order.on_progress)
    return order.target


def cover(order: Order) -> Path:
    """The film's most colourful and contrasting picture."""
    facts = order.facts
    numbers = np.linspace(COVER_MARGIN, 1 - COVER_MARGIN, COVER_CANDIDATES) * (facts.frames - 1)
    wanted = {round(number) for number in numbers}
    small = enumerate(read_film(facts.path, size=THUMB))
    best = max((appeal(picture), number) for number, (_, picture) in small if number in wanted)
    picture = picture_at(facts, best[1])
    return write_picture(order.target, picture, overwrite=order.overwrite)


def picture_at(facts: FilmFacts, number: int) -> Pictures:
    """One picture of a film, by its number.

    Raises:
        EncodingError: the film ends before.
    """
    stream = read_film(facts.path, start_s=facts.times_s[number])
    try:
        return next(stream)[1]
    except StopIteration as error:
        raise EncodingError(f"{facts.path.name} has no picture {number}.") from error
    finally:
        stream.close()


def appeal(picture: Pictures) -> float:
    """Colourfulness after Hasler and Suesstrunk (2003), plus contrast of the luma."""
    red, green, blue = np.moveaxis(picture.astype(np.float32), -1, 0)
    rg, yb = red - green, 0.5 * (red + green) - blue
    colour = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return float(colour + luma.std())


def even(length: float) -> int:
    """The nearest even number of pixels."""
    return round(length / 2) * 2


FORMATS: Mapping[str, Callable[[Order], Path]] = {
    "16:9": partial(reshape, aspect=(16, 9)),
    "9:16": partial(reshape, aspect=(9, 16)),
    "1:1": partial(reshape, aspect=(1, 1)),
    "loop8s": loop,
    "cover": cover,
}
