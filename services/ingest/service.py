"""The use case: verify, read, resolve, publish. Knows ports, never drivers."""

import asyncio
import secrets
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from libs.events import TYPES
from libs.runtime.clock import Clock
from libs.runtime.logging import get_logger
from services.ingest.desk import IdentityDesk
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.identity import Resolution
from services.ingest.domain.limits import check
from services.ingest.domain.normalise import (
    complete,
    erasure_records,
    event_record,
    merge_records,
    profile_record,
)
from services.ingest.domain.people import Claim, claim_of
from services.ingest.domain.plan import Answer, Delivery, Fact, Item, PrivacyRequest, Provider, media_type
from services.ingest.domain.reading import Node
from services.ingest.domain.record import Record
from services.ingest.domain.sources import Source
from services.ingest.metrics import IngestMetrics
from services.ingest.ports import DeadLetterStore, IdentityStore, PrivacyRow, Unusable
from services.ingest.publisher import Durable, Publisher

_log = get_logger(__name__)
# Headers worth keeping with a dead letter, to read it again later. Signatures and cookies are not.
_KEPT_HEADERS = ("content-type", "webhook-id", "webhook-timestamp")
_KEPT_WORDS = ("topic", "event", "webhook-id", "event-id", "triggered-at", "api-version", "invocation-id")


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a delivery."""

    outcome: Literal["accepted", "ignored", "dead_letter"]
    events: tuple[str, ...] = ()
    duplicates: int = 0
    durable: Durable = "kafka"
    dead_letter: str | None = None
    reference: str | None = None


_Who = tuple[Claim, Resolution]
_NOBODY = Resolution(None, "unknown")


@dataclass(slots=True)
class _Work:
    """One delivery on its way."""

    source: Source
    now: datetime
    traceparent: str | None
    records: list[Record] = field(default_factory=list)
    events: dict[str, str] = field(default_factory=dict)  # id to type
    duplicates: int = 0
    profiles: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    erase: list[tuple[str | None, PrivacyRow]] = field(default_factory=list)
    failure: NotUnderstoodError | None = None


class Intake:
    """Takes deliveries in. One per process."""

    def __init__(
        self,
        *,
        providers: Callable[[str], Provider],
        desk: IdentityDesk,
        identities: IdentityStore,
        publisher: Publisher,
        letters: DeadLetterStore,
        metrics: IngestMetrics,
        clock: Clock,
        max_amount: int,
    ) -> None:
        self._providers = providers
        self._desk = desk
        self._identities = identities
        self._publisher = publisher
        self._letters = letters
        self._metrics = metrics
        self._clock = clock
        self._max_amount = max_amount

    def handshake(self, source: Source, delivery: Delivery) -> Answer | None:
        """The answer to an unsigned ping, if this is one."""
        return self._providers(source.provider).handshake(delivery)

    def accepts(self, source: Source, content_type: str) -> bool:
        """Whether this provider sends such bodies."""
        return media_type(content_type) in self._providers(source.provider).content_types

    def probed(self, source: Source, method: str) -> bool:
        """Whether this provider looks with such a request whether the address is there."""
        probes = self._providers(source.provider).probes
        return method in probes or (method == "HEAD" and "GET" in probes)

    async def receive(self, source: Source, delivery: Delivery) -> Received:
        """One delivery, durable when this returns.

        Raises UnverifiedError, UnparsableError, UnavailableError or OverloadedError; nothing else.
        """
        provider = self._providers(source.provider)
        provider.verify(delivery, source.live_secrets(), self._clock.wall())
        nodes = provider.items(delivery)
        work = _Work(source, self._clock.now(), _trace(delivery))
        if not nodes:
            work.failure = NotUnderstoodError("empty_batch", "the delivery has no elements")
        items = [item for node in nodes if (item := self._read(provider, node, delivery, work)) is not None]
        for item, known in zip(items, await self._resolve(items, source), strict=True):
            self._take(item, known, work)
        durable = await self._publisher.publish(work.records)
        await self._after_publishing(work)
        return await self._result(work, delivery, durable)

    def _read(self, provider: Provider, node: Node, delivery: Delivery, work: _Work) -> Item | None:
        try:
            item = provider.read(node, delivery, work.source)
            for one in item.facts:
                check(one, work.now, self._max_amount)
        except NotUnderstoodError as error:
            work.failure = work.failure or error
        except ValidationError as error:
            work.failure = work.failure or NotUnderstoodError("invalid_data", _first(error))
        except Exception as error:  # noqa: BLE001 (named, counted, kept)
            # A defect in a mapping is ours: the provider must not retry and then switch us off for it.
            _log_defect(provider, error)
            work.failure = work.failure or NotUnderstoodError("defect", "the mapping failed; see the log")
        else:
            return item
        return None

    async def _resolve(self, items: Sequence[Item], source: Source) -> list[_Who]:
        """Whose each element is. A batch's elements wait for PostgreSQL together, in their order."""
        claims = [claim_of(item.person, source, create=item.request is None) for item in items]
        if len(items) == 1:
            return [(claims[0], await self._who(items[0], claims[0]))]
        found = await asyncio.gather(*map(self._who, items, claims))
        return list(zip(claims, found, strict=True))

    async def _who(self, item: Item, claim: Claim) -> Resolution:
        if claim.empty or item.ignored is not None:
            return _NOBODY
        return await self._desk.resolve(claim)

    def _take(self, item: Item, who: _Who, work: _Work) -> None:
        """One element: what it adds to the delivery's records."""
        claim, known = who
        if item.ignored is not None:
            self._ignore(work.source, item.ignored)
        elif item.request is not None:
            self._take_request(item.request, known.customer, work)
        elif known.customer is not None:
            self._add(item.facts, known, known.customer, work)
        elif claim.identifiers or not item.customer_required:
            # A device nobody was ever seen on, or a cart without a name.
            self._ignore(work.source, "anonymous")
        else:
            detail = "no identifier of a customer, and no object whose customer is known"
            work.failure = work.failure or NotUnderstoodError("missing_customer", detail)

    def _add(self, facts: Sequence[Fact], resolution: Resolution, customer: str, work: _Work) -> None:
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

    def _take_request(self, request: PrivacyRequest, customer: str | None, work: _Work) -> None:
        source = work.source
        row = PrivacyRow(source.tenant, source.provider, request.kind, request.reference, customer, work.now)
        if request.kind == "redact_customer" and customer is not None:
            work.records += erasure_records(customer, request.reference, source, work.now)
            work.erase.append((customer, row))
        else:
            work.erase.append((None, row))

    async def _after_publishing(self, work: _Work) -> None:
        tenant = work.source.tenant
        for customer, profile in work.profiles:
            self._desk.published(tenant, customer, profile)
        for erased, row in work.erase:
            # After publishing, so that a crash in between repeats the erasure instead of losing it.
            if erased is None:
                await self._identities.record_request(row)
            else:
                await self._desk.forget(tenant, erased, row)

    async def _result(self, work: _Work, delivery: Delivery, durable: Durable) -> Received:
        for name in work.events.values():
            self._metrics.events.labels(name).inc()
        events = tuple(work.events)
        if work.failure is None:
            done = bool(events or work.records or work.erase)
            return Received("accepted" if done else "ignored", events, work.duplicates, durable)
        reference = await self._keep(work, delivery, work.failure)
        outcome: Literal["accepted", "dead_letter"] = "accepted" if events else "dead_letter"
        return Received(outcome, events, work.duplicates, durable, work.failure.reason, reference)

    async def _keep(self, work: _Work, delivery: Delivery, failure: NotUnderstoodError) -> str:
        """One dead letter for the delivery, with its first reason."""
        self._metrics.dead_letters.labels(work.source.provider, failure.reason).inc()
        letter = Unusable(
            reference=f"dl_{secrets.token_hex(10)}",
            source=work.source,
            reason=failure.reason,
            detail=failure.detail[:1000],
            headers={name: value for name, value in _labels(delivery).items() if _is_kept(name)},
            body=delivery.body,
            at=work.now,
        )
        await self._letters.put(letter)
        return letter.reference

    def _ignore(self, source: Source, reason: str) -> None:
        self._metrics.ignored.labels(source.provider, reason).inc()


def _log_defect(provider: Provider, error: Exception) -> None:
    """Where it failed, without the message: that may repeat an address."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    _log.error("ingest.mapping_defect", provider=provider.name, error=type(error).__name__, where=where)


def _labels(delivery: Delivery) -> Mapping[str, str]:
    """Everything a delivery carries besides its body; a header wins over a parameter of its name."""
    return {**delivery.query, **delivery.headers}


def _is_kept(name: str) -> bool:
    return name in _KEPT_HEADERS or name.endswith(_KEPT_WORDS)


def _trace(delivery: Delivery) -> str | None:
    """The sender's trace, if it follows W3C's form."""
    found = delivery.header("traceparent") or ""
    parts = found.split("-")
    well_formed = [len(part) for part in parts] == [2, 32, 16, 2] and found.isascii() and found.isprintable()
    return found if well_formed else None


def _first(error: ValidationError) -> str:
    """Where a model refused a payload, without the payload's value."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['type']}"
