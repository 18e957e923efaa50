"""An encoder works when ten frames came out of it."""

from lucidsonic.encoding import probe_encoders
from lucidsonic.encoding.encoders import probe_encoder


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
