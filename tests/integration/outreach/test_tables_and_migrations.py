"""Migrations from nothing, the models they must match, and the timeline's months."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.outreach.adapters.database import make_engine, migrate
from services.outreach.adapters.partitions import ensure_partition
from services.outreach.models import SCHEMA, Base


@pytest.fixture
async def engine(database: Any) -> AsyncIterator[AsyncEngine]:
    made = make_engine(database.url)
    async with made.begin() as connection:
        await connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
    yield made
    await made.dispose()


def _differences(connection: Connection) -> list[Any]:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        if kind == "schema":
            return name == SCHEMA
        return not (kind == "table" and (name or "").startswith(("timeline_", "alembic_version")))

    options = {"include_schemas": True, "include_name": ours, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


async def test_migrations_from_nothing_make_what_the_models_say(engine: AsyncEngine) -> None:
    await migrate(engine)
    await migrate(engine)  # again is nothing
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_a_point_of_the_first_tables_stays_and_only_its_score_is_known(engine: AsyncEngine) -> None:
    await migrate(engine, "0001")
    old = "INSERT INTO outreach.health_points VALUES ('demo', 'c1', now(), 61.2, 'green', 0.8)"
    async with engine.begin() as connection:
        await connection.execute(text(old))
    await migrate(engine)
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT score, signal_points FROM outreach.health_points"))
        assert [tuple(row) for row in found] == [(61.2, None)]


async def test_a_column_that_only_the_models_have_is_noticed(engine: AsyncEngine) -> None:
    await migrate(engine)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE outreach.tasks DROP COLUMN note"))
        (difference,) = await connection.run_sync(_differences)
    assert difference[0] == "add_column"


async def test_the_command_migrates(engine: AsyncEngine, database: Any) -> None:
    done = subprocess.run(  # noqa: ASYNC221 (nothing else runs meanwhile)
        [sys.executable, "-m", "services.outreach", "migrate"],
        env={**os.environ, "GREENLINE_DATABASE_URL": database.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


_INSERT = text(
    "INSERT INTO outreach.timeline (tenant, customer_id, at, ref, type, summary, data)"
    " VALUES ('demo', 'c1', :at, :ref, 't', 's', '{}')"
)


async def _where(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT ref, tableoid::regclass::text AS part FROM outreach.timeline")
        )
        return {row.ref: row.part for row in found}


async def test_a_month_takes_over_what_was_written_before_it_existed(engine: AsyncEngine) -> None:
    await migrate(engine)
    async with engine.begin() as connection:
        await connection.execute(_INSERT, {"at": datetime(1997, 12, 31, 23, 59, tzinfo=UTC), "ref": "early"})
        await connection.execute(_INSERT, {"at": datetime(1998, 1, 1, tzinfo=UTC), "ref": "next"})
    async with engine.begin() as connection:
        await ensure_partition(connection, date(1997, 12, 15))
        await ensure_partition(connection, date(1997, 12, 1))
        await connection.execute(_INSERT, {"at": datetime(1997, 12, 1, tzinfo=UTC), "ref": "late"})
    assert await _where(engine) == {
        "early": "outreach.timeline_1997_12",
        "late": "outreach.timeline_1997_12",
        "next": "outreach.timeline_default",
    }
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
