"""The one ffmpeg binary that decodes, encodes and muxes."""

import os
import shutil
from functools import cache
from pathlib import Path

from lucidsonic.errors import MissingDependencyError

VARIABLE = "LUCIDSONIC_FFMPEG"


def find_ffmpeg() -> Path:
    """The ffmpeg to run: `$LUCIDSONIC_FFMPEG`, else the PATH's, else the one that came along.

    Raises:
        MissingDependencyError: none of the three is there.
    """
    return _find(os.environ.get(VARIABLE, ""), os.environ.get("PATH", ""))


@cache
def _find(chosen: str, search_path: str) -> Path:
    if chosen:
        found = shutil.which(chosen, path=search_path)
        if found is None:
            raise MissingDependencyError(
                f"${VARIABLE} names '{chosen}', which is not a program.",
                hint=f"Unset {VARIABLE} to use the ffmpeg that lucidsonic brings.",
            )
        return Path(found)
    return Path(shutil.which("ffmpeg", path=search_path) or _shipped())


def _shipped() -> str:
    import imageio_ffmpeg  # 0.1 s; only needed where no ffmpeg is installed

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise MissingDependencyError(
            "There is no ffmpeg on this machine.",
            hint="Run 'pip install imageio-ffmpeg', or install ffmpeg.",
        ) from error
