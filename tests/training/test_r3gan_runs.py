"""Whole runs of `train r3gan`, small."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lucidsonic.errors import ConfigError, DataError, InterruptedRenderError
from lucidsonic.generators import build_generator
from lucidsonic.training.checkpoint import read_checkpoint
from lucidsonic.training.loop import train
from lucidsonic.training.r3gan.config import PRESETS
from lucidsonic.training.r3gan.gan import FAMILY, Config, State, build, export, sound_stages
from lucidsonic.training.r3gan.pictures import load_gallery, square_pixels
from lucidsonic.training.r3gan.score import measure
from lucidsonic.training.r3gan.watch import close_tick, judge, note, react
from lucidsonic.training.run import Clock, resolve_config

TINY: dict[str, Any] = {
    "widths": "8,8,8", "group_channels": 8, "blocks": 1, "batch_size": 4, "tick": 0.012,
    "max_steps": 6, "sample_every": 2, "score_every": 1, "scored": 16, "device": "cpu",
    "aug_p": 0.5, "kimg": 1, "log_every": 1,
}  # fmt: skip


def blob(seed: int, side: int) -> Image.Image:
    """Two soft coloured balls on dark ground."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    picture = np.full((side, side, 3), 0.1)
    for _ in range(2):
        (a, b), radius = random.uniform(0.2, 0.8, 2), random.uniform(0.1, 0.25)
        ball = np.exp(-((x - a) ** 2 + (y - b) ** 2) / radius**2)[..., None]
        picture = picture * (1 - ball) + random.uniform(0.3, 1, 3) * ball
    return Image.fromarray((picture.clip(0, 1) * 255).astype(np.uint8))


def write_blobs(folder: Path, count: int = 12, side: int = 16, start: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(start, start + count):
        blob(seed, side).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blobs(tmp_path_factory.mktemp("blobs"))


def tiny(data: Path, out: Path, **flags: object) -> Config:
    return resolve_config(Config, {**TINY, "data": data, "out": out, **flags})


def fresh_state(config: Config) -> State:
    torch.manual_seed(0)
    return build(config, torch.device("cpu"))


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


def test_a_zip_with_labels_is_read_like_the_authors_read_it(tmp_path: Path) -> None:
    write_blobs(tmp_path / "data", count=3, side=20)
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted((tmp_path / "data").iterdir()):
            file.write(path, f"00000/{path.name}")
        labels = [["00000/0.png", 2], ["00000/1.png", 0], ["00000/2.png", 1]]
        file.writestr("dataset.json", json.dumps({"labels": labels}))
        file.writestr("00000/broken.png", b"no picture")
    gallery = load_gallery(tiny(archive, tmp_path, cond="class", widths="8,8"))
    assert gallery.pixels.shape == (3, 3, 8, 8)
    assert gallery.labels.argmax(axis=1).tolist() == [2, 0, 1]
    assert [reject.split(":")[0] for reject in gallery.rejects] == ["00000/broken.png"]


def test_labels_in_a_zip_become_classes(tmp_path: Path) -> None:
    write_blobs(tmp_path / "data", count=2)
    labels = {"labels": [["0.png", 3], ["1.png", 0]]}
    (tmp_path / "data" / "dataset.json").write_text(json.dumps(labels))
    gallery = load_gallery(tiny(tmp_path / "data", tmp_path, cond="class"))
    assert gallery.labels.argmax(axis=1).tolist() == [3, 0]
    assert gallery.c_dim == 4


@pytest.mark.parametrize(
    ("content", "named"),
    [('{"labels": [["0.png"]]}', "not of the form"), ('{"labels": [["x.png", 0]]}', "no label"),
     ('{"labels": [["0.png", -1], ["1.png", 0]]}', "negative")],
)  # fmt: skip
def test_labels_that_make_no_sense_are_named(tmp_path: Path, content: str, named: str) -> None:
    write_blobs(tmp_path / "data", count=2)
    (tmp_path / "data" / "dataset.json").write_text(content)
    with pytest.raises(DataError, match=named):
        load_gallery(tiny(tmp_path / "data", tmp_path, cond="class"))


def test_data_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs pictures"):
        load_gallery(resolve_config(Config, {"out": tmp_path}))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no picture"):
        load_gallery(tiny(tmp_path / "empty", tmp_path))
    (tmp_path / "odd.zip").write_bytes(b"odd")
    with pytest.raises(DataError, match="neither a folder nor a zip"):
        load_gallery(tiny(tmp_path / "odd.zip", tmp_path))
    with pytest.raises(DataError, match="no classes"):
        load_gallery(tiny(write_blobs(tmp_path / "one"), tmp_path, cond="class"))


def test_the_middle_of_an_oblong_picture_is_taken(tmp_path: Path) -> None:
    oblong = np.zeros((8, 24, 3), np.uint8)
    oblong[:, 8:16] = 255
    Image.fromarray(oblong).save(tmp_path / "x.png")
    assert square_pixels((tmp_path / "x.png").read_bytes(), 8).min() > 250


def test_a_state_survives_its_checkpoint(blobs: Path, tmp_path: Path) -> None:
    state = fresh_state(tiny(blobs, tmp_path))
    state.more_aug, state.history = 0.2, {"sign": [0.5]}
    other = fresh_state(tiny(blobs, tmp_path))
    with torch.no_grad():
        other.generator.to_image.weight.zero_()
    other.load_state_dict(state.state_dict())
    assert other.more_aug == 0.2
    assert torch.equal(other.generator.to_image.weight, state.generator.to_image.weight)


def test_a_stage_that_breaks_in_bf16_goes_back_to_float32(blobs: Path, tmp_path: Path) -> None:
    state = fresh_state(tiny(blobs, tmp_path, low_precision="bf16"))
    assert state.low_stages == [0, 1]
    batch = {"c": torch.zeros(2, 0)}
    assert sound_stages(state, batch) == []  # all sound alone: the trouble is elsewhere
    state.low_stages = [0, 1]
    assert state.dtypes() == [torch.float32, torch.bfloat16, torch.bfloat16]


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
         + [{"sign": 0.5, "d_loss": 0.5, "r1": 50, "r2": 1}], "spike"),
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
