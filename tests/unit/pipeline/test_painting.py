"""Batches, precision and memory, with generators made for the purpose."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, count
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lucidsonic.effects import build_chain
from lucidsonic.errors import ConfigError, LucidsonicError, MemoryExhaustedError
from lucidsonic.pipeline.frames import (
    Painter,
    Scene,
    Transfer,
    choose_device,
    choose_dtype,
    find_batch,
    is_out_of_memory,
    paint_rgb,
    told_memory,
)
from lucidsonic.pipeline.hold import HeldTrajectory
from lucidsonic.types import Capabilities, Controls
from tests.steered import drum_loop

SIZE = (16, 32)


class Ramp:
    """A trajectory whose truncation is the frame's number over 100."""

    def __init__(self, frames: int = 50) -> None:
        self.frames = frames

    def __len__(self) -> int:
        return self.frames

    def at(self, start: int, stop: int) -> Controls:
        index = np.arange(start, stop, dtype=np.float32)
        flat = np.zeros_like(index)
        return Controls(
            latent=np.zeros((len(index), 1, 1), np.float32),
            condition=None,
            truncation=index / np.float32(100),
            noise_phase=flat,
            noise_mix=flat,
            gains=np.ones((len(index), 3), np.float32),
            transform=np.zeros((len(index), 4), np.float32),
            time_s=index / np.float32(30),
        )


class Grey:
    """Paints every frame in one grey, its truncation; as hungry and as narrow as it is told."""

    capabilities = Capabilities(z_dim=1, dim=1, size=SIZE)

    def __init__(self, *, most: int = 99, widest: torch.dtype | None = None) -> None:
        self.most, self.widest, self.batches = most, widest, []

    def render(self, controls: Controls, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        if len(controls) > self.most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")
        self.batches.append(len(controls))
        level = torch.from_numpy(controls.truncation)[:, None, None, None]
        frames = level.expand(-1, 3, *SIZE).clone()
        return frames * float("nan") if dtype != torch.float32 else frames


def scene(generator: Grey, **changes: object) -> Scene:
    chain = build_chain([], drum_loop(30))
    plain = Scene(generator=generator, trajectory=Ramp(), chain=chain, size=SIZE)  # pyright: ignore[reportArgumentType]
    return replace(plain, **changes)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_pixels_that_are_no_numbers_are_an_error(value: float):
    class Broken(Grey):
        def render(self, controls: Controls, *, dtype: torch.dtype = torch.float32):
            return super().render(controls) * value

    with pytest.raises(LucidsonicError, match="Frames 0 to 7 hold pixels that are no numbers"):
        paint_rgb(scene(Broken()), 0, 8, print)


def painted(painter: Painter, start: int, stop: int) -> np.ndarray:
    return np.concatenate(list(painter.planes(start, stop)))


def test_every_frame_comes_once_and_in_order_whatever_the_batch():
    whole = painted(Painter(scene(Grey()), 50, print), 0, 50)

    for batch in (1, 7, 16):
        assert np.array_equal(painted(Painter(scene(Grey()), batch, print), 0, 50), whole)
    assert whole.shape == (50, SIZE[0] * 3 // 2, SIZE[1])
    assert (np.diff(whole[:, 0, 0].astype(int)) > 0).all()


def test_out_of_memory_halves_the_batch_and_says_so():
    notes: list[str] = []
    painter = Painter(scene(Grey(most=3)), 16, notes.append)

    pictures = painted(painter, 0, 50)

    assert len(pictures) == 50
    assert painter.batch == 2
    assert notes == [f"Out of memory: going on with {n} frames at a time." for n in (8, 4, 2)]


def test_when_one_frame_does_not_fit_it_is_said_with_exit_code_four():
    with pytest.raises(MemoryExhaustedError) as caught:
        painted(Painter(scene(Grey(most=0)), 4, lambda _note: None), 0, 4)

    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "MPS backend out of memory (MPS allocated: 9.05 GB)",
    ],
)
def test_a_library_that_gets_no_memory_ran_out_of_it(words: str):
    assert is_out_of_memory(RuntimeError(words))
    with (
        pytest.raises(MemoryExhaustedError, match="memory to load the model"),
        told_memory("load the model"),
    ):
        raise RuntimeError(words)


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    class Broken(Grey):
        def render(self, controls: Controls, *, dtype: torch.dtype = torch.float32):
            raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        painted(Painter(scene(Broken()), 4, print), 0, 4)


def test_frames_that_overflow_are_painted_again_in_float32_and_it_is_said():
    notes: list[str] = []

    frames = paint_rgb(scene(Grey(), dtype=torch.bfloat16), 10, 12, notes.append)

    assert torch.isfinite(frames).all()
    assert "float32" in notes[0]


