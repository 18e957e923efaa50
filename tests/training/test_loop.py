import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from lucidsonic.errors import (
    ConfigError,
    DataError,
    InterruptedRenderError,
    MemoryExhaustedError,
    MissingDependencyError,
    TrainingError,
    UnknownNameError,
)
from lucidsonic.training.checkpoint import read_checkpoint, write_whole
from lucidsonic.training.family import Exported
from lucidsonic.training.loop import train
from lucidsonic.training.model_file import write_model
from lucidsonic.training.order import Batches
from lucidsonic.training.ranks import Ranks, choose_device
from lucidsonic.training.run import resolve_config
from lucidsonic.training.update import Updater, split
from lucidsonic.types import Progress

sys.path.insert(0, str(Path(__file__).parent))
from tiny_family import FAMILY, Config, dataset


def config(out: Path, **changes: Any) -> Config:
    return Config(**{"out": out, "epochs": 3, "batch_size": 4, "device": "cpu", **changes})


def saved(out: Path, name: str = "latest.pt") -> dict[str, Any]:
    return read_checkpoint(out / "checkpoints" / name, family="tiny")


def flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for n, x in value.items() for k, v in flat(x, f"{path}/{n}").items()}
    return {path: value}


def assert_same(one: Any, other: Any) -> None:
    left, right = flat(one), flat(other)
    assert left.keys() == right.keys()
    for name, value in left.items():
        same = (
            torch.equal(value, right[name]) if torch.is_tensor(value) else value == right[name]
        )
        assert same, name


def events(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("stop", [1, 5, 7, 12])
def test_a_run_broken_and_resumed_ends_like_an_unbroken_one(tmp_path: Path, stop: int):
    train(FAMILY, config(tmp_path / "a"))
    train(FAMILY, config(tmp_path / "b", max_steps=stop))
    train(FAMILY, config(tmp_path / "b"))

    for part in ("state", "best", "step", "monitor_state"):
        assert_same(saved(tmp_path / "a")[part], saved(tmp_path / "b")[part])


def test_reader_processes_change_nothing(tmp_path: Path):
    train(FAMILY, config(tmp_path / "a", max_steps=4))
    train(FAMILY, config(tmp_path / "b", max_steps=4, num_workers=1))

    assert_same(saved(tmp_path / "a")["state"], saved(tmp_path / "b")["state"])


def test_a_run_leaves_its_settings_figures_sheets_and_checkpoints(tmp_path: Path):
    told: list[Progress] = []
    train(
        FAMILY,
        config(tmp_path, sample_every=1, save_every=1, keep_n=1),
        on_progress=told.append,
    )

    assert json.loads((tmp_path / "config.json").read_text())["family"] == "tiny"
    assert sorted(p.name for p in (tmp_path / "samples").iterdir()) == [
        "epoch_0001.png",
        "epoch_0002.png",
        "epoch_0003.png",
    ]
    assert {p.name for p in (tmp_path / "checkpoints").iterdir()} == {
        "latest.pt",
        "best.pt",
        "epoch_0002.pt",
        "net_best.pth",
        "net_final.pth",
    }
    assert (tmp_path / "training_curves.png").stat().st_size > 1000
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 15
    assert told[-1].done == told[-1].total == 15
    assert told[-1].facts["images_per_s"] > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_same_command_goes_on(tmp_path: Path, number: signal.Signals):
    def stop_at_five(progress: Progress) -> None:
        if progress.done == 5:
            os.kill(os.getpid(), number)

    with pytest.raises(InterruptedRenderError, match="step 5 of 15"):
        train(FAMILY, config(tmp_path / "b"), on_progress=stop_at_five)
    assert saved(tmp_path / "b", "interrupted.pt")["step"] == 5
    train(FAMILY, config(tmp_path / "a"))
    train(FAMILY, config(tmp_path / "b"))

    assert_same(saved(tmp_path / "a")["state"], saved(tmp_path / "b")["state"])


def test_one_bad_number_costs_one_step_and_no_weights(tmp_path: Path):
    train(FAMILY, config(tmp_path, poison_from=4, poison_to=5, max_steps=6))

    assert [e["step"] for e in events(tmp_path) if e["event"] == "nan_skip"] == [4]
    assert all(torch.isfinite(v).all() for v in saved(tmp_path)["state"]["net"].values())


def test_three_bad_steps_in_a_row_go_back_and_slow_down(tmp_path: Path):
    def stop_after_reload(progress: Progress) -> None:
        if "Back to step" in progress.note:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            FAMILY,
            config(tmp_path, poison_from=6, poison_to=9, save_every=1),
            on_progress=stop_after_reload,
        )
    last = events(tmp_path)[-1]
    assert (last["event"], last["step"]) == ("reload", 5)  # the end of the first epoch
    assert "x 0.5" in last["note"]


