"""The place of quarantine: what to do about a chunk that makes ``step`` raise.

Today the worker ends and says where; the supervisor starts it again at the same offset. Finding the one
record by bisection after N such restarts, and sending it to dead letters with its error, goes here: the
chunk is a plain value, so halves of it can be tried on copies of the rows.
"""

from libs.runtime.stream.api import Chunk
from libs.runtime.stream.errors import StepError


def step_failed(chunk: Chunk, error: Exception) -> StepError:
    return StepError(
        f"step raised on partition {chunk.partition}, offsets {chunk.first} to {chunk.next - 1}: {error!r}"
    )
