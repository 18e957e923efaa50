import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lucidsonic.cli.app import app, with_dashes
from lucidsonic.cli.flags import describe_flags, read_flags
from lucidsonic.cli.training_view import TrainingView
from lucidsonic.errors import ConfigError, LucidsonicError, TrainingError, UnknownNameError
from lucidsonic.training.va_gan.gan_config import Config
from lucidsonic.types import Progress


def run(*words: str) -> str:
    result = CliRunner().invoke(app, [with_dashes(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_both_spellings_of_a_setting_mean_the_same():
    one = run("train", "va-gan", "--dry-run", "--lr_gen", "2e-4", "--phase1_end=5")
    other = run("train", "va-gan", "--dry-run", "--lr-gen=2e-4", "--phase1-end", "5")
    assert json.loads(one) == json.loads(other)
    assert json.loads(one)["lr_gen"] == 2e-4
    assert json.loads(one)["phase1_end"] == 5


@pytest.mark.parametrize(
    ("words", "ada"),
    [
        (["--ada"], True),
        (["--no-ada"], False),
        (["--ada", "true"], True),
        (["--ada", "false"], False),
        (["--ada=false"], False),
        (["--ada", "--seed", "3"], True),
        ([], False),
    ],
)
def test_switches_come_bare_denied_or_spelled_out(words: list[str], ada: bool):
    assert json.loads(run("train", "va-gan", "--dry-run", *words))["ada"] is ada


def test_flags_outweigh_the_file_which_outweighs_the_preset(tmp_path: Path):
    file = tmp_path / "c.toml"
    file.write_text("epochs = 7\nwidth = 64\n")
    told = json.loads(
        run(
            "train", "va-gan", "--dry-run", "--preset", "va-gan-tiny",
            "--config", str(file), "--width", "32",
        )
    )  # fmt: skip
    assert (told["resolution"], told["epochs"], told["width"]) == (64, 7, 32)


def test_a_misspelt_setting_suggests_the_right_one():
    with pytest.raises(UnknownNameError, match="lr-gem") as caught:
        run("train", "va-gan", "--lr-gem", "1")
    assert "lr-gen" in caught.value.hint


@pytest.mark.parametrize("words", [["--seed"], ["7"], ["--seed", "--ada"]])
def test_a_missing_value_or_a_stray_word_is_said(words: list[str]):
    with pytest.raises(ConfigError):
        read_flags(words, Config)


@pytest.mark.parametrize(
    "words", [["--resolution", "100"], ["--seed", "-1"], ["--width", "20"]]
)
def test_a_value_out_of_range_names_its_setting(words: list[str]):
    with pytest.raises(ConfigError, match=words[0][2:]):
        run("train", "va-gan", *words)


def test_help_lists_every_setting_with_its_default():
    text = run("train", "va-gan", "--help")
    for name in ("--lr-gen", "--phase2-end", "--perceptual", "--monitor"):
        assert name in text
    assert len(describe_flags(Config)) == len(Config.model_fields)
    assert all(about for _, _, about in describe_flags(Config))


def test_the_groups_help_loads_no_torch():
    code = (
        "import sys; from lucidsonic.cli.app import app; import lucidsonic.cli.train;"
        "assert not {'torch', 'numpy', 'pydantic', 'rich.live'} & set(sys.modules) - {'rich'},"
        "sorted(set(sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_data_are_painted_labelled_and_trained_on_and_the_run_is_exported(tmp_path: Path):
    folder, out = tmp_path / "data", tmp_path / "run"
    assert "known" in run(
        "data", "landscapes", "-o", str(folder), "--count", "12", "--size", "32"
    )
    told = run(
        "train", "va-vae", "--img-dir", str(folder), "--resolution", "32", "--width", "32",
        "--max-steps", "2", "--batch-size", "4", "--out", str(out), "--device", "cpu",
    )  # fmt: skip
    assert f"--style {out}" in told
    (out / "model.safetensors").unlink()
    run("train", "export", str(out))
    assert (out / "model.safetensors").stat().st_size > 1000


def test_photographs_are_cut_and_pictures_labelled(tmp_path: Path):
    run("data", "landscapes", "-o", str(tmp_path / "a"), "--count", "2", "--size", "32", "-q")
    told = run(
        "data", "crops", str(tmp_path / "a"), "-o", str(tmp_path / "b"), "--per-photo", "3",
        "--size", "16",
    )  # fmt: skip
    assert "6 pictures" in told
    assert "estimated from colour" in told
    (tmp_path / "b" / "labels.csv").unlink()
    assert "6 pictures" in run("data", "label", str(tmp_path / "b"))


def test_a_folder_that_is_no_run_cannot_be_exported(tmp_path: Path):
    with pytest.raises(TrainingError, match="not a run folder"):
        run("train", "export", str(tmp_path))


def test_every_error_of_a_run_is_one_of_ours(tmp_path: Path):
    with pytest.raises(LucidsonicError, match="no folder"):
        run("train", "va-vae", "--img-dir", str(tmp_path / "no"), "--out", str(tmp_path / "r"),
            "--label-csv", str(tmp_path / "l.csv"))  # fmt: skip


def test_the_live_view_shows_losses_time_left_and_what_monitors_say():
    from rich.console import Console

    view = TrainingView("va-gan")
    assert view.left_s() is None
    view.take(Progress("train", 10, 100, "steps"))
    view.take(
        Progress("train", 40, 100, "steps", "blur: fine detail is missing", {"g_loss": 0.5})
    )
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(view.draw())
    text = console.export_text()
    assert "step 40 of 100" in text
    assert "g_loss 0.5" in text
    assert "blur" in text
    assert "h left" in text
