"""What the law makes us do: hand over what we hold about a person, erase a person, erase a whole shop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from libs.runtime.clock import Clock
from libs.runtime.logging import get_logger
from services.ingest.desk import IdentityDesk
from services.ingest.domain.errors import OverloadedError, UnavailableError
from services.ingest.domain.naming import Sought, document_of, naming_elements, sought_of
from services.ingest.domain.normalise import erasure_records
from services.ingest.domain.people import Identifier
from services.ingest.domain.sources import Sender
from services.ingest.ports import DeadLetterStore, IdentityStore, KeptLetter, Known, PrivacyRow, PrivacyStore
from services.ingest.publisher import Publisher

_log = get_logger(__name__)
LOOK_S = 1.0  # wall seconds between looks for a shop to erase and for what other processes erased
BATCH = 200  # customers of a shop erased at a time
_LETTERS = 50  # letters looked through at a time: a body may have megabytes

ELSEWHERE = {
    "customer.events, customer.health and other topics": "events and scores under the customer's random id; "
    "outreach's timeline shows them all; see docs/operations.md for how long each topic keeps them",
    "outreach": "timeline, messages, tasks, notes, a copy of the profile: see its console",
    "the shop's own tools": "what they sent us came from them: they answer for themselves",
}


@dataclass(frozen=True, slots=True)
class Held:
    """Everything ingest holds about one person."""

    known: Known | None
    requests: Sequence[PrivacyRow] = ()
    spooled: Sequence[Any] = ()
    letters: Sequence[dict[str, Any]] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {
            "identities": len(self.known.identifiers) if self.known else 0,
            "profile": int(bool(self.known and self.known.profile)),
            "privacy_requests": len(self.requests),
            "spooled": len(self.spooled),
            "dead_letters": len(self.letters),
        }


class Privacy:
    """One per process. Whatever it does may be done again."""

    def __init__(
        self,
        *,
        store: PrivacyStore,
        identities: IdentityStore,
        letters: DeadLetterStore,
        desk: IdentityDesk,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._store = store
        self._identities = identities
        self._letters = letters
        self._desk = desk
        self._publisher = publisher
        self._clock = clock
        self._evicted: set[str] = set()

    def now(self) -> datetime:
        return self._clock.now()

    async def record(self, row: PrivacyRow) -> PrivacyRow:
        return await self._store.record(row)

    async def requests(self, tenant: str) -> list[PrivacyRow]:
        return await self._store.requests(tenant)

    async def find(self, tenant: str, customer: str | None, asked: Sequence[Identifier]) -> list[Known]:
        """The customers of a tenant that this names."""
        found = await self._identities.who([one.value for one in asked] + ([customer] if customer else []))
        wanted = set(asked)
        return [
            one
            for one in found
            if one.tenant == tenant
            and (
                one.customer == customer
                or wanted & {Identifier(kind, value) for kind, value, _ in one.identifiers}
            )
        ]

    async def held(self, tenant: str, known: Known | None, asked: Sequence[Identifier]) -> Held:
        """What there is about a person; who is not known may still be named in dead letters."""
        sought = sought_of(known.identifiers if known else (), asked)
        letters = [_told(kept, found) async for kept, found in self._naming(tenant, sought)]
        if known is None:
            return Held(None, letters=letters)
        requests = await self._store.requests(tenant, customer=known.customer)
        spooled = [msgspec.json.decode(one) for one in await self._store.spooled(tenant, known.customer)]
        return Held(known, requests, spooled, letters)

    async def answer(self, row: PrivacyRow, held: Held) -> None:
        """Proof of what was handed over."""
        await self._store.answered(await self._store.record(row), held.counts())

    async def redact_customer(self, row: PrivacyRow, asked: Sequence[Identifier]) -> None:
        """Erase a person whose end is published: rows, contact details on their way, bytes that name them."""
        known = await self.find(row.tenant, row.customer, ()) if row.customer else []
        identifiers = known[0].identifiers if known else ()
        letters = [
            kept.letter.reference async for kept, _ in self._naming(row.tenant, sought_of(identifiers, asked))
        ]
        await self._store.erase(row, [row.customer] if row.customer else [], letters)
        if row.customer:
            self._desk.evict(row.tenant, row.customer)

    async def publish_end(self, row: PrivacyRow, customers: Sequence[str]) -> None:
        """Before anything is erased: a crash in between repeats the erasure instead of losing it."""
        sender, now = Sender(row.provider, row.tenant), self._clock.now()
        records = [record for one in customers for record in erasure_records(one, row.reference, sender, now)]
        await self._publisher.publish(records)

    async def redact_shop(self, row: PrivacyRow) -> None:
        """All customers of a tenant, in batches: what is left says where to go on."""
        while customers := await self._store.customers(row, BATCH):
            await self.publish_end(row, customers)
            await self._store.erase(row, customers, ())
            for one in customers:
                self._desk.evict(row.tenant, one)
        await self._store.finish(row)
        self._desk.evict(row.tenant)
        _log.info("ingest.shop_redacted", tenant=row.tenant)

    async def work_forever(self) -> None:
        """Until cancelled: shops to erase, and what other processes erased leaves this one's memory."""
        while True:
            try:
                for row in await self._store.requests(state="running"):
                    await self.redact_shop(row)
                await self.evict_erased()
            except (UnavailableError, OverloadedError):
                _log.warning("ingest.privacy_waits")
            await asyncio.sleep(LOOK_S)

    async def evict_erased(self) -> None:
        lately = await self._store.erased_lately()
        for row, when in lately:
            name = f"{row.tenant} {row.provider} {row.kind} {row.reference} {when}"
            if name not in self._evicted and (row.customer or row.kind == "redact_shop"):
                self._desk.evict(row.tenant, row.customer)
            self._evicted.add(name)

    async def _naming(self, tenant: str, sought: Sought) -> AsyncIterator[tuple[KeptLetter, list[Any]]]:
        """The waiting letters that name a person, each with those of its elements that do."""
        after = ""
        while batch := await self._letters.kept(tenant, after, _LETTERS):
            for kept in batch:
                letter = kept.letter
                found = naming_elements(sought, document_of(kept.body), letter.provider, letter.topic)
                if found:
                    yield kept, found
            after = batch[-1].letter.reference
            await asyncio.sleep(0)  # deliveries come first


def _told(kept: KeptLetter, elements: list[Any]) -> dict[str, Any]:
    letter = kept.letter
    told = {
        name: getattr(letter, name) for name in ("reference", "at", "source", "provider", "topic", "reason")
    }
    return {**told, "elements": elements}
