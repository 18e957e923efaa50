import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from lucidsonic.cli.app import app
from lucidsonic.errors import CheckFailedError, ConfigError, LucidsonicError
from lucidsonic.zoo import user_models_dir

FACES = Path(__file__).parents[1] / "fixtures" / "stylegan2_ada_cond_32.pkl"


def run(*words: Any) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception:
        raise result.exception
    return result.stdout


def test_the_list_names_every_card_and_whether_it_is_here() -> None:
    found = {entry["id"]: entry for entry in json.loads(run("models", "list", "--json"))}
    assert found["r3gan_ffhq_256"]["state"] == "not downloaded"
    assert found["aurora"]["state"] == "built in"
    only = json.loads(run("models", "list", "--family", "stylegan3", "--json"))
    assert {entry["family"] for entry in only} == {"stylegan3"}
    assert "r3gan_cifar10\tR3GAN" in run("models", "list")


def test_a_broken_card_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "model.toml").write_text("id = 3")
    listed = CliRunner().invoke(app, ["models", "list", "--models-dir", str(tmp_path)])
    assert listed.exit_code == 0
    assert f"{tmp_path / 'bad' / 'model.toml'} is not a valid card" in listed.stderr
    assert "r3gan_cifar10" in listed.stdout


def test_listing_needs_neither_torch_nor_librosa() -> None:
    code = (
        "import sys; from lucidsonic.cli.app import app\n"
        "try: app(['models', 'list'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'librosa', 'moviepy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_info_says_licence_classes_and_source() -> None:
    told = json.loads(run("models", "info", "r3gan_cifar10", "--json"))
    assert told["classes"][0] == "airplane"
    assert told["address"] == "hf://brownvc/R3GAN-CIFAR10/network-snapshot-final.pkl"
    assert "NVIDIA" in run("models", "info", "stylegan2-ffhq-256x256")


def test_info_says_how_large_or_that_nobody_knows() -> None:
    assert re.search(r"^size +unknown size$", run("models", "info", "r3gan_ffhq_256"), re.M)
    assert re.search(r"^size +\d+\.\d MB$", run("models", "info", "va_landscapes"), re.M)
    assert "size" not in run("models", "info", "aurora")


def test_a_dry_run_says_what_would_come_from_where_under_which_licence() -> None:
    out = run("models", "download", "r3gan_ffhq_64", "stylegan2-ffhq-256x256", "--dry-run")
    assert "would come from hf://brownvc/R3GAN-FFHQ-64x64" in out
    assert "NVIDIA Source Code License" in out
    small = json.loads(run("models", "download", "--all-small", "--dry-run", "--json"))
    assert {entry["resolution"] for entry in small} <= {32, 64, 256}
    assert len(small) >= 10


def test_offline_a_download_is_refused_in_one_sentence() -> None:
    with pytest.raises(LucidsonicError, match="HF_HUB_OFFLINE"):
        run("models", "download", "stylegan2-ffhq-256x256", "--quiet")


def test_a_download_of_nothing_asks_which() -> None:
    with pytest.raises(ConfigError, match="Which model"):
        run("models", "download")


def test_a_model_is_added_verified_found_browsed_and_removed(tmp_path: Path) -> None:
    added = json.loads(run("models", "add", FACES, "--id", "my_faces", "--quiet", "--json"))
    assert added["folder"] == str(user_models_dir() / "my_faces")
    assert run("models", "verify", "my_faces") == "my_faces: right\n"
    assert run("models", "path", "my_faces").strip().endswith("my_faces/model.safetensors")
    sheet = tmp_path / "sheet.png"
    run("latents", "browse", "my_faces", "--count", 9, "-o", sheet, "--quiet")
    with Image.open(sheet) as picture:
        assert picture.width > 3 * 192
    with pytest.raises(ConfigError, match="exists already"):
        run("latents", "browse", "my_faces", "-o", sheet)
    with pytest.raises(ConfigError, match="of your own"):
        run("models", "remove", "my_faces")
    assert json.loads(run("models", "remove", "my_faces", "--yes", "--json"))["freed"] > 100_000
    assert not (user_models_dir() / "my_faces").exists()


def test_removing_what_was_never_fetched_says_so() -> None:
    assert "Nothing of 'r3gan_cifar10' was here." in run("models", "remove", "r3gan_cifar10")


def test_verify_fails_on_changed_bytes() -> None:
    run("models", "add", FACES, "--id", "mine", "--quiet")
    weights = user_models_dir() / "mine" / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"x")
    with pytest.raises(CheckFailedError, match="mine are not right"):
        run("models", "verify")


def test_verify_says_when_nothing_is_here() -> None:
    verdicts = json.loads(run("models", "verify", "--json"))
    assert not [verdict for verdict in verdicts if verdict["ok"] is False]


def test_convert_writes_safetensors(tmp_path: Path) -> None:
    target = tmp_path / "out.safetensors"
    told = json.loads(run("models", "convert", FACES, target, "--json", "--quiet"))
    assert told["family"] == "stylegan2"
    assert target.stat().st_size > 100_000


def test_inspect_shows_arguments_globals_and_source_without_running_it() -> None:
    told = json.loads(run("models", "inspect", FACES, "--json"))
    ema = next(network for network in told["networks"] if network["key"] == "G_ema")
    assert ema["arguments"]["c_dim"] == 6
    assert ema["source_bytes"] > 0
    assert "torch_utils.persistence._reconstruct_persistent_obj" in told["globals"]
    text = run("models", "inspect", FACES, "--tensors")
    assert "never run" in text
    assert "mapping.fc0.weight" in text


def test_a_builtin_model_keeps_nothing_that_could_be_removed() -> None:
    with pytest.raises(ConfigError, match="keeps nothing here"):
        run("models", "remove", "aurora")
