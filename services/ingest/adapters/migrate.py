"""Bring ingest's schema up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from services.ingest.adapters.postgres import make_engine

_SCRIPTS = Path(__file__).resolve().parents[1] / "migrations"
_WAIT_S = 60.0  # another process may be migrating


async def migrate(database_url: str) -> None:
    """Run what has not been run. Two processes at once take turns."""
    engine = make_engine(database_url, _WAIT_S)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
