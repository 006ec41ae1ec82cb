"""How far files of history are done, in PostgreSQL."""

import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.runtime.event_rows import Place, Problem
from services.ingest.adapters.postgres import transaction
from services.ingest.ports import Imported

_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtext('greenline.ingest.import'), hashtext(:file))")
_FIND = text("SELECT * FROM imports WHERE tenant = :tenant AND digest = :digest")
_SAVE = text(
    "INSERT INTO imports (tenant, digest, source, file, zone, next_byte, next_line, events, refused, named, "
    "offsets, finished_at) VALUES (:tenant, :digest, :source, :file, :zone, :byte, :line, "
    "CAST(:events AS jsonb), :refused, CAST(:named AS jsonb), CAST(:offsets AS jsonb), :finished_at) "
    "ON CONFLICT (tenant, digest) DO UPDATE SET source = excluded.source, file = excluded.file, "
    "zone = excluded.zone, next_byte = excluded.next_byte, next_line = excluded.next_line, "
    "events = excluded.events, refused = excluded.refused, named = excluded.named, "
    "offsets = excluded.offsets, finished_at = excluded.finished_at, changed_at = now()"
)


class PostgresImports:
    """An ImportStore."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @contextlib.asynccontextmanager
    async def alone(self, tenant: str, digest: str) -> AsyncIterator[bool]:
        # The lock is the transaction's: it ends with the process, however that ends.
        async with transaction(self._engine) as connection:
            yield (await connection.execute(_ALONE, {"file": f"{tenant}/{digest}"})).scalar_one()

    async def find(self, tenant: str, digest: str) -> Imported | None:
        async with transaction(self._engine) as connection:
            row = (await connection.execute(_FIND, {"tenant": tenant, "digest": digest})).one_or_none()
        return None if row is None else _imported(row)

    async def save(self, done: Imported) -> None:
        values = {
            "tenant": done.tenant,
            "digest": done.digest,
            "source": done.source,
            "file": done.file,
            "zone": done.zone,
            "byte": done.next.byte,
            "line": done.next.line,
            "events": json.dumps(done.events),
            "refused": done.refused,
            "named": json.dumps(done.named),
            "offsets": json.dumps(dict(done.offsets)),
            "finished_at": done.finished_at,
        }
        async with transaction(self._engine) as connection:
            await connection.execute(_SAVE, values)


def _imported(row: Any) -> Imported:
    return Imported(
        tenant=row.tenant,
        digest=row.digest,
        source=row.source,
        file=row.file,
        zone=row.zone,
        next=Place(row.next_byte, row.next_line),
        events=Counter(row.events),
        refused=row.refused,
        named=tuple(Problem(line, what) for line, what in row.named),
        offsets={int(partition): offset for partition, offset in row.offsets.items()},
        finished_at=row.finished_at,
    )
