"""w and controls -> pictures: places the camera, draws the forms of the classes, develops."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lucidsonic.generators.lumen.canvas import TAU, Camera, Canvas, make_frame
from lucidsonic.generators.lumen.film import Stock, colour, develop, make_lab
from lucidsonic.generators.lumen.forms import FORMS
from lucidsonic.generators.lumen.layers import Layers
from lucidsonic.generators.lumen.network import (
    FIELDS,
    Heads,
    Mapping2,
    make_cloud,
    make_table,
)
from lucidsonic.generators.lumen.palettes import (
    STOPS,
    mix_palettes,
    oklab_to_rgb,
    palette_colours,
    palette_table,
    spline_basis,
    turn_hue,
)
from lucidsonic.types import Controls

GOLDEN = math.pi * (3 - math.sqrt(5))


@dataclass(frozen=True, slots=True)
class Cast:
    """The classes: distinct forms, and for each class its form and colours.

    Attributes:
        forms: `(name, symmetry)`.
        part: `(classes, forms)`, one where a class has a form.
        colours: OKLab `(classes, 6, 3)`.
    """

    forms: tuple[tuple[str, int], ...]
    part: torch.Tensor
    colours: torch.Tensor

    @classmethod
    def of(cls, characters: Sequence[tuple[str, int, str | Sequence[str]]]) -> "Cast":
        """From `(form, symmetry, palette)` of each class."""
        forms = tuple(dict.fromkeys((form, symmetry) for form, symmetry, _ in characters))
        part = torch.zeros(len(characters), len(forms))
        for i, (form, symmetry, _) in enumerate(characters):
            part[i, forms.index((form, symmetry))] = 1.0
        return cls(forms, part, torch.stack([palette_colours(p) for *_, p in characters]))


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Controls as tensors; shapes as in `types.Controls`."""

    noise_phase: torch.Tensor
    noise_mix: torch.Tensor
    gains: torch.Tensor
    transform: torch.Tensor
    time_s: torch.Tensor

    @classmethod
    def neutral(cls, batch: int, device: torch.device) -> "Score":
        """What changes nothing."""
        zero = torch.zeros(batch, device=device)
        rest = torch.tensor([0.0, 0.0, 0.0, 1.0], device=device).expand(batch, 4)
        return cls(zero, zero.clone(), torch.ones(batch, 3, device=device), rest, zero)

    @classmethod
    def of(cls, controls: Controls, device: torch.device) -> "Score":
        """The same numbers on `device`."""
        return cls(
            *(
                torch.as_tensor(np.asarray(getattr(controls, name), np.float32), device=device)
                for name in cls.__dataclass_fields__
            )
        )

    def take(self, part: slice) -> "Score":
        """Some frames."""
        return Score(*(getattr(self, name)[part] for name in self.__dataclass_fields__))


def sharpen(weights: torch.Tensor) -> torch.Tensor:
    """Class weights with the weak ones silenced, continuously; adds up to 1.

    A chord lights up many classes a little; a picture of all of them would be mud.
    """
    strong = weights.clamp_min(0).square()
    strong = strong / (strong.sum(1, keepdim=True) + 1e-6)
    strong = (strong - 0.09).clamp_min(0) / 0.91
    home = torch.zeros_like(strong)
    home[:, 0] = 0.02
    strong = strong + home * (1 - strong.sum(1, keepdim=True)).clamp_min(0)
    return strong / strong.sum(1, keepdim=True)


