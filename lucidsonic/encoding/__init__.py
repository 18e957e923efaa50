"""frames + song -> film file, and film file -> frames."""

from lucidsonic.encoding.album import Track, check_length, join_album, shared_frames
from lucidsonic.encoding.compose import (
    add_lyrics,
    add_title,
    compose_film,
    lyrics_layer,
    scope_layer,
    title_layer,
)
from lucidsonic.encoding.encoders import EncoderFacts, probe_encoders
from lucidsonic.encoding.film import Film, FilmWriter, write_film
from lucidsonic.encoding.formats import FORMATS, format_path, make_formats
from lucidsonic.encoding.lyrics import LyricLine, read_lyrics
from lucidsonic.encoding.metadata import read_metadata
from lucidsonic.encoding.options import (
    SUFFIXES,
    Options,
    check_choice,
    picture_codec,
    sound_codec,
)
from lucidsonic.encoding.partial import check_free, publish, work_folder
from lucidsonic.encoding.probe import FilmFacts, probe_film
from lucidsonic.encoding.reading import read_film
from lucidsonic.encoding.segments import concat_segments, segment_name, write_segment
from lucidsonic.encoding.sheet import (
    contact_sheet,
    picture_format,
    save_frames,
    write_picture,
)
from lucidsonic.encoding.soundtrack import encode_sound

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "EncoderFacts",
    "Film",
    "FilmFacts",
    "FilmWriter",
    "LyricLine",
    "Options",
    "Track",
    "add_lyrics",
    "add_title",
    "check_choice",
    "check_free",
    "check_length",
    "compose_film",
    "concat_segments",
    "contact_sheet",
    "encode_sound",
    "format_path",
    "join_album",
    "lyrics_layer",
    "make_formats",
    "picture_codec",
    "picture_format",
    "probe_encoders",
    "probe_film",
    "publish",
    "read_film",
    "read_lyrics",
    "read_metadata",
    "save_frames",
    "scope_layer",
    "segment_name",
    "shared_frames",
    "sound_codec",
    "title_layer",
    "work_folder",
    "write_film",
    "write_picture",
    "write_segment",
]
