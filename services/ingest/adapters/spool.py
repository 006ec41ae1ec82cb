"""The spool in PostgreSQL: records in line for Kafka."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.postgres import transaction
from services.ingest.domain.record import Record
from services.ingest.ports import SpoolDepth, Spooled

_ADD = text(
    "INSERT INTO spool (topic, key, value) SELECT topic, key, value FROM "
    "unnest(CAST(:topics AS text[]), CAST(:keys AS bytea[]), CAST(:bodies AS bytea[])) "
    "WITH ORDINALITY AS r(topic, key, value, line) ORDER BY line RETURNING number"
)
# The running sum keeps a batch of large records out of memory; it reads the values' lengths, not the values.
_OLDEST = text(
    "SELECT number, topic, key, value FROM (SELECT *, sum(coalesce(octet_length(value), 0)) OVER "
    "(ORDER BY number) AS bytes, row_number() OVER (ORDER BY number) AS place FROM spool "
    "ORDER BY number LIMIT :most) AS line WHERE place = 1 OR bytes <= :bytes ORDER BY number"
)
_REMOVE = text("DELETE FROM spool WHERE number = ANY(:numbers)")
_DEPTH = text(
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(spooled_at)), 0) FROM spool"
)


class PostgresSpool:
    """A Spool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, batches: Sequence[Sequence[Record]]) -> list[int]:
        records = [record for batch in batches for record in batch]
        arrays = {
            "topics": [record.topic for record in records],
            "keys": [record.key for record in records],
            "bodies": [record.value for record in records],
        }
        async with transaction(self._engine) as connection:
            return sorted((await connection.execute(_ADD, arrays)).scalars())

    async def oldest(self, limit: int, most_bytes: int) -> list[Spooled]:
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(_OLDEST, {"most": limit, "bytes": most_bytes})).all()
        return [Spooled(row.number, Record(row.topic, row.key, row.value)) for row in rows]

    async def remove(self, numbers: Sequence[int]) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(_REMOVE, {"numbers": list(numbers)})

    async def depth(self) -> SpoolDepth:
        async with transaction(self._engine) as connection:
            records, oldest = (await connection.execute(_DEPTH)).one()
        return SpoolDepth(records, float(oldest))
