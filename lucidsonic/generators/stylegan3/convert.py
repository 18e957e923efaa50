"""An official StyleGAN3 checkpoint's tensors -> our options and state.

Names and layouts are the same; the shape of the network follows from the constructor's
arguments, which the file keeps, and every tensor must agree with it.
"""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from lucidsonic.errors import WeightsError, first_fault
from lucidsonic.generators.stylegan3.network import Network
from lucidsonic.generators.stylegan3.options import Options
from lucidsonic.nn.state import match_tensors
from lucidsonic.types import NetworkRecord

__all__ = ["convert", "recognise"]

MARK = "synthesis.input.freqs"
POSITIONAL = ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels", "mapping_kwargs")
RENAMED = {
    "z_dim": "z_dim",
    "c_dim": "c_dim",
    "w_dim": "w_dim",
    "img_resolution": "resolution",
    "img_channels": "image_channels",
    "conv_clamp": "clamp",
    "num_fp16_res": "num_low_precision",
    **{
        name: name
        for name in (
            "channel_base", "channel_max", "num_layers", "num_critical", "first_cutoff",
            "first_stopband", "last_stopband_rel", "margin_size", "output_scale",
            "conv_kernel", "filter_size", "lrelu_upsampling", "use_radial_filters",
        )
    },
}  # fmt: skip
MAPPING_RENAMED = {"num_layers": "mapping_layers", "lr_multiplier": "lr_multiplier"}
TRAINING_ONLY = {"magnitude_ema_beta", "w_avg_beta", "mapping_kwargs"}


def recognise(record: NetworkRecord) -> bool:
    """Whether the record is a StyleGAN3 generator, by its tensors."""
    return record.kind == "persistence" and MARK in record.tensors


def convert(record: NetworkRecord) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The family's options and state from a record.

    Raises:
        WeightsError: a tensor is missing, left over or misshapen, or an argument is unknown or
            out of bounds.
    """
    told = {**dict(zip(POSITIONAL, record.args, strict=False)), **record.kwargs}
    options = {
        **renamed(told, RENAMED),
        **renamed(told.get("mapping_kwargs") or {}, MAPPING_RENAMED),
    }
    if "clamp" in options:
        options["clamp"] = options["clamp"] or 0
    try:
        checked = Options(**options)
    except ValidationError as error:
        raise WeightsError(
            f"The file describes a StyleGAN3 we cannot build: {first_fault(error.errors())}."
        ) from error
    with torch.device("meta"):
        network = Network(*checked.specs())
    return checked.model_dump(exclude_unset=True), match_tensors(network, record.tensors)


def renamed(told: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The arguments under our names; those that only training used are dropped.

    Raises:
        WeightsError: an argument that nobody here knows.
    """
    if unknown := sorted(set(told) - set(names) - TRAINING_ONLY):
        raise WeightsError(
            f"The file's network was built with an argument '{unknown[0]}' that our StyleGAN3"
            " does not know.",
            hint="It may come from a changed copy of the original tools.",
        )
    return {names[name]: value for name, value in told.items() if name in names}
