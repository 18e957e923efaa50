"""Tensors of a file -> exactly the tensors that a network wants, or an error that names one."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from lucidsonic.errors import WeightsError

__all__ = ["fill", "match_tensors"]


def match_tensors(network: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's whole state out of `tensors`, float32 and contiguous.

    Raises:
        WeightsError: a tensor is missing, left over, misshapen or not of numbers.
    """
    wanted = network.state_dict()
    for name in wanted:
        if name not in tensors:
            raise WeightsError(f"The file has no tensor '{name}', which this network needs.")
    for name, tensor in tensors.items():
        if name not in wanted:
            raise WeightsError(
                f"The file has a tensor '{name}' {tuple(tensor.shape)} that this network has no"
                " place for."
            )
        if tensor.shape != wanted[name].shape:
            raise WeightsError(
                f"The tensor '{name}' is {tuple(tensor.shape)}; this network needs"
                f" {tuple(wanted[name].shape)}."
            )
        if not tensor.is_floating_point():
            raise WeightsError(f"The tensor '{name}' holds {tensor.dtype}, not real numbers.")
    return {name: tensors[name].detach().to(torch.float32).contiguous() for name in wanted}


def fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load `tensors` into `network`, strictly.

    Raises:
        WeightsError: see `match_tensors`.
    """
    network.load_state_dict(match_tensors(network, tensors), assign=True)
