"""Who is who in PostgreSQL: the truth behind the desk."""

import json
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ingest.adapters.postgres import transaction
from services.ingest.domain.identity import Book, Changes, Key, Resolution, is_object, settle
from services.ingest.domain.people import Anchor, Claim
from services.ingest.ports import Known

# One writer of identities at a time over all processes: decisions are read, then written.
LOCK = text("SELECT pg_advisory_xact_lock(hashtext('greenline.ingest.identities'))")
# LIMIT and OFFSET keep each lookup one of an index. As a plain join PostgreSQL reads the whole table instead
# while its statistics are those of a young one: 12 ms for 300 keys among 40,000 rows, more with each.
_KEYS = (
    "unnest(CAST(:tenants AS text[]), CAST(:kinds AS text[]), CAST(:ids AS text[])) AS k(tenant, kind, value)"
)
_OWNERS = text(
    f"SELECT i.* FROM {_KEYS}, LATERAL (SELECT * FROM identities i WHERE i.tenant = k.tenant "  # noqa: S608 (constant)
    "AND i.kind = k.kind AND i.value = k.value LIMIT 1) i"
)
_OF_CUSTOMERS = "unnest(CAST(:tenants AS text[]), CAST(:customers AS text[])) AS k(tenant, customer_id)"
_PROVIDER_IDS = text(
    f"SELECT i.* FROM {_OF_CUSTOMERS}, LATERAL (SELECT tenant, customer_id, kind, value FROM identities i "  # noqa: S608 (constant)
    "WHERE i.tenant = k.tenant AND i.customer_id = k.customer_id AND NOT i.object OFFSET 0) i"
)
_PROFILES = text(
    f"SELECT c.* FROM {_OF_CUSTOMERS}, LATERAL (SELECT tenant, customer_id, profile FROM customers c "  # noqa: S608 (constant)
    "WHERE c.tenant = k.tenant AND c.customer_id = k.customer_id LIMIT 1) c"
)
_ADD_CUSTOMERS = text(
    "INSERT INTO customers (tenant, customer_id) "
    "SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:customers AS text[])) ON CONFLICT DO NOTHING"
)
_ADD = text(
    "INSERT INTO identities (tenant, kind, value, customer_id, object, detail) "
    "SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:kinds AS text[]), CAST(:ids AS text[]), "
    "CAST(:customers AS text[]), CAST(:objects AS boolean[]), CAST(:details AS text[])) "
    "ON CONFLICT DO NOTHING"
)
_MOVE = text(
    "UPDATE identities SET customer_id = :customer WHERE tenant = :tenant AND kind = :kind AND value = :id"
)
_SHARE = text("UPDATE identities SET shared = true WHERE tenant = :tenant AND kind = :kind AND value = :id")
_MERGE = (
    text("UPDATE identities SET customer_id = :into WHERE tenant = :tenant AND customer_id = :gone"),
    text(
        "UPDATE customers SET merged_into = :into, profile = '{}' "
        "WHERE tenant = :tenant AND customer_id = :gone"
    ),
)
_SAVE_PROFILES = text(
    "INSERT INTO customers (tenant, customer_id, profile) SELECT * FROM unnest("
    "CAST(:tenants AS text[]), CAST(:customers AS text[]), CAST(CAST(:profiles AS text[]) AS jsonb[])) "
    "ON CONFLICT (tenant, customer_id) DO UPDATE SET profile = excluded.profile"
)
_WHO = text(
    "SELECT DISTINCT tenant, customer_id FROM identities WHERE value = ANY(:ids) "
    "UNION SELECT tenant, customer_id FROM customers WHERE customer_id = ANY(:ids)"
)
_ALL_OF = text(
    "SELECT kind, value, shared FROM identities WHERE tenant = :tenant AND customer_id = :customer "
    "ORDER BY 1, 2"
)
_MERGED_FROM = text("SELECT customer_id FROM customers WHERE tenant = :tenant AND merged_into = :customer")
_PROFILE_OF = text("SELECT profile FROM customers WHERE tenant = :tenant AND customer_id = :customer")


def new_customer_id() -> str:
    """Random, so that it says nothing about the person and erasing the row erases the link."""
    return f"c_{secrets.token_hex(10)}"


