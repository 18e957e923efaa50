import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from lucidsonic.errors import ConfigError
from lucidsonic.generators.r3gan.network import Discriminator, Network
from lucidsonic.training.r3gan.augment import COLOURS, augment, cut_out, recolour, warp
from lucidsonic.training.r3gan.config import PRESETS, Config
from lucidsonic.training.r3gan.losses import generator_loss, pairing_loss, penalised_score
from lucidsonic.training.r3gan.schedule import adapted_chance, cosine, ema_decay, moment
from lucidsonic.training.r3gan.score import kernel_distance, plain_frechet
from lucidsonic.training.run import resolve_config

SIZES = {
    # preset: classes, parameters of G and D in millions, resolution
    "cifar10": (10, 20.78, 21.28, 32),
    "ffhq-64": (0, 22.43, 22.38, 64),
    "ffhq-256": (0, 23.06, 23.01, 256),
    "imagenet-32": (1000, 82.91, 86.55, 32),
    "imagenet-64": (1000, 103.57, 107.21, 64),
    "lucid-128": (0, 6.28, 6.25, 128),
    "lucid-128-small": (0, 1.31, 1.30, 128),
    "lucid-64-tiny": (0, 0.35, 0.34, 64),
    "test-32": (0, 0.041, 0.039, 32),
}


def preset(name: str, **flags: object) -> Config:
    return resolve_config(Config, flags, preset=name, presets=PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_the_networks_that_were_specified(name: str) -> None:
    classes, g, d, resolution = SIZES[name]
    config = preset(name)
    assert config.resolution == resolution
    with torch.device("meta"):
        networks = Network(config.spec(classes)), Discriminator(config.spec(classes))
    for network, millions in zip(networks, (g, d), strict=True):
        count = sum(p.numel() for p in network.parameters()) / 1e6
        assert abs(count - millions) <= (0.005 if millions > 0.1 else 0.0005)


def test_schedules_begin_and_end_where_they_should() -> None:
    config = preset("ffhq-64")
    first, last = moment(config, 0), moment(config, 20_000_000)
    assert (first.lr, first.beta2, first.gamma, first.aug_p, first.ema_kimg) == pytest.approx(
        (2e-4, 0.9, 2, 0, 0)
    )
    assert (last.lr, last.beta2, last.gamma, last.aug_p, last.ema_kimg) == pytest.approx(
        (5e-5, 0.99, 0.2, 0.3, 500)
    )
    assert moment(config, 10**9) == last


@given(st.floats(0, 2e6))
def test_a_schedule_stays_between_its_ends_and_is_half_way_in_the_middle(images: float) -> None:
    assert 1 <= cosine(1, 3, images, 1e6) <= 3
    assert cosine(1, 3, 5e5, 1e6) == pytest.approx(2)


def test_kimg_sets_the_steps_and_the_length_of_the_schedules() -> None:
    config = preset("lucid-64-tiny", kimg="64", batch_size="16")
    assert config.max_steps == 4000
    assert config.decay_images == 64_000
    assert preset("lucid-64-tiny", decay_kimg="10").decay_images == 10_000
    assert preset("lucid-64-tiny", max_steps="7").max_steps == 7


def test_old_weights_count_half_after_the_half_life() -> None:
    assert ema_decay(100, 1) ** 10 == pytest.approx(0.5)
    assert ema_decay(32, 0) == 0


def test_adaptive_augmentation_follows_the_critics_certainty() -> None:
    assert adapted_chance(0.2, 0.9, 500) > 0.2 > adapted_chance(0.2, 0.1, 500)
    assert adapted_chance(0.0, 0.1, 500) == 0
    assert adapted_chance(1.0, 0.9, 500) == 1


def test_a_width_that_does_not_split_into_groups_is_refused() -> None:
    with pytest.raises(ConfigError, match="do not split"):
        preset("test-32", widths="20,20,20,20")


def test_mixed_precision_of_other_families_is_refused() -> None:
    with pytest.raises(ConfigError, match="low-precision"):
        preset("test-32", amp="bf16")


def test_a_critic_that_cannot_tell_loses_ln_2() -> None:
    scores = torch.randn(8)
    assert float(pairing_loss(scores, scores)) == pytest.approx(math.log(2))


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=8))
def test_swapping_the_pair_gives_the_generators_loss(values: list[float]) -> None:
    real, fake = torch.tensor(values), torch.tensor(values).flip(0) + 1
    assert torch.equal(pairing_loss(fake, real), generator_loss(real, fake))
    gap = real - fake
    assert torch.allclose(
        pairing_loss(real, fake) - generator_loss(real, fake), -gap.mean(), atol=1e-4
    )


def test_the_penalty_of_a_linear_critic_is_its_weights_squared() -> None:
    weight = torch.randn(3, 4, 4)
    found = penalised_score(lambda x: (x * weight).sum(dim=(1, 2, 3)), torch.randn(5, 3, 4, 4))
    assert torch.allclose(found.penalty, weight.square().sum().expand(5), rtol=1e-5)


