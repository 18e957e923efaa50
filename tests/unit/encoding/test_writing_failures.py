"""Whatever goes wrong: one sentence, no half film, no process left."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lucidsonic.encoding import Film, FilmWriter, Options, probe_film, write_film
from lucidsonic.encoding.partial import PartialFile, check_free
from lucidsonic.encoding.process import PATIENCE_S, last_words
from lucidsonic.errors import ConfigError, EncodingError
from lucidsonic.types import Pictures, Song

FPS = Fraction(30)
HOW = {"size": (64, 96), "fps": FPS}


def children() -> set[str]:
    """Process ids of our living ffmpegs."""
    pids: set[str] = set()
    for path in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        with suppress(OSError):  # a thread that ends while we look has no children
            pids.update(path.read_text().split())
    return pids


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    before = children()
    yield
    assert children() == before
    assert not list(tmp_path.rglob("*.partial*"))


def test_a_painter_that_fails_leaves_nothing(tmp_path, waves):
    def paint() -> Iterator[Pictures]:
        yield waves(5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_film(tmp_path / "a.mp4", paint(), **HOW)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_nothing(tmp_path, waves):
    def paint() -> Iterator[Pictures]:
        yield waves(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_film(tmp_path / "a.mp4", paint(), **HOW)
    assert not list(tmp_path.iterdir())


def test_an_old_film_survives_a_failed_overwrite(tmp_path, waves):
    (tmp_path / "a.mp4").write_bytes(b"precious")

    def paint() -> Iterator[Pictures]:
        yield waves(5)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_film(tmp_path / "a.mp4", paint(), overwrite=True, **HOW)
    assert (tmp_path / "a.mp4").read_bytes() == b"precious"


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks processes up in /proc")
def test_a_killed_encoder_is_one_sentence(tmp_path, waves):
    before = children()

    def paint() -> Iterator[Pictures]:
        yield waves(5)
        (encoder,) = children() - before
        os.kill(int(encoder), signal.SIGKILL)
        while True:
            yield waves(5)

    with pytest.raises(EncodingError, match=r"Writing a\.mp4 failed: .*SIGKILL\.$"):
        write_film(tmp_path / "a.mp4", paint(), **HOW)
    assert not list(tmp_path.iterdir())


FULL_DISK = """
import resource, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from lucidsonic.encoding import write_film
from lucidsonic.errors import EncodingError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
noise = np.random.default_rng(0).integers(0, 255, (20, 128, 128, 3), dtype=np.uint8)
try:
    write_film(Path(sys.argv[1]), (noise for _ in range(20)), size=(128, 128), fps=Fraction(30))
except EncodingError as error:
    print(error)
