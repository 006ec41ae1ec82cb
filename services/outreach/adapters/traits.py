"""customer.events: what a customer has that may be the cause of trouble, a few ids each."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.outreach.adapters.database import Sessions
from services.outreach.adapters.taking import events_of, untaken
from services.outreach.incident_models import CustomerTrait, Firing, IncidentCustomer
from services.outreach.ports import Record

POSITIONS = "traits:"  # prefix in consumer_offsets
_MOST_PRODUCTS = 5  # of one order; a longer one says little about any of them

_ORDERS = ("order.placed", "order.updated")
_TYPES = (*_ORDERS, "order.shipped", "usage.recorded", "customer.erased")

_KEEP = text("""
    INSERT INTO outreach.customer_traits AS old (tenant, customer_id, kind, trait_values, at)
    SELECT tenant, customer_id, kind, string_to_array(joined, chr(31)), at
    FROM unnest(CAST(:tenant AS text[]), CAST(:customer_id AS text[]), CAST(:kind AS text[]),
                CAST(:joined AS text[]), CAST(:at AS timestamptz[]))
         AS new (tenant, customer_id, kind, joined, at)
    ON CONFLICT (tenant, customer_id, kind) DO UPDATE
    SET trait_values = EXCLUDED.trait_values, at = EXCLUDED.at WHERE EXCLUDED.at >= old.at
""")
_JOIN = "\x1f"  # between the values of one array on their way: arrays of arrays must be rectangular

_Key = tuple[str, str, str]


class TraitStore:
    """Keeps the newest word of each kind; reading a record again changes nothing."""

    def __init__(self, sessions: Sessions, topic: str) -> None:
        self._sessions = sessions
        self.name = POSITIONS + topic

    async def on_records(self, records: Sequence[Record]) -> None:
        async with untaken(self._sessions, self.name, records) as (session, fresh):
            found = list(events_of(fresh, _TYPES))
            await _keep(session, newest(found))
            for one in found:
                if one.event_type == "customer.erased":
                    await _forget(session, one.tenant, one.subject)


def traits_of(event: Any) -> dict[str, tuple[str, ...]]:
    """What an event tells, by kind; what it does not tell is left as it was.

    An id with control characters is none: PostgreSQL has no zero, and `_JOIN` must not stand in one.
    """
    data = event.data
    if event.event_type in _ORDERS and data.counts:
        told = {"product": tuple(data.products)[:_MOST_PRODUCTS], "region": _one(data.region)}
    elif event.event_type == "order.shipped":
        told = {"carrier": _one(data.carrier)}
    elif event.event_type == "usage.recorded":
        told = {"release": _one(data.release)}
    else:
        told = {}
    kept = {kind: tuple(v for v in dict.fromkeys(values) if v.isprintable()) for kind, values in told.items()}
    return {kind: values for kind, values in kept.items() if values}


def _one(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def newest(events: Iterable[Any]) -> dict[_Key, tuple[datetime, tuple[str, ...]]]:
    """Of a batch the latest word for each customer and kind; at the same moment the later record."""
    latest: dict[_Key, tuple[datetime, tuple[str, ...]]] = {}
    for event in events:
        for kind, values in traits_of(event).items():
            key = (event.tenant, event.subject, kind)
            if key not in latest or event.time >= latest[key][0]:
                latest[key] = (event.time, values)
    return latest


async def _keep(session: AsyncSession, latest: dict[_Key, tuple[datetime, tuple[str, ...]]]) -> None:
    if not latest:
        return
    rows = sorted(latest.items())  # in one order, so that two writers never wait in a circle
    columns: dict[str, list[Any]] = {
        "tenant": [key[0] for key, _ in rows],
        "customer_id": [key[1] for key, _ in rows],
        "kind": [key[2] for key, _ in rows],
        "joined": [_JOIN.join(values) for _, (_, values) in rows],
        "at": [at for _, (at, _) in rows],
    }
    await session.execute(_KEEP, columns)


async def _forget(session: AsyncSession, tenant: str, customer_id: str) -> None:
    for model in (CustomerTrait, Firing, IncidentCustomer):
        await session.execute(delete(model).filter_by(tenant=tenant, customer_id=customer_id))
