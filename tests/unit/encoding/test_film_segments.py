"""Joined segments are the film that one encode would have been."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lucidsonic.encoding import (
    Options,
    concat_segments,
    probe_film,
    read_film,
    read_metadata,
    segment_name,
    write_film,
    write_segment,
)
from lucidsonic.errors import ConfigError, EncodingError

FPS = Fraction(24000, 1001)
CUTS = (0, 11, 12, 30, 47, 60)
HOW = {"size": (64, 96), "fps": FPS}


def press(folder: Path, pictures: np.ndarray, target: Path, options: Options) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [
        write_segment(
            folder / segment_name(target, options, number),
            [pictures[start:stop]],
            options=options,
            **HOW,
        )
        for number, (start, stop) in enumerate(pairwise(CUTS))
    ]


@pytest.mark.parametrize(
    ("codec", "crf", "name", "lossless"),
    [
        ("h264", 0, "a.mp4", True),
        ("prores", None, "a.mov", True),
        ("h264", 18, "a.mkv", False),
        ("hevc", 18, "a.mp4", False),
        ("av1", 20, "a.webm", False),
        ("vp9", 20, "a.mp4", False),
    ],
)
def test_five_segments_are_the_unbroken_film(
    codec, crf, name, lossless, tmp_path, waves, clicks
):
    options, pictures = Options(codec=codec, crf=crf), waves(60)
    target = tmp_path / name
    segments = press(tmp_path / "parts", pictures, target, options)
    texts = {"plan": "x = 1"}
    more = {"sound": clicks, "options": options, "metadata": texts}
    joined = concat_segments(segments, target, fps=FPS, frames=60, **more)
    whole = write_film(tmp_path / f"whole{target.suffix}", [pictures], **HOW, **more)
    one, other = probe_film(joined), probe_film(whole)
    assert one.times_s == other.times_s
    assert (one.fps, one.frames, one.size) == (FPS, 60, (64, 96))
    assert one.audio_duration_s == other.audio_duration_s
    assert (one.matrix, one.fast_start) == ("bt709", True)
    assert read_metadata(joined) == texts
    for asked, (_, a), (_, b) in zip(
        pictures.astype(int), read_film(joined), read_film(whole), strict=True
    ):
        if lossless:
            assert np.array_equal(a, b)
        assert np.abs(a - asked).mean() < 1.4 * np.abs(b - asked).mean() + 0.5


def test_many_short_segments_keep_every_time_exact(tmp_path, waves):
    fps = Fraction(30000, 1001)  # four frames are no whole number of microseconds
    pictures = waves(4, height=32, width=32)
    segment = write_segment(tmp_path / "s.mp4", [pictures], size=(32, 32), fps=fps)
    joined = concat_segments([segment] * 400, tmp_path / "a.mp4", fps=fps, frames=1600)
    assert probe_film(joined).times_s == tuple(float(n / fps) for n in range(1600))


def test_a_damaged_segment_is_found_and_no_film_appears(tmp_path, waves):
    target = tmp_path / "a.mp4"
    segments = press(tmp_path / "parts", waves(60), target, Options())
    whole = segments[2].read_bytes()
    segments[2].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EncodingError):
        concat_segments(segments, target, fps=FPS, frames=60)
    segments[2].unlink()
    with pytest.raises(EncodingError):
        concat_segments(segments, target, fps=FPS, frames=60)
    assert {path.name for path in tmp_path.iterdir()} == {"parts"}


def test_a_missing_picture_is_counted(tmp_path, waves):
    target = tmp_path / "a.mp4"
    segments = press(tmp_path / "parts", waves(60), target, Options())
    with pytest.raises(EncodingError, match="49 pictures instead of 60"):
        concat_segments(segments[1:], target, fps=FPS, frames=60)


def test_nothing_joined_is_an_error_and_gifs_are_not_cut(tmp_path):
    with pytest.raises(EncodingError, match="no segments"):
        concat_segments([], tmp_path / "a.mp4", fps=FPS)
    with pytest.raises(ConfigError, match="GIF"):
        segment_name(Path("a.gif"), Options(), 0)


def test_names_with_quotes_and_spaces_are_joined(tmp_path, waves):
    folder = tmp_path / 'it\'s a "film" %d'
    segments = press(folder, waves(60), tmp_path / "a.mp4", Options())
    target = folder / "what's up.mp4"
    assert probe_film(concat_segments(segments, target, fps=FPS)).frames == 60
