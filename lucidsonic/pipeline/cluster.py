"""Workers on any number of machines, by Ray: pip install lucidsonic[cluster]."""

import importlib.util
import logging
import time
from itertools import count
from typing import Any

from lucidsonic.errors import ConfigError, LucidsonicError, MissingDependencyError
from lucidsonic.pipeline.crew import Event, Lost
from lucidsonic.pipeline.hand import Assignment, Hand
from lucidsonic.pipeline.processes import as_event, settled_for, told_error
from lucidsonic.pipeline.segments import Segment
from lucidsonic.plan import RenderPlan

PATIENCE_S = 600.0  # until a machine is up and has loaded its model


class Actor:
    """What lives in a Ray worker: a hand that is opened there, once."""

    def __init__(self, assignment: Assignment, device: str) -> None:
        self._error: tuple[Any, ...] | None = None
        try:
            self._hand = Hand(assignment, device=device)
        except LucidsonicError as error:
            self._error = told_error(None, error)

    def batch(self) -> Any:
        """Frames painted at once, or why it cannot begin."""
        return self._error or self._hand.batch

    def paint(self, segment: Segment, batch: int) -> Any:
        """A `Delivery`, or what went wrong. Two calls overlap: see `Hand.paint`."""
        try:
            return self._hand.paint(segment, batch)()
        except LucidsonicError as error:
            return told_error(segment, error)


class RayCrew:
    """Ray actors, each with the production opened once.

    Args:
        address: "local" starts Ray here; "auto" or an address joins a cluster.
        gpus_per_worker: 0 paints on CPUs.
        workers: how many; None takes what the cluster has.
    """

    def __init__(
        self, address: str, *, gpus_per_worker: float = 0.0, workers: int | None = None
    ) -> None:
        self._ray = import_ray()
        self._gpus = gpus_per_worker
        self._joined = not self._ray.is_initialized()
        if self._joined:
            join_cluster(self._ray, address)
        self._size = workers or self._room()
        self._serial = count(1)
        self._actors: dict[str, Any] = {}
        self._waiting: dict[Any, str] = {}  # reference -> worker

    @property
    def size(self) -> int:
        """How many workers there should be."""
        return self._size

    @property
    def _device(self) -> str:
        return "cuda" if self._gpus else "cpu"

    @property
    def elsewhere(self) -> bool:
        """Whether workers have another kind of device than this process."""
        return bool(self._gpus)

    @property
    def patience_s(self) -> float:
        """How long it may take until a worker is at work: the cluster may never have room."""
        return PATIENCE_S

    def _room(self) -> int:
        has = self._ray.cluster_resources()
        if not self._gpus:
            return max(1, int(has.get("CPU", 1)))
        found = int(has.get("GPU", 0) / self._gpus)
        if not found:
            raise ConfigError(
                f"This cluster has {has.get('GPU', 0):g} GPUs, and a worker should have"
                f" {self._gpus:g}.",
                hint="Leave --gpus-per-worker away to paint on CPUs.",
            )
        return found

    def adapt(self, plan: RenderPlan) -> RenderPlan:
        """The plan with precision and painted size as the workers' devices have them."""
        return settled_for(plan, self._device)

    def begin(self, assignment: Assignment) -> None:
        """Start the workers; each says `Ready`. What they must know is stored once."""
        self._told = self._ray.put(assignment)
        self._class = self._ray.remote(Actor)
        for _ in range(self._size):
            self._start()

    def _start(self) -> None:
        name = f"worker {next(self._serial)}"
        actor = self._class.options(
            num_cpus=1, num_gpus=self._gpus, max_concurrency=2, scheduling_strategy="SPREAD"
        ).remote(self._told, self._device)
        self._actors[name] = actor
        self._waiting[actor.batch.remote()] = name

    def order(self, worker: str, segment: Segment, batch: int) -> None:
        """Let a worker paint a segment in batches of `batch`."""
        self._waiting[self._actors[worker].paint.remote(segment, batch)] = worker

    def wait(self, timeout_s: float) -> list[Event]:
        """What happened, as soon as something does."""
        if not self._waiting:
            time.sleep(timeout_s)
            return []
        ready, _ = self._ray.wait(list(self._waiting), num_returns=1, timeout=timeout_s)
        events = [self._hear(reference) for reference in ready]
        return [event for event in events if event is not None]

    def _hear(self, reference: Any) -> Event | None:
        worker = self._waiting.pop(reference)
        try:
            told = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError:  # a fault in our own code, not of the cluster
            raise
        except self._ray.exceptions.RayError as error:
            return self._lose(worker, error)
        return as_event(worker, told)

    def _lose(self, worker: str, error: Exception) -> Event | None:
        actor = self._actors.pop(worker, None)
        if actor is None:  # it was said before: each of its orders fails
            return None
        self._waiting = {r: name for r, name in self._waiting.items() if name != worker}
        self._ray.kill(actor)
        return Lost(worker, type(error).__name__)

    def replace(self, worker: str) -> None:
        """Start another one; it stands by until the cluster has room for it."""
        self._start()

    def end(self) -> None:
        """End all workers at once, and leave the cluster if it was joined for this film."""
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._actors.clear()
        self._waiting.clear()
        if self._joined:
            self._ray.shutdown()


def import_ray() -> Any:
    """The ray package.

    Raises:
        MissingDependencyError: it is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingDependencyError(
            "--cluster needs Ray, which is not installed.",
            hint="pip install lucidsonic[cluster]",
        )
    import ray  # pyright: ignore[reportMissingImports]

    return ray


def join_cluster(ray: Any, address: str) -> None:
    """Start Ray here, or join a cluster.

    Raises:
        LucidsonicError: nobody answers there.
    """
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=False if address == "local" else None,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LucidsonicError(
            f"Cannot join the cluster '{address}': {words}",
            hint="Start one with 'ray start --head', or use --cluster local.",
        ) from error
