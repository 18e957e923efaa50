"""Films are what was asked: every picture, exact times, right colours, the song's own sound."""

import os
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lucidsonic.encoding import Film, FilmWriter, Options, probe_film, read_film, write_film
from lucidsonic.encoding.process import POLITENESS
from lucidsonic.errors import ConfigError
from lucidsonic.ffmpeg import find_ffmpeg
from lucidsonic.types import Song
from tests.unit.encoding.conftest import CLICKS_S

NTSC = Fraction(24000, 1001)
COLOURS = {
    "red": (230, 20, 20),
    "green": (20, 200, 30),
    "blue": (25, 30, 220),
    "grey": (128, 128, 128),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "skin": (224, 172, 140),
}


def decoded_sound(film: Path) -> np.ndarray:
    """float32 `(samples, 2)` at 48 kHz, as a player hears it."""
    command = [str(find_ffmpeg()), "-v", "error", "-i", str(film), "-ac", "2", "-ar", "48000"]
    done = subprocess.run([*command, "-f", "f32le", "-"], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32).reshape(-1, 2)


def click_times(sound: np.ndarray) -> list[float]:
    loud = np.abs(sound).max(axis=1)
    return [
        (np.argmax(loud[max(0, round((at - 0.05) * 48000)) : round((at + 0.05) * 48000)]))
        / 48000
        + max(0.0, at - 0.05)
        for at in CLICKS_S
    ]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "auto"),
        ("a.mp4", "hevc"),
        ("a.mp4", "av1"),
        ("a.mov", "prores"),
        ("a.mov", "h264"),
        ("a.mkv", "auto"),
        ("a.webm", "auto"),
    ],
)
def test_a_film_has_every_picture_the_exact_rate_and_sound_as_long_as_its_pictures(
    name, codec, tmp_path, waves, clicks
):
    frames = clicks.frame_count(NTSC)
    film = write_film(
        tmp_path / name,
        [waves(frames)],
        size=(64, 96),
        fps=NTSC,
        sound=clicks,
        options=Options(codec=codec),
    )
    facts = probe_film(film)
    assert (facts.frames, facts.fps, facts.size) == (frames, NTSC, (64, 96))
    assert (facts.matrix, facts.primaries, facts.transfer) == ("bt709",) * 3
    assert not facts.full_range
    assert facts.fast_start
    assert abs(facts.audio_duration_s - facts.video_duration_s) < float(1 / NTSC)
    assert facts.audio_duration_s == pytest.approx(2.5, abs=1e-4)
    assert facts.times_s[0] == 0.0
    assert facts.channels == 2
    heard = click_times(decoded_sound(film))
    centres = [at + 0.001 for at in CLICKS_S]  # the click's peak is its middle
    assert heard == pytest.approx(centres, abs=0.002)


