import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from lucidsonic.errors import DataError, MissingDependencyError
from lucidsonic.evaluation.fidelity import (
    INCEPTION_FILE,
    compare,
    covered,
    frechet_distance,
    kernel_distance,
    read_pictures,
)


def blobs(count: int, *, seed: int, red: float = 1.0, sigma: float = 4.0) -> list[np.ndarray]:
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        soft = gaussian_filter(chance.standard_normal((48, 48, 3)), (sigma, sigma, 0))
        soft = 128 + 90 * soft / np.abs(soft).max()
        found.append((soft * (red, 1, 1)).clip(0, 255).astype(np.uint8))
    return found


def test_pictures_of_one_kind_are_nearer_than_those_of_another():
    real = blobs(120, seed=0)
    same, redder, finer = (
        compare(made, real)
        for made in (
            blobs(120, seed=1),
            blobs(120, seed=2, red=1.4),
            blobs(120, seed=3, sigma=1),
        )
    )

    assert same.frechet < redder.frechet
    assert same.frechet < finer.frechet
    assert same.kid < redder.kid
    assert same.kid < finer.kid
    assert same.precision > 0.7
    assert finer.recall < 0.3 < same.recall


def test_the_more_they_differ_the_further_apart_they_are():
    real = blobs(100, seed=0)

    distances = [compare(blobs(100, seed=1, red=r), real).frechet for r in (1, 1.1, 1.2, 1.4)]

    assert distances == sorted(distances)


def test_a_set_is_at_no_distance_from_itself():
    pictures = blobs(40, seed=0)

    told = compare(pictures, pictures)

    assert told.frechet == pytest.approx(0, abs=1e-6)
    assert told.precision == told.recall == 1
    assert told.features == "proxy"


def test_made_pictures_that_are_all_alike_cover_little():
    real = blobs(80, seed=0)

    assert compare(real[:1] * 40, real).recall < 0.2


def test_the_frechet_distance_of_two_gaussians_is_the_textbooks():
    chance = np.random.default_rng(0)
    a = chance.standard_normal((200_000, 2))
    b = chance.standard_normal((200_000, 2)) * (2, 1) + (3, 0)

    assert frechet_distance(a, b) == pytest.approx(3**2 + (2 - 1) ** 2, rel=0.02)


def test_the_kernel_distance_is_unbiased():
    chance = np.random.default_rng(0)
    draws = [chance.standard_normal((2, 60, 3)) for _ in range(200)]

    assert np.mean([kernel_distance(a, b) for a, b in draws]) == pytest.approx(0, abs=0.02)


def test_what_lies_far_away_is_not_covered():
    near = np.random.default_rng(0).standard_normal((50, 4))

    assert covered(near + 100, near) == 0
    assert covered(near, near) == 1


def test_pictures_are_read_from_folders_and_what_is_none_is_named(tmp_path: Path):
    (tmp_path / "in").mkdir()
    for number in range(5):
        Image.new("RGB", (20, 10 + number)).save(tmp_path / "in" / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")

    assert len(read_pictures(tmp_path, most=3)) == 3
    assert read_pictures(tmp_path, most=9)[4].shape == (14, 20, 3)
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"bad\.png"):
        read_pictures(tmp_path, most=9)
    with pytest.raises(DataError, match="no folder"):
        read_pictures(tmp_path / "none", most=9)


def test_too_few_pictures_are_an_error_with_a_hint():
    with pytest.raises(DataError, match="too few"):
        compare(blobs(4, seed=0), blobs(40, seed=0))


def test_without_weights_the_figures_say_that_they_are_no_fid():
    told = compare(blobs(16, seed=0), blobs(16, seed=1))

    assert told.features == "proxy"
    assert "not FID" in told.note


def test_weights_without_the_library_are_one_sentence(tmp_path: Path):
    if "torch_fidelity" in sys.modules:
        pytest.skip("the library is here")
    with pytest.raises(MissingDependencyError, match="torch-fidelity") as caught:
        compare(blobs(16, seed=0), blobs(16, seed=1), weights=tmp_path / "inception.pth")
    assert caught.value.hint == "pip install lucidsonic[fidelity]"


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> type:
    """torch-fidelity's extractor in shape: what it takes, what it gives, how it fails."""
    import torch

    class Extractor(torch.nn.Module):
        asked: tuple[object, ...] = ()

        def __init__(self, name: str, features: list[str], *, feature_extractor_weights_path):
            super().__init__()
            type(self).asked = (name, features)
            self.mix = torch.nn.Linear(3 * 13 * 13, 2048)
            saved = torch.load(feature_extractor_weights_path, weights_only=True)
            self.load_state_dict(saved)

        def forward(self, x):
            assert x.dtype == torch.uint8
            assert x.shape[1:] == (3, 299, 299)
            small = torch.nn.functional.avg_pool2d(x.float() / 128 - 1, 23)
            return (self.mix(small.flatten(1)),)

    name = "torch_fidelity.feature_extractor_inceptionv3"
    parent, module = ModuleType("torch_fidelity"), ModuleType(name)
    module.FeatureExtractorInceptionV3 = Extractor  # pyright: ignore[reportAttributeAccessIssue]
    parent.__spec__ = module.__spec__ = object()  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "torch_fidelity", parent)
    monkeypatch.setitem(sys.modules, name, module)
    return Extractor


def random_weights(path: Path) -> Path:
    import torch

    torch.manual_seed(0)
    torch.save(
        {f"mix.{k}": v for k, v in torch.nn.Linear(507, 2048).state_dict().items()}, path
    )
    return path


def test_given_weights_make_it_fid(tmp_path: Path, library: type):
    weights = random_weights(tmp_path / "inception.pth")
    real, same, redder = blobs(24, seed=0), blobs(24, seed=1), blobs(24, seed=1, red=1.5)

    near, far = (compare(made, real, weights=weights) for made in (same, redder))

    assert library.asked == ("inception-v3-compat", ["2048"])  # pyright: ignore[reportAttributeAccessIssue]
    assert near.features == "inception"
    assert "FID" in near.note
    assert near.frechet < far.frechet


def test_weights_that_lie_where_the_library_puts_them_are_found(
    tmp_path: Path, library: type, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    random_weights(folder / INCEPTION_FILE)

    assert compare(blobs(16, seed=0), blobs(16, seed=1)).features == "inception"


@pytest.mark.parametrize("kind", ["no file", "no weights", "other weights"])
def test_bad_weights_are_one_sentence(kind: str, tmp_path: Path, library: type):
    import torch

    weights = tmp_path / "inception.pth"
    if kind == "no weights":
        weights.write_bytes(b"a page that says 404")
    if kind == "other weights":
        torch.save({"mix.bias": torch.zeros(3)}, weights)

    with pytest.raises(DataError, match="does not hold the weights"):
        compare(blobs(16, seed=0), blobs(16, seed=1), weights=weights)


def test_the_real_library_takes_random_weights_of_its_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Where torch-fidelity is installed: pip install lucidsonic[fidelity]."""
    pytest.importorskip("torch_fidelity")
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import (  # pyright: ignore[reportMissingImports]
        FeatureExtractorInceptionV3,
    )

    weights = tmp_path / "inception.pth"
    torch.save({}, weights)
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.Module, "load_state_dict", lambda *_args: None)
        torch.manual_seed(0)
        shaped = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights)
        )
    torch.save(shaped.state_dict(), weights)

    told = compare(blobs(16, seed=0), blobs(16, seed=1), weights=weights)

    assert told.features == "inception"
    assert np.isfinite(told.frechet)
