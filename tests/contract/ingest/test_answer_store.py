"""What was answered under a key, kept alike in memory and in PostgreSQL."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.answers import PostgresAnswers
from services.ingest.ports import AnswerStore, Earlier
from services.ingest.testing import MemoryAnswers


@pytest.fixture
def answers(real: AsyncEngine | None) -> AnswerStore:
    return PostgresAnswers(real) if real else MemoryAnswers()


async def test_the_first_request_has_the_key_and_the_next_finds_it(answers: AnswerStore):
    assert await answers.begin("s", "k", "f1") is None
    assert await answers.begin("s", "k", "f2") == Earlier("f1", None)
    await answers.finish("s", "k", {"events": ["1"]})
    assert await answers.begin("s", "k", "f1") == Earlier("f1", {"events": ["1"]})
    assert await answers.begin("other", "k", "f1") is None


async def test_a_key_that_was_dropped_is_free(answers: AnswerStore):
    await answers.begin("s", "k", "f1")
    await answers.drop("s", "k")
    assert await answers.begin("s", "k", "f2") is None


async def age(engine: AsyncEngine, by: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"UPDATE answers SET begun_at = begun_at - interval '{by}'"))


@pytest.fixture
async def stored(engine: AsyncEngine) -> PostgresAnswers:
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE answers"))
    return PostgresAnswers(engine)


async def test_a_request_left_in_work_is_taken_over_by_the_same_body_alone(
    stored: PostgresAnswers, engine: AsyncEngine
):
    await stored.begin("s", "k", "f1")
    await age(engine, "2 minutes")
    assert await stored.begin("s", "k", "f2") == Earlier("f1", None)
    assert await stored.begin("s", "k", "f1") is None
    assert await stored.begin("s", "k", "f1") == Earlier("f1", None)


async def test_an_answer_is_kept_for_a_day(stored: PostgresAnswers, engine: AsyncEngine):
    await stored.begin("s", "k", "f1")
    await stored.finish("s", "k", {})
    await age(engine, "23 hours")
    assert await stored.begin("s", "k", "f2") == Earlier("f1", {})
    await age(engine, "2 hours")
    assert await stored.begin("s", "k", "f2") is None
