"""Points of a latent space: onto the sphere, and along the arc between two."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def to_sphere(points: Floats) -> Floats:
    """Points with norm sqrt(dim), where Gaussian z of that width lies.

    Args:
        points: `(..., dim)`; the origin, which has no direction, stays.
    """
    norm = np.sqrt((points * points).sum(axis=-1, keepdims=True))
    return points * (np.sqrt(points.shape[-1]) / np.where(norm > 0, norm, 1.0))


def slerp(a: Floats, b: Floats, t: Floats) -> Floats:
    """Spherical interpolation (Shoemake 1985): direction along the arc, length along the line.

    Args:
        a: `(..., dim)`, not the origin.
        b: `(..., dim)`, not the origin.
        t: `(...)` in [0, 1].

    Returns:
        `(..., dim)`; opposite points, which have no one arc, are joined by the line.
    """
    length_a = np.sqrt((a * a).sum(axis=-1))
    length_b = np.sqrt((b * b).sum(axis=-1))
    cosine = (a * b).sum(axis=-1) / (length_a * length_b)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    sine = np.sin(angle)
    flat = sine < 1e-4
    safe = np.where(flat, 1.0, sine)
    share_a = np.where(flat, 1.0 - t, np.sin((1.0 - t) * angle) / safe)
    share_b = np.where(flat, t, np.sin(t * angle) / safe)
    length = (1.0 - t) * length_a + t * length_b
    return (a * (share_a * length / length_a)[..., None]) + (
        b * (share_b * length / length_b)[..., None]
    )
