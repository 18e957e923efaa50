"""Arrays inside this stage: in double precision or whole numbers where the arithmetic asks."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

Numbers = npt.NDArray[Any]


def rfft(x: Numbers, n: int | None = None) -> npt.NDArray[np.complexfloating]:
    """Spectrum of real numbers along the last axis, in their own precision."""
    return np.asarray(fft.rfft(x, n))
