"""Who paints which segment, and what if workers fail, with workers in this process."""

import os
import random
import struct
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from multiprocessing import Pipe, Process
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lucidsonic.encoding import write_segment
from lucidsonic.errors import (
    ConfigError,
    EncodingError,
    InterruptedRenderError,
    LucidsonicError,
)
from lucidsonic.pipeline.crew import (
    OUTSTANDING,
    Done,
    Event,
    Failed,
    Lost,
    Ready,
    Rota,
    Shift,
)
from lucidsonic.pipeline.hand import Assignment, Delivery
from lucidsonic.pipeline.processes import (
    THREADS,
    LocalCrew,
    Member,
    devices_of,
    fall_with,
    few_threads,
)
from lucidsonic.pipeline.segments import Segment
from lucidsonic.pipeline.stop import Stop
from lucidsonic.pipeline.store import SegmentCache
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import RenderPlan
from lucidsonic.types import ignore_progress

SEGMENTS = [Segment(at * 4, at * 4 + 4, f"{at:032x}") for at in range(12)]
ASSIGNMENT = Assignment(None, None, None, "m", None, "c")  # pyright: ignore[reportArgumentType]


class PaperCrew:
    """Workers that hand in a film made beforehand; some die or fail when they are told to."""

    elsewhere = False
    patience_s = 60.0

    def __init__(self, film: bytes, *, size: int = 3, seed: int = 0) -> None:
        self.film, self.size, self.chance = film, size, random.Random(seed)
        self.events: deque[Event] = deque()
        self.orders: list[tuple[str, Segment]] = []
        self.open: dict[str, list[Segment]] = {}
        self.most_open = 0
        self.dying: dict[str, int] = {}  # worker -> orders it survives
        self.failing: dict[str, int] = {}  # segment key -> times it fails
        self.batches: set[int] = set()
        self.ended = False

    def adapt(self, plan: RenderPlan) -> RenderPlan:
        return plan

    def begin(self, assignment: Assignment) -> None:
        for number in range(self.size):
            self.join(f"worker {number}")

    def join(self, worker: str) -> None:
        self.open[worker] = []
        self.events.append(Ready(worker, 4 + len(self.open)))

    def order(self, worker: str, segment: Segment, batch: int) -> None:
        self.orders.append((worker, segment))
        self.batches.add(batch)
        self.open[worker].append(segment)
        self.most_open = max(self.most_open, len(self.open[worker]))

    def wait(self, timeout_s: float) -> list[Event]:
        if self.events:
            return [self.events.popleft()]
        busy = [worker for worker, has in self.open.items() if has]
        if not busy:
            return []
        worker = self.chance.choice(busy)
        left = self.dying.get(worker, 99)
        if left == 0:
            del self.open[worker]
            return [Lost(worker, "power cut")]
        self.dying[worker] = left - 1
        segment = self.open[worker].pop(0)
        if self.failing.get(segment.key, 0):
            self.failing[segment.key] -= 1
            return [Failed(worker, segment, EncodingError("The disk is full."))]
        return [Done(worker, Delivery(segment, self.film, ()))]

    def replace(self, worker: str) -> None:
        self.join(f"{worker}'")

    def end(self) -> None:
        self.ended = True


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "four.mp4"
    pictures = [np.zeros((4, 16, 32, 3), np.uint8)]
    return write_segment(path, pictures, size=(16, 32), fps=Fraction(5)).read_bytes()


@pytest.fixture
def store(tmp_path: Path) -> SegmentCache:
    return SegmentCache(tmp_path / "store")


def shift(crew: PaperCrew, store: SegmentCache, stop: Stop | None = None) -> Shift:
    return Shift(crew, store, Teller(ignore_progress), stop or Stop())


def ignore(*_told: object, **_facts: float) -> None:
    pass


def found(store: SegmentCache) -> list[Segment]:
    return [segment for segment in SEGMENTS if store.find(segment)]


@given(
    count=st.integers(1, 40), workers=st.integers(1, 6), turns=st.randoms(use_true_random=False)
)
def test_every_segment_is_given_out_exactly_once(count: int, workers: int, turns):
    segments = [Segment(at, at + 1, str(at)) for at in range(count)]
    rota = Rota(segments, workers)

    given_out = []
    idle = set(range(workers))
    while idle:
        worker = turns.choice(sorted(idle))
        segment = rota.next(f"w{worker}")
        if segment is None:
            idle.discard(worker)
        else:
            given_out.append(segment)

    assert sorted(given_out, key=lambda s: s.start) == segments


def test_a_worker_goes_on_where_it_was():
    rota = Rota(SEGMENTS, 3)

    for _ in range(4):
        for worker in "abc":
            rota.next(worker)
    again = Rota(SEGMENTS, 3)
    mine = [again.next("a") for _ in range(4)]

    assert mine == SEGMENTS[:4]


def test_all_segments_arrive_and_no_worker_holds_more_than_it_can(
    film: bytes, store: SegmentCache
):
    crew = PaperCrew(film)

    frames = shift(crew, store).work(ASSIGNMENT, SEGMENTS, ignore)

    assert frames == 48
    assert found(store) == SEGMENTS
    assert crew.most_open == OUTSTANDING
    assert crew.ended
    assert len(crew.batches) == 1  # the first worker's, for all


