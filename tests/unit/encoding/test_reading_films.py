"""What is read from a film is what is in it."""

import subprocess
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lucidsonic.encoding import Options, probe_film, read_film, write_film
from lucidsonic.encoding.probe import channel_count, frame_rate
from lucidsonic.errors import EncodingError
from lucidsonic.ffmpeg import find_ffmpeg
from lucidsonic.timebase import NTSC


@pytest.fixture
def film(tmp_path: Path, waves) -> Path:
    return write_film(
        tmp_path / "a.mp4", [waves(50)], size=(64, 96), fps=Fraction(25), options=Options(crf=8)
    )


@pytest.mark.parametrize(("start_s", "first"), [(0.0, 0), (0.5, 13), (0.52, 13), (1.96, 49)])
def test_reading_from_the_middle_begins_with_the_right_picture(start_s, first, film, waves):
    seen = list(read_film(film, start_s=start_s))
    assert len(seen) == 50 - first
    assert seen[0][0] == pytest.approx(first / 25)
    assert np.abs(seen[0][1].astype(int) - waves(50)[first]).mean() < 4


def test_reading_after_the_end_gives_nothing(film):
    assert list(read_film(film, start_s=9.0)) == []


def test_pictures_are_scaled_when_asked(film):
    assert next(read_film(film, size=(32, 48)))[1].shape == (32, 48, 3)


def test_reading_may_be_given_up(film):
    stream = read_film(film)
    next(stream)
    stream.close()


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.97])
def test_a_truncated_film_is_an_error_and_not_a_shorter_film(keep, film):
    whole = film.read_bytes()
    film.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(EncodingError, match=r"a\.mp4"):
        list(read_film(film))


@pytest.mark.parametrize("name", ["gone.mp4", "folder"])
def test_what_is_not_there_is_an_error(name, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(EncodingError, match="no film called"):
        probe_film(tmp_path / name)


def test_a_song_is_no_film(clicks):
    with pytest.raises(EncodingError, match=r"clicks\.wav"):
        probe_film(clicks.path)


def test_a_film_that_loads_late_is_found_out(film):
    facts = probe_film(film)
    assert facts.fast_start
    late = film.with_name("late.mp4")
    from lucidsonic.encoding.process import run_ffmpeg

    run_ffmpeg(["-i", str(film), "-c", "copy", str(late)], doing="Copying")
    assert not probe_film(late).fast_start
    assert probe_film(late).times_s == facts.times_s


rates = st.sampled_from(
    [Fraction(n) for n in range(10, 121)] + [Fraction(rate * 1000, 1001) for rate in NTSC]
)


@given(rates, st.integers(30, 5000))
@example(Fraction(48000, 1001), 30)
def test_the_rate_is_found_in_times_rounded_to_milliseconds(fps, frames):
    times = [round(1000 * number / fps) for number in range(frames)]
    told = f"{float(fps):.2f}".rstrip("0").rstrip(".")
    assert frame_rate(times, Fraction(1, 1000), told) == fps


@pytest.mark.parametrize(
    ("layout", "channels"), [("mono", 1), ("stereo", 2), ("5.1(side)", 6), ("7.1", 8)]
)
def test_channels_are_counted(layout, channels):
    assert channel_count(layout) == channels


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("a.avi", ["-c:v", "libx264"]),
        ("b.avi", ["-c:v", "mpeg4", "-bf", "2"]),
        ("c.mpg", ["-c:v", "mpeg2video"]),
    ],
)
def test_films_whose_packets_say_no_times_are_read(
    name: str, how: list[str], film: Path, waves
):
    other = film.with_name(name)
    command = [find_ffmpeg(), "-v", "error", "-i", film, *how, "-q:v", "2", "-an", other]
    subprocess.run([str(word) for word in command], check=True)

    seen = [picture.astype(int) for _, picture in read_film(other)]

    assert len(seen) == 50
    wrong = [np.abs(a - b).mean() for a, b in zip(seen, waves(50).astype(int), strict=True)]
    assert max(wrong) < 12


def test_a_film_that_fills_the_decoders_log_is_read_to_its_end(film: Path, waves):
    long = film.with_name("long.mp4")
    write_film(long, [waves(50)] * 30, size=(64, 96), fps=Fraction(25), options=Options(crf=2))
    content = bytearray(long.read_bytes())
    chance = np.random.default_rng(3)
    for place in chance.integers(len(content) // 10, len(content) * 9 // 10, 12_000):
        content[place] ^= 1 << int(chance.integers(8))
    long.write_bytes(content)

    times: list[float] = []
    with suppress(EncodingError):  # it may end early, but it ends
        times.extend(time for time, _ in read_film(long))

    assert times == sorted(times)
    assert len(times) <= 50 * 30
