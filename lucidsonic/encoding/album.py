"""Films of songs -> one film: pictures and sound crossfaded, a chapter for each song."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from lucidsonic.encoding.film import write_film
from lucidsonic.encoding.metadata import metadata_arguments
from lucidsonic.encoding.options import Options, container_of, picture_codec, sound_codec
from lucidsonic.encoding.partial import PartialFile, work_folder
from lucidsonic.encoding.probe import FilmFacts, probe_film
from lucidsonic.encoding.process import run_ffmpeg
from lucidsonic.encoding.reading import read_film
from lucidsonic.encoding.sound import cut_samples, fitting_rate, mixed, sound_arguments
from lucidsonic.encoding.video import container_arguments
from lucidsonic.errors import ConfigError, EncodingError
from lucidsonic.types import OnProgress, Pictures, Progress, Song, ignore_progress

REPORT_EVERY = 30  # frames between two words to whoever watches
CHAPTER_TICKS = 1000  # a second


@dataclass(frozen=True, slots=True)
class Track:
    """One song of an album.

    Attributes:
        film: its film; all of an album have one size and rate.
        song: what is heard: the part of the song that the film covers.
        title: of its chapter.
    """

    film: Path
    song: Song
    title: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A track in the album.

    Attributes:
        track: it.
        facts: what is in its film.
        start: the album's frame at which it begins to be seen.
    """

    track: Track
    facts: FilmFacts
    start: int

    @property
    def stop(self) -> int:
        """One past the album's last frame in which it is seen."""
        return self.start + self.facts.frames


