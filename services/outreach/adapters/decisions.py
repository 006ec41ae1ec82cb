"""The trigger consumer's unit of work on PostgreSQL."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol, cast

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.outreach.adapters.database import Sessions
from services.outreach.adapters.rows import (
    add_effects,
    add_steps,
    contacts,
    email_suppressions,
    for_customers,
    insert_all,
    is_frozen,
    locked_positions,
    row_of,
    store_positions,
)
from services.outreach.domain.trigger import Arm, CustomerState, Past
from services.outreach.models import Decision, Intervention, Message
from services.outreach.ports import (
    Decided,
    DecisionUnit,
    NewDecision,
    NewFiring,
    NewIntervention,
    Watched,
    Who,
)


class Watch(Protocol):
    """Looks for common causes among new firings, in the transaction that decides them."""

    async def take(self, session: AsyncSession, firings: Sequence[NewFiring]) -> Watched: ...


class SqlDecisionUnit:
    """See services.outreach.ports.DecisionUnit."""

    def __init__(self, session: AsyncSession, watch: Watch) -> None:
        self._session = session
        self._watch = watch

    async def positions(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        return await locked_positions(self._session, topic, partitions)

    async def decided(self, trigger_ids: Iterable[str]) -> set[str]:
        query = select(Decision.trigger_id).where(Decision.trigger_id.in_(list(trigger_ids)))
        return set(await self._session.scalars(query))

    async def states(self, customers: Iterable[Who], since: datetime) -> dict[Who, CustomerState]:
        wanted = list(customers)
        reach = await contacts(self._session, wanted)
        suppressed = await email_suppressions(self._session, wanted)
        past = await self._past(wanted, since)
        return {
            who: CustomerState(reach.get(who), suppressed.get(who), tuple(past.get(who, ())))
            for who in wanted
        }

    async def _past(self, customers: list[Who], since: datetime) -> dict[Who, list[Past]]:
        found = await self._session.execute(
            select(
                Intervention.tenant,
                Intervention.customer_id,
                Intervention.playbook,
                Intervention.arm,
                Intervention.owed,
                Intervention.status,
                Intervention.opened_at,
            ).where(
                for_customers(Intervention, customers),
                Intervention.status != "withdrawn",  # as if it had not begun
                or_(Intervention.status == "open", Intervention.opened_at > since),
            )
        )
        past: dict[Who, list[Past]] = defaultdict(list)
        for row in found:
            one = Past(row.playbook, cast("Arm", row.arm), row.owed, row.status == "open", row.opened_at)
            past[row.tenant, row.customer_id].append(one)
        return past

    async def watch(self, firings: Sequence[NewFiring]) -> Watched:
        return await self._watch.take(self._session, firings)

    async def messages_since(self, since: datetime) -> int:
        query = select(func.count()).where(Message.created_at > since, Message.status != "not_sent")
        return int(await self._session.scalar(query) or 0)

    async def frozen(self) -> bool:
        return await is_frozen(self._session)

    async def save(self, batch: Decided, wall: datetime) -> None:
        await insert_all(self._session, Decision, [_row(one) for one in batch.decisions])
        rows = [{**_row(one), "status": "open"} for one in batch.interventions]
        await insert_all(self._session, Intervention, rows)
        await add_steps(self._session, batch.steps)
        await add_effects(self._session, batch.effects, wall)
        for trigger_id, at in batch.cleared.items():
            await self._session.execute(
                update(Intervention).where(Intervention.trigger_id == trigger_id).values(cleared_at=at)
            )

    async def advance(self, topic: str, positions: Mapping[int, int]) -> None:
        await store_positions(self._session, topic, positions)


def _row(one: NewDecision | NewIntervention) -> dict[str, Any]:
    row = row_of(one)
    tenant, customer_id = row.pop("who")
    return {**row, "tenant": tenant, "customer_id": customer_id}


class SqlDecisionUnits:
    """Makes units, each one transaction."""

    def __init__(self, sessions: Sessions, watch: Watch) -> None:
        self._sessions = sessions
        self._watch = watch

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[DecisionUnit]:
        async with self._sessions.begin() as session:
            yield SqlDecisionUnit(session, self._watch)
