"""pixel_vae: the Generator and load()."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from lucidsonic.errors import WeightsError
from lucidsonic.generators.pixel_vae.network import Decoder, VaeShape
from lucidsonic.generators.pixel_vae.options import Options
from lucidsonic.generators.pixel_vae.palette import RING
from lucidsonic.generators.pixel_vae.posterior import (
    Indices,
    Posterior,
    draw_good,
    nearest,
    posterior_from_tensors,
    random_posterior,
)
from lucidsonic.generators.pixel_vae.scene import Moves
from lucidsonic.generators.pixel_vae.teacher import (
    MoeTeacher,
    QualityTeacher,
    TeacherShape,
    build_teacher,
)
from lucidsonic.generators.pixel_vae.world import World, build_world
from lucidsonic.nn.state import fill
from lucidsonic.types import Capabilities, Controls, FloatArray

DIRECTION = 1.6  # length of a push, standard deviations of the first principal axis
ROWS = 4  # latents decoded at once: always as many, so that rounding never differs
JUMP_PX = 7.0  # how high a full push throws the dancers
HERO_JUMP_PX = 4.0  # the same for the hero, by the kick alone
LAMP = 0.16  # how far a full kick widens the lamp
LAMP_ZOOM = 1.5  # how far the lamp widens with the zoom
FLOOR_CONTRAST = 3.0  # few floors at once look laid out, many look spilt
PAN = 8.0  # the floor moves so much further than a photograph would
TURNS = 12.0  # rotations of the palette for a coarse gain of 1 above neutral
KICK = 0.4  # share of a full push from which the palette rotates
DRIFTS = 4  # pictures that sparks rise in a turn of the noise

Teacher = QualityTeacher | MoeTeacher


class PixelVae:
    """A decoder, what it knows of its sprites, and the stage that they dance on."""

    has_mapping = False
    num_ws = 0

    def __init__(
        self, decoder: Decoder, posterior: Posterior, teacher: Teacher | None, options: Options
    ) -> None:
        self.options = options
        self.decoder = decoder.eval().requires_grad_(requires_grad=False)
        self.teacher = teacher.eval().requires_grad_(requires_grad=False) if teacher else None
        self.posterior = posterior
        self.device = next(decoder.parameters()).device
        self.z_dim = options.latent
        self.c_dim = len(options.classes)
        self.size = options.size
        axis = posterior.directions[0]
        self.push = DIRECTION * float(np.linalg.norm(axis))
        self.kick_axis = axis / np.linalg.norm(axis)
        self.world: World = build_world(self.decode, posterior, options.look)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            z_dim=self.z_dim,
            c_dim=self.c_dim,
            condition="class",
            class_names=self.options.classes,
            has_noise=True,
            has_transform=True,
            dim=self.z_dim,
            spherical=False,
            anchored=True,
            size=self.size,
            resolution_free=True,
        )

    def keyframes(self, seeds: Sequence[int]) -> FloatArray:
        """Sprites worth dancing with: the teacher's favourite of up to three for each seed."""
        return np.stack([self._keyframe(seed) for seed in seeds]).astype(np.float32)

    def _keyframe(self, seed: int) -> FloatArray:
        return draw_good(
            lambda rng: SAMPLERS[self.options.sampler](self, rng),
            self.judge,
            np.random.default_rng(seed),
            threshold=self.options.quality,
        )

    def judge(self, latents: FloatArray) -> FloatArray:
        """The teacher's quality of decoded latents, or that of the nearest known sprites.

        Args:
            latents: `(count, dim)`.
        """
        if self.teacher is None:
            return self.posterior.qualities[nearest(latents, self.posterior.anchors)]
        with torch.inference_mode():
            return self.teacher(self.decode(latents)).quality.float().cpu().numpy()

    def directions(self, count: int, *, seed: int) -> FloatArray:
        """Principal axes of the sprites, all made equally long; the first is the kick's.

        The seed chooses their signs and the order of all but the first.
        """
        rng = np.random.default_rng(seed)
        axes = self.posterior.directions
        order = [0, *(1 + rng.permutation(len(axes) - 1))]
        chosen = axes[np.resize(order, count)]
        unit = chosen / np.linalg.norm(chosen, axis=1, keepdims=True)
        return (unit * self.push * rng.choice([-1.0, 1.0], (count, 1))).astype(np.float32)

    @torch.inference_mode()
    def render(self, controls: Controls, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Frames of the scene: `(frames, 3, height, width)` in [0, 1], in whole art pixels.

        A push off the nearest known sprite makes the dancers jump; its part along the first
        principal axis, where kicks push, rotates the floor's palette and widens the lamp.
        """
        near, push = self.placed(controls.latent[:, 0])
        numbers = self.world.paint(
            lambda latents: self.decode(latents, dtype=dtype),
            near,
            push * controls.truncation[:, None],
            self.moves(controls, near, push),
        )
        return enlarge(self.world.palette.rgb[numbers], self.options)

    def placed(self, latents: FloatArray) -> tuple[Indices, FloatArray]:
        """The nearest known sprite of each latent, and how far off it is.

        Truncation shortens the way from that sprite. The mean of all sprites, towards which
        others truncate, is mud (multi-modal truncation: Mokady et al. 2022, section 3.3).
        """
        near = nearest(latents, self.posterior.anchors)
        return near, latents - self.posterior.anchors[near]

    def moves(self, controls: Controls, near: Indices, push: FloatArray) -> Moves:
        """Controls as what stands and moves on the stage.

        Args:
            controls: of these frames.
            near: number of the nearest known sprite `(frames,)`.
            push: how far the latent is from it `(frames, dim)`.
        """
        kick = np.minimum(np.abs(push @ self.kick_axis) / self.push, 1.0)
        throw = np.minimum(np.linalg.norm(push, axis=1) / self.push, 1.0)
        weights = controls.condition
        if weights is None:
            weights = np.eye(self.c_dim)[self.posterior.classes[near] % self.c_dim]
        leading = (weights / weights.max(axis=1, keepdims=True).clip(1e-6)) ** FLOOR_CONTRAST
        side = min(self.world.stage.height, self.world.stage.width)
        turns = np.rint(TURNS * (controls.gains[:, 0] - 1)) + (kick > KICK)
        tables = {
            "floor": leading / leading.sum(axis=1, keepdims=True),
            "jump": np.stack([JUMP_PX * throw, HERO_JUMP_PX * kick], axis=1),
            "light": LAMP * kick + LAMP_ZOOM * (controls.transform[:, 3] - 1),
            "sparks": controls.noise_mix,
            "drift": controls.noise_phase * DRIFTS,
        }
        whole = {
            "pan": np.rint(PAN * side * controls.transform[:, 1::-1]),
            "turn": turns % RING,
        }
        return Moves(
            **{
                n: torch.tensor(t, dtype=torch.float32, device=self.device)
                for n, t in tables.items()
            },
            **{
                n: torch.tensor(t, dtype=torch.int64, device=self.device)
                for n, t in whole.items()
            },
        )

    @torch.inference_mode()
    def decode(
        self, latents: FloatArray, *, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Sprites in the network's range: `(count, colours, sprite, sprite)` in [-1, 1].

        Always the same number at once, so that a sprite never depends on its company.
        """
        rows = torch.from_numpy(np.ascontiguousarray(latents, dtype=np.float32)).to(self.device)
        missing = -len(rows) % ROWS
        padded = torch.cat([rows, rows.new_zeros(missing, rows.shape[1])])
        with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
            sprites = [self.decoder(part) for part in padded.split(ROWS)]
        return torch.cat(sprites)[: len(rows)].float()

    @torch.inference_mode()
    def __call__(self, z: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        """The scene at rest in [-1, 1]: what `render` paints with neutral controls."""
        count = len(z)
        neutral = np.zeros(count, np.float32)
        view = np.tile(np.array([0, 0, 0, 1], np.float32), (count, 1))
        controls = Controls(
            latent=z.detach().float().cpu().numpy()[:, None],
            condition=None if c is None else c.detach().float().cpu().numpy(),
            truncation=neutral + 1,
            noise_phase=neutral,
            noise_mix=neutral,
            gains=np.ones((count, 3), np.float32),
            transform=view,
            time_s=neutral,
        )
        return self.render(controls) * 2 - 1


def draw_anchor(generator: PixelVae, rng: np.random.Generator) -> FloatArray:
    cast = generator.world.heroes
    return generator.posterior.anchors[cast[rng.integers(len(cast))]]


def draw_mixture(generator: PixelVae, rng: np.random.Generator) -> FloatArray:
    return generator.posterior.mixture.draw(1, rng, temperature=generator.options.temperature)[
        0
    ]


def draw_normal(generator: PixelVae, rng: np.random.Generator) -> FloatArray:
    return rng.standard_normal(generator.z_dim).astype(np.float32)


SAMPLERS = {"anchors": draw_anchor, "gmm": draw_mixture, "normal": draw_normal}


def enlarge(art: torch.Tensor, options: Options) -> torch.Tensor:
    """Every art pixel as a block of film pixels.

    Args:
        art: `(frames, rows, columns, 3)` in [0, 1].
        options: size and art pixel.

    Returns:
        `(frames, 3, height, width)`.
    """
    block = options.art_pixel
    frames, rows, columns, _ = art.shape
    planes = art.permute(0, 3, 1, 2)[:, :, :, None, :, None]
    film = planes.expand(frames, 3, rows, block, columns, block)
    return film.reshape(frames, 3, rows * block, columns * block)[
        :, :, : options.size[0], : options.size[1]
    ]


def load(weights: Path | None, options: Options, *, device: str) -> PixelVae:
    """The decoder, its teacher and its sprites; with `weights` None a random one, for tests.

    Raises:
        WeightsError: a tensor is missing, left over or misshapen.
    """
    shape = VaeShape(
        arch=options.arch,
        size=options.sprite,
        colours=options.colours,
        channels=options.channels,
        latent=options.latent,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the random start is always the same one
        decoder, teacher = Decoder(shape), make_teacher(options)
    if weights is None:
        posterior = random_posterior(options.latent, classes=len(options.classes), seed=0)
    else:
        tensors = load_file(weights)
        posterior = posterior_from_tensors(tensors)
        fill(decoder, part_of(tensors, "decoder."))
        if teacher is not None:
            load_teacher(teacher, part_of(tensors, "teacher."))
    return PixelVae(
        decoder.to(device), posterior, teacher.to(device) if teacher else None, options
    )


def make_teacher(options: Options) -> Teacher | None:
    if options.teacher == "none":
        return None
    return build_teacher(
        TeacherShape(
            kind=options.teacher,
            colours=options.colours,
            channels=options.teacher_channels,
            hidden=options.hidden,
            feature=options.feature,
            embedding=options.embedding,
            experts=options.experts,
            top_k=options.top_k,
        )
    )


def part_of(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def load_teacher(teacher: Teacher, tensors: dict[str, torch.Tensor]) -> None:
    counters = {n: t for n, t in teacher.state_dict().items() if not t.is_floating_point()}
    real = {n: t.float() for n, t in tensors.items() if t.is_floating_point()}
    try:
        teacher.load_state_dict({**counters, **real})
    except RuntimeError as error:
        raise WeightsError(f"The file's teacher does not fit these options: {error}") from error
