"""PostgreSQL may restart: a unit of work that failed for that reason is simply done again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from libs.runtime.logging import get_logger

T = TypeVar("T")
_log = get_logger(__name__)

# Two units met in the wrong order, or the server is stopping, starting or full: none is about our statement.
_PASSING = ("40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03", "08000", "08003", "08006")
_LONGEST_WAIT_S = 5.0


def passes(error: BaseException) -> bool:
    """Whether the same unit of work may succeed later without anybody changing it."""
    if isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.PostgresConnectionError):
        return True
    if isinstance(error, asyncpg.PostgresError):
        return error.sqlstate in _PASSING
    if isinstance(error, DBAPIError):
        lost = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
        return lost or getattr(error.orig, "sqlstate", None) in _PASSING
    return False


async def retrying(action: Callable[[], Awaitable[T]], what: str, stop: asyncio.Event | None = None) -> T:
    """Do it, and again while the database is away, with waits of 0.2 s doubling to 5 s."""
    wait = 0.2
    while True:
        try:
            return await action()
        except Exception as error:
            if not passes(error) or (stop is not None and stop.is_set()):
                raise
            _log.warning("database.away", what=what, error=type(error).__name__, retry_in_s=wait)
        await asyncio.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT_S)
