"""Stage B, `train va-gan`: the decoder of stage A becomes a generator that obeys emotion."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.data import Dataset

from lucidsonic.errors import ConfigError, TrainingError
from lucidsonic.nn.axes import channels_last
from lucidsonic.nn.ema import Ema
from lucidsonic.training.data import normalise_va
from lucidsonic.training.family import Exported, Family, Firing, Metrics, Samples
from lucidsonic.training.run import Clock
from lucidsonic.training.score import frechet_distance, picture_features
from lucidsonic.training.update import Losses, Updater, frozen
from lucidsonic.training.va_gan.adversary import ADVERSARIES, Lesson
from lucidsonic.training.va_gan.augment import EVERY, adjust_chance, augment
from lucidsonic.training.va_gan.emotion_data import (
    describe_sets,
    emotion_grid,
    load_sets,
    to_network,
    to_pictures,
    wish,
)
from lucidsonic.training.va_gan.export import export_decoder
from lucidsonic.training.va_gan.gan_config import TINY, Config
from lucidsonic.training.va_gan.likeness import colour_emotion, texture_distance
from lucidsonic.training.va_gan.losses import diversity_loss
from lucidsonic.training.va_gan.networks import Encoder
from lucidsonic.training.va_gan.perceptual import find_distance
from lucidsonic.training.va_gan.schedule import Weights, learning_rate, phase, weights_at
from lucidsonic.training.va_gan.watch import emotion_facts, emotion_line, judge, react

__all__ = ["FAMILY", "Config", "State"]

Batch = tuple[torch.Tensor, torch.Tensor]
MEMBERS = 4  # pictures that share one z in the diversity loss
WATCHED = 64  # pictures that the monitors see
SCORED = 256  # pictures that the score is measured on
LEVELS = (1.8, 4.5, 7.2)  # 0.2, 0.5, 0.8 of nine
RENAMED_D = {"loss": "d_total", "grad_norm": "d_norm"}
RENAMED_G = {"loss": "g_loss", "grad_norm": "g_norm"}
EMOTION_LINE = 1000  # steps between figures of the emotion units
MEMORY = 0.995  # of the critic's running figures, 200 steps


class State:
    """Everything a checkpoint of stage B holds."""

    def __init__(self, config: Config, device: torch.device) -> None:
        if config.phase2_end <= config.phase1_end:
            raise ConfigError("Phase 2 must end after phase 1.")
        self.config, self.device = config, device
        encoder = Encoder(
            latent_dim=config.latent_dim, resolution=config.resolution, width=config.width
        )
        critic = ADVERSARIES[config.critic].build(
            resolution=config.resolution, width=config.dis_width
        )
        self.generator = channels_last(config.decoder().to(device))
        self.encoder = channels_last(encoder.to(device))
        self.critic = channels_last(critic.to(device))
        _warm_start(self, config)
        self.encoder.eval().requires_grad_(False)
        self.ema = Ema(self.generator)
        self.opt_g = torch.optim.Adam(self.generator.parameters(), betas=(0.0, 0.99))
        self.opt_d = torch.optim.Adam(self.critic.parameters(), betas=(0.0, 0.99))
        self.chance = 0.0  # of augmentation
        self.sign = 0.0  # sum of the critic's signs since the last adjustment
        self.tuned: dict[str, Any] = {}  # what the ladder changed
        self.memory: dict[str, float] = {}
        self.distance = (
            find_distance(config.perceptual, config.lpips_weights, device)
            if config.lpips_weight
            else None
        )

    def augmented(self, images: torch.Tensor) -> torch.Tensor:
        """What the critic sees of pictures."""
        return augment(images, self.chance)

    @property
    def settings(self) -> Config:
        """The settings with what the ladder changed."""
        known = {k: v for k, v in self.tuned.items() if k in Config.model_fields}
        return self.config.model_copy(update=known) if known else self.config

    def state_dict(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name).state_dict() for name in MODULES},
            **{name: getattr(self, name) for name in VALUES},
            "eru_clamp": self.settings.eru_clamp,
            "norm": {"va_norm": self.config.va_norm},
        }

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        for name in MODULES:
            getattr(self, name).load_state_dict(state[name])
        for name in VALUES:
            setattr(self, name, state[name])
        _bind(self, state["eru_clamp"])


MODULES = ("generator", "ema", "critic", "encoder", "opt_g", "opt_d")
VALUES = ("chance", "sign", "tuned", "memory")
START_HINT = "Give vae_best.pth of `train va-vae`, with the same size, width and latent."


def _bind(state: State, clamp: str) -> None:
    for module in (state.generator, state.ema.module):
        for unit in module.emotion_units:  # pyright: ignore[reportGeneralTypeIssues]
            unit.clamp = clamp


def _warm_start(state: State, config: Config) -> None:
    if config.vae == "none":
        return
    if not config.vae:
        raise ConfigError(
            "The GAN starts from stage A's decoder.",
            hint="Give --vae RUN/checkpoints/vae_best.pth, or --vae none to start cold.",
        )
    path = Path(config.vae)
    if not path.is_file():
        raise ConfigError(f"There is no file {path}.", hint=START_HINT)
    try:
        saved = torch.load(path, map_location=state.device, weights_only=True)
        state.encoder.load_state_dict(saved["encoder"])
        state.generator.load_state_dict(saved["decoder"])
    except (OSError, RuntimeError, KeyError, EOFError) as error:
        raise TrainingError(
            f"{path} does not fit as a start: {error}",
            hint=START_HINT,
        ) from error
    if saved["va_norm"] != config.va_norm:
        raise ConfigError(f"{path} was trained with --va-norm {saved['va_norm']}.")


def dataset(config: Config) -> Dataset[Any]:
    return load_sets(config).train


def build(config: Config, device: torch.device) -> State:
    return State(config, device)


def step(state: State, batch: Batch, clock: Clock, updater: Updater) -> Metrics:
    config = state.settings
    weights = weights_at(clock.epoch, config)
    metrics: dict[str, Any] = {}
    if weights.adv:
        metrics |= _update_critic(state, batch, clock, updater)
    metrics |= _update_generator(state, batch, clock, updater, weights)
    state.ema.update(state.generator, config.ema_decay)
    factors = {f"w_{name}": getattr(weights, name) for name in ("adv", "rec", "lpips")}
    if clock.step % EMOTION_LINE == 0:
        metrics |= emotion_line(state.generator, batch[1])
    return {**metrics, **factors}


def _update_critic(
    state: State, batch: Batch, clock: Clock, updater: Updater
) -> dict[str, Any]:
    config, adversary = state.settings, ADVERSARIES[state.config.critic]
    gamma = adversary.penalty(config, clock)

    def losses_of(part: Batch) -> Losses:
        real = to_network(part[0], hflip=config.hflip)
        wanted = adversary.wanted(part[1], config.va_norm)
        z = torch.randn(len(real), config.latent_dim, device=real.device)
        with torch.no_grad():
            fake = state.generator(z, wanted)
        lesson = Lesson(real, part[1], fake, wanted, state.augmented)
        return adversary.teach(state.critic, lesson, va=config.va_weight_d, gamma=gamma)

    lr = learning_rate(config.lr_dis, clock.epoch, config)
    losses = updater.descend(state.opt_d, losses_of, batch, lr=lr, clip=config.clip)
    _remember(state, losses, clock)
    named = {RENAMED_D.get(name, name): value for name, value in losses.items()}
    return {**named, "lr_d": lr, "ada_p": state.chance}


def _remember(state: State, losses: dict[str, torch.Tensor], clock: Clock) -> None:
    for name in ("d_loss", "d_wrong"):
        value = float(losses[name])
        state.memory[name] = MEMORY * state.memory.get(name, value) + (1 - MEMORY) * value
    if not state.config.ada:
        return
    state.sign += float(losses["d_sign"])
    if (clock.step + 1) % EVERY == 0:
        state.chance = adjust_chance(
            state.chance, state.sign / EVERY, batch_size=clock.batch_size
        )
        state.sign = 0.0


def _update_generator(
    state: State, batch: Batch, clock: Clock, updater: Updater, weights: Weights
) -> dict[str, Any]:
    config = state.settings

    def losses_of(part: Batch) -> Losses:
        images = to_network(part[0], hflip=config.hflip)
        losses: dict[str, torch.Tensor] = {"loss": images.new_zeros(())}
        if weights.rec or (weights.lpips and state.distance):
            _add_reconstruction(state, images, part[1], weights, losses)
        if weights.adv:
            _add_judgement(state, images, part[1], weights, losses)
        if weights.emotion and (config.texture_weight or config.colour_weight):
            _add_likeness(state, images, part[1], losses)
        return losses

    lr = learning_rate(config.lr_gen, clock.epoch, config)
    with frozen(state.critic):
        losses = updater.descend(state.opt_g, losses_of, batch, lr=lr, clip=config.clip)
    return {
        **losses,
        "g_loss": losses.pop("loss"),
        "g_norm": losses.pop("grad_norm"),
        "lr_g": lr,
    }


def _add_reconstruction(
    state: State,
    images: torch.Tensor,
    va: torch.Tensor,
    weights: Weights,
    losses: dict[str, torch.Tensor],
) -> None:
    # The frozen encoder's own latent: against a random one the target would be a mean picture.
    with torch.no_grad():
        mean, _ = state.encoder(images)
    made = state.generator(mean, va)
    losses["rec"] = F.mse_loss(made, images)
    losses["loss"] = losses["loss"] + weights.rec * losses["rec"]
    if weights.lpips and state.distance:
        losses["perceptual"] = state.distance.measure(made, images)
        losses["loss"] = losses["loss"] + weights.lpips * losses["perceptual"]


def _add_judgement(
    state: State,
    images: torch.Tensor,
    va: torch.Tensor,
    weights: Weights,
    losses: dict[str, torch.Tensor],
) -> None:
    config, adversary = state.settings, ADVERSARIES[state.config.critic]
    wanted, count = adversary.wanted(va, config.va_norm), len(va)
    groups = max(1, count // (2 * MEMBERS)) if weights.diversity and count >= MEMBERS else 0
    grouped = groups * MEMBERS
    z = torch.randn(count, config.latent_dim, device=va.device)
    if config.div_shared_z and groups:
        z = torch.cat([z[:groups].repeat_interleave(MEMBERS, 0), z[grouped:]])
    fake = state.generator(z, wanted)
    losses |= adversary.ask(state.critic, Lesson(images, va, fake, wanted, state.augmented))
    total = weights.adv * losses["adv"]
    if "va_g" in losses:
        total = total + weights.va * losses["va_g"]
    if groups:
        losses["div"] = diversity_loss(
            fake[:grouped].unflatten(0, (groups, MEMBERS)),
            wanted[:grouped].unflatten(0, (groups, MEMBERS)),
        )
        total = total + weights.diversity * losses["div"]
    losses["loss"] = losses["loss"] + total


def _add_likeness(
    state: State, images: torch.Tensor, va: torch.Tensor, losses: dict[str, torch.Tensor]
) -> None:
    config, labelled = state.settings, (len(va) + 1) // 2
    wanted = wish(va, config.va_norm)
    z = torch.randn(len(va), config.latent_dim, device=va.device)
    made = state.generator(z, wanted)
    if config.texture_weight:
        # Those painted to the pictures' own emotions; elsewhere on the plane nothing compares.
        losses["texture"] = texture_distance(made[:labelled], images[:labelled])
        losses["loss"] = losses["loss"] + config.texture_weight * losses["texture"]
    if config.colour_weight:
        seen = normalise_va(colour_emotion(made), config.va_norm)
        losses["colour"] = F.mse_loss(seen, wanted)
        losses["loss"] = losses["loss"] + config.colour_weight * losses["colour"]


@torch.no_grad()
def evaluate(state: State, clock: Clock, _updater: Updater) -> Metrics:
    """Phase 3 only: before it the losses do not compare."""
    config = state.settings
    due = clock.epoch % config.sample_every == 0 or clock.epoch == config.epochs
    if phase(clock.epoch, config) < 3 or not due:
        return {}
    held = load_sets(config).held_out
    count = len(held.pixels)
    spread = torch.linspace(0, count - 1, min(SCORED, count)).long()  # of all photographs
    real = picture_features(to_pictures(to_network(held.pixels[spread])))
    wanted = held.va[spread].to(state.device)
    z = torch.randn(len(wanted), config.latent_dim, device=state.device)
    fakes = [state.ema.module(a, b) for a, b in zip(z.split(64), wanted.split(64), strict=True)]
    guesses = torch.cat([_guess(state, fake) for fake in fakes])
    made = torch.cat([picture_features(to_pictures(fake).cpu()) for fake in fakes])
    distance = frechet_distance(made, real) / real.shape[1]
    va_error = float(F.mse_loss(guesses, wanted))
    return {"score": distance + va_error, "frechet_proxy": distance, "val_va": va_error}


def _guess(state: State, images: torch.Tensor) -> torch.Tensor:
    """The critic's opinion of the pictures' emotions, or their colours' if it has none."""
    if state.settings.adv_weight and state.config.critic == "hinge":
        return state.critic(images)[1]
    return normalise_va(colour_emotion(images), state.settings.va_norm)


