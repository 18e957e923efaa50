"""A plan -> the same plan with reactions that follow the music better, found by trying.

Small films of an excerpt are painted and judged by whoever calls; a change is kept when the
film follows better, on that excerpt and in the end on another one that the search never saw,
and flickers and flashes no more than it may.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from lucidsonic import encoding
from lucidsonic.pipeline.frames import Painter
from lucidsonic.pipeline.production import Production, frame_range, prepare, set_scene
from lucidsonic.pipeline.tell import Teller
from lucidsonic.plan import RenderPlan
from lucidsonic.types import Features, OnProgress, Progress, ignore_progress

SIDE = 96  # pixels of the longer side of the films that are tried
EXCERPT_S = 8.0
BATCH = 8
MOST_FLICKER = 0.9
BETTER = 1.01  # a change must gain this much to be worth it

# What is tried, one setting after the other; factors multiply what the plan says.
FACTORS: Mapping[str, Sequence[float]] = {
    "pulse_react": (0.6, 1.8, 3.0),
    "transform_react": (0.0, 2.0),
    "noise_react": (0.0, 2.0),
    "motion_react": (0.0,),
    "harmony_react": (0.0,),
}
VALUES: Mapping[str, Sequence[float]] = {
    "decay_ms": (90.0, 300.0),
    "offset_ms": (-20.0, 20.0),
}
STRONGEST = 3.0  # of a reaction


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a small film is worth.

    Attributes:
        sync: how well it follows; larger is better.
        flicker: flicker index.
        flashes: most flashes within a second.
    """

    sync: float
    flicker: float
    flashes: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One plan that was tried.

    Attributes:
        settings: what was changed, all in `[trajectory]`.
        verdict: what came of it.
    """

    settings: Mapping[str, float]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Tuned:
    """The outcome of a search.

    Attributes:
        plan: the plan to render; the old one if nothing was better.
        settings: what was changed.
        before: the old plan on the excerpt that was searched.
        after: the new plan there.
        held_out_before: the old plan on an excerpt that the search never saw.
        held_out_after: the new plan there.
        trials: everything that was tried.
    """

    plan: RenderPlan
    settings: Mapping[str, float]
    before: Verdict
    after: Verdict
    held_out_before: Verdict
    held_out_after: Verdict
    trials: tuple[Trial, ...]


Score = Callable[[Path], Verdict]


def tune(
    plan: RenderPlan,
    *,
    score: Score,
    seconds: float = EXCERPT_S,
    side: int = SIDE,
    on_progress: OnProgress = ignore_progress,
) -> Tuned:
    """Search for gains, decay and offset with which the film follows its music better.

    The flash guard stays as the plan has it, and no change that flashes more often than the
    film did before is taken: the score cannot be gamed with flashes.

    Args:
        plan: what would be rendered.
        score: judges a film.
        seconds: length of the excerpts.
        side: pixels of their longer side.
        on_progress: told how far it is.

    Raises:
        LucidsonicError: any that rendering raises.
    """
    teller = Teller(on_progress)
    small = small_plan(plan, side)
    production = prepare(small, teller)
    search, held_out = excerpts(production, seconds)
    with TemporaryDirectory(prefix="lucidsonic-tune-") as folder:
        studio = Studio(production, score, Path(folder), on_progress)
        before = studio.judge({}, search)
        found, trials = climb(plan, studio, search, Trial({}, before))
        unseen = studio.judge({}, held_out)
        best, checked = confirm(studio, (Trial({}, before), unseen), found, (search, held_out))
    return Tuned(
        plan=changed(plan, best.settings),
        settings=best.settings,
        before=before,
        after=best.verdict,
        held_out_before=unseen,
        held_out_after=checked,
        trials=trials,
    )


@dataclass(slots=True)
class Studio:
    """Paints and judges small films of one song.

    Attributes:
        production: the song heard, the generator loaded.
        score: judges a film.
        folder: where films lie for a moment.
        on_progress: told after each film.
        films: how many were made.
    """

    production: Production
    score: Score
    folder: Path
    on_progress: OnProgress
    films: int = 0

    def judge(self, settings: Mapping[str, float], frames: range) -> Verdict:
        """Make the film of some frames with some settings, and have it judged."""
        path = self.folder / f"{self.films}.mp4"
        self._paint(path, settings, frames)
        self.films += 1
        self.on_progress(
            Progress("tune", self.films, max(self.films, 3 + tries()), unit="films")
        )
        verdict = self.score(path)
        path.unlink()
        return verdict

    def _paint(self, path: Path, settings: Mapping[str, float], frames: range) -> None:
        production = self.production
        plan = changed(production.plan, settings)
        scene = set_scene(plan, production.hearing, production.model, production.device)
        part = replace(production, plan=plan, first=frames.start, last=frames.stop)
        film = encoding.Film(
            size=scene.size,
            fps=plan.film.fps,
            sound=part.sound,
            # NVENC takes no film as small as these.
            options=encoding.Options(codec="h264", crf=16, hardware="none"),
            layout="yuv420p",
            overwrite=True,
        )
        painter = Painter(scene, BATCH, lambda _sentence: None)
        with encoding.FilmWriter(path, film) as writer:
            for pictures in painter.planes(frames.start, frames.stop):
                writer.put(pictures)


def climb(
    plan: RenderPlan, studio: Studio, frames: range, start: Trial
) -> tuple[Trial, tuple[Trial, ...]]:
    """Try each setting in turn, going on from the best; the best, and all that was tried."""
    best, trials = start, [start]
    for name in (*FACTORS, *VALUES):
        for value in candidates(plan, name):
            settings = {**best.settings, name: value}
            trial = Trial(settings, studio.judge(settings, frames))
            trials.append(trial)
        tried = [t for t in trials if may_replace(t.verdict, start.verdict)]
        best = max(tried, key=lambda t: t.verdict.sync, default=start)
    if not better(best.verdict, start.verdict, least=BETTER):
        best = start
    return best, tuple(trials)


def confirm(
    studio: Studio, old: tuple[Trial, Verdict], found: Trial, frames: tuple[range, range]
) -> tuple[Trial, Verdict]:
    """What was found, if it is better too where the search never looked, and how it is there.

    What suits one excerpt may be too much for another, so it is also tried with one change
    less, each in turn. If nothing holds, it is the plan as it was.

    Args:
        studio: paints and judges.
        old: the plan as it was, on both excerpts.
        found: the search's best.
        frames: the excerpt that was searched, and the one that was not.
    """
    start, unseen = old
    search, held_out = frames
    less = [
        {name: value for name, value in found.settings.items() if name != left}
        for left in found.settings
    ]
    for settings in (found.settings, *filter(None, less)):
        if settings == start.settings:
            break
        checked = studio.judge(settings, held_out)
        if not better(checked, unseen, least=1.0):
            continue
        here = found if settings == found.settings else None
        trial = here or Trial(settings, studio.judge(settings, search))
        if better(trial.verdict, start.verdict, least=BETTER):
            return trial, checked
    return start, unseen


def candidates(plan: RenderPlan, name: str) -> Sequence[float]:
    """The values of a setting to try."""
    if name in VALUES:
        return VALUES[name]
    now = float(getattr(plan.trajectory, name))
    return [min(STRONGEST, now * factor) for factor in FACTORS[name]] if now else ()


def tries() -> int:
    """How many films a search makes at most, besides the first and the last few."""
    return sum(len(values) for values in (*FACTORS.values(), *VALUES.values()))


def may_replace(verdict: Verdict, before: Verdict) -> bool:
    """Whether a film flickers and flashes no more than it may."""
    calm = verdict.flicker <= max(MOST_FLICKER, before.flicker)
    return calm and verdict.flashes <= before.flashes


def better(verdict: Verdict, before: Verdict, *, least: float) -> bool:
    """Whether a film follows better, and is allowed to."""
    return verdict.sync >= least * before.sync and may_replace(verdict, before)


def changed(plan: RenderPlan, settings: Mapping[str, Any]) -> RenderPlan:
    """The plan with other settings in `[trajectory]`."""
    trajectory = plan.trajectory.model_copy(update=dict(settings))
    return plan.model_copy(update={"trajectory": trajectory})


def small_plan(plan: RenderPlan, side: int) -> RenderPlan:
    """The plan of a film that is quick to paint and holds nothing but the pictures."""
    width, height = plan.film.size or (16, 9)
    share = side / max(width, height)
    size = tuple(max(16, 2 * round(length * share / 2)) for length in (width, height))
    film = plan.film.model_copy(
        update={"size": size, "paint": "auto", "formats": (), "save_frames": None}
    )
    return plan.model_copy(update={"film": film})


def excerpts(production: Production, seconds: float) -> tuple[range, range]:
    """Two stretches of the film: the one with the most hits, and the next best apart from it.

    A film too short for two is searched and checked as a whole.
    """
    first, last = frame_range(production.plan, production.hearing.song)
    fps = float(production.plan.film.fps)
    length = min(last - first, round(seconds * fps))
    starts = np.arange(first, last - length + 1, max(1, length // 4))
    busy = hits_within(production.hearing.features, starts / fps, seconds)
    one = int(starts[np.argmax(busy)])
    apart = np.abs(starts - one) >= length
    if not apart.any():
        return range(one, one + length), range(one, one + length)
    other = int(starts[apart][np.argmax(busy[apart])])
    return range(one, one + length), range(other, other + length)


def hits_within(features: Features, starts_s: Any, seconds: float) -> Any:
    """How many hits begin within `seconds` of each time."""
    trains = [train.times_s for train in features.onsets.values()]
    times = np.sort(np.concatenate(trains)) if trains else np.zeros(0)
    return np.searchsorted(times, starts_s + seconds) - np.searchsorted(times, starts_s)
