"""Folder -> the stems in it, told by their file names."""

import re
from collections.abc import Mapping
from pathlib import Path

from lucidsonic.errors import AudioError

# What each stem is called in file names, by separators and by studios.
STEMS: Mapping[str, tuple[str, ...]] = {
    "drums": ("drums", "drum", "percussion", "perc", "beat", "beats"),
    "bass": ("bass", "sub"),
    "vocals": ("vocals", "vocal", "vox", "voice", "lead", "acapella"),
    "other": ("other", "music", "instrumental", "accompaniment", "synths", "keys", "melody"),
}
SOUND_SUFFIXES = {
    *(".wav", ".flac", ".ogg", ".oga", ".mp3", ".m4a", ".aac", ".opus", ".aif", ".aiff"),
    *(".caf", ".w64", ".wma", ".mka", ".mp4", ".mov", ".mkv", ".webm"),
}


def find_stems(folder: Path | str) -> Mapping[str, Path]:
    """The stems of a song, by name.

    A file is a stem when one of the words of its name says so: `drums.wav`, `Song - Bass.flac`,
    `02_vox_final.mp3`. Files that say nothing are left alone.

    Args:
        folder: a folder of sound files.

    Returns:
        Some of "drums", "bass", "vocals", "other" -> the file, in this order.

    Raises:
        AudioError: no folder, no stem in it, or two files for one stem.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise AudioError(
            f"There is no folder '{folder}'.", hint="Name the folder of the stems."
        )
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SOUND_SUFFIXES)
    found = {stem: [p for p in files if _stem_of(p) == stem] for stem in STEMS}
    for stem, paths in found.items():
        if len(paths) > 1:
            raise AudioError(
                f"'{folder}' has two {stem} files: '{paths[0].name}' and '{paths[1].name}'.",
                hint="Leave one there, or name the files one by one.",
            )
    if not any(found.values()):
        raise AudioError(
            f"'{folder}' holds no stems.", hint="Name the files drums, bass, vocals and other."
        )
    return {stem: paths[0] for stem, paths in found.items() if paths}


def _stem_of(path: Path) -> str | None:
    words = re.findall(r"[a-z]+", path.stem.lower())
    named = [stem for word in words for stem, names in STEMS.items() if word in names]
    return named[-1] if named else None  # "Drum Song - bass": the last word decides
