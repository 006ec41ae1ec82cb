"""The use case: verify, read, resolve, publish. Knows ports, never drivers."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError

from libs.events import TYPES
from libs.runtime.clock import Clock
from libs.runtime.logging import get_logger
from services.ingest.desk import IdentityDesk
from services.ingest.domain.errors import NotUnderstoodError, UnstorableError, UnverifiedError
from services.ingest.domain.identity import Resolution
from services.ingest.domain.letters import kept_labels, topic_of
from services.ingest.domain.limits import check
from services.ingest.domain.normalise import (
    complete,
    erasure_records,
    event_record,
    merge_records,
    profile_record,
)
from services.ingest.domain.people import Claim, claim_of
from services.ingest.domain.plan import (
    Answer,
    Delivery,
    Fact,
    Item,
    Objects,
    PrivacyRequest,
    Provider,
    Wanted,
)
from services.ingest.domain.posted import read_events
from services.ingest.domain.reading import Node, without_controls
from services.ingest.domain.record import Record
from services.ingest.domain.scanners import marked
from services.ingest.domain.sources import Source
from services.ingest.elements import elements, first_fault, log_defect, objects_of, of_no_topic
from services.ingest.enriching import Enricher
from services.ingest.metrics import IngestMetrics
from services.ingest.ports import DeadLetterStore, PrivacyRow, Unusable
from services.ingest.privacy import Privacy
from services.ingest.publisher import Durable, Publisher
from services.ingest.work import Work, trace_of, well_formed

_log = get_logger(__name__)


class Received(msgspec.Struct, frozen=True):
    """What became of a delivery."""

    outcome: Literal["accepted", "ignored", "dead_letter"]
    events: tuple[str, ...] = ()
    duplicates: int = 0
    durable: Durable = "kafka"
    dead_letter: str | None = None
    reference: str | None = None
    detail: str = ""
    types: tuple[str, ...] = ()
    """Of the events, one each."""


# A data request is open until somebody hands the data over; a shop is erased in batches, beside deliveries.
_STATES: dict[str, Literal["open", "running", "done"]] = {
    "data_request": "open",
    "redact_customer": "done",
    "redact_shop": "running",
}
_Who = tuple[Claim, Resolution]
_Read = tuple[Node, Item]
_NOBODY = Resolution(None, "unknown")


class Intake:
    """Takes deliveries in. One per process."""

    def __init__(
        self,
        *,
        providers: Callable[[str], Provider],
        desk: IdentityDesk,
        privacy: Privacy,
        publisher: Publisher,
        letters: DeadLetterStore,
        metrics: IngestMetrics,
        clock: Clock,
        max_amount: int,
        scanner_click_s: float,
        enricher: Enricher,
    ) -> None:
        self._enricher = enricher
        self._providers = providers
        self._desk = desk
        self._privacy = privacy
        self._publisher = publisher
        self._letters = letters
        self._metrics = metrics
        self._clock = clock
        self._max_amount = max_amount
        self._scanner_click_s = scanner_click_s

    def handshake(self, source: Source, delivery: Delivery) -> Answer | None:
        """The answer to an unsigned ping, if this is one."""
        return self._providers(source.provider).handshake(delivery)

    def probed(self, source: Source, method: str) -> bool:
        """Whether this provider looks with such a request whether the address is there."""
        probes = self._providers(source.provider).probes
        return method in probes or (method == "HEAD" and "GET" in probes)

    async def receive(self, source: Source, delivery: Delivery) -> Received:
        """One delivery, durable when this returns.

        Raises UnverifiedError, UnavailableError or OverloadedError; nothing else.
        """
        provider, wall = self._providers(source.provider), self._clock.wall()
        provider.verify(delivery, source.live_secrets(wall), wall)
        work = self._work(source, self._clock.now(), trace_of(delivery), delivery.body)
        received = await self._process(provider, delivery, work)
        if work.failure is None:
            return received
        return replace(received, reference=await self._keep(work, delivery, work.failure))

    async def again(self, source: Source, delivery: Delivery, at: datetime) -> Received:
        """A delivery that was verified when it came (`at`), read with the code of today as if it came then.

        What cannot be used is told, not kept: it is kept already. Raises UnavailableError, OverloadedError.
        """
        work = self._work(source, at, trace_of(delivery), delivery.body, late=True)
        try:
            return await self._process(self._providers(source.provider), delivery, work)
        except UnverifiedError as error:
            return Received("dead_letter", dead_letter="unparsable", detail=str(error))

    async def resend(self, record: Record) -> Received:
        """A record that Kafka refused once; refused again it becomes another letter.

        Raises UnavailableError.
        """
        return Received("accepted", durable=await self._publisher.publish([record]))

    async def _process(self, provider: Provider, delivery: Delivery, work: Work) -> Received:
        nodes = elements(provider, delivery, work)
        read = [pair for node in nodes for pair in self._read(provider, node, delivery, work)]
        if any(item.wants is not None and item.wants.whole for _, item in read):
            filled = await asyncio.gather(*(self._fill(provider, *pair, work) for pair in read))
            read = [pair for pairs in filled for pair in pairs]
        durable = await self._settle(read, work)
        return self._result(work, durable)

    def understand(self, source: Source, key: str, body: bytes) -> list[Item]:
        """What POST /v1/events says. Raises UnparsableError or InvalidEventsError: none of it is taken."""
        return read_events(body, key, source, self._clock.now(), self._max_amount)

    def listed(self, source: Source, what: str, body: Node) -> list[Item]:
        """What the deliveries about a provider's object would have said. Raises NotUnderstoodError."""
        provider = self._providers(source.provider)
        work = self._work(source, self._clock.now(), None, late=True)
        asked = Wanted(what, body.at("id").key() or "")
        pairs = self._guarded(provider, body, work, lambda: objects_of(provider).read(asked, body, source))
        if work.failure is not None:
            raise work.failure
        return [item for _, item in pairs]

    async def take(
        self,
        source: Source,
        items: Sequence[Item],
        trace: str | None,
        *,
        late: bool = False,
        whole: bool = False,
    ) -> Received:
        """What was understood, durable when this returns. Raises UnavailableError or OverloadedError.

        `whole`: all of it or nothing. Raises UnstorableError then.
        """
        work = self._work(source, self._clock.now(), well_formed(trace), late=late)
        durable = await self._settle([(Node(None), item) for item in items], work, whole=whole)
        return self._result(work, durable)

    async def _settle(self, read: Sequence[_Read], work: Work, *, whole: bool = False) -> Durable:
        known = await self._resolve(read, work)
        if whole and work.failure is not None:
            raise work.failure
        for (node, item), who in zip(read, known, strict=True):
            if who is not None:
                self._take(node, item, who, work)
        durable = await self._publisher.publish(work.records)
        await self._after_publishing(work)
        return durable

    def _work(
        self, source: Source, at: datetime, trace: str | None, body: bytes = b"", *, late: bool = False
    ) -> Work:
        return Work(source, at, trace, body, self._enricher.until(patient=late), late)

    def _read(self, provider: Provider, node: Node, delivery: Delivery, work: Work) -> list[_Read]:
        topics = work.source.topics
        if topics and topic_of(kept_labels(delivery), node) not in topics:
            return [(node, of_no_topic(provider, node, delivery, work.source))]
        return self._guarded(provider, node, work, lambda: [provider.read(node, delivery, work.source)])

    async def _fill(self, provider: Provider, node: Node, item: Item, work: Work) -> list[_Read]:
        """An element that only names an object: what the object says."""
        asked = item.wants
        if asked is None or not asked.whole:
            return [(node, item)]
        try:
            body = await self._enricher.whole(asked, work.source, work.until)
        except NotUnderstoodError as error:
            work.fail(error, node)
            return []
        return self._guarded(
            provider, node, work, lambda: objects_of(provider).read(asked, body, work.source)
        )

    def _guarded(
        self, provider: Provider, node: Node, work: Work, read: Callable[[], Sequence[Item]]
    ) -> list[_Read]:
        try:
            items = [marked(item, self._scanner_click_s) for item in read()]
            for one in (fact for item in items for fact in item.facts):
                check(one, work.now, self._max_amount)
        except NotUnderstoodError as error:
            work.fail(error, node)
        except ValidationError as error:
            work.fail(NotUnderstoodError("invalid_data", first_fault(error)), node)
        except Exception as error:  # noqa: BLE001 (named, counted, kept)
            # A defect in a mapping is ours: the provider must not retry and then switch us off for it.
            log_defect(provider, error)
            work.fail(NotUnderstoodError("defect", "the mapping failed; see the log"), node)
        else:
            return [(node, item) for item in items]
        return []

    async def _resolve(self, read: Sequence[_Read], work: Work) -> list[_Who | None]:
        """Whose each element is. A batch's elements wait for PostgreSQL together, in their order."""
        if len(read) == 1:
            return [await self._who(*read[0], work)]
        return await asyncio.gather(*(self._who(node, item, work) for node, item in read))

    async def _who(self, node: Node, item: Item, work: Work) -> _Who | None:
        """None: who it names cannot be kept, which has failed this element."""
        claim = claim_of(item.person, work.source, create=item.request is None, late=work.late)
        if claim.empty or item.ignored is not None:
            return claim, _NOBODY
        objects = self._providers(work.source.provider).objects
        asked = self._enricher.asks(item, objects, work.source)
        try:
            if asked is None or objects is None:
                return claim, await self._desk.resolve(claim)
            return await self._asked(claim, item, asked, objects, work)
        except UnstorableError as error:
            work.fail(error, node)
            return None

    async def _asked(self, claim: Claim, item: Item, asked: Wanted, objects: Objects, work: Work) -> _Who:
        # Only strangers are asked about: who is known waits for nothing.
        known = await self._desk.resolve(replace(claim, create=False))
        if known.customer is not None:
            return claim, known
        person = await self._enricher.person(asked, item.person, objects.person, work.source, work.until)
        claim = claim_of(person, work.source, late=work.late)
        return claim, await self._desk.resolve(claim)

    def _take(self, node: Node, item: Item, who: _Who, work: Work) -> None:
        """One element: what it adds to the delivery's records."""
        claim, known = who
        if item.ignored is not None:
            self._ignore(work.source, item.ignored)
        elif item.request is not None:
            self._take_request(item, item.request, who, work)
        elif known.customer is not None:
            self._add(item.facts, known, known.customer, work)
        elif claim.identifiers or not item.customer_required:
            # A device nobody was ever seen on, or a cart without a name.
            self._ignore(work.source, "anonymous")
        else:
            detail = "no identifier of a customer, and no object whose customer is known"
            work.fail(NotUnderstoodError("missing_customer", detail), node)

    def _add(self, facts: Sequence[Fact], resolution: Resolution, customer: str, work: Work) -> None:
        source, now = work.source, work.now
        work.records += merge_records(resolution.merged, customer, source, now)
        for one in facts:
            if one.id in work.events:
                work.duplicates += 1
                continue
            data = complete(one.data, resolution)
            work.records.append(
                event_record(Fact(one.id, data, one.time), customer, source, now, work.traceparent)
            )
            work.events[one.id] = TYPES[type(data)]
        if resolution.profile is not None:
            work.records.append(profile_record(resolution.profile, customer, source, now))
            work.profiles.append((customer, resolution.profile))

    def _take_request(self, item: Item, request: PrivacyRequest, who: _Who, work: Work) -> None:
        (claim, known), source = who, work.source
        # Some providers' reference is the person's own number, or nothing. The proof must name nobody.
        personal = request.reference == "none" or request.reference in {value for _, value in item.person.ids}
        reference = work.digest if personal else request.reference
        state = _STATES[request.kind]
        row = PrivacyRow(
            source.tenant, source.provider, request.kind, reference, known.customer, work.now, state
        )
        if request.kind == "redact_customer" and known.customer is not None:
            work.records += erasure_records(known.customer, reference, source, work.now)
        work.requests.append((row, claim.identifiers))

    async def _after_publishing(self, work: Work) -> None:
        tenant = work.source.tenant
        for customer, profile in work.profiles:
            self._desk.published(tenant, customer, profile)
        for row, identifiers in work.requests:
            # After publishing, so that a crash in between repeats the erasure instead of losing it.
            if row.kind == "redact_customer":
                await self._privacy.redact_customer(row, identifiers)
            else:
                await self._privacy.record(row)

    def _result(self, work: Work, durable: Durable) -> Received:
        for name in work.events.values():
            self._metrics.event(name).inc()
        events, types = tuple(work.events), tuple(work.events.values())
        failure = work.failure
        if failure is None:
            done = bool(events or work.records or work.requests)
            return Received("accepted" if done else "ignored", events, work.duplicates, durable, types=types)
        return Received(
            "accepted" if events else "dead_letter",
            events,
            work.duplicates,
            durable,
            failure.reason,
            detail=failure.detail[:1000],
            types=types,
        )

    async def _keep(self, work: Work, delivery: Delivery, failure: NotUnderstoodError) -> str:
        """One dead letter for the delivery, with its first reason."""
        self._metrics.dead_letters.labels(work.source.provider, failure.reason).inc()
        labels = kept_labels(delivery)
        letter = Unusable(
            reference=f"dl_{secrets.token_hex(10)}",
            source=work.source,
            reason=failure.reason,
            detail=without_controls(failure.detail[:1000]),
            headers=labels,
            body=delivery.body,
            at=work.now,
            topic=topic_of(labels, work.failed),
            verified_at=datetime.fromtimestamp(self._clock.wall(), UTC),
        )
        await self._letters.put(letter)
        return letter.reference

    def _ignore(self, source: Source, reason: str) -> None:
        self._metrics.ignored.labels(source.provider, reason).inc()
