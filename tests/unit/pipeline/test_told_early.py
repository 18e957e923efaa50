"""A name that is wrong is told before the song is heard: a long mix takes minutes."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from lucidsonic import render
from lucidsonic.errors import ConfigError, LucidsonicError, UnknownNameError
from lucidsonic.pipeline import settle
from lucidsonic.pipeline.listen import listen
from lucidsonic.plan import SongTable
from lucidsonic.types import Progress
from tests.cli.conftest import REPO

SONG = REPO / "samples" / "lanterns.ogg"


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"style": "aurorra"}, UnknownNameError, "aurorra"),
        ({"style": "./no-such-network.pkl"}, LucidsonicError, "no-such-network.pkl"),
        ({"effects": ["fog"]}, UnknownNameError, "fog"),
        ({"effects": ["flash:follow=drum"]}, UnknownNameError, "drum"),
        ({"effects": ["flash:amount=3"]}, ConfigError, "amount"),
        ({"effects": [{"name": "hue", "shfit": 1}]}, ConfigError, "shfit"),
    ],
)
def test_a_plan_is_not_settled_with_a_name_that_nobody_has(
    settings: dict[str, Any], error: type[Exception], said: str
):
    with pytest.raises(error, match=said):
        settle("a-song-that-nobody-opens.flac", **settings)


@pytest.mark.parametrize(
    "effect",
    [
        "flash",
        "hue:follow=chroma",
        "flash:follow=constant",
        "hue:bridge=1",
        "tint:follow=valence",
    ],
)
def test_every_way_to_say_an_effect_is_settled(effect: str):
    assert len(settle(SONG, effects=[effect]).plan.effects) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"start": "0:50"}, "lies behind the song's end"),
        ({"output_audio": "missing.wav"}, "missing.wav"),
        ({"effects": ["zoom:stage=1"]}, "no feature maps"),
        ({"save_frames": REPO / "README.md"}, "is no folder"),
        ({"formats": "4:4"}, "4:4"),
    ],
)
def test_a_wish_that_cannot_be_met_is_told_before_anything_is_heard(
    settings: dict[str, Any], said: str, tmp_path: Path
):
    told: list[Progress] = []

    with pytest.raises(LucidsonicError, match=said):
        render(SONG, tmp_path / "f.mp4", size="64x48", on_progress=told.append, **settings)

    assert "listen" not in {progress.stage for progress in told}
    assert not list(tmp_path.iterdir())


def test_a_master_that_ends_before_the_film_begins_is_told(beat: Path, tmp_path: Path):
    with pytest.raises(LucidsonicError, match="ends at 0:02, before the film begins"):
        render(SONG, tmp_path / "f.mp4", size="64x48", start=3, end=4, output_audio=beat)


def test_a_name_that_no_disk_takes_is_told(beat: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="too long"):
        render(beat, tmp_path / f"{'x' * 240}.mp4", size="64x48")


def test_a_plan_file_may_be_named_by_text(tmp_path: Path):
    (tmp_path / "p.toml").write_text("seed = 5\n")

    assert settle(SONG, plan_file=str(tmp_path / "p.toml")).plan.seed == 5


@pytest.mark.parametrize("other", ["va_csv", "pulse_audio", "stems"])
def test_a_missing_file_is_told_before_anything_is_heard(other: str, tmp_path: Path):
    told: list[Progress] = []
    table = SongTable.model_validate({"path": SONG, other: tmp_path / "missing"})

    with pytest.raises(LucidsonicError, match="missing"):
        listen(table, Fraction(30), on_progress=told.append)

    assert not told
