"""frames + song -> film file, and film file -> frames."""

from lucidsonic.encoding.encoders import EncoderFacts, probe_encoders
from lucidsonic.encoding.film import Film, FilmWriter, write_film
from lucidsonic.encoding.metadata import read_metadata
from lucidsonic.encoding.options import SUFFIXES, Options, check_choice, picture_codec
from lucidsonic.encoding.partial import check_free
from lucidsonic.encoding.probe import FilmFacts, probe_film
from lucidsonic.encoding.reading import read_film
from lucidsonic.encoding.segments import concat_segments, segment_name, write_segment
from lucidsonic.encoding.sheet import contact_sheet, save_frames, write_picture

__all__ = [
    "SUFFIXES",
    "EncoderFacts",
    "Film",
    "FilmFacts",
    "FilmWriter",
    "Options",
    "check_choice",
    "check_free",
    "concat_segments",
    "contact_sheet",
    "picture_codec",
    "probe_encoders",
    "probe_film",
    "read_film",
    "read_metadata",
    "save_frames",
    "segment_name",
    "write_film",
    "write_picture",
    "write_segment",
]
