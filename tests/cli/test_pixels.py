"""From sprites to a model, with the commands alone."""

from pathlib import Path

import pytest
from pixel_sprites import write_sprites
from typer.testing import CliRunner

from lucidsonic.cli.app import app
from lucidsonic.cli.options import FLAGS
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
