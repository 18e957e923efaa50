"""analyze, doctor, cache, and how progress is told."""

import csv
import json
from pathlib import Path

from tests.cli.conftest import Run, result_of

SMALL = ("--size", "64x48", "--fps", "10", "--batch-size", "4")


def test_analyze_tells_the_song_and_writes_tables_and_a_picture(
    run: Run, drum_loop: Path, tmp_path: Path
):
    files = [tmp_path / name for name in ("f.csv", "f.npz", "f.json", "f.png")]
    words = [word for file in files for word in ("-o", file)]

    told = result_of(run("analyze", drum_loop, *words, "--json"))

    assert told["frames"] == 90
    assert 115 < float(told["tempo"].split()[0]) < 125
    assert all(file.stat().st_size > 1000 for file in files)
    with files[0].open() as table:
        assert len(list(csv.DictReader(table))) == 90


def test_analyze_refuses_a_suffix_it_does_not_know_before_it_listens(
    run: Run, drum_loop: Path, tmp_path: Path
):
    done = run("analyze", drum_loop, "-o", tmp_path / "f.xls")

    assert done.returncode == 2
    assert ".csv" in done.stderr


def test_doctor_renders_two_seconds_and_finds_this_machine_well(run: Run):
    told = result_of(run("doctor", "--json"))

    names = {finding["name"] for finding in told["findings"]}
    assert told["ok"] is True
    assert {"python", "device", "ffmpeg", "disk", "trial film", "encoder libx264"} <= names


def test_doctor_says_what_to_do_about_an_ffmpeg_that_is_none(run: Run):
    done = run("doctor", "--no-trial", LUCIDSONIC_FFMPEG="/nowhere/ffmpeg")

    assert done.returncode == 6
    assert "Unset LUCIDSONIC_FFMPEG" in done.stdout


def test_the_cache_can_be_seen_and_cleared(run: Run, drum_loop: Path, tmp_path: Path):
    place = {"LUCIDSONIC_CACHE": str(tmp_path / "cache")}
    run("render", drum_loop, "-o", tmp_path / "f.mp4", *SMALL, **place)

    before = result_of(run("cache", "list", "--json", **place))
    freed = result_of(run("cache", "clear", "--json", **place))
    after = result_of(run("cache", "list", "--json", **place))

    assert before["segments"] == 1
    assert freed["freed"] == before["bytes"] > 0
    assert after["segments"] == 0


def test_progress_can_be_read_by_programs(run: Run, drum_loop: Path, tmp_path: Path):
    done = run("render", drum_loop, "-o", tmp_path / "f.mp4", *SMALL, "--progress", "json")

    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"listen", "paint"} <= {step["stage"] for step in told}


def test_quiet_says_nothing(run: Run, drum_loop: Path, tmp_path: Path):
    done = run("render", drum_loop, "-o", tmp_path / "f.mp4", *SMALL, "--quiet")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_terminal_without_colour_gets_no_escape_codes(
    run: Run, drum_loop: Path, tmp_path: Path
):
    done = run(
        "render", drum_loop, "-o", tmp_path / "f.mp4", *SMALL, "--progress", "bar", NO_COLOR="1"
    )

    assert done.returncode == 0
    assert "\x1b[3" not in done.stderr


def test_analyze_does_not_write_over_a_file(run: Run, drum_loop: Path, tmp_path: Path):
    (tmp_path / "f.csv").write_text("mine")

    done = run("analyze", drum_loop, "-o", tmp_path / "f.csv")

    assert done.returncode == 2
    assert (tmp_path / "f.csv").read_text() == "mine"
