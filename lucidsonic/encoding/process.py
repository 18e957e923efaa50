"""One ffmpeg process: bytes in through a bounded queue, its last words out."""

import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import IO

import numpy as np
import numpy.typing as npt

try:
    import fcntl
except ImportError:  # not a Unix
    fcntl = None

from lucidsonic.errors import EncodingError
from lucidsonic.ffmpeg import find_ffmpeg

QUIET = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-y")
QUEUE_BATCHES = 2  # one being written, one waiting; more only costs memory
PIPE_BYTES = 1 << 20  # Linux's default of 64 KiB makes a frame of 1080p 50 system calls
POLL_S = 0.2  # how often a waiting side looks whether the other one is still there
PATIENCE_S = 10.0  # for a process that was asked to end
# Niceness added to an encoder's: painting on all cores waits for its slowest thread, so an
# encoder that pushes one aside holds up all.
POLITENESS = 5
LAST_WORDS = 40  # lines

# What ffmpeg says after, or around, the line that matters.
_CHATTER = re.compile(
    r"Conversion failed|Terminating thread|Error (closing|writing trailer|muxing|submitting)"
    r"|Last message repeated|Exiting|Error while (opening|filtering)|Could not write header"
    r"|Nothing was written|frame=|Error sending frames|Task finished with error"
    r"|Estimating duration|Guessed Channel|\b(version|built with|configuration:)"
)
_SOURCE = re.compile(r"^(\[[^\]]+ @ 0x[0-9a-f]+\] ?)+")
_TELLING = (
    "No space left on device",
    "File too large",
    "Permission denied",
    "Read-only file system",
    "Is a directory",
)


def last_words(lines: Iterable[str]) -> str:
    """The one line of ffmpeg's complaint that tells a person what is wrong."""
    clean = [_SOURCE.sub("", line).strip() for line in lines]
    for telling in _TELLING:
        if any(telling in line for line in clean):
            return telling
    useful = [line for line in clean if line and not _CHATTER.search(line)]
    return (useful or clean or ["it said nothing"])[-1].rstrip(".")


def run_ffmpeg(arguments: Sequence[str], *, doing: str) -> str:
    """Run ffmpeg to its end and return what it wrote to its standard output.

    Args:
        arguments: everything after the program's name.
        doing: what fails if it fails, for example "reading film.mp4".

    Raises:
        EncodingError: ffmpeg failed.
    """
    done = subprocess.run(
        [str(find_ffmpeg()), *QUIET, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        words = last_words(done.stderr.decode(errors="replace").splitlines())
        raise EncodingError(f"{doing} failed: {words}.")
    return done.stdout.decode(errors="replace")


class Feeder:
    """An ffmpeg that is fed raw frames while the caller makes the next ones.

    Use as a context manager: leaving it by an exception ends the process.
    """

    def __init__(self, arguments: Sequence[str], *, doing: str) -> None:
        self._arguments = [str(find_ffmpeg()), *QUIET, *arguments]
        self._doing = doing
        self._queue: Queue[memoryview | None] = Queue(maxsize=QUEUE_BATCHES)
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._broken = Event()
        self._threads: list[Thread] = []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Feeder":
        # A session of its own: Ctrl-C reaches us alone, and we end the process in order.
        process = subprocess.Popen(
            self._arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stderr is not None
        widen(process.stdin)
        give_way(process.pid)
        self._process = process
        self._threads = [
            Thread(target=self._write, args=(process.stdin,), name="film writer", daemon=True),
            Thread(target=self._listen, args=(process.stderr,), name="film log", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def put(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Hand over pixels; waits while two batches are on their way.

        Raises:
            EncodingError: ffmpeg has ended.
        """
        view = np.ascontiguousarray(pixels).reshape(-1).data
        while not self._broken.is_set():
            try:
                self._queue.put(view, timeout=POLL_S)
            except Full:
                continue
            return
        self._fail()

    def finish(self) -> None:
        """Wait until ffmpeg has written everything.

        Raises:
            EncodingError: ffmpeg failed.
        """
        assert self._process is not None
        while not self._broken.is_set():
            try:
                self._queue.put(None, timeout=POLL_S)
            except Full:
                continue
            break
        for thread in self._threads:
            thread.join()
        if self._process.wait() or self._broken.is_set():
            self._fail()

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.kill()
        self._broken.set()  # the writer thread stops at its next look
        for thread in self._threads:
            thread.join(PATIENCE_S)
        self._process.wait()

    def _write(self, pipe: IO[bytes]) -> None:
        try:
            with pipe:
                while (view := self._next()) is not None:
                    pipe.write(view)
        except (BrokenPipeError, ConnectionError):
            self._broken.set()

    def _next(self) -> memoryview | None:
        while not self._broken.is_set():
            try:
                return self._queue.get(timeout=POLL_S)
            except Empty:
                continue
        return None

    def _listen(self, log: IO[bytes]) -> None:
        with log:
            for line in log:
                self._words.append(line.decode(errors="replace"))

    def _fail(self) -> None:
        assert self._process is not None
        code = self._process.wait()
        self._threads[1].join(PATIENCE_S)
        words = last_words(self._words)
        if code < 0 and not self._words:
            words = f"ffmpeg was ended by {signal.Signals(-code).name}"
        raise EncodingError(f"{self._doing} failed: {words}.")


def give_way(pid: int) -> None:
    """Let a process that was just started yield to us, where the system can."""
    if hasattr(os, "setpriority"):  # not on Windows
        with suppress(OSError):  # it may have ended already
            nice = os.getpriority(os.PRIO_PROCESS, 0) + POLITENESS
            os.setpriority(os.PRIO_PROCESS, pid, nice)


def widen(pipe: IO[bytes]) -> None:
    """Let more than the default 64 KiB wait in a pipe, where the system can."""
    command = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux alone
    if fcntl is None or command is None:
        return
    try:
        fcntl.fcntl(pipe.fileno(), command, PIPE_BYTES)
    except OSError:  # over this user's limit: slower, not wrong
        return
