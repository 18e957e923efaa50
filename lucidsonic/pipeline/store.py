"""The finished segments on this disk: whole or not there, bounded, shared by many renders."""

import errno
import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import platformdirs

from lucidsonic.encoding.boxes import count_pictures
from lucidsonic.encoding.partial import is_alive
from lucidsonic.errors import EncodingError
from lucidsonic.pipeline.segments import Segment
from lucidsonic.zoo.digests import file_digest

CACHE_BYTES = 20_000_000_000  # what the cache may keep
VARIABLE = "LUCIDSONIC_CACHE"
STALE_S = 24 * 3600  # after which another machine's unfinished work is thought dead
HOST = re.sub(r"[^a-z0-9]", "", platform.node().lower())[:16] or "host"
_OWNER = re.compile(r"^[a-z]+-(?:[0-9a-f]{32}-)?(?P<host>[a-z0-9]+)-(?P<pid>\d+)-")
_SERIAL = count()


class SegmentCache:
    """The segments on this disk. Several processes may use one folder at a time."""

    def __init__(self, folder: Path | None = None, *, suffix: str = ".mp4") -> None:
        self.folder = folder or cache_folder() / "segments"
        self.suffix = suffix

    @property
    def held(self) -> Path:
        """Where running renders say which segments they need."""
        return self.folder / "held"

    def find(self, segment: Segment) -> Path | None:
        """The segment's file, if it is there and whole; a broken one is thrown away."""
        for path in sorted(self.folder.glob(f"{segment.key}-*{self.suffix}")):
            try:
                if checksum(path) == path.stem.rpartition("-")[2]:
                    with suppress(PermissionError):  # a folder that several people share
                        os.utime(path)
                    return path
            except FileNotFoundError:  # another process threw it away meanwhile
                continue
            path.unlink(missing_ok=True)
        return None

    def path(self, segment: Segment) -> Path:
        """The file of a segment that was found or painted before.

        Raises:
            EncodingError: somebody has thrown it away meanwhile.
        """
        for path in self.folder.glob(f"{segment.key}-*{self.suffix}"):
            return path
        raise EncodingError(
            "A finished part of the film has vanished from the cache.",
            hint=f"Run the same command again; do not tidy {self.folder} during a render.",
        )

    def working_name(self, segment: Segment | None = None) -> Path:
        """A name of this process alone, to write a segment under until it is whole.

        Without a segment it is a name for something that is needed during the render only.

        Raises:
            EncodingError: the folder cannot be made.
        """
        key = "" if segment is None else f"{segment.key}-"
        name = f"new-{key}{HOST}-{os.getpid()}-{next(_SERIAL)}{self.suffix}"
        with told_errors("Making the cache's folder"):
            self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / name

    def keep(self, segment: Segment, written: Path) -> Path:
        """Give a finished file its name in the cache.

        Raises:
            EncodingError: it has not all its pictures, or the disk fails.
        """
        try:
            found = count_pictures(written)
            if found != len(segment):
                raise EncodingError(
                    f"A part of the film has {found} pictures instead of {len(segment)}."
                )
            with told_errors("Keeping a finished part"):
                path = self.folder / f"{segment.key}-{checksum(written)}{self.suffix}"
                return written.replace(path)
        finally:
            written.unlink(missing_ok=True)

    def keep_bytes(self, segment: Segment, data: bytes) -> Path:
        """Take in a segment that another process has painted.

        Raises:
            EncodingError: as `keep`.
        """
        written = self.working_name(segment)
        try:
            with told_errors("Keeping a finished part"):
                written.write_bytes(data)
            return self.keep(segment, written)
        finally:
            written.unlink(missing_ok=True)

    @contextmanager
    def holding(self, segments: Iterable[Segment]) -> Iterator[None]:
        """While the block runs, no render's tidying takes these segments away."""
        name = self.held / f"held-{HOST}-{os.getpid()}-{next(_SERIAL)}.txt"
        with told_errors("Writing to the cache"):
            self.held.mkdir(parents=True, exist_ok=True)
            name.write_text("\n".join(segment.key for segment in segments))
        self.sweep()
        try:
            yield
        finally:
            name.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what renders that no longer live left unfinished."""
        for path in [*self.folder.glob("new-*"), *self.held.glob("held-*")]:
            if not owner_lives(path):
                path.unlink(missing_ok=True)

    def held_keys(self) -> set[str]:
        """Keys of the segments that running renders need."""
        keys: set[str] = set()
        for path in self.held.glob("held-*"):
            if owner_lives(path):
                keys.update(read_lines(path))
        return keys

    def entries(self) -> Iterator[tuple[Path, int, float]]:
        """Path, bytes and time of last use of each segment."""
        for path in self.folder.glob("*.*"):
            try:
                facts = path.stat()
            except FileNotFoundError:  # another render tidied up
                continue
            yield path, facts.st_size, facts.st_mtime

    def prune(self, *, limit: int = CACHE_BYTES) -> int:
        """Throw away the longest unused segments beyond `limit` bytes; returns bytes freed.

        What a running render needs, or is writing, stays.
        """
        self.sweep()
        needed = self.held_keys()
        total = freed = 0
        for path, size, _ in sorted(self.entries(), key=lambda entry: -entry[2]):
            total += size
            busy = path.name.startswith("new-") or path.stem.partition("-")[0] in needed
            if total > limit and not busy:
                path.unlink(missing_ok=True)
                freed += size
        return freed

    def clear(self) -> int:
        """Throw everything away but what running renders need; returns bytes freed."""
        return self.prune(limit=0)


def cache_folder() -> Path:
    """Where things lie that can be made again: `$LUCIDSONIC_CACHE` or the user's cache."""
    named = os.environ.get(VARIABLE)
    return Path(named or platformdirs.user_cache_dir("lucidsonic", appauthor=False))


