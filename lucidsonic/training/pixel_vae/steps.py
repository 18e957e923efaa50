"""One training step: the teacher's lesson, then the autoencoder's; or both from one loss."""

import math
from collections.abc import Callable

import torch
from torch.nn import functional

from lucidsonic.generators.pixel_vae import Judgement
from lucidsonic.training.family import Metrics
from lucidsonic.training.pixel_vae.config import Config
from lucidsonic.training.pixel_vae.corrupt import corrupt
from lucidsonic.training.pixel_vae.dataset import jitter
from lucidsonic.training.pixel_vae.losses import (
    corruption_targets,
    kl_divergence,
    kl_share,
    load_balance,
    quality_term,
    ranking,
    reconstruction_targets,
    semantic_term,
)
from lucidsonic.training.pixel_vae.state import State
from lucidsonic.training.run import Clock
from lucidsonic.training.update import Losses, Updater

Batch = dict[str, torch.Tensor]


def step(state: State, batch: Batch, clock: Clock, updater: Updater) -> Metrics:
    """Teach the teacher on real, spoilt and reconstructed sprites, then the VAE.

    Args:
        state: changed in place.
        batch: "image" `(batch, colours, size, size)` in [-1, 1] and "words" `(batch, e)`.
        clock: position of the run.
        updater: takes the steps.
    """
    images = jitter(batch["image"], shift=state.config.jitter_px)
    cosine = restart_share(clock, state.config.scheduler_t0)
    lr = {name: annealed(state, name, cosine) for name in ("vae_lr", "teacher_lr")}
    facts: dict[str, float | torch.Tensor] = dict(lr)
    lessons = make_lessons(state, images, batch["words"]) if state.teacher else None
    if state.teacher_opt is not None and lessons is not None:
        facts |= teach(state, state.teacher_opt, lessons, updater, lr=lr["teacher_lr"])
        lessons = None
    facts |= train_vae(state, images, lessons, clock, updater, lr=lr["vae_lr"])
    state.ema.update(state.vae, warm_decay(state.config.ema_decay, clock.step))
    if clock.epoch == 1:
        state.errors.append(float(facts["recon"]))
    return facts


def warm_decay(decay: float, step: int) -> float:
    """A shorter memory at the start, so that the average forgets the random weights."""
    return min(decay, (1 + step) / (10 + step))


def restart_share(clock: Clock, first: int) -> float:
    """Cosine from 1 to 0 over `first` epochs, then over twice as many, and so on.

    The position is counted in epochs (Loshchilov & Hutter 2017, SGDR, eq. 5, T_mult = 2).
    """
    epochs = clock.step / clock.steps_per_epoch
    cycle = math.floor(math.log2(epochs / first + 1) + 1e-9)
    start = first * (2**cycle - 1)
    return (1 + math.cos(math.pi * (epochs - start) / (first * 2**cycle))) / 2


def annealed(state: State, name: str, share: float) -> float:
    top, floor = getattr(state.config, name), state.config.min_lr
    return floor + (top - floor) * share


def make_lessons(state: State, images: torch.Tensor, words: torch.Tensor) -> Batch:
    """What the teacher is shown: real, a little spoilt, more spoilt, reconstructed."""
    if state.teacher_opt is not None:  # one loss for both wants as many sprites for both
        shown = state.config.lesson_sprites or None
        images, words = images[:shown], words[:shown]
    low, high = torch.rand(2, len(images)).sort(0).values.to(images)
    seed = int(torch.randint(2**31, ()))
    spoilt = [corrupt(images, s, torch.Generator().manual_seed(seed)) for s in (low, high)]
    with torch.no_grad():
        rebuilt = state.vae.decoder(state.vae.encoder(images)[0])
    return {
        "real": images,
        "mild": spoilt[0],
        "heavy": spoilt[1],
        "rebuilt": rebuilt.to(images),
        "low": low,
        "high": high,
        "words": words,
    }


def teach(
    state: State,
    optimizer: torch.optim.Optimizer,
    lessons: Batch,
    updater: Updater,
    *,
    lr: float,
) -> Metrics:
    """One step of the teacher alone."""
    config = state.config
    set_learning(state, on=True)

    def losses_of(part: Batch) -> Losses:
        return TEACHER_LOSSES[config.teacher_loss](state, part)

    losses = updater.descend(optimizer, losses_of, lessons, lr=lr, clip=config.clip)
    return {f"teacher_{name}": value for name, value in losses.items()}


def set_learning(state: State, *, on: bool) -> None:
    """Whether the teacher learns; when not, it judges with its running statistics."""
    if state.teacher is not None:
        state.teacher.train(on).requires_grad_(on)


def train_vae(
    state: State,
    images: torch.Tensor,
    lessons: Batch | None,
    clock: Clock,
    updater: Updater,
    *,
    lr: float,
) -> Metrics:
    """One step of the VAE, with the teacher held still; of both where there are lessons."""
    config = state.config
    set_learning(state, on=lessons is not None)
    beta = config.kl_weight * kl_share(clock.epoch, warmup=config.kl_warmup)
    heard = state.quality_scale * (clock.epoch > config.teacher_start)

    def losses_of(part: Batch) -> Losses:
        losses = vae_losses(state, part["image"], beta=beta, heard=heard)
        if lessons is None:
            return losses
        taught = TEACHER_LOSSES[config.teacher_loss](state, part)
        named = {f"teacher_{name}": value for name, value in taught.items()}
        return {**losses, **named, "loss": losses["loss"] + taught["loss"]}

    batch = {"image": images, **(lessons or {})}
    losses = updater.descend(state.vae_opt, losses_of, batch, lr=lr, clip=config.clip)
    return {**losses, "beta": beta}


