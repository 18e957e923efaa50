"""Pictures -> flashes a second, after WCAG 2.3.1: what may harm photosensitive viewers.

A flash is a pair of opposing changes of relative luminance by 10 % of its range or more, the
darker image below 0.8; or a pair of changes of (R - G - B) * 320 by more than 20 to or from a
saturated red (R / (R + G + B) >= 0.8). More than three within any second over a quarter of the
picture fail. This reduces risk; it certifies nothing.

It is counted in two ways, and the worse one holds: place by place (a quarter of the picture
has flashed that often), and as a whole (a quarter of the picture brightened together, then a
quarter darkened together, wherever).
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lucidsonic.types import FloatArray, Pictures

MOST_FLASHES = 3.0  # a second
AREA = 0.24  # share of the picture: a quarter, less what scaling takes from its edge
SWING = 0.1  # relative luminance
BRIGHT = 0.8  # changes of which even the darker image is brighter do not count
RED_SWING = 20 / 320
SATURATED = 0.8
TOGETHER = 3  # pictures within which a change counts as one
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # WCAG 2, "relative luminance"


def _linear_light() -> FloatArray:
    code = np.arange(256) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


LINEAR = _linear_light()


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when to when, seconds."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class SafetyScores:
    """How a film flashes.

    Attributes:
        general_flashes: most general flashes within a second, over a quarter of the picture.
        red_flashes: most red flashes within a second, over a quarter of the picture.
        violations: stretches with more than three of either.
    """

    general_flashes: float
    red_flashes: float
    violations: tuple[Stretch, ...]


class FlashWatcher:
    """Counts flashes picture by picture; holds one second of changes."""

    def __init__(self) -> None:
        self._general = Turns(swing=SWING, ceiling=BRIGHT)
        self._red = Turns(swing=RED_SWING, ceiling=np.inf)
        self._most = [0.0, 0.0]
        self._bad_s: list[float] = []

    def take(self, time_s: float, picture: Pictures) -> None:
        """Look at the next picture, RGB `(height, width, 3)`."""
        light = LINEAR[picture]
        counts = (
            self._general.take(time_s, light @ LUMA),
            self._red.take(time_s, saturated_red(light)),
        )
        self._most = [max(pair) for pair in zip(self._most, counts, strict=True)]
        if max(counts) > MOST_FLASHES:
            self._bad_s.append(time_s)

    def scores(self) -> SafetyScores:
        """What was seen."""
        return SafetyScores(self._most[0], self._most[1], joined(self._bad_s))


def saturated_red(light: FloatArray) -> FloatArray:
    """R - G - B of linear light where red is saturated, else 0: `(..., 3)` to `(...)`."""
    red, total = light[..., 0], light.sum(axis=-1)
    value = np.maximum(2 * red - total, 0)
    return np.where(red >= SATURATED * np.maximum(total, 1e-6), value, 0).astype(np.float32)


def joined(times_s: list[float], *, within_s: float = 1.0) -> tuple[Stretch, ...]:
    """Moments no further apart than `within_s` as stretches."""
    found: list[Stretch] = []
    for time in times_s:
        if found and time - found[-1].end_s <= within_s:
            found[-1] = Stretch(found[-1].start_s, time)
        else:
            found.append(Stretch(time, time))
    return tuple(found)


@dataclass(slots=True)
class Turns:
    """Where a quantity turns round by at least `swing`, and how often within a second."""

    swing: float
    ceiling: float
    low: FloatArray | None = None
    high: FloatArray | None = None
    way: npt.NDArray[np.int8] | None = None  # of each place's last change: 1, -1, or 0
    whole: int = 0  # the same of the picture as a whole
    count: npt.NDArray[np.int16] | None = None
    recent: deque[tuple[float, npt.NDArray[np.int8]]] = field(
        default_factory=deque[tuple[float, npt.NDArray[np.int8]]]
    )
    whole_turns_s: deque[float] = field(default_factory=deque[float])

    def take(self, time_s: float, now: FloatArray) -> float:
        """Flashes that a quarter of the picture has made in the second that ends here."""
        changed = self._changes(now)
        self.recent.append((time_s, changed))
        half = 0.5 * (time_s - self.recent[-2][0]) if len(self.recent) > 1 else 0.0
        start_s = time_s - 1.0 + half
        count = self.count if self.count is not None else np.zeros(now.shape, np.int16)
        count = count + (changed != 0)
        while self.recent[0][0] < start_s and len(self.recent) > TOGETHER:
            count = count - (self.recent.popleft()[1] != 0)
        self.count = count
        self._turn_as_a_whole(time_s)
        while self.whole_turns_s and self.whole_turns_s[0] < start_s:
            self.whole_turns_s.popleft()
        ranked = np.sort(count, axis=None)
        local = int(ranked[int((1 - AREA) * (len(ranked) - 1))])
        return max(local, len(self.whole_turns_s)) / 2

    def _changes(self, now: FloatArray) -> npt.NDArray[np.int8]:
        """1 where it has just risen by a swing since its lowest, -1 where fallen, else 0."""
        if self.low is None or self.high is None or self.way is None:
            self.low, self.high = now.copy(), now.copy()
            self.way = np.zeros(now.shape, np.int8)
        rose = (now - self.low >= self.swing) & (self.low < self.ceiling) & (self.way <= 0)
        fell = (self.high - now >= self.swing) & (now < self.ceiling) & (self.way >= 0) & ~rose
        change = rose.astype(np.int8) - fell.astype(np.int8)
        turned = change != 0
        self.low = np.where(turned, now, np.minimum(self.low, now))
        self.high = np.where(turned, now, np.maximum(self.high, now))
        self.way = np.where(turned, change, self.way)
        return change

    def _turn_as_a_whole(self, time_s: float) -> None:
        last = [changed for _, changed in list(self.recent)[-TOGETHER:]]
        rise, fall = (np.mean(np.any([c == way for c in last], axis=0)) for way in (1, -1))
        way = 1 if rise > fall else -1
        # What only moves rises here and falls there; a flash does one of them.
        if abs(rise - fall) >= AREA and self.whole != way:
            self.whole = way
            self.whole_turns_s.append(time_s)
