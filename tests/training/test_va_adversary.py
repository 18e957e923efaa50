import math

import pytest
import torch

from lucidsonic.training.run import Clock
from lucidsonic.training.va_gan import gan
from lucidsonic.training.va_gan.adversary import ADVERSARIES, Lesson

PAIRING = ADVERSARIES["pairing"]


@pytest.fixture
def critic() -> torch.nn.Module:
    torch.manual_seed(0)
    return PAIRING.build(resolution=16, width=32)


def a_lesson(real: torch.Tensor, fake: torch.Tensor, va: float = 0.5) -> Lesson:
    emotions = torch.full((len(real), 2), va)
    return Lesson(real, emotions, fake, emotions, lambda images: images)


def noise(seed: int) -> torch.Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.rand(8, 3, 16, 16, generator=chance) * 2 - 1


def value(loss: torch.Tensor) -> float:
    return float(loss.detach())


def test_paintings_that_are_photographs_leave_a_pairing_critic_in_doubt(
    critic: torch.nn.Module,
):
    images = noise(1)
    losses = PAIRING.teach(critic, a_lesson(images, images), va=0.5, gamma=2.0)

    assert value(losses["d_loss"]) == pytest.approx(math.log(2), abs=1e-6)
    assert value(losses["d_wrong"]) == 0.0
    expected = losses["d_loss"] + losses["r1"] + losses["r2"]
    assert value(losses["loss"]) == pytest.approx(value(expected), rel=1e-6)
    assert value(PAIRING.ask(critic, a_lesson(images, images))["adv"]) == pytest.approx(
        math.log(2), abs=1e-6
    )


def test_what_the_critic_gains_by_telling_apart_the_generator_loses(critic: torch.nn.Module):
    lesson = a_lesson(noise(1), noise(2) * 0.2)
    optimiser = torch.optim.Adam(critic.parameters(), lr=2e-3)
    for _ in range(30):
        losses = PAIRING.teach(critic, lesson, va=0, gamma=0.1)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
    losses = PAIRING.teach(critic, lesson, va=0, gamma=0.1)

    assert value(losses["d_loss"]) < 0.4
    assert value(losses["d_wrong"]) == 0.0
    assert value(PAIRING.ask(critic, lesson)["adv"]) > 1.0


def test_the_same_picture_is_judged_by_the_emotion_that_it_should_have(
    critic: torch.nn.Module,
):
    losses = [PAIRING.ask(critic, a_lesson(noise(1), noise(2), va))["adv"] for va in (0.2, 0.8)]

    assert value(losses[0]) != pytest.approx(value(losses[1]), abs=1e-4)


@pytest.mark.parametrize("kind", ADVERSARIES)
def test_photographs_of_an_emotion_are_compared_with_paintings_of(kind: str):
    va = torch.full((8, 2), 0.5)
    same = (ADVERSARIES[kind].wanted(va, "div9") == va).all(1)

    assert same[:4].all()
    assert bool(same[4:].all()) == (kind == "pairing")


def test_penalties_come_every_so_often_or_always_and_fall_with_the_rates():
    config = gan.Config(
        r1_gamma=0.5, r1_every=4, phase1_end=0, phase2_end=1, lr_gamma=0.5, lr_floor=0.1
    )

    def at(kind: str, step: int, epoch: int) -> float:
        return ADVERSARIES[kind].penalty(config, Clock(step, epoch, 100, 8))

    assert [at("hinge", step, 3) for step in (4, 5, 8)] == [0.5, 0.0, 0.5]
    assert [at("pairing", 5, epoch) for epoch in (1, 2, 3, 9)] == [0.5, 0.25, 0.125, 0.05]
