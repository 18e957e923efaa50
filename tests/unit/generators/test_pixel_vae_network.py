import pytest
import torch

from lucidsonic.generators.pixel_vae import (
    TeacherShape,
    Vae,
    VaeShape,
    build_teacher,
    count_parameters,
)
from lucidsonic.generators.pixel_vae.network import ResidualPair, run_blocks
from lucidsonic.generators.pixel_vae.teacher import route

SMALL = {"size": 32, "channels": (8, 16, 32), "latent": 16}


def test_the_listed_autoencoder_has_the_parameters_of_its_listing():
    vae = Vae(VaeShape())

    assert count_parameters(vae) == 30_711_683
    assert count_parameters(vae.encoder) == 2_756_544 + 2 * 8_388_864
    assert count_parameters(vae.decoder.expand) == 8_421_376
    assert count_parameters(list(vae.decoder.blocks)) == 2_756_035


def test_the_residual_autoencoder_has_the_parameters_of_the_reference():
    assert count_parameters(Vae(VaeShape(arch="residual"))) == 35_812_227


@pytest.mark.parametrize(("latent", "millions"), [(128, 18.1), (384, 43.3), (512, 55.9)])
def test_the_width_of_the_latent_moves_most_of_the_parameters(latent, millions):
    assert round(count_parameters(Vae(VaeShape(latent=latent))) / 1e6, 1) == millions


@pytest.mark.parametrize(("kind", "parameters"), [("quality", 4_995_905), ("moe", 16_137_349)])
def test_the_teachers_have_the_parameters_of_their_table(kind, parameters):
    assert count_parameters(build_teacher(TeacherShape(kind=kind))) == parameters


@pytest.mark.parametrize("arch", ["listed", "residual"])
@pytest.mark.parametrize("colours", [3, 4])
def test_a_sprite_comes_back_in_its_own_shape_and_range(arch, colours):
    vae = Vae(VaeShape(arch=arch, colours=colours, **SMALL))
    mean, log_variance = vae.encoder(torch.rand(2, colours, 32, 32) * 2 - 1)
    again = vae.decoder(mean)

    assert mean.shape == log_variance.shape == (2, 16)
    assert again.shape == (2, colours, 32, 32)
    assert again.abs().max() <= 1


def test_log_variances_stay_within_ten():
    vae = Vae(VaeShape(**SMALL))
    with torch.no_grad():
        vae.encoder.log_variance.bias.fill_(1e6)

    assert vae.encoder(torch.zeros(1, 3, 32, 32))[1].max() == 10


@pytest.mark.parametrize("arch", ["listed", "residual"])
def test_checkpointing_changes_the_memory_but_not_the_gradient(arch):
    torch.manual_seed(0)
    vae = Vae(VaeShape(arch=arch, **SMALL))
    images = torch.rand(2, 3, 32, 32)
    gradients = []
    for on in (False, True):
        vae.zero_grad(set_to_none=True)
        vae.checkpoint_blocks(on=on)
        vae.decoder(vae.encoder(images)[0]).square().mean().backward()
        gradients.append([p.grad for p in vae.decoder.parameters()])

    assert len(gradients) == 2
    for plain, again in zip(*gradients, strict=True):
        torch.testing.assert_close(again, plain, rtol=0, atol=0)


def test_checkpointing_runs_each_block_again_in_the_backward_pass():
    runs = []
    block = ResidualPair(8)
    block.register_forward_pre_hook(lambda *_: runs.append(1))
    x = torch.rand(1, 8, 4, 4, requires_grad=True)
    run_blocks([block], x, checkpointing=True).sum().backward()

    assert len(runs) == 2


def test_routing_adds_up_to_one_and_top_k_leaves_the_rest_out():
    logits = torch.tensor([[0.1, 2.0, -1.0, 1.5]])

    assert route(logits, 0).sum().item() == pytest.approx(1)
    assert (route(logits, 0) > 0).all()
    assert (route(logits, 2)[0] > 0).tolist() == [False, True, False, True]


def test_the_semantic_embedding_has_unit_length():
    shape = TeacherShape(channels=(4, 8, 8, 16), hidden=16, feature=16, embedding=8)
    said = build_teacher(shape).eval()(torch.rand(3, 3, 32, 32))

    torch.testing.assert_close(said.embedding.norm(dim=1), torch.ones(3))
    assert said.routing.shape == (3, 4)
