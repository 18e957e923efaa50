"""What a form gives back."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from lucidsonic.generators.lumen.canvas import Canvas


class Layers(NamedTuple):
    """Three planes `(batch, height, width)`.

    Attributes:
        tone: in [0, 1], runs through the palette from darkness to highlight.
        light: >= 0, how much of that colour is shone.
        accent: >= 0, adds the palette's accent colour.
    """

    tone: torch.Tensor
    light: torch.Tensor
    accent: torch.Tensor


Form = Callable[[Canvas], Layers]
