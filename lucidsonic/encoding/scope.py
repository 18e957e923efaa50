"""Curves -> a strip of pictures that shows which curve did what."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from lucidsonic.encoding.sheet import label_font
from lucidsonic.types import FloatArray, Pictures

Side = Literal["under", "beside"]

WINDOW_S = 4.0  # seconds of the past, and of the future, in view
PAPER = np.array((11, 11, 16), np.float32)
INKS = (
    *((255, 122, 89), (255, 200, 87), (124, 214, 128), (82, 196, 222)),
    *((122, 150, 255), (200, 132, 255), (255, 130, 190), (190, 190, 200)),
)
FUTURE = 0.38  # how bright what is still to come is
SHARE: Mapping[Side, float] = {"under": 0.32, "beside": 0.42}  # of the picture's size
LABEL_SHARE = 0.3  # of the panel's width, at most, for names
METER_SHARE = 0.03  # of the panel's width, for the value of this moment


class Scope:
    """Draws the panel for any frame.

    Attributes:
        size: height and width of the panel, pixels.
    """

    def __init__(
        self, curves: Mapping[str, FloatArray], *, size: tuple[int, int], fps: float
    ) -> None:
        self.size = size
        self._curves = [np.asarray(curve, np.float32) for curve in curves.values()]
        self._fps = fps
        height, width = size
        self._meter = max(4, round(width * METER_SHARE))
        edges = np.linspace(0, height, len(self._curves) + 1).astype(int)
        self._rows = list(pairwise(edges))
        self._blank, self._left = self._draw_names(list(curves))
        self._view = width - self._left - self._meter

    def frame(self, number: int) -> Pictures:
        """The panel while frame `number` is on screen: uint8 `(height, width, 3)`."""
        picture = self._blank.copy()
        away = np.linspace(-WINDOW_S, WINDOW_S, self._view) * self._fps
        light = np.where(away <= 0, 1.0, FUTURE).astype(np.float32)
        now = self._left + self._view // 2
        for index, (top, bottom) in enumerate(self._rows):
            ink = np.array(INKS[index % len(INKS)], np.float32)
            values = read_at(self._curves[index], number + away) * light_gate(
                number + away, len(self._curves[index])
            )
            area = filled(values, bottom - top - 2)[..., None]
            painted = PAPER + (ink - PAPER) * light[None, :, None] * area
            picture[top + 1 : bottom - 1, self._left : self._left + self._view] = painted
            value = float(read_at(self._curves[index], np.array([float(number)]))[0])
            column = filled(np.full(self._meter - 2, value), bottom - top - 2)[..., None]
            picture[top + 1 : bottom - 1, -self._meter + 2 :] = PAPER + (ink - PAPER) * column
        picture[:, now : now + max(1, self.size[1] // 640)] = 235
        return picture

    def _draw_names(self, names: list[str]) -> tuple[Pictures, int]:
        """The panel without curves, and how wide its names are."""
        from PIL import Image, ImageDraw

        height, width = self.size
        sheet = Image.new("RGB", (width, height), tuple(int(part) for part in PAPER))
        draw = ImageDraw.Draw(sheet)
        font = fitting_font(draw, names, width * LABEL_SHARE, height / len(names) * 0.62)
        left = round(max(draw.textlength(name, font=font) for name in names)) + 16
        if left > width / 2:  # no room for names
            return np.asarray(sheet).copy(), 0
        for index, ((top, bottom), name) in enumerate(zip(self._rows, names, strict=True)):
            ink = INKS[index % len(INKS)]
            draw.text((left - 8, (top + bottom) / 2), name, ink, font, anchor="rm")
            draw.line((0, bottom - 1, width, bottom - 1), (28, 28, 36))
        return np.asarray(sheet).copy(), left


def panel_size(size: tuple[int, int], side: Side) -> tuple[int, int]:
    """Height and width of the panel that goes with a picture, both even."""
    height, width = size
    if side == "under":
        return max(48, round(height * SHARE[side] / 2) * 2), width
    return height, max(96, round(width * SHARE[side] / 2) * 2)


def read_at(curve: FloatArray, frames: np.ndarray) -> np.ndarray:
    """The curve between its frames."""
    return np.interp(frames, np.arange(len(curve)), curve)


def light_gate(frames: np.ndarray, length: int) -> np.ndarray:
    """1 inside the film, 0 before and after it."""
    return ((frames >= 0) & (frames <= length - 1)).astype(np.float32)


def filled(values: np.ndarray, height: int) -> np.ndarray:
    """Columns filled from the bottom to their values, with soft tops: `(height, columns)`."""
    level = np.clip(values, 0.0, 1.0)[None, :] * height
    from_bottom = np.arange(height, 0, -1, dtype=np.float32)[:, None]
    return np.clip(level - from_bottom + 1.0, 0.0, 1.0)


def fitting_font(draw: Any, names: list[str], width_px: float, height_px: float) -> Any:
    """The largest label font in which every name fits a box."""
    size = min(height_px, 22.0)
    while size > 8 and any(draw.textlength(n, font=label_font(size)) > width_px for n in names):
        size -= 1
    return label_font(size)
