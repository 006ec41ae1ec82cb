"""History from a file: read, resolve, publish, note how far. Knows ports, never drivers.

Chunk by chunk: while one is on its way to Kafka, the next is read and resolved. How far the file is done is
written after Kafka has acknowledged, together with where each partition then ended. After a kill, what landed
behind those ends is looked up, so that going on tells nothing twice and leaves nothing out.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, Protocol

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


class History(Protocol):
    """A file, as seen from here."""

    faults: Problems

    def read(self, start: Place, advance: Callable[[int], None]) -> Iterator[Chunk]: ...
    def person(self, who: Hashable) -> Person: ...


class _Prepared(NamedTuple):
    """A chunk's records, and what is known once they are durable."""

    records: list[Record]
    anchors: list[tuple[str, str, Anchor]]
    types: Counter[str]
    next: Place
    refused: int
    named: tuple[Problem, ...]


@dataclass(slots=True)
class _Told:
    """A chunk's events, the line and the bytes of each."""

    events: list[Any] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)

    def add(self, event: Any, line: int) -> None:
        self.events.append(event)
        self.lines.append(line)

    def records(self, landed: AbstractSet[str], faults: Problems) -> list[Record]:
        """Read back as scoring will: a file must not put on the topic what no service can use."""
        values = list(map(encode_hot, self.events))
        refused = decode_many(values).refused
        for place, error in refused.items():
            faults.add(self.lines[place], str(error))
        told = list(zip(self.events, values, strict=True))
        if refused:
            told = [one for place, one in enumerate(told) if place not in refused]
        self.types.update(event.event_type for event, _ in told)
        topic = CUSTOMER_EVENTS.name
        return [
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
    ) -> None:
        self._source = source
        self._identities = identities
        self._log = log
        self._imports = imports
        self._now = now
        self._max_amount = max_amount
        self._cache = cache
        self._people = _People()
        self._landed: set[str] = set()

    async def run(self, file: History, done: Imported, advance: Callable[[int], None]) -> Imported:
        """From where `done` says on to the end. Raises UnavailableError; calling again goes on."""
        done = await self._begin(file, done)
        writing: asyncio.Task[Imported] | None = None
        try:
            for chunk in file.read(done.next, advance):
                prepared = await self._prepare(chunk, file)
                done = await writing if writing else done
                writing = asyncio.create_task(self._write(prepared, done))
            done = await writing if writing else done
        finally:
            if writing is not None:
                await asyncio.wait([writing])
        return await self._finish(done, file.faults)

    async def _begin(self, file: History, done: Imported) -> Imported:
        file.faults.count, file.faults.named = done.refused, list(done.named)
        if done.offsets:
            self._landed = await self._log.ids_since(done.offsets)
            return done
        begun = replace(done, offsets=await self._log.ends())
        await self._imports.save(begun)
        return begun

    async def _write(self, prepared: _Prepared, done: Imported) -> Imported:
        remembering = self._identities.remember(prepared.anchors) if prepared.anchors else asyncio.sleep(0)
        offsets, _ = await asyncio.gather(self._log.append(prepared.records), remembering)
        saved = replace(
            done,
            next=prepared.next,
            events=done.events + prepared.types,
            refused=prepared.refused,
            named=prepared.named,
            offsets={**done.offsets, **offsets},
        )
        await self._imports.save(saved)
        return saved

    async def _finish(self, done: Imported, faults: Problems) -> Imported:
        named = tuple(faults.named)
        ended = replace(done, finished_at=self._now(), refused=faults.count, named=named)
        await self._imports.save(ended)
        return ended

    async def _prepare(self, chunk: Chunk, file: History) -> _Prepared:
        now, faults = self._now(), file.faults
        entries = [entry for entry in chunk.entries if self._usable(entry, now, faults)]
        records = await self._resolve(entries, file)
        told = _Told()
        anchors: list[tuple[str, str, Anchor]] = []
        for entry in entries:
            customer = self._people.find(entry.who)
            if customer is None:
                faults.add(entry.line, "nobody: no number, e-mail or phone of a customer")
                continue
            if entry.anchor is not None:
                anchors.append((self._source.tenant, customer, entry.anchor))
            for event in entry.events:
                told.add(self._stamp(event, customer, now), entry.line)
        records += told.records(self._landed, faults)
        return _Prepared(records, anchors, told.types, chunk.next, faults.count, tuple(faults.named))

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
