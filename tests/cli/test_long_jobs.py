"""Crash, resume, change the bridge, and many songs: as a person runs it."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lucidsonic.encoding import probe_film, read_film
from lucidsonic.encoding.process import run_ffmpeg
from tests.cli.conftest import REPO, Run, result_of

FPS = 10
SEGMENT = 8 * FPS
SMALL = ("--size", "96x64", "--batch-size", "8", "--fps", str(FPS))
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def long_song(tmp_path_factory: pytest.TempPathFactory, drum_loop: Path) -> Path:
    """Twenty-seven seconds: four segments."""
    path = tmp_path_factory.mktemp("songs") / "long.wav"
    samples, rate = soundfile.read(drum_loop)
    soundfile.write(path, np.tile(samples, (9, 1)), rate)
    return path


@pytest.fixture(scope="session")
def unbroken(
    tmp_path_factory: pytest.TempPathFactory, long_song: Path
) -> tuple[Path, np.ndarray]:
    """The film that nobody broke, and its pictures."""
    folder = tmp_path_factory.mktemp("unbroken")
    with start_render(folder, long_song) as process:
        _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    return folder / "f.mp4", pictures_of(folder / "f.mp4")


def start_render(folder: Path, song: Path, *more: str | Path) -> subprocess.Popen[str]:
    """A render in a process of its own, into f.mp4, with its own cache."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPO),
        "LUCIDSONIC_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    words = ["render", song, "-o", folder / "f.mp4", *SMALL, "--json", "--progress", "json"]
    return subprocess.Popen(
        [sys.executable, "-m", "lucidsonic", *map(str, words), *map(str, more)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def pictures_of(path: Path) -> np.ndarray:
    return np.stack([picture for _, picture in read_film(path)])


def finished(process: subprocess.Popen[str]) -> dict:
    out, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    return json.loads(out)


def wait_for_frame(process: subprocess.Popen[str], frame: int) -> int:
    """Read what a render tells until it has painted so many frames; returns how many."""
    assert process.stderr is not None
    for line in process.stderr:
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("stage") == "paint" and told["total"] and told["done"] >= frame:
            return told["done"]
    return frame


def kept_frames(folder: Path) -> int:
    """Frames that lie finished in the cache."""
    films = [p for p in (folder / "cache" / "segments").glob("*.mp4") if "new-" not in p.name]
    return sum(probe_film(path, sound=False).frames for path in films)


def kill_and_resume(folder: Path, song: Path, *, kills: int, seed: int) -> list[int]:
    """Kill renders at random frames until so many have died; returns frames lost each time.

    A render that has its film before it is killed makes it again from an empty cache.
    """
    chance, lost = random.Random(seed), []
    while len(lost) < kills:
        process = start_render(folder, song, "--overwrite")
        painted = wait_for_frame(process, kept_frames(folder) + chance.randrange(2 * SEGMENT))
        time.sleep(chance.random() * 0.3)
        ended = process.poll() is not None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if not ended:
            lost.append(painted - kept_frames(folder))
        if (folder / "f.mp4").exists():
            (folder / "f.mp4").unlink()
            for path in (folder / "cache" / "segments").glob("*.mp4"):
                path.unlink()
    return lost


@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=[pytest.mark.slow])])
def test_a_killed_render_goes_on_and_its_film_is_the_unbroken_one(
    kills: int, tmp_path: Path, long_song: Path, unbroken: tuple[Path, np.ndarray]
):
    lost = kill_and_resume(tmp_path, long_song, kills=kills, seed=kills)

    report = finished(start_render(tmp_path, long_song, "--overwrite"))

    print(f"{kills} kills, frames lost each: {lost}")  # noqa: T201 - a figure to report
    assert np.array_equal(pictures_of(tmp_path / "f.mp4"), unbroken[1])
    assert report["painted_frames"] <= 270
    assert max(lost) <= SEGMENT + 8  # a segment, and the batch begun while it was closed
    assert not list(tmp_path.rglob("*.partial*"))
    assert not list(tmp_path.rglob("new-*"))


