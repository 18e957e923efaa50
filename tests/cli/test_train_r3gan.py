import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from lucidsonic.cli.app import app

run = CliRunner().invoke


def test_a_dry_run_prints_the_preset_with_what_was_said(tmp_path: Path) -> None:
    words = ["train", "r3gan", "--preset", "lucid-128", "--data", str(tmp_path), "--kimg", "64"]
    result = run(app, [*words, "--batch_size", "16", "--mirror", "--dry-run"])
    assert result.exit_code == 0
    settings = json.loads(result.stdout)
    assert settings["widths"] == [384, 384, 384, 384, 192, 96]
    assert settings["max_steps"] == 4000
    assert settings["mirror"] is True
    assert settings["gamma"] == 20


def test_without_pictures_it_says_how_to_name_them(tmp_path: Path) -> None:
    result = run(app, ["train", "r3gan", "--preset", "test-32", "--out", str(tmp_path / "run")])
    assert result.exit_code != 0
    assert "needs pictures" in str(result.exception) + result.output


def test_help_names_the_presets() -> None:
    result = run(app, ["train", "r3gan", "--help"])
    assert result.exit_code == 0
    assert "lucid-64-tiny" in result.output
    assert "gamma" in result.output


def test_the_authors_names_of_settings_weigh_as_much_as_ours(tmp_path: Path) -> None:
    words = ["train", "r3gan", "--preset", "test-32", "--data", str(tmp_path), "--batch", "8"]
    words += ["--outdir", str(tmp_path / "r"), "--snap=7", "--workers", "2", "--resume"]
    result = run(app, [*words, "--g_batch_gpu", "4", "--dry-run"])
    assert result.exit_code == 0, result.output
    settings = json.loads(result.stdout)
    assert settings["batch_size"] == 8
    assert settings["max_steps"] == 2500
    assert settings["out"] == str(tmp_path / "r")
    assert (settings["save_every"], settings["num_workers"]) == (7, 2)
    assert (settings["resume"], settings["g_batch_gpu"]) == ("auto", 4)


def test_a_model_of_ones_own_is_trained_kept_rendered_and_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name in ("day", "night"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(4):
            pixels = np.random.default_rng(index).integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    small = "--widths 8,8,8 --group-channels 8 --blocks 1 --batch 4 --max-steps 2 --scored 8"
    words = ["train", "r3gan", "--data", "photos", "--cond", "class", "--out", "runs/r3"]
    said(*words, *small.split(), "--device", "cpu", "--quiet")
    said("models", "add", "runs/r3", "--id", "my_r3gan")
    for form in ("pkl", "safetensors"):
        told = said("models", "export", "my_r3gan", "--format", form, "--json")
        assert json.loads(told) == {"file": f"my_r3gan.{form}", "format": form}
        assert (tmp_path / f"my_r3gan.{form}").is_file()


def said(*words: str) -> str:
    result = run(app, list(words))
    assert result.exit_code == 0, (words, result.output, result.exception)
    return result.stdout
