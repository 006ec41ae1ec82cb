"""What the use case needs from outside (sources: ports_sources). Fakes are in services/ingest/testing.py."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from libs.runtime.event_rows import START, Place, Problem
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.identity import Resolution
from services.ingest.domain.people import Anchor, Claim
from services.ingest.domain.record import Record


@dataclass(frozen=True, slots=True)
class Spooled:
    """A record in the spool with its place in line."""

    number: int
    record: Record


@dataclass(frozen=True, slots=True)
class SpoolDepth:
    """How much waits, and for how many wall seconds the oldest has."""

    records: int = 0
    oldest_s: float = 0.0


class Origin(Protocol):
    """Where a dead letter comes from: mostly a source."""

    @property
    def name(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def provider(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Unusable:
    """What is of no use as it is, with its raw bytes: mostly a delivery, signed and not understood."""

    reference: str
    source: Origin
    reason: str
    detail: str
    headers: dict[str, str]
    body: bytes
    at: datetime
    topic: str | None = None
    verified_at: datetime | None = None
    """Wall time at which the source's signature over these bytes was found good."""


LetterState = Literal["waiting", "redriven", "dropped", "erased"]


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter as the operator sees it: without its bytes. `at` is business time, the rest wall time."""

    reference: str
    tenant: str
    source: str
    provider: str
    reason: str
    detail: str
    at: datetime
    published: bool
    topic: str | None
    stored_at: datetime
    verified_at: datetime | None
    sha256: str | None
    size: int
    """Bytes that are still kept."""
    state: LetterState = "waiting"
    attempts: int = 0
    tried_at: datetime | None = None
    settled_at: datetime | None = None
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter with what is needed to read it again."""

    letter: StoredLetter
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class LetterQuery:
    """Which letters; None or empty does not matter. The times are wall time, of when a letter was stored."""

    references: tuple[str, ...] = ()
    reason: str | None = None
    source: str | None = None
    topic: str | None = None
    before: datetime | None = None
    after: datetime | None = None
    state: LetterState | None = "waiting"


@dataclass(frozen=True, slots=True)
class PrivacyRow:
    """A privacy request: proof that it came and what was done, without anything about the person.

    `customer` is our random id: what it led to is gone once the rows are erased.
    """

    tenant: str
    provider: str
    kind: str
    reference: str
    customer: str | None
    at: datetime
    state: Literal["open", "running", "done"] = "done"
    counts: dict[str, int] = field(default_factory=dict)
    """How many rows were erased or handed over, by kind of row."""
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What `who` tells about one customer."""

    tenant: str
    customer: str
    identifiers: tuple[tuple[str, str, bool], ...]  # kind, value, shared
    merged_from: tuple[str, ...] = ()
    profile: dict[str, object] = field(default_factory=dict)


class IdentityStore(Protocol):
    """The truth about who is who. Every method raises UnavailableError when the store is away."""

    async def resolve(self, claims: Sequence[Claim]) -> list[Resolution]:
        """Decide and write all claims in one transaction, in order; committed when it returns."""
        ...

    async def remember(self, anchors: Sequence[tuple[str, str, Anchor]]) -> None:
        """Objects of customers (tenant, customer, object); one that is known already stays as it is."""
        ...

    async def who(self, values: Sequence[str]) -> list[Known]:
        """Everything about the customers that have any of these identifiers."""
        ...


class PrivacyStore(Protocol):
    """Requests that the law makes us honour. Every method raises UnavailableError when the store is away."""

    async def record(self, row: PrivacyRow) -> PrivacyRow:
        """Keep a request; one that is known already stays as it is. The one that is kept comes back."""
        ...

    async def requests(
        self,
        tenant: str | None = None,
        *,
        customer: str | None = None,
        state: str | None = None,
        limit: int = 1_000,
    ) -> list[PrivacyRow]:
        """The newest first."""
        ...

    async def erased_lately(self) -> list[tuple[PrivacyRow, str]]:
        """What any process erased within the last minute, and when."""
        ...

    async def customers(self, row: PrivacyRow, limit: int) -> list[str]:
        """Customers of a tenant who were there when its erasure was recorded and are there still."""
        ...

    async def erase(self, row: PrivacyRow, customers: Sequence[str], letters: Sequence[str]) -> None:
        """Erase these and count them in the request's row, in one transaction. Again changes no more."""
        ...

    async def finish(self, row: PrivacyRow) -> None:
        """Erase whatever else of the tenant was there when its erasure was recorded; then it is done."""
        ...

    async def answered(self, row: PrivacyRow, counts: dict[str, int]) -> None:
        """A data request was answered with so much."""
        ...

    async def spooled(self, tenant: str, customer: str) -> list[bytes]:
        """A customer's records that wait for Kafka."""
        ...


