"""Segments -> workers, wherever they run: who paints what next, and what if one is lost."""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lucidsonic.errors import EncodingError, LucidsonicError
from lucidsonic.pipeline.hand import Assignment, Delivery
from lucidsonic.pipeline.segments import Segment
from lucidsonic.pipeline.stop import GO_ON, Stop
from lucidsonic.pipeline.store import SegmentCache
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import RenderPlan

OUTSTANDING = 2  # segments a worker: one it paints, one that waits
ATTEMPTS = 3  # at one segment
LOSSES = 3  # a worker that may be lost, before the whole is given up
POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has opened the production; it would paint `batch` frames at once."""

    worker: str
    batch: int


@dataclass(frozen=True, slots=True)
class Done:
    """A worker has finished a segment."""

    worker: str
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker could not paint a segment, or, without one, could not begin."""

    worker: str
    segment: Segment | None
    error: LucidsonicError


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker is gone."""

    worker: str
    why: str


Event = Ready | Done | Failed | Lost


class Crew(Protocol):
    """Workers: processes of this machine, or of many."""

    @property
    def size(self) -> int:
        """How many workers there should be."""
        ...

    @property
    def elsewhere(self) -> bool:
        """Whether workers have another kind of device than this process."""
        ...

    @property
    def patience_s(self) -> float:
        """How long it may take until a worker is at work."""
        ...

    def adapt(self, plan: RenderPlan) -> RenderPlan:
        """The plan with what depends on the machine settled for the workers' machines."""
        ...

    def begin(self, assignment: Assignment) -> None:
        """Start the workers; each says `Ready`."""
        ...

    def order(self, worker: str, segment: Segment, batch: int) -> None:
        """Let a worker paint a segment in batches of `batch`."""
        ...

    def wait(self, timeout_s: float) -> list[Event]:
        """What happened, as soon as something does."""
        ...

    def replace(self, worker: str) -> None:
        """Start another one for a worker that was lost, under a new name."""
        ...

    def end(self) -> None:
        """End all workers at once."""
        ...


