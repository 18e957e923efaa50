import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lucidsonic.errors import ConfigError, TrainingError
from lucidsonic.generators import build_generator
from lucidsonic.training.checkpoint import read_checkpoint
from lucidsonic.training.data import append_labels, denormalise_va, normalise_va
from lucidsonic.training.family import Firing
from lucidsonic.training.loop import train
from lucidsonic.training.monitors import luma
from lucidsonic.training.run import Clock
from lucidsonic.training.score import frechet_distance, picture_features, spearman
from lucidsonic.training.va_gan import gan, vae
from lucidsonic.training.va_gan.augment import adjust_chance, augment
from lucidsonic.training.va_gan.export import (
    fold_decoder,
    fold_encoder,
    lean_decoder,
    posterior_moments,
)
from lucidsonic.training.va_gan.measure import measure_run
from lucidsonic.training.va_gan.perceptual import Lpips, find_distance
from lucidsonic.training.va_gan.schedule import learning_rate, phase, weights_at
from lucidsonic.training.va_gan.watch import judge, react

SMALL = {"resolution": 32, "width": 32, "latent_dim": 8, "device": "cpu"}


@pytest.fixture(scope="module")
def gradients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 pictures of colour gradients whose brightness is their valence."""
    folder = tmp_path_factory.mktemp("gradients")
    rng = np.random.default_rng(0)
    rows = []
    for index in range(24):
        valence, arousal = rng.uniform(1, 9, 2)
        ramp = np.linspace(-20, 20, 32)[None, :, None] * rng.choice([-1, 1])
        pixels = np.full((32, 32, 3), 20 + 24 * valence) + ramp + rng.normal(0, 4, (1, 1, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{index}.png")
        rows.append((str(index), float(valence), float(arousal), ""))
    append_labels(folder / "labels.csv", rows)
    return folder


def first_stage(folder: Path, out: Path, **changes: Any) -> vae.Config:
    known = {**SMALL, "img_dir": folder, "out": out, "epochs": 2, "batch_size": 4, "lr": 3e-3}
    return vae.Config(**{**known, **changes})


def second_stage(folder: Path, out: Path, **changes: Any) -> gan.Config:
    known = {
        **SMALL, "img_dir": folder, "out": out, "epochs": 4, "batch_size": 8, "dis_width": 32,
        "phase1_end": 1, "phase2_end": 2, "perceptual": "pyramid", "lpips_start": 1,
        "sample_every": 1, "r1_every": 2, "vae": "none",
    }  # fmt: skip
    return gan.Config(**{**known, **changes})


@pytest.fixture(scope="module")
def trained(gradients: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of stage A, long enough to know bright from dark."""
    out = tmp_path_factory.mktemp("stage_a")
    train(vae.FAMILY, first_stage(gradients, out, epochs=40))
    return out


def brightness_by_valence(decoder: Any, latent: int) -> float:
    valence = torch.linspace(0.12, 1, 40)
    va = torch.stack([valence, torch.full_like(valence, 0.5)], 1)
    chance = torch.Generator().manual_seed(1)
    z = torch.randn(1, latent, generator=chance).expand(40, -1)
    with torch.no_grad():
        return spearman(valence, luma(decoder(z, va)).mean((1, 2)))


def test_after_200_steps_happier_pictures_are_brighter(trained: Path):
    saved = read_checkpoint(trained / "checkpoints" / "latest.pt", family="va-vae")
    state = vae.build(vae.Config(**SMALL), torch.device("cpu"))
    state.load_state_dict(saved["state"])
    assert saved["step"] >= 200
    assert brightness_by_valence(state.ema.module, 8) > 0.5


def test_a_run_is_measured_against_its_own_pictures(trained: Path, tmp_path: Path):
    figures = measure_run(trained, count=60)
    assert figures.spearman_valence > 0.5
    assert figures.frechet > figures.frechet_real >= 0
    assert figures.nearest > 0
    with pytest.raises(TrainingError, match="not a run folder"):
        measure_run(tmp_path)


def test_folding_the_codes_distribution_away_changes_no_reconstruction(trained: Path):
    saved = read_checkpoint(trained / "checkpoints" / "latest.pt", family="va-vae")
    state = vae.build(vae.Config(**SMALL), torch.device("cpu"))
    state.load_state_dict(saved["state"])
    images, va = torch.rand(4, 3, 32, 32) * 2 - 1, torch.rand(4, 2)
    with torch.no_grad():
        before = state.decoder(state.encoder(images)[0], va)
        encoder = fold_encoder(state.encoder.state_dict(), state.latent)
        decoder = fold_decoder(state.decoder.state_dict(), state.latent)
        state.encoder.load_state_dict(encoder)
        state.decoder.load_state_dict(decoder)
        after = state.decoder(state.encoder(images)[0], va)
    torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-3)


