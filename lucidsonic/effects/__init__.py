"""frames -> frames: pure functions, each led by one curve of the music."""
