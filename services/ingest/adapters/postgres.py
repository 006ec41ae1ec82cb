"""One way to PostgreSQL: a small pool with short waits, and one error for "it is away"."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.ingest.domain.errors import UnavailableError, UnstorableError

SCHEMA = "ingest"
_POOL = 8  # connections; work comes in batches, so few are enough
# A machine of ours that is gone without a word is noticed within a minute: its locks hold the spool up.
_GONE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
# A plan is kept while a table grows from nothing to millions: it must never be one that reads it all.
_PLANS = {"enable_seqscan": "off"}
# What a defect of ours looks like. A value that cannot be kept is told apart from it; everything else means
# that the server cannot help us right now.
_DEFECTS = (asyncpg.SyntaxOrAccessError, asyncpg.IntegrityConstraintViolationError)


def make_engine(url: str, wait_s: float = 5.0) -> AsyncEngine:
    """An engine whose connects and statements give up after `wait_s`."""
    return create_async_engine(
        url,
        pool_size=_POOL,
        max_overflow=0,
        pool_timeout=wait_s,
        pool_pre_ping=True,  # after a restart of the server; work comes in batches, so the trip is shared
        connect_args={
            "timeout": wait_s,
            "command_timeout": wait_s,
            "server_settings": {
                "search_path": SCHEMA,
                "application_name": "greenline-ingest",
                **_GONE,
                **_PLANS,
            },
        },
    )


@contextlib.asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that commits at the end of the block. Raises what `reachable` does."""
    async with reachable(), engine.begin() as connection:
        yield connection


@contextlib.asynccontextmanager
async def reachable() -> AsyncIterator[None]:
    """Raises UnavailableError when the server is away in the block, UnstorableError if it refuses a value."""
    try:
        yield
    except (OSError, TimeoutError, OperationalError, InterfaceError) as error:
        raise _away(error) from error
    except DBAPIError as error:
        # SQLAlchemy wraps the driver's error in one of its own for the driver, and that in this one.
        driver = error.orig.__cause__ if error.orig is not None else None
        if isinstance(driver, asyncpg.DataError):
            raise UnstorableError from error
        if isinstance(error, ProgrammingError) or isinstance(driver, _DEFECTS):
            raise
        raise _away(error) from error
    except asyncpg.DataError as error:
        raise UnstorableError from error
    except asyncpg.PostgresError as error:
        if isinstance(error, _DEFECTS):
            raise
        raise _away(error) from error
    except (SQLAlchemyError, asyncpg.InterfaceError) as error:
        raise _away(error) from error


def _away(error: BaseException) -> UnavailableError:
    return UnavailableError(f"PostgreSQL is away: {type(error).__name__}")
