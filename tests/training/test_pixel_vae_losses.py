import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lucidsonic.training.pixel_vae.corrupt import CORRUPTIONS, corrupt
from lucidsonic.training.pixel_vae.losses import (
    corruption_targets,
    kl_divergence,
    kl_share,
    load_balance,
    ranking,
    reconstruction_targets,
    semantic_targets,
    semantic_term,
)
from lucidsonic.training.pixel_vae.pack import Label

share = st.floats(0, 1)


def test_the_kl_is_a_mean_over_batch_and_dimensions():
    mean, log_variance = torch.full((4, 6), 2.0), torch.zeros(4, 6)

    assert kl_divergence(mean, log_variance).item() == pytest.approx(2.0)
    assert kl_divergence(torch.zeros(4, 6), log_variance).item() == 0


@pytest.mark.parametrize(
    ("epoch", "share"), [(1, 0.0), (2, 0.1), (6, 0.5), (11, 1.0), (500, 1.0)]
)
def test_the_kl_comes_in_over_ten_epochs(epoch, share):
    assert kl_share(epoch, warmup=10) == pytest.approx(share)


@given(share, share)
def test_a_more_spoilt_sprite_is_never_taught_to_be_better(one, other):
    low, high = sorted((one, other))
    targets = corruption_targets(torch.tensor([low, high]), 0.8)

    assert 0.1 <= targets[1] <= targets[0] <= 0.8 + 1e-6


def test_targets_start_at_the_threshold_and_end_at_the_floor():
    targets = corruption_targets(torch.tensor([0.0, 0.5, 1.0]), 0.8)

    torch.testing.assert_close(targets, torch.tensor([0.8, 0.4, 0.1]))
    perfect = reconstruction_targets(torch.tensor([0.0, 0.1]), 0.8, rate=math.log(2) / 0.1)
    torch.testing.assert_close(perfect, torch.tensor([0.8, 0.4]))


def test_the_balance_is_one_when_shared_and_the_number_of_experts_when_one_takes_all():
    shared = torch.eye(4)
    greedy = torch.tensor([[1.0, 0, 0, 0]]).repeat(8, 1)

    assert load_balance(shared).item() == pytest.approx(1)
    assert load_balance(greedy).item() == pytest.approx(4)


def test_the_order_costs_nothing_once_the_better_leads_by_the_margin():
    gap = torch.tensor([0.5])

    assert ranking(torch.tensor([2.0]), torch.tensor([1.0]), gap).item() == 0
    assert ranking(torch.tensor([1.0]), torch.tensor([2.0]), gap).item() == pytest.approx(1.5)


def test_words_lie_on_the_sphere_and_shared_words_lie_near():
    labels = [
        Label("a", "mon", "orc wizard"),
        Label("b", "mon", "orc warrior"),
        Label("c", "item", "golden ring"),
        Label("d"),
    ]
    points = semantic_targets(labels, 64)

    torch.testing.assert_close(points.norm(dim=1), torch.tensor([1.0, 1, 1, 0]))
    assert points[0] @ points[1] > points[0] @ points[2] + 0.2
    assert torch.equal(points, semantic_targets(labels, 64))


def test_sprites_without_words_teach_no_words():
    target = torch.tensor([[1.0, 0], [0, 0]])
    embedding = torch.tensor([[0.0, 1], [1, 0]])

    assert semantic_term(embedding, target).item() == pytest.approx(2)
    assert semantic_term(embedding, target * 0).item() == 0


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
def test_every_corruption_grows_with_its_severity_and_starts_at_nothing(name):
    torch.manual_seed(0)
    images = torch.rand(8, 4, 32, 32) * 2 - 1
    noise = torch.randn(images.shape)
    errors = [
        (CORRUPTIONS[name](images, torch.full((8,), s), noise) - images).square().mean().item()
        for s in (0.0, 0.2, 0.5, 0.9)
    ]

    assert errors[0] < 1e-6
    assert errors == sorted(errors)
    assert errors[1] < 0.8 * errors[3]


def test_the_same_chance_spoils_in_the_same_way():
    images = torch.rand(6, 3, 16, 16)
    severity = torch.full((6,), 0.5)
    one, other = (corrupt(images, severity, torch.Generator().manual_seed(3)) for _ in range(2))

    assert torch.equal(one, other)
    assert one.abs().max() <= 1
