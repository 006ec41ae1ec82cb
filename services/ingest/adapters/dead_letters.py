"""Dead letters in PostgreSQL: raw bytes included, so that a fixed mapping can be run over them again."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.postgres import transaction
from services.ingest.ports import KeptLetter, LetterQuery, LetterState, StoredLetter, Unusable

_PUT = text(
    "INSERT INTO dead_letters (reference, tenant, source, provider, reason, detail, headers, body, at, "
    "topic, verified_at, sha256) VALUES (:reference, :tenant, :source, :provider, :reason, :detail, "
    "CAST(:headers AS jsonb), :body, :at, :topic, :verified_at, :sha256)"
)
_COLUMNS = (
    "reference, tenant, source, provider, reason, detail, at, published_at IS NOT NULL AS published, topic, "
    "stored_at, verified_at, encode(sha256, 'hex') AS sha256, coalesce(length(body), 0) AS size, state, "
    "attempts, tried_at, settled_at, result"
)
_UNPUBLISHED = text(
    f"SELECT {_COLUMNS} FROM dead_letters WHERE published_at IS NULL ORDER BY stored_at LIMIT :most"  # noqa: S608 (constant)
)
_PUBLISHED = text("UPDATE dead_letters SET published_at = now() WHERE reference = ANY(:references)")
_FIND = text(
    f"SELECT {_COLUMNS} FROM dead_letters "  # noqa: S608 (constant)
    "WHERE (cardinality(CAST(:references AS text[])) = 0 OR reference = ANY(CAST(:references AS text[]))) "
    "AND (CAST(:reason AS text) IS NULL OR reason = :reason) "
    "AND (CAST(:source AS text) IS NULL OR source = :source) "
    "AND (CAST(:topic AS text) IS NULL OR topic = :topic) "
    "AND (CAST(:before AS timestamptz) IS NULL OR stored_at < :before) "
    "AND (CAST(:after AS timestamptz) IS NULL OR stored_at >= :after) "
    "AND (CAST(:state AS text) IS NULL OR state = :state) "
    "ORDER BY stored_at DESC, reference DESC LIMIT :most"
)
_LOAD = text(
    f"SELECT {_COLUMNS}, headers, body FROM dead_letters WHERE reference = :reference AND body IS NOT NULL"  # noqa: S608 (constant)
)
_KEPT = text(
    f"SELECT {_COLUMNS}, headers, body FROM dead_letters WHERE tenant = :tenant AND reference > :after "  # noqa: S608 (constant)
    "AND body IS NOT NULL ORDER BY reference LIMIT :most"
)
_STAYS = text(
    "UPDATE dead_letters SET reason = :reason, detail = :detail, attempts = attempts + 1, tried_at = now() "
    "WHERE reference = :reference AND state = 'waiting'"
)
_SETTLE = text(
    "UPDATE dead_letters SET state = :state, settled_at = now(), result = CAST(:result AS jsonb), "
    "body = NULL, headers = '{}' WHERE reference = :reference AND state = 'waiting'"
)
_COUNTS = text(
    "SELECT source, reason, count(*) FROM dead_letters WHERE state = 'waiting' "
    "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
)


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
            "topic": letter.topic,
            "verified_at": letter.verified_at,
            "sha256": hashlib.sha256(letter.body).digest(),
        }
        async with transaction(self._engine) as connection:
            await connection.execute(_PUT, row)

    async def unpublished(self, limit: int) -> list[StoredLetter]:
        async with transaction(self._engine) as connection:
            return list(map(_letter, (await connection.execute(_UNPUBLISHED, {"most": limit})).all()))

    async def mark_published(self, references: Sequence[str]) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(_PUBLISHED, {"references": list(references)})

    async def find(self, query: LetterQuery, limit: int) -> list[StoredLetter]:
        wanted = {
            "references": list(query.references),
            "reason": query.reason,
            "source": query.source,
            "topic": query.topic,
            "before": query.before,
            "after": query.after,
            "state": query.state,
            "most": limit,
        }
        async with transaction(self._engine) as connection:
            return list(map(_letter, (await connection.execute(_FIND, wanted)).all()))

    async def load(self, reference: str) -> KeptLetter | None:
        async with transaction(self._engine) as connection:
            row = (await connection.execute(_LOAD, {"reference": reference})).one_or_none()
        return None if row is None else _kept(row)

    async def kept(self, tenant: str, after: str, limit: int) -> list[KeptLetter]:
        wanted = {"tenant": tenant, "after": after, "most": limit}
        async with transaction(self._engine) as connection:
            return list(map(_kept, (await connection.execute(_KEPT, wanted)).all()))

    async def stays(self, reference: str, reason: str, detail: str) -> None:
        row = {"reference": reference, "reason": reason, "detail": detail}
        async with transaction(self._engine) as connection:
            await connection.execute(_STAYS, row)

    async def settle(self, reference: str, state: LetterState, result: dict[str, Any]) -> bool:
        row = {"reference": reference, "state": state, "result": json.dumps(result)}
        async with transaction(self._engine) as connection:
            return (await connection.execute(_SETTLE, row)).rowcount == 1

    async def counts(self) -> list[tuple[str, str, int]]:
        async with transaction(self._engine) as connection:
            return [(row[0], row[1], row[2]) for row in (await connection.execute(_COUNTS)).all()]


def _letter(row: Any) -> StoredLetter:
    return StoredLetter(**{name: getattr(row, name) for name in StoredLetter.__dataclass_fields__})


def _kept(row: Any) -> KeptLetter:
    return KeptLetter(_letter(row), row.headers, bytes(row.body))
