"""Interventions and control windows end alike: at the end of the window, by one rule for both arms."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from libs.events.families.customer import OutreachClosed
from libs.events.money import to_text
from libs.runtime.clock import Clock
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.outcomes import observed
from services.outreach.adapters.rows import add_effects
from services.outreach.adapters.steps import expire_tasks, skip_pending
from services.outreach.domain.outcome import ObservedOrder, result
from services.outreach.effects import About, TopicNames, event
from services.outreach.models import Intervention, InterventionOrder
from services.outreach.ports import Effect


class ClosingMetrics(Protocol):
    def closed(self, playbook: str, arm: str, result: str) -> None: ...


class Closer:
    """`grace` lets orders arrive that were placed in time but told late."""

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        grace: timedelta,
        metrics: ClosingMetrics,
        topics: TopicNames | None = None,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._grace = grace
        self._metrics = metrics
        self._topics = topics or TopicNames()

    async def work(self, listened_until: datetime | None, limit: int) -> int:
        """Close what is due; how many. Nothing is closed past the moment up to which purchases were heard:
        silence is not real while we are not listening.
        """
        if listened_until is None:
            return 0
        until = min(self._clock.now(), listened_until) - self._grace
        async with self._sessions.begin() as session:
            due = (
                await session.scalars(
                    select(Intervention)
                    .where(Intervention.status == "open", Intervention.closes_at <= until)
                    .order_by(Intervention.closes_at, Intervention.id)
                    .limit(limit)
                    .with_for_update(skip_locked=True)
                )
            ).all()
            if not due:
                return 0
            orders = await _orders(session, due)
            effects = [made for one in due for made in self._close(one, orders.get(one.id, []))]
            over = [one.id for one in due if not one.owed]
            await skip_pending(session, over, "window-closed")
            await expire_tasks(session, over)
            await add_effects(session, effects, datetime.fromtimestamp(self._clock.wall(), UTC))
        for one in due:
            self._metrics.closed(one.playbook, one.arm, one.result or "")
        return len(due)

    def _close(self, one: Intervention, orders: Sequence[ObservedOrder]) -> list[Effect]:
        found = result(orders, one.opened_at, one.closes_at)
        one.status, one.result, one.closed_at = "closed", found.result, self._clock.now()
        one.orders, one.revenue_minor = found.orders, found.revenue_minor
        data = OutreachClosed(
            intervention_id=one.id,
            playbook=one.playbook,
            arm=cast("Literal['treated', 'control']", one.arm),
            result=found.result,
            revenue=to_text(found.revenue_minor, one.currency),
            currency=one.currency,
            orders=found.orders,
        )
        about = About(one.tenant, one.customer_id, one.simulated)
        both = (self._topics.outcomes, self._topics.events)
        return event(data, about, one.closed_at, (one.id, "closed"), both)


async def _orders(
    session: AsyncSession, interventions: Sequence[Intervention]
) -> dict[str, list[ObservedOrder]]:
    found = await session.scalars(
        select(InterventionOrder).where(
            InterventionOrder.intervention_id.in_([one.id for one in interventions])
        )
    )
    orders: dict[str, list[ObservedOrder]] = defaultdict(list)
    for row in found:
        orders[row.intervention_id].append(observed(row))
    return orders
