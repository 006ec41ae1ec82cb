"""Small pieces of SQL that several adapters share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, bindparam, delete, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.outreach.domain.plan import PlannedStep
from services.outreach.domain.trigger import Contact
from services.outreach.models import ConsumerOffset, Control, Outbox, Profile, Step, Suppression
from services.outreach.ports import Effect, Who

FROZEN = "frozen"
_OFFSETS = cast("Table", ConsumerOffset.__table__)
_STORE = (
    update(_OFFSETS)
    .where(_OFFSETS.c.topic == bindparam("of"), _OFFSETS.c.partition == bindparam("at"))
    .values(next_offset=bindparam("next"))
)


def for_customers(model: type[Any], customers: Iterable[Who]) -> ColumnElement[bool]:
    """Rows of a model that are about these customers."""
    return tuple_(model.tenant, model.customer_id).in_(list(customers))


async def insert_all(session: AsyncSession, model: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; one that is there already stays as it is."""
    if rows:
        # One short statement for all rows: it is prepared once, where a long VALUES list never would be.
        await session.execute(insert(model.__table__).on_conflict_do_nothing(), [dict(row) for row in rows])


def row_of(one: Any) -> dict[str, Any]:
    """A dataclass's fields as they are; dataclasses.asdict would copy every trigger down to its leaves."""
    return {each.name: getattr(one, each.name) for each in fields(one)}


async def add_effects(session: AsyncSession, effects: Iterable[Effect], wall: datetime) -> None:
    rows = [{**row_of(effect), "created_at": wall, "due_at": wall} for effect in effects]
    await insert_all(session, Outbox, rows)


async def add_steps(session: AsyncSession, steps: Iterable[tuple[str, PlannedStep]]) -> None:
    rows = [
        {**row_of(step), "intervention_id": intervention_id, "status": "pending"}
        for intervention_id, step in steps
    ]
    await insert_all(session, Step, rows)


async def locked_positions(session: AsyncSession, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """The next offset of each partition, made at 0 where missing, locked until the transaction ends."""
    wanted = set(partitions)
    found = await _lock_positions(session, topic, wanted)
    if missing := sorted(wanted - found.keys()):  # once in the life of a partition
        made = [{"topic": topic, "partition": partition, "next_offset": 0} for partition in missing]
        await insert_all(session, ConsumerOffset, made)
        found |= await _lock_positions(session, topic, missing)
    return found


async def _lock_positions(session: AsyncSession, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    found = await session.execute(
        select(ConsumerOffset.partition, ConsumerOffset.next_offset)
        .where(ConsumerOffset.topic == topic, ConsumerOffset.partition.in_(sorted(partitions)))
        .order_by(ConsumerOffset.partition)
        .with_for_update()
    )
    return {row.partition: row.next_offset for row in found}


async def store_positions(session: AsyncSession, topic: str, positions: Mapping[int, int]) -> None:
    """In one trip, however many partitions a batch has records of."""
    if positions:
        rows = [{"of": topic, "at": partition, "next": offset} for partition, offset in positions.items()]
        await session.execute(_STORE, rows)


async def contacts(session: AsyncSession, customers: Iterable[Who]) -> dict[Who, Contact]:
    found = await session.execute(
        select(
            Profile.tenant,
            Profile.customer_id,
            Profile.email,
            Profile.email_consent,
            Profile.timezone,
            Profile.name,
        ).where(for_customers(Profile, customers))
    )
    return {
        (row.tenant, row.customer_id): Contact(row.email, row.email_consent, row.timezone, row.name)
        for row in found
    }


async def email_suppressions(session: AsyncSession, customers: Iterable[Who]) -> dict[Who, str]:
    found = await session.execute(
        select(Suppression.tenant, Suppression.customer_id, Suppression.reason).where(
            for_customers(Suppression, customers), Suppression.channel == "email"
        )
    )
    return {(row.tenant, row.customer_id): row.reason for row in found}


async def is_frozen(session: AsyncSession) -> bool:
    return await session.get(Control, FROZEN) is not None


async def set_frozen(session: AsyncSession, reason: str | None, at: datetime) -> None:
    """Freeze outreach for a reason; None lets it act again."""
    await session.execute(delete(Control).where(Control.name == FROZEN))
    if reason is not None:
        session.add(Control(name=FROZEN, reason=reason, at=at))


async def exclusive(session: AsyncSession, name: str) -> None:
    """One transaction of this name at a time, over all processes: caps are counted before they are used."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
