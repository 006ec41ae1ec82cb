"""The projection's writes: one transaction a batch, whole columns at a time, safe to repeat."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Delete, TextClause, text
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from libs.runtime.logging import get_logger
from services.outreach import models
from services.outreach.adapters.partitions import ensure_partition
from services.outreach.projection.records import POINT_STEP, Batch, Key, Moment, points_of

PREFIX = "projection:"

Columns = dict[str, list[Any]]

_log = get_logger(__name__)

_TIMELINE = text("""
    INSERT INTO outreach.timeline (tenant, customer_id, at, ref, type, summary, data)
    SELECT tenant, customer_id, at, ref, type, summary, data::jsonb
    FROM unnest(CAST(:tenant AS text[]), CAST(:customer_id AS text[]), CAST(:at AS timestamptz[]),
                CAST(:ref AS text[]), CAST(:type AS text[]), CAST(:summary AS text[]), CAST(:data AS text[]))
      AS new (tenant, customer_id, at, ref, type, summary, data)
    ON CONFLICT DO NOTHING
""")
# `first` rows are compared with the customer's last stored point; the others bend by themselves.
_POINTS = text("""
    INSERT INTO outreach.health_points (tenant, customer_id, at, score, band, confidence, signal_points)
    SELECT new.tenant, new.customer_id, new.at, new.score, new.band, new.confidence, new.signal_points::jsonb
    FROM unnest(CAST(:tenant AS text[]), CAST(:customer_id AS text[]), CAST(:at AS timestamptz[]),
                CAST(:score AS float8[]), CAST(:band AS text[]), CAST(:confidence AS float8[]),
                CAST(:signal_points AS text[]), CAST(:first AS bool[]), CAST(:step AS float8[]))
      AS new (tenant, customer_id, at, score, band, confidence, signal_points, first, step)
    LEFT JOIN LATERAL (
      SELECT at, score, band FROM outreach.health_points old
      WHERE new.first AND old.tenant = new.tenant AND old.customer_id = new.customer_id
      ORDER BY old.at DESC LIMIT 1
    ) last ON true
    WHERE last.at IS NULL OR last.band <> new.band OR abs(last.score - new.score) >= new.step
       OR new.at - last.at >= interval '1 day'
    ON CONFLICT DO NOTHING
""")
_CUSTOMERS = text("""
    INSERT INTO outreach.customers AS old (tenant, customer_id, snapshot, score, band, stage, updated_at)
    SELECT tenant, customer_id, snapshot::jsonb, score, band, stage, updated_at
    FROM unnest(CAST(:tenant AS text[]), CAST(:customer_id AS text[]), CAST(:snapshot AS text[]),
                CAST(:score AS float8[]), CAST(:band AS text[]), CAST(:stage AS text[]),
                CAST(:updated_at AS timestamptz[]))
      AS new (tenant, customer_id, snapshot, score, band, stage, updated_at)
    ORDER BY tenant, customer_id
    ON CONFLICT (tenant, customer_id) DO UPDATE
    SET snapshot = EXCLUDED.snapshot, score = EXCLUDED.score, band = EXCLUDED.band,
        stage = EXCLUDED.stage, updated_at = EXCLUDED.updated_at
    WHERE old.updated_at <= EXCLUDED.updated_at
""")
# Never backwards: a reader that lost its partitions may commit late, and its rows are already there.
_OFFSETS = text("""
    INSERT INTO outreach.consumer_offsets AS old (topic, partition, next_offset)
    SELECT * FROM unnest(CAST(:topic AS text[]), CAST(:partition AS int[]), CAST(:next AS bigint[]))
    ON CONFLICT (topic, partition) DO UPDATE
    SET next_offset = GREATEST(old.next_offset, EXCLUDED.next_offset)
