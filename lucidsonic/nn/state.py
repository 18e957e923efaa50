"""Tensors of a file -> exactly the tensors that a network wants, or an error that names one."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from lucidsonic.errors import WeightsError

__all__ = ["Unfilled", "fill", "match_tensors"]

# torch hands the functions of nn.init over whole, so theirs must be named beside a tensor's own
DRAWING = {
    torch.Tensor.normal_,
    torch.Tensor.uniform_,
    nn.init.normal_,
    nn.init.uniform_,
    nn.init.kaiming_uniform_,
}


class Unfilled(TorchFunctionMode):
    """Within it a network is built without drawing its first weights, which `fill` replaces.

    The meta device would do the same, but its arithmetic imports torch's compiler: 2 s.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Ones for new random tensors; old tensors as they are."""
        named = dict(kwargs or {})
        if func in {torch.randn, torch.rand}:
            return torch.ones(*args, **named)
        if func in DRAWING:
            return named["tensor"] if "tensor" in named else args[0]
        return func(*args, **named)


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
