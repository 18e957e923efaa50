"""What cannot be written is refused before any work, with a way out."""

from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from lucidsonic.encoding import SUFFIXES, Options, check_choice, picture_codec
from lucidsonic.encoding.options import CRF, NVENC, sound_codec
from lucidsonic.errors import ConfigError

EVEN = {"size": (64, 96), "fps": Fraction(30)}


@pytest.mark.parametrize(
    ("name", "options", "problem", "hint"),
    [
        ("a.avi", {}, "does not end like a film", ".mp4"),
        ("a", {}, "does not end like a film", ".mp4"),
        ("a.webm", {"codec": "h264"}, "cannot hold h264", "--codec vp9"),
        ("a.mp4", {"codec": "prores"}, "cannot hold prores", ".mov or .mkv"),
        ("a.mp4", {"codec": "gif"}, "cannot hold gif", ".gif"),
        ("a.webm", {"sound": "aac"}, "cannot hold aac sound", "opus"),
        ("a.mp4", {"crf": 52}, "0 to 51", "18"),
        ("a.mov", {"codec": "prores", "hardware": "nvenc"}, "does not encode prores", "h264"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_out(name, options, problem, hint):
    with pytest.raises(ConfigError, match=problem) as error:
        check_choice(Path(name), Options(**options), **EVEN)
    assert hint in error.value.hint


@pytest.mark.parametrize(("size", "wanted"), [((64, 95), "96x64"), ((63, 96), "96x64")])
def test_odd_sizes_are_refused_with_the_even_one(size, wanted):
    with pytest.raises(ConfigError, match="even") as error:
        check_choice(Path("a.mp4"), Options(), size=size, fps=Fraction(30))
    assert wanted in error.value.hint


def test_a_gif_may_be_odd_but_not_fast():
    check_choice(Path("a.gif"), Options(), size=(65, 97), fps=Fraction(50))
    with pytest.raises(ConfigError, match="60 frames"):
        check_choice(Path("a.gif"), Options(), size=(64, 96), fps=Fraction(60))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_takes_its_own_codec_without_being_told(suffix):
    path = Path(f"A{suffix.upper()}")
    check_choice(path, Options(), **EVEN)
    assert picture_codec(path, Options()) == SUFFIXES[suffix].codecs[0]


def test_films_for_editors_get_sound_without_loss():
    assert sound_codec(Path("a.mov"), Options(codec="prores")) == "pcm"
    assert sound_codec(Path("a.mov"), Options(codec="h264")) == "aac"
    assert sound_codec(Path("a.gif"), Options()) is None


@pytest.mark.parametrize("wrong", [{"codek": "h264"}, {"crf": -1}, {"sound_kbps": 3}])
def test_misspelt_and_absurd_options_are_refused(wrong):
    with pytest.raises(ValidationError):
        Options(**wrong)


def test_the_tables_speak_of_the_same_codecs():
    codecs = {codec for kind in SUFFIXES.values() for codec in kind.codecs}
    assert set(CRF) | {"prores", "gif"} == codecs
    assert set(NVENC) <= codecs
