"""History from a file: read, resolve, publish, note how far. Knows ports, never drivers.

Chunk by chunk, as small as a processor's caches like, and written many at once: while one batch is on its way
to Kafka and PostgreSQL, the next is read and resolved. How far the file is done is written after Kafka has
acknowledged, together with where each partition then ended. After a kill, what landed behind those ends is
looked up, so that going on tells nothing twice and leaves nothing out.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

import msgspec

from libs.events import CUSTOMER_EVENT_TYPES, decode_many, encode_hot, message_key
from libs.events.topics import CUSTOMER_EVENTS
from libs.runtime.csv_file import Problems
from libs.runtime.event_rows import Place, Problem
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.history.entry import Entry
from services.ingest.domain.identity import Profile, Resolution
from services.ingest.domain.limits import check
from services.ingest.domain.normalise import merge_records, profile_record
from services.ingest.domain.people import Anchor, Claim, Person, claim_of
from services.ingest.domain.record import Record
from services.ingest.domain.sources import Source
from services.ingest.ports import HistoryLog, IdentityStore, Imported, ImportStore

BATCH = 4_000  # events written at once: large enough for bulk calls, small enough to be told again
_WRITING = 2  # batches on their way at once: PostgreSQL's part and Kafka's take longer than one is read
_CLAIMS = 1_000  # resolved in one transaction: live deliveries wait for its lock a tenth of a second
# Outreach speaks for itself, and merging or erasing is decided here, not by a file.
_CLOSED = {"customer.merged", "customer.erased"}
_CLOSED |= {name for name in CUSTOMER_EVENT_TYPES if name.startswith("outreach.")}


class Chunk(Protocol):
    """Entries, and where the file is read on after them."""

    @property
    def entries(self) -> list[Entry]: ...
    @property
    def next(self) -> Place: ...
    @property
    def wire(self) -> bool: ...


class History(Protocol):
    """A file, as seen from here."""

    faults: Problems

    def read(self, start: Place, advance: Callable[[int], None]) -> Iterator[Chunk]: ...
    def person(self, who: Hashable) -> Person: ...


@dataclass(slots=True)
class _Batch:
    """Records of some chunks, and what is known once they are durable."""

    next: Place
    records: list[Record] = field(default_factory=list)
    anchors: list[tuple[str, str, Anchor]] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    named: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Told:
    """A chunk's events, the line and the bytes of each."""

    events: list[Any] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, event: Any, line: int) -> None:
        self.events.append(event)
        self.lines.append(line)

    def into(self, batch: _Batch, landed: AbstractSet[str], faults: Problems, *, wire: bool) -> None:
        """Read back as scoring will: a file must not put on the topic what no service can use.

        What was `wire` in the file has been read so already.
        """
        values = list(map(encode_hot, self.events))
        refused = {} if wire else decode_many(values).refused
        for place, error in refused.items():
            faults.add(self.lines[place], str(error))
        told = list(zip(self.events, values, strict=True))
        if refused:
            told = [one for place, one in enumerate(told) if place not in refused]
        batch.types.update([event.event_type for event, _ in told])
        topic = CUSTOMER_EVENTS.name
        batch.records += [
            Record(topic, message_key(event.tenant, event.subject), value)
            for event, value in told
            if event.id not in landed
        ]


@dataclass(slots=True)
class _People:
    """Who is who, as far as this run has seen."""

    customers: dict[Hashable, str | None] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)

    def find(self, who: Hashable) -> str | None:
        found = self.customers.get(who)
        while found in self.merged:
            found = self.merged[found]
        return found


