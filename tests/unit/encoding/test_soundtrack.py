"""A film's sound, encoded beside its pictures."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lucidsonic.audio import load_audio, open_song
from lucidsonic.encoding import (
    Options,
    Track,
    concat_segments,
    encode_sound,
    join_album,
    probe_film,
    write_segment,
)
from lucidsonic.encoding.process import run_ffmpeg
from lucidsonic.errors import EncodingError
from lucidsonic.types import Song

FPS = Fraction(25)
KINDS = [("a.mp4", "auto"), ("a.mov", "alac"), ("a.mkv", "auto"), ("a.mkv", "opus")]


def joined(folder: Path, name: str, sound: Song | Path, options: Options) -> Path:
    pictures = np.zeros((60, 32, 32, 3), np.uint8)
    part = write_segment(folder / "part.mp4", [pictures], size=(32, 32), fps=FPS)
    return concat_segments([part], folder / name, fps=FPS, sound=sound, options=options)


def floats(folder: Path, samples: np.ndarray) -> Song:
    path = folder / "floats.wav"
    soundfile.write(path, samples, 44_100, subtype="FLOAT")
    return open_song(path)


def heard_in(film: Path) -> np.ndarray:
    """The film's samples as they are stored, float32 `(samples, channels)`: not yet clipped."""
    loud = film.with_suffix(".wav")
    run_ffmpeg(["-i", str(film), "-c:a", "pcm_f32le", str(loud)], doing="Listening")
    return soundfile.read(loud, dtype="float32", always_2d=True)[0]


def album_of(folder: Path, song: Song) -> Path:
    """The song's film, twice in a row."""
    film = joined(folder, "alone.mp4", song, Options())
    tracks = [Track(film, song, "one"), Track(film, song, "two")]
    join_album(tracks, folder / "album.mp4", crossfade_s=0.0)
    return folder / "album.mp4"


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


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_loud_surround_sound_does_not_clip_as_stereo(subtype: str, tmp_path: Path):
    t = np.arange(round(2.4 * 44_100)) / 44_100
    path = tmp_path / "loud.wav"
    samples = np.tile(0.9 * np.sin(2 * np.pi * 220 * t)[:, None], (1, 6))
    soundfile.write(path, samples, 44_100, subtype=subtype)
    song = open_song(path)

    for film in (joined(tmp_path, "a.mp4", song, Options()), album_of(tmp_path, song)):
        heard = heard_in(film)

        assert heard.shape[1] == 2
        assert 0.85 < np.abs(heard).max() < 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_no_numbers_are_silence_in_the_film(bad: float, tmp_path: Path):
    samples = np.full((round(2.4 * 44_100), 2), 0.25)
    samples[50_000] = bad
    song = floats(tmp_path, samples)

    plain = heard_in(joined(tmp_path, "a.mov", song, Options(sound="pcm")))
    for film in (joined(tmp_path, "a.mp4", song, Options()), album_of(tmp_path, song)):
        assert 0.2 < np.abs(heard_in(film)).max() < 1.0

    samples[50_000] = 0.0
    assert np.array_equal(plain, samples.astype(np.float32))


def test_looking_for_nan_changes_nothing_else(tmp_path: Path):
    samples = np.random.default_rng(0).normal(0, 0.2, (round(2.4 * 44_100), 2))
    song = floats(tmp_path, np.round(samples * 2**15) / 2**15)
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, soundfile.read(song.path)[0], 44_100, subtype="PCM_16")

    one, other = (
        heard_in(joined(tmp_path, f"{each.path.stem}.mp4", each, Options()))
        for each in (song, open_song(whole))
    )

    assert np.array_equal(one, other)
