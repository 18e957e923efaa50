"""`render --tune`: the search of the pipeline, judged by the evaluation."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lucidsonic.evaluation.sync import SyncScores
    from lucidsonic.pipeline.tune import Tuned, Verdict
    from lucidsonic.plan import RenderPlan
    from lucidsonic.types import OnProgress


def tuned(plan: "RenderPlan", *, on_progress: "OnProgress") -> "RenderPlan":
    """The plan with reactions that follow the music better; says what was found."""
    from lucidsonic.pipeline.tune import tune
    from lucidsonic.types import Progress

    found = tune(plan, score=verdict_on, on_progress=on_progress)
    on_progress(Progress("tune", len(found.trials), len(found.trials), "films", told(found)))
    return found.plan


def verdict_on(film: Path) -> "Verdict":
    """What the evaluation thinks of a small film."""
    from lucidsonic.evaluation import evaluate_film
    from lucidsonic.pipeline.tune import Verdict

    scores = evaluate_film(film)
    return Verdict(
        sync=following(scores.sync) if scores.sync else 0.0,
        flicker=scores.coherence.flicker_index,
        flashes=max(scores.safety.general_flashes, scores.safety.red_flashes),
    )


def following(sync: "SyncScores") -> float:
    """How well a film follows, 0 to 1: its curve the sound's, and its hits the beats.

    Either alone could be raised at the other's cost; so it is their geometric mean. Music
    without beats has the curve alone.
    """
    if not math.isfinite(sync.beat_hit_f):
        return sync.dance
    return math.sqrt(sync.dance * sync.beat_hit_f)


def told(found: "Tuned") -> str:
    """The outcome in one sentence."""
    if not found.settings:
        return (
            "Nothing tried follows better, here and elsewhere in the song, without flashing or"
            f" flickering more: the plan stays ({found.before.sync:.3f})."
        )
    changes = ", ".join(f"{name} {value:g}" for name, value in found.settings.items())
    return (
        f"{changes}: follows {found.before.sync:.3f} -> {found.after.sync:.3f}, elsewhere"
        f" {found.held_out_before.sync:.3f} -> {found.held_out_after.sync:.3f}; flicker"
        f" {found.before.flicker:.2f} -> {found.after.flicker:.2f}, flashes"
        f" {found.before.flashes:g} -> {found.after.flashes:g} a second."
    )
