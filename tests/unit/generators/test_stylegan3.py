import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.signal import firwin, kaiser_atten
from scipy.signal import kaiser_beta as scipy_beta
from scipy.special import j1
from torch import Tensor

from lucidsonic.errors import WeightsError
from lucidsonic.generators import stylegan3
from lucidsonic.generators.stylegan3.adapter import StyleGAN3, placement
from lucidsonic.generators.stylegan3.network import Layer, Network
from lucidsonic.generators.stylegan3.plan import design_lowpass
from lucidsonic.nn.fir import resample_2d
from lucidsonic.types import NetworkRecord
from tests.unit.generators.golden_networks import (
    TOLERANCE,
    controls,
    deviation,
    load,
    reference,
    stored_tensors,
)

NETWORKS = ("stylegan3_t_32", "stylegan3_r_32")
T_ARGUMENTS = {
    "z_dim": 64, "w_dim": 64, "c_dim": 0, "img_resolution": 32, "img_channels": 3,
    "mapping_kwargs": {"num_layers": 2}, "channel_base": 1024, "channel_max": 32,
    "magnitude_ema_beta": 0.998,
}  # fmt: skip


def by_the_formula(layer: Layer, x: Tensor, w: Tensor) -> Tensor:
    """The paper's layer with weights of each picture's own and full two-dimensional filters."""
    plan = layer.plan
    styles = layer.affine(w)
    weight = layer.weight * layer.weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
    pictures: list[Tensor] = []
    for one, s in zip(x, styles, strict=True):
        own = weight * s.view(1, -1, 1, 1)
        own = own / (own.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        own = own * layer.magnitude_ema.rsqrt()
        pictures.append(F.conv2d(one[None], own, layer.bias, padding=plan.kernel - 1))
    y = torch.cat(pictures)
    (top, bottom), (left, right) = plan.padding(0), plan.padding(1)
    up = layer.up_filter
    up = torch.ones(1, 1) if up is None else torch.outer(up, up)
    y = resample_2d(y, up * plan.up**2, up=plan.up, padding=(left, right, top, bottom))
    y = F.leaky_relu(y, 0.2) * 2**0.5
    if layer.clamp is not None:
        y = y.clamp(-layer.clamp, layer.clamp)
    down = layer.down_filter
    if down is None:
        return y
    return resample_2d(y, down if down.ndim == 2 else torch.outer(down, down), down=plan.down)


def small_network(**changes: object) -> Network:
    torch.manual_seed(0)
    options = stylegan3.Options.model_validate(
        {
            "z_dim": 8, "w_dim": 8, "resolution": 32, "channel_base": 256, "channel_max": 8,
            **changes,
        }
    )  # fmt: skip
    return Network(*options.specs()).eval().requires_grad_(False)


CONFIGURATIONS = [
    {},
    {"conv_kernel": 1, "use_radial_filters": True},
    {"num_layers": 6, "num_critical": 0, "first_cutoff": 1.5},
    {"num_layers": 9, "num_critical": 4, "filter_size": 8, "margin_size": 6},
    {"lrelu_upsampling": 4, "filter_size": 4, "last_stopband_rel": 1.5, "clamp": 0.5},
    {"lrelu_upsampling": 1, "first_stopband": 3.5},
    {"aspect": 1.5, "resolution": 64},
]


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_layer_computes_the_formula(configuration: dict[str, object]) -> None:
    network = small_network(**configuration).synthesis
    w = torch.randn(2, 8)
    for name in network.names[:-1]:
        layer = network.get_submodule(name)
        assert isinstance(layer, Layer)
        layer.bias.normal_()
        layer.magnitude_ema.fill_(1.7)
        x = torch.randn(2, layer.plan.channels[0], *layer.plan.in_size)
        wanted = by_the_formula(layer, x, w)
        assert wanted.shape[-2:] == layer.plan.out_size
        assert torch.allclose(layer(x, w, None), wanted, atol=2e-5)
        assert torch.allclose(layer(x[:1], w[:1], None), wanted[:1], atol=2e-5)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_a_batch_at_once_is_the_pictures_one_by_one(configuration: dict[str, object]) -> None:
    network = small_network(**configuration).synthesis
    ws, gains = torch.randn(2, network.plan.num_ws, 8), torch.rand(2, len(network.names)) + 0.5
    turned = torch.from_numpy(placement(np.array([[0.1, 0, 0, 1], [0, 0.2, 0.1, 1.1]])))
    at_once = network.paint(ws, turned, gains, torch.float32, {})
    assert torch.allclose(network(ws, turned, gains), at_once, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_designed_filters_are_those_that_the_original_stored(name: str) -> None:
    generator = load(name)
    assert isinstance(generator, StyleGAN3)
    stored = stored_tensors(name)
    for layer in generator.network.synthesis.plan.layers():
        for kind, designed in zip(("up", "down"), layer.filters(), strict=True):
            kept = stored.get(f"synthesis.{layer.name}.{kind}_filter")
            assert (designed is None) == (kept is None)
            if kept is not None and designed is not None:
                assert np.allclose(designed, kept.numpy(), atol=1e-7)


@pytest.mark.golden
@pytest.mark.parametrize("name", NETWORKS)
def test_a_moved_and_turned_picture_is_that_of_the_original(name: str) -> None:
    theirs = reference(name)
    ours = load(name).synthesis(theirs["w"], transform=theirs["transform"])
    assert deviation(ours, theirs["img_transform"]) < TOLERANCE
    each = theirs["transform"].expand(len(theirs["w"]), -1, -1)
    assert torch.allclose(load(name).synthesis(theirs["w"], transform=each), ours, atol=1e-5)


def test_panning_moves_the_picture_right_and_down() -> None:
    generator = load("stylegan3_t_32")
    plain = generator.render(controls(generator, 1))
    right = generator.render(controls(generator, 1, transform=[[0.25, 0, 0, 1]]))
    down = generator.render(controls(generator, 1, transform=[[0, 0.25, 0, 1]]))
    inner = slice(10, -10)
    by_8 = plain.roll(8, dims=3)
    assert (right - by_8)[..., inner, inner].abs().mean() < 0.1 * (right - plain).abs().mean()
    by_8 = plain.roll(8, dims=2)
    assert (down - by_8)[..., inner, inner].abs().mean() < 0.1 * (down - plain).abs().mean()


def test_a_quarter_turn_of_configuration_r_turns_the_picture() -> None:
    generator = load("stylegan3_r_32")
    plain = generator.render(controls(generator, 1))
    turned = generator.render(controls(generator, 1, transform=[[0, 0, 0.25, 1]]))
    anticlockwise = plain.rot90(1, dims=(2, 3))
    inner = slice(6, -6)
    error = (turned - anticlockwise)[..., inner, inner].abs().mean()
    assert error < 0.1 * (turned - plain)[..., inner, inner].abs().mean()


def test_zooming_enlarges() -> None:
    (matrix,) = placement(np.array([[0.0, 0.0, 0.0, 2.0]]))
    assert np.allclose(matrix @ [0.5, 0.5, 1], [0.25, 0.25, 1])


def test_the_arguments_of_the_file_build_the_network() -> None:
    record = NetworkRecord(
        kind="persistence",
        class_path="Generator",
        args=(),
        kwargs=T_ARGUMENTS,
        tensors=stored_tensors("stylegan3_t_32"),
        attributes={},
    )
    assert stylegan3.recognise(record)
    options, state = stylegan3.convert(record)
    assert options["resolution"] == 32
    assert set(state) == set(record.tensors)
    positional = replace(
        record,
        args=(64, 0, 64, 32, 3),
        kwargs={"channel_base": 1024, "channel_max": 32, "conv_clamp": None},
    )
    assert stylegan3.convert(positional)[0]["clamp"] == 0


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"channel_max": 16}, "L0_36_16"),
        ({"num_layers": 10}, "synthesis"),
        ({"wobble": 1}, "wobble"),
        ({"num_layers": 1}, "num_layers"),
        ({"mapping_kwargs": {"num_layers": 3}}, "mapping.fc2"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(changes, named: str) -> None:
    record = NetworkRecord(
        kind="persistence",
        class_path="Generator",
        args=(),
        kwargs={**T_ARGUMENTS, **changes},
        tensors=stored_tensors("stylegan3_t_32"),
        attributes={},
    )
    with pytest.raises(WeightsError, match=named):
        stylegan3.convert(record)


@pytest.mark.parametrize("taps", [2, 6, 12, 24, 48])
@pytest.mark.parametrize(
    ("cutoff", "width"), [(2.0, 9.0), (11.3, 4.7), (30.0, 2.0), (8.0, 0.01)]
)
def test_filters_are_the_ones_that_scipy_designs(
    taps: int, cutoff: float, width: float
) -> None:
    ours = design_lowpass(taps, cutoff, width, 128)
    assert ours is not None
    theirs = firwin(taps, cutoff=cutoff, width=width, fs=128)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_radial_filters_are_jincs_in_a_kaiser_window() -> None:
    taps, cutoff, width, rate = 12, 8.0, 6.0, 64
    x = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.hypot(*np.meshgrid(x, x))
    window = np.kaiser(taps, scipy_beta(kaiser_atten(taps, width / (rate / 2))))
    wanted = j1(2 * cutoff * np.pi * radius) / radius * np.outer(window, window)
    ours = design_lowpass(taps, cutoff, width, rate, radial=True)
    assert ours is not None
    np.testing.assert_allclose(ours, wanted / wanted.sum(), rtol=1e-5, atol=1e-8)


def test_the_family_starts_without_scipy_which_takes_as_long_as_torch() -> None:
    code = (
        "import sys; import lucidsonic.generators.stylegan3;"
        " raise SystemExit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
