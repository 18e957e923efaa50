import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lucidsonic.errors import ConfigError, UnknownNameError, WeightsError
from lucidsonic.generators import r3gan
from lucidsonic.pipeline.exporting import export_model
from lucidsonic.pipeline.weights import ready_weights

SMALL = {"widths": [8, 8], "groups": [1, 1], "blocks": [1, 1], "z_dim": 4}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A model file as a training run leaves it."""
    torch.manual_seed(0)
    network = r3gan.Network(r3gan.Options.model_validate(SMALL).spec())
    half = {name: tensor.half() for name, tensor in network.state_dict().items()}
    told = json.dumps({"family": "r3gan", "options": SMALL, "version": 1})
    save_file(half, tmp_path / "model.safetensors", metadata={"lucidsonic": told})
    return tmp_path / "model.safetensors"


def test_a_trained_model_becomes_a_file_of_the_authors_kind(
    trained: Path, tmp_path: Path
) -> None:
    written = export_model(str(trained), tmp_path / "x.pkl", form="pkl")
    back = ready_weights(written)
    assert back.family == "r3gan"
    first, second = load_file(trained), load_file(back.path)
    assert all(torch.equal(first[name].float(), second[name]) for name in first)


def test_safetensors_are_copied_as_they_are(trained: Path, tmp_path: Path) -> None:
    written = export_model(str(trained), tmp_path / "copy.safetensors")
    assert written.read_bytes() == trained.read_bytes()


def test_what_cannot_be_exported_is_said(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="onnx"):
        export_model(str(trained), tmp_path / "x", form="onnx")
    with pytest.raises(ConfigError, match="exists already"):
        export_model(str(trained), trained)
    with pytest.raises(WeightsError, match="no weights"):
        export_model("aurora", tmp_path / "x.pkl", form="pkl")