class Importer:
    """Takes one file in. The source must be marked backfill."""

    def __init__(
        self,
        *,
        source: Source,
        identities: IdentityStore,
        log: HistoryLog,
        imports: ImportStore,
        now: Callable[[], datetime],
        max_amount: int,
        cache: int,
        batch: int = BATCH,
    ) -> None:
        self._source = source
        self._identities = identities
        self._log = log
        self._imports = imports
        self._now = now
        self._max_amount = max_amount
        self._cache, self._batch = cache, batch
        self._people = _People()
        self._landed: set[str] = set()
        self._faults = Problems()
        self._order = asyncio.Lock()  # what happened first lands first

    async def run(self, file: History, done: Imported, advance: Callable[[int], None]) -> Imported:
        """From where `done` says on to the end. Raises UnavailableError; calling again goes on."""
        done = await self._begin(done)
        writing: deque[asyncio.Task[Imported]] = deque()
        try:
            async with aclosing(self._batches(file, done.next, advance)) as batches:
                async for batch in batches:
                    if len(writing) == _WRITING:
                        done = await writing.popleft()
                    writing.append(asyncio.create_task(self._write(batch, writing[-1] if writing else done)))
            for task in writing:
                done = await task
        finally:
            await asyncio.gather(*writing, return_exceptions=True)
        return await self._finish(done)

    async def _begin(self, done: Imported) -> Imported:
        self._faults.count, self._faults.named = done.refused, list(done.named)
        if done.offsets:
            self._landed = await self._log.ids_since(done.offsets)
            return done
        begun = replace(done, offsets=await self._log.ends())
        await self._imports.save(begun)
        return begun

    async def _batches(
        self, file: History, start: Place, advance: Callable[[int], None]
    ) -> AsyncGenerator[_Batch, None]:
        reading = file.read(start, advance)
        coming = asyncio.create_task(self._read(reading, file.faults))
        try:
            while chunks := await coming:
                self._faults.take(file.faults)
                # The next are read while PostgreSQL is asked about these; their faults wait in the file.
                coming = asyncio.create_task(self._read(reading, file.faults))
                yield await self._batch_of(chunks, file)
            self._faults.take(file.faults)
        finally:
            coming.cancel()

    async def _batch_of(self, chunks: Sequence[Chunk], file: History) -> _Batch:
        batch = _Batch(chunks[-1].next)
        batch.records += await self._resolve([entry for chunk in chunks for entry in chunk.entries], file)
        for chunk in chunks:
            self._tell(chunk, batch)
            await asyncio.sleep(0)  # as in _read
        batch.refused, batch.named = self._faults.count, tuple(self._faults.named)
        return batch

    async def _read(self, reading: Iterator[Chunk], faults: Problems) -> list[Chunk]:
        """Chunks with about a batch of entries that can be used; none at the end."""
        chunks: list[Chunk] = []
        entries, now = 0, self._now()
        for chunk in reading:
            chunk.entries[:] = [entry for entry in chunk.entries if self._usable(entry, now, faults)]
            chunks.append(chunk)
            entries += len(chunk.entries)
            if entries >= self._batch:
                break
            await asyncio.sleep(0)  # nothing here waits for anybody: let the last batch be written meanwhile
        return chunks

    async def _write(self, batch: _Batch, before: Imported | asyncio.Task[Imported]) -> Imported:
        remembering = self._identities.remember(batch.anchors) if batch.anchors else asyncio.sleep(0)
        offsets, _ = await asyncio.gather(self._append(batch.records), remembering)
        done = await before if isinstance(before, asyncio.Task) else before
        saved = replace(
            done,
            next=batch.next,
            events=done.events + batch.types,
            refused=batch.refused,
            named=batch.named,
            offsets={**done.offsets, **offsets},
        )
        await self._imports.save(saved)
        return saved

    async def _append(self, records: Sequence[Record]) -> dict[int, int]:
        async with self._order:
            return await self._log.append(records)

    async def _finish(self, done: Imported) -> Imported:
        named = tuple(self._faults.named)
        ended = replace(done, finished_at=self._now(), refused=self._faults.count, named=named)
        await self._imports.save(ended)
        return ended

    def _tell(self, chunk: Chunk, batch: _Batch) -> None:
        now, told = self._now(), _Told()
        for entry in chunk.entries:
            customer = self._people.find(entry.who)
            if customer is None:
                self._faults.add(entry.line, "nobody: no number, e-mail or phone of a customer")
                continue
            if entry.anchor is not None:
                batch.anchors.append((self._source.tenant, customer, entry.anchor))
            for event in entry.events:
                told.add(self._stamp(event, customer, now), entry.line)
        told.into(batch, self._landed, self._faults, wire=chunk.wire)

    def _stamp(self, event: Any, customer: str, now: datetime) -> Any:
        simulated = self._source.simulated
        return msgspec.structs.replace(
            event, subject=customer, receivedat=now, backfill=True, simulated=simulated
        )

    # -- what may be told

    def _usable(self, entry: Entry, now: datetime, faults: Problems) -> bool:
        for event in entry.events:
            what = self._why_not(event, now)
            if what is not None:
                faults.add(entry.line, what)
                return False
        return True

    def _why_not(self, event: Any, now: datetime) -> str | None:
        if event.event_type in _CLOSED:
            return f"type {event.event_type} is not for senders"
        if event.tenant != self._source.tenant:
            return f"tenant {event.tenant!r} is not the source's, which is {self._source.tenant!r}"
        try:
            check(event, now, self._max_amount)
        except NotUnderstoodError as error:
            return str(error)
        return None

    # -- whose it is

    async def _resolve(self, entries: Sequence[Entry], file: History) -> list[Record]:
        """Look up everybody this run has not met; what that changes goes before the events."""
        if len(self._people.customers) > self._cache:
            self._people = _People()
        known = self._people.customers
        strangers = iter({entry.who: None for entry in entries if entry.who not in known})
        records: list[Record] = []
        while batch := list(islice(strangers, _CLAIMS)):
            claims = [claim_of(file.person(who), self._source) for who in batch]
            named = [(who, claim) for who, claim in zip(batch, claims, strict=True) if not claim.empty]
            known |= dict.fromkeys(batch)
            found = await self._identities.resolve([claim for _, claim in named]) if named else []
            for (who, claim), resolution in zip(named, found, strict=True):
                records += self._learn(who, claim, resolution)
        return records

    def _learn(self, who: Hashable, claim: Claim, found: Resolution) -> list[Record]:
        people = self._people
        people.customers[who] = found.customer
        if found.customer is None:
            return []
        now = self._now()
        people.merged |= dict.fromkeys(found.merged, found.customer)
        records = merge_records(found.merged, found.customer, self._source, now)
        if claim.contact and found.profile and people.profiles.get(found.customer) != found.profile:
            people.profiles[found.customer] = found.profile
            records.append(profile_record(found.profile, found.customer, self._source, now))
        return records
