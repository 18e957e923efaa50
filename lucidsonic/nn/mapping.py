"""Gaussian z and a condition -> style vectors w, as StyleGAN2 and StyleGAN3 do it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lucidsonic.nn.activation import ACTIVATIONS

__all__ = ["Dense", "MappingNetwork", "MappingSpec", "truncate"]

EPSILON = 1e-8


class Dense(nn.Module):
    """A linear layer whose stored weights have unit variance (equalised learning rate)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        activation: str = "linear",
        lr_multiplier: float = 1.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.weight_gain = lr_multiplier / inputs**0.5
        self.bias_gain = lr_multiplier
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Tensor) -> Tensor:
        y = torch.addmm(
            self.bias.unsqueeze(0),
            x,
            self.weight.t(),
            beta=self.bias_gain,
            alpha=self.weight_gain,
        )
        return self.activation(y)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSpec:
    """The shape of a mapping network.

    Attributes:
        z_dim: width of z; 0 for a network driven by its condition alone.
        c_dim: width of the condition, 0 for none.
        w_dim: width of w.
        layers: fully connected layers.
        embed_features: width of the embedded condition.
        hidden_features: width between the layers.
        activation: a name in `ACTIVATIONS`.
        lr_multiplier: the stored weights are this much smaller in effect.
        has_average: whether the mean of w is stored.
    """

    z_dim: int
    c_dim: int
    w_dim: int
    layers: int
    embed_features: int
    hidden_features: int
    activation: str = "lrelu"
    lr_multiplier: float = 0.01
    has_average: bool = True


class MappingNetwork(nn.Module):
    """z `(batch, z_dim)` and c `(batch, c_dim)` -> w `(batch, w_dim)`."""

    w_avg: Tensor | None

    def __init__(self, spec: MappingSpec) -> None:
        super().__init__()
        self.spec = spec
        embedded = spec.embed_features if spec.c_dim else 0
        if spec.c_dim:
            self.embed = Dense(spec.c_dim, embedded)
        widths = [
            spec.z_dim + embedded,
            *[spec.hidden_features] * (spec.layers - 1),
            spec.w_dim,
        ]
        for index in range(spec.layers):
            layer = Dense(
                widths[index],
                widths[index + 1],
                activation=spec.activation,
                lr_multiplier=spec.lr_multiplier,
            )
            self.add_module(f"fc{index}", layer)
        self.register_buffer("w_avg", torch.zeros(spec.w_dim) if spec.has_average else None)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        parts: list[Tensor] = []
        if self.spec.z_dim:
            parts.append(unit_second_moment(z.to(torch.float32)))
        if self.spec.c_dim:
            if c is None:
                raise ValueError(f"this network wants a condition of width {self.spec.c_dim}")
            parts.append(unit_second_moment(self.embed(c.to(torch.float32))))
        x = torch.cat(parts, dim=1)
        for index in range(self.spec.layers):
            x = self.get_submodule(f"fc{index}")(x)
        return x


def unit_second_moment(x: Tensor) -> Tensor:
    return x * (x.square().mean(dim=1, keepdim=True) + EPSILON).rsqrt()


def truncate(
    w: Tensor, average: Tensor, psi: float | Tensor, *, cutoff: int | None = None
) -> Tensor:
    """Pull styles towards their average: `average + psi * (w - average)`.

    Args:
        w: `(batch, num_ws, w_dim)`.
        average: `(w_dim,)`.
        psi: one number, or `(batch, 1, 1)`; may be negative.
        cutoff: only the first `cutoff` styles are pulled; None for all.
    """
    pulled = average + psi * (w - average)
    if cutoff is None:
        return pulled
    return torch.cat([pulled[:, :cutoff], w[:, cutoff:]], dim=1)
