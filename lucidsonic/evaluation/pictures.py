"""Pictures of a film, one after the other -> a row of figures for each, in constant memory."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from lucidsonic.evaluation.flow import optical_flow, warp
from lucidsonic.evaluation.safety import FlashWatcher, SafetyScores
from lucidsonic.types import FloatArray, Pictures

Numbers = npt.NDArray[np.floating]

GREY = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601 luma
STRIP = 16  # pictures kept to show

# What is noted of each picture; those that need earlier pictures are NaN where there are none.
ROWS: tuple[str, ...] = (
    "time_s",
    "change",  # mean |I_k - I_{k-1}|, 0 to 255
    "bend",  # || I_{k-1} - (I_{k-2} + I_k) / 2 ||, root mean square, of the middle picture
    "span",  # || I_k - I_{k-2} || / 2
    "third",  # || third difference ||
    "first",  # || I_k - I_{k-1} ||
    "alike",  # correlation of I_{k-1} and I_k
    "motion",  # mean length of the optical flow, percent of the picture's width
    "unexplained",  # mean |I_k - I_{k-1} moved by the flow|, grey, 0 to 255
    "grey_change",  # mean |I_k - I_{k-1}|, grey
    "luma",  # mean, 0 to 255
    "red_green",  # mean opponent colours: the direction is the hue
    "yellow_blue",
    "detail",  # mean steepness against mean contrast: spatial frequency
)


@dataclass(frozen=True, slots=True, eq=False)
class PictureRows:
    """What a film does to the eye.

    Attributes:
        columns: name in ROWS -> float64 `(pictures,)`.
        seam: mean |first - last picture|, 0 to 255.
        safety: flashes.
        strip: up to 16 pictures spread over the film.
    """

    columns: Mapping[str, Numbers]
    seam: float
    safety: SafetyScores
    strip: tuple[Pictures, ...] = ()

    def __getitem__(self, name: str) -> Numbers:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["time_s"])


@dataclass(slots=True)
class Watcher:
    """Takes pictures, keeps figures; three pictures are in memory at a time.

    Attributes:
        keep: numbers of the pictures to show later.
    """

    keep: frozenset[int] = frozenset()
    _past: list[FloatArray] = field(default_factory=list[FloatArray])
    _first: FloatArray | None = None
    _rows: "array[float]" = field(default_factory=lambda: array("d"))
    _flashes: FlashWatcher = field(default_factory=FlashWatcher)
    _strip: list[Pictures] = field(default_factory=list[Pictures])
    _count: int = 0

    def take(self, time_s: float, picture: Pictures) -> None:
        """Look at the next picture, uint8 RGB `(height, width, 3)`."""
        now = picture.astype(np.float32)
        if self._first is None:
            self._first = now
        self._flashes.take(time_s, picture)
        row = {"time_s": time_s, **looks(now), **differences(self._past, now)}
        self._rows.extend(row.get(name, np.nan) for name in ROWS)
        self._past = [*self._past[-2:], now]
        if self._count in self.keep:
            self._strip.append(picture.copy())
        self._count += 1

    def rows(self) -> PictureRows:
        """Everything that was noted."""
        table = np.array(self._rows, dtype=np.float64).reshape(-1, len(ROWS))
        seam = np.nan
        if self._first is not None:
            seam = float(np.abs(self._past[-1] - self._first).mean())
        columns: dict[str, Numbers] = dict(zip(ROWS, table.T, strict=True))
        return PictureRows(columns, seam, self._flashes.scores(), tuple(self._strip))


def spread(count: int) -> frozenset[int]:
    """Numbers of the pictures to show of a film of `count`."""
    places = (np.arange(STRIP) + 0.5) * count / STRIP
    return frozenset(int(place) for place in places)


def looks(now: FloatArray) -> dict[str, float]:
    """What one picture looks like."""
    grey = now @ GREY
    red, green, blue = (float(mean) for mean in now.mean(axis=(0, 1)))
    down, right = np.diff(grey, axis=0), np.diff(grey, axis=1)
    steep = np.sqrt((down**2).mean() + (right**2).mean())
    return {
        "luma": float(grey.mean()),
        "red_green": red - green,
        "yellow_blue": 0.5 * (red + green) - blue,
        "detail": float(steep / (grey.std() + 1.0)),
    }


def differences(past: list[FloatArray], now: FloatArray) -> dict[str, float]:
    """What has changed since the pictures before, as far as there are any."""
    row: dict[str, float] = {}
    if past:
        old = past[-1]
        row |= {
            "change": float(np.abs(now - old).mean()),
            "first": norm(now - old),
            "alike": correlation(old, now),
            **movement(old @ GREY, now @ GREY),
        }
    if len(past) > 1:
        row["bend"] = norm(past[-1] - 0.5 * (past[-2] + now))
        row["span"] = 0.5 * norm(now - past[-2])
    if len(past) > 2:
        row["third"] = norm(now - 3 * past[-1] + 3 * past[-2] - past[-3])
    return row


def movement(old: FloatArray, now: FloatArray) -> dict[str, float]:
    """How far things moved, and how much of the change that leaves unexplained."""
    grey_change = float(np.abs(now - old).mean())
    if grey_change < 0.02:
        return {"motion": 0.0, "unexplained": grey_change, "grey_change": grey_change}
    flow = optical_flow(old, now)
    inside = inner(now.shape)
    left = np.abs(warp(now, flow) - old)[inside]
    return {
        "motion": 100 * float(np.hypot(*flow).mean()) / now.shape[1],
        "unexplained": float(left.mean()),
        "grey_change": grey_change,
    }


@cache
def inner(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """A picture without its edge, where things come from outside."""
    return (
        slice(shape[0] // 16, shape[0] - shape[0] // 16),
        slice(shape[1] // 16, shape[1] - shape[1] // 16),
    )


def norm(difference: Numbers) -> float:
    """Root mean square."""
    flat = difference.ravel()
    return float(np.sqrt(np.dot(flat, flat) / flat.size))


def correlation(one: FloatArray, other: FloatArray) -> float:
    """Pearson; two even pictures are alike."""
    a, b = (one - one.mean()).ravel(), (other - other.mean()).ravel()
    scale = np.sqrt(np.dot(a, a) * np.dot(b, b))
    return float(np.dot(a, b) / scale) if scale > 1e-3 else 1.0
