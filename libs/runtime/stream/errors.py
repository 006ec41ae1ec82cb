"""What can go wrong in the streaming core. Each message says what the operator does next."""

from libs.runtime.errors import FatalError


class StreamError(FatalError):
    """Root of the core's errors; a worker that meets one ends and the supervisor starts it again."""


class StateError(StreamError):
    """A state record cannot be trusted. It is named by partition and offset and never guessed.

    Restore the state topic from a backup, or delete it and replay the source from the start.
    """


class LayoutError(StreamError):
    """The topics do not fit each other: missing, or with different partition counts.

    Create the topics with ``greenline topics``; a partition count is fixed for life.
    """


class PositionError(StreamError):
    """The checkpoint points past the end of the source: the source was recreated or truncated.

    Restore the source, or delete the state topic together with it and start from nothing.
    """


class FencedError(StreamError):
    """Another process took a partition over. This one drops it and ends without writing."""


class StepError(StreamError):
    """``step`` raised on a chunk that was delivered correctly: partition and offsets are in the message."""


class StalledError(StreamError):
    """Nothing moves although the broker has more: the client has stalled. A restart is the cure."""
