"""In-memory fakes of ingest's ports. They pass the same cases as the real ones (tests/contract/ingest)."""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate, count
from typing import Any

from libs.events import message_key
from libs.events.topics import CUSTOMER_PROFILES
from services.ingest.acks import Acks, Fate
from services.ingest.domain.errors import OversizedError, UnavailableError
from services.ingest.domain.identity import Book, Changes, Resolution, is_object, settle
from services.ingest.domain.people import Anchor, Claim
from services.ingest.domain.plan import Provider
from services.ingest.domain.providers import discover
from services.ingest.domain.record import Record
from services.ingest.domain.sources import Source
from services.ingest.ports import (
    Earlier,
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
from services.ingest.testing_outage import Outage


class FixedSources:
    """Sources given by hand, and providers besides those that are built in."""

    away = False

    def __init__(self, *sources: Source, declared: Sequence[Provider] = ()) -> None:
        self._sources = {source.name: source for source in sources}
        self._providers = discover() | {provider.name: provider for provider in declared}

    def find(self, name: str) -> Source | None:
        return self._now().get(name)

    def all(self) -> Collection[Source]:
        return self._now().values()

    def _now(self) -> dict[str, Source]:
        if self.away:
            raise UnavailableError("switched off by the test")
        return self._sources

    def provider(self, name: str) -> Provider:
        return self._providers[name]


class MemoryIdentities(Outage):
    """An IdentityStore whose book holds everything."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.merged: dict[tuple[str, str], str] = {}
        self.calls = 0
        self._numbers = count(1)

    async def resolve(self, claims: Sequence[Claim]) -> list[Resolution]:
        self.check(claims)
        self.calls += 1
        found = [settle(self.book, claim, lambda: f"c_{next(self._numbers):04}") for claim in claims]
        self.merged |= {(tenant, gone): into for tenant, gone, into in self.book.changes.merges}
        self.book.changes = Changes()
        return found

    async def remember(self, anchors: Sequence[tuple[str, str, Anchor]]) -> None:
        self.check(anchors)
        for tenant, customer, anchor in anchors:
            key = (tenant, anchor.kind, anchor.value)
            if key not in self.book.owners:
                self.book.add(key, customer, anchor.detail)

    async def who(self, values: Sequence[str]) -> list[Known]:
        self.check(values)
        rows = self.book.owners.items()
        owners = {(key[0], owner) for key, owner in rows if key[2] in values or owner in values}
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


class MemoryPrivacy(Outage):
    """A PrivacyStore over the other fakes."""

    def __init__(
        self, identities: MemoryIdentities, spool: "MemorySpool", letters: "MemoryDeadLetters"
    ) -> None:
        super().__init__()
        self.identities, self.spool, self.letters = identities, spool, letters
        self.rows: dict[tuple[str, str, str, str], PrivacyRow] = {}

    async def record(self, row: PrivacyRow) -> PrivacyRow:
        self.check(row)
        return self.rows.setdefault(_name(row), replace(row, recorded_at=datetime.now(UTC)))

    async def requests(
        self,
        tenant: str | None = None,
        *,
        customer: str | None = None,
        state: str | None = None,
        limit: int = 1_000,
    ) -> list[PrivacyRow]:
        asked = {"tenant": tenant, "customer": customer, "state": state}.items()
        self.check([*asked])
        rows = reversed(self.rows.values())
        return [row for row in rows if all(want in {None, getattr(row, name)} for name, want in asked)][
            :limit
        ]

    async def erased_lately(self) -> list[tuple[PrivacyRow, str]]:
        self.check()
        done = (row for row in self.rows.values() if row.state == "done" and row.kind != "data_request")
        return [(row, "lately") for row in done]

    async def customers(self, row: PrivacyRow, limit: int) -> list[str]:
        self.check()
        owners = {owner for key, owner in self.identities.book.owners.items() if key[0] == row.tenant}
        return sorted(owners)[:limit]

    async def erase(self, row: PrivacyRow, customers: Sequence[str], letters: Sequence[str]) -> None:
        self.check(customers, letters)
        await self.record(row)
        book = self.identities.book
        keys = [k for k, owner in book.owners.items() if owner in customers and k[0] == row.tenant]
        for key in keys:
            del book.owners[key]
            book.details.pop(key, None)
            book.shared.discard(key)
        for one in customers:
            book.provider_ids.pop((row.tenant, one), None)
            book.profiles.pop((row.tenant, one), None)
        waiting = self.spool.waiting
        of = {message_key(row.tenant, one) for one in customers}
        self.spool.waiting = [one for one in waiting if not _is_profile(one.record, of)]
        gone = [await self.letters.settle(one, "erased", {}) for one in letters]
        self._count(
            row,
            identities=len(keys),
            customers=len(customers),
            spooled=len(waiting) - len(self.spool.waiting),
            dead_letters=sum(gone),
        )

    async def finish(self, row: PrivacyRow) -> None:
        letters = [one.reference for one in self.letters.stored.values() if one.tenant == row.tenant]
        await self.erase(row, [], letters)
        self.rows[_name(row)] = replace(self.rows[_name(row)], state="done")

    async def answered(self, row: PrivacyRow, counts: dict[str, int]) -> None:
        self.check()
        self._count(replace(row, state="done"), **counts)

    async def spooled(self, tenant: str, customer: str) -> list[bytes]:
        self.check()
        records = (one.record for one in self.spool.waiting)
        return [one.value for one in records if one.key == message_key(tenant, customer) and one.value]

    def _count(self, row: PrivacyRow, **counts: int) -> None:
        before = self.rows[_name(row)]
        added = Counter(before.counts) + Counter(counts)
        self.rows[_name(row)] = replace(
            before, state=row.state, counts={name: added[name] for name in counts}
        )


def _name(row: PrivacyRow) -> tuple[str, str, str, str]:
    return row.tenant, row.provider, row.kind, row.reference


def _is_profile(record: Record, keys: set[bytes]) -> bool:
    return record.topic == CUSTOMER_PROFILES.name and record.value is not None and record.key in keys


class MemorySpool(Outage):
    """A Spool."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Spooled] = []
        self._numbers = count(1)

    async def add(self, batches: Sequence[Sequence[Record]]) -> list[int]:
        self.check()
        added = [Spooled(next(self._numbers), record) for batch in batches for record in batch]
        self.waiting += added
        return [spooled.number for spooled in added]

    async def oldest(self, limit: int, most_bytes: int) -> list[Spooled]:
        self.check()
        sizes = accumulate(len(spooled.record.value or b"") for spooled in self.waiting[:limit])
        within = sum(1 for size in sizes if size <= most_bytes)
        return self.waiting[: max(within, 1)]

    async def remove(self, numbers: Sequence[int]) -> None:
        self.check()
        self.waiting = [spooled for spooled in self.waiting if spooled.number not in set(numbers)]

    async def depth(self) -> SpoolDepth:
        self.check()
        return SpoolDepth(len(self.waiting), 0.0)

    async def close(self) -> None:
        pass


class MemoryLog(Outage):
    """An EventLog. While it is `silent` it takes records and leaves open whether they land.

    What lands at once is one batch, and none of it may be larger than `most_bytes` together.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Record] = []
        self.silent = False
        self.most_bytes = 1024 * 1024
        self.open: deque[tuple[Record, Fate]] = deque()
        self._acks = Acks()

    async def append(self, records: Sequence[Record], wait_s: float) -> None:
        async def send(sent: list[Fate]) -> None:
            await self._acks.nothing_hangs()
            self.check()
            for record in records:
                self.open.append((record, asyncio.get_running_loop().create_future()))
                sent.append(self.open[-1][1])
            if sum(len(one.value or b"") for one, _ in self.open) > self.most_bytes:
                self.refuse(OversizedError("refused by the test"))
            if not self.silent:
                self.land(len(self.open))

        await self._acks.of(send, wait_s)

    def land(self, number: int) -> None:
        """The first so many of those that are open."""
        for _ in range(number):
            record, fate = self.open.popleft()
            self.records.append(record)
            fate.set_result(None)

    def refuse(self, why: Exception | None = None) -> None:
        """All that are open: the client sends nothing behind a batch that was refused."""
        while self.open:
            self.open.popleft()[1].set_exception(why or UnavailableError("refused by the test"))

    def on(self, topic: str) -> list[Record]:
        return [record for record in self.records if record.topic == topic]


class MemoryDeadLetters(Outage):
    """A DeadLetterStore."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: dict[str, Unusable] = {}
        self.stored: dict[str, StoredLetter] = {}

    async def put(self, letter: Unusable) -> None:
        self.check(letter.reference, letter.reason, letter.detail, letter.headers, letter.topic)
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
        self.check(query)
        return [letter for letter in reversed(self.stored.values()) if _wanted(letter, query)][:limit]

    async def load(self, reference: str) -> KeptLetter | None:
        self.check()
        kept = self.letters.get(reference)
        return None if kept is None else KeptLetter(self.stored[reference], kept.headers, kept.body)

    async def kept(self, tenant: str, after: str, limit: int) -> list[KeptLetter]:
        self.check()
        found = sorted(one for one in self.letters if one > after and self.stored[one].tenant == tenant)
        return [
            KeptLetter(self.stored[one], self.letters[one].headers, self.letters[one].body) for one in found
        ][:limit]

    async def stays(self, reference: str, reason: str, detail: str) -> None:
        self.check(reason, detail)
        letter = self.stored[reference]
        if letter.state == "waiting":
            tried = letter.attempts + 1
            self._change(reference, reason=reason, detail=detail, attempts=tried, tried_at=datetime.now(UTC))

    async def settle(self, reference: str, state: LetterState, result: dict[str, Any]) -> bool:
        self.check(reference, state, result)
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


class MemoryAnswers(Outage):
    """An AnswerStore that forgets nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.earlier: dict[tuple[str, str], Earlier] = {}

    async def begin(self, source: str, key: str, fingerprint: str) -> Earlier | None:
        self.check(source, key, fingerprint)
        if (source, key) in self.earlier:
            return self.earlier[source, key]
        self.earlier[source, key] = Earlier(fingerprint, None)
        return None

    async def finish(self, source: str, key: str, answer: dict[str, Any]) -> None:
        self.check()
        self.earlier[source, key] = Earlier(self.earlier[source, key].fingerprint, answer)

    async def drop(self, source: str, key: str) -> None:
        self.check()
        self.earlier.pop((source, key), None)


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
