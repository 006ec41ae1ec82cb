"""Dead letters in PostgreSQL: raw bytes included, so that a fixed mapping can be run over them again."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.postgres import transaction
from services.ingest.ports import StoredLetter, Unusable

_PUT = text(
    "INSERT INTO dead_letters (reference, tenant, source, provider, reason, detail, headers, body, at) "
    "VALUES (:reference, :tenant, :source, :provider, :reason, :detail, CAST(:headers AS jsonb), :body, :at)"
)
_COLUMNS = "reference, tenant, source, provider, reason, detail, at, published_at IS NOT NULL AS published"
_UNPUBLISHED = text(
    f"SELECT {_COLUMNS} FROM dead_letters WHERE published_at IS NULL ORDER BY stored_at LIMIT :most"  # noqa: S608 (constant)
)
_NEWEST = text(f"SELECT {_COLUMNS} FROM dead_letters ORDER BY stored_at DESC LIMIT :most")  # noqa: S608 (constant)
_PUBLISHED = text("UPDATE dead_letters SET published_at = now() WHERE reference = ANY(:references)")
_COUNTS = text("SELECT source, reason, count(*) FROM dead_letters GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2")


class PostgresDeadLetters:
    """A DeadLetterStore."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(self, letter: Unusable) -> None:
        row = {
            "reference": letter.reference,
            "tenant": letter.source.tenant,
            "source": letter.source.name,
            "provider": letter.source.provider,
            "reason": letter.reason,
            "detail": letter.detail,
            "headers": json.dumps(letter.headers),
            "body": letter.body,
            "at": letter.at,
        }
        async with transaction(self._engine) as connection:
            await connection.execute(_PUT, row)

    async def unpublished(self, limit: int) -> list[StoredLetter]:
        async with transaction(self._engine) as connection:
            return list(map(_letter, (await connection.execute(_UNPUBLISHED, {"most": limit})).all()))

    async def mark_published(self, references: Sequence[str]) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(_PUBLISHED, {"references": list(references)})

    async def newest(self, limit: int) -> list[StoredLetter]:
        async with transaction(self._engine) as connection:
            return list(map(_letter, (await connection.execute(_NEWEST, {"most": limit})).all()))

    async def counts(self) -> list[tuple[str, str, int]]:
        async with transaction(self._engine) as connection:
            return [(row[0], row[1], row[2]) for row in (await connection.execute(_COUNTS)).all()]


def _letter(row: Any) -> StoredLetter:
    return StoredLetter(
        reference=row.reference,
        tenant=row.tenant,
        source=row.source,
        provider=row.provider,
        reason=row.reason,
        detail=row.detail,
        at=row.at,
        published=row.published,
    )
