import hashlib
import os
import sys
import time
from pathlib import Path

import platformdirs
import pytest

from lucidsonic.zoo import digests
from lucidsonic.zoo.digests import remembered_digest

TICK_S = 0.05  # longer than the clock that stamps files


@pytest.fixture
def readings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read through, in order; every size and age is remembered."""
    done: list[Path] = []
    read_through = digests.file_digest

    def counted(path: Path) -> str:
        done.append(path)
        return read_through(path)

    monkeypatch.setattr(digests, "file_digest", counted)
    monkeypatch.setattr(digests, "LARGE", 0)
    monkeypatch.setattr(digests, "SETTLED_S", -1.0)
    monkeypatch.setattr(
        platformdirs, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache")
    )
    return done


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def test_a_file_that_did_not_change_is_read_once(tmp_path: Path, readings: list[Path]) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(b"weights")
    assert [remembered_digest(path) for _ in "123"] == [sha256(b"weights")] * 3
    assert readings == [path]


def test_other_bytes_of_the_same_length_under_the_old_date_are_noticed(
    tmp_path: Path, readings: list[Path]
) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(b"weights")
    date = path.stat()
    remembered_digest(path)
    time.sleep(TICK_S)
    path.write_bytes(b"strange")
    os.utime(path, ns=(date.st_atime_ns, date.st_mtime_ns))
    assert remembered_digest(path) == sha256(b"strange")
    assert len(readings) == 2


def test_another_file_moved_to_the_same_place_is_noticed(
    tmp_path: Path, readings: list[Path]
) -> None:
    path, other = tmp_path / "network.pkl", tmp_path / "other.pkl"
    path.write_bytes(b"weights")
    other.write_bytes(b"strange")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    remembered_digest(path)
    other.replace(path)
    assert remembered_digest(path) == sha256(b"strange")
    assert len(readings) == 2


def test_a_file_changed_this_moment_is_not_remembered(
    tmp_path: Path, readings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLED_S", 60.0)
    path = tmp_path / "network.pkl"
    path.write_bytes(b"weights")
    remembered_digest(path)
    remembered_digest(path)
    assert len(readings) == 2


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"1:2:3:4:5 " + b"0" * 64, b"nonsense"])
def test_a_damaged_note_costs_another_reading_and_no_more(
    tmp_path: Path, readings: list[Path], damage: bytes
) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(b"weights")
    remembered_digest(path)
    (note,) = (tmp_path / "cache" / "digests").iterdir()
    note.write_bytes(damage)
    assert remembered_digest(path) == sha256(b"weights")
    assert len(readings) == 2


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, readings: list[Path]
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    path = tmp_path / "network.pkl"
    path.write_bytes(b"weights")
    assert remembered_digest(path) == sha256(b"weights")
    assert len(readings) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names are texts there, not bytes")
def test_a_name_in_another_encoding_than_the_systems_is_remembered_too(
    tmp_path: Path, readings: list[Path]
) -> None:
    path = tmp_path / os.fsdecode(b"mod\xe8le.pkl")
    path.write_bytes(b"weights")
    assert [remembered_digest(path) for _ in "12"] == [sha256(b"weights")] * 2
    assert readings == [path]
