from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
import soundfile

from lucidsonic.audio import open_song
from lucidsonic.encoding import Options, write_film
from tests.unit.evaluation.truth import Case, pictures, samples


@pytest.fixture(scope="session")
def truth_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of kick and snare at 120 BPM."""
    path = tmp_path_factory.mktemp("truth") / "song.wav"
    soundfile.write(path, samples(Case(120, Fraction(25)), 44_100), 44_100)
    return path


@pytest.fixture(scope="session")
def truth_film(
    tmp_path_factory: pytest.TempPathFactory, truth_song: Path
) -> Callable[..., Path]:
    """Makes a film of the disc; each only once."""
    folder = tmp_path_factory.mktemp("films")

    def make(name: str = "film.mp4", *, silent: bool = False, **change) -> Path:
        path = folder / name
        if not path.exists():
            write_film(
                path,
                pictures(Case(120, Fraction(25), **change)),
                size=(36, 64),
                fps=Fraction(25),
                sound=None if silent else open_song(truth_song),
                options=Options(speed="fastest"),
            )
        return path

    return make
