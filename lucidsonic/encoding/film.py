"""Pictures + song -> film file, in one ffmpeg process, whole or not at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from lucidsonic.encoding.metadata import metadata_arguments
from lucidsonic.encoding.options import (
    Options,
    check_choice,
    container_of,
    picture_codec,
)
from lucidsonic.encoding.partial import PartialFile
from lucidsonic.encoding.process import Feeder
from lucidsonic.encoding.sound import add_sound
from lucidsonic.encoding.video import picture_stream, video_arguments
from lucidsonic.errors import EncodingError
from lucidsonic.types import Pictures, Song

Layout = Literal["rgb24", "yuv420p"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What a film file is to be.

    Attributes:
        size: height and width, pixels.
        fps: pictures per second, exactly.
        sound: the part of the song that is heard, or a film whose sound is taken over as it
            is; None for a silent film.
        options: how it is written.
        layout: how pictures arrive: "rgb24" `(height, width, 3)`, or "yuv420p" planes
            `(height * 3 / 2, width)` in BT.709, 16 to 235.
        metadata: texts that travel inside the file.
        overwrite: whether a file of this name may be replaced.
    """

    size: tuple[int, int]
    fps: Fraction
    sound: Song | Path | None = None
    options: Options = field(default_factory=Options)
    layout: Layout = "rgb24"
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    overwrite: bool = False

    @property
    def frame_bytes(self) -> int:
        height, width = self.size
        return height * width * 3 if self.layout == "rgb24" else height * width * 3 // 2


def write_film(  # noqa: PLR0913 - one keyword for each fact about the film
    path: Path,
    pictures: Iterable[Pictures],
    *,
    size: tuple[int, int],
    fps: Fraction,
    sound: Song | Path | None = None,
    options: Options | None = None,
    layout: Layout = "rgb24",
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Encode pictures and song, holding two batches in memory at a time.

    Args:
        path: where to write; the suffix chooses the container.
        pictures: uint8 pictures in film order, one or many an array, in `layout`. An array
            must not be changed once it has been handed over.
        size: height and width, pixels.
        fps: pictures per second, exactly.
        sound: the part of the song that is heard, from its own file; or a film whose sound
            is taken over as it is.
        options: codecs and quality.
        layout: "rgb24" `(height, width, 3)` or "yuv420p" planes `(height * 3 / 2, width)`.
        metadata: texts that travel inside the film, see `read_metadata`.
        overwrite: whether a file of this name may be replaced.

    Returns:
        `path`. It appears only when the film is whole.

    Raises:
        ConfigError: codec, container, size and rate do not fit together, or there is such a
            file already.
        EncodingError: the encoder failed, the disk is full, or the folder cannot be written.
    """
    film = Film(
        size=size,
        fps=fps,
        sound=sound,
        options=options or Options(),
        layout=layout,
        metadata=metadata or {},
        overwrite=overwrite,
    )
    with FilmWriter(path, film) as writer:
        for batch in pictures:
            writer.put(batch)
    return path


class FilmWriter:
    """A film that is being written, for callers that push.

    Leaving the context finishes the film and gives it its name; leaving it by an exception
    ends the encoder and leaves nothing behind.
    """

    def __init__(self, path: Path, film: Film) -> None:
        self.path = path
        self.film = film
        self.frames = 0
        check_choice(path, film.options, size=film.size, fps=film.fps)
        self._file = PartialFile(path, overwrite=film.overwrite)

    def __enter__(self) -> Self:
        partial = self._file.open()
        try:
            command = film_command(partial, self.film)
            self._feeder = Feeder(command, doing=f"Writing {self.path.name}").__enter__()
        except BaseException:
            self._file.discard()
            raise
        return self

    def put(self, pictures: Pictures) -> None:
        """Add one picture or a batch; waits while the encoder is two batches behind.

        Raises:
            EncodingError: the encoder failed, or the pictures are not of the film's size.
        """
        count, rest = divmod(pictures.nbytes, self.film.frame_bytes)
        if rest or pictures.dtype != "uint8":
            height, width = self.film.size
            raise EncodingError(
                f"Pictures of shape {pictures.shape} ({pictures.dtype}) do not fit a"
                f" {width}x{height} {self.film.layout} film."
            )
        self._feeder.put(pictures)
        self.frames += count

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._feeder.__exit__(kind)
            self._file.discard()

    def _finish(self) -> None:
        if not self.frames:
            raise EncodingError(f"Writing {self.path.name} failed: there was no picture.")
        self._feeder.finish()
        self._file.publish()


def film_command(partial: Path, film: Film) -> list[str]:
    """The arguments of the ffmpeg that reads raw pictures from its standard input."""
    import ffmpeg  # ffmpeg-python

    codec = picture_codec(partial, film.options)
    pictures = picture_stream(film.size, fps=film.fps, layout=film.layout, codec=codec)
    sound = add_sound(film.sound, partial, film.options)
    output = ffmpeg.output(
        *(pictures, *sound.streams, f"file:{partial}"),
        f=container_of(partial).muxer,
        **video_arguments(partial, film.options, fps=film.fps, size=film.size),
        **sound.arguments,
    )
    command = output.compile(cmd="ffmpeg")[1:]
    # ffmpeg-python knows no repeated options: metadata go right before the output's name.
    return [*command[:-1], *metadata_arguments(film.metadata), command[-1]]
