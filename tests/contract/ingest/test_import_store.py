"""How far a file is done, kept alike in memory and in PostgreSQL."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from libs.runtime.event_rows import Place, Problem
from services.ingest.ports import Imported, ImportStore

BEGUN = Imported("demo", "d1", "history", "orders.csv", "UTC")
DONE = replace(
    BEGUN,
    next=Place(2**33, 7),
    events=Counter({"order.placed": 5, "order.paid": 2}),
    refused=1,
    named=(Problem(3, "amount '' is no number"),),
    offsets={0: 17, 3: 4},
    finished_at=datetime(2026, 1, 1, tzinfo=UTC),
)


async def test_what_was_saved_last_is_found_by_tenant_and_digest(imports: ImportStore):
    assert await imports.find("demo", "d1") is None
    await imports.save(BEGUN)
    await imports.save(replace(BEGUN, tenant="other"))
    await imports.save(DONE)
    assert await imports.find("demo", "d1") == DONE
    assert await imports.find("other", "d1") == replace(BEGUN, tenant="other")
    assert await imports.find("demo", "d2") is None


async def test_a_file_is_taken_in_by_one_at_a_time(imports: ImportStore):
    alone = imports.alone
    async with alone("demo", "d1") as first, alone("demo", "d1") as second, alone("demo", "d2") as other:
        assert (first, second, other) == (True, False, True)
    async with alone("demo", "d1") as again:
        assert again
