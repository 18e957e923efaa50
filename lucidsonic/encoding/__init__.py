"""frames + song -> film file, and film file -> frames."""