def vae_losses(state: State, images: torch.Tensor, *, beta: float, heard: float) -> Losses:
    """Pixels, KL and the teacher's word on the reconstruction.

    Args:
        state: its VAE is run; its teacher judges.
        images: `(batch, colours, size, size)` in [-1, 1].
        beta: weight of the KL in this epoch.
        heard: factor on the quality weight; 0 leaves the teacher out.
    """
    config = state.config
    mean, log_variance = state.vae.encoder(images)
    latent = mean + torch.randn_like(mean) * (log_variance / 2).exp()
    rebuilt = state.vae.decoder(latent)
    recon = functional.mse_loss(rebuilt.float(), images)
    kl = kl_divergence(mean.float(), log_variance.float())
    loss = config.recon_weight * recon + beta * kl
    losses = {"recon": recon, "kl": kl}
    weight = config.quality_weight * heard
    if state.teacher is not None and weight:
        judged = state.teacher(rebuilt[: config.lesson_sprites or None])
        losses["quality"] = judged.quality.mean()
        loss = loss + weight * quality_term(judged, config.quality_threshold)
    return {**losses, "loss": loss}


LESSONS = ("real", "mild", "heavy", "rebuilt")


def judge_lessons(state: State, part: Batch) -> tuple[Judgement, list[torch.Tensor]]:
    """All lessons in one pass, and the logits of each kind."""
    # one pass: else batch statistics would tell good batches from bad ones
    assert state.teacher is not None  # there are lessons only with one
    judgement = state.teacher(torch.cat([part[name] for name in LESSONS]))
    return judgement, list(judgement.logit.chunk(len(LESSONS)))


def supervised_loss(state: State, part: Batch) -> Losses:
    """Targets that a constant answer cannot meet."""
    config, best = state.config, state.config.quality_threshold
    judgement, (real, mild, heavy, rebuilt) = judge_lessons(state, part)
    error = (part["rebuilt"] - part["real"]).square().mean((1, 2, 3))
    known = 1.0 if state.rate else 0.0
    targets = [
        torch.full_like(real, best),
        corruption_targets(part["low"], best),
        corruption_targets(part["high"], best),
        reconstruction_targets(error, best, rate=state.rate),
    ]
    bce = functional.binary_cross_entropy_with_logits
    weights = (1.0, 1.0, 1.0, known)
    logits = (real, mild, heavy, rebuilt)
    quality = sum(
        w * bce(x, t.to(x)) for w, x, t in zip(weights, logits, targets, strict=True)
    ) / sum(weights)
    order = ranking(real, mild, part["low"]) + ranking(mild, heavy, part["high"] - part["low"])
    losses = {
        "quality": quality,
        "order": order,
        "real": real.sigmoid().mean(),
        "gap": (real.sigmoid() - heavy.sigmoid()).mean(),
    }
    extra = routing_losses(config, judgement, part)
    return {"loss": quality + order + extra.pop("sum", 0.0), **losses, **extra}


def routing_losses(
    config: Config, judgement: Judgement, part: Batch
) -> dict[str, torch.Tensor]:
    """What only a mixture of experts has: words and balance, weighted in "sum"."""
    if judgement.embedding is None or judgement.routing is None:
        return {}
    count = len(part["real"])
    semantic = semantic_term(judgement.embedding[:count], part["words"])
    balance = load_balance(judgement.routing)
    return {
        "sum": config.semantic_weight * semantic + config.balance_weight * balance,
        "semantic": semantic,
        "balance": balance,
        **{f"expert_{e}": judgement.routing[:, e].mean() for e in range(config.num_experts)},
    }


def constant_loss(state: State, part: Batch) -> Losses:
    """The brief's BCE(q, threshold) on real and rebuilt sprites; q = threshold wins it."""
    judgement, (real, _, _, rebuilt) = judge_lessons(state, part)
    loss = quality_term(Judgement(torch.cat([real, rebuilt])), state.config.quality_threshold)
    extra = routing_losses(state.config, judgement, part)
    return {"loss": loss + extra.pop("sum", 0.0), "quality": loss, **extra}


def negative_loss(state: State, part: Batch) -> Losses:
    """The brief's -mean(q); q = 1 wins it."""
    judgement, (real, _, _, rebuilt) = judge_lessons(state, part)
    loss = -torch.cat([real, rebuilt]).sigmoid().mean()
    extra = routing_losses(state.config, judgement, part)
    return {"loss": loss + extra.pop("sum", 0.0), "quality": loss, **extra}


TEACHER_LOSSES: dict[str, Callable[[State, Batch], Losses]] = {
    "supervised": supervised_loss,
    "bce": constant_loss,
    "neg": negative_loss,
}
