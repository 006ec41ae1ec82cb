"""Numbers and lists for the API and for gauges, read straight from the tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.outreach.models import (
    ConsumerOffset,
    Decision,
    Intervention,
    Message,
    Outbox,
    Profile,
    Step,
    Task,
)


async def gauges(session: AsyncSession, now: datetime) -> dict[str, float]:
    due = await session.scalar(
        select(func.min(Step.due_at))
        .join(Intervention, Intervention.id == Step.intervention_id)
        .where(Step.status == "pending", Step.due_at <= now, Intervention.status == "open")
    )
    tasks = (
        await session.execute(
            select(func.count(), func.count().filter(Task.due_at < now)).where(Task.status == "open")
        )
    ).one()
    pending = select(func.count()).select_from(Outbox).where(Outbox.sent_at.is_(None))
    opened = select(func.count()).select_from(Intervention).where(Intervention.status == "open")
    return {
        "step_age_seconds": 0.0 if due is None else max((now - due).total_seconds(), 0.0),
        "open_tasks": float(tasks[0]),
        "overdue_tasks": float(tasks[1]),
        "outbox_pending": float(await session.scalar(pending) or 0),
        "open_interventions": float(await session.scalar(opened) or 0),
    }


async def tasks(session: AsyncSession, status: str, limit: int) -> list[dict[str, Any]]:
    """Tasks as the queue orders them. The address is there for the person who does the task."""
    found = await session.execute(
        select(Task, Profile.email)
        .outerjoin(Profile, and_(Profile.tenant == Task.tenant, Profile.customer_id == Task.customer_id))
        .where(Task.status == status)
        .order_by(Task.priority.desc(), Task.due_at, Task.id)
        .limit(limit)
    )
    return [_task(task, email) for task, email in found]


def _task(task: Task, email: str | None) -> dict[str, Any]:
    shown = (
        *("id", "intervention_id", "tenant", "customer_id", "playbook", "title", "reason", "script"),
        *("next_step", "severity", "value_minor", "currency", "priority", "assignee", "attempt"),
        *("escalated", "due_at", "created_at", "status", "outcome", "sentiment", "author", "completed_at"),
    )
    return {**{name: getattr(task, name) for name in shown}, "email": email}


async def stats(session: AsyncSession) -> dict[str, Any]:
    """The ledger's right side and what came of it, counted from the tables."""
    positions = await session.execute(
        select(ConsumerOffset.topic, ConsumerOffset.partition, ConsumerOffset.next_offset)
    )
    read: dict[str, dict[int, int]] = {}
    for topic, partition, offset in positions:
        read.setdefault(topic, {})[partition] = offset
    return {
        "decisions": await _decisions(session),
        "interventions": await _interventions(session),
        "messages": await _counted(session, Message, Message.status, Message.reason),
        "tasks": await _counted(session, Task, Task.status, Task.playbook),
        "outbox_pending": await session.scalar(
            select(func.count()).select_from(Outbox).where(Outbox.sent_at.is_(None))
        ),
        "next_offsets": read,
    }


async def _decisions(session: AsyncSession) -> dict[str, Any]:
    found = await session.execute(
        select(Decision.decision, func.count().label("count")).group_by(Decision.decision)
    )
    kinds = {row.decision: row.count for row in found}
    return {
        "by_kind": {"opened": 0, "suppressed": 0, "held_out": 0, **kinds},
        "detail": await _counted(session, Decision, Decision.decision, Decision.reason, Decision.rule),
    }


async def _counted(session: AsyncSession, model: Any, *columns: Any) -> list[dict[str, Any]]:
    found = await session.execute(
        select(*columns, func.count().label("count")).select_from(model).group_by(*columns).order_by(*columns)
    )
    return [dict(row._mapping) for row in found]  # noqa: SLF001 (SQLAlchemy's documented access)


async def _interventions(session: AsyncSession) -> list[dict[str, Any]]:
    columns = (Intervention.playbook, Intervention.arm, Intervention.status, Intervention.result)
    found = await session.execute(
        select(
            *columns,
            func.count().label("count"),
            func.sum(Intervention.orders).label("orders"),
            func.sum(Intervention.revenue_minor).label("revenue_minor"),
        )
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        {
            "playbook": row.playbook,
            "arm": row.arm,
            "status": row.status,
            "result": row.result,
            "count": row.count,
            "orders": int(row.orders),
            "revenue_minor": int(row.revenue_minor),
        }
        for row in found
    ]
