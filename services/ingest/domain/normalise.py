"""Facts about a person to encoded records about a customer."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from libs.events import TYPES, build, encode, encode_hot, event_id, message_key, schema_uri
from libs.events.families.customer import CustomerErased, CustomerMerged
from libs.events.families.health import Profile
from libs.events.hot import data_struct, event_struct
from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_PROFILES
from libs.events.types import Frozen
from services.ingest.domain.identity import Resolution
from services.ingest.domain.plan import Fact
from services.ingest.domain.record import Record
from services.ingest.domain.sources import Sender, Source


def event_record(
    fact: Fact, customer: str, source: Source | Sender, now: datetime, traceparent: str | None = None
) -> Record:
    """One fact as a record of customer.events."""
    # The model has checked the data; pydantic's envelope around it checks only what is made here.
    model = type(fact.data)
    name = TYPES[model]
    event = event_struct(name)(
        id=fact.id,
        source=source.origin,
        tenant=source.tenant,
        subject=customer,
        time=fact.time or now,
        receivedat=now,
        dataschema=schema_uri(name),
        traceparent=traceparent,
        backfill=source.backfill,
        simulated=source.simulated,
        data=msgspec.convert(fact.data, data_struct(model), from_attributes=True),
    )
    return Record(CUSTOMER_EVENTS.name, message_key(source.tenant, customer), encode_hot(event))


_IN_ORDERS_CURRENCY = frozenset({"bigcommerce/order"})  # whose refunds name none: what they have is a guess


def complete(data: Frozen, resolution: Resolution) -> Frozen:
    """Fill in what this payload left out and an earlier one said: the amount of the order."""
    if not resolution.details or getattr(data, "order_amount", "") is not None:
        return data
    order, currency = getattr(data, "order_id", None), getattr(data, "currency", None)
    kind, known = next(
        ((one.kind, detail) for one, detail in resolution.details if one.value == order), ("", "")
    )
    amount, _, of_order = known.partition(" ")
    if currency and of_order and kind in _IN_ORDERS_CURRENCY:
        data, currency = data.model_copy(update={"currency": of_order}), of_order
    same = amount and currency in {None, of_order}
    return data.model_copy(update={"order_amount": amount}) if same else data


def profile_record(profile: dict[str, Any], customer: str, source: Source, now: datetime) -> Record:
    """Contact details and consent, for customer.profiles and nowhere else."""
    data = Profile.model_validate(profile, strict=False)
    version = hashlib.sha256(msgspec.json.encode(profile, order="sorted")).hexdigest()[:16]
    event = build(
        data,
        id=event_id("ingest", "profile", customer, version),
        source=source.origin,
        tenant=source.tenant,
        subject=customer,
        time=now,
        receivedat=now,
        backfill=source.backfill,
        simulated=source.simulated,
    )
    return Record(CUSTOMER_PROFILES.name, event.key, encode(event))


def merge_records(merged: Iterable[str], into: str, source: Source, now: datetime) -> list[Record]:
    """For each customer that was merged away: the fact, and the end of its profile."""
    found = []
    for gone in merged:
        fact = Fact(event_id("ingest", "customer", gone, "merged", into), CustomerMerged(into=into), now)
        found += [event_record(fact, gone, source, now), tombstone(source.tenant, gone)]
    return found


def erasure_records(customer: str, reference: str, source: Source | Sender, now: datetime) -> list[Record]:
    """A customer's end by a privacy request."""
    request = f"{source.provider}:{reference}"
    fact = Fact(
        event_id("ingest", "customer", customer, "erased", request), CustomerErased(request_id=request), now
    )
    return [event_record(fact, customer, source, now), tombstone(source.tenant, customer)]


def tombstone(tenant: str, customer: str) -> Record:
    return Record(CUSTOMER_PROFILES.name, message_key(tenant, customer), None)