def test_codes_anywhere_are_reached_from_standard_noise():
    chance = torch.Generator().manual_seed(0)
    mixed = torch.randn(4000, 3, generator=chance) @ torch.tensor(
        [[2.0, 0, 0], [1, 0.5, 0], [0, 0, 0.1]]
    )
    va = torch.rand(4000, 2, generator=chance)
    moments = posterior_moments(mixed + 3, torch.full((4000, 3), -20.0), va)
    drawn = torch.randn(4000, 3, generator=chance) @ moments["factor"].T + moments["mean"]
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(mixed.T), rtol=0.1, atol=0.1)
    torch.testing.assert_close(drawn.mean(0), mixed.mean(0) + 3, rtol=0, atol=0.1)


def test_latents_lean_to_where_pictures_of_that_emotion_lie():
    chance = torch.Generator().manual_seed(0)
    va = torch.rand(4000, 2, generator=chance)
    slope = torch.tensor([[3.0, 0.0], [0.0, -2.0], [0.0, 0.0]])
    codes = va @ slope.T + 0.5 * torch.randn(4000, 3, generator=chance)
    moments = posterior_moments(codes, torch.full((4000, 3), -20.0), va)
    torch.testing.assert_close(moments["slope"], slope, rtol=0, atol=0.1)

    plain = {"fc.weight": torch.eye(3), "fc.bias": torch.zeros(3)}
    weights = lean_decoder(plain, moments)
    z = torch.randn(4000, 3, generator=chance)
    made = (z + va @ weights["lean"].T) @ weights["fc.weight"].T + weights["fc.bias"]
    torch.testing.assert_close(made.mean(0), codes.mean(0), rtol=0, atol=0.1)
    torch.testing.assert_close(torch.cov(made.T), torch.cov(codes.T), rtol=0.1, atol=0.1)


def test_stage_a_leaves_the_files_that_stage_b_starts_from(trained: Path):
    names = {path.name for path in (trained / "checkpoints").iterdir()}
    assert {"vae_best.pth", "vae_final.pth", "latest.pt", "best.pt"} <= names


def test_even_a_stage_a_of_one_step_leaves_a_start(gradients: Path, tmp_path: Path):
    train(vae.FAMILY, first_stage(gradients, tmp_path / "a", max_steps=1))
    start = str(tmp_path / "a" / "checkpoints" / "vae_best.pth")

    train(gan.FAMILY, second_stage(gradients, tmp_path / "b", vae=start, max_steps=1))

    assert (tmp_path / "b" / "model.safetensors").exists()


def test_stage_b_goes_through_its_phases_and_can_be_rendered(
    gradients: Path, trained: Path, tmp_path: Path
):
    start = str(trained / "checkpoints" / "vae_best.pth")
    train(gan.FAMILY, second_stage(gradients, tmp_path, vae=start, ada=True))

    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert any("score" in line for line in lines)
    gammas = next(line for line in lines if "gamma_min" in line)
    assert 0.4 <= gammas["gamma_min"] <= gammas["gamma_max"] <= 1.8
    told = (tmp_path / "events.jsonl").read_text()
    assert "22 pictures to train on, 2 held out." in told
    assert "Laplacian pyramid" in told
    names = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert {
        f"progressive_gen_{kind}.pth" for kind in ("best", "final", "ema_best", "ema_final")
    } <= names
    assert "progressive_dis_best.pth" in names
    assert {p.name for p in (tmp_path / "samples").iterdir()} >= {
        "epoch_0001.png",
        "epoch_0004_free.png",
    }
    exported = gan.export(tmp_path)
    made = build_generator("va_gan", tmp_path / "model.safetensors", exported.options)
    assert made(torch.randn(2, 8), torch.zeros(2, 2)).shape == (2, 3, 32, 32)


@pytest.mark.parametrize(("critic", "stop"), [("hinge", 4), ("hinge", 7), ("pairing", 7)])
def test_a_broken_gan_run_ends_like_an_unbroken_one(
    gradients: Path, tmp_path: Path, critic: str, stop: int
):
    def go(run: str, **changes: Any) -> None:
        told = {"ada": True, "critic": critic, **changes}
        train(gan.FAMILY, second_stage(gradients, tmp_path / run, **told))

    go("a")
    go("b", max_steps=stop)
    go("b")

    one, other = (
        read_checkpoint(tmp_path / run / "checkpoints" / "latest.pt", family="va-gan")["state"]
        for run in "ab"
    )
    for part in ("generator", "critic", "ema"):
        for name, weight in one[part].items():
            assert torch.equal(weight, other[part][name]), f"{part} {name}"
    assert one["memory"] == other["memory"]
    assert one["chance"] == other["chance"]


