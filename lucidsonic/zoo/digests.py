"""A file -> the SHA-256 of its bytes; of large ones remembered until the file changes."""

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

import platformdirs

__all__ = ["file_digest", "remembered_digest"]

LARGE = 16 << 20  # bytes; smaller files are read again sooner than a note is found
SETTLED_S = 2.0  # the coarsest clock of a file system: two changes within it may look like one


def file_digest(path: Path) -> str:
    """SHA-256 of a file, from its bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remembered_digest(path: Path) -> str:
    """SHA-256 of a file, from an earlier reading if the file is the same since.

    Same means: the place, the file's number on the disk, its size, and the times of the last
    change of bytes and of anything else. The latter no program can set back, so bytes that were
    swapped under the old date are noticed too. What decays on the disk is not: that is what
    `models verify` reads every byte for.
    """
    before = path.stat()
    if before.st_size < LARGE:
        return file_digest(path)
    note, seal = _note_path(path), _seal(before)
    known = _read(note, seal)
    if known:
        return known
    digest = file_digest(path)
    if _seal(path.stat()) == seal and _is_settled(before):
        _write(note, f"{seal} {digest}")
    return digest


def _note_path(path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    cache = Path(platformdirs.user_cache_dir("lucidsonic", appauthor=False))
    return cache / "digests" / name


def _seal(stat: os.stat_result) -> str:
    times = f"{stat.st_mtime_ns}:{stat.st_ctime_ns}"
    return f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{times}"


def _is_settled(stat: os.stat_result) -> bool:
    return time.time() - max(stat.st_mtime, stat.st_ctime) > SETTLED_S


def _read(note: Path, seal: str) -> str:
    try:
        told, _, digest = note.read_text(encoding="utf-8").partition(" ")
    except (OSError, UnicodeDecodeError):
        return ""
    return digest if told == seal and len(digest) == 64 else ""


def _write(note: Path, text: str) -> None:
    partial = note.with_name(f"{note.name}.{os.getpid()}.partial")
    # On a full or read-only disk the file is read again next time.
    with suppress(OSError):
        try:
            note.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8")
            partial.replace(note)
        finally:
            partial.unlink(missing_ok=True)
