from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lucidsonic.training.landscapes.colour import estimate_va
from lucidsonic.training.loop import train
from lucidsonic.training.va_gan import gan
from lucidsonic.training.va_gan.emotion_data import EmotionConfig, load_sets, to_network, wish
from lucidsonic.training.va_gan.likeness import colour_emotion, texture_distance
from lucidsonic.training.va_gan.schedule import weights_at

SETTINGS = {
    "resolution": 32, "width": 32, "dis_width": 32, "latent_dim": 8, "device": "cpu",
    "vae": "none", "epochs": 8, "batch_size": 16, "phase1_end": 0, "phase2_end": 1,
    "lr_gen": 2e-3, "lpips_weight": 0, "adv_weight": 0, "recon_final": 0, "sample_every": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    """Painted landscapes `(pictures, 3, 32, 32)` in [-1, 1]."""
    return to_network(load_sets(EmotionConfig(resolution=32)).train.pixels[:24])


def test_the_same_patches_in_another_order_are_no_distance(pictures: torch.Tensor):
    torch.manual_seed(0)
    assert float(texture_distance(pictures, pictures.flip(0))) < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_blur_and_wrong_light_are_both_seen(pictures: torch.Tensor, seed: int):
    blurred = F.avg_pool2d(F.pad(pictures, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    torch.manual_seed(seed)
    near = float(texture_distance(pictures[:12], pictures[12:]))
    torch.manual_seed(seed)
    soft = float(texture_distance(blurred, pictures))
    torch.manual_seed(seed)
    dark = float(texture_distance(pictures - 0.5, pictures))

    assert soft > 0.005
    assert dark > 2 * near


def test_the_gradient_of_colours_is_that_of_the_published_regression(pictures: torch.Tensor):
    images = pictures.clone().requires_grad_(True)
    seen = colour_emotion(images)
    expected = estimate_va((pictures / 2 + 0.5).permute(0, 2, 3, 1).numpy())
    (gradient,) = torch.autograd.grad(seen[:, 0].sum(), images)

    np.testing.assert_allclose(seen.detach().clamp(1, 9).numpy(), expected, atol=2e-3)
    assert float(gradient.mean()) > 0  # lighter is happier


def test_without_an_adversary_no_epoch_has_one():
    config = gan.Config(**SETTINGS)
    assert {weights_at(epoch, config).adv for epoch in range(1, 9)} == {0.0}


def test_half_of_the_wishes_are_the_pictures_own():
    va = torch.full((6, 2), 0.5)
    torch.manual_seed(0)
    wanted = wish(va, "div9")

    assert torch.equal(wanted[:3], va[:3])
    assert bool((wanted[3:] != 0.5).all())
    assert bool((wanted >= 1 / 9).all() & (wanted <= 1).all())


def test_a_few_steps_teach_colours_to_obey_and_leave_the_critic_alone(tmp_path: Path):
    config = gan.Config(**SETTINGS, colour_weight=4, texture_weight=1, out=tmp_path)
    fresh = gan.build(config, torch.device("cpu"))
    before = _disobedience(fresh)
    train(gan.FAMILY, config)

    state = gan.build(config, torch.device("cpu"))
    state.load_state_dict(
        torch.load(tmp_path / "checkpoints" / "latest.pt", weights_only=True)["state"]
    )
    assert _disobedience(state) < 0.6 * before
    assert "d_loss" not in state.memory


@torch.no_grad()
def _disobedience(state: gan.State) -> float:
    torch.manual_seed(1)
    va = wish(torch.full((64, 2), 0.5), "div9")
    made = state.generator(torch.randn(64, 8), va)
    return float(F.mse_loss(colour_emotion(made) / 9, va))