"""


def test_a_full_disk_is_one_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "a.mp4")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        timeout=60,
    )
    assert done.stdout.startswith("Writing a.mp4 failed: ")
    assert len(done.stdout.splitlines()) == 1
    assert "File too large" in done.stdout or "SIGXFSZ" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_folder_of_the_films_name_is_an_error(tmp_path, waves):
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(EncodingError, match="it is a folder"):
        write_film(tmp_path / "a.mp4", [waves(2)], overwrite=True, **HOW)


def test_a_read_only_folder_is_an_error(tmp_path, waves):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    target = Path("/proc/lucidsonic.mp4") if os.geteuid() == 0 else folder / "a.mp4"
    with pytest.raises(EncodingError, match="Cannot write"):
        write_film(target, [waves(2)], **HOW)


def test_a_place_that_cannot_be_written_is_found_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "song.mp3").touch()
    with pytest.raises(EncodingError, match="is no folder"):
        check_free(tmp_path / "song.mp3" / "a.mp4", overwrite=False)

    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(EncodingError, match="nothing may be written in"):
        check_free(tmp_path / "new" / "a.mp4", overwrite=True)
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten_unless_asked(tmp_path, waves):
    (tmp_path / "a.mp4").write_bytes(b"precious")
    with pytest.raises(ConfigError, match="there already"):
        write_film(tmp_path / "a.mp4", [waves(2)], **HOW)
    assert (tmp_path / "a.mp4").read_bytes() == b"precious"
    write_film(tmp_path / "a.mp4", [waves(2)], overwrite=True, **HOW)
    assert probe_film(tmp_path / "a.mp4").frames == 2


def test_a_file_that_appears_meanwhile_is_kept_and_so_is_the_film(tmp_path, waves):
    target = tmp_path / "a.mp4"

    def paint() -> Iterator[Pictures]:
        yield waves(4)
        target.write_bytes(b"precious")

    with pytest.raises(EncodingError, match="appeared while"):
        write_film(target, paint(), **HOW)
    assert target.read_bytes() == b"precious"
    (kept,) = set(tmp_path.iterdir()) - {target}
    assert probe_film(kept).frames == 4


def test_two_renders_of_one_film_do_not_write_into_each_other(tmp_path, waves):
    film = Film(size=(64, 96), fps=FPS, overwrite=True)
    with (
        FilmWriter(tmp_path / "a.mp4", film) as one,
        FilmWriter(tmp_path / "a.mp4", film) as other,
    ):
        one.put(waves(3))
        other.put(waves(5))
    assert probe_film(tmp_path / "a.mp4").frames in (3, 5)


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_writes_is_not(
    tmp_path, waves
):
    dead = subprocess.Popen(["true"])
    dead.wait()
    mine = PartialFile(tmp_path / "a.mp4").partial
    left = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{dead.pid}-"))
    left.touch()
    mine.touch()
    write_film(tmp_path / "a.mp4", [waves(2)], **HOW)
    assert not left.exists()
    assert mine.exists()
    mine.unlink()


def test_a_song_that_is_gone_is_one_sentence(tmp_path, waves):
    song = Song(tmp_path / "gone.wav", 44_100, 2, 0.0, 1.0)
    with pytest.raises(EncodingError, match="No such file"):
        write_film(tmp_path / "a.mp4", [waves(30)], sound=song, **HOW)


def test_a_film_without_pictures_is_an_error(tmp_path):
    with pytest.raises(EncodingError, match="no picture"):
        write_film(tmp_path / "a.mp4", [], **HOW)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((64, 95, 3), np.uint8), np.zeros((64, 96, 3), np.float32)],
    ids=["size", "type"],
)
def test_pictures_that_do_not_fit_are_an_error(wrong, tmp_path):
    with pytest.raises(EncodingError, match="do not fit a 96x64"):
        write_film(tmp_path / "a.mp4", [wrong], **HOW)


def test_the_encoder_holds_up_a_painter_that_is_faster(tmp_path):
    """Memory stays bounded: the painter never is more than a few batches ahead."""
    noise = np.random.default_rng(0).integers(0, 255, (4, 256, 256, 3), dtype=np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_film(
        tmp_path / "a.mp4",
        (noise.copy() for _ in range(60)),  # 47 MB in all
        size=(256, 256),
        fps=FPS,
        options=Options(speed="fastest"),
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_the_sentence_names_the_cause_and_not_the_consequence():
    log = [
        "[mp4 @ 0x55d] Error writing trailer",
        "[out#0/mp4 @ 0x55e] Error submitting: No space left on device",
        "Conversion failed!",
    ]
    assert last_words(log) == "No space left on device"
    assert last_words(["[x @ 0x1] Unknown encoder 'foo'", "Conversion failed!"]) == (
        "Unknown encoder 'foo'"
    )


def test_a_stopped_film_ends_at_once(tmp_path, waves):
    def paint() -> Iterator[Pictures]:
        yield waves(30)
        raise KeyboardInterrupt

    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        write_film(tmp_path / "a.mp4", paint(), **HOW)
    assert time.perf_counter() - began < 0.9 * PATIENCE_S
