"""The main path: song in, film out. Start reading here."""
