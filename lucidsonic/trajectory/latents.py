"""A person's own keyframes: an .npz file -> places in a generator's walk space."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lucidsonic.errors import ConfigError
from lucidsonic.types import Capabilities, FloatArray

ZToPlaces = Callable[[FloatArray], FloatArray]


def read_latents(
    path: Path, capabilities: Capabilities, *, from_z: ZToPlaces | None = None
) -> FloatArray:
    """Keyframes that somebody saved, for example a projector: float32 `(keys, dim)`.

    Args:
        path: an .npz file with `w` or `z`, `(keys, dim)` or `(keys, layers, dim)`; layers are
            averaged. A model that walks in w takes z as well, through its mapping.
        capabilities: the walk space that they must fit.
        from_z: z `(keys, z_dim)` -> w `(keys, dim)`; None where there is no such way.

    Raises:
        ConfigError: no such file, not such a file, or another space than the model's.
    """
    takes = {capabilities.space: capabilities.dim}
    if from_z is not None:
        takes.setdefault("z", capabilities.z_dim)
    name, found = read_array(path, tuple(takes))
    places = found.mean(axis=1) if found.ndim == 3 else found
    if places.ndim != 2 or not len(places) or places.shape[1] != takes[name]:
        raise ConfigError(
            f"'{path}' holds an array {found.shape} called '{name}'.",
            hint=f"This model needs (keyframes, {takes[name]}).",
        )
    if not np.isfinite(places).all():
        raise ConfigError(f"'{path}' holds numbers that are not finite.", hint="Save it again.")
    places = places.astype(np.float32)
    return places if name == capabilities.space or from_z is None else from_z(places)


def read_array(path: Path, takes: tuple[str, ...]) -> tuple[str, npt.NDArray[np.float64]]:
    """The first of those arrays that an .npz file has; nothing in the file is ever run."""
    try:
        with np.load(path, allow_pickle=False) as file:
            names = file.files
            name = next((name for name in takes if name in names), "")
            array = np.asarray(file[name], dtype=np.float64) if name else None
    except FileNotFoundError as error:
        raise ConfigError(f"There is no file '{path}'.", hint="Check latents_file.") from error
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(
            f"'{path}' is not an .npz file of numbers.", hint="numpy.savez(path, w=places)"
        ) from error
    if array is None:
        raise ConfigError(
            f"'{path}' holds {', '.join(sorted(names)) or 'nothing'}, not '{takes[0]}'.",
            hint=f"This model walks in {takes[0]}: save an array of that name.",
        )
    return name, array
