"""Whole runs of `train r3gan`, small."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from r3gan_blobs import fresh_state, tiny, write_blobs

from lucidsonic.errors import ConfigError, InterruptedRenderError
from lucidsonic.generators import build_generator
from lucidsonic.generators.r3gan.network import Stage
from lucidsonic.training.checkpoint import read_checkpoint
from lucidsonic.training.imagenet import PACKAGE, features
from lucidsonic.training.loop import train
from lucidsonic.training.r3gan.config import PRESETS
from lucidsonic.training.r3gan.gan import (
    FAMILY,
    Config,
    dataset,
    export,
    shared_out,
    sound_stages,
)
from lucidsonic.training.r3gan.pictures import load_gallery
from lucidsonic.training.r3gan.score import measure
from lucidsonic.training.r3gan.watch import close_tick, judge, note, react
from lucidsonic.training.ranks import Ranks
from lucidsonic.training.run import Clock, resolve_config
from lucidsonic.training.update import Updater


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blobs(tmp_path_factory.mktemp("blobs"))


def test_a_run_leaves_a_model_that_paints(blobs: Path, tmp_path: Path) -> None:
    out = train(FAMILY, tiny(blobs, tmp_path / "run"))
    exported = export(out)
    generator = build_generator("r3gan", out / "model.safetensors", exported.options)
    assert generator.capabilities.size == (16, 16)
    assert torch.isfinite(generator(torch.randn(2, 64))).all()
    assert (out / "samples" / "epoch_0002.png").exists()
    assert (out / "checkpoints" / "network-snapshot-final.pt").exists()
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    told = {name for line in lines for name in line}
    assert {
        "g_loss", "d_loss", "sign", "gap", "r1", "r2", "lr", "beta2", "gamma", "aug_p",
        "ema_kimg", "g_norm", "d_norm", "frechet_proxy",
    } <= told  # fmt: skip


@pytest.mark.parametrize("flags", [{}, {"accumulate": 2, "mirror": True, "aug_mode": "ada"}])
def test_a_broken_and_resumed_run_ends_as_an_unbroken_one(
    blobs: Path, tmp_path: Path, flags: dict[str, object]
) -> None:
    whole = train(FAMILY, tiny(blobs, tmp_path / "whole", **flags))
    broken = tiny(blobs, tmp_path / "broken", **flags)
    with pytest.raises(InterruptedRenderError):
        train(FAMILY, broken, on_progress=interrupt_at(4))
    train(FAMILY, broken)
    ours, theirs = (
        read_checkpoint(folder / "checkpoints" / "latest.pt", family="r3gan")["state"]
        for folder in (tmp_path / "broken", whole)
    )
    for network in ("generator", "discriminator", "ema"):
        for name, tensor in theirs[network].items():
            assert torch.equal(ours[network][name], tensor), (network, name)
    assert ours["history"] == theirs["history"]
    assert ours["chance"] == theirs["chance"]


def interrupt_at(step: int):
    import signal

    def listen(progress) -> None:
        if progress.done == step and not progress.note:
            signal.raise_signal(signal.SIGINT)

    return listen


def test_classes_are_folders_and_the_model_knows_their_names(tmp_path: Path) -> None:
    for index, name in enumerate(("cats", "dogs", "owls")):
        write_blobs(tmp_path / "data" / name, count=4, start=10 * index)
    out = train(FAMILY, tiny(tmp_path / "data", tmp_path / "run", cond="class", max_steps=2))
    exported = export(out)
    generator = build_generator("r3gan", out / "model.safetensors", exported.options)
    assert generator.capabilities.class_names == ("cats", "dogs", "owls")
    assert generator.capabilities.condition == "class"
    assert generator(torch.randn(1, 64), torch.tensor([[0.5, 0.5, 0.0]])).shape[-1] == 16


def test_valence_and_arousal_steer_and_colours_stay_as_they_are(
    blobs: Path, tmp_path: Path
) -> None:
    rows = [f"{seed},{1 + seed * 0.5},{9 - seed * 0.5}" for seed in range(12)]
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(rows))
    config = tiny(blobs, tmp_path / "run", cond="va", label_csv=labels, max_steps=2)
    gallery = load_gallery(config)
    assert np.allclose(gallery.labels.mean(axis=0), 0, atol=1e-5)
    assert np.allclose(gallery.labels.std(axis=0), 1, atol=1e-5)
    exported = export(train(FAMILY, config))
    generator = build_generator("r3gan", config.out / "model.safetensors", exported.options)
    assert generator.capabilities.condition == "va"
    from lucidsonic.training.r3gan.gan import aug_mode

    assert aug_mode(config) == "geom"


def test_pictures_of_the_mean_emotion_are_judged_too(blobs: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(f"{seed},{1 + seed * 0.5},5" for seed in range(12)))
    state = fresh_state(tiny(blobs, tmp_path, cond="va", label_csv=labels))
    scores = state.discriminator(torch.randn(8, 3, 16, 16), torch.zeros(8, 2))
    assert float(scores.detach().std()) > 0.01


def test_a_state_survives_its_checkpoint(blobs: Path, tmp_path: Path) -> None:
    state = fresh_state(tiny(blobs, tmp_path))
    state.more_aug, state.history = 0.2, {"sign": [0.5]}
    other = fresh_state(tiny(blobs, tmp_path))
    with torch.no_grad():
        other.generator.to_image.weight.zero_()
    other.load_state_dict(state.state_dict())
    assert other.more_aug == 0.2
    assert torch.equal(other.generator.to_image.weight, state.generator.to_image.weight)


def test_only_the_stage_that_breaks_in_bf16_goes_back_to_float32(
    blobs: Path, tmp_path: Path
) -> None:
    state = fresh_state(tiny(blobs, tmp_path, low_precision="bf16"))
    batch = {"c": torch.zeros(2, 0)}
    assert state.low_stages == [0, 1]
    assert sound_stages(state, batch, Ranks()) == []  # sound alone: the trouble is elsewhere
    assert state.low_stages == [0, 1]

    def overflow(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        return output * torch.inf if output.dtype == torch.bfloat16 else output

    state.generator.stages[2].register_forward_hook(overflow)  # the picture's: number 0
    assert sound_stages(state, batch, Ranks()) == [1]
    state.discriminator.stages[1].register_forward_hook(overflow)
    assert sound_stages(state, batch, Ranks()) == []


def test_a_run_goes_on_in_float32_when_bf16_breaks(
    blobs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Stage.forward

    def overflow(stage: Stage, *inputs: Any) -> torch.Tensor:
        output = whole(stage, *inputs)
        return output * torch.inf if output.dtype == torch.bfloat16 else output

    monkeypatch.setattr(Stage, "forward", overflow)
    out = train(FAMILY, tiny(blobs, tmp_path / "run", low_precision="bf16", max_steps=3))
    saved = read_checkpoint(out / "checkpoints" / "latest.pt", family="r3gan")
    assert saved["state"]["low_stages"] == []
    assert saved["step"] == 3
    assert (out / "events.jsonl").read_text().count("nan_skip") == 1


def test_a_batch_goes_in_parts_of_the_asked_size(blobs: Path, tmp_path: Path) -> None:
    state = fresh_state(tiny(blobs, tmp_path, d_batch_gpu=2, g_batch_gpu=1))
    updater = Updater(torch.device("cpu"), amp="off", parts=1, ranks=Ranks())
    sizes: dict[str, list[int]] = {"generator": [], "discriminator": []}
    for name, seen in sizes.items():
        getattr(state, name).register_forward_pre_hook(
            lambda _module, inputs, seen=seen: seen.append(len(inputs[0]))
        )
    pairs = dataset(state.config)
    batch = torch.utils.data.default_collate([pairs[index] for index in range(4)])
    FAMILY.step(state, batch, Clock(1, 1, 3, 4), updater)
    assert sizes["generator"] == [2, 2, 1, 1, 1, 1]
    assert sizes["discriminator"] == [2, 2, 2, 2, *[1] * 8]
    assert updater.parts == 1
    with shared_out(updater, 4, 2):
        updater.parts = 4  # memory ran out
    assert updater.parts == 4


def test_two_processes_hold_the_same_weights_and_take_the_same_measures(
    blobs: Path, tmp_path: Path
) -> None:
    script = tmp_path / "both.py"
    script.write_text(BOTH)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    command += ["--master_port=0", "--rdzv_backend=c10d", "--rdzv_endpoint=localhost:0"]
    root = str(Path(__file__).parents[2])
    subprocess.run(
        [*command, str(script), str(blobs), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for network in ("generator", "discriminator", "ema"):
        for name, tensor in first[network].items():
            assert torch.equal(second[network][name], tensor), (network, name)
    assert first["chance"] == second["chance"] > 0
    assert first["more_gamma"] == second["more_gamma"] == 2  # only the first rank was told


BOTH = """
import os, sys
from dataclasses import replace
import torch
from lucidsonic.training.imagenet import PACKAGE, features
from lucidsonic.training.loop import train
from lucidsonic.training.r3gan.gan import FAMILY, Config
from lucidsonic.training.run import resolve_config

