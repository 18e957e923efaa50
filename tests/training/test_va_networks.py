from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lucidsonic.generators.va_gan import Decoder
from lucidsonic.generators.va_gan.network import EmotionUnit
from lucidsonic.training.va_gan.losses import (
    critic_loss,
    diversity_loss,
    gradient_penalty,
    pyramid_distance,
)
from lucidsonic.training.va_gan.networks import Critic, Encoder, Latent


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_networks_have_the_specified_sizes():
    decoder = Decoder()
    assert parameters(Encoder()) == 4_887_200
    assert parameters(decoder) == 5_140_877
    assert sum(map(parameters, decoder.emotion_units)) == 135_690
    assert parameters(Critic()) == 9_548_355
    assert len(decoder.emotion_units) == 5


@pytest.mark.parametrize(("resolution", "units"), [(64, 4), (128, 5), (256, 6)])
def test_every_size_has_one_emotion_unit_a_stage(resolution: int, units: int):
    decoder = Decoder(resolution=resolution, width=32, latent_dim=8)
    images = decoder(torch.randn(2, 8), torch.rand(2, 2))
    assert images.shape == (2, 3, resolution, resolution)
    assert images.abs().max() <= 1
    assert len(decoder.emotion_units) == units
    scores, emotion = Critic(resolution=resolution, width=32)(images)
    assert scores.shape == (2,)
    assert emotion.shape == (2, 2)
    mean, log_variance = Encoder(resolution=resolution, width=32, latent_dim=8)(images)
    assert mean.shape == log_variance.shape == (2, 8)


def test_64_pixels_leave_the_last_stage_away():
    assert parameters(Decoder()) - parameters(Decoder(resolution=64)) == 18_146


@given(
    weights=st.floats(-50, 50),
    valence=st.floats(0, 1),
    arousal=st.floats(0, 1),
    clamp=st.sampled_from(["hard", "soft"]),
)
def test_emotion_never_scales_by_less_than_0_4_or_more_than_1_8(
    weights: float, valence: float, arousal: float, clamp: str
):
    unit = EmotionUnit(4, clamp=clamp)
    networks: list[Any] = [unit.v_gamma, unit.a_gamma]
    for network in networks:
        torch.nn.init.constant_(network[2].bias, weights)
        torch.nn.init.normal_(network[2].weight)
    for gamma in unit.gammas(torch.tensor([[valence, arousal]])):
        assert gamma.min() >= 0.4 - 1e-6
        assert gamma.max() <= 1.8 + 1e-6


def test_a_fresh_emotion_unit_already_learns_in_all_its_four_networks():
    unit = EmotionUnit(4)
    optimizer = torch.optim.SGD(unit.parameters(), lr=0.001)
    networks: list[Any] = [unit.v_gamma, unit.v_beta, unit.a_gamma, unit.a_beta]
    x, va = torch.randn(3, 4, 5, 5), torch.rand(3, 2)

    unit(x, va).square().mean().backward()
    assert all(n[2].weight.grad.abs().sum() > 0 for n in networks)
    assert all(n[0].weight.grad.abs().sum() == 0 for n in networks)
    optimizer.step()
    optimizer.zero_grad()
    unit(x, va).square().mean().backward()
    assert all(n[0].weight.grad.abs().sum() > 0 for n in networks)


def test_deep_emotion_does_not_blow_the_features_up():
    unit = EmotionUnit(8)
    x = torch.randn(4, 8, 16, 16)
    assert unit(x, torch.full((4, 2), 0.5)).std() < 2.5 * x.std()


def test_without_gain_emotion_changes_nothing():
    unit = EmotionUnit(4)
    unit.gain = 0.0
    x = torch.randn(1, 4, 3, 3)
    assert torch.equal(unit(x, torch.rand(1, 2)), x)


def test_the_gradient_penalty_of_a_linear_critic_is_its_squared_norm():
    weight = torch.randn(3 * 4 * 4)
    penalty = gradient_penalty(lambda x: x.flatten(1) @ weight, torch.randn(5, 3, 4, 4))
    torch.testing.assert_close(penalty, weight.square().sum())


def test_chance_costs_the_critic_two():
    assert critic_loss(torch.zeros(4), torch.zeros(4)) == 2
    assert critic_loss(torch.full((4,), 1.5), torch.full((4,), -1.5)) == 0


def test_pictures_that_differ_as_their_emotions_do_cost_nothing():
    va = torch.tensor([[[0.0, 0.0], [0.5, 0.0], [1.0, 0.0], [0.2, 0.0]]])
    images = va[:, :, :1, None, None].expand(1, 4, 3, 2, 2)
    assert diversity_loss(images, va) < 1e-4
    assert diversity_loss(torch.zeros(1, 4, 3, 2, 2), va) > 0.3


def test_the_pyramid_sees_fine_detail_and_broad_light():
    picture = torch.rand(2, 3, 32, 32) * 2 - 1
    assert pyramid_distance(picture, picture) == 0
    assert pyramid_distance(picture, picture + 0.2) > 0.03
    assert pyramid_distance(picture, torch.nn.functional.avg_pool2d(picture, 5, 1, 2)) > 0.05


def test_a_standard_posterior_is_no_distance_from_the_prior():
    assert Latent.divergence(torch.zeros(3, 4), torch.zeros(3, 4)) == 0
    assert Latent.divergence(torch.ones(3, 4), torch.zeros(3, 4)) == 0.5
