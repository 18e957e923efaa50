"""The activations that style-based networks name, with gains that keep unit variance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["ACTIVATIONS", "Activation"]

LRELU_SLOPE = 0.2


@dataclass(frozen=True, slots=True)
class Activation:
    """A pointwise function with its gain.

    Attributes:
        function: applied before the gain; may overwrite its argument.
        gain: restores the variance that the function takes away.
        homogeneous: f(a·x) = a·f(x) for a > 0, so that gains may be moved in front of it.
    """

    function: Callable[[Tensor], Tensor]
    gain: float
    homogeneous: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        return self.function(x) * self.gain


def leaky_relu(x: Tensor) -> Tensor:
    return F.leaky_relu_(x, LRELU_SLOPE)


def identity(x: Tensor) -> Tensor:
    return x


ACTIVATIONS: Mapping[str, Activation] = {
    "linear": Activation(identity, 1.0, homogeneous=True),
    "relu": Activation(F.relu_, 2**0.5, homogeneous=True),
    "lrelu": Activation(leaky_relu, 2**0.5, homogeneous=True),
    "tanh": Activation(torch.tanh, 1.0),
    "sigmoid": Activation(torch.sigmoid, 1.0),
    "elu": Activation(F.elu, 1.0),
    "selu": Activation(F.selu, 1.0),
    "softplus": Activation(F.softplus, 1.0),
    "swish": Activation(F.silu, 2**0.5),
}
