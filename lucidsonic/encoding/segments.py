"""Segments of a film -> the film, joined without encoding again."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from lucidsonic.encoding.film import Layout, write_film
from lucidsonic.encoding.metadata import metadata_arguments
from lucidsonic.encoding.options import Options, container_of, picture_codec
from lucidsonic.encoding.partial import PartialFile
from lucidsonic.encoding.probe import probe_film
from lucidsonic.encoding.process import run_ffmpeg
from lucidsonic.encoding.sound import add_sound
from lucidsonic.encoding.video import container_arguments
from lucidsonic.errors import ConfigError, EncodingError
from lucidsonic.types import Pictures, Song


def write_segment(
    path: Path,
    pictures: Iterable[Pictures],
    *,
    size: tuple[int, int],
    fps: Fraction,
    options: Options | None = None,
    layout: Layout = "rgb24",
) -> Path:
    """Encode a few seconds of a film, without sound, to be joined by `concat_segments`.

    Its groups of pictures are closed: nothing in it refers to another segment.

    Args:
        path: where to write; `segment_name` gives a fitting suffix. Replaced if it is there.
        pictures: as in `write_film`.
        size: height and width, pixels.
        fps: pictures per second; the same in all segments.
        options: the same in all segments.
        layout: as in `write_film`.

    Raises:
        ConfigError: codec, container, size and rate do not fit together.
        EncodingError: the encoder failed, the disk is full, or the folder cannot be written.
    """
    return write_film(
        path,
        pictures,
        size=size,
        fps=fps,
        options=options,
        layout=layout,
        overwrite=True,
    )


def segment_name(target: Path, options: Options, number: int) -> str:
    """A file name for a segment of a film.

    Raises:
        ConfigError: films of this kind cannot be cut into segments.
    """
    codec = picture_codec(target, options)
    if codec == "gif":
        raise ConfigError("A GIF cannot be joined from segments.", hint="Use another suffix.")
    return f"{number:06}{'.mov' if codec == 'prores' else '.mp4'}"


def concat_segments(  # noqa: PLR0913 - one keyword for each fact about the film
    paths: Sequence[Path],
    target: Path,
    *,
    fps: Fraction,
    sound: Song | Path | None = None,
    options: Options | None = None,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
    frames: int | None = None,
) -> Path:
    """Join segments, untouched, and add the song once.

    Args:
        paths: the segments, in film order.
        target: the film.
        fps: pictures per second, exactly; segment borders are put on its grid.
        sound: as in `write_film`.
        options: as in the segments.
        metadata: as in `write_film`.
        overwrite: whether a file of this name may be replaced.
        frames: how many pictures there must be; None counts those of the segments.

    Returns:
        `target`. It appears only when it is whole and has all its pictures.

    Raises:
        ConfigError: there is such a file already, or its suffix cannot hold the codec.
        EncodingError: a segment is missing or damaged, or the film cannot be written.
    """
    if not paths:
        raise EncodingError(f"There are no segments for {target.name}.")
    options = options or Options()
    segment_name(target, options, 0)
    expected = (
        sum(probe_film(p, sound=False).frames for p in paths) if frames is None else frames
    )
    file = PartialFile(target, overwrite=overwrite)
    partial = file.open()
    try:
        with tempfile.TemporaryDirectory(prefix="lucidsonic-") as folder:
            listing = Path(folder) / "segments.txt"
            listing.write_text(concat_listing(paths), encoding="utf-8")
            command = concat_command(listing, partial, fps=fps, sound=sound, options=options)
            texts = metadata_arguments(metadata or {})
            run_ffmpeg([*command[:-1], *texts, command[-1]], doing=f"Writing {target.name}")
        found = probe_film(partial, sound=False).frames
        if found != expected:
            raise EncodingError(
                f"{target.name} would have {found} pictures instead of {expected}:"
                " a segment is damaged."
            )
        file.publish()
    finally:
        file.discard()
    return target


def concat_listing(paths: Iterable[Path]) -> str:
    """The segments as ffmpeg's concat demuxer reads them."""
    quoted = (str(path.resolve()).replace("'", r"'\''") for path in paths)
    return "ffconcat version 1.0\n" + "".join(f"file 'file:{name}'\n" for name in quoted)


def concat_command(
    listing: Path, partial: Path, *, fps: Fraction, sound: Song | Path | None, options: Options
) -> list[str]:
    """The arguments of the ffmpeg that joins segments."""
    import ffmpeg  # ffmpeg-python

    codec = picture_codec(partial, options)
    part = add_sound(sound, partial, options)
    # Segment lengths are rounded to microseconds on the way in: put times back on the grid.
    grid = f"round(round({{0}}*TB*{fps})/({fps})/TB)"
    times = f"pts={grid.format('PTS')}:dts={grid.format('DTS')}:duration=round(1/({fps})/TB)"
    output = ffmpeg.output(
        ffmpeg.input(f"file:{listing}", f="concat", safe=0)["v"],
        *part.streams,
        f"file:{partial}",
        f=container_of(partial).muxer,
        map_metadata=-1,
        **{"c:v": "copy", "bsf:v": f"setts={times}"},
        **container_arguments(partial, codec, fps=fps),
        **part.arguments,
    )
    return output.compile(cmd="ffmpeg")[1:]
