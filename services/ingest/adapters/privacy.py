"""Privacy requests in PostgreSQL: what is erased and the proof of it are one transaction."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from libs.events import message_key
from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_PROFILES
from services.ingest.adapters.identities import LOCK
from services.ingest.adapters.postgres import transaction
from services.ingest.ports import PrivacyRow

_COLUMNS = (
    "tenant, provider, kind, reference, customer_id AS customer, received_at AS at, state, counts, "
    "recorded_at"
)
_SAME = "tenant = :tenant AND provider = :provider AND kind = :kind AND reference = :reference"
_RECORD = text(
    "INSERT INTO privacy_requests (tenant, provider, kind, reference, customer_id, received_at, state) "
    "VALUES (:tenant, :provider, :kind, :reference, :customer, :at, :state) ON CONFLICT DO NOTHING"
)
_DONE = text(
    "UPDATE privacy_requests p SET state = :state, finished_at = clock_timestamp(), counts = (SELECT "  # noqa: S608 (constant)
    "jsonb_object_agg(key, value::int + coalesce((p.counts ->> key)::int, 0)) "
    f"FROM jsonb_each_text(CAST(:counts AS jsonb))) WHERE {_SAME}"
)
_FIND = text(f"SELECT {_COLUMNS} FROM privacy_requests WHERE {_SAME}")  # noqa: S608 (constant)
_ALL = text(
    f"SELECT {_COLUMNS} FROM privacy_requests "  # noqa: S608 (constant)
    "WHERE (CAST(:tenant AS text) IS NULL OR tenant = :tenant) "
    "AND (CAST(:customer AS text) IS NULL OR customer_id = :customer) "
    "AND (CAST(:state AS text) IS NULL OR state = :state) ORDER BY recorded_at DESC LIMIT :most"
)
_RECENT = text(
    f"SELECT {_COLUMNS}, finished_at FROM privacy_requests "  # noqa: S608 (constant)
    "WHERE kind <> 'data_request' AND finished_at > now() - interval '1 minute'"
)
_CUSTOMERS = text(
    "SELECT customer_id FROM customers WHERE tenant = :tenant AND merged_into IS NULL "
    "AND created_at <= :recorded_at ORDER BY customer_id LIMIT :most"
)
_MERGED = text(
    "SELECT customer_id FROM customers "
    "WHERE tenant = :tenant AND merged_into = ANY(CAST(:customers AS text[]))"
)
_ERASE = {
    "identities": text(
        "DELETE FROM identities WHERE tenant = :tenant AND customer_id = ANY(CAST(:customers AS text[]))"
    ),
    "customers": text(
        "DELETE FROM customers WHERE tenant = :tenant AND customer_id = ANY(CAST(:customers AS text[]))"
    ),
    # Events name nobody and were answered 2xx: they go on. What goes is contact details on their way.
    "spooled": text(
        "DELETE FROM spool WHERE topic = :profiles AND value IS NOT NULL "
        "AND key = ANY(CAST(:keys AS bytea[]))"
    ),
    "dead_letters": text(
        "UPDATE dead_letters SET state = 'erased', settled_at = now(), body = NULL, headers = '{}' "
        "WHERE tenant = :tenant AND state = 'waiting' AND reference = ANY(CAST(:letters AS text[]))"
    ),
}
_REST = {
    "identities": text("DELETE FROM identities WHERE tenant = :tenant AND created_at <= :recorded_at"),
    "customers": text("DELETE FROM customers WHERE tenant = :tenant AND created_at <= :recorded_at"),
    "spooled": text(
        "DELETE FROM spool WHERE topic = :profiles AND value IS NOT NULL AND spooled_at <= :recorded_at "
        "AND position(CAST(:prefix AS bytea) IN key) = 1"
    ),
    "dead_letters": text(
        "UPDATE dead_letters SET state = 'erased', settled_at = now(), body = NULL, headers = '{}' "
        "WHERE tenant = :tenant AND state = 'waiting' AND stored_at <= :recorded_at"
    ),
}
_SPOOLED = text(
    "SELECT value FROM spool WHERE key = :key AND value IS NOT NULL AND topic = ANY(:topics) ORDER BY number"
)


class PostgresPrivacy:
    """A PrivacyStore."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def record(self, row: PrivacyRow) -> PrivacyRow:
        async with transaction(self._engine) as connection:
            await connection.execute(_RECORD, _values(row))
            return _row((await connection.execute(_FIND, _values(row))).one())

    async def requests(
        self,
        tenant: str | None = None,
        *,
        customer: str | None = None,
        state: str | None = None,
        limit: int = 1_000,
    ) -> list[PrivacyRow]:
        wanted = {"tenant": tenant, "customer": customer, "state": state, "most": limit}
        async with transaction(self._engine) as connection:
            return list(map(_row, (await connection.execute(_ALL, wanted)).all()))

    async def erased_lately(self) -> list[tuple[PrivacyRow, str]]:
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(_RECENT)).all()
        return [(_row(row), row.finished_at.isoformat()) for row in rows]

    async def customers(self, row: PrivacyRow, limit: int) -> list[str]:
        wanted = {"tenant": row.tenant, "recorded_at": row.recorded_at, "most": limit}
        async with transaction(self._engine) as connection:
            return list((await connection.execute(_CUSTOMERS, wanted)).scalars())

    async def erase(self, row: PrivacyRow, customers: Sequence[str], letters: Sequence[str]) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(LOCK)
            who: dict[str, Any] = {"tenant": row.tenant, "customers": list(customers)}
            who["customers"] += (await connection.execute(_MERGED, who)).scalars().all()
            keys = [message_key(row.tenant, one) for one in who["customers"]]
            counts = await _run(
                connection,
                _ERASE,
                {**who, "keys": keys, "letters": list(letters), "profiles": CUSTOMER_PROFILES.name},
            )
            await connection.execute(_RECORD, _values(row))
            await connection.execute(_DONE, {**_values(row), "counts": json.dumps(counts)})

    async def finish(self, row: PrivacyRow) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(LOCK)
            of = {"tenant": row.tenant, "recorded_at": row.recorded_at, "prefix": message_key(row.tenant, "")}
            counts = await _run(connection, _REST, {**of, "profiles": CUSTOMER_PROFILES.name})
            await connection.execute(_DONE, {**_values(row), "state": "done", "counts": json.dumps(counts)})

    async def answered(self, row: PrivacyRow, counts: dict[str, int]) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(_DONE, {**_values(row), "state": "done", "counts": json.dumps(counts)})

    async def spooled(self, tenant: str, customer: str) -> list[bytes]:
        topics = [CUSTOMER_EVENTS.name, CUSTOMER_PROFILES.name]
        async with transaction(self._engine) as connection:
            wanted = {"key": message_key(tenant, customer), "topics": topics}
            return [bytes(row.value) for row in (await connection.execute(_SPOOLED, wanted)).all()]


async def _run(
    connection: AsyncConnection, statements: dict[str, Any], values: dict[str, Any]
) -> dict[str, int]:
    """How many rows each statement met."""
    counts = {}
    for name, statement in statements.items():
        mine = {key: values[key] for key in statement.compile().params}
        counts[name] = (await connection.execute(statement, mine)).rowcount
    return counts


def _row(row: Any) -> PrivacyRow:
    return PrivacyRow(**{name: getattr(row, name) for name in PrivacyRow.__dataclass_fields__})


def _values(row: PrivacyRow) -> dict[str, Any]:
    names = ("tenant", "provider", "kind", "reference", "customer", "at", "state")
    return {name: getattr(row, name) for name in names}
