"""Monthly partitions of the timeline, made when first needed."""

from datetime import UTC, date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = 0x6F757472  # one maker of partitions at a time; the number only has to be ours


def partition_name(month: date) -> str:
    return f"timeline_{month:%Y_%m}"


async def ensure_partition(conn: AsyncConnection, month: date) -> None:
    """Make the partition of a month (any day of it) inside the caller's transaction.

    Rows of that month that were written to the default partition before are moved into it.
    """
    name, start = partition_name(month), date(month.year, month.month, 1)
    if await _exists(conn, name):
        return
    await conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if await _exists(conn, name):
        return
    span = {"start": _midnight(start), "end": _midnight(_next_month(start))}
    await conn.execute(text(f"CREATE TABLE outreach.{name} (LIKE outreach.timeline INCLUDING ALL)"))
    moved = "DELETE FROM outreach.timeline_default WHERE at >= :start AND at < :end RETURNING *"
    # S608: the only thing put into the text is a name made from a date.
    insert = f"WITH moved AS ({moved}) INSERT INTO outreach.{name} SELECT * FROM moved"  # noqa: S608
    await conn.execute(text(insert), span)
    bounds = f"FROM ('{span['start'].isoformat()}') TO ('{span['end'].isoformat()}')"
    await conn.execute(
        text(f"ALTER TABLE outreach.timeline ATTACH PARTITION outreach.{name} FOR VALUES {bounds}")
    )


async def _exists(conn: AsyncConnection, name: str) -> bool:
    found = await conn.execute(text("SELECT to_regclass(:name)"), {"name": f"outreach.{name}"})
    return found.scalar() is not None


def _next_month(start: date) -> date:
    return date(start.year + start.month // 12, start.month % 12 + 1, 1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
