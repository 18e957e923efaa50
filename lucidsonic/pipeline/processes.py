"""Several devices of this machine: a process each, talking over pipes."""

import math
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from threading import Lock
from typing import Any

import torch

from lucidsonic.errors import ConfigError, LucidsonicError
from lucidsonic.pipeline.crew import Done, Event, Failed, Lost, Ready
from lucidsonic.pipeline.frames import choose_device, choose_dtype
from lucidsonic.pipeline.hand import Assignment, Delivery, Hand
from lucidsonic.pipeline.production import paint_scale
from lucidsonic.pipeline.segments import Segment
from lucidsonic.plan import RenderPlan

THREADS = "OMP_NUM_THREADS"
STARTING = Lock()
PRECISION = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


@dataclass(frozen=True, slots=True)
class Member:
    """A process that paints.

    Attributes:
        process: it.
        pipe: to it.
        device: what it paints on.
    """

    process: BaseProcess
    pipe: Any
    device: str


class LocalCrew:
    """Processes of this machine, one for each device."""

    def __init__(self, devices: Sequence[str]) -> None:
        self.devices = tuple(devices)
        self._members: dict[str, Member] = {}
        self._serial = count(1)
        self._assignment: Assignment | None = None
        self._context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork

    @property
    def size(self) -> int:
        """How many workers there should be."""
        return len(self.devices)

    @property
    def elsewhere(self) -> bool:
        """Whether workers have another kind of device than this process."""
        return False

    @property
    def patience_s(self) -> float:
        """How long it may take until a worker is at work: one that dies is noticed at once."""
        return math.inf

    def adapt(self, plan: RenderPlan) -> RenderPlan:
        """The plan with precision and painted size settled by the first device."""
        return settled_for(plan, self.devices[0])

    def begin(self, assignment: Assignment) -> None:
        """Start the workers; each says `Ready`."""
        self._assignment = assignment
        for device in self.devices:
            self._start(device)

    def _start(self, device: str) -> None:
        here, there = self._context.Pipe()
        same = sum(other == "cpu" for other in self.devices)
        threads = max(1, (os.cpu_count() or 1) // max(same, 1))
        process = self._context.Process(
            target=serve,
            args=(there, self._assignment, device, threads),
            daemon=True,
        )
        with deaf(), few_threads(threads):
            process.start()
        there.close()
        self._members[f"worker {next(self._serial)} ({device})"] = Member(process, here, device)

    def order(self, worker: str, segment: Segment, batch: int) -> None:
        """Let a worker paint a segment in batches of `batch`."""
        try:
            self._members[worker].pipe.send((segment, batch))
        except (BrokenPipeError, ConnectionError):
            return  # its pipe says so at the next wait

    def wait(self, timeout_s: float) -> list[Event]:
        """What happened, as soon as something does."""
        pipes = {member.pipe: name for name, member in self._members.items()}
        if not pipes:
            time.sleep(timeout_s)
        return [self._hear(pipes[pipe]) for pipe in wait(list(pipes), timeout_s)]

    def _hear(self, worker: str) -> Event:
        member = self._members[worker]
        try:
            told = member.pipe.recv()
        except (EOFError, OSError):  # OSError too when it was killed amid a message
            member.pipe.close()
            member.process.join()
            del self._members[worker]
            return Lost(worker, f"exit code {member.process.exitcode}")
        return as_event(worker, told)

    def replace(self, worker: str) -> None:
        """Start another one for a worker that was lost, under a new name."""
        self._start(worker.rpartition("(")[2].rstrip(")"))

    def end(self) -> None:
        """End all workers at once."""
        for member in self._members.values():
            member.process.kill()
        for member in self._members.values():
            member.process.join()
            member.pipe.close()
        self._members.clear()


def as_event(worker: str, told: Any) -> Event:
    """What a worker sent, as an event."""
    match told:
        case int():
            return Ready(worker, told)
        case Delivery():
            return Done(worker, told)
        case (segment, words, hint, code):
            return Failed(worker, segment, trouble(words, hint, code))
    raise TypeError(told)


def trouble(words: str, hint: str, code: int) -> LucidsonicError:
    """An error of another process, with its exit code."""
    kind = type("WorkerError", (LucidsonicError,), {"exit_code": code})
    return kind(words, hint=hint)


def told_error(segment: Segment | None, error: LucidsonicError) -> tuple[Any, ...]:
    """An error as what `as_event` reads: not all kinds survive the way as they are."""
    return (segment, str(error), error.hint, error.exit_code)


def serve(pipe: Any, assignment: Assignment, device: str, threads: int) -> None:
    """A worker's life: open the production, then paint what is ordered until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    sending = Lock()

    def send(told: Any) -> None:
        with sending:
            pipe.send(told)

    try:
        hand = Hand(assignment, device=device)
    except LucidsonicError as error:
        send(told_error(None, error))
        return
    send(hand.batch)
    with ThreadPoolExecutor(1) as closing:
        while True:
            try:
                segment, batch = pipe.recv()
            except EOFError:
                return
            try:
                deliver = hand.paint(segment, batch)
            except LucidsonicError as error:
                send(told_error(segment, error))
                continue
            closing.submit(finish, segment, deliver, send).add_done_callback(fall_with)


def finish(segment: Segment, deliver: Any, send: Any) -> None:
    """Wait for the encoder's end and send what came of it."""
    try:
        send(deliver())
    except LucidsonicError as error:
        send(told_error(segment, error))


def fall_with(finished: "Future[None]") -> None:
    """End this process with a thread that failed: its driver would wait for it forever."""
    error = finished.exception()
    if error is not None:
        traceback.print_exception(error)
        os._exit(1)


@contextmanager
def few_threads(threads: int) -> Iterator[None]:
    """What is started in the block gives each of its libraries so many threads.

    They look once, when they are loaded; a person's own setting stays. One such block at a
    time: crews may begin in several threads, and the environment is of all of them.
    """
    with STARTING:
        own = THREADS in os.environ
        os.environ.setdefault(THREADS, str(threads))
        try:
            yield
        finally:
            if not own:
                os.environ.pop(THREADS, None)


@contextmanager
def deaf() -> Iterator[None]:
    """What is started in the block does not hear Ctrl-C: the driver decides when it is over.

    Until it ignores the signal itself, a new process would die of it, with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # its start would open the ears again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def settled_for(plan: RenderPlan, device: str) -> RenderPlan:
    """The plan with what "auto" means on a device said outright.

    All workers, and the keys of all segments, must mean the same by it.
    """
    dtype = choose_dtype(plan.model.precision, device)
    model = plan.model.model_copy(update={"precision": PRECISION[dtype]})
    film = plan.film.model_copy(update={"paint": paint_scale(plan.film, device)})
    return plan.model_copy(update={"model": model, "film": film})


def devices_of(text: str) -> tuple[str, ...]:
    """The devices that `--device cuda:0,cuda:1` names, if it names several; else none.

    Raises:
        ConfigError: one of them has no name, or is not here.
    """
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ConfigError(f"--device '{text}' has an empty name.")
    return tuple(choose_device(name) for name in names) if len(names) > 1 else ()