def test_a_start_that_does_not_fit_is_refused(gradients: Path, trained: Path, tmp_path: Path):
    start = str(trained / "checkpoints" / "vae_best.pth")
    with pytest.raises(TrainingError, match="does not fit as a start"):
        train(gan.FAMILY, second_stage(gradients, tmp_path, vae=start, width=64))
    with pytest.raises(ConfigError, match="--va-norm"):
        train(gan.FAMILY, second_stage(gradients, tmp_path / "b", vae=start, va_norm="minmax"))
    with pytest.raises(ConfigError, match="stage A"):
        train(gan.FAMILY, second_stage(gradients, tmp_path / "c", vae=""))
    with pytest.raises(ConfigError, match=r"There is no file .*none\.pth"):
        train(
            gan.FAMILY, second_stage(gradients, tmp_path / "d", vae=str(tmp_path / "none.pth"))
        )


def test_an_exploding_stage_a_says_what_exploded(gradients: Path, tmp_path: Path):
    config = first_stage(gradients, tmp_path, max_steps=1)
    state = vae.build(config, torch.device("cpu"))
    state.encoder.mean.bias.data.fill_(torch.inf)
    with pytest.raises(TrainingError, match="log variance in"):
        vae.step(
            state,
            (torch.zeros(2, 3, 32, 32), torch.zeros(2, 2)),
            Clock(0, 1, 1, 2),
            _updater(),
        )


def _updater() -> Any:
    from lucidsonic.training.ranks import Ranks
    from lucidsonic.training.update import Updater

    return Updater(torch.device("cpu"), amp="off", parts=1, ranks=Ranks())


SPEC = gan.Config()


@pytest.mark.parametrize(
    ("epoch", "adv", "rec", "emotion", "lpips"),
    [
        (1, 0.0, 1.0, 0.0, 0.0),
        (30, 0.0, 1.0, 0.0, 0.0),
        (31, 0.5 / 30, 1 - 0.8 / 30, 0.5, 0.0),
        (45, 0.25, 0.6, 0.5, 0.0),
        (60, 0.5, 0.2, 0.5, 0.0),
        (61, 1.0, 0.0, 0.5, 0.0),
        (200, 1.0, 0.0, 0.5, 0.0),
        (350, 1.0, 0.0, 0.5, 0.0025),
        (500, 1.0, 0.0, 0.5, 0.005),
        (501, 1.0, 0.0, 0.5, 0.005),
    ],
)
def test_weights_turn_at_the_specified_epochs(
    epoch: int, adv: float, rec: float, emotion: float, lpips: float
):
    weights = weights_at(epoch, SPEC)
    assert weights.adv == pytest.approx(adv)
    assert weights.rec == pytest.approx(rec)
    assert weights.va == emotion
    assert weights.diversity == pytest.approx(emotion * 0.6)
    assert weights.lpips == pytest.approx(lpips)


def test_a_ramp_smooths_the_jump_into_phase_three():
    smooth = SPEC.model_copy(update={"phase3_ramp": 10})
    assert weights_at(65, smooth).adv == pytest.approx(0.75)
    assert weights_at(65, smooth).rec == pytest.approx(0.1)
    assert weights_at(70, smooth).adv == 1.0
    assert [phase(epoch, SPEC) for epoch in (1, 30, 31, 60, 61)] == [1, 1, 2, 2, 3]


def test_learning_rates_fall_to_a_floor_and_no_further():
    assert learning_rate(1e-4, 60, SPEC) == 1e-4
    assert learning_rate(1e-4, 61, SPEC) == pytest.approx(0.99e-4)
    assert learning_rate(1e-4, 1000, SPEC) == pytest.approx(1e-5)
    bare = SPEC.model_copy(update={"lr_floor": 0.0})
    assert learning_rate(1.0, 500, bare) == pytest.approx(0.012, abs=5e-4)


@pytest.mark.parametrize("norm", ["div9", "minmax"])
def test_a_norm_can_be_undone(norm: str):
    labels = torch.linspace(1, 9, 17)
    scaled = normalise_va(labels, norm)
    assert 0 <= float(scaled.min()) <= float(scaled.max()) == 1
    torch.testing.assert_close(denormalise_va(scaled, norm), labels)


