"""A film's sound, encoded beside its pictures."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lucidsonic.audio import load_audio
from lucidsonic.encoding import (
    Options,
    concat_segments,
    encode_sound,
    probe_film,
    write_segment,
)
from lucidsonic.errors import EncodingError
from lucidsonic.types import Song

FPS = Fraction(25)
KINDS = [("a.mp4", "auto"), ("a.mov", "alac"), ("a.mkv", "auto"), ("a.mkv", "opus")]


def joined(folder: Path, name: str, sound: Song | Path, options: Options) -> Path:
    pictures = np.zeros((60, 32, 32, 3), np.uint8)
    part = write_segment(folder / "part.mp4", [pictures], size=(32, 32), fps=FPS)
    return concat_segments([part], folder / name, fps=FPS, sound=sound, options=options)


@pytest.mark.parametrize(("name", "codec"), KINDS)
def test_sound_that_was_encoded_beside_the_pictures_is_the_films_own(
    name: str, codec: str, tmp_path: Path, clicks: Song
):
    options = Options(sound=codec)  # pyright: ignore[reportArgumentType]
    place = tmp_path / f"sound{Path(name).suffix}"

    with encode_sound(clicks, place, options=options, doing="Writing a film") as sound:
        beside = joined(tmp_path, f"beside-{name}", sound(), options)
    direct = joined(tmp_path, f"direct-{name}", clicks, options)

    one, other = probe_film(beside), probe_film(direct)
    assert one.audio_duration_s == other.audio_duration_s
    assert one.audio_codec == other.audio_codec
    assert np.array_equal(load_audio(beside).samples, load_audio(direct).samples)
    assert not place.exists()


def test_sound_that_is_not_waited_for_ends_with_the_block(tmp_path: Path, clicks: Song):
    place = tmp_path / "sound.mp4"

    with (
        pytest.raises(KeyboardInterrupt),
        encode_sound(clicks, place, options=Options(), doing="Writing a film"),
    ):
        raise KeyboardInterrupt

    assert not place.exists()


def test_sound_that_cannot_be_encoded_says_what_fails(tmp_path: Path, clicks: Song):
    place = tmp_path / "no folder" / "sound.mp4"

    with (
        encode_sound(clicks, place, options=Options(), doing="Writing film.mp4") as sound,
        pytest.raises(EncodingError, match=r"Writing film\.mp4 failed"),
    ):
        sound()
