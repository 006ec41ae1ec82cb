"""The timeline projection: topics to the tables that the console reads."""

from services.outreach.projection.consumer import Projection, ProjectionTopics, run_projection
from services.outreach.projection.stats import ChangeLatency
from services.outreach.projection.store import rebuild

__all__ = ["ChangeLatency", "Projection", "ProjectionTopics", "rebuild", "run_projection"]
