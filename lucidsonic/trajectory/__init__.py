"""Features -> Trajectory: where in latent space each video frame lies."""
