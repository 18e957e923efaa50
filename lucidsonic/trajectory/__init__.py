"""Features -> Trajectory: where in latent space each video frame lies."""

from lucidsonic.trajectory.offset import delayed
from lucidsonic.trajectory.options import Options
from lucidsonic.trajectory.planning import plan_trajectory

__all__ = ["Options", "delayed", "plan_trajectory"]
