"""What is laid over a film changes what it should, and nothing else."""

import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lucidsonic.encoding import (
    FORMATS,
    LyricLine,
    Options,
    add_lyrics,
    add_title,
    compose_film,
    lyrics_layer,
    make_formats,
    probe_film,
    read_film,
    read_metadata,
    scope_layer,
    title_layer,
    write_film,
)
from lucidsonic.encoding.scope import Scope
from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.ffmpeg import find_ffmpeg

FPS = Fraction(24000, 1001)
SHARP = Options(crf=6, speed="fastest")
GREY = 90


@pytest.fixture
def film(tmp_path: Path, clicks) -> Path:
    pictures = np.full((60, 96, 160, 3), GREY, np.uint8)
    pictures[:, :4, :4] = np.arange(60)[:, None, None, None] * 4  # a clock in the corner
    return write_film(
        tmp_path / "film.mp4",
        [pictures],
        size=(96, 160),
        fps=FPS,
        sound=clicks,
        metadata={"plan": "x = 1"},
        options=SHARP,
    )


def sound(film: Path) -> bytes:
    command = [str(find_ffmpeg()), "-v", "error", "-i", str(film), "-f", "f32le", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def assert_same_but_pictures(new: Path, old: Path) -> None:
    one, other = probe_film(new), probe_film(old)
    assert (one.fps, one.times_s) == (other.fps, other.times_s)
    assert (one.matrix, one.pixel_format) == ("bt709", "yuv420p")
    assert sound(new) == sound(old)
    assert read_metadata(new) == read_metadata(old)


def changed(film: Path) -> list[bool]:
    """For each picture, whether there is something on it below the clock."""
    return [bool(np.abs(p[8:].astype(int) - GREY).max() > 40) for _, p in read_film(film)]


def test_a_title_comes_and_goes_and_leaves_the_rest_alone(film, tmp_path):
    new = add_title(film, "Grüße, gjpq", target=tmp_path / "new.mp4", options=SHARP)
    assert_same_but_pictures(new, film)
    seen = changed(new)
    assert not any(seen[:9])
    assert any(seen[20:40])
    clock = [int(p[:4, :4].mean()) for _, p in read_film(new)]
    assert clock == pytest.approx([4 * i for i in range(60)], abs=6)


@pytest.mark.parametrize(
    "text", ["A" * 400, "one\ntwo\nthree\nfour\nfive\nsix\nseven", "漢字 🎵"]
)
def test_a_title_of_any_length_is_drawn_inside_the_picture(text, film, tmp_path):
    new = add_title(film, text, target=tmp_path / "new.mp4", options=SHARP)
    assert probe_film(new).frames == 60


def test_lines_show_while_they_are_sung(film, tmp_path):
    lrc = tmp_path / "song.lrc"
    lrc.write_text("[00:00.50]first\n[00:01.00]\n[00:01.80]last\n[00:02.20]\n")
    new = add_lyrics(film, lrc, target=tmp_path / "new.mp4", options=SHARP)
    assert_same_but_pictures(new, film)
    seen = dict(zip(probe_film(new).times_s, changed(new), strict=True))
    for time, shown in seen.items():
        if 0.6 < time < 0.9 or 1.9 < time < 2.1:
            assert shown, time
        elif time < 0.45 or 1.05 < time < 1.75 or time > 2.25:
            assert not shown, time


def test_lyrics_follow_a_film_that_begins_in_the_middle_of_the_song(film, tmp_path):
    layer = lyrics_layer([LyricLine(61.0, 62.0, "line")], start_s=60.0)
    new = compose_film(film, tmp_path / "new.mp4", [layer], options=SHARP)
    seen = changed(new)
    assert not any(seen[:22])
    assert all(seen[30:44])


@pytest.mark.parametrize("side", ["under", "beside"])
def test_the_scope_grows_the_film_and_keeps_the_picture(side, film, tmp_path):
    curves = {"kick": np.linspace(0, 1, 60, dtype=np.float32), "hat": np.ones(60, np.float32)}
    layer = scope_layer(curves, side=side)
    new = compose_film(film, tmp_path / "new.mp4", [layer], options=SHARP)
    assert_same_but_pictures(new, film)
    height, width = probe_film(new).size
    assert (height > 96) == (side == "under")
    assert (width > 160) == (side == "beside")
    for (_, a), (_, b) in zip(read_film(new), read_film(film), strict=True):
        assert np.abs(a[:88, :152].astype(int) - b[:88, :152]).mean() < 2


def test_a_scope_without_room_for_names_has_none():
    panel = Scope({"a long name of a curve": np.ones(9, np.float32)}, size=(48, 64), fps=1.0)
    assert panel.frame(4).shape == (48, 64, 3)
    assert panel.frame(4)[-4:, :30].max() > 100


def test_the_scopes_meter_shows_this_moments_value():
    panel = Scope({"a": np.array([0, 0.5, 1], np.float32)}, size=(60, 400), fps=1.0)
    lit = [int((panel.frame(i)[:, -2].max(axis=-1) > 100).sum()) for i in range(3)]
    assert lit[0] == 0
    assert lit[1] == pytest.approx(29, abs=2)
    assert lit[2] == pytest.approx(58, abs=2)


def test_shapes_are_cut_from_the_middle_and_keep_the_sound(film):
    made = dict(zip(FORMATS, make_formats(film, FORMATS, options=SHARP), strict=True))
    sizes = {name: probe_film(made[name]).size for name in ("16:9", "9:16", "1:1")}
    assert sizes == {"16:9": (96, 170), "9:16": (170, 96), "1:1": (96, 96)}
    for name in sizes:
        assert_same_but_pictures(made[name], film)
    assert made["cover"].suffix == ".png"
    assert made["cover"].stat().st_size > 0
    assert probe_film(made["loop8s"]).audio_codec == ""


def test_a_loop_has_no_seam(tmp_path, waves):
    film = write_film(
        tmp_path / "f.mp4", [waves(90)], size=(64, 96), fps=Fraction(10), options=SHARP
    )
    (new,) = make_formats(film, ["loop8s"], options=SHARP)
    pictures = [p.astype(int) for _, p in read_film(new)]
    assert len(pictures) == 80
    steps = [np.abs(a - b).mean() for a, b in pairwise(pictures)]
    seam = np.abs(pictures[-1] - pictures[0]).mean()
    assert seam <= 1.3 * max(steps)


def test_an_unknown_format_is_named(film):
    with pytest.raises(UnknownNameError, match="format called '9:61'"):
        make_formats(film, ["9:61"])


def test_nothing_is_overwritten_unless_asked(film, tmp_path):
    with pytest.raises(ConfigError, match="there already"):
        add_title(film, "x", target=film)
    before = probe_film(film).times_s
    assert probe_film(add_title(film, "x", target=film, overwrite=True)).times_s == before


def test_a_reshaped_film_has_its_words_set_anew_and_whole(film, tmp_path):
    layers = [title_layer("MMMMMMMMMMMM", start_s=0.0)]
    (tall,) = make_formats(film, ["9:16"], layers=layers, options=SHARP)
    word = np.abs(picture(tall, 30)[8:].astype(int) - GREY).max(axis=(0, 2)) > 60
    assert word[30:66].any()
    assert not word[:4].any()
    assert not word[-4:].any()


@pytest.mark.parametrize("aspect", ["16:9", "9:16", "1:1"])
def test_a_reshaped_film_has_its_shape_with_the_scope_in_it(aspect, film):
    curves = {"kick": np.ones(60, np.float32)}
    (new,) = make_formats(film, [aspect], layers=[scope_layer(curves)], options=SHARP)
    across, down = (int(part) for part in aspect.split(":"))
    height, width = probe_film(new).size
    assert width / height == pytest.approx(across / down, rel=0.03)
    assert min(height, width) == 96
    strip, above = picture(new, 30)[-20:], picture(new, 30)[: height // 2]
    assert strip.max() > 200
    assert above[8:, 8:].max() < GREY + 20


def test_a_loop_and_a_cover_have_no_words_on_them(film):
    layers = [title_layer("WORDS", start_s=0.0)]
    made = make_formats(film, ["loop8s", "cover"], layers=layers, options=SHARP)
    assert not any(changed(made[0]))


def picture(film: Path, number: int) -> np.ndarray:
    return [p for _, p in read_film(film)][number]
