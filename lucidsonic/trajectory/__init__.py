"""Features -> Trajectory: where in latent space each video frame lies."""

from lucidsonic.trajectory.options import Options
from lucidsonic.trajectory.planning import plan_trajectory

__all__ = ["Options", "plan_trajectory"]
