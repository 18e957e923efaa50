"""Workers that paint instead of the driver: processes of this machine, and a Ray cluster."""

import logging
import time
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from lucidsonic.errors import MissingDependencyError
from lucidsonic.pipeline import make_film, settle
from lucidsonic.types import Progress
from tests.cli.conftest import REPO, Run
from tests.cli.test_long_jobs import pictures_of

SONG = REPO / "samples" / "lanterns.ogg"
SMALL = {"size": "96x64", "fps": 5, "batch_size": 8, "seed": 3}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody finds the finished segments of another."""
    monkeypatch.setenv("LUCIDSONIC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(REPO))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The film's pictures as one process paints them."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("alone")
        patch.setenv("LUCIDSONIC_CACHE", str(folder / "cache"))
        make_film(settle(SONG, **SMALL).plan, folder / "f.mp4")
    return pictures_of(folder / "f.mp4")


def test_a_process_for_each_device_paints_the_same_film(tmp_path: Path, alone: np.ndarray):
    told: list[Progress] = []
    plan = settle(SONG, **SMALL, device="cpu,cpu").plan

    report = make_film(plan, tmp_path / "f.mp4", on_progress=told.append)

    assert report.painted_frames == 191
    assert np.array_equal(pictures_of(tmp_path / "f.mp4"), alone)
    workers = {name for p in told for name in p.facts if name.startswith("worker ")}
    assert workers == {"worker 1 (cpu)", "worker 2 (cpu)"}


def test_a_process_that_is_killed_is_replaced_and_the_film_is_the_same(
    tmp_path: Path, alone: np.ndarray
):
    killed: list[int] = []

    def kill_one(progress: Progress) -> None:
        if progress.stage == "paint" and progress.done and not killed:
            victim = active_children()[0]
            victim.kill()
            killed.append(1)

    report = make_film(
        settle(SONG, **SMALL, device="cpu,cpu").plan, tmp_path / "f.mp4", on_progress=kill_one
    )

    assert killed
    assert any("is lost (exit code -9)" in note for note in report.notes)
    assert np.array_equal(pictures_of(tmp_path / "f.mp4"), alone)


def test_a_worker_that_cannot_begin_is_the_error_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The driver's code differs from what the workers find on their disk."""
    monkeypatch.setattr("lucidsonic.pipeline.press.code_version", lambda: "older")

    with pytest.raises(Exception, match="another version of lucidsonic") as caught:
        make_film(settle(SONG, **SMALL, device="cpu,cpu").plan, tmp_path / "f.mp4")

    assert getattr(caught.value, "exit_code", None) == 2
    assert not (tmp_path / "f.mp4").exists()


def test_without_ray_a_cluster_is_one_sentence_and_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
):
    from lucidsonic.pipeline.cluster import RayCrew

    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    with pytest.raises(MissingDependencyError, match="Ray") as caught:
        RayCrew("local")

    assert caught.value.hint == "pip install lucidsonic[cluster]"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--workers", "2"), "--cluster"),
        (("--gpus-per-worker", "1"), "--cluster"),
        (("--device", "cpu,,cpu"), "empty name"),
    ],
)
def test_flags_that_do_not_fit_are_one_sentence(
    words: tuple[str, ...], said: str, run: Run, tmp_path: Path
):
    done = run("render", SONG, "-o", tmp_path / "f.mp4", "--size", "96x64", *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


# Ray


@pytest.fixture
def cluster():
    """A real cluster: two nodes with a processor each, beside a head that does no work."""
    pytest.importorskip("ray")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ray  # pyright: ignore[reportMissingImports]
        from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

        nodes = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "object_store_memory": 80_000_000,
                "include_dashboard": False,
            },
        )
        for _ in range(2):
            nodes.add_node(num_cpus=1, object_store_memory=80_000_000)
        ray.init(address=nodes.address, log_to_driver=False, logging_level=logging.ERROR)
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_node_of_a_ray_cluster_dies_and_the_film_is_complete_and_the_same(
    tmp_path: Path, alone: np.ndarray, cluster
):
    from lucidsonic.pipeline.cluster import RayCrew

    victim = next(iter(cluster.worker_nodes))
    killed: list[float] = []

    def kill_a_node(progress: Progress) -> None:
        if killed or progress.stage != "paint" or not progress.done:
            return
        busy = [name for name in progress.facts if name.startswith("worker ")]
        if len(busy) < 2:  # the first one gets no more orders until the other has begun
            time.sleep(2.0)
            return
        killed.append(time.monotonic())
        cluster.remove_node(victim, allow_graceful=False)

    plain = settle(SONG, **{**SMALL, "fps": 20}).plan
    crew = RayCrew("auto", workers=2)
    report = make_film(plain, tmp_path / "f.mp4", on_progress=kill_a_node, crew=crew)
    assert killed
    assert report.painted_frames == report.frames == 761
    assert any("is lost" in note for note in report.notes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUCIDSONIC_CACHE", str(tmp_path / "other"))
        make_film(plain, tmp_path / "alone.mp4")
    assert np.array_equal(pictures_of(tmp_path / "f.mp4"), pictures_of(tmp_path / "alone.mp4"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_local_ray_paints_the_same_film_from_the_command_line(
    tmp_path: Path, alone: np.ndarray, run: Run
):
    pytest.importorskip("ray")
    words = ("--size", "96x64", "--fps", "5", "--batch-size", "8", "--seed", "3")

    done = run(
        *("render", SONG, "-o", tmp_path / "f.mp4", *words),
        *("--cluster", "local", "--workers", "2"),
        LUCIDSONIC_CACHE=str(tmp_path / "cache"),
    )

    assert done.returncode == 0, done.stderr
    assert "worker 2" in done.stderr
    assert np.array_equal(pictures_of(tmp_path / "f.mp4"), alone)
