"""Two sets of pictures -> how alike they are: Frechet distance, KID, precision and recall.

With torch-fidelity and the Inception weights on this machine the features are those of FID
(Heusel 2017) with clean resizing (Parmar 2022). Otherwise a fixed network with random weights,
colours and edges stand in: good for "closer or further away", not comparable with any published
figure. The result says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 - only the name of what torch.load raises
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from lucidsonic.errors import DataError, MissingDependencyError
from lucidsonic.nn.pictures import read_rgb
from lucidsonic.types import Pictures

if TYPE_CHECKING:
    from torch.nn import Module

Numbers = npt.NDArray[np.float64]

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
INCEPTION_NOTE = "Inception features: frechet is FID (Heusel 2017), resized as in clean-fid."
PROXY_NOTE = "Fixed random features: frechet is not FID, and compares with no published figure."
# What reading a file that is no such thing may raise.
UNREADABLE = (OSError, RuntimeError, UnpicklingError, LookupError, EOFError, ValueError)
FEWEST = 16  # pictures a side
SIDE = 64  # pixels that the proxy sees
INCEPTION_SIDE = 299
INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
CHANNELS = (24, 48)  # of the random network
WEIGHT_SEED = 20_150_601  # the proxy's network is the same everywhere
COLOURS = 8  # steps a channel
NEIGHBOUR = 3  # k of precision and recall
BATCH = 64


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How like real pictures made ones are.

    Attributes:
        features: "inception", or "proxy": not comparable with published figures.
        frechet: Frechet distance of the features; FID with "inception".
        kid: kernel distance x 1000 (Binkowski 2018), may be slightly negative.
        precision: share of made pictures that could be real (Kynkaanniemi 2019).
        recall: share of real pictures that could be made.
        made: how many pictures were made.
        real: how many they were compared with.
        note: the same in a sentence, to stand beside the figures.
    """

    features: Literal["inception", "proxy"]
    frechet: float
    kid: float
    precision: float
    recall: float
    made: int
    real: int
    note: str


def compare(
    made: Sequence[Pictures], real: Sequence[Pictures], *, weights: Path | None = None
) -> Fidelity:
    """How like the real pictures the made ones are.

    Args:
        made: uint8 RGB `(height, width, 3)`, any sizes.
        real: likewise.
        weights: of Inception; by default those that torch-fidelity has fetched here, if any.

    Raises:
        DataError: fewer than 16 on a side, or the weights cannot be read.
    """
    check_enough("made", len(made))
    check_enough("real", len(real))
    weights = weights or inception_weights()
    if weights is None:
        a, b = proxy_features(made), proxy_features(real)
    else:
        network = inception(weights)
        a, b = inception_features(network, made), inception_features(network, real)
    return Fidelity(
        features="proxy" if weights is None else "inception",
        frechet=frechet_distance(a, b),
        kid=1000 * kernel_distance(a, b),
        precision=covered(a, b),
        recall=covered(b, a),
        made=len(made),
        real=len(real),
        note=PROXY_NOTE if weights is None else INCEPTION_NOTE,
    )


def check_enough(kind: str, count: int) -> None:
    """Complain about too few pictures to compare.

    Raises:
        DataError: so it is.
    """
    if count < FEWEST:
        raise DataError(
            f"{count} {kind} pictures are too few to compare.",
            hint=f"At least {FEWEST}, better thousands.",
        )


