import pytest
import torch
import torch.nn.functional as F

from lucidsonic.nn.grouped import grouped_conv2d, weights_at_rest


@pytest.mark.parametrize(
    ("groups", "stride", "padding", "side"),
    [(2, 1, 1, 6), (4, 2, 1, 6), (4, 1, 0, 3), (1, 2, 0, 7)],
)
def test_its_values_and_derivatives_are_torchs(
    groups: int, stride: int, padding: int, side: int
) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 4, side, side, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, 4 // groups, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)

    def penalty(convolve) -> tuple[torch.Tensor, ...]:
        y = convolve(x, weight, bias, padding=padding, groups=groups, stride=stride)
        with weights_at_rest():
            (by_x,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        both = by_x.square().sum() + y.sum()
        return (y, *torch.autograd.grad(both, (x, weight, bias)))

    for ours, theirs in zip(penalty(grouped_conv2d), penalty(F.conv2d), strict=True):
        assert torch.allclose(ours, theirs)


def test_its_derivatives_are_those_of_small_steps() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 1, 3, 3, dtype=torch.float64, requires_grad=True)

    def squared(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return grouped_conv2d(a, b, padding=1, groups=2).square()

    assert torch.autograd.gradcheck(squared, (x, weight))
    assert torch.autograd.gradgradcheck(lambda a: squared(a, weight.detach()), (x,))


def test_weights_at_rest_get_nothing_and_wake_up_again() -> None:
    x = torch.randn(1, 2, 4, 4, requires_grad=True)
    weight = torch.randn(2, 2, 1, 1, requires_grad=True)
    with weights_at_rest():
        grouped_conv2d(x, weight, padding=0, groups=1).sum().backward()
    assert x.grad is not None
    assert weight.grad is None
    grouped_conv2d(x, weight, padding=0, groups=1).sum().backward()
    assert weight.grad is not None
