"""The variables of a TensorFlow StyleGAN2 -> the names and layouts of its PyTorch successor.

Dense weights lie transposed, convolutions as (height, width, in, out), upsampling ones turned
by 180 degrees as well, and the bias of a modulation stands one below its value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from lucidsonic.errors import WeightsError
from lucidsonic.nn.fir import fir_kernel
from lucidsonic.types import NetworkRecord

__all__ = ["from_tensorflow", "is_tensorflow"]

MARK = "synthesis.4x4.Const.const"
IGNORED = re.compile(r"lod|.*\.lod|(synthesis\.)?noise_seed")


def same(x: Tensor) -> Tensor:
    return x


def first_of_batch(x: Tensor) -> Tensor:
    return x[0]


def noise_map(x: Tensor) -> Tensor:
    return x[0, 0]


def dense(x: Tensor) -> Tensor:
    return x.t()


def plus_one(x: Tensor) -> Tensor:
    return x + 1


def convolution(x: Tensor) -> Tensor:
    return x.permute(3, 2, 0, 1)


def turned_convolution(x: Tensor) -> Tensor:
    return x.flip([0, 1]).permute(3, 2, 0, 1)


@dataclass(frozen=True, slots=True)
class Rule:
    """A variable's name -> the tensor's name and layout."""

    pattern: str
    name: str
    layout: Callable[[Tensor], Tensor] = same


STYLED = {
    "bias": ("bias", same),
    "noise_strength": ("noise_strength", same),
    "mod_weight": ("affine.weight", dense),
    "mod_bias": ("affine.bias", plus_one),
}
LAYERS = {
    "Conv": ("conv1", convolution),
    "Conv0_up": ("conv0", turned_convolution),
    "Conv1": ("conv1", convolution),
    "ToRGB": ("torgb", convolution),
}
RULES = (
    Rule(r"dlatent_avg", "mapping.w_avg"),
    Rule(r"mapping\.LabelEmbed\.weight", "mapping.embed.weight", dense),
    Rule(r"mapping\.LabelEmbed\.bias", "mapping.embed.bias"),
    Rule(r"mapping\.Dense(\d+)\.weight", r"mapping.fc\1.weight", dense),
    Rule(r"mapping\.Dense(\d+)\.bias", r"mapping.fc\1.bias"),
    Rule(r"synthesis\.4x4\.Const\.const", "synthesis.b4.const", first_of_batch),
    Rule(
        r"synthesis\.(\d+)x\1\.Skip\.weight", r"synthesis.b\1.skip.weight", turned_convolution
    ),
    *(
        Rule(rf"synthesis\.(\d+)x\1\.{theirs}\.weight", rf"synthesis.b\1.{ours}.weight", layout)
        for theirs, (ours, layout) in LAYERS.items()
    ),
    *(
        Rule(
            rf"synthesis\.(\d+)x\1\.{layer}\.{theirs}", rf"synthesis.b\1.{block}.{ours}", layout
        )
        for layer, (block, _) in LAYERS.items()
        for theirs, (ours, layout) in STYLED.items()
    ),
)


def is_tensorflow(record: NetworkRecord) -> bool:
    """Whether the record is a StyleGAN2 (not a StyleGAN) generator of that time."""
    names = {plain_name(name) for name in record.tensors}
    return MARK in names and "synthesis.4x4.Conv.mod_weight" in names


def plain_name(variable: str) -> str:
    """`G_mapping/Dense0/weight`, `mapping.Dense0.weight`, ... as the latter."""
    name = variable.replace("/", ".").removesuffix(":0")
    return re.sub(r"(^|\.)G_(mapping|synthesis)(?=\.)", r"\1\2", re.sub(r"^Gs?\.", "", name))


def from_tensorflow(record: NetworkRecord) -> NetworkRecord:
    """The record as a PyTorch one.

    Raises:
        WeightsError: a variable has no counterpart.
    """
    tensors: dict[str, Tensor] = {}
    for variable, tensor in record.tensors.items():
        name = without_repeat(plain_name(variable))
        if IGNORED.fullmatch(name):
            continue
        target, layout = place(name)
        tensors[target] = layout(tensor)
    parts = [record.attributes.get(f"{p}.static_kwargs") for p in ("mapping", "synthesis")]
    told: dict[str, Any] = {}
    for arguments in (*parts, record.kwargs):
        told |= arguments if isinstance(arguments, Mapping) else {}
    taps = told.get("resample_kernel") or [1, 3, 3, 1]
    tensors["synthesis.resample_filter"] = fir_kernel([float(tap) for tap in taps])
    return replace(
        record, kind="persistence", tensors=tensors, kwargs=renamed_arguments(told), args=()
    )


def without_repeat(name: str) -> str:
    """`synthesis.synthesis.x`, a component's prefix before a variable's, as `synthesis.x`."""
    return re.sub(r"^(mapping|synthesis)\.\1\.", r"\1.", name)


def place(name: str) -> tuple[str, Callable[[Tensor], Tensor]]:
    if noise := re.fullmatch(r"synthesis\.noise(\d+)", name):
        # noise0 belongs to 4x4; then two for each resolution.
        index = int(noise[1]) + 1
        return f"synthesis.b{4 << index // 2}.conv{index % 2}.noise_const", noise_map
    for rule in RULES:
        if found := re.fullmatch(rule.pattern, name):
            return found.expand(rule.name), rule.layout
    raise WeightsError(
        f"The file has a variable '{name}' that StyleGAN2 has no place for.",
        hint="Networks with a LabelConcat layer are not supported.",
    )


def renamed_arguments(told: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that shapes cannot show, under their PyTorch names."""
    return {
        "mapping_kwargs": {
            "lr_multiplier": told.get("mapping_lrmul", 0.01),
            "activation": told.get("mapping_nonlinearity", "lrelu"),
        },
        "synthesis_kwargs": {
            "activation": told.get("nonlinearity", "lrelu"),
            "conv_clamp": told.get("conv_clamp"),
        },
    }
