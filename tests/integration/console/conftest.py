"""The console over a seeded database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.runtime.clock import FakeClock
from libs.runtime.errors import RejectedError
from services.outreach.adapters.database import make_engine, migrate
from services.outreach.console import Completion, ConsoleDeps, Judgement, Miss, build_router
from tests.fixtures.stack import Database
from tests.integration.console import seed


@dataclass(slots=True)
class Desk:
    """Stands where the use case stands: remembers what it was told."""

    completed: list[tuple[str, Completion]] = field(default_factory=list)
    refusal: str = ""

    async def __call__(self, task_id: str, completion: Completion) -> None:
        if self.refusal:
            raise RejectedError(self.refusal)
        self.completed.append((task_id, completion))


@dataclass(slots=True)
class Ear:
    """The same for what is said of alarms."""

    judged: list[tuple[str, Judgement]] = field(default_factory=list)
    missed_ones: list[tuple[str, str, Miss]] = field(default_factory=list)
    refusal: str = ""

    async def judge(self, task_id: str, judgement: Judgement) -> None:
        self._may_refuse()
        self.judged.append((task_id, judgement))

    async def missed(self, tenant: str, customer_id: str, miss: Miss) -> None:
        self._may_refuse()
        self.missed_ones.append((tenant, customer_id, miss))

    def _may_refuse(self) -> None:
        if self.refusal:
            raise RejectedError(self.refusal)


@pytest.fixture(scope="module")
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database.url)
    await migrate(engine)
    await seed.seed(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def deps(engine: AsyncEngine, desk: Desk, ear: Ear) -> ConsoleDeps:
    return ConsoleDeps(engine, FakeClock(seed.NOW), desk, ear, lambda: 0.0734, refresh_s=0.02)


@pytest.fixture
async def browser(deps: ConsoleDeps) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(build_router(deps))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        yield client