""")
_POSITIONS = text(
    "SELECT topic, partition, next_offset FROM outreach.consumer_offsets WHERE topic LIKE :like"
)


def _all_of(model: type[models.Base], key: Key) -> Delete:
    table = model.__table__
    return sql_delete(model).where(table.c.tenant == key[0], table.c.customer_id == key[1])


class ProjectionStore:
    """PostgreSQL behind the projection."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._months: set[date] = set()

    async def positions(self) -> dict[tuple[str, int], int]:
        """The next offset of each (topic, partition) this projection has read."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_POSITIONS, {"like": f"{PREFIX}%"})
            return {(row.topic.removeprefix(PREFIX), row.partition): row.next_offset for row in rows}

    async def save(self, batch: Batch) -> int:
        """Store a batch and how far it reaches, or nothing of it. Returns how many rows were refused."""
        await self._make_months(batch.months - self._months)
        async with self._engine.begin() as connection:
            refused = await _insert(connection, _TIMELINE, batch.timeline.columns())
            refused += await _add_health(connection, batch.health)
            await _remove(connection, batch)
            await _advance(connection, batch.offsets)
        return refused

    async def _make_months(self, months: Iterable[date]) -> None:
        """In transactions of their own: making a month briefly locks the default partition."""
        for month in sorted(months):
            async with self._engine.begin() as connection:
                await ensure_partition(connection, month)
            self._months.add(month)


async def _insert(connection: AsyncConnection, statement: TextClause, columns: Columns) -> int:
    """Insert all rows, or where the database refuses a value, all but the rows it refuses."""
    refused = 0
    rows = len(columns["tenant"])
    parts = [(0, rows)] if rows else []
    while parts:
        begin, end = parts.pop()
        try:
            async with connection.begin_nested():
                part = {name: values[begin:end] for name, values in columns.items()}
                await connection.execute(statement, part)
        except DBAPIError as error:
            if not _is_about_data(error):
                raise
            if end - begin == 1:
                refused += 1
                _log.warning("projection.row_refused", error=repr(error.orig))
            else:
                middle = (begin + end) // 2
                parts += [(begin, middle), (middle, end)]
    return refused


def _is_about_data(error: DBAPIError) -> bool:
    """SQLSTATE classes 22 and 54: a value or its size is at fault, not the server. Waiting will not help."""
    return str(getattr(error.orig, "sqlstate", "")).startswith(("22", "54"))


async def _add_health(connection: AsyncConnection, health: Mapping[Key, list[Moment]]) -> int:
    # In the order of keys: two writers never wait for each other in a circle.
    ordered = sorted(health.items())
    points = [
        (*key, point, number == 0)
        for key, moments in ordered
        for number, point in enumerate(points_of(moments))
    ]
    refused = await _insert(connection, _POINTS, _point_columns(points))
    return refused + await _insert(connection, _CUSTOMERS, _customer_columns(ordered))


def _point_columns(points: Sequence[tuple[str, str, Moment, bool]]) -> Columns:
    return {
        "tenant": [tenant for tenant, _, _, _ in points],
        "customer_id": [customer for _, customer, _, _ in points],
        "at": [point.at for _, _, point, _ in points],
        "score": [point.score for _, _, point, _ in points],
        "band": [point.band for _, _, point, _ in points],
        "confidence": [point.confidence for _, _, point, _ in points],
        "signal_points": [point.signal_points() for _, _, point, _ in points],
        "first": [first for _, _, _, first in points],
        "step": [POINT_STEP] * len(points),
    }


def _customer_columns(health: Sequence[tuple[Key, list[Moment]]]) -> Columns:
    latest = [moments[-1] for _, moments in health]
    return {
        "tenant": [tenant for (tenant, _), _ in health],
        "customer_id": [customer for (_, customer), _ in health],
        "snapshot": [moment.body for moment in latest],
        "score": [moment.score for moment in latest],
        "band": [moment.band for moment in latest],
        "stage": [moment.stage for moment in latest],
        "updated_at": [moment.at for moment in latest],
    }


async def _remove(connection: AsyncConnection, batch: Batch) -> None:
    """Those whose health was withdrawn, and those who asked to be erased: rare, so one by one."""
    for key in sorted(batch.gone):
        await connection.execute(_all_of(models.Customer, key))
        await connection.execute(_all_of(models.HealthPoint, key))
    for key, at in sorted(batch.erased.items()):
        timeline, points, latest = models.TimelineEntry, models.HealthPoint, models.Customer
        await connection.execute(_all_of(timeline, key).where(timeline.at <= at))
        await connection.execute(_all_of(points, key).where(points.at <= at))
        await connection.execute(_all_of(latest, key).where(latest.updated_at <= at))


async def _advance(connection: AsyncConnection, offsets: Mapping[tuple[str, int], int]) -> None:
    if not offsets:
        return
    reached = sorted(offsets.items())
    await connection.execute(
        _OFFSETS,
        {
            "topic": [f"{PREFIX}{topic}" for (topic, _), _ in reached],
            "partition": [partition for (_, partition), _ in reached],
            "next": [offset for _, offset in reached],
        },
    )


async def rebuild(engine: AsyncEngine) -> None:
    """Forget the timeline and the latest health, so that the next start reads them from the topics again.

    The score line stays: its topic is compacted and keeps only the last snapshot of each customer, and
    adding a point again changes nothing. Stop the projection first.
    """
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE outreach.timeline, outreach.customers"))
        await connection.execute(
            text("DELETE FROM outreach.consumer_offsets WHERE topic LIKE :like"), {"like": f"{PREFIX}%"}
        )
