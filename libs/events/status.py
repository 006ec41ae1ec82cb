"""Whether events wait at one stage of the way: said by each of its processes, heard by the next stage."""

from libs.events.types import Frozen, Instant, Label


class Status(Frozen):
    """What one process says every two seconds; no event, so it has no envelope. Times are of the wall."""

    process: Label
    at: Instant
    waiting: bool
    oldest: Instant | None = None
    """Since when the oldest event waits; null when none does, or nobody knows."""
