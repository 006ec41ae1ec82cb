"""What a store of dead letters promises."""

from datetime import UTC, datetime

from services.ingest.domain.sources import Source
from services.ingest.ports import Unusable

SOURCE = Source.model_validate(
    {"name": "shop", "provider": "shopify", "tenant": "demo", "secrets": ["secret"]}, strict=False
)


def letter(reference: str, reason: str = "unknown_topic") -> Unusable:
    at = datetime(1998, 5, 1, tzinfo=UTC)
    return Unusable(reference, SOURCE, reason, "topic none", {"x-shopify-topic": "a/b"}, b"\x00\xff{", at)


async def test_a_letter_waits_until_it_is_announced(letters):
    await letters.put(letter("dl_1"))
    await letters.put(letter("dl_2"))
    assert [one.reference for one in await letters.unpublished(10)] == ["dl_1", "dl_2"]
    await letters.mark_published(["dl_1"])
    assert [one.reference for one in await letters.unpublished(10)] == ["dl_2"]


async def test_the_newest_letters_come_first_with_what_the_operator_needs(letters):
    await letters.put(letter("dl_1"))
    await letters.put(letter("dl_2", "missing_customer"))
    newest = await letters.newest(1)
    assert [(one.reference, one.reason, one.source, one.tenant) for one in newest] == [
        ("dl_2", "missing_customer", "shop", "demo")
    ]
    assert newest[0].at == datetime(1998, 5, 1, tzinfo=UTC)


async def test_letters_are_counted_by_source_and_reason(letters):
    for number in range(3):
        await letters.put(letter(f"dl_{number}"))
    await letters.put(letter("dl_9", "missing_customer"))
    assert await letters.counts() == [("shop", "unknown_topic", 3), ("shop", "missing_customer", 1)]
