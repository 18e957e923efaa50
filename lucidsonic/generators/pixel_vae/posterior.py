"""Where the sprites lie in latent space: a mixture, anchors, and the ways they differ.

With a small KL weight most of N(0, I) decodes to mud. What a run stores instead is the
aggregate posterior: a diagonal Gaussian mixture over the means of the training set, and
anchors, the means of sprites that are known to look right.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch

from lucidsonic.errors import WeightsError
from lucidsonic.types import FloatArray

Indices = npt.NDArray[np.int64]
COMPONENTS = 16
FLOOR = 1e-4  # smallest variance of a component, in units of the latent's own
PREFIX = "posterior."


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """A diagonal Gaussian mixture.

    Attributes:
        weights: `(components,)`, adding up to 1.
        means: `(components, dim)`.
        variances: `(components, dim)`.
    """

    weights: FloatArray
    means: FloatArray
    variances: FloatArray

    def draw(
        self, count: int, rng: np.random.Generator, *, temperature: float = 1.0
    ) -> FloatArray:
        """Points `(count, dim)`; `temperature` scales the standard deviation around a mean."""
        chosen = rng.choice(len(self.weights), size=count, p=self.weights / self.weights.sum())
        noise = rng.standard_normal((count, self.means.shape[1])).astype(np.float32)
        spread = np.float32(temperature) * np.sqrt(self.variances[chosen])
        return (self.means[chosen] + spread * noise).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """What a model file knows about its latent space.

    Attributes:
        weights: of the mixture `(16,)`.
        means: of the mixture `(16, dim)`.
        variances: of the mixture `(16, dim)`.
        anchors: latents of training sprites `(anchors, dim)`.
        qualities: the teacher's score of each decoded anchor `(anchors,)` in [0, 1].
        categories: number of each anchor's category `(anchors,)`.
        classes: pseudo-class of each anchor by the teacher's eye `(anchors,)`.
        styles: the teacher's embedding of each anchor `(anchors, embedding)`.
        directions: principal axes `(axes, dim)`, each one standard deviation long.
    """

    weights: FloatArray
    means: FloatArray
    variances: FloatArray
    anchors: FloatArray
    qualities: FloatArray
    categories: Indices
    classes: Indices
    styles: FloatArray
    directions: FloatArray

    @property
    def mixture(self) -> Mixture:
        return Mixture(self.weights, self.means, self.variances)

    @property
    def centre(self) -> FloatArray:
        """Mean of the mixture `(dim,)`."""
        return self.weights @ self.means

    def to_tensors(self) -> dict[str, torch.Tensor]:
        """For a safetensors file, beside the networks."""
        return {
            PREFIX + f.name: torch.from_numpy(np.array(getattr(self, f.name)))
            for f in fields(self)
        }


def posterior_from_tensors(tensors: Mapping[str, torch.Tensor]) -> Posterior:
    """The posterior in a model file.

    Raises:
        WeightsError: parts of it are missing.
    """
    names = [f.name for f in fields(Posterior)]
    missing = [name for name in names if PREFIX + name not in tensors]
    if missing:
        raise WeightsError(
            f"The model file has no {PREFIX}{missing[0]}: it knows no sprites to walk between.",
            hint="Export the run again with 'lucidsonic models add RUN'.",
        )
    values = {name: tensors[PREFIX + name].cpu() for name in names}
    return Posterior(
        **{n: (v.float() if v.is_floating_point() else v).numpy() for n, v in values.items()}
    )


def random_posterior(dim: int, *, classes: int, seed: int) -> Posterior:
    """A stand-in for a network without training: every point is as good as another."""
    rng = np.random.default_rng(seed)
    anchors = rng.standard_normal((max(32, 2 * classes), dim)).astype(np.float32)
    return Posterior(
        weights=np.ones(1, np.float32),
        means=np.zeros((1, dim), np.float32),
        variances=np.ones((1, dim), np.float32),
        anchors=anchors,
        qualities=np.ones(len(anchors), np.float32),
        categories=np.zeros(len(anchors), np.int64),
        classes=np.arange(len(anchors)) % classes,
        styles=anchors,
        directions=np.eye(min(8, dim), dim, dtype=np.float32),
    )


def fit_mixture(points: FloatArray, *, seed: int, components: int = COMPONENTS) -> Mixture:
    """Expectation-maximisation from k-means, with variances held off zero.

    Args:
        points: `(points, dim)`.
        seed: of the k-means start.
        components: how many Gaussians; fewer where there are not that many points.
    """
    spread = points.var(0) + 1e-8
    owner = cluster(points, min(components, len(points)), seed=seed)
    duty = np.eye(int(owner.max()) + 1)[owner]
    mixture = maximise(points, duty, FLOOR * spread)
    for _ in range(30):
        mixture = maximise(points, expect(points, mixture), FLOOR * spread)
    return mixture


def expect(points: FloatArray, mixture: Mixture) -> npt.NDArray[np.float64]:
    """Which component answers for which point: `(points, components)`."""
    variances = mixture.variances.astype(np.float64)
    means = mixture.means.astype(np.float64)
    squares = (
        (points**2) @ (1 / variances).T
        - 2 * points @ (means / variances).T
        + (means**2 / variances).sum(1)
    )
    logs = np.log(mixture.weights + 1e-12) - 0.5 * (squares + np.log(variances).sum(1))
    logs -= logs.max(1, keepdims=True)
    duty = np.exp(logs)
    return duty / duty.sum(1, keepdims=True)


def maximise(
    points: FloatArray, duty: npt.NDArray[np.float64], floor: npt.NDArray[np.floating]
) -> Mixture:
    mass = duty.sum(0) + 1e-6
    means = (duty.T @ points) / mass[:, None]
    squares = (duty.T @ points**2) / mass[:, None]
    variances = np.maximum(squares - means**2, floor)
    return Mixture(*(a.astype(np.float32) for a in (mass / mass.sum(), means, variances)))


def cluster(points: FloatArray, count: int, *, seed: int, rounds: int = 25) -> Indices:
    """The number of each point's cluster (k-means), `(points,)`.

    There are fewer clusters where points are few or alike.

    Args:
        points: `(points, dim)`, at least `count` of them different.
        count: clusters.
        seed: which points the clusters start from, each far from those before it.
        rounds: of Lloyd's algorithm.
    """
    rng = np.random.default_rng(seed)
    centres = points[far_apart(points, count, rng)]
    for _ in range(rounds):
        owner = nearest(points, centres)
        for number in np.unique(owner):
            centres[number] = points[owner == number].mean(0)
    _, owner = np.unique(nearest(points, centres), return_inverse=True)
    return owner.reshape(-1)


def far_apart(points: FloatArray, count: int, rng: np.random.Generator) -> list[int]:
    """Numbers of points that lie apart (k-means++, Arthur & Vassilvitskii 2007, 2.2)."""
    chosen = [int(rng.integers(len(points)))]
    gaps = ((points - points[chosen[0]]) ** 2).sum(1)
    while len(chosen) < count and gaps.max() > 0:
        chosen.append(int(rng.choice(len(points), p=gaps / gaps.sum())))
        gaps = np.minimum(gaps, ((points - points[chosen[-1]]) ** 2).sum(1))
    return chosen


def principal_axes(points: FloatArray, count: int) -> FloatArray:
    """The directions in which sprites differ most: `(count, dim)`, one deviation long each."""
    centred = points - points.mean(0)
    _, deviations, axes = np.linalg.svd(centred / np.sqrt(len(points)), full_matrices=False)
    return (axes[:count] * deviations[:count, None]).astype(np.float32)


def nearest(points: FloatArray, places: FloatArray) -> Indices:
    """For every row of `points` the number of the nearest row of `places`."""
    squares = (places**2).sum(1) - 2 * points @ places.T
    return squares.argmin(1)


Score = Callable[[FloatArray], FloatArray]


def draw_good(
    draw: Callable[[np.random.Generator], FloatArray],
    score: Score,
    rng: np.random.Generator,
    *,
    threshold: float,
    tries: int = 3,
) -> FloatArray:
    """One point `(dim,)` that the teacher likes, or the best of a few.

    Args:
        draw: one candidate `(dim,)`.
        score: qualities `(count,)` of points `(count, dim)`.
        rng: where chance comes from.
        threshold: quality that ends the search.
        tries: candidates at most.
    """
    best, quality = None, -np.inf
    for _ in range(tries):
        candidate = draw(rng)
        judged = float(score(candidate[None])[0])
        if best is None or judged > quality:
            best, quality = candidate, judged
        if quality >= threshold:
            break
    assert best is not None  # tries is at least 1
    return best
