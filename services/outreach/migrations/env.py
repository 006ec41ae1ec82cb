"""Alembic's entry: one connection, one transaction, and no long wait for a lock."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, text

from libs.runtime.settings import RuntimeSettings
from services.outreach.adapters.database import make_engine
from services.outreach.incident_models import Incident
from services.outreach.models import SCHEMA

# A migration that waits for a lock makes every later query wait behind it: better to fail and be run again.
_LOCK_TIMEOUT = "5s"


def _ours(name: str | None, kind: str, parents: Any) -> bool:
    """Compare our schema only, and not the timeline's partitions, which are made as months come."""
    if kind == "schema":
        return name == SCHEMA
    return not (kind == "table" and (name or "").startswith("timeline_") and bool(parents))


def _migrate(connection: Connection) -> None:
    connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Incident.metadata,
        include_schemas=True,
        include_name=_ours,
        version_table_schema=SCHEMA,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _connect() -> None:
    url = context.config.attributes.get("url") or RuntimeSettings().database_url.get_secret_value()
    engine = make_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
            await connection.commit()
    finally:
        await engine.dispose()


def _run() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
    else:
        asyncio.run(_connect())


_run()
