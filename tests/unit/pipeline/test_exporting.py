import json
import pickle  # noqa: TID251  # as the authors' tools load: a file that this test wrote
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lucidsonic.errors import ConfigError, UnknownNameError, WeightsError
from lucidsonic.generators import build_generator, r3gan
from lucidsonic.pipeline.exporting import export_model
from lucidsonic.pipeline.weights import ready_weights

SMALL = {"widths": [8, 8], "groups": [1, 2], "blocks": [1, 2], "z_dim": 4, "c_dim": 3}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A model file as a training run leaves it."""
    torch.manual_seed(0)
    network = r3gan.Network(r3gan.Options.model_validate(SMALL).spec())
    for tensor in network.parameters():
        nn.init.normal_(tensor, std=0.5)
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
    z, c = torch.randn(2, 4), torch.eye(3)[:2]
    before, after = (
        build_generator("r3gan", path, options)(z, c)
        for path, options in ((trained, SMALL), (back.path, back.options))
    )
    assert torch.equal(before, after)


def test_that_file_paints_the_same_with_classes_like_the_authors(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = export_model(str(trained), tmp_path / "x.pkl", form="pkl")
    for path, kind in THEIRS.items():
        package, _, name = path.rpartition(".")
        for module in (package.split(".")[0], package):
            if module not in sys.modules:
                monkeypatch.setitem(sys.modules, module, ModuleType(module))
        monkeypatch.setattr(sys.modules[package], name, kind, raising=False)
    with written.open("rb") as file:
        snapshot = pickle.load(file)
    assert all(isinstance(snapshot[name], nn.Module) for name in ("G", "D", "G_ema"))
    theirs = snapshot["G_ema"]
    assert (theirs.z_dim, theirs.c_dim, theirs.img_resolution) == (4, 3, 8)
    z, c = torch.randn(2, 4), torch.eye(3)[:2]
    for stage in theirs.Model.MainLayers:
        stage.DataType = torch.float32
    ours = build_generator("r3gan", trained, SMALL)
    assert torch.allclose(theirs(z, c), ours(z, c), atol=1e-5)


def test_safetensors_are_copied_as_they_are(trained: Path, tmp_path: Path) -> None:
    written = export_model(str(trained), tmp_path / "copy.safetensors")
    assert written.read_bytes() == trained.read_bytes()


def test_a_folder_is_taken_and_a_missing_one_made(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert (
        export_model(str(trained), tmp_path / "there") == tmp_path / "there/model.safetensors"
    )
    new = tmp_path / "not" / "yet" / "x.pkl"
    assert export_model(str(trained), new, form="pkl").is_file()
    with pytest.raises(ConfigError, match="cannot be written"):
        export_model(str(trained), trained / "x.pkl", form="pkl")


def test_what_cannot_be_exported_is_said(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="onnx"):
        export_model(str(trained), tmp_path / "x", form="onnx")
    with pytest.raises(ConfigError, match="exists already"):
        export_model(str(trained), trained)
    with pytest.raises(WeightsError, match="no weights"):
        export_model("aurora", tmp_path / "x.pkl", form="pkl")


# What the paper's networks compute, under the names and attributes that their files have.


class Loose(nn.Module):
    def __getattr__(self, name: str) -> Any:
        return super().__getattr__(name)


class Outer(Loose):
    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        return self.Model(torch.cat([z, self.Model.EmbeddingLayer(c)], dim=1))


class Whole(Loose):
    def forward(self, x: Tensor) -> Tensor:
        for stage in self.MainLayers:
            x = stage(x)
        return self.AggregationLayer(x)


class InTurn(Loose):
    def forward(self, x: Tensor) -> Tensor:
        for layer in self.Layers:
            x = layer(x.to(self.DataType) if x.ndim == 4 else x)
        return x


class Scaled(Loose):
    def forward(self, x: Tensor) -> Tensor:
        return self.Basis[None] * self.LinearLayer(x)[:, :, None, None]


class Doubled(Loose):
    def forward(self, x: Tensor) -> Tensor:
        x = self.LinearLayer(x) if hasattr(self, "LinearLayer") else x
        return self.Resampler(x)


class Smoothed(Loose):
    def forward(self, x: Tensor) -> Tensor:
        kernel = 4 * self.Kernel.expand(x.shape[1], 1, 4, 4)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


class Bottleneck(Loose):
    def forward(self, x: Tensor) -> Tensor:
        y = self.LinearLayer2(self.NonLinearity1(self.LinearLayer1(x)))
        return x + self.LinearLayer3(self.NonLinearity2(y))


class Convolved(Loose):
    def forward(self, x: Tensor) -> Tensor:
        return self.Layer(x)


class Leaky(Loose):
    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x + self.Bias[:, None, None], 0.2)


THEIRS: dict[str, Any] = {
    "training.networks.Generator": Outer,
    "R3GAN.Networks.Generator": Whole,
    "R3GAN.Networks.GeneratorStage": InTurn,
    "R3GAN.Networks.GenerativeBasis": Scaled,
    "R3GAN.Networks.UpsampleLayer": Doubled,
    "R3GAN.Networks.ResidualBlock": Bottleneck,
    "R3GAN.Networks.Convolution": Convolved,
    "R3GAN.Resamplers.InterpolativeUpsamplerCUDA": Smoothed,
    "R3GAN.FusedOperators.BiasedActivationCUDA": Leaky,
}