def read_pictures(folder: Path, *, most: int) -> list[Pictures]:
    """Up to `most` pictures spread over a folder and those inside it, uint8 RGB.

    Raises:
        DataError: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}'.", hint="Name one with pictures in it.")
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"'{folder}' holds no pictures.", hint=f"Known: {sorted(SUFFIXES)}.")
    chosen = np.unique(np.linspace(0, len(files) - 1, min(most, len(files))).astype(int))
    return [np.asarray(read_rgb(files[i])) for i in chosen]


def resized(pictures: Sequence[Pictures], side: int) -> npt.NDArray[np.float32]:
    """Pictures `(count, 3, side, side)`, 0 to 255, with antialiasing (Parmar 2022)."""
    small = [
        Image.fromarray(p).resize((side, side), Image.Resampling.BICUBIC) for p in pictures
    ]
    return np.stack([np.asarray(s, np.float32) for s in small]).transpose(0, 3, 1, 2)


def inception_weights() -> Path | None:
    """The Inception weights that lie on this machine and can be used; none are fetched."""
    if find_spec("torch_fidelity") is None:
        return None
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_FILE
    return path if path.is_file() else None


def inception(weights: Path) -> "Module":
    """The network of FID, by torch-fidelity.

    Raises:
        MissingDependencyError: torch-fidelity is not installed.
        DataError: these are no Inception weights.
    """
    if find_spec("torch_fidelity") is None:
        raise MissingDependencyError(
            "FID needs torch-fidelity, which is not installed.",
            hint="pip install lucidsonic[fidelity]",
        )
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import (  # pyright: ignore[reportMissingImports]
        FeatureExtractorInceptionV3,
    )

    try:
        torch.load(weights, map_location="cpu", weights_only=True)  # the library would run code
        return FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights)
        )
    except UNREADABLE as error:
        words = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"'{weights}' does not hold the weights of FID: {words}") from error


def inception_features(network: "Module", pictures: Sequence[Pictures]) -> Numbers:
    """Float64 `(pictures, 2048)`."""
    import torch

    rows = []
    with torch.inference_mode():
        for start in range(0, len(pictures), BATCH):
            batch = resized(pictures[start : start + BATCH], INCEPTION_SIDE)
            (found,) = network(torch.as_tensor(batch).round().clamp(0, 255).byte())
            rows.append(found.cpu().numpy())
    return np.concatenate(rows).astype(np.float64)


def proxy_features(pictures: Sequence[Pictures]) -> Numbers:
    """Float64 `(pictures, features)`: what a random network, colours and edges tell."""
    rows = []
    for start in range(0, len(pictures), BATCH):
        batch = resized(pictures[start : start + BATCH], SIDE) / np.float32(255)
        rows.append(np.concatenate([random_features(batch), plain_features(batch)], axis=1))
    return np.concatenate(rows).astype(np.float64)


def random_features(batch: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Means and deviations of two layers of random convolutions, `(pictures, 144)`.

    Random filters keep texture statistics well enough to compare (Saxe 2011).
    """
    import torch
    import torch.nn.functional as F

    chance = np.random.default_rng(WEIGHT_SEED)
    found, signal, wide = [], torch.as_tensor(batch).float() - 0.5, 3
    for channels in CHANNELS:
        weights = chance.standard_normal((channels, wide, 5, 5)) * (2 / (wide * 25)) ** 0.5
        kernel = torch.as_tensor(weights.astype(np.float32))
        signal = F.relu(F.conv2d(signal, kernel, stride=2, padding=2))
        found += [signal.mean(dim=(2, 3)), signal.std(dim=(2, 3))]
        wide = channels
    return torch.cat(found, dim=1).numpy()


def plain_features(batch: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Histograms of each channel, and how steep edges are, `(pictures, 28)`."""
    count = len(batch)
    step = np.clip((batch * COLOURS).astype(int), 0, COLOURS - 1)
    shares = [(step == k).mean(axis=(2, 3)) for k in range(COLOURS)]
    grey = batch.mean(axis=1)
    slopes = [np.abs(np.diff(grey, axis=axis)) for axis in (1, 2)]
    edges = [
        f(s.reshape(count, -1), axis=1)[:, None] for s in slopes for f in (np.mean, np.std)
    ]
    return np.concatenate([*shares, *edges], axis=1).astype(np.float32)


def frechet_distance(a: Numbers, b: Numbers) -> float:
    """|m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^1/2) of two sets of rows (Heusel 2017)."""
    apart = a.mean(axis=0) - b.mean(axis=0)
    sa, sb = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    sizes, ways = np.linalg.eigh(sa)
    root = (ways * np.sqrt(np.maximum(sizes, 0))) @ ways.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ sb @ root), 0)).sum()
    return float(max(0.0, apart @ apart + np.trace(sa) + np.trace(sb) - 2 * shared))


def kernel_distance(a: Numbers, b: Numbers) -> float:
    """Unbiased squared MMD with the kernel (x y / d + 1)^3 (Binkowski 2018)."""
    dim = a.shape[1]

    def kernel(x: Numbers, y: Numbers) -> Numbers:
        return (x @ y.T / dim + 1) ** 3

    def within(x: Numbers) -> float:
        table = kernel(x, x)
        return float((table.sum() - np.trace(table)) / (len(x) * (len(x) - 1)))

    return within(a) + within(b) - 2 * float(kernel(a, b).mean())


def covered(these: Numbers, those: Numbers) -> float:
    """Share of these that lie nearer to one of those than its own third neighbour does."""
    reach = np.sort(squared(those, those), axis=1)[:, NEIGHBOUR]
    return float((squared(these, those) <= reach).any(axis=1).mean())


def squared(a: Numbers, b: Numbers) -> Numbers:
    """Squared distances, `(len(a), len(b))`."""
    lengths = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
    return np.maximum(lengths - 2 * a @ b.T, 0)
