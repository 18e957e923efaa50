import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from lucidsonic.audio import analysis_blocks, find_stems, load_audio, open_song, read_blocks
from lucidsonic.audio.song import finite
from lucidsonic.errors import AudioError
from lucidsonic.ffmpeg import find_ffmpeg
from lucidsonic.types import Song

Samples = npt.NDArray[np.float64]
RATE = 44_100


def tone(seconds: float = 1.0, *, rate: int = RATE, hertz: float = 440.0) -> Samples:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def wav(folder: Path, samples: Samples, *, rate: int = RATE, subtype: str = "FLOAT") -> Path:
    path = folder / "song.wav"
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def converted(source: Path, name: str, *options: str) -> Path:
    target = source.with_name(name)
    command = [
        str(find_ffmpeg()),
        "-v",
        "error",
        "-y",
        "-i",
        str(source),
        *options,
        str(target),
    ]
    subprocess.run(command, check=True)
    return target


def whole(song: Song, **options: float) -> npt.NDArray[np.float32]:
    return np.concatenate(list(analysis_blocks(song, **options)))  # pyright: ignore[reportArgumentType]


FORMATS = {
    "song.flac": (),
    "song.ogg": ("-c:a", "libvorbis"),
    "song.opus": ("-c:a", "libopus"),
    "song.mp3": ("-c:a", "libmp3lame", "-b:a", "160k"),
    "song.m4a": ("-c:a", "aac", "-b:a", "160k"),
    "song.aiff": (),
    "song.mka": ("-c:a", "flac"),
    "film.mp4": ("-f", "lavfi", "-i", "color=s=64x64:d=2.5", "-c:a", "aac", "-b:a", "160k"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_song(tmp_path: Path, name: str) -> None:
    stereo = np.stack([tone(2.5), 0.5 * tone(2.5)], axis=1)
    stereo[:RATE] = 0  # a second of silence, so that a shift would show
    original = wav(tmp_path, stereo)
    song = open_song(converted(original, name, *FORMATS[name]))
    assert song.channels == 2
    assert song.duration_s == pytest.approx(2.5, abs=0.022)
    heard = whole(song)
    reference = whole(open_song(original))
    shared = min(len(heard), len(reference)) - 500
    assert np.abs(heard[:shared] - reference[:shared]).mean() < 0.01


@pytest.mark.parametrize("name", ["song.flac", "song.wav"])
def test_lossless_songs_are_exact_to_the_sample(tmp_path: Path, name: str) -> None:
    wav(tmp_path, tone()[:40_001], subtype="PCM_16")
    path = converted(tmp_path / "song.wav", "copy-" + name)
    assert open_song(path).duration_s * RATE == pytest.approx(40_001, abs=1e-6)
    assert load_audio(path).samples.shape == (1, 40_001)


@pytest.mark.parametrize("name", ["song.flac", "song.mp3", "song.m4a", "song.ogg", "song.opus"])
def test_a_part_is_the_same_samples_as_in_the_whole(tmp_path: Path, name: str) -> None:
    path = converted(wav(tmp_path, tone(3)), name)
    rate = open_song(path).sample_rate
    part = load_audio(path, start_s=1.25, duration_s=0.5).samples
    full = load_audio(path).samples
    first = round(1.25 * rate)
    np.testing.assert_allclose(part, full[:, first : first + round(0.5 * rate)], atol=1e-5)


@pytest.mark.parametrize("channels", range(1, 9))
def test_one_to_eight_channels(tmp_path: Path, channels: int) -> None:
    song = open_song(wav(tmp_path, np.tile(tone()[:, None], (1, channels))))
    (block,) = read_blocks(song)
    assert block.shape == (channels, RATE)
    assert np.abs(whole(song)).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("rate", [8000, 11_025, 48_000, 96_000, 192_000])
def test_any_rate_becomes_the_one_asked(tmp_path: Path, rate: int) -> None:
    song = open_song(wav(tmp_path, tone(rate=rate), rate=rate))
    assert song.sample_rate == rate
    assert len(whole(song)) == 22_050
    assert load_audio(song.path, sample_rate=16_000, mono=True).samples.shape == (1, 16_000)


@pytest.mark.parametrize("block_s", [0.01, 0.37, 5.0])
def test_the_samples_do_not_depend_on_the_blocks(tmp_path: Path, block_s: float) -> None:
    noise = np.random.default_rng(0).normal(size=(3 * RATE, 2)) * 0.1
    song = open_song(wav(tmp_path, noise))
    np.testing.assert_array_equal(whole(song, block_s=block_s), whole(song))
    blocks = list(read_blocks(song, block_s=block_s))
    assert len({b.shape[1] for b in blocks[:-1]}) <= 1
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), noise.T.astype(np.float32))


def test_opposite_channels_do_not_cancel(tmp_path: Path) -> None:
    song = open_song(wav(tmp_path, np.stack([tone(), -0.9 * tone()], axis=1)))
    assert np.abs(whole(song)).max() == pytest.approx(0.5, abs=0.01)


def test_the_one_live_channel_of_six_is_the_song(tmp_path: Path) -> None:
    samples = np.zeros((RATE, 6))
    samples[:, 4] = tone()
    assert np.abs(whole(open_song(wav(tmp_path, samples)))).max() == pytest.approx(
        0.5, abs=0.01
    )


