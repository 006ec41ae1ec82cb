"""The spool in PostgreSQL: records in line for Kafka, a line for each process.

Two processes that send the same rows send them twice, and neither knows what hangs in the other's client.
So each has a line of its own, and only who holds a line's advisory lock sends it. The lock ends with the
session, so with the process; a line that nobody holds any more goes whole to the first who sees it.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ingest.adapters.postgres import reachable, transaction
from services.ingest.domain.record import Record
from services.ingest.ports import SpoolDepth, Spooled

_ADD = text(
    "INSERT INTO spool (line, topic, key, value) SELECT :line, topic, key, value FROM "
    "unnest(CAST(:topics AS text[]), CAST(:keys AS bytea[]), CAST(:bodies AS bytea[])) "
    "WITH ORDINALITY AS r(topic, key, value, place) ORDER BY place RETURNING number"
)
# The running sum keeps a batch of large records out of memory; it reads the values' lengths, not the values.
_OLDEST = text(
    "SELECT number, topic, key, value FROM (SELECT *, sum(coalesce(octet_length(value), 0)) OVER "
    "(ORDER BY number) AS bytes, row_number() OVER (ORDER BY number) AS place FROM spool "
    "WHERE line = ANY(CAST(:lines AS integer[])) ORDER BY number LIMIT :most) AS first "
    "WHERE place = 1 OR bytes <= :bytes ORDER BY number"
)
_REMOVE = text("DELETE FROM spool WHERE number = ANY(:numbers)")
_DEPTH = text(
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(spooled_at)), 0) FROM spool"
)
_OTHERS = text("SELECT DISTINCT line FROM spool WHERE line <> ALL(CAST(:lines AS integer[]))")
_MOST_LINES = 2**31 - 1  # half of an advisory lock's name is an integer; 0 is the line of rows from before
_TAKE = text("SELECT pg_try_advisory_lock(hashtext('greenline.ingest.spool'), :line)")


class PostgresSpool:
    """A Spool. One of its sessions is kept, for the locks."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._session: AsyncConnection | None = None
        self._joining = asyncio.Lock()
        self._lines: list[int] = []  # that are ours to send; the first is our own

    async def add(self, batches: Sequence[Sequence[Record]]) -> list[int]:
        records = [record for batch in batches for record in batch]
        arrays = {
            "topics": [record.topic for record in records],
            "keys": [record.key for record in records],
            "bodies": [record.value for record in records],
        }
        await self._join()
        async with transaction(self._engine) as connection:
            numbers = await connection.execute(_ADD, {"line": self._lines[0], **arrays})
            return sorted(numbers.scalars())

    async def oldest(self, limit: int, most_bytes: int) -> list[Spooled]:
        session = await self._join()
        asked = {"most": limit, "bytes": most_bytes}
        async with self._kept(session):
            rows = (await session.execute(_OLDEST, {"lines": self._lines, **asked})).all()
            if not rows and await self._take_over(session):
                rows = (await session.execute(_OLDEST, {"lines": self._lines, **asked})).all()
        return [Spooled(row.number, Record(row.topic, row.key, row.value)) for row in rows]

    async def remove(self, numbers: Sequence[int]) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(_REMOVE, {"numbers": list(numbers)})

    async def depth(self) -> SpoolDepth:
        async with transaction(self._engine) as connection:
            records, oldest = (await connection.execute(_DEPTH)).one()
        return SpoolDepth(records, float(oldest))

    async def close(self) -> None:
        if self._session is not None:
            await self._leave(self._session)

    async def _join(self) -> AsyncConnection:
        """The session that holds the locks. After the server was away some lines may be others' by now."""
        async with self._joining:
            if self._session is None:
                async with reachable():
                    session = await self._engine.connect()
                async with self._kept(session):
                    await session.execution_options(isolation_level="AUTOCOMMIT")
                    kept = [line for line in self._lines if await _took(session, line)]
                    if not kept or kept[0] != self._lines[0]:
                        kept.insert(0, await _new_line(session))
                    self._lines = kept
                self._session = session
            return self._session

    async def _take_over(self, session: AsyncConnection) -> bool:
        """Lines with rows that nobody sends any more."""
        lines = (await session.execute(_OTHERS, {"lines": self._lines})).scalars().all()
        taken = [line for line in lines if await _took(session, line)]
        self._lines += taken
        return bool(taken)

    @contextlib.asynccontextmanager
    async def _kept(self, session: AsyncConnection) -> AsyncIterator[None]:
        try:
            async with reachable():
                yield
        except BaseException:
            await self._leave(session)
            raise

    async def _leave(self, session: AsyncConnection) -> None:
        self._session = None
        with contextlib.suppress(SQLAlchemyError, OSError):
            await session.invalidate()  # back in the pool it would go on holding the locks
        await session.close()


async def _took(session: AsyncConnection, line: int) -> bool:
    return bool((await session.execute(_TAKE, {"line": line})).scalar_one())


async def _new_line(session: AsyncConnection) -> int:
    while True:
        line = 1 + secrets.randbelow(_MOST_LINES)
        if await _took(session, line):
            return line
