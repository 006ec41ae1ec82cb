"""What of the providers' objects has arrived, as PostgreSQL knows it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.postgres import transaction
from services.ingest.domain.people import Anchor

_ARRIVED = text(
    "SELECT i.* FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS text[])) AS k(kind, value), "
    "LATERAL (SELECT kind, value FROM identities i WHERE i.tenant = :tenant AND i.kind = k.kind "
    "AND i.value = k.value LIMIT 1) i"  # by the index, as in identities.py
)
_NAMELESS = text(
    "SELECT i.value FROM identities i JOIN customers c USING (tenant, customer_id) "
    "WHERE i.tenant = :tenant AND i.kind = :kind AND i.value > :after "
    "AND i.created_at >= :since AND i.created_at < :until "
    "AND NOT jsonb_exists_any(c.profile, array['email', 'phone']) ORDER BY i.value LIMIT :limit"
)


class PostgresArrivals:
    """An Arrivals."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def arrived(self, tenant: str, objects: Collection[Anchor]) -> set[tuple[str, str]]:
        known = {
            "tenant": tenant,
            "kinds": [one.kind for one in objects],
            "ids": [one.value for one in objects],
        }
        async with transaction(self._engine) as connection:
            return {(row.kind, row.value) for row in await connection.execute(_ARRIVED, known)}

    async def nameless(
        self, tenant: str, kind: str, window: tuple[datetime, datetime], after: str, limit: int
    ) -> list[str]:
        since, until = window
        asked = {"tenant": tenant, "kind": kind, "after": after, "since": since, "until": until}
        async with transaction(self._engine) as connection:
            return list((await connection.execute(_NAMELESS, {**asked, "limit": limit})).scalars())
