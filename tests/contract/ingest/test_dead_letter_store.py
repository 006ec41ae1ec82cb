"""What a store of dead letters promises."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from services.ingest.domain.sources import Source
from services.ingest.ports import LetterQuery, Unusable

SOURCE = Source.model_validate(
    {"name": "shop", "provider": "shopify", "tenant": "demo", "secrets": ["secret"]}, strict=False
)
BODY = b"\x00\xff{"


def letter(reference: str, reason: str = "unknown_topic", **more) -> Unusable:
    at = datetime(1998, 5, 1, tzinfo=UTC)
    made = Unusable(reference, SOURCE, reason, "topic none", {"x-shopify-topic": "a/b"}, BODY, at)
    return replace(made, **more)


async def test_a_letter_waits_until_it_is_announced(letters):
    await letters.put(letter("dl_1"))
    await letters.put(letter("dl_2"))
    assert [one.reference for one in await letters.unpublished(10)] == ["dl_1", "dl_2"]
    await letters.mark_published(["dl_1"])
    assert [one.reference for one in await letters.unpublished(10)] == ["dl_2"]


async def test_the_newest_letters_come_first_with_what_the_operator_needs(letters):
    verified = datetime(2024, 6, 1, tzinfo=UTC)
    await letters.put(letter("dl_1"))
    await letters.put(letter("dl_2", "missing_customer", topic="a/b", verified_at=verified))
    (newest,) = await letters.find(LetterQuery(), 1)
    assert (newest.reference, newest.reason, newest.source, newest.tenant) == (
        "dl_2",
        "missing_customer",
        "shop",
        "demo",
    )
    assert (newest.at, newest.verified_at) == (datetime(1998, 5, 1, tzinfo=UTC), verified)
    assert (newest.topic, newest.state, newest.attempts) == ("a/b", "waiting", 0)
    assert (newest.size, newest.sha256) == (len(BODY), sha256(BODY).hexdigest())


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (LetterQuery(), {"dl_1", "dl_2"}),
        (LetterQuery(references=("dl_2", "dl_9")), {"dl_2"}),
        (LetterQuery(reason="missing_customer"), {"dl_2"}),
        (LetterQuery(source="shop"), {"dl_1", "dl_2"}),
        (LetterQuery(source="other"), set()),
        (LetterQuery(topic="a/b"), {"dl_1"}),
        (LetterQuery(state="dropped"), {"dl_3"}),
        (LetterQuery(state=None), {"dl_1", "dl_2", "dl_3"}),
    ],
)
async def test_letters_are_found_by_what_is_asked(letters, query, found):
    await letters.put(letter("dl_1", topic="a/b"))
    await letters.put(letter("dl_2", "missing_customer"))
    await letters.put(letter("dl_3"))
    await letters.settle("dl_3", "dropped", {})
    assert {one.reference for one in await letters.find(query, 10)} == found


async def test_letters_are_found_by_how_long_they_wait(letters):
    await letters.put(letter("dl_1"))
    ((one, hour),) = [(await letters.find(LetterQuery(), 1), timedelta(hours=1))]
    stored = one[0].stored_at
    assert await letters.find(LetterQuery(before=stored), 1) == []
    assert await letters.find(LetterQuery(before=stored + hour), 1) == one
    assert await letters.find(LetterQuery(after=stored), 1) == one
    assert await letters.find(LetterQuery(after=stored + hour), 1) == []


async def test_a_letter_is_loaded_with_its_bytes_and_headers(letters):
    await letters.put(letter("dl_1"))
    kept = await letters.load("dl_1")
    assert (kept.body, kept.headers) == (BODY, {"x-shopify-topic": "a/b"})
    assert await letters.load("dl_9") is None


async def test_a_letter_that_stays_says_why_now_and_how_often_it_was_tried(letters):
    await letters.put(letter("dl_1"))
    for reason in ("missing_date", "missing_id"):
        await letters.stays("dl_1", reason, "why")
    (found,) = await letters.find(LetterQuery(reason="missing_id"), 10)
    assert (found.detail, found.attempts, found.state) == ("why", 2, "waiting")
    assert found.tried_at is not None


async def test_a_settled_letter_keeps_its_record_and_not_its_bytes_and_is_settled_once(letters):
    await letters.put(letter("dl_1"))
    assert await letters.settle("dl_1", "dropped", {"because": "a test of the provider's"})
    assert not await letters.settle("dl_1", "redriven", {})
    assert not await letters.settle("dl_9", "redriven", {})
    assert await letters.load("dl_1") is None
    (found,) = await letters.find(LetterQuery(state=None), 10)
    assert (found.state, found.size) == ("dropped", 0)
    assert found.result == {"because": "a test of the provider's"}
    assert found.settled_at is not None


async def test_waiting_letters_are_counted_by_source_and_reason(letters):
    for number in range(4):
        await letters.put(letter(f"dl_{number}"))
    await letters.put(letter("dl_9", "missing_customer"))
    await letters.settle("dl_0", "dropped", {})
    assert await letters.counts() == [("shop", "unknown_topic", 3), ("shop", "missing_customer", 1)]