def test_a_part_of_the_song_starts_on_its_sample(tmp_path, waves, clicks):
    part = Song(clicks.path, 44_100, 2, 0.5, 1.0)
    film = write_film(
        tmp_path / "a.mov",
        [waves(30)],
        size=(64, 96),
        fps=Fraction(30),
        sound=part,
        options=Options(sound="pcm"),
    )
    import soundfile

    original, _ = soundfile.read(clicks.path, dtype="float32")
    command = [str(find_ffmpeg()), "-v", "error", "-i", str(film), "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    muxed = np.frombuffer(done.stdout, np.float32).reshape(-1, 2)
    assert np.abs(muxed - original[22_050 : 22_050 + 44_100]).max() < 2**-22


def test_left_stays_left(tmp_path, waves, clicks):
    film = write_film(
        tmp_path / "a.mp4", [waves(60)], size=(64, 96), fps=Fraction(24), sound=clicks
    )
    sound = decoded_sound(film)
    left, right = np.abs(sound[: 48000 // 10]).max(axis=0)  # the first click is on the left
    assert left > 10 * right


@pytest.mark.parametrize(("channels", "heard"), [(1, 1), (2, 2), (6, 2), (8, 2)])
def test_more_than_two_channels_become_stereo_and_mono_stays_mono(
    channels, heard, tmp_path, waves, make_clicks
):
    song = make_clicks(channels=channels)
    film = write_film(
        tmp_path / "a.mp4", [waves(60)], size=(64, 96), fps=Fraction(24), sound=song
    )
    assert probe_film(film).channels == heard
    assert np.abs(decoded_sound(film)).max() <= 1.0


@pytest.mark.parametrize(
    ("sample_rate", "kept"),
    [(8000, 8000), (44_100, 44_100), (96_000, 96_000), (192_000, 96_000)],
)
def test_the_sound_keeps_its_rate_where_the_codec_can(
    sample_rate, kept, tmp_path, waves, make_clicks
):
    song = make_clicks(sample_rate=sample_rate)
    film = write_film(
        tmp_path / "a.mp4", [waves(60)], size=(64, 96), fps=Fraction(24), sound=song
    )
    facts = probe_film(film)
    assert facts.sample_rate == kept
    assert facts.audio_duration_s == pytest.approx(2.5, abs=1e-3)


def test_a_song_that_ends_before_the_film_is_followed_by_silence(tmp_path, waves, clicks):
    longer = Song(clicks.path, 44_100, 2, 2.0, 1.0)  # half a second more than there is
    film = write_film(
        tmp_path / "a.mp4", [waves(30)], size=(64, 96), fps=Fraction(30), sound=longer
    )
    assert probe_film(film).audio_duration_s == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9"])
@pytest.mark.parametrize("colour", COLOURS)
def test_colours_come_back_as_they_went_in(codec, colour, tmp_path):
    picture = np.full((8, 64, 64, 3), COLOURS[colour], np.uint8)
    film = write_film(
        tmp_path / "a.mp4",
        [picture],
        size=(64, 64),
        fps=Fraction(25),
        options=Options(codec=codec),
    )
    for _, seen in read_film(film):
        assert np.abs(seen.astype(int) - picture[0]).max() <= 4


def test_planes_and_rgb_make_the_same_film(tmp_path, waves):
    rgb = waves(12).astype(np.float64) / 255
    luma = rgb @ (0.2126, 0.7152, 0.0722)
    blue, red = (rgb[..., 2] - luma) / 1.8556, (rgb[..., 0] - luma) / 1.5748
    halves = [c.reshape(12, 32, 2, 48, 2).mean(axis=(2, 4)) for c in (blue, red)]
    planes = [16 + 219 * luma, *(128 + 224 * c for c in halves)]
    flat = np.concatenate([p.reshape(12, -1) for p in planes], axis=1)
    pictures = np.rint(flat).astype(np.uint8).reshape(12, 96, 96)
    how = {"size": (64, 96), "fps": Fraction(30), "options": Options(crf=4)}
    a = write_film(tmp_path / "rgb.mp4", [waves(12)], **how)
    b = write_film(tmp_path / "planes.mp4", [pictures], layout="yuv420p", **how)
    for (_, one), (_, other) in zip(read_film(a), read_film(b), strict=True):
        assert np.abs(one.astype(int) - other).mean() < 1.5


@given(
    fps=st.sampled_from(
        [Fraction(24), NTSC, Fraction(30000, 1001), Fraction(60), Fraction(25, 2)]
    ),
    frames=st.integers(1, 40),
    batch=st.integers(1, 17),
    suffix=st.sampled_from([".mp4", ".mkv"]),
)
@settings(max_examples=14, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_picture_is_lost_or_doubled_whatever_rate_length_or_batch(
    fps, frames, batch, suffix, tmp_path, waves
):
    pictures = waves(frames, height=32, width=32)
    batches = [pictures[i : i + batch] for i in range(0, frames, batch)]
    film = write_film(tmp_path / f"a{suffix}", batches, size=(32, 32), fps=fps, overwrite=True)
    seen = list(read_film(film))
    assert len(seen) == frames
    for number, (time, picture) in enumerate(seen):
        assert time == pytest.approx(float(number / fps), abs=0.0006)
        assert np.abs(picture.astype(int) - pictures[number]).mean() < 12
    assert frames < 2 or probe_film(film).fps == fps


def test_single_pictures_may_be_pushed_one_by_one(tmp_path, waves):
    with FilmWriter(tmp_path / "a.mp4", Film(size=(64, 96), fps=Fraction(10))) as writer:
        for picture in waves(7):
            writer.put(picture)
        assert writer.frames == 7
        assert not (tmp_path / "a.mp4").exists()
    assert probe_film(tmp_path / "a.mp4").frames == 7


def test_a_gif_moves_and_has_no_sound(tmp_path, waves, clicks):
    film = write_film(
        tmp_path / "a.gif", [waves(10)], size=(64, 96), fps=Fraction(20), sound=clicks
    )
    facts = probe_film(film)
    assert (facts.frames, facts.fps, facts.audio_duration_s) == (10, 20, 0.0)


def test_the_same_pictures_give_the_same_file(tmp_path, waves, clicks):
    films = [
        write_film(
            tmp_path / name, [waves(20)], size=(64, 96), fps=Fraction(24), sound=clicks
        ).read_bytes()
        for name in ("a.mp4", "b.mp4")
    ]
    assert films[0] == films[1]


def test_nvenc_is_refused_where_it_does_not_encode(tmp_path, waves, monkeypatch):
    monkeypatch.setattr("lucidsonic.encoding.video.really_encodes", lambda *_asked: False)
    with pytest.raises(ConfigError, match="NVENC does not encode h264 on this"):
        write_film(
            tmp_path / "a.mp4",
            [waves(2)],
            size=(64, 96),
            fps=Fraction(24),
            options=Options(hardware="nvenc"),
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="a Unix thing")
def test_an_encoder_gives_way_to_painting(tmp_path: Path, waves, monkeypatch):
    told: dict[int, int] = {}
    monkeypatch.setattr(os, "setpriority", lambda _kind, pid, nice: told.update({pid: nice}))

    with FilmWriter(tmp_path / "a.mp4", Film(size=(64, 96), fps=Fraction(25))) as writer:
        writer.put(waves(5))

    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert list(told.values()) == [ours + POLITENESS]
    assert os.getpid() not in told
