"""The main job, as a person runs it; films are decoded again and looked at."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lucidsonic.encoding import probe_film, read_film, read_metadata
from tests.cli.conftest import REPO, Run, result_of

SMALL = ("--size", "96x64", "--batch-size", "8")


@pytest.fixture(scope="module")
def film(
    tmp_path_factory: pytest.TempPathFactory, drum_loop: Path, segment_cache: Path
) -> Path:
    """A film of the drum loop, made once."""
    path = tmp_path_factory.mktemp("films") / "drums.mp4"
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPO),
        "LUCIDSONIC_CACHE": str(segment_cache),
    }
    subprocess.run(
        [
            sys.executable,
            "-m",
            "lucidsonic",
            "render",
            drum_loop,
            "-o",
            path,
            *SMALL,
            "--quiet",
        ],
        check=True,
        env=environment,
    )
    return path


def frames_of(path: Path) -> np.ndarray:
    return np.stack([picture for _, picture in read_film(path)]).astype(np.float32)


def test_the_film_has_the_songs_length_to_the_frame(film: Path):
    facts = probe_film(film)

    assert facts.frames == 90
    assert facts.fps == 30
    assert (facts.width, facts.height) == (96, 64)
    assert abs(facts.video_duration_s - facts.audio_duration_s) < 1 / 30
    assert facts.sample_rate == 44_100
    assert facts.channels == 2


def test_the_picture_jumps_with_the_kick_and_not_later(film: Path):
    change = np.abs(np.diff(frames_of(film), axis=0)).mean(axis=(1, 2, 3))
    kicks = np.arange(0.5, 3, 0.5) * 30  # frame numbers; change[k - 1] is the step into frame k
    near = [int(k) + np.argmax(change[int(k) - 4 : int(k) + 4]) - 3 - k for k in kicks]

    assert np.abs(np.median(near)) <= 1


def test_a_film_goes_its_way_from_its_own_metadata(
    film: Path, run: Run, drum_loop: Path, tmp_path: Path
):
    again = tmp_path / "again.mp4"

    done = run("rerender", film, "--song", drum_loop, "-o", again, "--json")

    assert result_of(done)["painted_frames"] == 0
    assert np.array_equal(frames_of(again), frames_of(film))


def test_no_folder_of_this_machine_travels_in_the_film(film: Path):
    assert str(REPO) not in json.dumps(read_metadata(film))
    assert "/tmp" not in json.dumps(read_metadata(film))


def test_an_excerpt_holds_the_very_frames_of_the_whole_film(
    film: Path, run: Run, drum_loop: Path, tmp_path: Path
):
    part = tmp_path / "part.mp4"

    done = run(
        "render", drum_loop, "-o", part, *SMALL, "--from", "1.0", "--to", "0:02", "--json"
    )

    assert result_of(done)["frames"] == 30
    whole, excerpt = frames_of(film), frames_of(part)
    apart = [np.abs(whole[30 + i : 60 + i] - excerpt).mean() for i in range(-5, 6)]
    assert np.argmin(apart) == 5
    assert apart[5] < 4  # two lossy encodings of the same pictures


def test_a_still_is_the_frame_of_the_film(
    film: Path, run: Run, drum_loop: Path, tmp_path: Path
):
    from PIL import Image

    still = tmp_path / "still.png"

    done = run("still", drum_loop, "--at", "1.5", "-o", still, *SMALL)

    assert done.returncode == 0, done.stderr
    picture = np.asarray(Image.open(still, formats=["PNG"]), dtype=np.float32)
    apart = np.abs(frames_of(film)[40:51] - picture).mean(axis=(1, 2, 3))
    assert np.argmin(apart) == 5
    assert apart[5] < 8  # the film is lossy, and its stars are small


def test_a_sheet_shows_the_song(run: Run, drum_loop: Path, tmp_path: Path):
    from PIL import Image

    sheet = tmp_path / "sheet.png"

    done = run("sheet", drum_loop, "--count", "6", "-o", sheet, *SMALL)

    assert done.returncode == 0, done.stderr
    with Image.open(sheet, formats=["PNG"]) as picture:
        assert picture.width > 3 * 96


def test_a_dry_run_tells_the_plan_and_writes_nothing(run: Run, drum_loop: Path, tmp_path: Path):
    song = tmp_path / "song.wav"
    song.write_bytes(drum_loop.read_bytes())

    told = result_of(
        run("render", song, "--dry-run", "--json", "--fps", "23.976", "--seed", "7")
    )

    assert told["film"]["frames"] == 72  # 3 s * 24000 / 1001 = 71.93
    assert {"setting": "film.fps", "value": "24000/1001", "origin": "flag"} in told["settings"]
    assert {"setting": "model.style", "value": "aurora", "origin": "default"} in told[
        "settings"
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["song.wav"]


def test_a_saved_plan_makes_the_same_plan_from_any_folder(
    run: Run, drum_loop: Path, tmp_path: Path
):
    kept = tmp_path / "plans" / "film.toml"
    flags = ("--seed", "7", "--style", "ember", "--effect", "hue:amount=0.3", "--fps", "23.976")

    said = result_of(
        run("render", drum_loop, *flags, "--save-plan", kept, "--dry-run", "--json")
    )
    again = result_of(run("render", "--plan", kept, "--dry-run", "--json"))
    taken = run("render", drum_loop, "--save-plan", kept, "--dry-run")

    def values(told: dict) -> dict:
        return {row["setting"]: row["value"] for row in told["settings"]}

    assert values(again) == values(said) | {"song.path": str(drum_loop.absolute())}
    assert taken.returncode == 2
    assert "exists already" in taken.stderr


def test_a_plan_file_makes_the_film_that_its_flags_make(
    run: Run, drum_loop: Path, tmp_path: Path, film: Path
):
    plan = tmp_path / "film.toml"
    plan.write_text(
        f'[song]\npath = "{drum_loop}"\n[film]\nsize = "96x64"\n[model]\nbatch_size = 8\n'
    )

    done = run("render", "--plan", plan, "-o", tmp_path / "film.mp4", "--json")

    assert result_of(done)["painted_frames"] == 0  # the very frames of the fixture


def test_the_same_seed_gives_the_same_film_and_another_seed_another(
    run: Run, drum_loop: Path, tmp_path: Path, film: Path
):
    other = tmp_path / "other.mp4"
    done = run("render", drum_loop, "-o", other, *SMALL, "--seed", "1", "--duration", "1")

    assert done.returncode == 0, done.stderr
    assert np.abs(frames_of(other) - frames_of(film)[:30]).mean() > 5


def test_nothing_is_overwritten_unless_asked(run: Run, drum_loop: Path, film: Path):
    before = film.read_bytes()

    done = run("render", drum_loop, "-o", film, *SMALL)

    assert done.returncode == 2
    assert "--overwrite" in done.stderr
    assert film.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("render", "missing.mp3"), 1, "missing.mp3"),
        (("render", "{song}", "--style", "auroa"), 2, "aurora"),
        (("render", "{song}", "--size", "97x64"), 2, "even"),
        (("render", "{song}", "--fps", "0"), 2, "frame rate"),
        (("render", "{song}", "-o", "film.xyz"), 2, "film.xyz"),
        (("render", "{song}", "--from", "0:50"), 2, "end"),
        (("render", "{song}", "--effect", "flsh"), 2, "flash"),
        (("render", "{song}", "--formats", "4:4"), 2, "format"),
        (("render", "{song}", "--quality", "best"), 2, "quality"),
        (("render", "{song}", "--plan", "nowhere.toml"), 2, "nowhere.toml"),
        (("render",), 2, "No song"),
        (("still", "{song}", "--at", "9:00"), 2, "9:00"),
        (("rerender", "{song}"), 5, "drums.wav"),
    ],
)
def test_bad_input_is_one_sentence_and_an_exit_code(
    words: tuple[str, ...], code: int, said: str, run: Run, drum_loop: Path, tmp_path: Path
):
    song = tmp_path / "drums.wav"
    song.write_bytes(drum_loop.read_bytes())

    done = run(*(word.format(song=song) for word in words), cwd=tmp_path)

    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["drums.wav"]


def test_silence_gives_a_film_that_does_not_twitch(run: Run, tmp_path: Path):
    song, target = tmp_path / "silence.wav", tmp_path / "silence.mp4"
    soundfile.write(song, np.zeros(44_100), 22_050)

    done = run("render", song, "-o", target, *SMALL)

    assert done.returncode == 0, done.stderr
    change = np.abs(np.diff(frames_of(target), axis=0)).mean(axis=(1, 2, 3))
    assert change.max() < 3


def test_a_film_of_a_fifth_of_a_second_is_made(run: Run, tmp_path: Path):
    song, target = tmp_path / "blip.wav", tmp_path / "blip.mp4"
    soundfile.write(song, np.sin(np.arange(4410) / 8), 22_050)

    done = run("render", song, "-o", target, *SMALL)

    assert done.returncode == 0, done.stderr
    assert probe_film(target).frames == 6


def test_an_odd_rate_is_exactly_what_was_asked(run: Run, drum_loop: Path, tmp_path: Path):
    target = tmp_path / "ntsc.mkv"

    done = run("render", drum_loop, "-o", target, *SMALL, "--fps", "29.97", "--duration", "1")

    assert done.returncode == 0, done.stderr
    assert str(probe_film(target).fps) == "30000/1001"


def test_a_gif_loops_without_sound(run: Run, drum_loop: Path, tmp_path: Path):
    target = tmp_path / "drums.gif"

    done = run("render", drum_loop, "-o", target, *SMALL, "--fps", "20", "--duration", "0.5")

    assert done.returncode == 0, done.stderr
    assert probe_film(target).frames == 10


def test_every_frame_can_be_had_as_a_picture(run: Run, drum_loop: Path, tmp_path: Path):
    folder, target = tmp_path / "frames", tmp_path / "f.mp4"
    flags = (*SMALL, "--duration", "0.2", "--save-frames", folder)

    done = run("render", drum_loop, "-o", target, *flags)

    assert done.returncode == 0, done.stderr
    assert len(list(folder.glob("*.png"))) == 6


def test_a_killed_render_goes_on_where_it_was(drum_loop: Path, tmp_path: Path):
    """Two segments are needed: eight seconds of frames at 96x64."""
    song = tmp_path / "long.wav"
    samples, rate = soundfile.read(drum_loop)
    soundfile.write(song, np.tile(samples, (4, 1)), rate)
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPO),
        "LUCIDSONIC_CACHE": str(tmp_path / "c"),
    }
    words = [
        sys.executable,
        "-m",
        "lucidsonic",
        "render",
        str(song),
        "-o",
        str(tmp_path / "f.mp4"),
    ]
    words += [*SMALL, "--json"]
    first = subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not list((tmp_path / "c").glob("segments/[0-9a-f]*-*.mp4")) and first.poll() is None:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.communicate()

    second = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=200)

    report = result_of(second)
    assert report["painted_frames"] == 120
    assert probe_film(tmp_path / "f.mp4").frames == 360


def test_ctrl_c_is_one_sentence_and_says_how_to_go_on(drum_loop: Path, tmp_path: Path):
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPO),
        "LUCIDSONIC_CACHE": str(tmp_path / "c"),
    }
    words = [sys.executable, "-m", "lucidsonic", "render", str(drum_loop)]
    words += ["-o", str(tmp_path / "f.mp4"), "--size", "640x480", "--batch-size", "1"]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("paint"):
                break
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()

    assert process.returncode == 130, said
    assert re.search(r"The same command goes on", said)
    assert "Traceback" not in said
    assert not (tmp_path / "f.mp4").exists()
    assert not list(tmp_path.rglob("*.partial*"))


FIELD = """
    speed_fpm pulse_react pulse_percussive pulse_harmonic pulse_audio motion_react
    motion_percussive motion_harmonic motion_randomness motion_audio truncation classes
    dominant_classes_first class_pitch_react class_smooth_seconds class_complexity
    class_shuffle_seconds class_shuffle_strength class_audio contrast_strength flash_strength
    start duration fps batch_size save_frames output_audio
"""


def test_help_names_the_flags_of_the_field(run: Run):
    told = run("render", "--help", COLUMNS="200").stdout

    names = {f"--{name.replace('_', '-')}" for name in FIELD.split()}
    assert {name for name in names if name not in told} == set()