def test_a_preview_hears_the_channels_of_the_whole(tmp_path: Path) -> None:
    samples = np.stack([tone(4), -tone(4)], axis=1)
    samples[:RATE, 1] *= -1  # the first second alone would not cancel
    path = wav(tmp_path, samples)
    part = whole(open_song(path, duration_s=1.0))
    np.testing.assert_allclose(part[:20_000], whole(open_song(path))[:20_000], atol=1e-6)


def test_nan_and_infinity_are_silence_and_loud_samples_are_clipped(tmp_path: Path) -> None:
    samples = tone()
    samples[100:200], samples[300], samples[400] = np.nan, np.inf, 7.0
    read = load_audio(wav(tmp_path, samples)).samples[0]
    assert np.isfinite(read).all()
    assert (read[100:200] == 0).all()
    assert (read[300], read[400]) == (0, 1)


@given(st.lists(st.floats(width=32), min_size=1, max_size=50))
def test_samples_are_always_finite_and_in_range(numbers: list[float]) -> None:
    cleaned = finite(np.array(numbers, np.float32))
    assert np.isfinite(cleaned).all()
    assert np.abs(cleaned).max() <= 1


def test_a_part_beyond_the_end_stops_at_the_end(tmp_path: Path) -> None:
    song = open_song(wav(tmp_path, tone()), start_s=0.75, duration_s=9)
    assert (song.start_s, song.duration_s) == (0.75, 0.25)


@pytest.mark.parametrize(
    ("start_s", "duration_s", "said"),
    [
        (1.0, None, "cannot start at 1 s"),
        (-1.0, None, "start at -1"),
        (0.0, 0.0, "nothing to hear"),
    ],
)
def test_a_part_outside_the_song_is_an_error(
    tmp_path: Path, start_s: float, duration_s: float | None, said: str
) -> None:
    with pytest.raises(AudioError, match=said) as caught:
        open_song(wav(tmp_path, tone()), start_s=start_s, duration_s=duration_s)
    assert "0:01 long" in caught.value.hint


def test_hopeless_files_are_one_clear_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "words.mp3").write_text("this is no music " * 50)
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    soundfile.write(tmp_path / "nan.wav", np.full(999, np.nan), RATE, subtype="FLOAT")
    film = tmp_path / "mute.mp4"
    silent = ["-f", "lavfi", "-i", "color=s=64x64:d=0.2", str(film)]
    subprocess.run([str(find_ffmpeg()), "-v", "error", *silent], check=True)
    wanted = {
        "missing.wav": "There is no file",
        "": "is not a file",
        "empty.wav": "is empty",
        "words.mp3": "cannot be read as sound",
        "none.wav": "no samples",
        "nan.wav": "no finite sample",
        "mute.mp4": "no sound in it",
    }
    for name, said in wanted.items():
        with pytest.raises(AudioError, match=said) as caught:
            open_song(tmp_path / name)
        assert caught.value.hint
    assert capfd.readouterr().err == ""  # no decoder adds words of its own


def test_a_cut_file_is_heard_to_its_end_or_named_damaged(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=RATE * 3) * 0.1
    path = converted(wav(tmp_path, noise), "song.flac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match="damaged"):
        open_song(path)
    cut = wav(tmp_path, noise, subtype="PCM_16")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    song = open_song(cut)
    assert song.duration_s == pytest.approx(1.5, abs=0.01)
    assert sum(b.shape[1] for b in read_blocks(song)) == round(song.duration_s * RATE)


def test_a_file_that_changed_after_opening_is_an_error(tmp_path: Path) -> None:
    song = open_song(wav(tmp_path, tone(2)))
    wav(tmp_path, tone(1))
    with pytest.raises(AudioError, match="changes at"):
        list(read_blocks(song))


def test_names_with_dashes_spaces_and_accents_open(tmp_path: Path) -> None:
    wav(tmp_path, tone())
    path = converted(tmp_path / "song.wav", "-häng up, 100% [live].m4a")
    assert open_song(path).channels == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names are texts there, not bytes")
@pytest.mark.parametrize("name", [b"caf\xe9.wav", b"caf\xe9.m4a"])
def test_names_in_another_encoding_than_the_systems_open(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    plain = converted(wav(tmp_path, tone()), f"plain{path.suffix}")
    shutil.copy(plain, path)
    np.testing.assert_array_equal(whole(open_song(path)), whole(open_song(plain)))


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "song.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/song.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(AudioError, match="cannot be read as sound"):
        open_song(path)


def test_giving_up_half_way_ends_the_decoder(tmp_path: Path) -> None:
    song = open_song(converted(wav(tmp_path, tone(60)), "song.m4a"))
    blocks = read_blocks(song, block_s=1.0)
    next(blocks)
    del blocks
    children = subprocess.run(["ps", "-o", "args=", "-A"], capture_output=True, text=True)
    assert str(song.path) not in children.stdout


def test_stems_are_told_by_their_names(tmp_path: Path) -> None:
    names = [
        "Song - Drums.WAV",
        "02_bass_final.flac",
        "vox.mp3",
        "other.ogg",
        "cover.jpg",
        "x.wav",
    ]
    for name in names:
        (tmp_path / name).touch()
    found = {stem: path.name for stem, path in find_stems(tmp_path).items()}
    assert found == dict(zip(("drums", "bass", "vocals", "other"), names, strict=False))


def test_stems_that_cannot_be_told_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no stems"):
        find_stems(tmp_path)
    with pytest.raises(AudioError, match="no folder"):
        find_stems(tmp_path / "none")
    for name in ("drums.wav", "drum bus.wav"):
        (tmp_path / name).touch()
    with pytest.raises(AudioError, match="two drums files"):
        find_stems(tmp_path)
