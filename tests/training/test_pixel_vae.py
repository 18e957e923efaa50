import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from pixel_sprites import write_sprites
from safetensors.torch import save_file

from lucidsonic.errors import ConfigError, DataError, TrainingError
from lucidsonic.generators import build_generator
from lucidsonic.training.checkpoint import read_checkpoint
from lucidsonic.training.family import Firing, Samples
from lucidsonic.training.loop import train
from lucidsonic.training.order import seed_chance
from lucidsonic.training.pixel_vae import FAMILY, Config, State, build, step
from lucidsonic.training.pixel_vae.config import PRESETS
from lucidsonic.training.pixel_vae.losses import reconstruction_targets
from lucidsonic.training.pixel_vae.pack import pack_sprites
from lucidsonic.training.pixel_vae.steps import (
    make_lessons,
    restart_share,
    train_vae,
    warm_decay,
)
from lucidsonic.training.pixel_vae.watch import evaluate, react, routing_figures, trends, watch
from lucidsonic.training.ranks import Ranks
from lucidsonic.training.run import Clock, resolve_config
from lucidsonic.training.update import Updater

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pixels")
    return pack_sprites(write_sprites(folder / "png"), folder / "pack", alpha=True).folder


def tiny(pack: Path, out: Path = Path("unused"), **changes: Any) -> Config:
    told = {
        "data_dir": pack,
        "out": out,
        "colours": 4,
        "device": "cpu",
        "batch_size": 8,
        "channels": (8, 16, 32),
        "latent_dim": 16,
        "sheet_sprites": 4,
        "anchors": 12,
        "classes": 3,
        **changes,
    }
    return resolve_config(Config, told, preset="pixel-tiny", presets=PRESETS)


def one_batch(state: State, count: int = 8) -> dict[str, torch.Tensor]:
    items = [state.data.training[i] for i in range(count)]
    return {name: torch.stack([item[name] for item in items]) for name in items[0]}


def updater() -> Updater:
    return Updater(CPU, amp="off", parts=1, ranks=Ranks())


def clock(number: int = 0, *, epoch_length: int = 5) -> Clock:
    return Clock.at(number, steps_per_epoch=epoch_length, batch_size=8)


def copy_of(module: torch.nn.Module) -> list[torch.Tensor]:
    return [t.clone() for t in module.state_dict().values()]


def same(module: torch.nn.Module, before: list[torch.Tensor]) -> bool:
    now = module.state_dict().values()
    return all(torch.equal(a, b) for a, b in zip(now, before, strict=True))


def test_thirty_steps_lower_the_error_by_a_third(pack: Path):
    seed_chance(0)
    state = build(tiny(pack, vae_lr=3e-3, teacher="none", batch_size=8), CPU)
    batch = one_batch(state)
    errors = [
        float(step(state, batch, clock(n, epoch_length=100), updater())["recon"])
        for n in range(30)
    ]

    assert sum(errors[-3:]) / 3 < 0.7 * errors[0]


def test_the_teacher_stands_still_while_the_vae_learns_from_it(pack: Path):
    state = build(tiny(pack, teacher_start=0), CPU)
    assert state.teacher is not None
    teacher, vae = copy_of(state.teacher), copy_of(state.vae)
    images = one_batch(state)["image"]
    facts = train_vae(state, images, None, clock(), updater(), lr=1e-2)

    assert same(state.teacher, teacher)
    assert not same(state.vae, vae)
    assert "quality" in facts


def test_the_teachers_word_reaches_the_vae(pack: Path):
    moved = []
    for weight in (0.0, 1.0):
        seed_chance(1)
        state = build(tiny(pack, teacher_start=0, quality_weight=weight), CPU)
        seed_chance(2)
        train_vae(state, one_batch(state)["image"], None, clock(), updater(), lr=1e-3)
        moved.append(copy_of(state.vae))

    assert any(not torch.equal(a, b) for a, b in zip(*moved, strict=True))


def test_nobody_hears_the_teacher_in_its_first_two_epochs(pack: Path):
    state = build(tiny(pack), CPU)
    batch, told = one_batch(state), {}
    for epoch in (1, 2, 3):
        told[epoch] = step(state, batch, clock((epoch - 1) * 5), updater())

    assert [("quality" in told[epoch]) for epoch in (1, 2, 3)] == [False, False, True]


def test_both_spoilt_sprites_of_a_lesson_are_spoilt_in_order(pack: Path):
    state = build(tiny(pack), CPU)
    batch = one_batch(state)
    lessons = make_lessons(state, batch["image"], batch["words"])

    assert (lessons["low"] <= lessons["high"]).all()
    errors = {
        name: (lessons[name] - lessons["real"]).square().mean() for name in ("mild", "heavy")
    }
    assert errors["mild"] < errors["heavy"]


@pytest.mark.parametrize("kind", ["none", "quality", "moe"])
@pytest.mark.parametrize("schedule", ["alternate", "joint"])
def test_every_teacher_and_schedule_takes_a_step(pack: Path, kind: str, schedule: str):
    state = build(tiny(pack, teacher=kind, schedule=schedule), CPU)
    before = copy_of(state.teacher) if state.teacher else []
    step(state, one_batch(state), clock(20), updater())

    assert state.teacher is None or not same(state.teacher, before)


