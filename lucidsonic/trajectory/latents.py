"""A person's own keyframes: an .npz file -> places in a generator's walk space."""

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lucidsonic.errors import ConfigError
from lucidsonic.types import Capabilities, FloatArray


def read_latents(path: Path, capabilities: Capabilities) -> FloatArray:
    """Keyframes that somebody saved, for example a projector: float32 `(keys, dim)`.

    Args:
        path: an .npz file with `w` or `z`, `(keys, dim)` or `(keys, layers, dim)`; layers are
            averaged.
        capabilities: the walk space that they must fit.

    Raises:
        ConfigError: no such file, not such a file, or another space than the model's.
    """
    space = capabilities.space
    found = read_array(path, space)
    places = found.mean(axis=1) if found.ndim == 3 else found
    if places.ndim != 2 or not len(places) or places.shape[1] != capabilities.dim:
        raise ConfigError(
            f"'{path}' holds an array {found.shape} called '{space}'.",
            hint=f"This model needs (keyframes, {capabilities.dim}).",
        )
    if not np.isfinite(places).all():
        raise ConfigError(f"'{path}' holds numbers that are not finite.", hint="Save it again.")
    return places.astype(np.float32)


def read_array(path: Path, name: str) -> npt.NDArray[np.float64]:
    """One array of numbers from an .npz file; nothing in the file is ever run."""
    try:
        with np.load(path, allow_pickle=False) as file:
            names = file.files
            array = np.asarray(file[name], dtype=np.float64) if name in names else None
    except FileNotFoundError as error:
        raise ConfigError(f"There is no file '{path}'.", hint="Check latents_file.") from error
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(
            f"'{path}' is not an .npz file of numbers.", hint="numpy.savez(path, w=places)"
        ) from error
    if array is None:
        raise ConfigError(
            f"'{path}' holds {', '.join(sorted(names)) or 'nothing'}, not '{name}'.",
            hint=f"This model walks in {name}: save an array of that name.",
        )
    return array
