"""Two grey pictures -> how far each place moved: Lucas-Kanade on a pyramid, in numpy.

Lucas & Kanade 1981, coarse to fine after Bouguet 2001: in a window around each pixel the motion
solves the normal equations of I_x u + I_y v = -I_t; windows without texture stay still.
"""

from typing import cast

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates, uniform_filter, zoom

FloatArray = npt.NDArray[np.float32]

WINDOW = 9  # pixels
STEPS = 2  # corrections a level
SMALLEST = 12  # pixels; no level has a side below
LEVELS = 3
STEADY = 4.0  # grey levels squared a pixel; weaker texture does not move on its own
FURTHEST = 2.0  # pixels a correction, lest flat places fly


def optical_flow(before: FloatArray, after: FloatArray) -> FloatArray:
    """How far each pixel of `before` is found moved in `after`.

    Args:
        before: grey `(height, width)`, 0 to 255.
        after: the same shape.

    Returns:
        float32 `(2, height, width)`, down and right, in pixels; exact to about 0.2 for motions
        of up to an eighth of the picture.
    """
    flow = np.zeros((2, 1, 1), np.float32)
    for old, new in reversed(pyramid(before, after)):
        flow = enlarged(flow, old.shape)
        for _ in range(STEPS):
            flow = flow + correction(old, warp(new, flow))
    return flow


def warp(picture: FloatArray, flow: FloatArray) -> FloatArray:
    """The picture as it was before it moved by `flow`; edges are held."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    places = np.stack([y + flow[0], x + flow[1]])
    return cast("FloatArray", map_coordinates(picture, places, order=1, mode="nearest"))


def pyramid(before: FloatArray, after: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Both pictures at full size, half, quarter."""
    levels = [(before, after)]
    while len(levels) < LEVELS and min(levels[-1][0].shape) >= 2 * SMALLEST:
        old, new = levels[-1]
        levels.append((halved(old), halved(new)))
    return levels


def halved(picture: FloatArray) -> FloatArray:
    """Means of two by two pixels."""
    height, width = (side // 2 * 2 for side in picture.shape)
    return picture[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))


def enlarged(flow: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """A coarse level's flow at a finer one; lengths grow with it."""
    height, width = flow.shape[1:]
    if (height, width) == (1, 1):
        return np.zeros((2, *shape), np.float32)
    scale = (shape[0] / height, shape[1] / width)
    grown = [zoom(part, scale, order=1, grid_mode=True, mode="nearest") for part in flow]
    return np.stack([part * s for part, s in zip(grown, scale, strict=True)]).astype(np.float32)


def correction(old: FloatArray, new: FloatArray) -> FloatArray:
    """One solution of the normal equations, `(2, height, width)` in pixels."""
    slope_y, slope_x = np.gradient(0.5 * (old + new))
    rise = new - old
    products = (slope_y * slope_y, slope_x * slope_x, slope_y * slope_x)
    yy, xx, yx = (uniform_filter(p, WINDOW, mode="nearest") for p in products)
    yt, xt = (uniform_filter(s * rise, WINDOW, mode="nearest") for s in (slope_y, slope_x))
    yy, xx = yy + STEADY, xx + STEADY
    rest = yy * xx - yx * yx
    step = np.stack([yx * xt - xx * yt, yx * yt - yy * xt]) / rest
    return np.clip(step, -FURTHEST, FURTHEST).astype(np.float32)
