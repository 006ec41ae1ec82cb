"""A person asks what is held or to be forgotten; a shop leaves: by a provider's webhook or by the API."""

import json

import pytest

from services.ingest.domain.errors import UnavailableError
from services.ingest.ports import LetterQuery
from services.ingest.settings import IngestSettings
from tests.unit.ingest.shop import Shop, klaviyo, order, source

TOKEN = "a token of the demo tenant"
OTHER = "a token of another tenant"
# As they would stand in a text: bare, "ada" and 7001 are in a digest now and then.
PERSONAL = ("ada@", "Ada ", "shopper.example", "'7001'", "Byron")


def guarded(**more) -> Shop:
    settings = IngestSettings(kafka_wait_s=0.2, privacy_tokens={"demo": TOKEN, "other": OTHER})
    return Shop(settings=settings, **more)


async def ask(shop: Shop, token: str = TOKEN, **body):
    raw = json.dumps(body).encode()
    return await shop.request("POST", "/v1/privacy/requests", raw, {"authorization": f"Bearer {token}"})


async def known_by_letters_too() -> Shop:
    """A customer with an order, and two letters of which one names her."""
    shop = guarded()
    await shop.shopify("orders/create", order())
    await shop.shopify("orders/teleported", order(1002))
    await shop.shopify("orders/teleported", order(1003, email="bob@b.example", customer={"id": 7002}))
    return shop


async def letters(shop: Shop, state: str) -> int:
    return len(await shop.letters.find(LetterQuery(state=state), 10))


async def proof(shop: Shop):
    (row,) = await shop.privacy.requests("demo")
    assert not [word for word in PERSONAL if word.lower() in repr(row).lower()]
    return row


@pytest.mark.parametrize("way", ["shopify", "api"])
async def test_a_person_is_erased_everywhere_and_the_proof_names_nobody(way):
    shop = await known_by_letters_too()
    customer = shop.events()[0]["subject"]
    if way == "shopify":
        body = {"shop_id": 1, "customer": {"id": 7001, "email": "ada@shopper.example"}}
        assert (await shop.shopify("customers/redact", body)).status_code == 200
    else:
        answer = await ask(shop, kind="redact_customer", email="ADA@shopper.example")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
    row = await proof(shop)
    assert (row.customer, row.state, row.provider) == (customer, "done", way)
    assert (row.counts["dead_letters"], row.counts["customers"]) == (1, 1)
    assert (await letters(shop, "erased"), await letters(shop, "waiting")) == (1, 1)
    last = shop.events()[-1]
    assert (last["type"], last["subject"]) == ("customer.erased", customer)
    assert not [word for word in PERSONAL if word.lower() in repr(last).lower()]
    assert shop.profiles()[-1] is None
    await shop.shopify("orders/create", order())
    assert shop.events()[-1]["subject"] != customer


async def test_contact_details_on_their_way_to_kafka_go_and_events_do_not():
    shop = guarded()
    shop.log.away = True
    await shop.shopify("orders/create", order())
    before = len(shop.spool.waiting)
    await ask(shop, kind="redact_customer", ids={"shopify.customer": "7001"})
    assert not any(b"ada@shopper" in (one.record.value or b"") for one in shop.spool.waiting)
    assert len(shop.spool.waiting) == before - 1 + 2  # the profile; the event and the tombstone of the end
    assert (await proof(shop)).counts["spooled"] == 1


async def test_who_is_not_known_may_be_named_in_letters_and_is_erased_there():
    shop = guarded()
    await shop.shopify("orders/teleported", order())
    answer = await ask(shop, kind="redact_customer", email="ada@shopper.example")
    assert answer.json()["counts"]["dead_letters"] == 1
    assert await letters(shop, "erased") == 1
    assert shop.events() == []


async def test_a_data_request_hands_over_everything_and_says_where_the_rest_is():
    shop = await known_by_letters_too()
    both = klaviyo(
        ("fished", "e1", {"email": "ada@shopper.example"}), ("fished", "e2", {"email": "bob@b.example"})
    )
    await shop.post("klaviyo", both)
    shop.log.away = True
    await shop.shopify("orders/create", order(1004))
    told = (await ask(shop, kind="data_request", email="ada@shopper.example", reference="case 17")).json()
    identities = {(one["kind"], one["value"]) for one in told["identities"]}
    assert {
        ("email", "ada@shopper.example"),
        ("shopify.customer", "7001"),
        ("shopify/order", "1001"),
    } <= identities
    assert told["profile"]["name"] == "Ada Byron"
    assert [one["data"]["order_id"] for one in told["spooled_events"]] == ["1004"]
    assert sorted(len(one["elements"]) for one in told["dead_letters"]) == [1, 1]
    assert "bob@b.example" not in json.dumps(told)
    assert "outreach" in told["elsewhere"]
    row = await proof(shop)
    assert (row.reference, row.state, row.counts["dead_letters"]) == ("case 17", "done", 2)


async def test_a_providers_data_request_stays_open_until_it_is_answered():
    shop = await known_by_letters_too()
    await shop.shopify("customers/data_request", {"customer": {"id": 7001}, "data_request": {"id": 9}})
    assert (await proof(shop)).state == "open"
    told = (await ask(shop, kind="data_request", provider="shopify", reference="9")).json()
    assert told["profile"]["email"] == "ada@shopper.example"
    assert (await proof(shop)).state == "done"