def test_numbers_that_stay_bad_end_the_run_with_a_sentence(tmp_path: Path):
    with pytest.raises(TrainingError, match="after 3 reloads"):
        train(FAMILY, config(tmp_path, poison_from=3, poison_to=99))


def test_a_checkpoint_is_whole_even_when_writing_it_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "latest.pt"
    write_whole({"a": 1}, path)
    old = path.read_bytes()

    def break_halfway(_content: Any, file: Any) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", break_halfway)
    with pytest.raises(OSError, match="disk full"):
        write_whole({"a": 2}, path)
    assert path.read_bytes() == old


def test_another_familys_folder_is_refused(tmp_path: Path):
    train(FAMILY, config(tmp_path, max_steps=1))
    with pytest.raises(TrainingError, match="belongs to 'tiny'"):
        read_checkpoint(tmp_path / "checkpoints" / "latest.pt", family="r3gan")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path):
    path = tmp_path / "x.pt"
    path.write_bytes(b"no zip")
    with pytest.raises(TrainingError, match="not a readable checkpoint"):
        read_checkpoint(path, family="tiny")


def test_never_resume_does_not_overwrite_a_run(tmp_path: Path):
    train(FAMILY, config(tmp_path, max_steps=1))
    with pytest.raises(TrainingError, match="already holds a run"):
        train(FAMILY, config(tmp_path, resume="never"))


def test_a_reload_goes_back_to_the_checkpoint_that_was_chosen(tmp_path: Path):
    train(FAMILY, config(tmp_path, save_every=1))
    chosen = tmp_path / "checkpoints" / "epoch_0001.pt"  # after 5 steps of 15

    poisoned = config(tmp_path, resume=str(chosen), poison_from=6, poison_to=9)
    with pytest.raises(TrainingError, match="not finite"):
        train(FAMILY, poisoned)

    reloads = [event["step"] for event in events(tmp_path) if event["event"] == "reload"]
    assert reloads == [5, 5, 5]


def test_parts_of_a_batch_add_up_to_the_batch(tmp_path: Path):
    train(FAMILY, config(tmp_path / "a", noise=0.0, clip=0.0, max_steps=1))
    train(FAMILY, config(tmp_path / "b", noise=0.0, clip=0.0, max_steps=1, accumulate=3))

    for name, weight in saved(tmp_path / "a")["state"]["net"].items():
        torch.testing.assert_close(weight, saved(tmp_path / "b")["state"]["net"][name])


def test_when_memory_runs_out_the_parts_get_smaller(tmp_path: Path):
    updater = Updater(torch.device("cpu"), amp="off", parts=1, ranks=Ranks())
    net = torch.nn.Linear(2, 1)
    opt = torch.optim.SGD(net.parameters())

    def greedy(part: torch.Tensor) -> dict[str, torch.Tensor]:
        if len(part) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return {"loss": net(part).mean()}

    updater.descend(opt, greedy, torch.ones(8, 2), lr=0.1)
    assert updater.parts == 4

    def hopeless(_part: torch.Tensor) -> dict[str, torch.Tensor]:
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(MemoryExhaustedError):
        updater.descend(opt, hopeless, torch.ones(8, 2), lr=0.1)


def test_a_split_loses_nothing():
    batch = {"x": torch.arange(7), "y": (torch.arange(7),)}
    parts = list(split(batch, 3))
    assert torch.equal(torch.cat([p["x"] for p, _ in parts]), batch["x"])
    assert sum(share for _, share in parts) == pytest.approx(1)


def test_bf16_runs_and_stays_finite(tmp_path: Path):
    train(FAMILY, config(tmp_path, amp="bf16", max_steps=3))
    assert all(torch.isfinite(v).all() for v in saved(tmp_path)["state"]["net"].values())


def test_training_off_the_main_thread_works(tmp_path: Path):
    thread = threading.Thread(target=train, args=(FAMILY, config(tmp_path, max_steps=2)))
    thread.start()
    thread.join()
    assert saved(tmp_path)["step"] == 2


