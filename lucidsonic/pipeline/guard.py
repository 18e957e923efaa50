"""Frames -> frames that flash less: risk reduction for photosensitive viewers.

After WCAG 2.3.1, a flash is a pair of opposing changes of relative luminance by 10 % or more
where the darker one is below 0.8, or a pair of changes to and from saturated red; more than
three within a second over a quarter of the picture are a risk. The guard watches a coarse grid
of cells. Where a cell has changed too often within a second, it shifts it towards that second's
mean colour, and keeps it there for half a second more: a shift that came and went with every
flash would flash itself. It looks at the unguarded pictures of the last second and a half only,
so a guarded frame depends on its number alone. This reduces risk; it certifies nothing.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

from lucidsonic.nn.resample import resize
from lucidsonic.types import FloatArray

GRID = (9, 16)  # cells, rows and columns
SWING = 0.08  # relative luminance; a little below the 10 % of WCAG, as cells are means
BRIGHT = 0.8  # changes among brighter pictures do not count
RED_SWING = 20 / 320  # of (R - G - B), for saturated red
SATURATED_RED = 0.8  # R / (R + G + B)
# Opposing changes a second that pass: a flash on every beat up to 150 BPM. With one more, which
# makes three flashes, a cell is shifted all the way, so that no fourth comes.
FREE_CHANGES = 5
FREE_RED = 3  # saturated red is the more dangerous: it is damped sooner
LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)  # relative luminance, sRGB


@dataclass(slots=True)
class Guard:
    """Damps flashes in consecutive frames.

    Attributes:
        window: frames in a second.
        next: the frame that comes next.
        seen: coarse pictures of the last second, `(rows, columns, 3)` each.
        light: their luminance, `(rows, columns)` each.
        red: their redness, likewise.
        shares: how far each cell had to be shifted in the last half second, `(rows, columns)`.
        damped: how many frames were changed.
    """

    window: int
    next: int = 0
    seen: deque[FloatArray] = field(default_factory=deque[FloatArray])
    light: deque[FloatArray] = field(default_factory=deque[FloatArray])
    red: deque[FloatArray] = field(default_factory=deque[FloatArray])
    shares: deque[FloatArray] = field(default_factory=deque[FloatArray])
    damped: int = 0

    @property
    def hold(self) -> int:
        """Frames that a shift stays after its cause: half a second."""
        return self.window // 2

    @property
    def memory(self) -> int:
        """Frames before a frame that decide how it is shifted."""
        return self.window + self.hold - 1

    def restart(self, start: int) -> range:
        """The frames before `start` that must be watched first; none when in step."""
        if self.next == start:
            return range(0)
        self.next = max(0, start - self.memory)
        for past in (self.seen, self.light, self.red, self.shares):
            past.clear()
        return range(self.next, start)

    def watch(self, frames: torch.Tensor) -> torch.Tensor:
        """Take in RGB `(frames, 3, height, width)`; returns their coarse colours on the CPU."""
        cells = resize(frames, GRID, filter="area").permute(0, 2, 3, 1).float().cpu()
        self.next += len(frames)
        return cells

    def damp(self, frames: torch.Tensor) -> torch.Tensor:
        """The frames with their flashes reduced, in [0, 1]."""
        cells = self.watch(frames).numpy()
        shifts = np.stack([self._shift(cell) for cell in cells])
        touched = np.abs(shifts).max(axis=(1, 2, 3)) > 0
        if not touched.any():
            return frames
        self.damped += int(touched.sum())
        shift = torch.from_numpy(shifts).permute(0, 3, 1, 2).to(frames.device)
        smooth = F.interpolate(shift, frames.shape[-2:], mode="bilinear", align_corners=False)
        return (frames + smooth).clamp(0, 1)

    def remember(self, cells: torch.Tensor) -> None:
        """Keep coarse pictures without changing anything."""
        for cell in cells.numpy():
            self._shift(cell)

    def _shift(self, cell: FloatArray) -> FloatArray:
        """What to add to each cell of the newest picture, `(rows, columns, 3)`."""
        for past, new in (
            (self.seen, cell),
            (self.light, luminance(cell)),
            (self.red, redness(cell)),
        ):
            remember(past, new, self.window)
        light = beyond(FREE_CHANGES, np.stack(self.light), SWING, ceiling=BRIGHT)
        red = beyond(FREE_RED, np.stack(self.red), RED_SWING)
        remember(self.shares, np.maximum(light, red), self.hold + 1)
        held = np.max(self.shares, axis=0)
        if not held.any():
            return np.zeros_like(cell)
        return (held[..., None] * (np.mean(self.seen, axis=0) - cell)).astype(np.float32)


def remember(past: deque[FloatArray], new: FloatArray, most: int) -> None:
    """Add the newest and forget what lies further back than `most`."""
    past.append(new)
    while len(past) > most:
        past.popleft()


def luminance(rgb: FloatArray) -> FloatArray:
    """Relative luminance of sRGB `(..., 3)` in [0, 1] (WCAG 2, "relative luminance")."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ LUMA


def redness(rgb: FloatArray) -> FloatArray:
    """R - G - B where red is saturated, else 0; `(..., 3)` to `(...)`."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    saturated = red >= SATURATED_RED * (red + green + blue + 1e-6)
    return np.where(saturated, np.maximum(red - green - blue, 0), 0).astype(np.float32)


def beyond(free: int, past: FloatArray, swing: float, *, ceiling: float = np.inf) -> FloatArray:
    """How far each cell is to be shifted: not at all up to `free` changes, at one more wholly.

    Args:
        free: changes that pass.
        past: `(frames, ...)`, at least one frame.
        swing: the smallest change that counts.
        ceiling: as `opposing_changes` takes it.

    Returns:
        float32 `(...)` in [0, 1].
    """
    share = np.zeros(past.shape[1:], np.float32)
    # Each change moves by a swing of its own: who has moved less in all has changed less often.
    way = np.abs(np.diff(past, axis=0)).sum(axis=0)
    restless = way >= 0.99 * (free + 1) * swing
    if restless.any():
        changes = opposing_changes(past[:, restless], swing, ceiling=ceiling)
        share[restless] = (changes - free).clip(0, 1)
    return share


def opposing_changes(past: FloatArray, swing: float, *, ceiling: float = np.inf) -> FloatArray:
    """How often each cell turned round by at least `swing`.

    Args:
        past: `(frames, ...)`.
        swing: the smallest change that counts.
        ceiling: a change counts only if its darker end lies below this.

    Returns:
        float32 `(...)`: changes, each opposite to the one before.
    """
    low, high = past[0].copy(), past[0].copy()
    direction = np.zeros_like(low)  # of the last change that counted
    count = np.zeros_like(low)
    for now in past[1:]:
        rises = (now - low >= swing) & (low < ceiling) & (direction <= 0)
        falls = (high - now >= swing) & (now < ceiling) & (direction >= 0) & ~rises
        turned = rises | falls
        count += turned
        direction = np.where(rises, 1.0, np.where(falls, -1.0, direction)).astype(np.float32)
        low = np.where(turned, now, np.minimum(low, now))
        high = np.where(turned, now, np.maximum(high, now))
    return count