async def test_a_shop_that_leaves_is_erased_in_batches_that_go_on_after_an_outage(monkeypatch):
    monkeypatch.setattr("services.ingest.privacy.BATCH", 2)
    shop = guarded(sources=(source("shopify"), source("shopify", name="shopify-other", tenant="other")))
    for number in range(5):
        await shop.shopify(
            "orders/create", order(number, email=f"c{number}@b.example", customer={"id": number})
        )
    await shop.post("shopify-other", order(), {"x-shopify-topic": "orders/create"})
    await shop.shopify("orders/teleported", order(1002))
    assert (await shop.shopify("shop/redact", {"shop_id": 1})).status_code == 200
    (row,) = await shop.privacy.requests(state="running")
    erase = shop.privacy.erase

    async def once(*given):
        monkeypatch.setattr(shop.privacy, "erase", lambda *_: shop.identities.resolve(None))
        await erase(*given)
        shop.identities.away = True

    monkeypatch.setattr(shop.privacy, "erase", once)
    with pytest.raises(UnavailableError):
        await shop.ingest.privacy.redact_shop(row)
    shop.identities.away = False
    monkeypatch.setattr(shop.privacy, "erase", erase)
    assert len(await shop.privacy.customers(row, 10)) == 3
    await shop.ingest.privacy.redact_shop(row)
    done = await proof(shop)
    assert (done.state, done.counts["customers"], done.counts["dead_letters"]) == ("done", 5, 1)
    erased = {event["subject"] for event in shop.events() if event["type"] == "customer.erased"}
    assert len(erased) == 5
    assert len(await shop.identities.who(["ada@shopper.example"])) == 1


async def test_the_api_is_off_unless_there_are_tokens():
    assert (await ask(Shop(), kind="data_request", email="ada@shopper.example")).status_code == 404
    with pytest.raises(ValueError, match="fewer than 24"):
        IngestSettings(privacy_tokens={"demo": "short"})


async def test_a_token_acts_for_its_own_tenant_only():
    shop = await known_by_letters_too()
    for token in ("", "wrong", TOKEN[:-1]):
        assert (
            await ask(shop, token, kind="redact_customer", email="ada@shopper.example")
        ).status_code == 401
    answer = await ask(shop, OTHER, kind="redact_customer", email="ada@shopper.example")
    assert answer.json()["counts"] == {"identities": 0, "customers": 0, "spooled": 0, "dead_letters": 0}
    assert len(await shop.identities.who(["ada@shopper.example"])) == 1
    rows = await shop.request("GET", "/v1/privacy/requests", headers={"authorization": f"Bearer {TOKEN}"})
    assert rows.json() == {"requests": []}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"kind": "data_request"}, 400, "name the person"),
        ({"kind": "data_request", "email": "not an address"}, 400, "name the person"),
        ({"kind": "forget"}, 400, "kind"),
        ({"kind": "data_request", "surname": "Byron"}, 400, "surname: extra_forbidden"),
        ({"kind": "redact_shop"}, 400, "confirm"),
        ({"kind": "redact_shop", "confirm": "other"}, 400, "confirm"),
        ({"kind": "data_request", "ids": {"shopify.customer": "7\0"}}, 400, "string_pattern_mismatch"),
        ({"kind": "data_request", "ids": {"a\0": "7"}}, 400, "string_pattern_mismatch"),
        ({"kind": "redact_customer", "customer": "c_\0"}, 400, "customer: string_pattern_mismatch"),
        ({"kind": "redact_customer", "customer": "c_\ud800"}, 400, "json_invalid"),
        ({"kind": "redact_shop", "reference": "case\x9f", "confirm": "demo"}, 400, "reference"),
        ({"kind": "data_request", "email": "x" * 20_000}, 413, "bytes"),
        ({"kind": "data_request", "email": "family@b.example"}, 409, "c_0001, c_0002"),
    ],
)
async def test_a_request_that_is_not_clear_is_refused_with_the_reason(body, status, said):
    shop = guarded()
    for number in (1, 2):
        await shop.shopify("orders/create", order(email="family@b.example", customer={"id": number}))
        shop.identities.book.owners["demo", "email", "family@b.example"] = f"c_000{number}"
    shop.identities.book.owners["demo", "phone", "family@b.example"] = "c_0001"
    if status == 409:
        body = {**body, "ids": {"phone": "family@b.example"}}
    answer = await ask(shop, **body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert "customer.erased" not in {event["type"] for event in shop.events()}


async def test_the_shops_end_is_recorded_by_the_api_too_and_shown():
    shop = guarded()
    assert (await ask(shop, kind="redact_shop", confirm="demo", reference="leaving")).status_code == 202
    rows = await shop.request("GET", "/v1/privacy/requests", headers={"authorization": f"bearer {TOKEN}"})
    ((row,),) = rows.json().values()
    assert (row["reference"], row["state"]) == ("leaving", "running")


async def test_what_another_process_erased_leaves_this_ones_memory():
    shop = guarded()
    await shop.shopify("orders/create", order())
    customer = shop.events()[0]["subject"]
    other = guarded(identities=shop.identities, spool=shop.spool, log=shop.log, letters=shop.letters)
    other.privacy.rows = shop.privacy.rows
    await other.shopify("orders/create", order(1002))
    await ask(shop, kind="redact_customer", customer=customer)
    await other.ingest.privacy.evict_erased()
    await other.shopify("orders/create", order(1003))
    assert other.events()[-1]["subject"] != customer


async def test_nothing_is_answered_2xx_while_postgres_is_away():
    shop = guarded()
    shop.identities.away = True
    answer = await ask(shop, kind="redact_customer", email="ada@shopper.example")
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)
