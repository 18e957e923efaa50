"""An official R3GAN checkpoint's tensors -> ours, and back.

Files of all years name the tensors alike; only the modules' names changed.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lucidsonic.errors import WeightsError
from lucidsonic.generators.r3gan.network import Network, NetworkSpec
from lucidsonic.nn.fir import fir_kernel
from lucidsonic.nn.state import match_tensors
from lucidsonic.types import NetworkRecord

__all__ = ["convert", "official_name", "recognise"]

MARK = "Model.MainLayers.0.Layers.0.Basis"
KERNEL = re.compile(r"Model\.MainLayers\.\d+\.Layers\.\d+\.Resampler\.Kernel")
BLOCK_PARTS = {
    "LinearLayer1.Layer.weight": "expand.weight",
    "NonLinearity1.Bias": "bias1",
    "LinearLayer2.Layer.weight": "mix.weight",
    "NonLinearity2.Bias": "bias2",
    "LinearLayer3.Layer.weight": "project.weight",
}
OFFICIAL_PARTS = {ours: theirs for theirs, ours in BLOCK_PARTS.items()}
FIXED = {
    "Model.MainLayers.0.Layers.0.Basis": "stages.0.head.basis",
    "Model.MainLayers.0.Layers.0.LinearLayer.weight": "stages.0.head.linear.weight",
    "Model.AggregationLayer.Layer.weight": "to_image.weight",
    "Model.EmbeddingLayer.weight": "embed.weight",
}
OFFICIAL_FIXED = {ours: theirs for theirs, ours in FIXED.items()}
LAYER = re.compile(r"Model\.MainLayers\.(\d+)\.Layers\.(\d+)\.(.+)")


def recognise(record: NetworkRecord) -> bool:
    """Whether the record is an R3GAN generator, by its tensors."""
    return record.kind == "module" and MARK in record.tensors


def convert(record: NetworkRecord) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The family's options and state from a record.

    Raises:
        WeightsError: a tensor is missing, left over or misshapen, or the resampling filter is
            not the published one.
    """
    tensors: dict[str, Tensor] = {}
    for name, tensor in record.tensors.items():
        if KERNEL.fullmatch(name):
            check_kernel(name, tensor)
        else:
            tensors[our_name(name)] = tensor
    options = read_options(tensors)
    with torch.device("meta"):
        network = Network(NetworkSpec(**options))
    return options, match_tensors(network, tensors)


def our_name(official: str) -> str:
    if official in FIXED:
        return FIXED[official]
    if found := LAYER.fullmatch(official):
        stage, layer, part = found.groups()
        if part in BLOCK_PARTS:
            return f"stages.{stage}.blocks.{int(layer) - 1}.{BLOCK_PARTS[part]}"
        if part == "LinearLayer.Layer.weight" and layer == "0":
            return f"stages.{stage}.widen.weight"
    return official


def official_name(ours: str) -> str:
    """The name that the authors' tools give to a tensor of ours."""
    if ours in OFFICIAL_FIXED:
        return OFFICIAL_FIXED[ours]
    _, stage, *rest = ours.split(".")
    if rest[0] == "widen":
        return f"Model.MainLayers.{stage}.Layers.0.LinearLayer.Layer.weight"
    part = OFFICIAL_PARTS[".".join(rest[2:])]
    return f"Model.MainLayers.{stage}.Layers.{int(rest[1]) + 1}.{part}"


def check_kernel(name: str, kernel: Tensor) -> None:
    wanted = fir_kernel([1.0, 3.0, 3.0, 1.0])
    if kernel.shape != wanted.shape or not torch.allclose(kernel.float(), wanted, atol=1e-4):
        raise WeightsError(
            f"'{name}' is not the [1, 3, 3, 1] filter that R3GAN resamples with."
        )


def read_options(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """What the shapes say about the network."""
    stages = 1 + max(
        (int(name.split(".")[1]) for name in tensors if name.startswith("stages.")), default=0
    )
    first = [f"stages.{stage}.blocks.0." for stage in range(stages)]
    expands = [shape_of(tensors, f"{prefix}expand.weight", 4) for prefix in first]
    mixes = [shape_of(tensors, f"{prefix}mix.weight", 4) for prefix in first]
    embed = shape_of(tensors, "embed.weight", 2) if "embed.weight" in tensors else (0, 0)
    inputs = shape_of(tensors, "stages.0.head.linear.weight", 2)[1]
    return {
        "z_dim": inputs - embed[0],
        "c_dim": embed[1],
        "embed_dim": embed[0] or 64,
        "widths": tuple(shape[1] for shape in expands),
        "groups": tuple(max(m[0] // max(m[1], 1), 1) for m in mixes),
        "blocks": tuple(count_blocks(tensors, stage) for stage in range(stages)),
        "expansion": max(expands[0][0] // max(expands[0][1], 1), 1),
        "image_channels": shape_of(tensors, "to_image.weight", 4)[0],
    }


def shape_of(tensors: Mapping[str, Tensor], name: str, dims: int) -> tuple[int, ...]:
    if name not in tensors:
        raise WeightsError(f"The file has no tensor '{name}', which R3GAN needs.")
    if tensors[name].ndim != dims:
        raise WeightsError(
            f"The tensor '{name}' is {tuple(tensors[name].shape)}: not {dims}-D."
        )
    return tuple(tensors[name].shape)


def count_blocks(tensors: Mapping[str, Tensor], stage: int) -> int:
    prefix = f"stages.{stage}.blocks."
    return len({name.split(".")[3] for name in tensors if name.startswith(prefix)})