def join_album(  # noqa: PLR0913 - a keyword for each thing that a film has, and the tracks
    tracks: Sequence[Track],
    target: Path,
    *,
    crossfade_s: float,
    options: Options | None = None,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> int:
    """Join films so that each fades into the next; holds two pictures in memory at a time.

    Every film is read once, from its front to its back; the sound comes from the songs
    themselves, crossfaded with equal power.

    Args:
        tracks: in order.
        target: the album's film.
        crossfade_s: how long two songs are seen and heard together.
        options: how it is written.
        metadata: texts that travel inside it, see `read_metadata`.
        overwrite: whether a file of that name may be replaced.
        on_progress: told how far it is.

    Returns:
        How many pictures it has: those of all films less the shared ones.

    Raises:
        ConfigError: films differ in size or rate, or one is shorter than its crossfades.
        EncodingError: a film cannot be read, or the album cannot be written.
    """
    options = options or Options()
    placed = place(tracks, crossfade_s)
    facts, frames = placed[0].facts, placed[-1].stop
    file = PartialFile(target, overwrite=overwrite)
    partial = file.open()
    try:
        with work_folder(target) as folder:
            silent = folder / f"pictures{target.suffix}"
            pictures = told(crossfaded(placed), frames, on_progress)
            write_film(silent, pictures, size=facts.size, fps=facts.fps, options=options)
            command = album_command(placed, silent, partial, options)
            command[-1:-1] = metadata_arguments(metadata or {})
            run_ffmpeg(command, doing=f"Writing {target.name}")
        found = probe_film(partial, sound=False).frames
        if found != frames:
            raise EncodingError(f"{target.name} would have {found} pictures, not {frames}.")
        file.publish()
    finally:
        file.discard()
    return frames


def place(tracks: Sequence[Track], crossfade_s: float) -> list[Placed]:
    """Where each track begins.

    Raises:
        ConfigError: films differ in size or rate, or one is shorter than its crossfades.
    """
    placed: list[Placed] = []
    start = 0
    for number, track in enumerate(tracks):
        facts = probe_film(track.film, sound=False)
        first = placed[0].facts if placed else facts
        if (facts.size, facts.fps) != (first.size, first.fps):
            raise ConfigError(
                f"{track.film.name} has another size or rate than {tracks[0].film.name}.",
                hint="Give --size and --fps, and make all films again.",
            )
        fade = round(crossfade_s * facts.fps)
        needed = shared_frames(fade, number, len(tracks))
        check_length(track.title, facts.frames, needed, crossfade_s)
        placed.append(Placed(track, facts, start))
        start += facts.frames - fade
    return placed


def shared_frames(fade: int, number: int, count: int) -> int:
    """Frames that track `number` of `count` shares with its neighbours."""
    return fade * ((number > 0) + (number < count - 1))


def check_length(title: str, frames: int, needed: int, crossfade_s: float) -> None:
    """Complain about a film that is shorter than its crossfades.

    Raises:
        ConfigError: it is.
    """
    if frames < max(needed, 1):
        raise ConfigError(
            f"'{title}' is shorter than its crossfades of {crossfade_s:g} s.",
            hint="Use a shorter --crossfade.",
        )


def crossfaded(placed: Sequence[Placed]) -> Iterator[Pictures]:
    """The album's pictures, uint8 `(height, width, 3)`, in order."""
    leaving: Iterator[Pictures] = iter(())
    for number, now in enumerate(placed):
        stream = (picture for _, picture in read_film(now.track.film))
        shared = placed[number - 1].stop - now.start if number else 0
        until = placed[number + 1].start if number + 1 < len(placed) else now.stop
        for step in range(1, shared + 1):
            yield blend(next(leaving), next(stream), step / (shared + 1))
        for _ in range(now.start + shared, until):
            yield next(stream)
        leaving = stream


def blend(old: Pictures, new: Pictures, share: float) -> Pictures:
    """A picture between two, `share` of the way to the new one."""
    weight = round(256 * share)
    mixed = old.astype(np.uint16) * (256 - weight) + new.astype(np.uint16) * weight
    return ((mixed + 128) >> 8).astype(np.uint8)


def told(
    pictures: Iterator[Pictures], frames: int, on_progress: OnProgress
) -> Iterator[Pictures]:
    """The same pictures; tells now and then how many there were."""
    for number, picture in enumerate(pictures, 1):
        yield picture
        if number % REPORT_EVERY == 0 or number == frames:
            on_progress(Progress("album", number, frames))


def album_command(
    placed: Sequence[Placed], silent: Path, partial: Path, options: Options
) -> list[str]:
    """The arguments of the ffmpeg that adds sound and chapters to an album's pictures."""
    import ffmpeg  # ffmpeg-python

    codec, sound = picture_codec(partial, options), sound_codec(partial, options)
    streams = [ffmpeg.input(f"file:{silent}")["v"]]
    arguments: dict[str, Any] = {"c:v": "copy", "map_metadata:g": -1, "map_metadata:s": -1}
    arguments |= container_arguments(partial, codec, fps=placed[0].facts.fps)
    if sound is not None:
        rate = fitting_rate(max(each.track.song.sample_rate for each in placed), sound)
        streams.append(album_sound(placed, rate))
        arguments |= sound_arguments(sound, options)
    muxer = container_of(partial).muxer
    output = ffmpeg.output(*streams, f"file:{partial}", f=muxer, **arguments)
    command = output.compile(cmd="ffmpeg")[1:]
    chapters = silent.with_suffix(".chapters")
    chapters.write_text(chapter_list(placed), encoding="utf-8")
    # ffmpeg-python knows no inputs that are not streams: it goes behind the last one that is.
    behind = max(at for at, word in enumerate(command) if word == "-i") + 2
    inputs = command[:behind].count("-i")
    return [
        *(*command[:behind], "-f", "ffmetadata", "-i", f"file:{chapters}"),
        *(*command[behind:-1], "-map_chapters", str(inputs), command[-1]),
    ]


def album_sound(placed: Sequence[Placed], rate: int) -> Any:
    """All songs, each crossfaded into the next, as a stream of an ffmpeg-python graph.

    Every song gets exactly the samples of its film's pictures, counted on the album's own
    clock, so that an album of any length ends with its pictures.
    """
    import ffmpeg  # ffmpeg-python

    spans = [(sample_at(x.start, x, rate), sample_at(x.stop, x, rate)) for x in placed]
    mono = all(each.track.song.channels == 1 for each in placed)
    streams = [
        song_stream(each.track.song, rate, stop - start, mono=mono, number=number)
        for number, (each, (start, stop)) in enumerate(zip(placed, spans, strict=True))
    ]
    album = streams[0]
    for before, now, stream in zip(spans, spans[1:], streams[1:], strict=False):
        shared = before[1] - now[0]
        how = {"ns": shared, "c1": "qsin", "c2": "qsin"}
        album = (
            ffmpeg.filter([album, stream], "acrossfade", **how)
            if shared
            else ffmpeg.concat(album, stream, v=0, a=1)
        )
    return album


def sample_at(frame: int, placed: Placed, rate: int) -> int:
    """The album's sample at which a frame is shown."""
    return round(Fraction(frame) / placed.facts.fps * rate)


def song_stream(song: Song, rate: int, samples: int, *, mono: bool, number: int) -> Any:
    """A part of a song at another rate, cut or padded to so many samples."""
    cut = cut_samples(song, number=number)
    stream = mixed(cut, song, rate, layout="mono" if mono else "stereo")
    return stream.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)


def chapter_list(placed: Sequence[Placed]) -> str:
    """The chapters as ffmpeg's metadata format; each begins where its song is first seen."""
    fps = placed[0].facts.fps
    starts = [round(each.start / fps * CHAPTER_TICKS) for each in placed]
    ends = [*starts[1:], round(placed[-1].stop / fps * CHAPTER_TICKS)]
    lines = [";FFMETADATA1"]
    for each, start, end in zip(placed, starts, ends, strict=True):
        lines += ["[CHAPTER]", f"TIMEBASE=1/{CHAPTER_TICKS}", f"START={start}", f"END={end}"]
        lines.append(f"title={escaped(each.track.title)}")
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """A value of ffmpeg's metadata format."""
    return "".join(f"\\{sign}" if sign in "=;#\\\n" else sign for sign in text)
