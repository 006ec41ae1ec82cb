"""The console served for real, over a seeded database, and a browser in front of it."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, async_playwright
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.runtime.clock import Clock, ScaledClock
from libs.runtime.health import serve
from services.outreach.adapters.database import make_engine, migrate
from services.outreach.console import Completion, ConsoleDeps, Judgement, Miss, build_router
from tests.browser.chromium import ARGUMENTS, EXECUTABLE
from tests.fixtures.stack import Database
from tests.integration.console import seed
from tests.integration.console.incident_seed import seed_incidents

_DONE = """
    UPDATE outreach.tasks SET status = 'done', outcome = :outcome, sentiment = :sentiment, note = :note,
           author = :author, completed_at = :now WHERE id = :id
"""


class SeedClock(ScaledClock):
    """Business time stands where the seeded story ends; wall time goes on, as the live stream needs."""

    def __init__(self) -> None:
        """No file to follow."""

    def now(self):  # type: ignore[no-untyped-def]
        return seed.NOW


@dataclass(slots=True)
class Shop:
    """Stands where the engine, scoring and the projection stand."""

    engine: AsyncEngine
    clock: Clock
    completed: list[tuple[str, Completion]] = field(default_factory=list)
    judged: list[tuple[str, Judgement]] = field(default_factory=list)
    missed_ones: list[tuple[str, Miss]] = field(default_factory=list)

    async def complete(self, task_id: str, completion: Completion) -> None:
        self.completed.append((task_id, completion))
        report = {name: getattr(completion, name) for name in ("outcome", "sentiment", "note", "author")}
        async with self.engine.begin() as connection:
            await connection.execute(text(_DONE), {**report, "id": task_id, "now": self.clock.now()})

    async def judge(self, task_id: str, judgement: Judgement) -> None:
        self.judged.append((task_id, judgement))

    async def missed(self, tenant: str, customer_id: str, miss: Miss) -> None:
        self.missed_ones.append((customer_id, miss))

    async def score(self, customer: str, score: float, band: str) -> None:
        """What the projection does when scoring has published."""
        moved = {"score": score, "band": band, "customer": customer}
        statement = "UPDATE outreach.customers SET score = :score, band = :band WHERE customer_id = :customer"
        async with self.engine.begin() as connection:
            await connection.execute(text(statement), moved)

    async def give(self, task_id: str, customer: str) -> None:
        moved = {"task_id": task_id, "customer": customer}
        async with self.engine.begin() as connection:
            await connection.execute(
                text("UPDATE outreach.tasks SET customer_id = :customer WHERE id = :task_id"), moved
            )


@pytest.fixture(scope="module")
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database.url)
    await migrate(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def shop(engine: AsyncEngine) -> Shop:
    await seed.seed(engine)
    await seed_incidents(engine)
    return Shop(engine, SeedClock())


@pytest.fixture
async def address(shop: Shop) -> AsyncIterator[str]:
    deps = ConsoleDeps(shop.engine, shop.clock, shop.complete, shop, lambda: 0.0734, refresh_s=0.1)
    app = FastAPI()
    app.include_router(build_router(deps))
    port = _free_port()
    async with serve(app, "127.0.0.1", port):
        yield f"http://127.0.0.1:{port}"
        deps.stop.set()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=list(ARGUMENTS))
        yield browser
        await browser.close()


@pytest.fixture
async def page(chromium: Browser, address: str) -> AsyncIterator[Page]:
    """A fresh profile; whatever the page complains about fails the test."""
    context = await chromium.new_context(base_url=address, viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    await context.close()
    assert complaints == []
