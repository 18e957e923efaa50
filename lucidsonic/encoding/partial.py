"""A file that appears whole or not at all."""

import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from itertools import count
from pathlib import Path

from lucidsonic.errors import ConfigError, EncodingError

LONGEST = 200  # bytes of a name; a partial file's name adds some, and 255 is the usual limit
_SERIAL = count()  # two films of one name in one process
_HOST = re.sub(r"[^a-z0-9]", "", platform.node().lower())[:16] or "host"
_STALE = re.compile(rf"\.{_HOST}-(\d+)-\d+\.partial$")


class PartialFile:
    """A name to write under until the work is done, beside the final one.

    The name holds the machine and the process id, so that two renders of one film do not
    write into each other, and what a killed process left can be told from what a living one
    is writing.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        self.path = path
        self.overwrite = overwrite
        name = f"{path.stem}.{_HOST}-{os.getpid()}-{next(_SERIAL)}.partial{path.suffix}"
        self.partial = path.with_name(name)

    def open(self) -> Path:
        """Make the partial file and return its path.

        Raises:
            ConfigError: the file is there and may not be replaced.
            EncodingError: it cannot be written here.
        """
        check_free(self.path, overwrite=self.overwrite)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.partial.touch()
        except OSError as error:
            raise EncodingError(f"Cannot write {self.path}: {error.strerror}.") from error
        remove_stale(self.path)
        return self.partial

    def publish(self) -> None:
        """Give the finished file its name.

        Raises:
            EncodingError: somebody else took the name meanwhile; the work is kept beside it.
        """
        try:
            if self.overwrite or not self._claim():
                self.partial.replace(self.path)
        except FileExistsError as error:
            kept = self.path.with_name(self.partial.name.replace(".partial", ""))
            self.partial.replace(kept)
            raise EncodingError(
                f"{self.path} appeared while it was being written; the new one is {kept}."
            ) from error
        except OSError as error:
            raise EncodingError(f"Cannot write {self.path}: {error.strerror}.") from error

    def _claim(self) -> bool:
        """Take the name by a link, which unlike a rename never replaces a file.

        False where the file system knows no links and nobody has the name.
        """
        try:
            self.path.hardlink_to(self.partial)
        except FileExistsError:
            raise
        except OSError:
            if self.path.exists():
                raise FileExistsError from None
            return False
        return True

    def discard(self) -> None:
        """Remove the partial file, if it is there."""
        self.partial.unlink(missing_ok=True)


@contextmanager
def work_folder(film: Path) -> Iterator[Path]:
    """A folder beside a film for what it is made of; it goes when the block ends.

    What killed processes left of such folders goes as well.

    Raises:
        EncodingError: it cannot be made.
    """
    folder = film.parent / f".lucidsonic-{_HOST}-{os.getpid()}-{next(_SERIAL)}"
    for old in film.parent.glob(f".lucidsonic-{_HOST}-*-*"):
        owner = old.name.split("-")[-2]
        if owner.isdigit() and not is_alive(int(owner)):
            shutil.rmtree(old, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise EncodingError(f"Cannot write {film}: {error.strerror}.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def whole_file(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """A name to write under; what lies there when the block ends is given the file's name.

    Raises:
        ConfigError: the file is there and may not be replaced.
        EncodingError: somebody took the name meanwhile, or the disk fails.
    """
    file = PartialFile(path, overwrite=overwrite)
    partial = file.open()
    try:
        yield partial
        file.publish()
    except OSError as error:
        raise EncodingError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        file.discard()


def publish(made: Path, path: Path, *, overwrite: bool) -> Path:
    """Give a finished file, which lies on the same disk, its name; returns `path`.

    Raises:
        ConfigError: the name is taken and may not be.
        EncodingError: somebody took it meanwhile, or the disk fails.
    """
    with whole_file(path, overwrite=overwrite) as partial:
        made.replace(partial)
    return path


def check_free(path: Path, *, overwrite: bool) -> None:
    """Complain if a file may not be written under this name.

    Raises:
        ConfigError: the file is there and may not be replaced, or its name is too long.
        EncodingError: it is a folder, or nothing may be written where it would lie.
    """
    if len(os.fsencode(path.name)) > LONGEST:
        raise ConfigError(
            f"The name '{path.name[:40]}...' is too long.", hint=f"{LONGEST} bytes at most."
        )
    if path.is_dir():
        raise EncodingError(f"Cannot write {path}: it is a folder.")
    if path.exists() and not overwrite:
        raise ConfigError(f"{path} is there already.", hint="Use --overwrite, or another -o.")
    above = next(parent for parent in path.absolute().parents if parent.exists())
    if not above.is_dir():
        raise EncodingError(f"Cannot write {path}: {above} is no folder.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise EncodingError(f"Cannot write {path}: nothing may be written in {above}.")


def remove_stale(path: Path) -> None:
    """Remove what processes that no longer live left of this file."""
    for old in path.parent.glob(f"{escape(path.stem)}.*.partial{path.suffix}"):
        match = _STALE.search(old.stem)
        if match and not is_alive(int(match[1])):
            old.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number; where one cannot ask, there is."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
