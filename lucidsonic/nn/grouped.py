"""A grouped convolution whose second derivative does not take the groups one by one.

Torch's own is differentiated twice group by group, which gradient penalties pay dearly for. The
convolution is bilinear, so each of its derivatives is again one grouped convolution.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["grouped_conv2d", "weights_at_rest"]

_RESTING = [False]  # not thread-local: backward passes of GPUs run in threads of their own


@contextmanager
def weights_at_rest() -> Iterator[None]:
    """Backward passes inside go to inputs alone, as penalties need; nothing reaches weights.

    Autograd does not tell a custom function which of its gradients will be thrown away.
    """
    before = _RESTING[0]
    _RESTING[0] = True
    try:
        yield
    finally:
        _RESTING[0] = before


def grouped_conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    padding: int,
    groups: int,
    stride: int = 1,
) -> Tensor:
    """`F.conv2d`: the same numbers, faster under penalties.

    Args:
        x: `(batch, in, height, width)`.
        weight: `(out, in / groups, k, k)`.
        bias: `(out,)` or None.
        padding: zeros on each side.
        groups: into which the channels are split.
        stride: of the output.
    """
    if not torch.is_grad_enabled():
        return F.conv2d(x, weight, bias, padding=padding, groups=groups, stride=stride)
    return _Convolution.apply(x, weight, bias, padding, groups, stride)  # pyright: ignore[reportReturnType]


def gradients(
    gradient: Tensor, x: Tensor, weight: Tensor, shape: tuple[int, ...], wanted: list[bool]
) -> tuple[Any, ...]:
    """Torch's derivatives with respect to x and weight; `shape` is padding, groups, stride."""
    padding, groups, stride = shape
    return torch.ops.aten.convolution_backward(
        gradient, x, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups,
        [*wanted, False],
    )  # fmt: skip


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *shape: int
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.shape = padding, groups, stride = shape
        return F.conv2d(x, weight, bias, padding=padding, groups=groups, stride=stride)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        by_x = by_weight = by_bias = None
        if ctx.needs_input_grad[0]:
            by_x = _ByInput.apply(outer[0], weight, x.shape, *ctx.shape)
        if ctx.needs_input_grad[1] and not _RESTING[0]:
            by_weight = gradients(outer[0], x, weight, ctx.shape, [False, True])[1]
        if ctx.needs_input_grad[2] and not _RESTING[0]:
            by_bias = outer[0].sum((0, 2, 3))
        return by_x, by_weight, by_bias, None, None, None  # pyright: ignore[reportReturnType]


class _ByInput(torch.autograd.Function):
    """The derivative with respect to x, itself bilinear in the gradient and the weight."""

    @staticmethod
    def forward(
        ctx: Any, gradient: Tensor, weight: Tensor, size: torch.Size, *shape: int
    ) -> Tensor:
        ctx.save_for_backward(gradient, weight)
        ctx.shape = shape
        blank = torch.empty(
            size,
            dtype=gradient.dtype,
            device=gradient.device,
            memory_format=torch.channels_last,
        )
        return gradients(gradient, blank, weight, ctx.shape, [True, False])[0]

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        gradient, weight = ctx.saved_tensors
        by_gradient = by_weight = None
        # Penalties begin with a picture in torch's usual layout; all else is channels last.
        push = outer[0].contiguous(memory_format=torch.channels_last)
        if ctx.needs_input_grad[0]:
            by_gradient = _Convolution.apply(push, weight, None, *ctx.shape)
        if ctx.needs_input_grad[1] and not _RESTING[0]:
            by_weight = gradients(gradient, push, weight, ctx.shape, [False, True])[1]
        return by_gradient, by_weight, None, None, None, None  # pyright: ignore[reportReturnType]