def test_a_damaged_segment_is_painted_again_and_no_other(
    tmp_path: Path, long_song: Path, unbroken: tuple[Path, np.ndarray]
):
    finished(start_render(tmp_path, long_song))
    cache = sorted((tmp_path / "cache" / "segments").glob("*.mp4"))
    harmed = next(path for path in cache if probe_film(path, sound=False).frames == SEGMENT)
    harmed.write_bytes(harmed.read_bytes()[:-100])

    report = finished(start_render(tmp_path, long_song, "--overwrite"))

    assert report["painted_frames"] == SEGMENT
    assert np.array_equal(pictures_of(tmp_path / "f.mp4"), unbroken[1])


def test_two_renders_of_one_film_at_once_both_end_and_the_film_is_right(
    tmp_path: Path, long_song: Path, unbroken: tuple[Path, np.ndarray]
):
    both = [start_render(tmp_path, long_song, "--overwrite") for _ in range(2)]

    reports = [finished(process) for process in both]

    assert all(report["frames"] == 270 for report in reports)
    assert np.array_equal(pictures_of(tmp_path / "f.mp4"), unbroken[1])
    assert kept_frames(tmp_path) <= 2 * 270
    assert not list(tmp_path.rglob("*.partial*"))


def test_a_full_disk_is_one_sentence_with_exit_code_five_and_nothing_is_lost(
    tmp_path: Path, long_song: Path, unbroken: tuple[Path, np.ndarray]
):
    """An ffmpeg that writes the third segment to a disk without room."""
    from lucidsonic.ffmpeg import find_ffmpeg

    wrapper, counter = tmp_path / "ffmpeg", tmp_path / "count"
    wrapper.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *rawvideo*) echo x >> "{counter}";; esac\n'
        f'if [ -f "{tmp_path}/full" ] && [ "$(wc -l < "{counter}" 2>/dev/null)" = 3 ]; then\n'
        "  case \"$*\" in *rawvideo*) echo 'av_write: No space left on device' >&2; exit 228;;"
        f' esac\nfi\nexec "{find_ffmpeg()}" "$@"\n'
    )
    wrapper.chmod(0o755)
    (tmp_path / "full").touch()
    os.environ["LUCIDSONIC_FFMPEG"] = str(wrapper)
    try:
        process = start_render(tmp_path, long_song, "--progress", "none")
        _, said = process.communicate(timeout=200)
        kept = kept_frames(tmp_path)
        (tmp_path / "full").unlink()
        report = finished(start_render(tmp_path, long_song))
    finally:
        del os.environ["LUCIDSONIC_FFMPEG"]

    assert process.returncode == 5, said
    errors = [line for line in said.splitlines() if line.startswith("error")]
    assert errors == ["error: Writing frames 160 to 239 failed: No space left on device."]
    assert "Make room" in said
    assert "Traceback" not in said
    assert kept == 160
    assert report["painted_frames"] == 110
    assert np.array_equal(pictures_of(tmp_path / "f.mp4"), unbroken[1])


def test_a_first_ctrl_c_finishes_the_segment_and_the_same_command_goes_on(
    tmp_path: Path, long_song: Path, unbroken: tuple[Path, np.ndarray]
):
    process = start_render(tmp_path, long_song)
    wait_for_frame(process, SEGMENT + 8)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=100)

    report = finished(start_render(tmp_path, long_song))

    assert process.returncode == 130
    assert "The same command goes on" in said
    done = re.search(r"(\d+) of 270 frames are finished", said)
    assert done is not None
    assert int(done[1]) in {2 * SEGMENT, 3 * SEGMENT}  # a busy machine hears the signal late
    assert report["painted_frames"] == 270 - int(done[1])
    assert np.array_equal(pictures_of(tmp_path / "f.mp4"), unbroken[1])