def test_one_loss_for_both_can_be_cut_into_parts(pack: Path):
    state = build(tiny(pack, schedule="joint", lesson_sprites=2), CPU)
    parted = Updater(CPU, amp="off", parts=4, ranks=Ranks())
    facts = step(state, one_batch(state), clock(), parted)

    assert torch.isfinite(torch.as_tensor(facts["loss"]))
    assert parted.bad == 0


@pytest.mark.parametrize("loss", ["supervised", "bce", "neg"])
def test_every_teacher_loss_is_a_number(pack: Path, loss: str):
    state = build(tiny(pack, teacher_loss=loss), CPU)
    facts = step(state, one_batch(state), clock(), updater())

    assert torch.isfinite(torch.as_tensor(facts["teacher_loss"]))


def test_half_precision_and_checkpointing_take_a_step(pack: Path):
    state = build(tiny(pack, gradient_checkpointing=True, vae_arch="residual"), CPU)
    narrow = Updater(CPU, amp="bf16", parts=2, ranks=Ranks())
    facts = step(state, one_batch(state), clock(15), narrow)

    assert narrow.bad == 0
    assert torch.isfinite(torch.as_tensor(facts["loss"]))


@pytest.mark.parametrize(
    ("epoch", "share"),
    [(0, 1.0), (5, 0.5), (9.999, 0.0), (10, 1.0), (20, 0.5), (30, 1.0), (50, 0.5)],
)
def test_the_learning_rate_starts_anew_after_10_30_and_70_epochs(epoch: float, share: float):
    place = clock(round(epoch * 1000), epoch_length=1000)

    assert restart_share(place, 10) == pytest.approx(share, abs=1e-3)


def test_the_average_forgets_the_random_start():
    assert warm_decay(0.999, 0) == pytest.approx(0.1)
    assert warm_decay(0.999, 10**6) == 0.999


def flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for n, x in value.items() for k, v in flat(x, f"{path}/{n}").items()}
    return {path: value}


def test_a_run_broken_and_resumed_ends_like_an_unbroken_one(pack: Path, tmp_path: Path):
    settings = {"epochs": 2, "teacher_start": 0, "sample_every": 9, "lesson_sprites": 4}
    train(FAMILY, tiny(pack, tmp_path / "a", **settings))
    train(FAMILY, tiny(pack, tmp_path / "b", max_steps=7, **settings))
    train(FAMILY, tiny(pack, tmp_path / "b", **settings))
    one, other = (
        flat(
            read_checkpoint(tmp_path / n / "checkpoints/latest.pt", family="pixel-vae")["state"]
        )
        for n in "ab"
    )

    assert one.keys() == other.keys()
    for name, value in one.items():
        again = other[name]
        is_same = torch.equal(value, again) if torch.is_tensor(value) else value == again
        assert is_same, name


@pytest.fixture(scope="module")
def run(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    return train(FAMILY, tiny(pack, out, epochs=2, sample_every=1, vae_lr=2e-3))


def test_a_run_leaves_sheets_figures_and_the_best_checkpoint(run: Path):
    names = {path.name for path in (run / "samples").iterdir()}
    figures = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]

    assert {"epoch_0001.png", "epoch_0001_comparison.png"} <= names
    assert (run / "checkpoints/best.pt").exists()
    assert {"val_psnr", "active_units", "triples", "expert_min_share"} <= figures[-1].keys()


@pytest.mark.parametrize("sampler", ["gmm", "anchors"])
def test_an_exported_run_paints(run: Path, tmp_path: Path, sampler: str):
    exported = FAMILY.export(run)
    save_file(dict(exported.weights), tmp_path / "model.safetensors")
    options = {**exported.options, "size": 128, "pixel_size": 1, "sampler": sampler}
    generator = build_generator(exported.family, tmp_path / "model.safetensors", options)
    picture = generator(torch.from_numpy(generator.keyframes([1, 2])))

    assert picture.shape == (2, 3, 128, 128)
    assert len(generator.capabilities.class_names) == generator.capabilities.c_dim
    assert all(t.dtype != torch.float32 for n, t in exported.weights.items() if "decoder" in n)


def test_classes_are_named_after_what_they_show(run: Path):
    names = FAMILY.export(run).options["classes"]

    assert len(set(names)) == len(names)
    assert set(names) & {"disc", "box", "cross", "ring"}


def test_a_folder_without_a_run_cannot_be_exported(tmp_path: Path):
    with pytest.raises(TrainingError, match="no checkpoint"):
        FAMILY.export(tmp_path)


