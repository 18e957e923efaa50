"""What a training step of R3GAN costs beside the passes that it cannot do without.

Run from the repository: `python -m tests.bench.r3gan_step [preset ...]`.

On one core of a Xeon with AVX-512 (torch 2.13), batches of 16: `test-32` 0.124 s a step, 1.03
times its bare passes; `lucid-64-tiny` 1.02 s, 1.02 times. More than 1.25 would be waste.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lucidsonic.nn.grouped import weights_at_rest
from lucidsonic.training.r3gan.config import PRESETS, Config
from lucidsonic.training.r3gan.gan import step
from lucidsonic.training.r3gan.pictures import Gallery
from lucidsonic.training.r3gan.state import State
from lucidsonic.training.ranks import Ranks
from lucidsonic.training.run import Clock, resolve_config
from lucidsonic.training.update import Updater

RUNS = 5


def make_state(preset: str) -> State:
    config = resolve_config(
        Config, {"data": Path("none"), "batch_size": 16}, preset=preset, presets=PRESETS
    )
    side = config.resolution
    pixels = np.random.default_rng(0).integers(0, 256, (32, 3, side, side), dtype=np.uint8)
    gallery = Gallery(pixels, np.zeros((32, 0), np.float32))
    return State(config, gallery, torch.device("cpu"))


def bare(state: State, real: Tensor) -> None:
    """Both networks' forward and backward passes, and nothing else."""
    z = torch.randn(len(real), state.config.z_dim)
    with torch.no_grad():
        made = state.generator(z)
    scores: list[Tensor] = []
    penalties: list[Tensor] = []
    for pictures in (real.clone().requires_grad_(True), made.requires_grad_(True)):
        score = state.discriminator(pictures)
        with weights_at_rest():
            (gradient,) = torch.autograd.grad(score.sum(), pictures, create_graph=True)
        scores.append(score)
        penalties.append(gradient.square().sum((1, 2, 3)).mean())
    (F.softplus(scores[1] - scores[0]).mean() + penalties[0] + penalties[1]).backward()
    state.opt_d.step()
    state.opt_d.zero_grad()
    state.discriminator.requires_grad_(False)
    with torch.no_grad():
        against = state.discriminator(real)
    F.softplus(against - state.discriminator(state.generator(z))).mean().backward()
    state.discriminator.requires_grad_(True)
    state.opt_g.step()
    state.opt_g.zero_grad()


def fastest(work: Callable[[], object]) -> float:
    """Processor seconds of the quickest run."""
    work()
    times: list[float] = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def measure(preset: str) -> str:
    state = make_state(preset)
    pixels = torch.from_numpy(state.gallery.pixels[:16])
    nothing = torch.zeros(16, 0)
    batch = {"x": pixels, "c": nothing, "x_g": pixels, "c_g": nothing}
    updater = Updater(torch.device("cpu"), amp="off", parts=1, ranks=Ranks())
    clock = Clock.at(100, steps_per_epoch=50, batch_size=16)
    real = pixels.float() / 127.5 - 1
    whole = fastest(lambda: step(state, batch, clock, updater))
    passes = fastest(lambda: bare(state, real))
    ratio = whole / passes
    return f"{preset:16} step {whole:.3f} s, bare passes {passes:.3f} s, ratio {ratio:.2f}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or ("test-32", "lucid-64-tiny"):
        print(measure(name), flush=True)  # noqa: T201
