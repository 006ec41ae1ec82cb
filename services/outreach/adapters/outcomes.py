"""customer.events: purchases of customers under observation, and their word on messages."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from libs.events import MoneyError
from libs.events.money import to_minor
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.rows import for_customers
from services.outreach.adapters.taking import events_of, untaken
from services.outreach.domain.outcome import ObservedOrder, OrderFact, observe
from services.outreach.models import Intervention, InterventionOrder, Suppression
from services.outreach.ports import Record, Who

_LIFTED = ("consent-withdrawn", "unsubscribed")  # a complaint or a dead mailbox is not undone by consent
POSITIONS = "outcomes:"  # prefix in consumer_offsets: the timeline reads the same topic on its own

_ORDERS = ("order.placed", "order.updated", "order.cancelled", "order.refunded")
_WORDS = ("email.unsubscribed", "email.complained", "email.bounced", "customer.consent_changed")
_TYPES = (*_ORDERS, *_WORDS)


class OutcomeStore:
    """Folds orders into open interventions of both arms by one rule."""

    def __init__(self, sessions: Sessions, topic: str) -> None:
        self._sessions = sessions
        self._topic = topic
        self.name = POSITIONS + topic

    async def on_records(self, records: Sequence[Record]) -> None:
        async with untaken(self._sessions, self.name, records) as (session, fresh):
            found = list(events_of(fresh, _TYPES))
            await _observe(session, [one for one in found if one.event_type in _ORDERS and not one.backfill])
            for one in found:
                if one.event_type in _WORDS:
                    await _heed(session, one)


async def _observe(session: AsyncSession, events: Sequence[Any]) -> None:
    if not events:
        return
    watched = await _watched(session, {(one.tenant, one.subject) for one in events})
    touched: dict[tuple[str, str], list[OrderFact]] = defaultdict(list)
    for one in events:
        for intervention in watched.get((one.tenant, one.subject), ()):
            if one.event_type == "order.placed" and one.time <= intervention.opened_at:
                continue
            touched[intervention.id, one.data.order_id].append(_fact(one, intervention.currency))
    if not touched:
        return
    orders = await _known(session, list(touched))
    for key, facts in touched.items():
        order = orders.get(key, ObservedOrder(key[1]))
        for fact in facts:
            order = observe(order, fact)
        orders[key] = order
    await _store(session, orders)


async def _watched(session: AsyncSession, customers: set[Who]) -> dict[Who, list[Any]]:
    found = await session.execute(
        select(
            Intervention.id,
            Intervention.tenant,
            Intervention.customer_id,
            Intervention.opened_at,
            Intervention.currency,
        ).where(for_customers(Intervention, customers), Intervention.status == "open")
    )
    watched: dict[Who, list[Any]] = defaultdict(list)
    for row in found:
        watched[row.tenant, row.customer_id].append(row)
    return watched


def _fact(event: Any, currency: str) -> OrderFact:
    data = event.data
    amount = _amount(getattr(data, "amount", None), getattr(data, "currency", None), currency)
    if getattr(data, "exchange", False):
        amount = 0  # an exchange is not a refund: nothing comes off
    kind = event.event_type.removeprefix("order.")
    return OrderFact(
        kind=kind,
        order_id=data.order_id,
        at=event.time,
        amount_minor=amount,
        refund_id=getattr(data, "refund_id", ""),
        counts=getattr(data, "counts", True),
    )


def _amount(amount: str | None, currency: str | None, wanted: str) -> int:
    """Minor units in the intervention's currency; an order in another one counts without its amount."""
    if amount is None or currency != wanted:
        return 0
    try:
        return to_minor(amount, wanted)
    except MoneyError:
        return 0


async def _known(session: AsyncSession, keys: list[tuple[str, str]]) -> dict[tuple[str, str], ObservedOrder]:
    found = await session.scalars(
        select(InterventionOrder).where(
            tuple_(InterventionOrder.intervention_id, InterventionOrder.order_id).in_(keys)
        )
    )
    return {(row.intervention_id, row.order_id): observed(row) for row in found}


def observed(row: InterventionOrder) -> ObservedOrder:
    return ObservedOrder(
        row.order_id,
        row.placed_at,
        row.version_at,
        row.amount_minor,
        row.counts,
        row.cancelled,
        dict(row.refunds),
    )


async def _store(session: AsyncSession, orders: dict[tuple[str, str], ObservedOrder]) -> None:
    rows = [
        {
            "intervention_id": intervention_id,
            "order_id": order_id,
            "placed_at": order.placed_at,
            "version_at": order.version_at,
            "amount_minor": order.amount_minor,
            "counts": order.counts,
            "cancelled": order.cancelled,
            "refunds": order.refunds,
        }
        for (intervention_id, order_id), order in orders.items()
    ]
    statement = insert(InterventionOrder).values(rows)
    replaced = ("placed_at", "version_at", "amount_minor", "counts", "cancelled", "refunds")
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["intervention_id", "order_id"],
            set_={name: statement.excluded[name] for name in replaced},
        )
    )


async def _heed(session: AsyncSession, event: Any) -> None:
    """A customer's word, or a mailbox's: suppression holds until they opt in again."""
    who = {"tenant": event.tenant, "customer_id": event.subject}
    if event.event_type == "customer.consent_changed":
        if event.data.consent:
            await session.execute(
                delete(Suppression)
                .filter_by(**who, channel=event.data.channel)
                .where(Suppression.reason.in_(_LIFTED), Suppression.at < event.time)
            )
            return
        await suppress(session, who, event.data.channel, "consent-withdrawn", event.time)
    elif event.event_type != "email.bounced" or event.data.kind == "hard":
        reason = event.event_type.removeprefix("email.")
        await suppress(session, who, "email", reason, event.time)


async def suppress(
    session: AsyncSession, who: dict[str, str], channel: str, reason: str, at: datetime
) -> None:
    row = {**who, "channel": channel, "reason": reason, "at": at}
    await session.execute(insert(Suppression).values(row).on_conflict_do_nothing())
