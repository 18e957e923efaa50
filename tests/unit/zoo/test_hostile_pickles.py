import os
import pickle  # noqa: TID251
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import hostile
import numpy as np
import pytest
import torch
from hostile_numbers import hostile_files

from lucidsonic.errors import WeightsError
from lucidsonic.zoo import inspect_pickle, network_record, read_pickle_records

CANARY = Path(tempfile.gettempdir()) / f"lucidsonic-canary-{os.getpid()}"
CASES = hostile_files(CANARY)
FORBIDDEN = (
    "os.",
    "subprocess.",
    "pickle.",
    "exec",
    "compile",
    "import",
    "socket.",
    "ctypes.",
    "shutil.",
    "code.",
    "marshal.",
)
_watching: list[list[str]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    writes = (
        event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    )
    if writes or event.startswith(FORBIDDEN):
        _watching[-1].append(f"{event} {arguments!r:.200}")


sys.addaudithook(_hook)


@contextmanager
def watched() -> Iterator[list[str]]:
    """What the block does beyond arithmetic: programs, imports, code, writing, network."""
    seen: list[str] = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.pop()


def load(path: Path) -> None:
    network_record(read_pickle_records(path))


@pytest.fixture(autouse=True, scope="module")
def everything_is_imported() -> None:
    """So that an import in the block under watch is the file's doing."""
    torch.from_numpy(np.zeros(1)).as_strided((1,), (1,)).contiguous()


def test_there_are_at_least_a_hundred_hostile_files() -> None:
    assert len(CASES) > 100


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_is_refused_in_one_sentence_and_nothing_happens(
    case: str, tmp_path: Path
) -> None:
    file = tmp_path / "network.pkl"
    file.write_bytes(CASES[case])
    started = time.monotonic()
    with watched() as seen, pytest.raises(WeightsError) as caught:
        load(file)
    assert seen == []
    assert [path.name for path in tmp_path.iterdir()] == ["network.pkl"]
    assert not CANARY.exists()
    assert time.monotonic() - started < 20
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert sentence.isprintable()
    assert len(sentence) < 300


@pytest.mark.parametrize("case", CASES)
def test_inspecting_a_hostile_file_does_nothing_either(case: str, tmp_path: Path) -> None:
    file = tmp_path / "network.pkl"
    file.write_bytes(CASES[case])
    with watched() as seen, suppress(WeightsError):
        inspect_pickle(file)
    assert seen == []
    assert [path.name for path in tmp_path.iterdir()] == ["network.pkl"]


def test_the_watch_sees_what_the_hostile_files_would_do() -> None:
    with watched() as seen:
        pickle.loads(CASES["os.system"])
    assert CANARY.exists()
    CANARY.unlink()
    assert any(event.startswith("os.system") for event in seen)


def test_the_honest_file_that_the_bad_tensors_are_made_from_is_read(tmp_path: Path) -> None:
    file = tmp_path / "network.pkl"
    file.write_bytes(hostile.network(hostile.tensor()))
    record = network_record(read_pickle_records(file))
    assert record.tensors["w"].tolist() == [1, 2, 3, 4]


def test_a_refusal_names_what_the_file_wanted(tmp_path: Path) -> None:
    file = tmp_path / "network.pkl"
    file.write_bytes(CASES["eval"])
    with pytest.raises(WeightsError, match=r"'network.pkl' wants to use 'builtins.eval'"):
        load(file)


def test_a_megabyte_of_sizes_does_not_become_a_gigabyte_of_memory(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for case in ("a million empty sets", "memo bomb", "billion laughs", "bytes of 10**15"):
        file = tmp_path / "network.pkl"
        file.write_bytes(CASES[case])
        with pytest.raises(WeightsError):
            load(file)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 600_000