class Spool(Protocol):
    """Where records wait while Kafka is away. Every method raises UnavailableError when it is away too.

    What a process puts in, it alone is given, until it ends; then another is.
    """

    async def add(self, batches: Sequence[Sequence[Record]]) -> list[int]:
        """Keep records in this order; durable when it returns. Their numbers, in the same order."""
        ...

    async def oldest(self, limit: int, most_bytes: int) -> list[Spooled]:
        """The records first in line: one, and more while their values stay within `most_bytes` in all."""
        ...

    async def remove(self, numbers: Sequence[int]) -> None:
        """Take published records out."""
        ...

    async def depth(self) -> SpoolDepth:
        """Of all processes."""
        ...

    async def close(self) -> None:
        """This process sends no more: what it leaves is another's."""
        ...


@dataclass(frozen=True, slots=True)
class Earlier:
    """A request that came before under the same key; without an answer it is still in work."""

    fingerprint: str
    answer: dict[str, Any] | None


class AnswerStore(Protocol):
    """What was answered under an Idempotency-Key, for a day. Raises UnavailableError when it is away."""

    async def begin(self, source: str, key: str, fingerprint: str) -> Earlier | None:
        """None: the key is this request's now. One that was left in work for a minute may be taken over."""
        ...

    async def finish(self, source: str, key: str, answer: dict[str, Any]) -> None: ...

    async def drop(self, source: str, key: str) -> None:
        """Nothing was done: the key is free again."""
        ...


class UnacknowledgedError(UnavailableError):
    """Kafka has not acknowledged all records. Route: the spool, until it is known what becomes of them."""

    def __init__(
        self, detail: str, sent: "Sequence[asyncio.Future[Any]]" = (), *, oversized: bool = False
    ) -> None:
        super().__init__(detail)
        self.oversized = oversized
        """Whether Kafka has refused some for their size: one alone, or several that it was sent together."""
        self.sent = sent
        """One for each record from the first on that the client took: done once Kafka has it, however late;
        an exception says that it will not come any more. The records behind these were never sent."""


class EventLog(Protocol):
    """Kafka, as seen from here."""

    async def append(self, records: Sequence[Record], wait_s: float) -> None:
        """Returns once all in-sync replicas have all records. Raises UnacknowledgedError after `wait_s`.

        While records hang that nobody waits for any more, nothing is sent after them.
        """
        ...


class DeadLetterStore(Protocol):
    """Signed deliveries we could not use, raw bytes included. Raises UnavailableError when it is away."""

    async def put(self, letter: Unusable) -> None: ...

    async def unpublished(self, limit: int) -> list[StoredLetter]:
        """Letters that the topic has not heard of yet, oldest first."""
        ...

    async def mark_published(self, references: Sequence[str]) -> None: ...

    async def find(self, query: LetterQuery, limit: int) -> list[StoredLetter]:
        """The newest first."""
        ...

    async def load(self, reference: str) -> KeptLetter | None:
        """A letter with its bytes; None if there is no such letter or its bytes are gone."""
        ...

    async def stays(self, reference: str, reason: str, detail: str) -> None:
        """A waiting letter was read again and is still not understood: this is why now."""
        ...

    async def settle(self, reference: str, state: LetterState, result: dict[str, Any]) -> bool:
        """A waiting letter's end: the record stays, the bytes and headers go. False if it did not wait."""
        ...

    async def kept(self, tenant: str, after: str, limit: int) -> list[KeptLetter]:
        """A tenant's waiting letters whose references come after this one, in their order."""
        ...

    async def counts(self) -> list[tuple[str, str, int]]:
        """(source, reason, how many wait), most first."""
        ...


@dataclass(frozen=True, slots=True)
class Imported:
    """How far a file of history is done. Known by tenant and the digest of its bytes."""

    tenant: str
    digest: str
    source: str
    file: str
    zone: str
    next: Place = START
    events: Counter[str] = field(default_factory=Counter)  # by type
    refused: int = 0
    named: tuple[Problem, ...] = ()
    offsets: Mapping[int, int] = field(default_factory=dict)
    """Where each partition of customer.events ended when this was written."""
    finished_at: datetime | None = None


class ImportStore(Protocol):
    """How far each file is done. Every method raises UnavailableError when the store is away."""

    def alone(self, tenant: str, digest: str) -> AbstractAsyncContextManager[bool]:
        """Whether nobody else imports this file during the block."""
        ...

    async def find(self, tenant: str, digest: str) -> Imported | None: ...

    async def save(self, done: Imported) -> None: ...


class HistoryLog(Protocol):
    """Kafka in bulk. Every method raises UnavailableError when it is away."""

    async def append(self, records: Sequence[Record]) -> dict[int, int]:
        """Returns once all replicas have all records: the end of each partition of customer.events then."""
        ...

    async def ends(self) -> dict[int, int]:
        """Where the partitions of customer.events end now."""
        ...

    async def ids_since(self, offsets: Mapping[int, int]) -> set[str]:
        """The ids of the events from these offsets on."""
        ...
