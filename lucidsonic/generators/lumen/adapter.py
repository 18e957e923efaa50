"""lumen: Options, the Generator and load()."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lucidsonic.errors import UnknownNameError
from lucidsonic.generators.lumen.film import Stock
from lucidsonic.generators.lumen.forms import FORMS
from lucidsonic.generators.lumen.network import NUM_WS, Z_DIM, orthogonal
from lucidsonic.generators.lumen.painter import Cast, Painter, Score
from lucidsonic.types import Capabilities, Controls, FloatArray

STEP = 4.0  # length in w of a clearly visible, still recognisable change


class Table(BaseModel):
    """A table in which a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Character(Table):
    """One class: a form in a palette.

    Attributes:
        name: what the class is called; form and palette when empty.
        form: a name in FORMS.
        palette: a name in PALETTES, or six hex colours: dark to light, then an accent.
        symmetry: mirrors of the forms that have them.
    """

    name: str = ""
    form: str
    palette: str | tuple[str, ...]
    symmetry: Annotated[int, Field(ge=1, le=24)] = 6


def _as_size(value: Any) -> Any:
    return (value, value) if isinstance(value, int) else value


Side = Annotated[int, Field(ge=8, le=16_384)]
DEFAULT_CAST = tuple(
    Character(form=form, palette=palette)
    for form, palette in (
        ("curtains", "borealis"), ("silk", "neon"), ("nebula", "nebula"), ("rings", "abyss"),
        ("curtains", "rose-aurora"), ("silk", "sapphire"), ("nebula", "orion"),
        ("rings", "gold"),
        ("curtains", "polar"), ("silk", "ember"), ("nebula", "carina"), ("rings", "amethyst"),
    )
)  # fmt: skip


class Options(Table):
    """`[generator]` in a card of this family.

    Attributes:
        size: height and width in pixels; one number is a square.
        seed: the world: every matrix and noise is drawn from it.
        characters: the classes, the most typical first.
        exposure: multiplies all light.
        bloom: light that spills around bright places.
        shoulder: how early highlights are held back; 0 clips, as print does.
        vignette: how dark the corners are.
        grain: film grain, 1/255.
        hue_range: how far the latent may turn the hue, turns.
    """

    size: Annotated[tuple[Side, Side], BeforeValidator(_as_size)] = (512, 512)
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    characters: Annotated[tuple[Character, ...], Field(min_length=1)] = DEFAULT_CAST
    exposure: Annotated[float, Field(gt=0, le=4)] = 1.0
    bloom: Annotated[float, Field(ge=0, le=2)] = 0.6
    shoulder: Annotated[float, Field(ge=0, le=2)] = 0.6
    vignette: Annotated[float, Field(ge=0, le=1)] = 0.5
    grain: Annotated[float, Field(ge=0, le=16)] = 1.0
    hue_range: Annotated[float, Field(ge=0, le=0.5)] = 0.04