def checksum(path: Path) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256."""
    return file_digest(path)[:16]


def owner_lives(path: Path) -> bool:
    """Whether the process that a working file is named after is still there.

    Processes of another machine cannot be asked: they are believed for a day.
    """
    owner = _OWNER.match(path.name)
    if owner is not None and owner["host"] == HOST:
        return is_alive(int(owner["pid"]))
    try:
        return time.time() - path.stat().st_mtime < STALE_S
    except FileNotFoundError:
        return False


def read_lines(path: Path) -> list[str]:
    """The lines of a file; none when it has just gone."""
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


@contextmanager
def told_errors(doing: str) -> Iterator[None]:
    """A disk that fails, as one sentence.

    Raises:
        EncodingError: it did.
    """
    try:
        yield
    except OSError as error:
        raise EncodingError(f"{doing} failed: {error.strerror}.", hint=ROOM) from error


@contextmanager
def told_room() -> Iterator[None]:
    """An encoder's complaint about a full disk says what to do about it.

    Raises:
        EncodingError: it complained, of whatever.
    """
    try:
        yield
    except EncodingError as error:
        if error.hint or FULL not in str(error):
            raise
        raise EncodingError(str(error), hint=ROOM) from error


FULL = os.strerror(errno.ENOSPC)
ROOM = "What is finished is kept. Make room, then run the same command again."


def remembered(name: str, find: Callable[[], int]) -> int:
    """A number that is found once, and is the same for every render of one name from then on.

    Args:
        name: letters and digits.
        find: asked when nobody has found it before.

    Raises:
        EncodingError: the cache's folder cannot be written.
    """
    path = cache_folder() / "batches" / f"{name}.txt"
    known = read_number(path)
    if known is not None:
        return known
    number = find()
    with told_errors("Writing to the cache"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x") as file:
                file.write(str(number))
        except FileExistsError:
            known = read_number(path)
            if known is not None:  # another render was first: its number counts
                return known
            path.write_text(str(number))  # a crash left it empty
    return number


def read_number(path: Path) -> int | None:
    """The number above 0 in a file; None without one."""
    lines = read_lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() and int(lines[0]) else None
