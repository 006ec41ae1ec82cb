"""One delivery on its way through the intake."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Identifier
from services.ingest.domain.plan import Delivery
from services.ingest.domain.reading import Node
from services.ingest.domain.record import Record
from services.ingest.domain.sources import Source
from services.ingest.ports import PrivacyRow


@dataclass(slots=True)
class Work:
    """One delivery on its way."""

    source: Source
    now: datetime
    traceparent: str | None
    body: bytes
    until: float
    """When it must go on without what is asked of the provider's API, by the loop's clock."""
    late: bool = False
    """Whether others have been heard since it came, so that what is known by now may be newer."""
    records: list[Record] = field(default_factory=list)
    events: dict[str, str] = field(default_factory=dict)  # id to type
    duplicates: int = 0
    profiles: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    requests: list[tuple[PrivacyRow, tuple[Identifier, ...]]] = field(default_factory=list)
    failure: NotUnderstoodError | None = None
    failed: Node = field(default_factory=lambda: Node(None))

    @property
    def digest(self) -> str:
        """Stands for the delivery where a name of its own is needed."""
        return f"h_{hashlib.sha256(self.body).hexdigest()[:24]}"

    def fail(self, error: NotUnderstoodError, element: Node) -> None:
        """The first failure stands for the delivery."""
        if self.failure is None:
            self.failure, self.failed = error, element


def trace_of(delivery: Delivery) -> str | None:
    """The sender's trace, if it follows W3C's form."""
    return well_formed(delivery.header("traceparent"))


def well_formed(trace: str | None) -> str | None:
    if not trace:
        return None
    parts = trace.split("-")
    fits = [len(part) for part in parts] == [2, 32, 16, 2] and trace.isascii() and trace.isprintable()
    return trace if fits else None
