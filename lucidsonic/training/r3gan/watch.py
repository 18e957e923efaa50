"""R3GAN's own monitors, and what is done when they fire."""

from collections.abc import Mapping
from statistics import fmean, median

from lucidsonic.training.family import Firing, Metrics
from lucidsonic.training.r3gan.config import Config
from lucidsonic.training.r3gan.state import State
from lucidsonic.training.run import Clock

__all__ = ["close_tick", "judge", "note", "react"]

LONG = 50  # ticks that a state must last
KEPT = 100  # ticks remembered
CERTAIN = 0.98  # mean sign that is practically always right
CHANCE = 0.6931  # ln 2: the loss of a critic that cannot tell
NEAR_CHANCE = 0.002
SPIKE = 20  # times the median of the penalties
OFF_MANIFOLD = 10  # times the real penalty
WORSE = 1.25  # times the best score
PATIENCE = 20  # scores
STEP, MOST = 0.1, 0.8  # of the ladder's augmentation
WATCHED = ("sign", "d_loss", "r1", "r2")


def note(state: State, metrics: Metrics) -> None:
    """Add a step's figures to the tick's sums."""
    for name in WATCHED:
        state.running[name] = state.running.get(name, 0.0) + float(metrics[name])
    state.running["steps"] = state.running.get("steps", 0.0) + 1


def close_tick(state: State, figures: Mapping[str, float]) -> dict[str, float]:
    """Turn the tick's sums into its means and remember them and its figures."""
    steps = state.running.pop("steps", 0.0)
    means = {name: total / steps for name, total in state.running.items()} if steps else {}
    state.running = {}
    for name, value in {**means, **figures}.items():
        state.history.setdefault(name, []).append(value)
        del state.history[name][:-KEPT]
    return means


def judge(state: State, clock: Clock) -> list[Firing]:
    """The rules that the last ticks break."""
    past = state.history
    signs, losses = past.get("sign", [])[-LONG:], past.get("d_loss", [])[-LONG:]
    firings: list[Firing] = []
    if len(signs) == LONG and min(signs) > CERTAIN:
        firings.append(Firing("overfit", "warn", fmean(signs), CERTAIN, "the critic overfits"))
    late = clock.images > 0.1 * state.config.decay_images
    if late and len(losses) == LONG and all(abs(x - CHANCE) < NEAR_CHANCE for x in losses):
        firings.append(Firing("stalled", "warn", fmean(losses), CHANCE, "nothing is learnt"))
    firings += _spikes(past, state.config.sample_every)
    firings += _off_manifold(past) + _worsening(past)
    return firings


def _spikes(past: Mapping[str, list[float]], ticks: int) -> list[Firing]:
    """Penalties that leapt since the last look, so many ticks ago."""
    firings: list[Firing] = []
    for name in ("r1", "r2"):
        known = past.get(name, [])
        usual = median(known) if len(known) > 2 else 0.0
        highest = max(known[-ticks:], default=0.0)
        if highest > SPIKE * usual > 0:
            firings.append(Firing("spike", "warn", highest / usual, SPIKE, f"{name} leapt"))
    return firings


def _off_manifold(past: Mapping[str, list[float]]) -> list[Firing]:
    r1, r2 = past.get("r1", [0.0])[-1], past.get("r2", [0.0])[-1]
    if r1 > 0 and r2 > OFF_MANIFOLD * r1:
        advice = "the fakes lie where the critic is steep"
        return [Firing("off_manifold", "warn", r2 / r1, OFF_MANIFOLD, advice)]
    return []


def _worsening(past: Mapping[str, list[float]]) -> list[Firing]:
    scores = past.get("score", [])
    if len(scores) > PATIENCE and min(scores[-PATIENCE:]) > WORSE * min(scores):
        advice = "the score was better before; best.pt is kept"
        return [Firing("worsening", "warn", scores[-1] / min(scores), WORSE, advice)]
    return []


def react(state: State, firings: list[Firing], config: Config) -> str | None:
    """The ladder: more augmentation while there is room, then stronger penalties."""
    if not any(firing.name == "overfit" for firing in firings):
        return None
    state.history["sign"] = []
    if config.aug != "none" and config.aug_p + state.more_aug + STEP <= MOST:
        state.more_aug += STEP
        return f"Augmentation is {config.aug_p + state.more_aug:.1f} from now on."
    state.more_gamma *= 2
    return f"Penalties count {state.more_gamma:g} times from now on."
