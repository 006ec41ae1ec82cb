"""The verbs, as an operator types them, on the real PostgreSQL."""

import asyncio
import json
import os
import re
import sys
from datetime import UTC, datetime

from services.ingest.adapters.identities import PostgresIdentities
from services.ingest.adapters.migrate import migrate
from services.ingest.adapters.postgres import make_engine
from services.ingest.adapters.privacy import PostgresPrivacy
from services.ingest.domain.people import Claim, Identifier
from services.ingest.ports import PrivacyRow
from tests.fixtures.stack import Database


async def ingest(database: Database, *words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.ingest", *words),
        env={**os.environ, "GREENLINE_DATABASE_URL": database.url, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_two_migrations_at_once_take_turns_and_a_third_changes_nothing(database: Database):
    for _ in range(2):
        for status, said in await asyncio.gather(ingest(database, "migrate"), ingest(database, "migrate")):
            assert status == 0, said


async def test_who_explains_a_customer_by_any_spelling_of_an_identifier(database: Database):
    await migrate(database.url)
    engine = make_engine(database.url)
    ids = (Identifier("shopify.customer", "7001"), Identifier("email", "ada@shopper.example"))
    (found,) = await PostgresIdentities(engine).resolve([Claim("demo", ids)])
    await engine.dispose()
    status, said = await ingest(database, "who", " ADA@Shopper.example")
    assert status == 0
    for expected in (found.customer, "shopify.customer", "7001"):
        assert str(expected) in said
    assert (await ingest(database, "who", "nobody@shopper.example"))[0] == 1


async def test_dead_letters_can_be_listed_when_there_are_none(database: Database):
    await migrate(database.url)
    status, said = await ingest(database, "dead-letters", "list")
    assert status == 0
    assert "reason" in said


async def test_privacy_requests_are_listed_with_their_state(database: Database):
    await migrate(database.url)
    engine = make_engine(database.url)
    at = datetime(2024, 6, 1, tzinfo=UTC)
    await PostgresPrivacy(engine).record(
        PrivacyRow("demo", "shopify", "data_request", "9", "c_1", at, "open")
    )
    await engine.dispose()
    status, said = await ingest(database, "privacy", "list")
    assert status == 0
    assert re.search(r"2024-06-01 +open +data_request +shopify +9", said)
    status, said = await ingest(database, "privacy", "list", "--json")
    assert [one["state"] for one in json.loads(said)] == ["open"]


async def test_a_missing_database_is_said_plainly(database: Database):
    gone = Database("x", database.url.replace(database.name, "no_such_database"), "")
    status, said = await ingest(gone, "who", "x")
    assert status == 1
    assert "Traceback" not in said
    assert "greenline stack up" in said