data, out = sys.argv[1:]
rank = os.environ["RANK"]
kept = []

def build(config, device):
    kept.append(FAMILY.build(config, device))
    kept[0].chance = 0.3
    kept[0].more_gamma = 2.0 if rank == "0" else 1.0
    return kept[0]

config = resolve_config(Config, {
    "widths": "8,8,8", "group_channels": 8, "blocks": 1, "batch_size": 4, "tick": 0.008,
    "max_steps": 4, "aug_mode": "ada", "aug_p": 0.5, "scored": 8, "device": "cpu",
    "data": data, "out": out + "/run",
})
train(replace(FAMILY, build=build), config)
torch.save(kept[0].state_dict(), f"{out}/{rank}.pt")
"""


def test_a_sure_critic_gets_more_augmentation_then_stronger_penalties(
    blobs: Path, tmp_path: Path
) -> None:
    state = fresh_state(tiny(blobs, tmp_path, aug_p=0.65))
    clock = Clock(0, 1, 3, 4)
    for _ in range(50):
        note(state, {"sign": 1.0, "d_loss": 0.1, "r1": 1.0, "r2": 1.0})
        close_tick(state, {})
    firings = judge(state, clock)
    assert [firing.name for firing in firings] == ["overfit"]
    assert "Augmentation" in (react(state, firings, state.config) or "")
    assert judge(state, clock) == []
    assert "Penalties" in (react(state, firings, state.config) or "")
    assert state.more_gamma == 2


@pytest.mark.parametrize(
    ("ticks", "monitor"),
    [
        ([{"sign": 0.0, "d_loss": 0.6932, "r1": 1, "r2": 1}] * 50, "stalled"),
        ([{"sign": 0.5, "d_loss": 0.5, "r1": 1, "r2": 1}] * 5
         + [{"sign": 0.5, "d_loss": 0.5, "r1": 50, "r2": 1}]
         + [{"sign": 0.5, "d_loss": 0.5, "r1": 1, "r2": 1}], "spike"),
        ([{"sign": 0.5, "d_loss": 0.5, "r1": 1, "r2": 20}], "off_manifold"),
    ],
)  # fmt: skip
def test_each_trouble_is_named(blobs: Path, tmp_path: Path, ticks, monitor: str) -> None:
    state = fresh_state(tiny(blobs, tmp_path))
    for tick in ticks:
        note(state, tick)
        close_tick(state, {})
    assert [f.name for f in judge(state, Clock(10**6, 1, 3, 4))] == [monitor]


def test_scores_that_get_worse_for_long_are_told(blobs: Path, tmp_path: Path) -> None:
    state = fresh_state(tiny(blobs, tmp_path))
    for score in [1.0] + [2.0] * 20:
        close_tick(state, {"score": score})
    assert "worsening" in [f.name for f in judge(state, Clock(0, 1, 3, 4))]


def test_a_network_of_the_persons_own_gives_fid_and_kid(blobs: Path, tmp_path: Path) -> None:
    class Means(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.float().flatten(2).mean(2) / 255

    path = tmp_path / "means.pt"
    torch.jit.save(torch.jit.script(Means()), str(path))
    figures = measure(fresh_state(tiny(blobs, tmp_path, inception=path)))
    assert figures["score"] == figures["fid"] > 0
    assert "kid" in figures
    path.write_bytes(b"odd")
    with pytest.raises(ConfigError, match="TorchScript"):
        measure(fresh_state(tiny(blobs, tmp_path, inception=path)))


def test_imagenet_features_are_an_extra_that_is_asked_for(blobs: Path, tmp_path: Path) -> None:
    config = tiny(blobs, tmp_path, features="imagenet")
    if find_spec(PACKAGE) is None:
        with pytest.raises(ConfigError, match="not installed"):
            fresh_state(config)
        return
    figures = measure(fresh_state(config))
    assert figures["score"] == figures["frechet_imagenet"] > 0
    assert "kid_imagenet" in figures


def test_the_imagenet_network_runs_on_weights_of_its_shape() -> None:
    weights = {name: torch.zeros(shape) for name, shape in lite0_shapes()}
    for name in weights:
        if name.endswith("running_var"):
            weights[name] += 1
    weights["_blocks.15._bn2.bias"] += 2.0
    found = features(torch.rand(2, 3, 40, 40), weights)
    assert torch.equal(found, torch.full((2, 320), 2.0))


def lite0_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """The published network's tensors (Tan and Le 2019, table 1, without the head)."""
    widths = [16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]
    sides = [3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3]
    yield "_conv_stem.weight", (32, 3, 3, 3)
    yield from norm_shapes("_bn0", 32)
    before = 32
    for index, (width, side) in enumerate(zip(widths, sides, strict=True)):
        name, inner = f"_blocks.{index}.", before * (6 if index else 1)
        if index:
            yield f"{name}_expand_conv.weight", (inner, before, 1, 1)
            yield from norm_shapes(f"{name}_bn0", inner)
        yield f"{name}_depthwise_conv.weight", (inner, 1, side, side)
        yield from norm_shapes(f"{name}_bn1", inner)
        yield f"{name}_project_conv.weight", (width, inner, 1, 1)
        yield from norm_shapes(f"{name}_bn2", width)
        before = width


def norm_shapes(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (width,)


@pytest.mark.slow
def test_200_steps_of_test_32_halve_the_distance(tmp_path: Path) -> None:
    data = write_blobs(tmp_path / "data", count=512, side=32)
    config = resolve_config(
        Config, {"data": data, "out": tmp_path / "run", "max_steps": 200, "device": "cpu"},
        preset="test-32", presets=PRESETS,
    )  # fmt: skip
    before = measure(fresh_state(config))["score"]
    out = train(FAMILY, config)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    scores = [line["score"] for line in lines if "score" in line]
    assert scores[-1] < 0.5 * before
