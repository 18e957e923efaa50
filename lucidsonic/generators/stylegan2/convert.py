"""An official StyleGAN2 checkpoint's tensors -> our options and state.

What shapes show is read off them (widths, layers, noise, architecture); what they cannot show
(clamp, activation, learning-rate multiplier) off the modules' attributes or the constructor's
arguments.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lucidsonic.errors import WeightsError
from lucidsonic.generators.stylegan2.network import Network
from lucidsonic.generators.stylegan2.options import Options
from lucidsonic.generators.stylegan2.tensorflow import from_tensorflow, is_tensorflow
from lucidsonic.nn.fir import fir_kernel
from lucidsonic.nn.state import match_tensors
from lucidsonic.types import NetworkRecord

__all__ = ["convert", "recognise"]

MARK = "synthesis.b4.const"
FILTER = "resample_filter"
OUR_FILTER = "synthesis.resample_filter"
BLOCK = re.compile(r"synthesis\.b(\d+)\..+")
POSITIONAL = (
    "z_dim", "c_dim", "w_dim", "img_resolution", "img_channels", "mapping_kwargs",
    "synthesis_kwargs",
)  # fmt: skip


def recognise(record: NetworkRecord) -> bool:
    """Whether the record is a StyleGAN2 generator, by its tensors."""
    if record.kind == "tf":
        return is_tensorflow(record)
    return MARK in record.tensors and "synthesis.b4.conv1.weight" in record.tensors


def convert(record: NetworkRecord) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The family's options and state from a record.

    Raises:
        WeightsError: a tensor is missing, left over or misshapen, or an argument is unknown.
    """
    if record.kind == "tf":
        record = from_tensorflow(record)
    tensors = one_filter(record.tensors)
    options = {**read_shapes(tensors), **read_arguments(record)}
    with torch.device("meta"):
        network = Network(*Options(**options).specs())
    return options, match_tensors(network, tensors)


def one_filter(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the smoothing filter, stored once a layer, stored once."""
    kept: dict[str, Tensor] = {}
    kernel: Tensor | None = None
    for name, tensor in tensors.items():
        if not name.endswith(FILTER):
            kept[name] = tensor
            continue
        this = square(name, tensor)
        if kernel is not None and not torch.equal(kernel, this):
            raise WeightsError(f"'{name}' is not the filter that the other layers have.")
        kernel = this
    return {**kept, OUR_FILTER: fir_kernel([1.0, 3, 3, 1]) if kernel is None else kernel}


def square(name: str, kernel: Tensor) -> Tensor:
    if kernel.ndim == 1:
        return torch.outer(kernel, kernel)
    if kernel.ndim == 2 and kernel.shape[0] == kernel.shape[1]:
        return kernel
    raise WeightsError(f"The filter '{name}' is {tuple(kernel.shape)}: neither 1-D nor square.")


def read_shapes(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """What the shapes say about the network."""
    found = {int(match[1]) for name in tensors if (match := BLOCK.fullmatch(name))}
    resolutions = [4 << index for index in range(len(found))]
    if not found or found != set(resolutions):
        raise WeightsError(
            f"The file has blocks at {sorted(found)} pixels; they must be 4, 8, ..."
        )
    last = resolutions[-1]
    weights = [shape_of(tensors, f"synthesis.b{r}.conv1.weight", 4) for r in resolutions]
    first = shape_of(tensors, "mapping.fc0.weight", 2)
    embed = (
        shape_of(tensors, "mapping.embed.weight", 2)
        if "mapping.embed.weight" in tensors
        else (0, 0)
    )
    layers = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in tensors)
    return {
        "z_dim": first[1] - embed[0],
        "c_dim": embed[1],
        "w_dim": shape_of(tensors, "synthesis.b4.conv1.affine.weight", 2)[1],
        "widths": tuple(shape[0] for shape in weights),
        "kernel_size": weights[0][3],
        "image_channels": shape_of(tensors, f"synthesis.b{last}.torgb.weight", 4)[0],
        "architecture": architecture(tensors, last),
        "use_noise": "synthesis.b4.conv1.noise_strength" in tensors,
        "filter_taps": tensors[OUR_FILTER].shape[0],
        "mapping_layers": layers,
        "embed_features": embed[0],
        "hidden_features": first[0],
        "has_average": "mapping.w_avg" in tensors,
    }


def architecture(tensors: Mapping[str, Tensor], last: int) -> str:
    if any(re.fullmatch(r"synthesis\.b\d+\.skip\.weight", name) for name in tensors):
        return "resnet"
    is_single = last == 4
    return "skip" if is_single or "synthesis.b4.torgb.weight" in tensors else "orig"


def shape_of(tensors: Mapping[str, Tensor], name: str, dims: int) -> tuple[int, ...]:
    if name not in tensors:
        raise WeightsError(f"The file has no tensor '{name}', which StyleGAN2 needs.")
    if tensors[name].ndim != dims:
        raise WeightsError(
            f"The tensor '{name}' is {tuple(tensors[name].shape)}: not {dims}-D."
        )
    return tuple(tensors[name].shape)


def read_arguments(record: NetworkRecord) -> dict[str, Any]:
    """What shapes cannot show: as the layers say it, else as the constructor was told."""
    told = {**dict(zip(POSITIONAL, record.args, strict=False)), **record.kwargs}
    mapping = told.get("mapping_kwargs") or {}
    synthesis = {**told, **(told.get("synthesis_kwargs") or {})}
    layers = {**(synthesis.get("layer_kwargs") or {}), **synthesis}
    said = record.attributes
    clamp = said.get("synthesis.b4.conv1.conv_clamp", layers.get("conv_clamp"))
    multiplier = said.get("mapping.fc0.bias_gain", mapping.get("lr_multiplier", 0.01))
    return {
        "clamp": float(clamp or 0),
        "activation": said.get(
            "synthesis.b4.conv1.activation", layers.get("activation", "lrelu")
        ),
        "mapping_activation": said.get(
            "mapping.fc0.activation", mapping.get("activation", "lrelu")
        ),
        "lr_multiplier": float(multiplier),
    }
