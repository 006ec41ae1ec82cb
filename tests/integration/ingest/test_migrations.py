"""Tables of an older version are brought up to date with what is in them, and back."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from services.ingest.adapters.dead_letters import PostgresDeadLetters
from services.ingest.adapters.migrate import migrate
from services.ingest.adapters.postgres import make_engine
from services.ingest.adapters.privacy import PostgresPrivacy
from services.ingest.ports import LetterQuery
from tests.fixtures.stack import ROOT, Database

OLD = (
    (
        "INSERT INTO dead_letters (reference, tenant, source, provider, reason, detail, headers, body, at) "
        "VALUES ('dl_old', 'demo', 'shop', 'shopify', 'defect', '', '{}', 'x', now())"
    ),
    (
        "INSERT INTO privacy_requests (tenant, provider, kind, reference, received_at) VALUES "
        "('demo', 'shopify', 'redact_customer', '7001', now()), "
        "('demo', 'shopify', 'redact_shop', '1', now()), "
        "('demo', 'shopify', 'data_request', '9', now())"
    ),
)


def move(connection: Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "services" / "ingest" / "migrations"))
    config.attributes["connection"] = connection
    (command.downgrade if to == "0001" else command.upgrade)(config, to)


async def test_old_letters_can_be_read_again_and_old_requests_are_carried_out(database: Database):
    await migrate(database.url)
    engine = make_engine(database.url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(lambda inner: move(inner, "0001"))
            for statement in OLD:
                await connection.execute(text(statement))
        await migrate(database.url)
        (letter,) = await PostgresDeadLetters(engine).find(LetterQuery(), 10)
        assert (letter.state, letter.sha256, letter.verified_at, letter.size) == ("waiting", None, None, 1)
        assert await PostgresDeadLetters(engine).load("dl_old") is not None
        rows = {row.kind: row for row in await PostgresPrivacy(engine).requests()}
        states = {kind: row.state for kind, row in rows.items()}
        assert states == {"redact_customer": "done", "redact_shop": "running", "data_request": "open"}
        assert rows["redact_customer"].reference.startswith("h_")
    finally:
        await engine.dispose()
