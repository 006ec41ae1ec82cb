"""Due steps: taken in batches, decided by pure rules, stored with their effects in one transaction."""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Interval, Row, Table, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.outreach.adapters.rows import contacts, email_suppressions, for_customers
from services.outreach.domain.trigger import Contact
from services.outreach.models import (
    Customer,
    Decision,
    Intervention,
    InterventionOrder,
    Message,
    Step,
    Task,
    UnsubscribeToken,
)
from services.outreach.ports import DAY, Who

_STEPS = cast("Table", Step.__table__)
_SHIFT_FROM = timedelta(hours=1)  # a step less late than this needs no new plan


@dataclass(slots=True)
class Surroundings:
    """What the batch's customers look like now. Kept up to date as the batch's own messages are decided."""

    contacts: dict[Who, Contact] = field(default_factory=dict)
    suppressed: dict[Who, str] = field(default_factory=dict)
    sent_at: dict[Who, list[datetime]] = field(default_factory=dict)
    in_trouble: set[Who] = field(default_factory=set)
    ordered: set[str] = field(default_factory=set)
    tokens: dict[Who, str] = field(default_factory=dict)
    open_tasks: dict[str, int] = field(default_factory=dict)
    messages_today: int = 0


async def take_due(session: AsyncSession, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Pending steps whose time has come, locked; rows that another worker holds are passed over.

    Of one intervention the earliest alone: after an outage the next ones first move (see `shift_after`).
    """
    earlier = aliased(Step)
    waits = exists().where(
        earlier.intervention_id == Step.intervention_id,
        earlier.status == "pending",
        earlier.due_at < Step.due_at,
    )
    found = await session.execute(
        select(
            Step.id,
            Step.intervention_id,
            Step.position,
            Step.kind,
            Step.due_at,
            Step.detail,
            Intervention.tenant,
            Intervention.customer_id,
            Intervention.playbook,
            Intervention.owed,
            Intervention.simulated,
            Intervention.currency,
            Intervention.opened_at,
            Decision.trigger,
        )
        .join(Intervention, Intervention.id == Step.intervention_id)
        .join(Decision, Decision.trigger_id == Intervention.trigger_id)
        .where(
            Step.status == "pending",
            Step.due_at <= now,
            ~waits,
            or_(Intervention.status == "open", Intervention.owed),
        )
        .order_by(Step.due_at, Step.id)
        .limit(limit)
        .with_for_update(of=Step, skip_locked=True)
    )
    return found.all()


async def surroundings(
    session: AsyncSession, steps: Sequence[Row[Any]], now: datetime, since: datetime
) -> Surroundings:
    """Load what the rules ask for, for all customers of the batch at once."""
    customers = {(one.tenant, one.customer_id) for one in steps}
    mailed = {(one.tenant, one.customer_id) for one in steps if one.kind == "email"}
    return Surroundings(
        contacts=await contacts(session, customers),
        suppressed=await email_suppressions(session, customers),
        sent_at=await _sent_at(session, mailed, since) if mailed else {},
        in_trouble=await _in_trouble(session, customers),
        ordered=await _ordered(session, [one.intervention_id for one in steps]),
        tokens=await _tokens(session, mailed) if mailed else {},
        open_tasks=await _open_tasks(session),
        messages_today=await _messages_since(session, now - DAY) if mailed else 0,
    )


async def _sent_at(session: AsyncSession, customers: set[Who], since: datetime) -> dict[Who, list[datetime]]:
    found = await session.execute(
        select(Message.tenant, Message.customer_id, Message.created_at).where(
            for_customers(Message, customers),
            Message.created_at > since,
            Message.status != "not_sent",
            Message.purpose == "marketing",
        )
    )
    sent: dict[Who, list[datetime]] = defaultdict(list)
    for row in found:
        sent[row.tenant, row.customer_id].append(row.created_at)
    return sent


async def _in_trouble(session: AsyncSession, customers: set[Who]) -> set[Who]:
    """Customers with a remedy open, or with an open ticket by their latest health."""
    remedies = await session.execute(
        select(Intervention.tenant, Intervention.customer_id).where(
            for_customers(Intervention, customers), Intervention.status == "open", Intervention.owed
        )
    )
    tickets = await session.execute(
        select(Customer.tenant, Customer.customer_id).where(
            for_customers(Customer, customers),
            Customer.snapshot["facts"]["open_tickets"].as_integer() > 0,
        )
    )
    return {(row.tenant, row.customer_id) for row in (*remedies, *tickets)}


async def _ordered(session: AsyncSession, intervention_ids: Iterable[str]) -> set[str]:
    query = select(InterventionOrder.intervention_id).where(
        InterventionOrder.intervention_id.in_(set(intervention_ids)),
        InterventionOrder.placed_at.is_not(None),
        and_(InterventionOrder.counts, ~InterventionOrder.cancelled),
    )
    return set(await session.scalars(query))


async def _tokens(session: AsyncSession, customers: set[Who]) -> dict[Who, str]:
    """Each customer's unguessable token, made on first use."""
    new = [
        {"token": secrets.token_urlsafe(24), "tenant": tenant, "customer_id": customer_id}
        for tenant, customer_id in customers
    ]
    await session.execute(
        insert(cast("Table", UnsubscribeToken.__table__)).on_conflict_do_nothing(
            index_elements=["tenant", "customer_id"]
        ),
        new,
    )
    found = await session.execute(
        select(UnsubscribeToken.tenant, UnsubscribeToken.customer_id, UnsubscribeToken.token).where(
            for_customers(UnsubscribeToken, customers)
        )
    )
    return {(row.tenant, row.customer_id): row.token for row in found}


async def _open_tasks(session: AsyncSession) -> dict[str, int]:
    found = await session.execute(
        select(Task.assignee, func.count()).where(Task.status == "open").group_by(Task.assignee)
    )
    return {assignee: count for assignee, count in found}  # noqa: C416 (dict() of rows has no types)


async def _messages_since(session: AsyncSession, since: datetime) -> int:
    query = select(func.count()).where(Message.created_at > since, Message.status != "not_sent")
    return int(await session.scalar(query) or 0)


async def settle(session: AsyncSession, steps: Iterable[tuple[str, str, dict[str, Any]]]) -> None:
    """Give steps their final status; what became of them is added to their detail."""
    rows = [{"step": step_id, "to": status, "added": added} for step_id, status, added in steps]
    if rows:
        statement = (
            update(_STEPS)
            .where(_STEPS.c.id == bindparam("step"))
            .values(status=bindparam("to"), detail=_STEPS.c.detail.concat(bindparam("added", type_=JSONB)))
        )
        await session.execute(statement, rows)


async def shift_after(session: AsyncSession, steps: Iterable[Row[Any]], now: datetime) -> None:
    """Keep the spacing: what follows a step done late comes as much later. Nobody gets a fortnight's
    messages in an hour because we were away.
    """
    rows = [
        {"whose": one.intervention_id, "after": one.due_at, "late": now - one.due_at}
        for one in steps
        if now - one.due_at > _SHIFT_FROM
    ]
    if rows:
        statement = (
            update(_STEPS)
            .where(_STEPS.c.intervention_id == bindparam("whose"), _STEPS.c.status == "pending")
            .where(_STEPS.c.due_at > bindparam("after"), ~_STEPS.c.detail.has_key("escalated"))
            .values(due_at=_STEPS.c.due_at + bindparam("late", type_=Interval))
        )
        await session.execute(statement, rows)


async def postpone(session: AsyncSession, steps: Iterable[tuple[str, datetime, str]]) -> None:
    """Move steps to a later moment and note why."""
    rows = [
        {"step": step_id, "until": until, "added": {"postponed": reason}} for step_id, until, reason in steps
    ]
    if rows:
        statement = (
            update(_STEPS)
            .where(_STEPS.c.id == bindparam("step"))
            .values(due_at=bindparam("until"), detail=_STEPS.c.detail.concat(bindparam("added", type_=JSONB)))
        )
        await session.execute(statement, rows)


async def expire_tasks(session: AsyncSession, intervention_ids: Sequence[str]) -> None:
    """Nobody did them in time: they leave the queue. One that is completed late still counts."""
    open_tasks = update(Task).where(Task.intervention_id.in_(intervention_ids), Task.status == "open")
    await session.execute(open_tasks.values(status="expired"))


async def skip_pending(
    session: AsyncSession, intervention_ids: Sequence[str], reason: str, kind: str | None = None
) -> None:
    """Nothing more of these interventions is done (or nothing more of one kind)."""
    statement = update(Step).where(Step.intervention_id.in_(intervention_ids), Step.status == "pending")
    if kind is not None:
        statement = statement.where(Step.kind == kind)
    await session.execute(statement.values(status="skipped", detail=Step.detail.concat({"reason": reason})))