class PostgresIdentities:
    """An IdentityStore."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def resolve(self, claims: Sequence[Claim]) -> list[Resolution]:
        async with transaction(self._engine) as connection:
            return await decide(connection, claims)

    async def remember(self, anchors: Sequence[tuple[str, str, Anchor]]) -> None:
        rows = [
            ((tenant, anchor.kind, anchor.value), customer, anchor.detail)
            for tenant, customer, anchor in anchors
        ]
        async with transaction(self._engine) as connection:
            await connection.execute(_ADD, _insert_arrays(rows))

    async def who(self, values: Sequence[str]) -> list[Known]:
        async with transaction(self._engine) as connection:
            owners = (await connection.execute(_WHO, {"ids": list(values)})).all()
            return [await _known(connection, tenant, customer) for tenant, customer in owners]


async def decide(connection: AsyncConnection, claims: Sequence[Claim]) -> list[Resolution]:
    """All claims in order, written in this transaction."""
    await connection.execute(LOCK)
    book = await _load(connection, claims)
    found = [settle(book, claim, new_customer_id) for claim in claims]
    await _write(connection, book.changes)
    return found


async def _load(connection: AsyncConnection, claims: Sequence[Claim]) -> Book:
    keys = {(claim.tenant, one.kind, one.value) for claim in claims for one in claim.all()}
    book = Book()
    rows = (await connection.execute(_OWNERS, _key_arrays(keys))).all()
    for row in rows:
        key = (row.tenant, row.kind, row.value)
        book.add(key, row.customer_id, row.detail)
        if row.shared:
            book.shared.add(key)
    owners = sorted({(row.tenant, row.customer_id) for row in rows})
    if owners:
        arrays = _customer_arrays(owners)
        for row in (await connection.execute(_PROVIDER_IDS, arrays)).all():
            book.add((row.tenant, row.kind, row.value), row.customer_id)
        for row in (await connection.execute(_PROFILES, arrays)).all():
            book.profiles[row.tenant, row.customer_id] = row.profile
    return book


async def _write(connection: AsyncConnection, changes: Changes) -> None:
    if changes.customers:
        await connection.execute(_ADD_CUSTOMERS, _customer_arrays(changes.customers))
    if changes.inserts:
        await connection.execute(_ADD, _insert_arrays(changes.inserts))
    await _each(connection, _MOVE, ({**_key(key), "customer": customer} for key, customer in changes.moves))
    await _each(connection, _SHARE, (_key(key) for key in changes.shared))
    for tenant, gone, into in changes.merges:
        for statement in _MERGE:
            await connection.execute(statement, {"tenant": tenant, "gone": gone, "into": into})
    if changes.profiles:
        profiles = [json.dumps(profile) for profile in changes.profiles.values()]
        await connection.execute(_SAVE_PROFILES, {**_customer_arrays(changes.profiles), "profiles": profiles})


async def _each(connection: AsyncConnection, statement: TextClause, rows: Iterable[dict[str, Any]]) -> None:
    if batch := list(rows):
        await connection.execute(statement, batch)


async def _known(connection: AsyncConnection, tenant: str, customer: str) -> Known:
    where = {"tenant": tenant, "customer": customer}
    identifiers = (await connection.execute(_ALL_OF, where)).all()
    merged = (await connection.execute(_MERGED_FROM, where)).scalars().all()
    profile = (await connection.execute(_PROFILE_OF, where)).scalar_one_or_none()
    return Known(tenant, customer, tuple(map(tuple, identifiers)), tuple(merged), profile or {})


def _key(key: Key) -> dict[str, str]:
    return {"tenant": key[0], "kind": key[1], "id": key[2]}


def _key_arrays(keys: Iterable[Key]) -> dict[str, list[str]]:
    tenants, kinds, ids = map(list, zip(*sorted(keys), strict=True))
    return {"tenants": tenants, "kinds": kinds, "ids": ids}


def _customer_arrays(customers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    tenants, ids = map(list, zip(*customers, strict=True))
    return {"tenants": tenants, "customers": ids}


def _insert_arrays(rows: Sequence[tuple[Key, str, str | None]]) -> dict[str, list[Any]]:
    # One statement must not meet the same key twice; the first one stands, as in the book.
    unique = {key: (customer, detail) for key, customer, detail in reversed(rows)}
    keys = sorted(unique)
    return {
        **_key_arrays(keys),
        "customers": [unique[key][0] for key in keys],
        "objects": [is_object(key[1]) for key in keys],
        "details": [unique[key][1] for key in keys],
    }
