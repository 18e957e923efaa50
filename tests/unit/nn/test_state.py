import torch
from torch import nn
from torch.nn import init

from lucidsonic.generators.r3gan import Network, NetworkSpec
from lucidsonic.nn.state import Unfilled, fill


def test_an_unfilled_network_draws_no_number() -> None:
    before = torch.get_rng_state()
    with Unfilled():
        nn.Conv2d(3, 4, 3)
        nn.Linear(3, 4)
        nn.Parameter(torch.randn(4))
        init.normal_(torch.empty(2, 2), std=2.0)
        Network(NetworkSpec(widths=(16, 8), groups=(2, 2), blocks=(1, 1)))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_filled_network_is_the_one_that_the_tensors_came_from() -> None:
    spec = NetworkSpec(widths=(16, 8), groups=(2, 2), blocks=(1, 1))
    torch.manual_seed(0)
    first = Network(spec)
    with Unfilled():
        second = Network(spec)
    fill(second, first.state_dict())
    z = torch.randn(2, 64)
    assert torch.equal(first(z), second(z))
