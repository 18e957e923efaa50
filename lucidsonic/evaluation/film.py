"""Film file -> FilmScores, in one pass and constant memory."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lucidsonic.encoding import read_film
from lucidsonic.errors import ConfigError
from lucidsonic.evaluation.coherence import CoherenceScores, coherence_scores
from lucidsonic.evaluation.facts import Probed, StreamFacts, probe, stream_facts
from lucidsonic.evaluation.matrix import Matrix, feature_matrix
from lucidsonic.evaluation.pictures import PictureRows, Watcher, spread
from lucidsonic.evaluation.safety import SafetyScores
from lucidsonic.evaluation.sound import GRID_HZ, Sound, hear
from lucidsonic.evaluation.sync import SyncScores, judge_sync
from lucidsonic.types import OnProgress, Progress, ignore_progress

SCALE = 96  # pixels of the longer side that pictures are looked at
OFFSET_S = 2.0  # furthest that a film's sound is looked for in the song
TELL_EVERY = 50  # pictures


@dataclass(frozen=True, slots=True)
class FilmScores:
    """What a film is worth, by any tool. NaN: cannot be told.

    Attributes:
        film: the file's name.
        facts: what is in the file.
        sync: does it dance; None without sound.
        control: what films that ignore the music score.
        coherence: does it hold.
        safety: does it hurt. Risk reduction, never certification.
        matrix: which feature moves with which; None without sound.
        frame_ms: how long a picture is shown.
    """

    film: str
    facts: StreamFacts
    sync: SyncScores | None
    control: SyncScores | None
    coherence: CoherenceScores
    safety: SafetyScores
    matrix: Matrix | None
    frame_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """A film's scores and what they were made of, for a report.

    Attributes:
        scores: the figures.
        rows: a row for each picture.
        sound: the music; None without.
    """

    scores: FilmScores
    rows: PictureRows
    sound: Sound | None


def evaluate_film(
    path: Path | str,
    *,
    audio: Path | str | None = None,
    scale: int = SCALE,
    on_progress: OnProgress = ignore_progress,
) -> FilmScores:
    """Judge a film: does it dance, does it hold, does it hurt.

    Pictures are read once, scaled down, three at a time: an hour needs the memory of a minute
    and a hundred bytes a picture.

    Args:
        path: the film, by any tool.
        audio: the song, if the film carries none or another sound than it should.
        scale: pixels of the longer side at which pictures are looked at.
        on_progress: told how far it is.

    Raises:
        EncodingError: no film.
        AudioError: the song cannot be read.
        ConfigError: a scale below 32.
    """
    return evaluate(path, audio=audio, scale=scale, on_progress=on_progress).scores


def evaluate(
    path: Path | str,
    *,
    audio: Path | str | None = None,
    scale: int = SCALE,
    on_progress: OnProgress = ignore_progress,
) -> Evaluated:
    """As `evaluate_film`, with the curves behind the figures.

    Raises:
        EncodingError: no film.
        AudioError: the song cannot be read.
        ConfigError: a scale below 32.
    """
    if scale < 32:
        raise ConfigError(f"Pictures of {scale} pixels show too little.", hint="--scale 96")
    path = Path(path)
    probed = probe(path)
    given = (
        None if audio is None else hear(Path(audio), probed.film.fps, on_progress=on_progress)
    )
    own = listen(probed, on_progress)
    rows = watch(probed, scale, on_progress)
    offset_ms = float("nan") if own is None or given is None else offset_between(own, given)
    sound = given or own
    judged = None if sound is None or len(rows) < 3 else judge_sync(rows, sound)
    scores = FilmScores(
        film=path.name,
        facts=stream_facts(probed, offset_ms=offset_ms),
        sync=judged.scores if judged else None,
        control=judged.control if judged else None,
        coherence=coherence_scores(rows, sound.audible(rows["time_s"]) if sound else None),
        safety=rows.safety,
        matrix=feature_matrix(rows, sound) if sound else None,
        frame_ms=1000 / float(probed.film.fps),
    )
    return Evaluated(scores, rows, sound)


def listen(probed: Probed, on_progress: OnProgress) -> Sound | None:
    """The film's own sound, on the pictures' clock; None without."""
    film = probed.film
    if not film.audio_duration_s:
        return None
    return hear(
        film.path, film.fps, start_s=max(0.0, probed.sound_starts_s), on_progress=on_progress
    )


def watch(probed: Probed, scale: int, on_progress: OnProgress) -> PictureRows:
    """A row for each picture; times count from the first."""
    film = probed.film
    watcher = Watcher(keep=spread(film.frames))
    start_s = film.times_s[0]
    for number, (time_s, picture) in enumerate(
        read_film(film.path, size=thumbnail(film.size, scale)), 1
    ):
        watcher.take(time_s - start_s, picture)
        if number % TELL_EVERY == 0 or number == film.frames:
            on_progress(Progress("watch", number, film.frames))
    return watcher.rows()


def thumbnail(size: tuple[int, int], scale: int) -> tuple[int, int]:
    """Height and width with a longer side of `scale`, never larger than the film."""
    share = min(1.0, scale / max(size))
    return max(8, round(size[0] * share)), max(8, round(size[1] * share))


def offset_between(own: Sound, song: Sound) -> float:
    """How late the film's sound is against the song, milliseconds, within two seconds."""
    steps = min(len(own.onset), len(song.onset))
    reach = min(round(OFFSET_S * GRID_HZ), steps // 2)
    a, b = (np.asarray(o[:steps], np.float64) for o in (song.onset, own.onset))
    lags = range(-reach, reach + 1)
    shared = [
        float(a[max(0, -lag) : steps - max(0, lag)] @ b[max(0, lag) : steps - max(0, -lag)])
        for lag in lags
    ]
    return 1000 * lags[int(np.argmax(shared))] / GRID_HZ if max(shared) > 0 else float("nan")