def test_the_first_epochs_typical_error_halves_a_reconstructions_quality(pack: Path):
    state = build(tiny(pack, teacher="quality"), CPU)
    for number in range(3):
        step(state, one_batch(state), clock(number), updater())
    typical = torch.tensor(sorted(state.errors)[1])
    evaluate(state, clock(), updater())
    target = reconstruction_targets(typical, 0.8, rate=state.rate)

    assert float(target) == pytest.approx(0.4)
    step(state, one_batch(state), clock(5), updater())
    evaluate(state, clock(), updater())
    assert len(state.errors) == 3  # the second epoch changes nothing
    assert float(reconstruction_targets(typical, 0.8, rate=state.rate)) == pytest.approx(0.4)


def test_a_run_that_does_not_get_better_says_stop(pack: Path):
    state = build(tiny(pack, early_stopping_patience=2, teacher="none"), CPU)
    state.history["score"] = [0.0]
    said = [evaluate(state, clock(), updater()) for _ in range(2)]

    assert ["stop" in figures for figures in said] == [False, True]


def test_a_stopped_run_is_over_for_the_same_command(pack: Path, tmp_path: Path):
    config = tiny(
        pack, tmp_path / "a", epochs=9, early_stopping_patience=1, vae_lr=1e-12, min_lr=0,
        teacher="none", kl_weight=0, monitor="off",
    )  # fmt: skip
    lengths = []
    for _ in range(2):
        train(FAMILY, config)
        latest = tmp_path / "a/checkpoints/latest.pt"
        lengths.append(read_checkpoint(latest, family="pixel-vae")["epoch"])

    assert lengths[0] == lengths[1] < 9


def test_monitors_name_what_is_wrong(pack: Path):
    state = build(tiny(pack), CPU)
    facts = {"active_units": 0.05, "val_kl": 9.0, "expert_min_share": 0.01, "quality_std": 0.3}
    fired = {f.name for f in watch(state, Samples({}, None, facts), clock())}

    assert fired == {"posterior_collapse", "over_wide", "idle_expert"}


def test_flattery_is_found_and_heard_half_as_loud(pack: Path):
    worse = {"recon": [0.1 + 0.01 * i for i in range(6)], "judged": [0.1 * i for i in range(6)]}
    better = {"recon": [0.1 - 0.01 * i for i in range(6)], "judged": worse["judged"]}
    flat_line = {"recon": [0.1] * 6, "judged": [0.5] * 6}
    state = build(tiny(pack), CPU)

    assert [f.name for f in trends(worse)] == ["reward_hacking"]
    assert trends(better) == []
    assert [f.name for f in trends(flat_line)] == ["plateau"]
    assert react(state, trends(worse), clock()) is not None
    assert state.quality_scale == 0.5
    assert react(state, [Firing("plateau", "info", 0, 0)], clock()) is None


def test_routing_figures_tell_a_shared_load_from_a_greedy_expert():
    shared = routing_figures(torch.full((8, 4), 0.25))
    greedy = routing_figures(torch.tensor([[0.97, 0.01, 0.01, 0.01]]).repeat(8, 1))

    assert shared["expert_entropy"] == pytest.approx(1)
    assert greedy["expert_min_share"] == pytest.approx(0.01)
    assert greedy["expert_max_lead"] == 1


@pytest.mark.parametrize("name", ["high", "mid", "low", "cpu"])
def test_the_presets_for_four_memories_take_the_same_steps(name: str):
    config = resolve_config(Config, {}, preset=name, presets=PRESETS)

    assert config.batch_size == 64
    assert config.batch_size // config.accumulate == {
        "high": 64, "mid": 32, "low": 16, "cpu": 8,
    }[name]  # fmt: skip


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="multiple of 8"):
        resolve_config(Config, {"size": 36})
    with pytest.raises(ConfigError, match="multiples of 8"):
        resolve_config(Config, {"vae_arch": "residual", "channels": (12, 24), "size": 32})
    with pytest.raises(ConfigError, match="top_k 5 asks more experts than there are"):
        resolve_config(Config, {"top_k": 5})


def test_a_pack_without_transparency_cannot_train_a_model_that_wants_it(tmp_path: Path):
    pack = pack_sprites(write_sprites(tmp_path / "png", 8), tmp_path / "pack").folder

    with pytest.raises(DataError, match="no transparency"):
        build(tiny(pack), CPU)


def test_settings_answer_to_the_names_of_the_brief_and_what_is_said_last_counts():
    told = {"data": "a", "num_epochs": 3, "max_grad_norm": 0.5, "force_cpu": "true"}
    config = resolve_config(Config, {**told, "data_dir": "b"})

    assert (str(config.data_dir), config.epochs, config.clip) == ("b", 3, 0.5)
    assert config.device == "cpu"
    assert resolve_config(Config, {"mixed_precision": True}).amp == "fp16"
    again = Config.model_validate(config.model_dump(mode="json"))
    assert again == config


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_a_run_is_exported_on_the_device_that_it_was_trained_on(
    device: str, pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    def choose(name: str) -> torch.device:
        asked.append(name)
        return CPU

    # The package's name `export` is the function; its module is found by its full name.
    module = import_module("lucidsonic.training.pixel_vae.export")
    monkeypatch.setattr(module, "choose_device", choose)
    train(FAMILY, tiny(pack, out=tmp_path, max_steps=1, device=device))

    assert asked == [device]