class Rota:
    """Who paints which segment next.

    Workers get consecutive segments where they can: one that goes on where it was need not look
    back for the flash guard. Who has nothing left takes half of the longest run.
    """

    def __init__(self, missing: Sequence[Segment], workers: int) -> None:
        share = -(-len(missing) // max(workers, 1))
        self._spare = deque(
            deque(missing[at : at + share]) for at in range(0, len(missing), max(share, 1))
        )
        self._runs: dict[str, deque[Segment]] = {}

    def next(self, worker: str) -> Segment | None:
        """What this worker should paint next; None when all is given out."""
        run = self._runs.setdefault(worker, deque())
        if not run and self._spare:
            run.extend(self._spare.popleft())
        if not run:
            longest = max(self._runs.values(), key=len)
            taken = [longest.pop() for _ in range((len(longest) + 1) // 2)]
            run.extend(reversed(taken))
        return run.popleft() if run else None

    def give_back(self, segments: Sequence[Segment]) -> None:
        """These are to be painted by whoever is free first."""
        if segments:
            self._spare.appendleft(deque(segments))

    def release(self, worker: str) -> None:
        """This worker paints no more; others take what it had before it."""
        self.give_back(self._runs.pop(worker, deque()))


@dataclass(slots=True)
class Shift:
    """One film's work with a crew.

    Attributes:
        crew: who paints.
        cache: where segments go.
        teller: hears how far it is.
        stop: lets somebody end the work.
        agree: told the first worker's batch size, says which one all are to use.
    """

    crew: Crew
    cache: SegmentCache
    teller: Teller
    stop: Stop
    agree: Callable[[int], int] = lambda batch: batch
    at_work: dict[str, list[Segment]] = field(default_factory=dict[str, list[Segment]])
    attempts: Counter[str] = field(default_factory=Counter[str])
    losses: int = 0
    batch: int = 0
    frames: int = 0
    rates: "Rates" = field(default_factory=lambda: Rates())

    def work(
        self,
        assignment: Assignment,
        missing: Sequence[Segment],
        told: Callable[..., None],
    ) -> int:
        """Have all these segments painted and put into the cache; returns their frames.

        Args:
            assignment: what the workers are told.
            missing: in film order.
            told: told frames that are done, and facts about the workers.

        Raises:
            LucidsonicError: a segment failed three times, or workers keep dying.
            InterruptedRenderError: the person stopped it.
        """
        rota = Rota(missing, min(self.crew.size, len(missing)))
        left = {segment.key for segment in missing}
        total = sum(map(len, missing))
        self.batch = assignment.batch or 0
        quiet_since = time.monotonic()
        try:
            self.crew.begin(assignment)
            while left:
                for event in self.crew.wait(POLL_S):
                    self.heed(event, rota, left)
                    told(self.frames, 0, **self.rates.facts())
                if any(self.at_work.values()):
                    quiet_since = time.monotonic()
                elif time.monotonic() - quiet_since > self.crew.patience_s:
                    raise LucidsonicError(
                        "No worker is at work.", hint=f"Is the cluster up? {GO_ON}"
                    )
                self.hand_out(rota)
                if self.stop.asked and not any(self.at_work.values()):
                    self.stop.check(self.frames, total)
        finally:
            self.stop.patient = False
            self.crew.end()
        return self.frames

    def heed(self, event: Event, rota: Rota, left: set[str]) -> None:
        """React to what happened.

        Raises:
            LucidsonicError: it cannot go on.
        """
        match event:
            case Ready(worker, batch):
                self.batch = self.batch or self.agree(batch)
                self.at_work[worker] = []
                self.rates.start(worker)
            case Done(worker, delivery):
                self.take(worker, delivery, left, rota)
            case Failed(worker, segment, error):
                self.retry(worker, segment, error, rota)
            case Lost(worker, why):
                self.lose(worker, why, rota)

    def take(self, worker: str, delivery: Delivery, left: set[str], rota: Rota) -> None:
        """Check a finished segment and put it into the cache."""
        segment = delivery.segment
        for note in delivery.notes:
            self.teller.note(f"{worker}: {note}")
        try:
            self.cache.keep_bytes(segment, delivery.data)
        except EncodingError as error:
            self.retry(worker, segment, error, rota)
            return
        self.at_work[worker].remove(segment)
        if segment.key in left:
            left.remove(segment.key)
            self.frames += len(segment)
        self.rates.count(worker, len(segment))

    def retry(
        self, worker: str, segment: Segment | None, error: LucidsonicError, rota: Rota
    ) -> None:
        """Let another worker try, three times at most."""
        if segment is None:
            raise error
        self.at_work[worker].remove(segment)
        self.attempts[segment.key] += 1
        if self.attempts[segment.key] >= ATTEMPTS:
            raise error
        self.teller.note(f"{worker} failed at frames {segment.start} on: {error} Trying again.")
        rota.give_back([segment])

    def lose(self, worker: str, why: str, rota: Rota) -> None:
        """Give a lost worker's segments to others."""
        self.losses += 1
        had = self.at_work.pop(worker, [])
        rota.release(worker)
        rota.give_back(had)
        self.rates.forget(worker)
        if self.losses > LOSSES * self.crew.size:
            raise LucidsonicError(f"Workers keep dying, the last one so: {why}.", hint=GO_ON)
        self.teller.note(f"{worker} is lost ({why}); others take over its {len(had)} parts.")
        self.crew.replace(worker)

    def hand_out(self, rota: Rota) -> None:
        """Keep every worker busy, and none with more than it can hold."""
        self.stop.patient = any(self.at_work.values())
        if self.stop.asked:
            return
        for worker, has in self.at_work.items():
            while len(has) < OUTSTANDING:
                segment = rota.next(worker)
                if segment is None:
                    break
                self.crew.order(worker, segment, self.batch)
                has.append(segment)
        self.stop.patient = any(self.at_work.values())


class Rates:
    """Frames a second of each worker, since it was ready."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._frames: Counter[str] = Counter()

    def start(self, worker: str) -> None:
        """The clock starts."""
        self._began[worker] = time.perf_counter()

    def count(self, worker: str, frames: int) -> None:
        """It has painted so many."""
        self._frames[worker] += frames

    def forget(self, worker: str) -> None:
        """It is gone."""
        self._began.pop(worker, None)

    def facts(self) -> dict[str, float]:
        """`worker 1` -> frames a second, for each worker that is there."""
        now = time.perf_counter()
        return {
            worker: self._frames[worker] / max(now - began, 1e-6)
            for worker, began in self._began.items()
        }
