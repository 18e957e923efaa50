import doctest
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lucidsonic import timebase
from lucidsonic.errors import ConfigError
from lucidsonic.timebase import (
    frames_to_seconds,
    parse_fps,
    parse_time,
    seconds_to_frame,
    seconds_to_frames,
)

RATES = st.sampled_from(["24", "25", "30", "60", "23.976", "29.97", "59.94", "12.5"])


def test_the_examples_in_the_docstrings_are_true():
    assert doctest.testmod(timebase).failed == 0


@given(st.floats(0.001, 4 * 3600), RATES)
def test_a_film_covers_its_song_by_less_than_one_frame(seconds: float, rate: str):
    fps = parse_fps(rate)
    length = frames_to_seconds(seconds_to_frames(seconds, fps), fps)

    assert length >= seconds - 1e-6
    assert length - seconds < 1 / float(fps) + 1e-6


@given(st.integers(0, 1_000_000), RATES)
def test_the_frame_that_starts_at_a_time_is_on_screen_then(frame: int, rate: str):
    fps = parse_fps(rate)

    assert seconds_to_frame(frames_to_seconds(frame, fps) + 1e-6, fps) == frame


def test_the_last_frame_of_an_hour_is_where_it_should_be():
    fps = parse_fps("23.976")

    assert seconds_to_frames(3600, fps) == 86_314  # 3600 * 24000 / 1001 = 86313.69
    assert frames_to_seconds(86_313, fps) == float(Fraction(86_313 * 1001, 24000))


def test_the_classic_rates_stay_exactly_what_was_asked():
    """The classic tool turned 24, 30 and 60 into 24.61, 31.32 and 68.91."""
    assert [parse_fps(n) for n in (24, 30, 60)] == [24, 30, 60]


@pytest.mark.parametrize("text", ["0", "-3", "abc", "1/0", "1000", "", "nan", "inf"])
def test_a_frame_rate_that_is_none_is_refused(text: str):
    with pytest.raises(ConfigError):
        parse_fps(text)


@pytest.mark.parametrize("text", ["-1", "1:2:3:4", "x", "", "nan", "inf"])
def test_a_time_that_is_none_is_refused(text: str):
    with pytest.raises(ConfigError):
        parse_time(text)