def test_the_penalty_trains_the_critic_through_augmentation() -> None:
    torch.manual_seed(0)
    critic = nn.Conv2d(3, 1, 3)

    def judge(pictures: Tensor) -> Tensor:
        return critic(augment(pictures, 1.0)).square().mean(dim=(1, 2, 3))

    penalty = penalised_score(judge, torch.randn(4, 3, 16, 16)).penalty
    penalty.mean().backward()
    assert critic.weight.grad is not None
    assert float(critic.weight.grad.abs().sum()) > 0


@pytest.mark.parametrize(("chance", "mode"), [(0.0, "r3gan"), (1.0, "none")])
def test_no_augmentation_is_the_picture_itself(chance: float, mode: str) -> None:
    pictures = torch.randn(3, 3, 8, 8)
    assert augment(pictures, chance, mode=mode) is pictures


@pytest.mark.parametrize("mode", ["r3gan", "geom"])
def test_augmentation_is_drawn_for_each_picture_and_lets_gradients_through(mode: str) -> None:
    torch.manual_seed(0)
    one = torch.rand(1, 3, 16, 16).repeat(8, 1, 1, 1).requires_grad_(True)
    seen = augment(one, 0.9, mode=mode)
    assert seen.shape == one.shape
    assert len({round(float(x.sum()), 3) for x in seen.detach()}) > 4
    seen.sum().backward()
    assert one.grad is not None
    assert torch.isfinite(one.grad).all()
    assert float(one.grad.abs().sum()) > 0


def test_geometry_leaves_colours_alone() -> None:
    torch.manual_seed(0)
    flat = torch.tensor([0.3, -0.2, 0.8]).view(1, 3, 1, 1).expand(6, 3, 16, 16)
    assert torch.allclose(augment(flat, 1.0, mode="geom"), flat, atol=1e-5)


def test_the_warp_is_torchs_own_and_its_gradient_too() -> None:
    torch.manual_seed(0)
    places = torch.eye(3).repeat(2, 1, 1) + 0.2 * torch.randn(2, 3, 3)
    x = torch.randn(2, 3, 7, 7, dtype=torch.float64, requires_grad=True)
    places = places.double()
    grid = F.affine_grid(places[:, :2], [2, 3, 7, 7], align_corners=False)
    plain = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    assert torch.allclose(warp(x, places), plain)
    weights = torch.randn_like(plain)
    (theirs,) = torch.autograd.grad((plain * weights).sum(), x)
    (ours,) = torch.autograd.grad((warp(x, places) * weights).sum(), x)
    assert torch.allclose(ours, theirs)
    assert torch.autograd.gradgradcheck(lambda p: warp(p, places).square(), x)


def test_grey_pictures_stay_grey_under_every_colour_change() -> None:
    torch.manual_seed(0)
    grey = torch.rand(16, 1, 4, 4).expand(-1, 3, -1, -1)
    changed = recolour(grey, 1.0)
    assert torch.allclose(
        changed, changed.mean(dim=1, keepdim=True).expand_as(changed), atol=1e-5
    )


def test_turning_the_hue_keeps_brightness_and_colourfulness() -> None:
    torch.manual_seed(0)
    turn = COLOURS[3](5, torch.zeros(1))
    colours = torch.rand(5, 3)
    turned = torch.einsum("bij,bj->bi", turn[:, :3, :3], colours)
    assert torch.allclose(turned.sum(dim=1), colours.sum(dim=1), atol=1e-5)
    assert torch.allclose(turned.norm(dim=1), colours.norm(dim=1), atol=1e-5)
    assert not torch.allclose(turned, colours, atol=0.05)


def test_a_cut_takes_up_to_a_quarter_of_the_picture() -> None:
    torch.manual_seed(0)
    share = 1 - cut_out(torch.ones(64, 1, 16, 16), 1.0).mean(dim=(1, 2, 3))
    assert float(share.min()) > 0
    assert float(share.max()) <= 0.25 + 1e-6
    assert torch.equal(cut_out(torch.ones(4, 1, 8, 8), 0.0), torch.ones(4, 1, 8, 8))


def test_distances_grow_with_the_shift_and_vanish_for_the_same_pictures() -> None:
    torch.manual_seed(0)
    features = torch.randn(400, 6)
    assert abs(plain_frechet(features, features)) < 1e-6
    shifts = [plain_frechet(features + shift, features) for shift in (0.5, 1.0, 2.0)]
    assert shifts == sorted(shifts)
    assert shifts[1] == pytest.approx(6.0, rel=1e-3)
    kids = [kernel_distance(features + s, torch.randn(400, 6)) for s in (0.0, 0.5, 1.0)]
    assert abs(kids[0]) < 0.1
    assert all(a < b for a, b in pairwise(kids))


def test_low_precision_keeps_the_first_stage_in_full() -> None:
    from lucidsonic.training.r3gan.state import low_stages

    config = preset("test-32", low_precision="bf16")
    assert low_stages(config, torch.device("cpu")) == [0, 1, 2]
    assert low_stages(preset("test-32"), torch.device("cpu")) == []
    assert low_stages(replace_precision(config, "off"), torch.device("cuda")) == []


def replace_precision(config: Config, value: str) -> Config:
    return config.model_copy(update={"low_precision": value})


def test_spec_of_a_conditional_network_embeds_the_condition() -> None:
    spec = preset("test-32").spec(5)
    assert spec == replace(spec, c_dim=5, embed_dim=64)
