"""Audio -> Features: what the music does, at the film's exact rate."""
