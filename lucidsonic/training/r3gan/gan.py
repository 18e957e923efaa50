"""`train r3gan`: pictures -> a generator of such pictures, by the modern GAN baseline."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lucidsonic.errors import TrainingError
from lucidsonic.training.checkpoint import read_checkpoint
from lucidsonic.training.family import Exported, Family, Firing, Metrics, Samples
from lucidsonic.training.imagenet import read_weights
from lucidsonic.training.r3gan.augment import augment
from lucidsonic.training.r3gan.config import PRESETS, Config
from lucidsonic.training.r3gan.losses import generator_loss, pairing_loss, penalised_score
from lucidsonic.training.r3gan.pictures import Pairs, load_gallery, to_network
from lucidsonic.training.r3gan.schedule import Moment, adapted_chance, ema_decay, moment
from lucidsonic.training.r3gan.score import fake_pictures, inception, measure
from lucidsonic.training.r3gan.state import State
from lucidsonic.training.r3gan.watch import close_tick, judge, note, react
from lucidsonic.training.ranks import Ranks
from lucidsonic.training.run import Clock
from lucidsonic.training.update import Losses, Updater, frozen

__all__ = ["FAMILY", "Config", "State"]

Batch = dict[str, Tensor]
WATCHED = 64  # pictures that the monitors see
SHEET = 8  # pictures along a side of the sample sheet
CHOICES = ("best.pt", "latest.pt")


def dataset(config: Config) -> Pairs:
    return Pairs(load_gallery(config))


def build(config: Config, device: torch.device) -> State:
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # penalties need the whole mantissa
    if config.features == "imagenet":
        read_weights()  # not there? Say so now, not after the first tick
    if config.inception is not None:
        inception(config.inception, device)
    return State(config, load_gallery(config), device)


def step(state: State, batch: Batch, clock: Clock, updater: Updater) -> Metrics:
    if clock.step % clock.steps_per_epoch == 0:
        state.agree(updater.ranks)
    now = moment(state.config, clock.images)
    chance = aug_chance(state, now)
    for optimizer in (state.opt_g, state.opt_d):
        for group in optimizer.param_groups:
            group["betas"] = (0.0, now.beta2)
    d = update_critic(state, batch, now, chance, updater)
    g = update_generator(state, batch, now, chance, updater)
    if updater.bad:
        state.low_stages = sound_stages(state, batch, updater.ranks)
    else:
        state.ema.update(state.generator, ema_decay(clock.batch_size, now.ema_kimg))
        note(state, d)
    if state.config.aug_mode == "ada":
        sign = updater.ranks.mean(float(d["sign"]))
        state.chance = adapted_chance(state.chance, sign, clock.batch_size)
    told = {"lr": now.lr, "beta2": now.beta2, "gamma": now.gamma, "aug_p": chance}
    return {**d, **g, **told, "ema_kimg": now.ema_kimg}


def aug_chance(state: State, now: Moment) -> float:
    if state.config.aug == "none":
        return 0.0
    base = state.chance if state.config.aug_mode == "ada" else now.aug_p
    return min(1.0, base + state.more_aug)


def aug_mode(config: Config) -> str:
    """Emotion lives in the colours: they stay as they are where it steers."""
    return "geom" if config.cond == "va" and config.aug == "r3gan" else config.aug


def update_critic(
    state: State, batch: Batch, now: Moment, chance: float, updater: Updater
) -> dict[str, Tensor]:
    config, dtypes = state.config, state.dtypes()
    gamma = now.gamma * state.more_gamma

    def losses_of(part: Batch) -> Losses:
        c = part["c"]
        z = torch.randn(len(c), config.z_dim, device=c.device)
        with torch.no_grad():
            made = state.generator(z, c, dtypes=dtypes)

        def judged(pictures: Tensor) -> Tensor:
            seen = augment(pictures, chance, mode=aug_mode(config))
            return state.discriminator(seen, c, dtypes=dtypes[::-1])

        real = penalised_score(judged, to_network(part["x"], mirror=config.mirror))
        fake = penalised_score(judged, made)
        loss = pairing_loss(real.score, fake.score)
        r1, r2 = real.penalty.mean(), fake.penalty.mean()
        gap = real.score - fake.score
        return {
            "loss": loss + 0.5 * gamma * (r1 + r2),
            "d_loss": loss,
            "r1": r1,
            "r2": r2,
            "gap": gap.mean(),
            "sign": gap.sign().mean(),
        }

    with shared_out(updater, len(batch["c"]), config.d_batch_gpu):
        losses = updater.descend(state.opt_d, losses_of, batch, lr=now.lr, clip=config.clip)
    losses["d_total"] = losses.pop("loss")
    losses["d_norm"] = losses.pop("grad_norm")
    return losses


def update_generator(
    state: State, batch: Batch, now: Moment, chance: float, updater: Updater
) -> dict[str, Tensor]:
    config, dtypes = state.config, state.dtypes()

    def losses_of(part: Batch) -> Losses:
        c = part["c_g"]
        z = torch.randn(len(c), config.z_dim, device=c.device)
        made = state.generator(z, c, dtypes=dtypes)

        def judged(pictures: Tensor) -> Tensor:
            seen = augment(pictures, chance, mode=aug_mode(config))
            return state.discriminator(seen, c, dtypes=dtypes[::-1])

        with torch.no_grad():
            real = judged(to_network(part["x_g"], mirror=config.mirror))
        return {"loss": generator_loss(real, judged(made))}

    parts = shared_out(updater, len(batch["c"]), config.g_batch_gpu)
    with frozen(state.discriminator), parts:
        losses = updater.descend(state.opt_g, losses_of, batch, lr=now.lr, clip=config.clip)
    return {"g_loss": losses["loss"], "g_norm": losses["grad_norm"]}


@contextmanager
def shared_out(updater: Updater, pictures: int, most: int) -> Iterator[None]:
    """At most so many pictures at once; what memory has taught the updater stays learnt."""
    before = updater.parts
    wanted = -(-pictures // most) if most else 1
    updater.parts = max(before, wanted)
    yield
    if updater.parts <= wanted:
        updater.parts = before


def sound_stages(state: State, batch: Batch, ranks: Ranks) -> list[int]:
    """The bf16 stages that may go on: those that alone leave everything finite, on all ranks.

    When each of them is sound by itself, the trouble is elsewhere: then none goes on.
    """
    before = state.low_stages
    kept = [stage for stage in before if not ranks.any(not is_sound(state, batch, stage))]
    state.low_stages = before
    return kept if kept != before else []


def is_sound(state: State, batch: Batch, stage: int) -> bool:
    """Whether pictures, scores and penalties are finite with this stage alone in bf16."""
    state.low_stages = [stage]
    c, dtypes = batch["c"], state.dtypes()
    z = torch.randn(len(c), state.config.z_dim, device=c.device)
    with torch.no_grad():
        made = state.generator(z, c, dtypes=dtypes)
    judged = penalised_score(lambda x: state.discriminator(x, c, dtypes=dtypes[::-1]), made)
    figures = (made, judged.score, judged.penalty)
    return all(bool(torch.isfinite(figure).all()) for figure in figures)


def evaluate(state: State, clock: Clock, _updater: Updater) -> Metrics:
    config = state.config
    is_due = clock.epoch % config.score_every == 0
    figures = measure(state) if is_due else {}
    close_tick(state, figures)
    return figures


@torch.no_grad()
def sample(state: State) -> Samples:
    count = max(WATCHED, SHEET**2)
    labels = torch.from_numpy(state.gallery.labels)
    chosen = torch.randint(len(labels), (count,))
    images = fake_pictures(state, torch.randn(count, state.config.z_dim), labels[chosen])
    real = torch.from_numpy(state.gallery.pixels)[chosen[: SHEET**2]].float() / 255
    sheets = {"samples": tiled(images[: SHEET**2]), "reals": tiled(real)}
    return Samples(sheets, images[:WATCHED])


def tiled(images: Tensor) -> Tensor:
    """Pictures `(SHEET², 3, size, size)` as one."""
    _, channels, height, width = images.shape
    rows = images.view(SHEET, SHEET, channels, height, width).permute(2, 0, 3, 1, 4)
    return rows.reshape(channels, SHEET * height, SHEET * width)


def export(folder: Path) -> Exported:
    saved = read_checkpoint(choose(folder), family="r3gan")
    options = saved["state"]["options"]
    resolution = 2 << len(options["widths"])
    return Exported("r3gan", options, saved["state"]["ema"], resolution)


def choose(folder: Path) -> Path:
    """The best checkpoint of a run folder, else its latest; a checkpoint is itself."""
    if folder.is_file():
        return folder
    for name in CHOICES:
        if (folder / "checkpoints" / name).exists():
            return folder / "checkpoints" / name
    raise TrainingError(
        f"There is no checkpoint in {folder}.",
        hint="Give the run folder that holds config.json and checkpoints/.",
    )


def pictures(batch: Batch) -> Tensor:
    return batch["x"].float() / 255


def watch(state: State, _samples: Samples, clock: Clock) -> list[Firing]:
    return judge(state, clock)


def respond(state: State, firings: list[Firing], _clock: Clock) -> str | None:
    return react(state, firings, state.config)


def notes(state: State) -> list[str]:
    return state.gallery.describe()


def aliases(state: State, moment_name: str) -> dict[str, dict[str, Any]]:
    snapshot = {
        "G": state.generator.state_dict(),
        "D": state.discriminator.state_dict(),
        "G_ema": state.ema.state_dict(),
        "options": state.options,
    }
    return {f"network-snapshot-{moment_name}.pt": snapshot}


FAMILY: Family[Config, State] = Family(
    name="r3gan",
    config=Config,
    presets=PRESETS,
    dataset=dataset,
    build=build,
    step=step,
    sample=sample,
    export=export,
    evaluate=evaluate,
    pictures=pictures,
    watch=watch,
    react=respond,
    aliases=aliases,
    notes=notes,
    panels={
        "loss": ("g_loss", "d_loss"),
        "penalties": ("r1", "r2"),
        "certainty": ("sign", "gap"),
        "schedules": ("gamma", "aug_p", "ema_kimg"),
        "score": ("score", "frechet_proxy"),
    },
)
