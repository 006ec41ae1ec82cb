"""What could not be used, why, and where it came from. Raw bytes stay in PostgreSQL at ingest."""

from typing import Annotated

from pydantic import Field

from libs.events.types import EventId, Frozen, Instant, Label, Reference


class DeadLetter(Frozen):
    """`origin` is topic/partition/offset, or the webhook source; `reference` finds the raw bytes."""

    reason: Label
    detail: Annotated[str, Field(max_length=1000)]
    origin: Reference
    reference: Reference | None = None
    event_id: EventId | None = None
    at: Instant
