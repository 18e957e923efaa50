"""Pitch classes and keys -> the names that people read."""

from lucidsonic.types import Key

PITCHES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")  # 0 is C
SHARP_MINORS = {1: "C#", 8: "G#"}  # D flat minor and A flat minor are not written


def key_name(key: Key) -> str:
    """A key as musicians write it.

    >>> [key_name(Key(tonic, mode, 1.0)) for tonic, mode in ((1, "major"), (1, "minor"))]
    ['Db major', 'C# minor']
    """
    sharp = SHARP_MINORS.get(key.tonic) if key.mode == "minor" else None
    return f"{sharp or PITCHES[key.tonic]} {key.mode}"
