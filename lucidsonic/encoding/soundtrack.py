"""A song -> a film's sound, encoded while somebody paints the pictures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lucidsonic.encoding.options import Options, container_of
from lucidsonic.encoding.process import Feeder
from lucidsonic.encoding.sound import add_sound
from lucidsonic.types import Song


@contextmanager
def encode_sound(
    song: Song, place: Path, *, options: Options, doing: str
) -> Iterator[Callable[[], Path]]:
    """Encode a film's sound in a process of its own while the block runs.

    Copied from there into a film of the same suffix, it is the sound that the film would have
    got directly, sample for sample.

    Args:
        song: the part of a song that is heard.
        place: where to write; its suffix is the film's, and can hold sound. It is replaced,
            and gone after the block.
        options: how the film is written.
        doing: what fails if it fails, for example "Writing film.mp4".

    Yields:
        What waits for the end and gives `place`. It raises EncodingError if ffmpeg failed.
    """
    try:
        with Feeder(sound_command(song, place, options), doing=doing) as process:

            def finished() -> Path:
                process.finish()
                return place

            yield finished
    finally:
        place.unlink(missing_ok=True)


def sound_command(song: Song, place: Path, options: Options) -> list[str]:
    """The arguments of the ffmpeg that writes nothing but the sound."""
    import ffmpeg  # ffmpeg-python

    part = add_sound(song, place, options)
    output = ffmpeg.output(
        *part.streams,
        f"file:{place}",
        f=container_of(place).muxer,
        map_metadata=-1,
        **part.arguments,
    )
    return output.compile(cmd="ffmpeg")[1:]
