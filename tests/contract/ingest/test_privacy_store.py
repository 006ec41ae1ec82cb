"""What a store of privacy requests promises: what is erased and the proof of it are one."""

from dataclasses import replace
from datetime import UTC, datetime

from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_PROFILES
from services.ingest.domain.people import Anchor, Claim, Identifier
from services.ingest.domain.record import Record
from services.ingest.ports import PrivacyRow
from tests.contract.ingest.test_dead_letter_store import letter

NOW = datetime(2024, 5, 1, tzinfo=UTC)
REDACT = PrivacyRow("demo", "shopify", "redact_customer", "h_1", None, NOW)
SHOP = PrivacyRow("demo", "shopify", "redact_shop", "1", None, NOW, "running")
NOTHING = {"identities": 0, "customers": 0, "spooled": 0, "dead_letters": 0}


async def customer(identities, email: str, tenant: str = "demo") -> str:
    ids = (Identifier("email", email), Identifier("shopify.customer", email[:1] * 12))
    found = await identities.resolve(
        [Claim(tenant, ids, (Anchor("shopify/order", email),), (("email", email),))]
    )
    return found[0].customer


async def test_what_is_erased_is_counted_in_the_proof(privacy, identities, spool, letters):
    ada, bob = await customer(identities, "a@b.example"), await customer(identities, "b@b.example")
    key = f"demo/{ada}".encode()
    profile = Record(CUSTOMER_PROFILES.name, key, b'{"email":"a@b.example"}')
    stays = [
        Record(CUSTOMER_EVENTS.name, key, b"an event"),
        Record(CUSTOMER_PROFILES.name, key, None),
        Record(CUSTOMER_PROFILES.name, f"demo/{bob}".encode(), b"of another"),
    ]
    await spool.add([[profile, *stays]])
    await letters.put(letter("dl_1"))
    await letters.put(letter("dl_2"))
    row = replace(REDACT, customer=ada)
    await privacy.erase(row, [ada], ["dl_1"])
    assert await identities.who(["a@b.example", "a" * 12, ada]) == []
    assert [one.customer for one in await identities.who(["b@b.example"])] == [bob]
    assert [one.record for one in await spool.oldest(10, 1_000_000)] == stays
    assert await letters.load("dl_1") is None
    assert await letters.load("dl_2") is not None
    (proof,) = await privacy.requests("demo")
    assert proof.counts == {"identities": 3, "customers": 1, "spooled": 1, "dead_letters": 1}
    assert (proof.customer, proof.state) == (ada, "done")


async def test_erasing_again_erases_nothing_and_takes_nothing_from_the_proof(privacy, identities):
    ada = await customer(identities, "a@b.example")
    row = replace(REDACT, customer=ada)
    await privacy.erase(row, [ada], [])
    (first,) = await privacy.requests()
    await privacy.erase(row, [], [])
    (again,) = await privacy.requests()
    assert again.counts == first.counts
    assert [one.reference for one, _ in await privacy.erased_lately()] == ["h_1"]


async def test_customers_who_were_merged_into_one_go_with_it(privacy, identities):
    shop = (
        await identities.resolve(
            [Claim("demo", (Identifier("shopify.customer", "1"), Identifier("email", "a@b.example")))]
        )
    )[0]
    other = (await identities.resolve([Claim("demo", (Identifier("klaviyo.profile", "K1"),))]))[0]
    both = Claim("demo", (Identifier("klaviyo.profile", "K1"), Identifier("email", "a@b.example")))
    found = (await identities.resolve([both]))[0]
    assert {found.customer, *found.merged} == {shop.customer, other.customer}
    await privacy.erase(replace(REDACT, customer=found.customer), [found.customer], [])
    assert await identities.who(["1", "K1", "a@b.example", *found.merged]) == []


async def test_a_request_is_recorded_once_and_keeps_its_first_words(privacy):
    await privacy.record(SHOP)
    kept = await privacy.record(replace(SHOP, at=datetime(2025, 1, 1, tzinfo=UTC), state="done"))
    assert (kept.at, kept.state) == (NOW, "running")
    assert len(await privacy.requests("demo")) == 1
    assert await privacy.requests("other") == []
    assert [one.kind for one in await privacy.requests(state="running")] == ["redact_shop"]


async def test_a_shop_is_erased_down_to_what_came_later(privacy, identities, letters):
    gone = [await customer(identities, f"{name}@b.example") for name in "abc"]
    other = await customer(identities, "z@b.example", tenant="other")
    await letters.put(letter("dl_1"))
    row = await privacy.record(SHOP)
    assert sorted(await privacy.customers(row, 10)) == sorted(gone)
    (first,) = await privacy.customers(row, 1)
    await privacy.erase(row, [first], [])
    rest = await privacy.customers(row, 10)
    assert sorted(rest) == sorted(set(gone) - {first})
    assert (await privacy.requests("demo"))[0].state == "running"
    await privacy.erase(row, rest, [])
    await privacy.finish(row)
    (proof,) = await privacy.requests("demo")
    assert proof.state == "done"
    assert proof.counts == {**NOTHING, "identities": 9, "customers": 3, "dead_letters": 1}
    assert [one.customer for one in await identities.who(["z@b.example"])] == [other]


async def test_a_data_request_is_done_once_it_was_answered(privacy):
    row = PrivacyRow("demo", "shopify", "data_request", "9", "c_1", NOW, "open")
    await privacy.answered(await privacy.record(row), {"identities": 2})
    (proof,) = await privacy.requests("demo", customer="c_1")
    assert (proof.state, proof.counts) == ("done", {"identities": 2})
    assert await privacy.erased_lately() == []


async def test_what_waits_for_kafka_about_a_customer_is_told(privacy, spool):
    mine = Record(CUSTOMER_EVENTS.name, b"demo/c_1", b"mine")
    theirs = Record(CUSTOMER_EVENTS.name, b"demo/c_10", b"theirs")
    await spool.add([[mine, theirs, Record(CUSTOMER_EVENTS.name, b"demo/c_1", None)]])
    assert await privacy.spooled("demo", "c_1") == [b"mine"]