class Painter:
    """Paints pictures of one size in one style."""

    def __init__(
        self,
        size: tuple[int, int],
        *,
        seed: int,
        cast: Cast,
        stock: Stock,
        hue_range: float,
        device: torch.device,
    ) -> None:
        self.size = size
        self.device = device
        self.stock = stock
        self.hue_range = hue_range
        self.mapping = Mapping2(seed).to(device)
        self.heads = Heads(seed).to(device)
        self.cast = replace(cast, part=cast.part.to(device), colours=cast.colours.to(device))
        self.frame = make_frame(size, device)
        self.lab = make_lab(self.frame)
        self.cloud = make_cloud(seed).to(device)
        self.table = make_table(seed).to(device)
        self.basis = spline_basis(device)

    def paint(
        self, w: torch.Tensor, weights: torch.Tensor, score: Score, dtype: torch.dtype
    ) -> torch.Tensor:
        """Pictures of `w` `(batch, 9, 64)`.

        A CPU paints one at a time: its caches hold one, and matrix products round differently
        in other batches.
        """
        chunk = 1 if self.device.type == "cpu" else len(w)
        pictures = [
            self._paint(
                w[i : i + chunk],
                sharpen(weights[i : i + chunk]),
                score.take(slice(i, i + chunk)),
                dtype,
            )
            for i in range(0, len(w), chunk)
        ]
        return torch.cat(pictures)

    def _paint(
        self, w: torch.Tensor, weights: torch.Tensor, score: Score, dtype: torch.dtype
    ) -> torch.Tensor:
        canvas = self._canvas(w, score)
        layers = self._draw(canvas, weights @ self.cast.part)
        table, accent = self._palette(canvas, weights)
        coarse, middle, fine = canvas.gains
        layers = Layers(
            layers.tone + (canvas.traits["tone"] - 0.5) * 0.12 + 0.07 * (middle - 1),
            layers.light * (0.35 + 0.65 * coarse),
            layers.accent * fine,
        )
        return develop(colour(layers, table.to(dtype), accent.to(dtype)), self.lab, self.stock)

    def _canvas(self, w: torch.Tensor, score: Score) -> Canvas:
        traits = self.heads.traits(w)
        gains = score.gains.clamp(0, 4)[..., None, None].unbind(1)
        pan_x, pan_y, turns, zoom = score.transform[..., None, None].unbind(1)
        camera = Camera(
            pan_x * self.size[1] * self.frame.pixel,
            pan_y * self.size[0] * self.frame.pixel,
            turns * TAU,
            zoom,
        )
        x, y = camera.place(self.frame.x, self.frame.y)
        drift = score.noise_phase[:, None, None]
        nodes = self.heads.fields(
            w, *camera.place(self.frame.coarse_x, self.frame.coarse_y), drift
        )
        nodes[:, :2] *= (0.7 + 0.3 * gains[0])[..., None]
        fields = self.frame.up_y @ nodes @ self.frame.up_x
        wide, high = self.size[1] * self.frame.pixel / 2, self.size[0] * self.frame.pixel / 2
        return Canvas(
            x=x, y=y,
            fields=dict(zip(FIELDS, fields.unbind(1), strict=True)),
            traits=traits,
            focus=(
                (traits["focus_x"] - 0.5) * 0.9 * wide,
                (traits["focus_y"] - 0.5) * 0.9 * high,
            ),
            drift=drift,
            time_s=score.time_s[:, None, None],
            sparkle=score.noise_mix.clamp(0, 1)[:, None, None],
            gains=(gains[0], gains[1], gains[2]),
            table=self.table, cloud=self.cloud, pixel=self.frame.pixel,
        )  # fmt: skip

    def _draw(self, canvas: Canvas, weights: torch.Tensor) -> Layers:
        """The forms, each where its share of the classes and of the plane is largest."""
        active = [k for k in range(weights.shape[1]) if bool((weights[:, k] > 0).any())]
        if len(active) == 1:
            return self._form(canvas, active[0])
        parts, shares = [], []
        for k in active:
            shown = weights[:, k] > 0
            parts.append(self._form_of_some(canvas, k, shown))
            tide = (
                math.cos(GOLDEN * k) * canvas.fields["m"]
                + math.sin(GOLDEN * k) * canvas.fields["a"]
            )
            shares.append(weights[:, k, None, None] * torch.exp(1.8 * tide))
        total = torch.stack(shares).sum(0)
        shares = [share / total for share in shares]
        return Layers(
            *(
                sum(
                    (p[i] * s for p, s in zip(parts, shares, strict=True)),
                    start=torch.zeros_like(total),
                )
                for i in range(3)
            )
        )

    def _form(self, canvas: Canvas, k: int) -> Layers:
        name, symmetry = self.cast.forms[k]
        canvas.symmetry = symmetry
        return FORMS[name](canvas)

    def _form_of_some(self, canvas: Canvas, k: int, shown: torch.Tensor) -> Layers:
        if bool(shown.all()):
            return self._form(canvas, k)
        drawn = self._form(pick(canvas, shown), k)
        full = [torch.zeros_like(canvas.x) for _ in drawn]
        for plane, part in zip(full, drawn, strict=True):
            plane[shown] = part
        return Layers(*full)

    def _palette(
        self, canvas: Canvas, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        t = canvas.traits
        lab = mix_palettes(self.cast.colours, weights)
        angle = (t["hue"][:, 0] - 0.5) * 2 * TAU * self.hue_range
        chroma = 0.9 + 0.3 * t["chroma"][:, 0] + 0.1 * (canvas.gains[1][:, 0] - 1)
        lab = turn_hue(lab, angle, chroma)
        return palette_table(self.basis, lab[:, :STOPS]), oklab_to_rgb(lab[:, STOPS])


def pick(canvas: Canvas, shown: torch.Tensor) -> Canvas:
    """Some frames of a canvas."""

    def some(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value[shown] if len(value) == len(shown) else value
        if isinstance(value, tuple):
            return tuple(some(v) for v in value)
        return (
            {name: some(v) for name, v in value.items()} if isinstance(value, dict) else value
        )

    shared = {"table", "cloud"}
    return Canvas(
        **{
            name: getattr(canvas, name) if name in shared else some(getattr(canvas, name))
            for name in Canvas.__dataclass_fields__
        }
    )
