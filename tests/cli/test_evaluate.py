"""`lucidsonic evaluate` and `render --tune`, as a person runs them."""

import json
import math
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lucidsonic.audio import open_song
from lucidsonic.cli.tuning import following
from lucidsonic.encoding import Options, read_metadata, write_film
from lucidsonic.evaluation.sync import SyncScores
from tests.cli.conftest import Run, result_of


@pytest.fixture(scope="module")
def still_film(tmp_path_factory: pytest.TempPathFactory, drum_loop: Path) -> Path:
    """The drum loop with a picture that never moves."""
    path = tmp_path_factory.mktemp("still") / "still.mp4"
    picture = np.full((36, 64, 3), 120, np.uint8)
    write_film(
        path,
        [picture] * 75,
        size=(36, 64),
        fps=Fraction(25),
        sound=open_song(drum_loop),
        options=Options(speed="fastest"),
    )
    return path


def test_a_film_of_ours_is_judged_in_figures_json_and_a_report(
    run: Run, drum_loop: Path, tmp_path: Path
):
    film, report = tmp_path / "film.mp4", tmp_path / "report.html"
    made = run("render", drum_loop, "-o", film, "--size", "96x64", "--batch-size", "8")
    assert made.returncode == 0, made.stderr

    told = result_of(run("evaluate", film, "--report", report, "--json"))

    assert abs(told["sync"]["lag_ms"]) < 50
    assert told["sync"]["beat_hit_f"] > told["control"]["beat_hit_f"]
    assert told["safety"]["violations"] == []
    assert told["facts"]["frames"] == 90
    assert told["passed"]["frozen_s"] is True
    assert report.read_text().startswith("<!doctype html>")


def test_a_frozen_film_fails_the_check_with_exit_code_6(run: Run, still_film: Path):
    done = run("evaluate", still_film, "--check", "--quiet")

    assert done.returncode == 6
    assert "frozen_s is 2.96" in done.stderr
    assert done.stdout == ""
    assert run("evaluate", still_film, "--quiet").returncode == 0


def test_what_cannot_be_told_is_null_in_json(run: Run, still_film: Path):
    told = result_of(run("evaluate", still_film, "--json"))

    assert told["sync"]["lag_ms"] is None
    assert told["facts"]["offset_ms"] is None


def test_without_a_film_it_says_how(run: Run, tmp_path: Path):
    assert run("evaluate").returncode == 2
    assert "--against" in run("evaluate", "--model", "aurora").stderr
    missing = run("evaluate", tmp_path / "none.mp4")
    assert missing.returncode == 5
    assert "Traceback" not in missing.stderr


def test_a_report_that_cannot_be_written_is_told_before_the_film_is_watched(
    run: Run, still_film: Path, tmp_path: Path
):
    (tmp_path / "no").touch()

    done = run("evaluate", still_film, "--report", tmp_path / "no" / "report.html")

    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "watch" not in done.stderr


def test_what_a_film_or_a_style_is_held_against_is_looked_at_first(
    run: Run, still_film: Path, tmp_path: Path
):
    Image.new("RGB", (32, 32)).save(tmp_path / "one.png")

    song = run("evaluate", still_film, "--audio", tmp_path / "none.wav")
    style = run("evaluate", "--model", "aurora", "--against", tmp_path)

    assert (song.returncode, style.returncode) == (1, 1)
    assert "watch" not in song.stderr
    assert "none.wav" in song.stderr
    assert "1 real pictures are too few" in style.stderr
    assert "paint" not in style.stderr


def test_a_style_is_compared_with_pictures_and_the_proxy_is_called_so(run: Run, tmp_path: Path):
    chance = np.random.default_rng(0)
    for number in range(16):
        noise = chance.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{number}.png")

    told = result_of(
        run("evaluate", "--model", "aurora", "--against", tmp_path, "--count", "16", "--json")
    )

    assert told["features"] == "proxy"
    assert told["frechet"] > 0
    assert (told["made"], told["real"]) == (16, 16)


def test_tuning_gains_nothing_by_missing_beats_for_a_better_curve():
    plain = SyncScores(**dict.fromkeys((f.name for f in fields(SyncScores)), 0.5))
    whole = replace(plain, dance=0.63, beat_hit_f=0.89)
    missing = replace(plain, dance=0.70, beat_hit_f=0.68)

    assert following(missing) < following(whole)
    assert following(replace(whole, beat_hit_f=math.nan)) == 0.63


@pytest.mark.slow
def test_tuning_finds_what_was_set_wrong_and_the_film_remembers_it(
    run: Run, drum_loop: Path, tmp_path: Path
):
    film, plan = tmp_path / "film.mp4", tmp_path / "bad.toml"
    plan.write_text("[trajectory]\noffset_ms = 90\n")
    made = run(
        *("render", drum_loop, "-o", film, "--plan", plan, "--tune"),
        *("--size", "96x64", "--batch-size", "8", "--progress", "lines"),
    )

    assert made.returncode == 0, made.stderr
    assert "follows" in made.stderr
    settings = json.loads(read_metadata(film)["lucidsonic_plan"])["trajectory"]
    assert abs(settings["offset_ms"]) <= 20
