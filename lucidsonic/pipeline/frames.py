"""Trajectory -> pictures: batches, precision, and what happens when memory runs out."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from lucidsonic.effects import Chain
from lucidsonic.encoding import save_frames
from lucidsonic.errors import ConfigError, LucidsonicError, MemoryExhaustedError
from lucidsonic.generators import Generator
from lucidsonic.nn.resample import fit, to_rgb24, to_yuv420p
from lucidsonic.pipeline.guard import Guard
from lucidsonic.pipeline.hold import HeldTrajectory
from lucidsonic.types import Pictures, Trajectory

Precision = Literal["auto", "fp32", "bf16", "fp16"]
SEGMENT_S = 8  # seconds; a longer GOP saves nothing, a shorter one costs bytes
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PROBE_SIZES = (1, 2, 4, 8, 16, 32, 64)  # batch sizes that are tried
PROBE_S = 3.0  # seconds of timed painting that the search may take, about
WORTHWHILE = 1.05  # a larger batch must be this much faster to be taken
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "failed to allocate", "alloc_failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that is needed to paint any frame of one film.

    Attributes:
        generator: who paints.
        trajectory: what each frame is told.
        chain: the effects, in order.
        size: height and width of the film, pixels.
        fit: how pictures of another shape fill the film.
        resample: the filter that resizes them.
        dtype: what the network computes in.
        guard: what to do about flashes.
        fps: pictures a second.
    """

    generator: Generator
    trajectory: Trajectory
    chain: Chain
    size: tuple[int, int]
    fit: Literal["cover", "contain", "stretch", "tile"] = "cover"
    resample: Literal["lanczos", "bicubic", "area", "nearest"] = "lanczos"
    dtype: torch.dtype = torch.float32
    guard: Literal["damp", "warn", "off"] = "off"
    fps: Fraction = Fraction(30)

    def drawn(self, start: int, stop: int) -> np.ndarray:
        """The frames whose pictures frames start to stop - 1 show, before any effect."""
        index, path = np.arange(start, stop), self.trajectory
        return path.drawn(index) if isinstance(path, HeldTrajectory) else index

    def new_guard(self) -> Guard | None:
        """What damps flashes as frames are painted, if it should."""
        return Guard(round(self.fps)) if self.guard == "damp" else None

    @property
    def segment_frames(self) -> int:
        """Frames between two borders of segments, which lie at multiples in the whole song."""
        return round(SEGMENT_S * self.fps)


def choose_dtype(precision: Precision, device: str) -> torch.dtype:
    """What the network computes in.

    `auto` is bf16 on a GPU that has it, fp16 on one that has not, and fp32 elsewhere: CPUs
    without bf16 instructions are slower in it.
    """
    if precision != "auto":
        return DTYPES[precision]
    if not device.startswith("cuda"):
        return torch.float32
    return torch.bfloat16 if has_bf16(device) else torch.float16


def has_bf16(device: str) -> bool:
    """Whether a GPU has bf16 of its own; older ones only emulate it, slowly.

    Where this process has no GPU, as the driver of a cluster may not, nobody knows: no.
    """
    if not torch.cuda.is_available():
        return False
    with torch.cuda.device(device):
        return torch.cuda.is_bf16_supported(including_emulation=False)


def choose_device(device: str) -> str:
    """The device that `auto` means here: CUDA, else Apple's, else the CPU.

    Of several, separated by commas, it is the first: the one that this process itself uses.

    Raises:
        ConfigError: there is no such device here.
    """
    device = device.split(",")[0].strip()
    if device != "auto":
        return check_device(device)
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_device(device: str) -> str:
    """The device, if torch can paint on it here.

    Raises:
        ConfigError: it cannot, or nothing is called so.
    """
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(
            f"There is no device called '{device}'.",
            hint="Known: auto, cpu, cuda, cuda:1, mps.",
        ) from error
    mps = int(torch.backends.mps.is_available())
    counts = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": mps}
    if (wanted.index or 0) >= counts.get(wanted.type, 0):
        raise ConfigError(
            f"This machine has no '{device}' that torch can paint on.",
            hint="--device auto takes what there is; 'lucidsonic doctor' shows it.",
        )
    return device


@torch.inference_mode()
def paint_rgb(scene: Scene, start: int, stop: int, note: Callable[[str], None]) -> torch.Tensor:
    """Frames start to stop - 1 as RGB `(frames, 3, height, width)` in [0, 1], film size.

    A batch that a narrow dtype cannot hold is painted again in float32, and `note` says so.

    Raises:
        LucidsonicError: pixels are not finite, even so.
    """
    controls = scene.trajectory.at(start, stop)
    hooks = scene.chain.hooks(scene.drawn(start, stop))
    paint: Callable[..., torch.Tensor] = scene.generator.render
    if hooks:  # only generators with stages take them
        paint = partial(paint, hooks=hooks)
    frames = paint(controls, dtype=scene.dtype)
    if scene.dtype != torch.float32 and not bool(torch.isfinite(frames).all()):
        note(f"Frames {start} to {stop - 1} overflowed {scene.dtype}: painted in float32.")
        frames = paint(controls)
    frames = finite(scene.chain(frames.float(), start), f"Frames {start} to {stop - 1}")
    return fit(frames, scene.size, mode=scene.fit, filter=scene.resample)


def finite(frames: torch.Tensor, which: str) -> torch.Tensor:
    """The frames themselves, looked through.

    Args:
        frames: of any shape, float32.
        which: what to call them.

    Raises:
        LucidsonicError: a pixel is no number.
    """
    if not bool(torch.isfinite(frames.sum())):
        raise LucidsonicError(
            f"{which} hold pixels that are no numbers.",
            hint="The style or an effect of yours makes NaN or infinity.",
        )
    return frames


