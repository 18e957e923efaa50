"""A name that is wrong is told before the song is heard: a long mix takes minutes."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

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


@pytest.mark.parametrize("other", ["va_csv", "pulse_audio", "stems"])
def test_a_missing_file_is_told_before_anything_is_heard(other: str, tmp_path: Path):
    told: list[Progress] = []
    table = SongTable.model_validate({"path": SONG, other: tmp_path / "missing"})

    with pytest.raises(LucidsonicError, match="missing"):
        listen(table, Fraction(30), on_progress=told.append)

    assert not told
