"""The ports twice: in memory, and on the real Kafka and PostgreSQL. Every case here runs on both."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.dead_letters import PostgresDeadLetters
from services.ingest.adapters.identities import PostgresIdentities
from services.ingest.adapters.imports import PostgresImports
from services.ingest.adapters.migrate import migrate
from services.ingest.adapters.postgres import make_engine
from services.ingest.adapters.privacy import PostgresPrivacy
from services.ingest.adapters.sources_table import PostgresSources
from services.ingest.adapters.spool import PostgresSpool
from services.ingest.adapters.vault import Vault, new_key
from services.ingest.ports import DeadLetterStore, IdentityStore, ImportStore, PrivacyStore, Spool
from services.ingest.ports_sources import SourceStore
from services.ingest.testing import MemoryDeadLetters, MemoryIdentities, MemoryPrivacy, MemorySpool
from services.ingest.testing_history import MemoryImports
from services.ingest.testing_sources import MemorySources

TABLES = (
    "identities, customers, spool, dead_letters, privacy_requests, imports, answers, sources, source_secrets"
)


@pytest.fixture(scope="module")
async def engine(database: Any) -> AsyncIterator[AsyncEngine]:
    await migrate(database.url)
    made = make_engine(database.url)
    yield made
    await made.dispose()


@pytest.fixture(params=["memory", "postgres"])
async def real(request: pytest.FixtureRequest, engine: AsyncEngine) -> AsyncEngine | None:
    """An empty database, or None for the fakes."""
    if request.param == "memory":
        return None
    async with engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {TABLES}"))
    return engine


@pytest.fixture
def identities(real: AsyncEngine | None) -> IdentityStore:
    return PostgresIdentities(real) if real else MemoryIdentities()


@pytest.fixture
async def spool(real: AsyncEngine | None) -> AsyncIterator[Spool]:
    made = PostgresSpool(real) if real else MemorySpool()
    yield made
    await made.close()


@pytest.fixture
def letters(real: AsyncEngine | None) -> DeadLetterStore:
    return PostgresDeadLetters(real) if real else MemoryDeadLetters()


@pytest.fixture
def imports(real: AsyncEngine | None) -> ImportStore:
    return PostgresImports(real) if real else MemoryImports()


@pytest.fixture
def source_store(real: AsyncEngine | None) -> SourceStore:
    return PostgresSources(real, Vault([SecretStr(new_key())])) if real else MemorySources()


@pytest.fixture
def privacy(real: AsyncEngine | None, identities: Any, spool: Any, letters: Any) -> PrivacyStore:
    return PostgresPrivacy(real) if real else MemoryPrivacy(identities, spool, letters)
