"""Files -> Song, and its samples in blocks."""
