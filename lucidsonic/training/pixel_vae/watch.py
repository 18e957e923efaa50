"""How a run is doing, in figures, and which of them call for attention."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

import torch

from lucidsonic.generators.pixel_vae import Judgement, MoeTeacher, QualityTeacher
from lucidsonic.training.family import Firing, Metrics, Samples
from lucidsonic.training.pixel_vae.corrupt import corrupt
from lucidsonic.training.pixel_vae.losses import kl_divergence
from lucidsonic.training.pixel_vae.state import State
from lucidsonic.training.run import Clock
from lucidsonic.training.update import Updater

CHUNK = 64  # sprites at a time
ACTIVE = 0.01  # variance of a latent's mean over the data from which it says something
MILD, HEAVY = 0.35, 0.8  # severities that a good teacher tells apart
COLOUR_STEP = 32  # levels per channel for counting colours: neighbours count as one
PLATEAU = 5  # epochs


def evaluate(state: State, _clock: Clock, updater: Updater) -> Metrics:
    """Figures on the sprites kept aside, with the averaged weights; "score" is what counts.

    A run whose score did not get better for `early_stopping_patience` epochs says "stop".
    After the first epoch the typical error is known: it halves a reconstruction's quality.
    """
    if not state.rate and state.errors:
        state.rate = updater.ranks.decide(math.log(2) / max(median(state.errors), 1e-9))
    images = state.data.validation.images()
    figures = vae_figures(state, images)
    figures |= teacher_figures(state, images)
    for name in ("score", "recon", "judged"):
        if f"val_{name}" in figures:
            state.history.setdefault(name, []).append(figures[f"val_{name}"])
    scores, patience = state.history["score"], state.config.early_stopping_patience
    stale = len(scores) - 1 - scores.index(min(scores))
    stop = {"stop": 1.0} if patience and stale >= patience else {}
    return {**figures, "score": figures["val_score"], **stop}


@torch.no_grad()
def vae_figures(state: State, images: torch.Tensor) -> dict[str, float]:
    """Error, PSNR, KL and how much of the latent is used."""
    vae, device = state.averaged, next(state.vae.parameters()).device
    means, logs, rebuilt = [], [], []
    for part in images.split(CHUNK):
        mean, log_variance = vae.encoder(part.to(device))
        means.append(mean)
        logs.append(log_variance)
        rebuilt.append(vae.decoder(mean).cpu())
    mean, log_variance, again = torch.cat(means), torch.cat(logs), torch.cat(rebuilt)
    error = (again - images).square()
    kl = kl_divergence(mean, log_variance)
    recon = float(error.mean())
    return {
        "val_recon": recon,
        "val_kl": float(kl),
        "val_score": recon + state.config.kl_weight * float(kl),
        "val_psnr": psnr(error[:, :3]),
        "val_psnr_mean": float(torch.tensor([psnr(e) for e in error[:, :3]]).mean()),
        "active_units": float((mean.var(0, correction=0) > ACTIVE).float().mean()),
        "colour_ratio": colours(again[:, :3]) / colours(images[:, :3]),
    }


def psnr(error: torch.Tensor) -> float:
    """Decibels from squared errors of pictures in [-1, 1]."""
    return 10 * math.log10(4 / max(float(error.mean()), 1e-10))


def colours(images: torch.Tensor) -> float:
    """Different colours in a picture of [-1, 1], on average."""
    levels = ((images + 1) / 2 * (COLOUR_STEP - 1)).round().long()
    codes = (levels[:, 0] * COLOUR_STEP + levels[:, 1]) * COLOUR_STEP + levels[:, 2]
    return sum(len(code.unique()) for code in codes) / len(codes)


@torch.no_grad()
def teacher_figures(state: State, images: torch.Tensor) -> dict[str, float]:
    """Whether the teacher orders real, mildly and heavily spoilt sprites, and how it routes."""
    if state.teacher is None:
        return {}
    state.teacher.eval()
    seed = torch.Generator().manual_seed(0).get_state()
    kinds = [images]
    for severity in (MILD, HEAVY):
        chance = torch.Generator()
        chance.set_state(seed)  # spoilt in the same way, only further
        kinds.append(corrupt(images, torch.full((len(images),), severity), chance))
    real, mild, heavy = (judge(state.teacher, kind) for kind in kinds)
    vae, device = state.averaged, next(state.vae.parameters()).device
    rebuilt = [vae.decoder(vae.encoder(part.to(device))[0]) for part in images.split(CHUNK)]
    logits = torch.cat([real.logit, mild.logit, heavy.logit])
    ordered = (real.logit > mild.logit) & (mild.logit > heavy.logit)
    figures = {
        "triples": float(ordered.float().mean()),
        "val_judged": float(judge(state.teacher, torch.cat(rebuilt)).quality.mean()),
        "quality_std": float(logits.sigmoid().std()),
        "quality_gap": float((real.quality - heavy.quality).mean()),
    }
    return figures if real.routing is None else {**figures, **routing_figures(real.routing)}


def judge(teacher: QualityTeacher | MoeTeacher, images: torch.Tensor) -> Judgement:
    """What the teacher says of many sprites, a part at a time; on the CPU."""
    device = next(teacher.parameters()).device
    parts = [teacher(part.to(device)) for part in images.split(CHUNK)]
    joined = {
        name: torch.cat([getattr(part, name) for part in parts]).cpu()
        for name in ("logit", "embedding", "routing")
        if getattr(parts[0], name) is not None
    }
    return Judgement(**joined)


def routing_figures(routing: torch.Tensor) -> dict[str, float]:
    """Load of the experts: `(sprites, experts)` of weights that add up to 1."""
    load = routing.mean(0)
    leads = torch.bincount(routing.argmax(1), minlength=routing.shape[1]) / len(routing)
    entropy = -(load * load.clamp(min=1e-9).log()).sum() / math.log(max(2, len(load)))
    return {
        "expert_min_share": float(load.min()),
        "expert_entropy": float(entropy),
        "expert_max_lead": float(leads.max()),
    }


@dataclass(frozen=True, slots=True)
class Rule:
    """A figure, the limit it must stay above or below, and what to say."""

    figure: str
    side: Literal["above", "below"]
    limit: float
    advice: str


RULES: Mapping[str, Rule] = {
    "posterior_collapse": Rule(
        "active_units", "above", 0.1, "the latent says little; lower --kl-weight"
    ),
    "over_wide": Rule("val_kl", "below", 8.0, "the latent is too wide; raise --kl-weight"),
    "teacher_saturated": Rule("quality_std", "above", 0.02, "the teacher gives one answer"),
    "teacher_blind": Rule(
        "quality_gap", "above", 0.1, "the teacher does not see what was spoilt"
    ),
    "idle_expert": Rule("expert_min_share", "above", 0.05, "an expert has nothing to do"),
    "low_entropy": Rule("expert_entropy", "above", 0.5, "few experts do all the work"),
    "dead_experts": Rule("expert_max_lead", "below", 0.9, "one expert leads everywhere"),
    "soft_pixels": Rule("colour_ratio", "below", 4.0, "too many colours for pixel art"),
}


def watch(state: State, samples: Samples, _clock: Clock) -> list[Firing]:
    """Rules that the figures of this moment break, and trends over the last epochs."""
    firings = [
        Firing(name, "warn", samples.facts[rule.figure], rule.limit, rule.advice)
        for name, rule in RULES.items()
        if rule.figure in samples.facts and is_broken(rule, samples.facts[rule.figure])
    ]
    return [*firings, *trends(state.history)]


def is_broken(rule: Rule, value: float) -> bool:
    return value < rule.limit if rule.side == "above" else value > rule.limit


def trends(history: Mapping[str, list[float]]) -> list[Firing]:
    """A standstill, and a VAE that pleases the teacher while its pictures get worse."""
    recon, judged = history.get("recon", []), history.get("judged", [])
    if len(recon) <= PLATEAU:
        return []
    firings: list[Firing] = []
    gain = 1 - recon[-1] / recon[-1 - PLATEAU]
    if abs(gain) < 0.005:
        firings.append(Firing("plateau", "info", gain, 0.005, "the error stands still"))
    if len(judged) > PLATEAU and judged[-1] > judged[-1 - PLATEAU] + 0.01 and gain < -0.01:
        advice = "the VAE pleases the teacher, not the eye; lower --quality-weight"
        firings.append(Firing("reward_hacking", "warn", gain, -0.01, advice))
    return firings


def react(state: State, firings: list[Firing], _clock: Clock) -> str | None:
    """Under `--monitor act`: a VAE that flatters the teacher hears it half as loud."""
    if not any(firing.name == "reward_hacking" for firing in firings):
        return None
    state.quality_scale *= 0.5
    return f"quality weight x {state.quality_scale:g}"
