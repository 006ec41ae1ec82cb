"""The engine and sessions. One unit of work is one `async with sessions.begin()`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

_ALEMBIC = Path(__file__).resolve().parents[1] / "alembic.ini"
_MIGRATE_LOCK = 0x6F757473  # two processes that start at once migrate one after the other

Sessions = async_sessionmaker[AsyncSession]


def make_engine(url: str, pool_size: int = 10) -> AsyncEngine:
    """An engine that notices a restarted server: a connection is tried before it is lent."""
    return create_async_engine(url, pool_size=pool_size, max_overflow=10, pool_pre_ping=True)


def make_sessions(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False)


async def migrate(engine: AsyncEngine, revision: str = "head") -> None:
    """Bring the tables to a revision; a second caller waits for the first."""
    async with engine.connect() as guard, engine.connect() as connection:
        await guard.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _MIGRATE_LOCK})
        try:
            await connection.run_sync(_upgrade, revision)
            await connection.commit()
        finally:
            await guard.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _MIGRATE_LOCK})


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config(str(_ALEMBIC))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