def test_a_second_ctrl_c_stops_at_once_and_leaves_nothing_half_made(
    tmp_path: Path, long_song: Path
):
    process = start_render(tmp_path, long_song, "--size", "480x320")
    wait_for_frame(process, 8)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert any("press Ctrl-C again" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, said = process.communicate(timeout=100)

    assert process.returncode == 130
    assert "The same command goes on" in said
    assert time.monotonic() - began < 10
    assert not list(tmp_path.rglob("*.partial*"))
    assert not list(tmp_path.rglob("new-*"))
    assert kept_frames(tmp_path) == 0


def test_the_batch_size_that_was_found_is_kept(tmp_path: Path, drum_loop: Path, run: Run):
    words = ("render", drum_loop, "--size", "96x64", "--fps", "10", "--json")
    own = {"LUCIDSONIC_CACHE": str(tmp_path / "cache")}

    first = result_of(run(*words, "-o", tmp_path / "a.mp4", **own))
    second = result_of(run(*words, "-o", tmp_path / "b.mp4", **own))

    assert first["batch_size"] == second["batch_size"]
    assert "warm up" in first["seconds"]
    assert "warm up" not in second["seconds"]
    assert second["painted_frames"] == 0


def test_a_changed_bridge_is_painted_again_and_nothing_else(run: Run, tmp_path: Path):
    """The sample song's third section, 19.4 to 27.1 s, is its bridge."""
    song = REPO / "samples" / "lanterns.ogg"
    words = ("render", song, "--size", "96x64", "--batch-size", "8", "--fps", "5", "--json")
    words += ("--from", "0:14", "--to", "0:34")

    whole = result_of(run(*words, "-o", tmp_path / "a.mp4"))
    bridge = result_of(run(*words, "-o", tmp_path / "b.mp4", "--effect", "hue:bridge=1"))

    assert whole["frames"] == 100
    assert bridge["painted_frames"] == 80  # 16 to 32 s
    before, after = (pictures_of(tmp_path / name) for name in ("a.mp4", "b.mp4"))
    apart = np.abs(before.astype(int) - after).mean(axis=(1, 2, 3))
    changed = apart > 5  # a repainted segment is encoded again, which alone gives 2
    assert changed[28:64].all()
    assert not changed[:26].any()
    assert not changed[67:].any()


# several songs


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Three songs of three seconds, each a tone that swells twice a second."""
    folder = tmp_path / "album"
    folder.mkdir()
    t = np.arange(3 * 22_050) / 22_050
    for number, pitch in enumerate((220, 330, 440), 1):
        tone = 0.5 * np.sin(2 * np.pi * pitch * t) * np.exp(-4 * (t % 0.5))
        soundfile.write(folder / f"{number} tune.wav", tone, 22_050)
    return folder


def test_a_batch_skips_what_is_done_goes_on_after_a_failure_and_ends_with_its_code(
    album: Path, run: Run, tmp_path: Path
):
    films, archive = tmp_path / "films", tmp_path / "done.txt"
    (album / "2 tune.wav").rename(album / "4 tune.wav")
    (album / "2 broken.wav").write_bytes(b"no song")
    words = ("-o", films, "--archive", archive, "--keep-going", *SMALL)

    first = run("render", *sorted(album.iterdir()), *words)
    (album / "4 tune.wav").rename(album / "5 renamed.wav")
    second = run("render", *sorted(album.iterdir()), *words, "--json")

    assert first.returncode == second.returncode == 1
    assert "error: 2 broken.wav" in first.stderr
    for row in ("1 tune.wav", "2 broken.wav", "4 tune.wav", "made", "failed"):
        assert row in first.stdout
    assert sorted(p.name for p in films.iterdir()) == [
        f"{number} tune.mp4" for number in (1, 3, 4)
    ]
    states = {o["song"][-12:]: o["state"] for o in json.loads(second.stdout)["outcomes"]}
    assert list(states.values()) == ["there", "failed", "there", "there"]
    assert len([line for line in archive.read_text().splitlines() if line[0] != "#"]) == 3


def test_without_keep_going_the_first_failure_ends_a_batch(
    album: Path, run: Run, tmp_path: Path
):
    (album / "0 broken.wav").write_bytes(b"no song")

    done = run("render", *sorted(album.iterdir()), "-o", tmp_path / "films", *SMALL, "--json")

    states = [outcome["state"] for outcome in json.loads(done.stdout)["outcomes"]]
    assert states == ["failed", "skipped", "skipped", "skipped"]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [("{title}.mp4", "{stem}"), ("one.mp4", "folder"), ("{style}.mp4", "{number}")],
)
def test_a_name_that_does_not_fit_several_songs_is_one_sentence(
    name: str, said: str, album: Path, run: Run, tmp_path: Path
):
    done = run("render", *sorted(album.iterdir()), "-o", tmp_path / name, *SMALL)

    assert done.returncode == 2
    assert said in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["album"]


def test_names_are_filled_in_from_song_number_and_style(album: Path, run: Run, tmp_path: Path):
    name = tmp_path / "{style}" / "{number:02} {stem}.mkv"

    done = run("render", *sorted(album.iterdir())[:2], "-o", name, *SMALL, "--quiet")

    assert done.returncode == 0, done.stderr
    films = sorted(p.name for p in (tmp_path / "aurora").iterdir())
    assert films == ["01 1 tune.mkv", "02 2 tune.mkv"]


def test_an_album_of_films_named_by_a_pattern_lies_beside_them(
    album: Path, run: Run, tmp_path: Path
):
    songs, name = sorted(album.iterdir())[:2], tmp_path / "films" / "{number:02} {stem}.mp4"

    done = run("render", *songs, "-o", name, "--crossfade", "1", *SMALL, "--json")

    assert done.returncode == 0, done.stderr
    films = sorted(path.name for path in name.parent.glob("*.*"))
    assert films == ["01 1 tune.mp4", "02 2 tune.mp4", "album (album).mp4"]
    assert Path(json.loads(done.stdout)["album"]) == name.with_name("album (album).mp4")


def test_an_album_is_one_film_with_crossfades_and_chapters(
    album: Path, run: Run, tmp_path: Path
):
    films = tmp_path / "films"
    words = ("render", *sorted(album.iterdir()), "-o", films, "--crossfade", "1", *SMALL)

    done = run(*words, "--json")
    again = run(*words, "--json")

    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert told["album_frames"] == 3 * 30 - 2 * 10
    facts = probe_film(Path(told["album"]))
    assert facts.frames == 70
    assert facts.audio_duration_s == pytest.approx(7, abs=0.03)
    listing = run_ffmpeg(["-i", str(facts.path), "-f", "ffmetadata", "-"], doing="Reading")
    assert [x for x in listing.splitlines() if x.startswith("title=")] == [
        f"title={number} tune" for number in (1, 2, 3)
    ]
    clocks = re.findall(r"TIMEBASE=1/(\d+)\nSTART=(\d+)", listing)
    assert [int(ticks) / int(rate) for rate, ticks in clocks] == [0, 2, 4]
    joined = pictures_of(facts.path).astype(int)
    first, second = (pictures_of(films / f"{n} tune.mp4").astype(int) for n in (1, 2))
    assert np.abs(joined[:20] - first[:20]).mean() < 4
    assert np.abs(joined[30:40] - second[10:20]).mean() < 4
    middle = (first[25] + second[5]) / 2
    assert np.abs(joined[25] - middle).mean() < 6
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["album_frames"] == 0
    other = run(*["0.5" if word == "1" else word for word in words])
    assert other.returncode == 2
    assert "is there already" in other.stderr
