"""frames + song -> film file, and film file -> frames."""

from lucidsonic.encoding.encoders import EncoderFacts, probe_encoders
from lucidsonic.encoding.film import Film, FilmWriter, write_film
from lucidsonic.encoding.metadata import read_metadata
from lucidsonic.encoding.options import SUFFIXES, Options, check_choice
from lucidsonic.encoding.probe import FilmFacts, probe_film
from lucidsonic.encoding.reading import read_film

__all__ = [
    "SUFFIXES",
    "EncoderFacts",
    "Film",
    "FilmFacts",
    "FilmWriter",
    "Options",
    "check_choice",
    "probe_encoders",
    "probe_film",
    "read_film",
    "read_metadata",
    "write_film",
]
