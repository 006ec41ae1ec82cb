"""Answers by Idempotency-Key, in PostgreSQL for a day."""

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.postgres import transaction
from services.ingest.ports import Earlier

_FORGET = text("DELETE FROM answers WHERE begun_at < clock_timestamp() - interval '1 day'")
# A request in work for a minute was left behind by a process that ended: ours answers within seconds.
_BEGIN = text(
    "INSERT INTO answers (source, key, fingerprint) VALUES (:source, :key, :fingerprint) "
    "ON CONFLICT (source, key) DO UPDATE SET begun_at = clock_timestamp() "
    "WHERE answers.answer IS NULL AND answers.fingerprint = excluded.fingerprint "
    "AND answers.begun_at < clock_timestamp() - interval '1 minute' RETURNING 1"
)
_EARLIER = text("SELECT fingerprint, answer FROM answers WHERE source = :source AND key = :key")
_FINISH = text("UPDATE answers SET answer = CAST(:answer AS jsonb) WHERE source = :source AND key = :key")
_DROP = text("DELETE FROM answers WHERE source = :source AND key = :key AND answer IS NULL")


class PostgresAnswers:
    """An AnswerStore."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def begin(self, source: str, key: str, fingerprint: str) -> Earlier | None:
        where = {"source": source, "key": key}
        async with transaction(self._engine) as connection:
            await connection.execute(_FORGET)
            ours = await connection.execute(_BEGIN, {**where, "fingerprint": fingerprint})
            if ours.scalar_one_or_none() is not None:
                return None
            row = (await connection.execute(_EARLIER, where)).one()
        return Earlier(row.fingerprint, row.answer)

    async def finish(self, source: str, key: str, answer: dict[str, Any]) -> None:
        values = {"source": source, "key": key, "answer": json.dumps(answer)}
        async with transaction(self._engine) as connection:
            await connection.execute(_FINISH, values)

    async def drop(self, source: str, key: str) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(_DROP, {"source": source, "key": key})