def test_two_processes_train_like_one(tmp_path: Path):
    here = Path(__file__).parent
    env = {**os.environ, "PYTHONPATH": str(here.parent.parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    command += ["--master_port=0", "--rdzv_backend=c10d", "--rdzv_endpoint=localhost:0"]
    subprocess.run(
        [*command, str(here / "tiny_family.py"), str(tmp_path / "two")],
        env=env, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    train(FAMILY, config(tmp_path / "one", noise=0.0))

    for name, weight in saved(tmp_path / "one")["state"]["net"].items():
        other = saved(tmp_path / "two")["state"]["net"][name]
        torch.testing.assert_close(weight, other, rtol=1e-3, atol=1e-4)


def test_every_process_of_a_machine_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert choose_device("cuda") == torch.device("cuda", 3)
    assert choose_device("cpu") == torch.device("cpu")
    monkeypatch.delenv("LOCAL_RANK")
    assert choose_device("cuda") == torch.device("cuda", 0)


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_told(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(ConfigError, match=f"no '{name}'"):
        choose_device(name)


def test_a_run_that_cannot_begin_leaves_no_folder(tmp_path: Path):
    one = torch.utils.data.TensorDataset(torch.zeros(1, 3, 8, 8))
    with pytest.raises(DataError, match="too few"):
        train(replace(FAMILY, dataset=lambda _config: one), config(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_file_is_no_runs_folder(tmp_path: Path):
    (tmp_path / "run").touch()
    with pytest.raises(ConfigError, match="cannot be a run's folder"):
        train(FAMILY, config(tmp_path / "run", max_steps=1))


def test_settings_that_train_nothing_are_not_written_down(tmp_path: Path):
    train(FAMILY, config(tmp_path, max_steps=3))
    before = (tmp_path / "config.json").read_bytes()
    train(FAMILY, config(tmp_path, max_steps=2, seed=9))
    assert (tmp_path / "config.json").read_bytes() == before


def test_every_example_is_seen_once_an_epoch():
    settings = Config(batch_size=2)
    batches = Batches(dataset(settings), settings, Ranks())
    seen = torch.cat([b[0] for b in batches.rest_of_epoch(0)])
    assert len(torch.unique(seen.flatten(1), dim=0)) == 22


def test_an_empty_set_and_an_odd_share_are_refused():
    with pytest.raises(DataError, match="empty"):
        Batches(torch.utils.data.TensorDataset(torch.zeros(0, 1)), Config(), Ranks())
    with pytest.raises(ConfigError, match="shared by 2"):
        Batches(dataset(Config()), Config(batch_size=3), Ranks(0, 2))


def test_flags_outweigh_the_file_and_the_file_the_preset(tmp_path: Path):
    file = tmp_path / "c.yaml"
    file.write_text("epochs: 7\nseed: 8\n")
    presets = {"p": {"epochs": 1, "seed": 1, "batch_size": 2}}
    made = resolve_config(Config, {"seed": "9"}, file=file, preset="p", presets=presets)
    assert (made.seed, made.epochs, made.batch_size, made.keep_n) == (9, 7, 2, 5)


@pytest.mark.parametrize("text", ["epochs: [", "- 1", "epocs: 3", "epochs: -1"])
def test_a_bad_settings_file_is_named(tmp_path: Path, text: str):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        resolve_config(Config, {}, file=file)


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="preset"):
        resolve_config(Config, {}, preset="tinny", presets={"tiny": {}})


def test_figures_also_go_to_a_table(tmp_path: Path):
    train(FAMILY, config(tmp_path, log="csv", log_every=2, max_steps=4))
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines[0].startswith("step,loss,")
    assert [line.split(",")[0] for line in lines[1:]] == ["2", "4"]


def test_a_service_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingDependencyError, match="wandb"):
        train(FAMILY, config(tmp_path, log="wandb"))


@pytest.mark.parametrize(
    "failure",
    [
        SafetensorError(
            "Error while serializing: I/O error: No space left on device (os error 28)"
        ),
        OSError(28, "No space left on device"),
    ],
    ids=["safetensors", "system"],
)
def test_a_model_for_which_the_disk_is_too_full_says_so_and_leaves_the_old_one(
    tmp_path: Path, monkeypatch: Any, failure: Exception
):
    def full(_tensors: object, path: Path, **_metadata: object) -> None:
        path.write_bytes(b"half of it")
        raise failure

    exported = Exported("tiny", {}, {"w": torch.ones(2)})
    before = (write_model(exported, tmp_path) or tmp_path).read_bytes()
    monkeypatch.setattr("lucidsonic.training.model_file.save_file", full)

    with pytest.raises(TrainingError, match=r"written: no space left on device\.$"):
        write_model(exported, tmp_path)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "model.safetensors": before
    }
