import json
from pathlib import Path

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
