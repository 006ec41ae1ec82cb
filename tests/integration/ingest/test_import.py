"""`greenline ingest import` on the real Kafka and PostgreSQL: killed, run again, refused, asked for again."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import text

from services.ingest.adapters.postgres import make_engine
from tests.integration.ingest.conftest import PATIENCE_S, World

ROWS = 60_000  # some seconds of work, so that a kill comes in the middle
HEADER = "Name,Email,Financial Status,Paid at,Currency,Total,Created at,Lineitem quantity,Id"


def export(path: Path) -> None:
    """Orders of 3,000 customers, and two rows nobody can use."""
    rows = [
        f"#{n},c{n % 3000}@shopper.example,paid,2024-01-02 10:00:00 +0100,EUR,{n % 90 + 1}.00,"
        f"2024-01-02 09:00:00 +0100,1,{5_000_000 + n}"
        for n in range(ROWS)
    ]
    rows.insert(100, "#x,a@shopper.example,paid,,EUR,free,2024-01-02 09:00:00 +0100,1,1")
    rows.append("#y,,paid,,EUR,5.00,2024-01-02 09:00:00 +0100,1,2")
    path.write_text("\n".join([HEADER, *rows, ""]))


async def begin(world: World, file: Path, *options: str) -> Process:
    sources = world.folder / "history.yaml"
    entry = {
        "name": "past",
        "provider": "shopify",
        "tenant": "past",
        "secrets": ["shpss_x"],
        "backfill": True,
    }
    sources.write_text(yaml.safe_dump({"sources": [entry, {**entry, "name": "live", "backfill": False}]}))
    told = {
        "GREENLINE_KAFKA": world.state.kafka.url,
        "GREENLINE_DATABASE_URL": world.state.postgres.url,
        "INGEST_SOURCES_FILE": str(sources),
        "COLUMNS": "200",
    }
    words = ("-m", "services.ingest", "import", str(file), *(options or ("--source", "past")))
    return await asyncio.create_subprocess_exec(
        sys.executable, *words, env={**os.environ, **told}, stdout=PIPE, stderr=STDOUT
    )


async def import_file(world: World, file: Path, *options: str) -> tuple[int, str]:
    process = await begin(world, file, *options)
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def is_under_way(world: World) -> None:
    """Until a first chunk of the file is done."""
    engine = make_engine(world.state.postgres.url)
    begun = text("SELECT count(*) FROM imports WHERE next_byte > 0 AND finished_at IS NULL")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with engine.connect() as connection:
                if (await connection.execute(begun)).scalar_one():
                    break
            await asyncio.sleep(0.01)  # another process's work: there is nothing here to wait on
    await engine.dispose()


async def past(world: World) -> list[dict[str, Any]]:
    return [event for event in await world.events() if event["tenant"] == "past"]


async def test_a_killed_import_goes_on_and_is_not_taken_in_twice(world: World):
    file = world.folder / "orders.csv"
    export(file)
    killed = await begin(world, file)
    await is_under_way(world)
    killed.send_signal(signal.SIGKILL)
    await killed.communicate()
    assert 0 < len(await past(world)) < 2 * ROWS

    status, said = await import_file(world, file)
    assert status == 0, said
    assert "2 lines could not be used" in said
    assert "line 102: Total 'free' is no number" in said
    assert f"line {ROWS + 3}: nobody" in said
    events = await past(world)
    assert Counter(event["type"] for event in events) == {"order.placed": ROWS, "order.paid": ROWS}
    assert len({event["id"] for event in events}) == 2 * ROWS
    assert len({event["subject"] for event in events}) == 3000
    assert all(event["backfill"] for event in events)

    status, said = await import_file(world, file)
    assert status == 1
    assert "was taken in on" in said
    assert "--again" in said
    assert len(await past(world)) == 2 * ROWS


async def test_asked_for_again_the_ids_are_the_same(world: World):
    file = world.folder / "few.csv"
    file.write_text(
        "customer_id,time,type,amount,currency\n1,2024-01-01,order,5,EUR\n1,2024-01-01,order,5,EUR\n"
    )
    for options in ((), ("--again",)):
        status, said = await import_file(world, file, "--source", "past", *options)
        assert status == 0, said
    ids = [event["id"] for event in await past(world) if event["id"].startswith("import:")]
    assert Counter(Counter(ids).values()) == {2: 2}


async def test_a_source_that_is_not_marked_is_refused(world: World):
    file = world.folder / "few.csv"
    for source, says in (("live", "not marked backfill"), ("nobody", "no source is called 'nobody'")):
        status, said = await import_file(world, file, "--source", source)
        assert (status, "Traceback" in said) == (1, False)
        assert says in said
    status, said = await import_file(world, world.folder / "nowhere.csv", "--source", "past")
    assert status == 1
    assert "No such file" in said