@torch.no_grad()
def sample(state: State) -> Samples:
    config = state.settings
    decoder: Any = state.ema.module
    sheets = {
        name: emotion_grid(
            decoder,
            latent_dim=config.latent_dim,
            levels=LEVELS,
            norm=config.va_norm,
            is_shared=is_shared,
            device=state.device,
        )
        for name, is_shared in (("samples", True), ("free", False))
    }
    va = normalise_va(1 + 8 * torch.rand(WATCHED, 2, device=state.device), config.va_norm)
    z = torch.randn(WATCHED, config.latent_dim, device=state.device)
    images = to_pictures(decoder(z, va)).cpu()
    return Samples(sheets, images, emotion_facts(decoder, images, va.cpu(), config.va_norm))


def export(folder: Path) -> Exported:
    return export_decoder(folder, family="va-gan")


def pictures(batch: Batch) -> torch.Tensor:
    return to_pictures(to_network(batch[0]))


def watch(state: State, samples: Samples, clock: Clock) -> list[Firing]:
    return judge(dict(samples.facts), state.memory, clock, state.settings)


def respond(state: State, firings: list[Firing], clock: Clock) -> str | None:
    done = react(state.tuned, state.memory, firings, clock, state.config)
    _bind(state, state.settings.eru_clamp)
    return done


def aliases(state: State, moment: str) -> dict[str, dict[str, Any]]:
    files = {
        f"progressive_gen_{moment}.pth": state.generator.state_dict(),
        f"progressive_gen_ema_{moment}.pth": state.ema.state_dict(),
    }
    if moment == "best":
        files["progressive_dis_best.pth"] = state.critic.state_dict()
    return files


def notes(state: State) -> list[str]:
    said = [state.distance.note] if state.distance else []
    return [*describe_sets(state.config), *said]


FAMILY: Family[Config, State] = Family(
    name="va-gan",
    config=Config,
    presets={"va-gan-tiny": TINY},
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
        "generator": ("g_loss", "adv"),
        "critic": ("d_loss", "r1", "r2"),
        "reconstruction": ("rec", "perceptual", "texture"),
        "emotion": ("va_d", "va_g", "div", "colour"),
        "weights": ("w_adv", "w_rec", "w_lpips"),
        "score": ("score", "frechet_proxy", "val_va"),
    },
)