@pytest.mark.parametrize("seed", range(6))
def test_a_lost_worker_loses_nothing(film: bytes, store: SegmentCache, seed: int):
    crew = PaperCrew(film, seed=seed)
    crew.dying = {"worker 0": 1, "worker 2": 0}
    work = shift(crew, store)

    work.work(ASSIGNMENT, SEGMENTS, ignore)

    assert found(store) == SEGMENTS
    assert sum("is lost (power cut)" in note for note in work.teller.notes) >= 1


def test_workers_that_keep_dying_end_the_work_in_one_sentence(film: bytes, store: SegmentCache):
    class Cursed(PaperCrew):
        def join(self, worker: str) -> None:
            super().join(worker)
            self.dying[worker] = 0

    crew = Cursed(film)

    with pytest.raises(LucidsonicError, match=r"keep dying.*power cut"):
        shift(crew, store).work(ASSIGNMENT, SEGMENTS, ignore)
    assert crew.ended


def test_workers_that_cannot_be_started_leave_none_behind(film: bytes, store: SegmentCache):
    class Halting(PaperCrew):
        def begin(self, assignment: Assignment) -> None:
            self.join("worker 0")
            raise LucidsonicError("No more processes.")

    crew = Halting(film)

    with pytest.raises(LucidsonicError, match="No more processes"):
        shift(crew, store).work(ASSIGNMENT, SEGMENTS, ignore)
    assert crew.ended


def test_a_crew_that_nobody_joins_is_given_up(film: bytes, store: SegmentCache):
    crew = PaperCrew(film, size=0)
    crew.patience_s = 0.0

    with pytest.raises(LucidsonicError, match="No worker is at work"):
        shift(crew, store).work(ASSIGNMENT, SEGMENTS, ignore)
    assert crew.ended


def test_a_thread_that_fails_ends_its_worker_for_the_driver_to_see(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    codes: list[int] = []
    monkeypatch.setattr("os._exit", codes.append)
    failed, fine = Future[None](), Future[None]()
    failed.set_exception(KeyError("a fault of ours"))
    fine.set_result(None)

    fall_with(fine)
    fall_with(failed)

    assert codes == [1]
    assert "a fault of ours" in capsys.readouterr().err


@pytest.mark.parametrize("sent", [b"", b"\0", struct.pack("!i", 4000) + b"a third of a film"])
def test_a_worker_that_is_killed_amid_a_message_is_lost(sent: bytes):
    here, there = Pipe()
    os.write(there.fileno(), sent)
    there.close()
    killed = Process()
    killed.join = lambda timeout=None: None
    crew = LocalCrew(["cpu"])
    crew._members["worker 1 (cpu)"] = Member(killed, here, "cpu")

    assert crew.wait(1.0) == [Lost("worker 1 (cpu)", "exit code None")]
    crew.end()


@pytest.mark.parametrize("devices", ["cpu,cuda:99", "cpu,gpu", "cuda:99,cpu", "auto,cpu:1"])
def test_every_device_of_several_is_looked_at(devices: str):
    with pytest.raises(ConfigError, match=r"'(cuda:99|gpu|cpu:1)'"):
        devices_of(devices)


def test_what_auto_means_is_settled_before_workers_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)

    assert devices_of("auto, cpu") == ("cpu", "cpu")
    assert devices_of("cpu") == ()


def test_a_segment_that_fails_twice_is_tried_again(film: bytes, store: SegmentCache):
    crew = PaperCrew(film)
    crew.failing = {SEGMENTS[5].key: 2}

    shift(crew, store).work(ASSIGNMENT, SEGMENTS, ignore)

    assert found(store) == SEGMENTS


def test_a_segment_that_fails_three_times_is_the_error(film: bytes, store: SegmentCache):
    crew = PaperCrew(film)
    crew.failing = {SEGMENTS[5].key: 3}

    with pytest.raises(EncodingError, match="disk is full"):
        shift(crew, store).work(ASSIGNMENT, SEGMENTS, ignore)


def test_a_damaged_delivery_is_never_kept(film: bytes, store: SegmentCache):
    crew = PaperCrew(film.replace(b"stsz", b"stsq"))

    with pytest.raises(EncodingError, match="damaged"):
        shift(crew, store).work(ASSIGNMENT, SEGMENTS, ignore)
    assert found(store) == []


def test_a_first_ctrl_c_waits_for_what_is_in_flight(film: bytes, store: SegmentCache):
    stop, crew = Stop(), PaperCrew(film)
    told: list[int] = []

    def progress(frames: int, *_rest: object, **_facts: float) -> None:
        told.append(frames)
        if frames == 8:
            stop.ask()

    with pytest.raises(InterruptedRenderError, match="of 48 frames are finished"):
        shift(crew, store, stop).work(ASSIGNMENT, SEGMENTS, progress)

    assert len(found(store)) == len(crew.orders) < len(SEGMENTS)


def threads_seen(threads: int) -> str:
    with few_threads(threads):
        time.sleep(0.02)  # as long as a start takes
        return os.environ[THREADS]


def test_workers_that_start_at_once_each_get_their_own_share(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(THREADS, raising=False)

    with ThreadPoolExecutor(6) as pool:
        seen = list(pool.map(threads_seen, range(1, 7)))

    assert seen == ["1", "2", "3", "4", "5", "6"]
    assert THREADS not in os.environ


def test_a_persons_own_number_of_threads_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(THREADS, "3")

    assert threads_seen(1) == "3"
    assert os.environ[THREADS] == "3"
