"""What a training step of the VA-GAN costs beside the passes that it cannot do without.

Run from the repository: `python -m tests.bench.va_gan_step`.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lucidsonic.training.r3gan.losses import pairing_loss, penalised_score
from lucidsonic.training.ranks import Ranks
from lucidsonic.training.run import Clock
from lucidsonic.training.update import Updater
from lucidsonic.training.va_gan import gan, vae
from lucidsonic.training.va_gan.losses import critic_loss
from lucidsonic.training.va_gan.networks import Latent

RUNS = 5
BATCH = 16
SIZE: dict[str, Any] = {
    "resolution": 64, "width": 256, "latent_dim": 128, "batch_size": BATCH, "device": "cpu",
}  # fmt: skip
LATE = Clock.at(1001, steps_per_epoch=10, batch_size=BATCH)  # phase 3, no step of R1


def fastest(work: Callable[[], object]) -> float:
    """Processor seconds of the quickest run."""
    work()
    times: list[float] = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def bare_autoencoder(state: vae.State, real: Tensor, va: Tensor) -> None:
    mean, log_variance = state.encoder(real)
    made = state.decoder(Latent.draw(mean, log_variance), va)
    descend(state.optimizer, F.mse_loss(made, real) + Latent.divergence(mean, log_variance))


def bare_hinge(state: gan.State, real: Tensor, va: Tensor) -> None:
    z = torch.randn(BATCH, state.config.latent_dim)
    with torch.no_grad():
        made = state.generator(z, va)
    (scores, emotion), (fake, _) = state.critic(real), state.critic(made)
    descend(state.opt_d, critic_loss(scores, fake) + F.mse_loss(emotion, va))
    state.critic.requires_grad_(False)
    scores, emotion = state.critic(state.generator(z, va))
    descend(state.opt_g, F.mse_loss(emotion, va) - scores.mean())
    state.critic.requires_grad_(True)


def bare_pairing(state: gan.State, real: Tensor, va: Tensor) -> None:
    z = torch.randn(BATCH, state.config.latent_dim)
    with torch.no_grad():
        made = state.generator(z, va)

    def judge(images: Tensor) -> Tensor:
        return state.critic(images, va)

    one, other = penalised_score(judge, real), penalised_score(judge, made)
    penalty = one.penalty.mean() + other.penalty.mean()
    descend(state.opt_d, pairing_loss(one.score, other.score) + penalty)
    state.critic.requires_grad_(False)
    with torch.no_grad():
        against = judge(real)
    descend(state.opt_g, pairing_loss(judge(state.generator(z, va)), against))
    state.critic.requires_grad_(True)


def second_stage(critic: str) -> gan.State:
    settings = {"vae": "none", "critic": critic, "lpips_weight": 0, "dis_width": 256}
    return gan.build(gan.Config(**SIZE, **settings), torch.device("cpu"))  # pyright: ignore[reportArgumentType]


def measure() -> None:
    pixels, va = torch.randint(0, 256, (BATCH, 3, 64, 64)).byte(), torch.rand(BATCH, 2)
    real = pixels.float() / 127.5 - 1
    updater = Updater(torch.device("cpu"), amp="off", parts=1, ranks=Ranks())
    first = vae.build(vae.Config(**SIZE), torch.device("cpu"))
    hinge, pairing = second_stage("hinge"), second_stage("pairing")
    jobs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "va-vae": (
            lambda: vae.step(first, (pixels, va), LATE, updater),
            lambda: bare_autoencoder(first, real, va),
        ),
        "va-gan, hinge": (
            lambda: gan.step(hinge, (pixels, va), LATE, updater),
            lambda: bare_hinge(hinge, real, va),
        ),
        "va-gan, pairing": (
            lambda: gan.step(pairing, (pixels, va), LATE, updater),
            lambda: bare_pairing(pairing, real, va),
        ),
    }
    for name, (step, bare) in jobs.items():
        whole, passes = fastest(step), fastest(bare)
        print(  # noqa: T201
            f"{name:16} step {whole:.3f} s, bare passes {passes:.3f} s, "
            f"ratio {whole / passes:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    measure()
