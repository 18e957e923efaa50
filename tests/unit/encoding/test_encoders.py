"""An encoder works when ten frames came out of it."""

import pytest

from lucidsonic.encoding import Options, probe_encoders
from lucidsonic.encoding.encoders import probe_encoder, really_encodes
from lucidsonic.encoding.video import encoder_arguments, uses_nvenc
from lucidsonic.errors import ConfigError

SMALL, LARGE = (54, 96), (1080, 1920)  # height and width


@pytest.fixture
def nvenc(monkeypatch, tmp_path):
    """A card that encodes nothing 96 pixels wide; the file lists what it was asked."""
    asked = tmp_path / "asked"
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(
        f'#!/bin/sh\necho "$*" >> {asked}\n'
        'case "$*" in *size=96x*) echo "Frame Dimension less than the minimum" >&2; exit 1;; '
        "esac\n"
    )
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("LUCIDSONIC_FFMPEG", str(ffmpeg))
    really_encodes.cache_clear()
    yield asked
    really_encodes.cache_clear()


def test_the_software_encoders_work_and_say_how_long_it_took():
    facts = {encoder.name: encoder for encoder in probe_encoders()}
    for name in ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "prores_ks", "gif"):
        assert facts[name].works, facts[name].problem
        assert 0 < facts[name].seconds < 30


def test_an_encoder_that_is_only_listed_does_not_work(monkeypatch, tmp_path):
    broken = tmp_path / "ffmpeg"
    broken.write_text(
        "#!/bin/sh\necho '[h264_nvenc @ 0x1] Cannot load libcuda.so.1' >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setenv("LUCIDSONIC_FFMPEG", str(broken))
    facts = probe_encoder("h264_nvenc")
    assert not facts.works
    assert "Cannot load libcuda.so.1" in facts.problem


def test_a_film_that_is_too_small_for_the_card_is_not_given_to_it(nvenc):
    assert uses_nvenc("h264", Options(), size=LARGE)
    assert not uses_nvenc("h264", Options(), size=SMALL)
    assert encoder_arguments("h264", Options(), keyframe=9, size=SMALL)["c:v"] == "libx264"
    with pytest.raises(ConfigError, match="does not encode h264 of 96x54 pixels on this"):
        uses_nvenc("h264", Options(hardware="nvenc"), size=SMALL)


def test_a_card_is_asked_once_for_each_size(nvenc):
    for size in (LARGE, SMALL, LARGE, SMALL):
        uses_nvenc("hevc", Options(), size=size)

    assert len(nvenc.read_text().splitlines()) == 2