@dataclass(slots=True)
class Painter:
    """Paints a film's frames, in batches that fit.

    Which frames share a batch depends on their numbers and on its size alone, not on where the
    painting starts: networks round a little differently in batches of another make-up.

    Attributes:
        scene: what to paint.
        batch: frames at once; halved when memory runs out.
        note: told, in one sentence, about each thing that a person should know.
        frames_folder: also save every frame as PNG here, under its number.
        guard: what damps flashes, if the scene wants it.
        device: the kind that the pictures lie on; "" before the first.
    """

    scene: Scene
    batch: int
    note: Callable[[str], None]
    frames_folder: Path | None = None
    guard: Guard | None = field(init=False)
    device: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.guard = self.scene.new_guard()

    def planes(self, start: int, stop: int) -> Iterator[Pictures]:
        """Frames start to stop - 1 in film order, as uint8 yuv420p `(frames, h * 3 / 2, w)`."""
        waiting: Transfer | None = None
        while start < stop:
            end = self._batch_end(start, stop)
            try:
                self._look_back(start)
                transfer = Transfer.begin(self._paint(start, end))
            except RuntimeError as error:
                self._halve(error)
                continue
            start = end
            if waiting is not None:
                yield waiting.finish()
            waiting = transfer
        if waiting is not None:
            yield waiting.finish()

    def _batch_end(self, start: int, stop: int) -> int:
        """One past the last frame of the batch that frame `start` belongs to."""
        border = start - start % self.scene.segment_frames
        within = (start - border) // self.batch + 1
        return min(border + min(within * self.batch, self.scene.segment_frames), stop)

    def _batch_start(self, frame: int) -> int:
        """The first frame of the batch that `frame` belongs to."""
        within = frame % self.scene.segment_frames
        return frame - within % self.batch

    def _paint(self, start: int, stop: int) -> torch.Tensor:
        frames = paint_rgb(self.scene, start, stop, self.note)
        self.device = frames.device.type
        if self.guard is not None:
            frames = self.guard.damp(frames)
        if self.frames_folder is not None:
            save = save_frames(
                self.frames_folder, [to_rgb24(frames).cpu().numpy()], start=start
            )
            deque(save, maxlen=0)
        return to_yuv420p(frames)

    def _look_back(self, start: int) -> None:
        """Show the guard what came before `start`, unless it has just seen it."""
        if self.guard is None:
            return
        before = self.guard.restart(start)
        first = before.start
        while first < before.stop:
            whole = self._batch_start(first)
            last = self._batch_end(first, before.stop)
            frames = paint_rgb(self.scene, whole, last, self.note)[first - whole :]
            self.guard.remember(self.guard.watch(frames))
            first = last

    def _halve(self, error: RuntimeError) -> None:
        if self.batch == 1 or not is_out_of_memory(error):
            with told_memory("paint even one frame"):
                raise error
        self.batch //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.note(f"Out of memory: going on with {self.batch} frames at a time.")


@contextmanager
def told_memory(doing: str) -> Iterator[None]:
    """Memory that runs out in the block is told in a sentence.

    Args:
        doing: what it was for, to go after "There is not enough memory to".

    Raises:
        MemoryExhaustedError: it ran out.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryExhaustedError(
            f"There is not enough memory to {doing}.",
            hint="Use a smaller --size, a smaller model, or --device cpu.",
        ) from error


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a smaller batch may help; CPUs, GPUs and their libraries word it differently."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in text for words in OUT_OF_MEMORY
    )


@dataclass(frozen=True, slots=True)
class Transfer:
    """Pictures on their way from the device; the device goes on painting meanwhile."""

    pictures: torch.Tensor
    done: torch.cuda.Event | None

    @classmethod
    def begin(cls, pictures: torch.Tensor) -> "Transfer":
        """Start to copy; on a GPU the copy runs beside the next batch."""
        if pictures.device.type != "cuda":
            return cls(pictures.cpu(), None)
        with torch.cuda.device(pictures.device):  # else memory and event are the first GPU's
            landing = torch.empty(pictures.shape, dtype=pictures.dtype, pin_memory=True)
            landing.copy_(pictures, non_blocking=True)
            done = torch.cuda.Event()
            done.record(torch.cuda.current_stream(pictures.device))
        return cls(landing, done)

    def finish(self) -> Pictures:
        """Wait for the copy."""
        if self.done is not None:
            self.done.synchronize()
        return self.pictures.numpy()


def find_batch(scene: Scene) -> int:
    """The batch size that paints the most frames a second here, found by painting.

    Larger batches are slower on many CPUs, and on a GPU they stop to help at some point, so the
    search doubles until it does not pay or memory runs out. A GPU loads kernels and takes
    memory for a size that is new to it: there each is painted once before it is timed.
    """
    limit = len(scene.trajectory)
    best, best_rate, spent_s = 1, 0.0, 0.0
    painter = Painter(replace(scene), 1, note=lambda _: None)  # the film itself will say it
    for size in PROBE_SIZES:
        if size > limit or spent_s > PROBE_S:
            break
        rate = paint_rate(painter, size, warm_up=size == 1 or painter.device != "cpu")
        spent_s += size / rate
        ran_out = painter.batch < size
        if ran_out or rate < best_rate * WORTHWHILE:
            break
        best, best_rate = size, rate
    torch.cuda.empty_cache()  # nothing where there is no CUDA
    return best


def paint_rate(painter: Painter, size: int, *, warm_up: bool) -> float:
    """Frames a second when `size` frames are painted at once, or as many as memory holds."""
    painter.batch = size
    if warm_up:
        list(painter.planes(0, size))
    began = time.perf_counter()
    list(painter.planes(0, size))
    return size / (time.perf_counter() - began)
