"""What lies over a film is on the film, and on its relatives where it belongs."""

from pathlib import Path

import numpy as np
import pytest
import torch

import lucidsonic
from lucidsonic.encoding import probe_film, read_film, read_metadata
from lucidsonic.errors import ConfigError
from lucidsonic.pipeline.settling import METADATA_KEY

HOW = {"size": "128x72", "fps": 10, "batch_size": 4, "flash_guard": "off"}
GREY = 90


def grey(z: torch.Tensor, _classes: torch.Tensor | None) -> torch.Tensor:
    return torch.full((len(z), 3, 72, 128), GREY / 255)


def has_words(film: Path) -> bool:
    pictures = np.stack([picture for _, picture in read_film(film)]).astype(int)
    return bool(np.abs(pictures - GREY).max() > 80)


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webm"])
def test_a_title_is_on_the_film_and_on_its_other_shapes(
    suffix: str, beat: Path, tmp_path: Path
):
    film = tmp_path / f"f{suffix}"

    report = lucidsonic.render(
        beat, film, generator=grey, title="WORDS", formats="9:16,cover", **HOW
    )

    tall, cover = report.others
    assert has_words(film)
    assert has_words(tall)
    assert len(list(read_film(film))) == 20
    assert probe_film(tall).audio_codec
    assert (tall.name, cover.name) == (
        "f-9x16.mp4" if suffix == ".gif" else f"f-9x16{suffix}",
        "f-cover.png",
    )
    assert {path.name for path in tmp_path.glob("*f*")} == {film.name, tall.name, cover.name}
    assert not list(tmp_path.glob(".lucidsonic-*"))


def test_a_gif_without_words_has_relatives_with_sound(beat: Path, tmp_path: Path):
    report = lucidsonic.render(beat, tmp_path / "f.gif", generator=grey, formats="1:1", **HOW)

    assert probe_film(report.others[0]).audio_codec
    assert not has_words(report.film)
    assert METADATA_KEY in read_metadata(report.others[0])


def test_the_report_tells_the_size_that_the_scope_makes(beat: Path, tmp_path: Path):
    report = lucidsonic.render(beat, tmp_path / "f.mp4", generator=grey, scope=True, **HOW)

    assert (report.height, report.width) == probe_film(report.film).size
    assert report.height > 72


def test_a_format_that_is_there_is_told_before_anything_is_painted(beat: Path, tmp_path: Path):
    (tmp_path / "f-cover.png").touch()

    with pytest.raises(ConfigError, match=r"f-cover\.png is there already"):
        lucidsonic.render(beat, tmp_path / "f.mp4", formats="1:1,cover", **HOW)

    assert not list(tmp_path.glob("*.mp4"))


def test_a_title_makes_the_folder_that_is_not_there(beat: Path, tmp_path: Path):
    film = tmp_path / "new" / "f.mp4"
    lucidsonic.render(beat, film, generator=grey, title="WORDS", **HOW)

    assert [path.name for path in film.parent.iterdir()] == ["f.mp4"]


def test_formats_that_fail_leave_no_film_in_the_way_of_the_next_try(
    beat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    wanted = {"generator": grey, "formats": "1:1,loop8s", **HOW}
    with monkeypatch.context() as patch:
        patch.setattr("lucidsonic.encoding.formats.write_clip", _fail)
        with pytest.raises(OSError, match="gone"):
            lucidsonic.render(beat, tmp_path / "f.mp4", **wanted)
    assert not list(tmp_path.glob("*f*.mp4"))

    report = lucidsonic.render(beat, tmp_path / "f.mp4", **wanted)

    assert all(path.is_file() for path in (report.film, *report.others))


def test_a_film_that_cannot_be_finished_leaves_nothing(
    beat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lucidsonic.encoding.compose.write_clip", _fail)

    with pytest.raises(OSError, match="gone"):
        lucidsonic.render(beat, tmp_path / "f.mp4", generator=grey, title="WORDS", **HOW)

    assert not list(tmp_path.glob("*f.mp4*"))
    assert not list(tmp_path.glob(".lucidsonic-*"))


def _fail(*_args: object, **_named: object) -> None:
    raise OSError("The disk is gone.")
