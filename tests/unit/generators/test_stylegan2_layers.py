"""The fast arrangements against the formulas as the paper writes them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lucidsonic.generators.stylegan2.layers import StyledLayer, upsample_image
from lucidsonic.generators.stylegan2.network import Bend, Network
from lucidsonic.generators.stylegan2.options import Options
from lucidsonic.generators.stylegan2.spec import SynthesisSpec
from lucidsonic.nn.fir import fir_kernel, resample_2d


def by_the_formula(
    layer: StyledLayer, x: Tensor, w: Tensor, kernel: Tensor, noise: Tensor
) -> Tensor:
    """Equations 1 and 3 of StyleGAN2 with weights of each picture's own."""
    styles = layer.affine(w)
    pictures: list[Tensor] = []
    size, taps = layer.weight.shape[-1], kernel.shape[-1]
    for one, s in zip(x, styles, strict=True):
        weight = layer.weight * s.view(1, -1, 1, 1)
        weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        y = one[None]
        if layer.up:
            low, high = size // 2 + (taps + 1) // 2, size // 2 + (taps - 2) // 2
            y = resample_2d(y, kernel * 4, up=2, padding=(low, high, low, high))
            y = F.conv2d(y, weight.flip([2, 3]))
        else:
            y = F.conv2d(y, weight, padding=size // 2)
        pictures.append(y)
    y = torch.cat(pictures) + layer.bias.view(1, -1, 1, 1)
    assert layer.noise_strength is not None
    y = layer.activation.function(y + noise * layer.noise_strength) * layer.activation.gain
    return y if layer.clamp is None else y.clamp(-layer.clamp, layer.clamp)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize(
    ("size", "taps", "activation"),
    [
        (3, 4, "lrelu"),
        (1, 4, "linear"),
        (5, 4, "swish"),
        (3, 1, "relu"),
        (3, 8, "tanh"),
        (3, 5, "elu"),
    ],
)
def test_a_styled_layer_computes_the_formula(
    batch: int, up: bool, size: int, taps: int, activation: str
) -> None:
    torch.manual_seed(1)
    spec = SynthesisSpec(
        w_dim=6, widths=(5, 7), kernel_size=size, activation=activation, clamp=0.8
    )
    layer = StyledLayer(spec, (5, 7), 8, up=up).requires_grad_(False)
    layer.bias.normal_()
    assert layer.noise_strength is not None
    layer.noise_strength.fill_(0.3)
    kernel = fir_kernel(torch.rand(taps) + 0.1)
    side = 8 if up else 4
    x, w, noise = (
        torch.randn(batch, 5, 4, 4),
        torch.randn(batch, 6),
        torch.randn(1, 1, side, side),
    )
    ours = layer(x, w, kernel, noise)
    assert torch.allclose(ours, by_the_formula(layer, x, w, kernel, noise), atol=2e-5)


def test_the_smoothing_keeps_constants_away_from_the_border() -> None:
    grey = torch.ones(1, 3, 6, 6)
    assert torch.allclose(
        upsample_image(grey, fir_kernel([1.0, 3, 3, 1]))[..., 2:-2, 2:-2], torch.tensor(1.0)
    )


@pytest.mark.parametrize("architecture", ["skip", "orig", "resnet"])
@pytest.mark.parametrize(("use_noise", "channels"), [(True, 3), (False, 1)])
def test_every_architecture_paints_alone_as_in_a_batch(
    architecture: str, use_noise: bool, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lucidsonic.generators.stylegan2.network.LARGE", 1 << 13)
    torch.manual_seed(0)
    options = Options.model_validate(
        {
            "z_dim": 8, "w_dim": 8, "widths": (16, 16, 8, 8), "hidden_features": 8,
            "architecture": architecture, "use_noise": use_noise, "image_channels": channels,
        }
    )  # fmt: skip
    network = Network(*options.specs()).eval().requires_grad_(False)
    ws = torch.randn(3, 8, 8)
    bend = Bend(
        [n[None, None] for n in network.synthesis.noise_layers()], torch.rand(3, 4) + 0.5
    )
    together = network.synthesis(ws, bend)
    assert together.shape == (3, channels, 32, 32)
    for index in range(3):
        alone = network.synthesis(ws[index : index + 1], bend.of(index))
        assert torch.allclose(together[index : index + 1], alone, atol=1e-4)


def test_the_residual_architecture_adds_the_way_round() -> None:
    torch.manual_seed(0)
    options = Options(z_dim=4, w_dim=4, widths=(4, 4), hidden_features=4, architecture="resnet")
    network = Network(*options.specs()).eval().requires_grad_(False)
    before = network.synthesis(torch.ones(1, 4, 4))
    network.get_parameter("synthesis.b8.skip.weight").zero_()
    assert not torch.allclose(before, network.synthesis(torch.ones(1, 4, 4)))


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_half_precision_stays_finite_for_wild_styles(scale: float) -> None:
    torch.manual_seed(0)
    options = Options(z_dim=4, w_dim=4, widths=(64, 64, 64), hidden_features=4)
    network = Network(*options.specs()).eval().requires_grad_(False)
    ws = torch.randn(2, 6, 4) * scale
    for batch in (ws, ws[:1]):
        assert torch.isfinite(network.synthesis(batch, dtype=torch.float16)).all()