class Lumen:
    """A picture of light for every latent; see `generators.base.Generator`.

    The network's own range is [0, 1].
    """

    def __init__(self, painter: Painter, names: tuple[str, ...]) -> None:
        self.painter = painter
        self.z_dim = Z_DIM
        self.c_dim = len(names)
        self.size = painter.size
        self.has_mapping = True
        self.num_ws = NUM_WS
        self.device = painter.device
        self.capabilities = Capabilities(
            z_dim=Z_DIM, c_dim=len(names), condition="class", class_names=names,
            has_mapping=True, num_ws=NUM_WS, has_noise=True, has_transform=True,
            space="w", dim=Z_DIM, spherical=False, groups=3, size=painter.size,
            resolution_free=True,
        )  # fmt: skip

    def keyframes(self, seeds: Sequence[int]) -> FloatArray:
        """The w that each seed names: float32 `(len(seeds), 64)`."""
        z = np.stack([np.random.RandomState(seed).randn(Z_DIM) for seed in seeds])
        return np.asarray(self._to_w(torch.as_tensor(z)).cpu(), np.float32)

    def directions(self, count: int, *, seed: int) -> FloatArray:
        """Orthogonal ways to push the picture: float32 `(count, 64)`."""
        blocks = -(-count // Z_DIM)
        rows = [orthogonal(seed, 100 + block, Z_DIM, Z_DIM) for block in range(blocks)]
        return np.asarray(STEP * torch.cat(rows)[:count], np.float32)

    @torch.inference_mode()
    def mapping(
        self,
        z: torch.Tensor,
        c: torch.Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> torch.Tensor:
        """`(batch, 64)` -> w `(batch, 9, 64 + c_dim)`; the class weights ride behind.

        Args:
            z: Gaussian latents.
            c: class weights `(batch, c_dim)`; None is the first class.
            truncation_psi: how much of the distance from the mean is kept.
            truncation_cutoff: style inputs that are truncated; None is all.
        """
        w = self._to_w(z)[:, None].repeat(1, NUM_WS, 1)
        w[:, :truncation_cutoff] *= truncation_psi
        weights = self._weights(c, len(w))[:, None].expand(-1, NUM_WS, -1)
        return torch.cat([w, weights], dim=2)

    @torch.inference_mode()
    def synthesis(self, w: torch.Tensor, noise_mode: str = "const") -> torch.Tensor:
        """Pictures `(batch, 3, height, width)` in [0, 1] from what `mapping` gives.

        Args:
            w: `(batch, 9, 64 + c_dim)`.
            noise_mode: "const" has the sparkle that neutral controls have, "none" has none.
        """
        score = Score.neutral(len(w), self.device)
        score.noise_mix.fill_(0.0 if noise_mode == "none" else 0.5)
        w = w.to(self.device)
        return self.painter.paint(w[..., :Z_DIM], w[:, 0, Z_DIM:], score, torch.float32)

    def __call__(self, z: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        """Pictures `(batch, 3, height, width)` in [0, 1]; without `c`, of the first class."""
        return self.synthesis(self.mapping(z, c))

    @torch.inference_mode()
    def render(self, controls: Controls, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Paint consecutive frames: RGB float32 `(frames, 3, height, width)` in [0, 1]."""
        latent = torch.as_tensor(controls.latent, device=self.device)
        latent = (
            latent * torch.as_tensor(controls.truncation, device=self.device)[:, None, None]
        )
        w = latent.expand(-1, 3, -1).repeat_interleave(NUM_WS // 3, dim=1)
        c = controls.condition
        weights = self._weights(None if c is None else torch.as_tensor(c), len(w))
        return self.painter.paint(w, weights, Score.of(controls, self.device), dtype)

    def _to_w(self, z: torch.Tensor) -> torch.Tensor:
        return self.painter.mapping(z.to(self.device, torch.float32))

    def _weights(self, c: torch.Tensor | None, batch: int) -> torch.Tensor:
        if c is None:
            c = torch.zeros(batch, self.c_dim)
            c[:, 0] = 1.0
        return c.to(self.device, torch.float32)


def load(weights: Path | None, options: Options, *, device: str = "cpu") -> Lumen:
    """Build the generator that `options` describe; there are no weights to read.

    Raises:
        UnknownNameError: a form or palette that does not exist.
        ConfigError: a palette that is not six colours.
    """
    del weights
    for character in options.characters:
        if character.form not in FORMS:
            raise UnknownNameError("form", character.form, FORMS)
    cast = Cast.of([(c.form, c.symmetry, c.palette) for c in options.characters])
    stock = Stock(**{name: getattr(options, name) for name in Stock.__dataclass_fields__})
    painter = Painter(
        options.size, seed=options.seed, cast=cast, stock=stock,
        hue_range=options.hue_range, device=torch.device(device),
    )  # fmt: skip
    names = tuple(c.name or f"{c.form} {_word(c.palette)}" for c in options.characters)
    return Lumen(painter, names)


def _word(palette: str | tuple[str, ...]) -> str:
    return palette if isinstance(palette, str) else palette[2]
