"""From sprites to a model, with the commands alone."""

from pathlib import Path

import numpy as np
import pytest
from pixel_sprites import write_sprites
from typer.testing import CliRunner

from lucidsonic.cli.app import app
from lucidsonic.cli.options import FLAGS
from lucidsonic.encoding.reading import read_film
from lucidsonic.pipeline.settling import settle

SMALL = [
    "--preset", "pixel-tiny", "--colours", "4", "--batch-size", "4", "--max-steps", "2",
    "--sheet-sprites", "2", "--anchors", "8", "--classes", "2", "--device", "cpu",
]  # fmt: skip


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_sprites_become_a_model_with_two_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    sprites = write_sprites(tmp_path / "png", 12)
    (sprites / "broken.png").write_bytes(b"no picture")

    packed = run("data", "pixel-pack", str(sprites), "--alpha", "--out", "data/pixels")
    assert "12 sprites in data/pixels: 3 box, 3 cross, 3 disc, 3 ring." in packed
    assert "refused" in packed
    run("train", "pixel-vae", "--data-dir", "data/pixels", "--out", "runs/pixel", *SMALL)

    assert (tmp_path / "runs/pixel/model.safetensors").stat().st_size > 10_000
    assert list((tmp_path / "runs/pixel/samples").glob("*_comparison.png"))


def test_a_settings_file_names_the_run_folder_unless_a_flag_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("train.toml").write_text('out = "runs/quest"\n')
    command = ("train", "pixel-vae", "--dry-run")

    assert '"runs/pixel-vae"' in run(*command)
    assert '"runs/quest"' in run(*command, "--config", "train.toml")
    assert '"runs/mine"' in run(*command, "--config", "train.toml", "--output_dir", "runs/mine")


def test_the_look_of_pixel_art_has_flags_of_its_own():
    settled = settle("song.wav", palette=8, pixel_size=4, dither=0.2)

    assert settled.plan.model.options == {"palette": 8, "pixel_size": 4, "dither": 0.2}
    assert {"palette", "pixel_size", "dither", "hold_fps"} <= FLAGS.keys()


def test_a_drum_loops_film_leaps_on_the_beat_and_then_stands_still(
    drum_loop: Path, tmp_path: Path
):
    film = tmp_path / "film.mp4"
    words = ["render", str(drum_loop), "-o", str(film), "--style", "pixel_quest"]
    run(*words, "--size", "256x144", "--fps", "30", "--quiet")

    frames = np.stack([picture.astype(np.float32) for _, picture in read_film(film)])
    change = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))  # into frames 1, 2, ...
    beats = np.arange(15, 90, 15)  # the film's frames that the kicks lie on, after the first
    around = np.stack([change[beat - 8 : beat + 7] for beat in beats])  # 7 before, 7 after
    assert np.abs(around.argmax(axis=1) - 7).max() <= 1
    assert around[:, 2:7].max() < 0.05 * around.max(axis=1).min()
