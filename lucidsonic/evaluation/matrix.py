"""Sound features x visual quantities -> which moves with which, with a control beside each."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

from lucidsonic.evaluation.pictures import PictureRows
from lucidsonic.evaluation.sound import Sound

Numbers = npt.NDArray[np.floating]

HEARD = (
    *("onset_low", "onset_mid", "onset_high", "loudness"),
    *("chroma", "valence", "arousal"),
)
SEEN = ("luminance", "hue", "motion", "change", "detail")
SHIFTS = 8  # circular shifts of the control
TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Matrix:
    """How tightly each feature and each visual quantity go together.

    Attributes:
        heard: names of the rows.
        seen: names of the columns.
        values: Pearson's r where both are one curve each, else the first canonical
            correlation (0 to 1): hue is a direction, chroma twelve curves.
        controls: mean size of the same for films shifted in a circle.
    """

    heard: tuple[str, ...]
    seen: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    controls: tuple[tuple[float, ...], ...]


def feature_matrix(rows: PictureRows, sound: Sound, *, seed: int = 0) -> Matrix | None:
    """Which feature of the music moves with which of the picture; None without features."""
    if sound.features is None or len(rows) < 30:
        return None
    heard, seen = heard_curves(rows, sound), seen_curves(rows)
    chance = np.random.default_rng(seed)
    shifts = chance.integers(len(rows) // 5, len(rows) - len(rows) // 5, SHIFTS)
    values, controls = [], []
    for name in HEARD:
        pairs = [(heard[name], seen[other]) for other in SEEN]
        values.append(tuple(association(a, b) for a, b in pairs))
        controls.append(
            tuple(
                float(np.mean([abs(association(a, np.roll(b, s, axis=0))) for s in shifts]))
                for a, b in pairs
            )
        )
    return Matrix(HEARD, SEEN, tuple(values), tuple(controls))


def heard_curves(rows: PictureRows, sound: Sound) -> Mapping[str, Numbers]:
    """Name in HEARD -> `(pictures, curves)` at the pictures' times."""
    features = sound.features
    assert features is not None
    at = np.clip(
        np.rint(rows["time_s"] * float(features.fps)).astype(int), 0, len(features) - 1
    )
    curves = {name: features.curves[name][at, None] for name in HEARD[:4]}
    return {
        **curves,
        "chroma": features.chroma[at],
        "valence": features.valence[at, None],
        "arousal": features.arousal[at, None],
    }


def seen_curves(rows: PictureRows) -> Mapping[str, Numbers]:
    """Name in SEEN -> `(pictures, curves)`."""
    colours = np.stack([rows["red_green"], rows["yellow_blue"]], axis=1)
    depth = np.linalg.norm(colours, axis=1, keepdims=True)
    return {
        "luminance": rows["luma"][:, None],
        "hue": colours / np.maximum(depth, 1.0),
        "motion": np.nan_to_num(rows["motion"])[:, None],
        "change": np.sqrt(np.nan_to_num(rows["change"]))[:, None],
        "detail": rows["detail"][:, None],
    }


def association(one: Numbers, other: Numbers) -> float:
    """Pearson's r of two single curves, else the first canonical correlation.

    Args:
        one: `(pictures, curves)`.
        other: the same number of pictures.
    """
    a, b = basis(one), basis(other)
    if not (a.shape[1] and b.shape[1]):
        return 0.0
    shared = a.T @ b
    if one.shape[1] == other.shape[1] == 1:
        sign = np.sign(np.cov(one[:, 0], other[:, 0])[0, 1])
        return float(sign * np.abs(shared[0, 0]))
    return float(min(1.0, np.linalg.svd(shared, compute_uv=False)[0]))


def basis(curves: Numbers) -> Numbers:
    """Orthonormal columns that span the curves' changes; none for what never changes."""
    centred = uniform_filter1d(curves.astype(np.float64), 3, axis=0)
    centred = centred - centred.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    return left[:, sizes > TINY + 1e-6 * sizes.max(initial=0.0)]