@pytest.mark.parametrize("most", [1, 2, 3, 8])
def test_the_found_batch_paints_within_the_memory_there_is(
    most: int, monkeypatch: pytest.MonkeyPatch
):
    # Each look at the clock finds the machine faster: speed alone would take the largest batch.
    looks = accumulate(0.5**n for n in count(4))
    monkeypatch.setattr("lucidsonic.pipeline.frames.time.perf_counter", lambda: next(looks))

    assert find_batch(scene(Grey(most=most))) == 2 ** int(np.log2(most))


@pytest.mark.parametrize(("device", "best"), [("cuda", 32), ("cpu", 1)])
def test_what_a_gpu_does_only_once_does_not_choose_the_batch(
    device: str, best: int, monkeypatch: pytest.MonkeyPatch
):
    """A batch takes a tenth of a second, of any size; its first time, four seconds more."""
    clock, painted = [0.0], []
    emptied = []

    def paint(self: Painter, start: int, stop: int) -> torch.Tensor:
        self.device = device
        painted.append(stop - start)
        clock[0] += 0.1 if painted.count(stop - start) > 1 else 4.1
        return torch.zeros(stop - start, 24, 32, dtype=torch.uint8)

    monkeypatch.setattr(Painter, "_paint", paint)
    monkeypatch.setattr("lucidsonic.pipeline.frames.time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("torch.cuda.empty_cache", lambda: emptied.append(device))

    assert find_batch(scene(Grey())) == best
    assert emptied == [device]


def test_a_cpu_computes_in_float32_unless_told_otherwise():
    assert choose_dtype("auto", "cpu") == torch.float32
    assert choose_dtype("bf16", "cpu") == torch.bfloat16


class TwoGpus:
    """What torch.cuda does with two GPUs, of which only the second has bf16 of its own."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.current = torch.device("cuda:0")
        self.recorded: list[torch.device] = []
        self.pinned: list[torch.device] = []
        event = SimpleNamespace(record=self.record)
        patch.setattr("torch.cuda.is_available", lambda: True)
        patch.setattr("torch.cuda.device", self.device)
        patch.setattr("torch.cuda.current_stream", self.current_stream)
        patch.setattr("torch.cuda.is_bf16_supported", self.is_bf16_supported)
        patch.setattr("torch.cuda.Event", lambda: event)

    @contextmanager
    def device(self, device: str | torch.device) -> Iterator[None]:
        before, self.current = self.current, torch.device(device)
        yield
        self.current = before

    def current_stream(self, device: torch.device | None = None) -> torch.device:
        return device or self.current

    def record(self, stream: torch.device | None = None) -> None:
        self.recorded.append(stream or self.current)

    def is_bf16_supported(self, including_emulation: bool = True) -> bool:
        return including_emulation or self.current.index == 1

    def empty(self, *_shape: object, **_named: object) -> SimpleNamespace:
        self.pinned.append(self.current)
        return SimpleNamespace(copy_=lambda *_from, **_how: None)


def test_a_copy_is_waited_for_on_the_gpu_that_it_comes_from(monkeypatch: pytest.MonkeyPatch):
    gpus = TwoGpus(monkeypatch)
    second = torch.device("cuda:1")
    pictures = SimpleNamespace(device=second, shape=(1, 24, 32), dtype=torch.uint8)

    with monkeypatch.context() as patch:
        patch.setattr("torch.empty", gpus.empty)
        Transfer.begin(pictures)  # pyright: ignore[reportArgumentType]

    assert gpus.recorded == gpus.pinned == [second]
    assert gpus.current.index == 0


def test_a_gpu_that_only_emulates_bf16_computes_in_fp16(monkeypatch: pytest.MonkeyPatch):
    TwoGpus(monkeypatch)

    assert choose_dtype("auto", "cuda:0") == torch.float16
    assert choose_dtype("auto", "cuda:1") == torch.bfloat16


def test_a_driver_without_a_gpu_asks_fp16_of_its_workers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    assert choose_dtype("auto", "cuda") == torch.float16


@pytest.mark.parametrize("hold", [8, 12, 15, 24])
def test_held_frames_change_at_the_held_rate(hold: float):
    held = HeldTrajectory(Ramp(60), Fraction(30), hold)
    level = held.at(0, 60).truncation

    assert len(np.unique(level)) == 2 * hold
    assert (level <= Ramp(60).at(0, 60).truncation + 1e-6).all()


def test_held_frames_do_not_depend_on_the_range_they_are_asked_in():
    held = HeldTrajectory(Ramp(60), Fraction(30), 12)
    parts = [held.at(a, b).truncation for a, b in ((0, 7), (7, 8), (8, 31), (31, 60))]

    assert np.array_equal(np.concatenate(parts), held.at(0, 60).truncation)


@pytest.mark.parametrize("device", ["gpu", "cuda:9x", "cuda:99", "vulkan", "cpu:1", ""])
def test_a_device_that_is_not_here_is_one_sentence(device: str):
    with pytest.raises(ConfigError, match=f"'{device}'"):
        choose_device(device)
    assert choose_device("cpu,cuda:99") == "cpu"
