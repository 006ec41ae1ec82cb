"""Alembic's entry: one connection, one writer, and no long wait for a lock."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text

from libs.runtime.settings import RuntimeSettings
from services.ingest.adapters.postgres import SCHEMA, make_engine

# A migration that waits for a lock makes every later query wait behind it: better to fail and be run again.
_LOCK_TIMEOUT = "5s"


def _migrate(connection: Connection) -> None:
    # Two processes that start at once must not both create the schema.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('greenline.ingest.migrations'))"))
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    context.configure(connection=connection, version_table_schema=SCHEMA)
    with context.begin_transaction():
        context.run_migrations()


async def _connect() -> None:
    engine = make_engine(RuntimeSettings().database_url.get_secret_value())
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


def _run() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
    else:
        asyncio.run(_connect())


_run()
