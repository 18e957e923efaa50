"""A film that comes from a stranger: what its plan may make `rerender` do, and what not."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lucidsonic.encoding import write_film
from lucidsonic.errors import ConfigError, LucidsonicError
from lucidsonic.pipeline.film import portable_plan
from lucidsonic.pipeline.settling import METADATA_KEY, plan_of_film, settle

Films = Callable[[Any], Path]


@pytest.fixture
def film_with(tmp_path: Path) -> Films:
    """Makes a film that carries a plan, with its song beside it."""
    (tmp_path / "song.wav").write_bytes(b"sound")

    def make(plan: Any) -> Path:
        text = plan if isinstance(plan, str) else json.dumps(plan)
        black = np.zeros((2, 32, 32, 3), np.uint8)
        return write_film(
            tmp_path / "film.mp4",
            [black],
            size=(32, 32),
            fps=Fraction(30),
            metadata={METADATA_KEY: text},
        )

    return make


def test_python_code_that_a_film_names_is_run_only_when_it_is_asked_for(film_with: Films):
    film = film_with({"song": {"path": "song.wav"}, "model": {"style": "evil:paint"}})

    with pytest.raises(ConfigError, match="evil:paint") as caught:
        plan_of_film(film)

    assert caught.value.hint == "If it is yours: --style evil:paint."
    assert plan_of_film(film, style="mine:paint").plan.model.style == "mine:paint"


def test_a_film_does_not_say_where_pictures_are_written(film_with: Films, tmp_path: Path):
    folder = str(tmp_path.parent / "elsewhere")
    film = film_with({"song": {"path": "song.wav"}, "film": {"save_frames": folder}})

    assert plan_of_film(film).plan.film.save_frames is None


def test_files_beside_a_film_are_found_from_any_folder(
    film_with: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan = settle(
        tmp_path / "song.wav",
        stems=tmp_path / "stems",
        lyrics=tmp_path / "a.lrc",
        latents_file=tmp_path / "keys.npz",
    ).plan
    film = film_with(portable_plan(plan, tmp_path))
    monkeypatch.chdir("/")

    found = plan_of_film(film).plan

    assert found.song.path == tmp_path / "song.wav"
    assert found.song.stems == tmp_path / "stems"
    assert found.film.lyrics == tmp_path / "a.lrc"
    assert found.trajectory.latents_file == tmp_path / "keys.npz"


def test_the_song_beside_the_film_goes_before_one_where_the_person_stands(
    film_with: Films, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    film = film_with({"song": {"path": "song.wav"}, "film": {"lyrics": "far.lrc"}})
    here = tmp_path / "here"
    here.mkdir()
    (here / "song.wav").write_bytes(b"another")
    (here / "far.lrc").write_text("[00:01.00] la")
    monkeypatch.chdir(here)

    plan = plan_of_film(film).plan

    assert plan.song.path == tmp_path / "song.wav"
    assert plan.film.lyrics == Path("far.lrc")


def test_no_folder_of_the_keyframes_travels_in_a_film():
    plan = settle("song.wav", latents_file="/home/me/secret/keys.npz").plan

    assert "secret" not in portable_plan(plan, Path("/films"))


@pytest.mark.parametrize(
    "plan",
    [
        "{",
        "[" * 100_000,
        "3",
        {},
        {"song": 3},
        {"song": {"path": 3}},
        {"song": {"path": "song.wav"}, "film": 3},
        {"song": {"path": "song.wav"}, "model": []},
        {"song": {"path": "song.wav"}, "effects": ["flash"]},
        {"song": {"path": "song.wav"}, "colour": 3},
    ],
)
def test_a_damaged_plan_is_one_sentence(plan: Any, film_with: Films):
    with pytest.raises(LucidsonicError):
        plan_of_film(film_with(plan))


def test_a_network_that_is_not_there_is_asked_for(film_with: Films, tmp_path: Path):
    network = tmp_path / "far" / "run"
    network.mkdir(parents=True)
    (network / "model.safetensors").touch()
    plan = settle(tmp_path / "song.wav", style=str(network)).plan
    text = portable_plan(plan, tmp_path / "elsewhere")
    assert "far" not in text

    with pytest.raises(ConfigError, match="The network 'run' is not there") as caught:
        plan_of_film(film_with(text))
    assert "--style" in caught.value.hint
