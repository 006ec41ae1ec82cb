"""Several processes and one table: a row is given to one of them. PostgreSQL only: memory is one process."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.spool import PostgresSpool
from services.ingest.domain.errors import UnavailableError
from tests.contract.ingest.test_spool import MANY, record


@pytest.fixture
async def two(engine: AsyncEngine) -> AsyncIterator[tuple[PostgresSpool, PostgresSpool]]:
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE spool"))
    first, second = PostgresSpool(engine), PostgresSpool(engine)
    yield first, second
    await first.close()
    await second.close()


async def given(spool: PostgresSpool, limit: int = 10) -> list[bytes | None]:
    return [one.record.value for one in await spool.oldest(limit, MANY)]


async def test_each_is_given_what_it_put_in(two):
    first, second = two
    await first.add([[record(1)]])
    await second.add([[record(2)]])
    await first.add([[record(3)]])
    assert await given(first) == [b"1", b"3"]
    assert await given(second) == [b"2"]
    assert (await second.depth()).records == 3


async def test_what_a_process_leaves_goes_whole_to_one_other(two, engine):
    first, second = two
    third = PostgresSpool(engine)
    await first.add([[record(1), record(2)]])
    await first.close()
    assert await given(second, limit=1) == [b"1"]
    assert await given(third) == []
    assert await given(second) == [b"1", b"2"]
    await third.close()


async def test_rows_of_a_version_without_lines_are_sent(two, engine):
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO spool (topic, key, value) VALUES ('customer.events', 'k', '1')")
        )
    assert await given(two[0]) == [b"1"]


async def test_after_a_lost_session_a_process_has_its_line_again(two, engine):
    first, second = two
    await first.add([[record(1)]])
    await end_session(first, engine)
    with pytest.raises(UnavailableError):
        await first.oldest(10, MANY)
    assert await given(first) == [b"1"]
    assert await given(second) == []


async def test_a_line_that_went_to_another_meanwhile_stays_there(two, engine):
    first, second = two
    await first.add([[record(1)]])
    await end_session(first, engine)
    assert await given(second) == [b"1"]
    with pytest.raises(UnavailableError):
        await first.oldest(10, MANY)
    await first.add([[record(2)]])
    assert await given(first) == [b"2"]
    assert await given(second) == [b"1"]


async def end_session(spool: PostgresSpool, engine: AsyncEngine) -> None:
    """As a restart of the server would."""
    holders = text(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND objid = :line"
    )
    async with engine.begin() as connection:
        assert (await connection.execute(holders, {"line": spool._lines[0]})).scalars().all() == [True]
