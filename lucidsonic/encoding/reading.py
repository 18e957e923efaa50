"""Film file -> pictures, one after the other."""

import subprocess
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from lucidsonic.encoding.probe import FilmFacts, probe_film
from lucidsonic.encoding.process import last_words
from lucidsonic.errors import EncodingError
from lucidsonic.ffmpeg import find_ffmpeg
from lucidsonic.types import Pictures


def read_film(
    path: Path, *, size: tuple[int, int] | None = None, start_s: float = 0.0
) -> Generator[tuple[float, Pictures]]:
    """Every picture of a film with the time at which it is shown, none twice, none left out.

    Args:
        path: the film.
        size: height and width to scale pictures to; None leaves them as they are.
        start_s: leave out the pictures that are shown before.

    Yields:
        Seconds from the film's start, and uint8 RGB `(height, width, 3)`.

    Raises:
        EncodingError: the file is no film, or its pictures end before the film does.
    """
    facts = probe_film(path, sound=False)
    half = 0.5 / float(facts.fps)
    times = [time for time in facts.times_s if time > start_s - half]
    if not times:
        return
    height, width = size or facts.size
    begin_s = times[0] - half if start_s > 0 else 0.0
    with (
        # A file, as a damaged film fills a pipe that nobody reads meanwhile.
        TemporaryFile("w+", encoding="utf-8", errors="replace") as log,
        subprocess.Popen(
            reading_command(facts, (height, width), begin_s),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for time in times:
                raw = process.stdout.read(height * width * 3)
                if len(raw) < height * width * 3:
                    log.seek(0)
                    words = last_words(log.read().splitlines())
                    raise EncodingError(
                        f"{path.name} ends early, at {time:.3f} s of its pictures: {words}."
                    )
                yield time, np.frombuffer(raw, np.uint8).reshape(height, width, 3)
        finally:
            process.kill()


def reading_command(facts: FilmFacts, size: tuple[int, int], start_s: float) -> list[str]:
    """The ffmpeg that writes a film's pictures as raw RGB, from the first after `start_s`."""
    height, width = size
    scale = f"scale={width}:{height}:flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp"
    if not facts.matrix and facts.pixel_format.startswith("yuv"):
        scale += ":in_color_matrix=bt709"  # a film that does not say is most likely this
    seek = ["-ss", f"{start_s:.6f}"] if start_s > 0 else []
    return [
        *(str(find_ffmpeg()), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"),
        *(*seek, "-i", f"file:{facts.path}", "-map", "0:v:0", "-vf", f"{scale},format=rgb24"),
        *("-fps_mode", "passthrough", "-f", "rawvideo", "-"),
    ]
