"""File -> Song -> blocks of samples. Any format, any rate, bounded memory."""

from lucidsonic.audio.blocks import analysis_blocks, load_audio, read_blocks
from lucidsonic.audio.song import open_song
from lucidsonic.audio.stems import STEMS, find_stems

__all__ = [
    "STEMS",
    "analysis_blocks",
    "find_stems",
    "load_audio",
    "open_song",
    "read_blocks",
]
