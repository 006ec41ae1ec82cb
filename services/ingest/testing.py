"""In-memory fakes of ingest's ports. They pass the same cases as the real ones (tests/contract/ingest)."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.identity import Book, Changes, Resolution, is_object, settle
from services.ingest.domain.people import Anchor, Claim
from services.ingest.domain.record import Record
from services.ingest.domain.sources import Source
from services.ingest.ports import (
    KeptLetter,
    Known,
    LetterQuery,
    LetterState,
    PrivacyRow,
    SpoolDepth,
    Spooled,
    StoredLetter,
    Unusable,
)


class Outage:
    """A switch: while it is off, every call fails as the real thing would."""

    def __init__(self) -> None:
        self.away = False

    def check(self) -> None:
        if self.away:
            raise UnavailableError("switched off by the test")


class FixedSources:
    """Sources given by hand."""

    def __init__(self, *sources: Source) -> None:
        self._sources = {source.name: source for source in sources}

    def find(self, name: str) -> Source | None:
        return self._sources.get(name)


class MemoryIdentities(Outage):
    """An IdentityStore whose book holds everything."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.merged: dict[tuple[str, str], str] = {}
        self.requests: list[PrivacyRow] = []
        self.calls = 0
        self._numbers = count(1)

    async def resolve(self, claims: Sequence[Claim]) -> list[Resolution]:
        self.check()
        self.calls += 1
        found = [settle(self.book, claim, lambda: f"c_{next(self._numbers):04}") for claim in claims]
        self.merged |= {(tenant, gone): into for tenant, gone, into in self.book.changes.merges}
        self.book.changes = Changes()
        return found

    async def remember(self, anchors: Sequence[tuple[str, str, Anchor]]) -> None:
        self.check()
        for tenant, customer, anchor in anchors:
            key = (tenant, anchor.kind, anchor.value)
            if key not in self.book.owners:
                self.book.add(key, customer, anchor.detail)

    async def forget(self, tenant: str, customer: str, request: PrivacyRow) -> None:
        self.check()
        for key in [k for k, owner in self.book.owners.items() if owner == customer and k[0] == tenant]:
            del self.book.owners[key]
            self.book.details.pop(key, None)
            self.book.shared.discard(key)
        self.book.provider_ids.pop((tenant, customer), None)
        self.book.profiles.pop((tenant, customer), None)
        await self.record_request(request)

    async def record_request(self, request: PrivacyRow) -> None:
        self.check()
        same = [(one.tenant, one.provider, one.kind, one.reference) for one in self.requests]
        if (request.tenant, request.provider, request.kind, request.reference) not in same:
            self.requests.append(request)

    async def who(self, values: Sequence[str]) -> list[Known]:
        self.check()
        owners = {(key[0], owner) for key, owner in self.book.owners.items() if key[2] in values}
        return [self._known(tenant, customer) for tenant, customer in sorted(owners)]

    def _known(self, tenant: str, customer: str) -> Known:
        keys = sorted(k for k, owner in self.book.owners.items() if owner == customer and k[0] == tenant)
        merged = (gone for (of, gone), into in self.merged.items() if of == tenant and into == customer)
        return Known(
            tenant,
            customer,
            tuple((kind, value, (tenant, kind, value) in self.book.shared) for _, kind, value in keys),
            tuple(sorted(merged)),
            self.book.profiles.get((tenant, customer), {}),
        )

    def objects(self) -> set[str]:
        """The values of all remembered objects."""
        return {value for _, kind, value in self.book.owners if is_object(kind)}


class MemorySpool(Outage):
    """A Spool."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Spooled] = []
        self._numbers = count(1)

    async def add(self, batches: Sequence[Sequence[Record]]) -> None:
        self.check()
        self.waiting += [Spooled(next(self._numbers), record) for batch in batches for record in batch]

    async def oldest(self, limit: int) -> list[Spooled]:
        self.check()
        return self.waiting[:limit]

    async def remove(self, numbers: Sequence[int]) -> None:
        self.check()
        self.waiting = [spooled for spooled in self.waiting if spooled.number not in set(numbers)]

    async def depth(self) -> SpoolDepth:
        self.check()
        return SpoolDepth(len(self.waiting), 0.0)


class MemoryLog(Outage):
    """An EventLog."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Record] = []

    async def append(self, records: Sequence[Record], wait_s: float) -> None:  # noqa: ARG002 (the port's signature)
        self.check()
        self.records += records

    def on(self, topic: str) -> list[Record]:
        return [record for record in self.records if record.topic == topic]


class MemoryDeadLetters(Outage):
    """A DeadLetterStore."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: dict[str, Unusable] = {}
        self.stored: dict[str, StoredLetter] = {}

    async def put(self, letter: Unusable) -> None:
        self.check()
        self.letters[letter.reference] = letter
        self.stored[letter.reference] = _stored(letter)

    async def unpublished(self, limit: int) -> list[StoredLetter]:
        self.check()
        return [letter for letter in self.stored.values() if not letter.published][:limit]

    async def mark_published(self, references: Sequence[str]) -> None:
        self.check()
        for reference in references:
            self._change(reference, published=True)

    async def find(self, query: LetterQuery, limit: int) -> list[StoredLetter]:
        self.check()
        return [letter for letter in reversed(self.stored.values()) if _wanted(letter, query)][:limit]

    async def load(self, reference: str) -> KeptLetter | None:
        self.check()
        kept = self.letters.get(reference)
        return None if kept is None else KeptLetter(self.stored[reference], kept.headers, kept.body)

    async def stays(self, reference: str, reason: str, detail: str) -> None:
        self.check()
        letter = self.stored[reference]
        if letter.state == "waiting":
            tried = letter.attempts + 1
            self._change(reference, reason=reason, detail=detail, attempts=tried, tried_at=datetime.now(UTC))

    async def settle(self, reference: str, state: LetterState, result: dict[str, Any]) -> bool:
        self.check()
        letter = self.stored.get(reference)
        if letter is None or letter.state != "waiting":
            return False
        self._change(reference, state=state, result=result, size=0, settled_at=datetime.now(UTC))
        del self.letters[reference]
        return True

    async def counts(self) -> list[tuple[str, str, int]]:
        self.check()
        waiting = (letter for letter in self.stored.values() if letter.state == "waiting")
        found = Counter((letter.source, letter.reason) for letter in waiting)
        return sorted(((source, reason, n) for (source, reason), n in found.items()), key=lambda row: -row[2])

    def _change(self, reference: str, **changes: Any) -> None:
        self.stored[reference] = replace(self.stored[reference], **changes)


def _stored(letter: Unusable) -> StoredLetter:
    return StoredLetter(
        letter.reference,
        letter.source.tenant,
        letter.source.name,
        letter.source.provider,
        letter.reason,
        letter.detail,
        letter.at,
        published=False,
        topic=letter.topic,
        stored_at=datetime.now(UTC),
        verified_at=letter.verified_at,
        sha256=hashlib.sha256(letter.body).hexdigest(),
        size=len(letter.body),
    )


def _wanted(letter: StoredLetter, query: LetterQuery) -> bool:
    asked = {name: getattr(query, name) for name in ("reason", "source", "topic", "state")}
    return (
        letter.reference in (query.references or [letter.reference])
        and all(value is None or getattr(letter, name) == value for name, value in asked.items())
        and (query.before is None or letter.stored_at < query.before)
        and (query.after is None or letter.stored_at >= query.after)
    )