def test_augmentation_without_chance_is_nothing_and_gradients_pass_through():
    images = torch.rand(6, 3, 16, 16, requires_grad=True)
    assert augment(images, 0.0) is images
    changed = augment(images, 1.0)
    assert not torch.allclose(changed, images)
    changed.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_a_sure_critic_raises_the_chance_and_a_doubtful_one_lowers_it():
    assert adjust_chance(0.1, 0.9, batch_size=16) == pytest.approx(0.1 + 64 / 500_000)
    assert adjust_chance(0.1, 0.2, batch_size=16) < 0.1
    assert adjust_chance(0.0, 0.2, batch_size=16) == 0.0


def test_the_frechet_proxy_is_nothing_for_one_set_and_grows_with_noise():
    real = picture_features(torch.rand(300, 3, 32, 32))
    again = picture_features(torch.rand(300, 3, 32, 32))
    dark = picture_features(torch.rand(300, 3, 32, 32) * 0.5)
    assert abs(frechet_distance(real, real)) < 1e-6
    assert frechet_distance(dark, real) > 10 * frechet_distance(again, real)


def test_rank_correlation_knows_order_and_ties():
    rising = torch.arange(9.0)
    assert spearman(rising, rising**3) == pytest.approx(1)
    assert spearman(rising, -rising) == pytest.approx(-1)
    assert spearman(rising, torch.ones(9)) == 0


FACTS = {
    "gamma_min": 0.8, "gamma_max": 1.2, "gamma_mean": 1.0, "gamma_spread": 0.1,
    "gamma_saturated": 0.0, "va_effect": 0.9, "sharpness": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "memory", "epoch", "fires"),
    [
        ({}, {}, 300, set()),
        ({"gamma_max": 2.1}, {}, 1, {"eru_runaway"}),
        ({"gamma_saturated": 0.6}, {}, 1, {"eru_saturated"}),
        ({"gamma_spread": 0.01}, {}, 60, set()),
        ({"gamma_spread": 0.01}, {}, 61, {"eru_stuck"}),
        ({"va_effect": 0.1}, {}, 199, set()),
        ({"va_effect": 0.1}, {}, 200, {"va_inert"}),
        ({"sharpness": 2.0}, {"sharpness": 1.0}, 210, {"lpips_shock"}),
        ({}, {"d_loss": 0.2}, 100, {"d_overpower"}),
        ({}, {"d_wrong": 0.01}, 100, {"d_overpower"}),
    ],
)
def test_the_familys_monitors_fire_at_their_limits(
    changes: dict[str, float], memory: dict[str, float], epoch: int, fires: set[str]
):
    firings = judge({**FACTS, **changes}, dict(memory), Clock(0, epoch, 1, 1), SPEC)
    assert {firing.name for firing in firings} == fires


def test_the_ladder_takes_one_rung_in_twenty_epochs():
    tuned: dict[str, Any] = {}
    memory: dict[str, float] = {}
    firing = [Firing("d_overpower", "warn", 0.1, 0.3)]
    done = [
        react(tuned, memory, firing, Clock(0, epoch, 1, 1), SPEC)
        for epoch in (100, 110, 120, 140, 160)
    ]
    assert [bool(text) for text in done] == [True, False, True, True, False]
    assert tuned["lr_dis"] == pytest.approx(3e-5)
    assert tuned["r1_gamma"] == pytest.approx(3)
    assert "resolution 64" in str(done[3])


def test_lpips_is_nothing_between_equal_pictures(tmp_path: Path):
    shapes = [
        (64, 3, 11, 0),
        (192, 64, 5, 3),
        (384, 192, 3, 6),
        (256, 384, 3, 8),
        (256, 256, 3, 10),
    ]
    backbone = {f"features.{n}.weight": torch.randn(o, i, k, k) / k for o, i, k, n in shapes}
    backbone |= {f"features.{n}.bias": torch.zeros(o) for o, _, _, n in shapes}
    heads = {f"lin{i}.model.1.weight": torch.rand(1, s[0], 1, 1) for i, s in enumerate(shapes)}
    torch.save(backbone, tmp_path / "alexnet-own.pth")
    torch.save(heads, tmp_path / "alex.pth")

    term = find_distance("lpips", tmp_path, torch.device("cpu"))
    assert term is not None
    assert isinstance(term.measure, Lpips)
    a, b = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 3, 64, 64) * 2 - 1
    assert term.measure(a, a) == 0
    assert term.measure(a, b) > 0


def test_without_a_download_the_pyramid_stands_in(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    term = find_distance("lpips", None, torch.device("cpu"))
    assert term is not None
    assert "stands in" in term.note
    assert find_distance("none", None, torch.device("cpu")) is None
