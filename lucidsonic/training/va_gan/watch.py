"""The VA-GAN's own monitors, and what it does when they fire."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from lucidsonic.generators.va_gan.network import GAMMA_REACH, Decoder
from lucidsonic.training.data import normalise_va
from lucidsonic.training.family import Firing
from lucidsonic.training.monitors import luma, mean_saturation, sharpness
from lucidsonic.training.run import Clock
from lucidsonic.training.score import spearman

__all__ = ["emotion_facts", "emotion_line", "judge", "react"]

LEVELS = (2.0, 5.0, 8.0)
REST = 20  # epochs between two interventions


@torch.no_grad()
def emotion_facts(
    decoder: Decoder, images: torch.Tensor, va: torch.Tensor, norm: str
) -> dict[str, float]:
    """Figures for `judge`.

    Args:
        decoder: the averaged generator.
        images: what it painted, `(count, 3, size, size)` in [0, 1].
        va: what it was asked for, `(count, 2)` on the model's scale.
        norm: that scale.
    """
    device = next(decoder.parameters()).device
    grid = normalise_va(
        torch.tensor([(v, a) for v in LEVELS for a in LEVELS], device=device), norm
    )
    gammas = [g for unit in decoder.emotion_units for g in unit.gammas(grid)]
    raws = [
        network(grid[:, i : i + 1])
        for unit in decoder.emotion_units
        for i, network in enumerate((unit.v_gamma, unit.a_gamma))
    ]
    warmth = (images[:, 0] - images[:, 2]).mean((1, 2))
    saturation = torch.stack([mean_saturation(image[None]) for image in images])
    signs = (luma(images).mean((1, 2)), saturation, warmth)
    return {
        "gamma_min": min(float(g.min()) for g in gammas),
        "gamma_max": max(float(g.max()) for g in gammas),
        "gamma_mean": float(torch.stack([g.mean() for g in gammas]).mean()),
        "gamma_spread": float(torch.stack([g.std(0).mean() for g in gammas]).mean()),
        "gamma_saturated": float(
            torch.cat([(raw.abs() >= GAMMA_REACH).float().flatten() for raw in raws]).mean()
        ),
        "va_effect": max(abs(spearman(va[:, 0], sign)) for sign in signs),
        "sharpness": float(sharpness(images)),
    }


def judge(
    facts: dict[str, float], memory: dict[str, float], clock: Clock, config: Any
) -> list[Firing]:
    """The rules that a sample event breaks; `memory` keeps what later events compare with."""
    epoch = clock.epoch
    now = {**facts, "shock": _sharpness_shock(facts, memory, epoch, config)}
    now |= {name: memory.get(name, 1.0) for name in ("d_loss", "d_wrong")}
    start = {"blended": config.phase2_end + 1, "perceived": config.lpips_start, "": 1}
    return [
        Firing(rule.name, rule.level, now[rule.fact], rule.limit, rule.advice)
        for rule in RULES
        if epoch >= start[rule.since] and _is_broken(rule, now[rule.fact])
    ]


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires when a fact leaves a bound; `since` names when it starts to hold."""

    name: str
    fact: str
    limit: float
    is_ceiling: bool
    advice: str
    level: str = "warn"
    since: str = ""


RULES = (
    Rule("eru_runaway", "gamma_max", 2.0, True, "impossible unless there is a bug", "error"),
    Rule("eru_runaway", "gamma_min", 0.35, False, "impossible unless there is a bug", "error"),
    Rule(
        "eru_saturated", "gamma_saturated", 0.5, True, "most learned scales are at their bound"
    ),
    Rule("eru_stuck", "gamma_spread", 0.02, False, "emotion moves no scales", since="blended"),
    Rule("va_inert", "va_effect", 0.2, False, "valence changes nothing", since="perceived"),
    Rule("lpips_shock", "shock", 1.5, True, "fine detail jumped up"),
    Rule("d_overpower", "d_loss", 0.3, False, "the critic wins every time"),
    Rule("d_overpower", "d_wrong", 0.05, False, "the critic is nearly always right"),
)


def _is_broken(rule: Rule, value: float) -> bool:
    return value > rule.limit if rule.is_ceiling else value < rule.limit


def _sharpness_shock(
    facts: dict[str, float], memory: dict[str, float], epoch: int, config: Any
) -> float:
    if epoch <= config.lpips_start:
        memory["sharpness"] = facts["sharpness"]
    before = memory.get("sharpness")
    if before is None or epoch > config.lpips_start + 20:
        return 0.0
    return facts["sharpness"] / max(before, 1e-9)


def react(
    tuned: dict[str, Any],
    memory: dict[str, float],
    firings: list[Firing],
    clock: Clock,
    config: Any,
) -> str | None:
    """Take one rung of the ladder, at most every 20 epochs; says what was done."""
    if clock.epoch - memory.get("last_rung", -REST) < REST:
        return None
    for firing in firings:
        for rung in LADDER.get(firing.name, ()):
            done = rung(tuned, config)
            if done:
                memory["last_rung"] = clock.epoch
                return f"{firing.name}: {done}"
    return None


Rung = Callable[[dict[str, Any], Any], str | None]


def _set(name: str, factor: float) -> Rung:
    def rung(tuned: dict[str, Any], config: Any) -> str | None:
        if name in tuned:
            return None
        tuned[name] = getattr(config, name) * factor
        return f"{name} is now {tuned[name]:g}"

    return rung


def _later_perception(tuned: dict[str, Any], config: Any) -> str | None:
    if "lpips_end" in tuned:
        return None
    tuned["lpips_end"] = config.lpips_start + 2 * (config.lpips_end - config.lpips_start)
    return f"the perceptual term now grows until epoch {tuned['lpips_end']}"


def _soft_clamp(tuned: dict[str, Any], config: Any) -> str | None:
    if tuned.get("eru_clamp", config.eru_clamp) == "soft":
        return None
    tuned["eru_clamp"] = "soft"
    return "the scales are now bound softly"


def _advise(tuned: dict[str, Any], _config: Any) -> str | None:
    if tuned.get("advised"):
        return None
    tuned["advised"] = True
    return "nothing helped so far; try --resolution 64"


WEAKER_CRITIC = (_set("lr_dis", 0.6), _set("r1_gamma", 0.6), _advise)
LADDER: dict[str, tuple[Rung, ...]] = {
    "d_overpower": WEAKER_CRITIC,
    "mode_collapse": WEAKER_CRITIC,
    "gray_collapse": WEAKER_CRITIC,
    "lpips_shock": (_later_perception,),
    "checkerboard": (_later_perception,),
    "va_inert": (_set("diversity_weight", 2.0),),
    "eru_saturated": (_soft_clamp,),
}


@torch.no_grad()
def emotion_line(decoder: Any, va: torch.Tensor) -> dict[str, Any]:
    """What the emotion units do to these emotions `(batch, 2)`: scales, and limits of gamma."""
    units = decoder.emotion_units
    gammas = torch.cat([gamma.flatten() for unit in units for gamma in unit.gammas(va)])
    return {
        "scale_v": torch.stack([unit.scale_v for unit in units]).mean(),
        "scale_a": torch.stack([unit.scale_a for unit in units]).mean(),
        "gamma_min": gammas.min(),
        "gamma_max": gammas.max(),
        "gamma_mean": gammas.mean(),
    }
