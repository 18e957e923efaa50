"""Pitch class -> the name that people read."""

PITCHES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")  # 0 is C
