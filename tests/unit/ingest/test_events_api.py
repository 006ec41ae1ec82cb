"""POST /v1/events: who may, what is taken, what is said of what is not, and once for each key."""

import json
from typing import Any

import httpx
import pytest

from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.sources import hash_of
from services.ingest.ports import Earlier
from services.ingest.settings import IngestSettings
from tests.unit.ingest.shop import Shop, source

TOKEN = "gl_a-token-of-a-unit-test"
ORDER = {
    "type": "order.placed",
    "time": "2024-05-31T12:00:00Z",
    "customer": {"id": "7001", "email": "Ada@Shopper.example", "name": "Ada Byron"},
    "data": {"order_id": "4501", "amount": "59.90", "currency": "EUR"},
}
REFUND = {
    **ORDER,
    "type": "order.refunded",
    "data": {"order_id": "4501", "refund_id": "r1", "amount": "20.00", "currency": "EUR"},
}


def make_shop(**more: Any) -> Shop:
    own = source("standard", tokens=[hash_of("another"), hash_of(TOKEN)])
    return Shop(sources=(own, source("shopify", tokens=[hash_of("of-another-source")])), **more)


async def post(shop: Shop, body: Any, key: str | None = "k1", **headers: str | None) -> httpx.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json", "idempotency-key": key}
    return await shop.request("POST", "/v1/events", raw, {**sent, **headers})


async def test_an_event_is_durable_when_the_answer_says_so():
    shop = make_shop()
    answer = await post(shop, ORDER)
    assert (answer.status_code, answer.json()) == (
        200,
        {"events": ["api:standard:k1:0"], "durable": "kafka", "duplicates": 0},
    )
    (event,) = shop.events()
    assert (event["id"], event["data"]) == ("api:standard:k1:0", ORDER["data"])
    assert "@" not in json.dumps(event)
    assert shop.profiles()[0]["email"] == "ada@shopper.example"


async def test_a_batch_is_taken_in_order_by_one_customer():
    shop = make_shop()
    answer = await post(shop, {"events": [ORDER, REFUND]})
    assert answer.json()["events"] == ["api:standard:k1:0", "api:standard:k1:1"]
    placed, refunded = shop.events()
    assert placed["subject"] == refunded["subject"]
    assert refunded["data"]["refund_id"] == "r1"


async def test_an_id_of_the_senders_is_the_events_whatever_request_brings_it():
    shop = make_shop()
    for key in ("k1", "k2"):
        assert (await post(shop, {**ORDER, "id": "mine-1"}, key)).json()["events"] == ["api:mine-1"]


async def test_the_customer_is_the_one_whom_webhooks_know():
    shop = make_shop()
    await shop.shopify(
        "customers/create", {"id": 7001, "email": "ada@shopper.example", "created_at": "2024-05-30T08:00:00Z"}
    )
    await post(shop, ORDER)
    assert len({event["subject"] for event in shop.events()}) == 1


@pytest.mark.parametrize("given", [None, "Bearer wrong", f"Basic {TOKEN}", "Bearer ", TOKEN, b"Bearer \xe9"])
async def test_without_a_token_of_a_source_nothing_is_taken(given):
    shop = make_shop()
    answer = await post(shop, ORDER, authorization=given)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert shop.events() == []


async def test_each_token_opens_its_own_source():
    shop = make_shop()
    await post(shop, ORDER, authorization="Bearer of-another-source")
    assert shop.events()[0]["source"] == "shopify/demo"


async def test_the_same_request_again_gets_the_same_answer_and_is_not_told_again():
    shop = make_shop()
    first, second = await post(shop, ORDER), await post(shop, ORDER)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert len(shop.events()) == 1


async def test_a_key_in_quotes_is_the_same_key():
    shop = make_shop()
    await post(shop, ORDER, "k1")
    await post(shop, ORDER, '"k1"')
    assert len(shop.events()) == 1


async def test_the_same_key_with_another_body_is_refused_with_the_reason():
    shop = make_shop()
    await post(shop, ORDER)
    answer = await post(shop, REFUND)
    assert (answer.status_code, answer.json()["type"]) == (
        422,
        "urn:greenline:problem:idempotency-key-reused",
    )
    assert "another body" in answer.json()["detail"]
    assert len(shop.events()) == 1


async def test_a_key_still_in_work_is_told_to_come_again():
    shop = make_shop()
    await post(shop, ORDER)
    earlier = shop.answers.earlier["standard", "k1"]
    shop.answers.earlier["standard", "k1"] = Earlier(earlier.fingerprint, None)
    answer = await post(shop, ORDER)
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "1")


async def test_one_key_of_two_sources_is_two_keys():
    shop = make_shop()
    await post(shop, ORDER)
    assert (await post(shop, REFUND, authorization="Bearer of-another-source")).status_code == 200


async def test_what_was_refused_may_come_put_right_under_its_key():
    shop = make_shop()
    assert (await post(shop, {**ORDER, "type": "order.lost"})).status_code == 422
    assert (await post(shop, ORDER)).status_code == 200


async def test_what_could_not_be_stored_may_come_again_under_its_key():
    shop = make_shop()
    shop.log.away = shop.spool.away = True
    away = await post(shop, ORDER)
    assert (away.status_code, int(away.headers["retry-after"]) > 0) == (503, True)
    shop.log.away = shop.spool.away = False
    assert (await post(shop, ORDER)).status_code == 200


async def test_kafka_away_is_the_spool_as_for_webhooks():
    shop = make_shop()
    shop.log.away = True
    assert (await post(shop, ORDER)).json()["durable"] == "spool"


async def test_without_the_store_of_answers_nothing_is_taken():
    shop = make_shop()
    shop.answers.away = True
    assert (await post(shop, ORDER)).status_code == 503
    assert shop.events() == []


async def test_an_answer_that_could_not_be_kept_is_given(monkeypatch):
    shop = make_shop()

    async def away(*_: object) -> None:
        raise UnavailableError("PostgreSQL is away")

    monkeypatch.setattr(shop.answers, "finish", away)
    assert (await post(shop, ORDER)).status_code == 200


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"type": "order.lost"}, "type", "not one of"),
        ({"type": "customer.erased"}, "type", "not for senders"),
        ({"type": "outreach.opened"}, "type", "not for senders"),
        ({"time": "yesterday"}, "time", "Invalid RFC3339"),
        ({"time": "2024-05-31T12:00:00"}, "time", "timezone"),
        ({"time": "2031-01-01T00:00:00Z"}, "time", "future"),
        ({"customer": {}}, "customer", "needs an id"),
        ({"customer": {"email": "nobody"}}, "customer", "needs an id"),
        ({"customer": {"id": 7001}}, "customer.id", "string"),
        ({"customer": {"id": "7\0"}}, "customer.id", "pattern"),
        ({"customer": {"id": "7\x85"}}, "customer.id", "pattern"),
        ({"data": {**ORDER["data"], "order_id": "1\x00"}}, "data", "control characters"),
        ({"customer": {"mail": "a@b.example"}}, "customer.mail", "Extra inputs"),
        ({"data": {"order_id": "1", "amount": "1.00"}}, "data.currency", "Field required"),
        ({"data": {**ORDER["data"], "amount": 59.9}}, "data.amount", "string"),
        ({"data": {**ORDER["data"], "amout": "1"}}, "data.amout", "it has order_id, amount"),
        ({"data": {**ORDER["data"], "amount": "2000000.00"}}, "data", "over the limit"),
        ({"data": {**ORDER["data"], "order_id": "a@b.example"}}, "data", "belongs under customer"),
        ({"id": "no spaces"}, "id", "pattern"),
        ({"surprise": 1}, "surprise", "Extra inputs"),
    ],
)
async def test_what_is_wrong_is_named_by_element_and_field_and_nothing_is_taken(change, field, says):
    shop = make_shop()
    answer = await post(shop, {"events": [ORDER, {**ORDER, **change}]})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (fault,) = answer.json()["errors"]
    assert (fault["element"], fault["field"]) == (1, field)
    assert says in fault["reason"]
    assert shop.events() == []


async def test_every_fault_of_a_batch_is_told_up_to_a_hundred():
    answer = await post(make_shop(), {"events": [7] * 150})
    assert len(answer.json()["errors"]) == 100


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "truncated"),
        (b"[]", "expected an event"),
        (b'{"events": {}}', "must be a list"),
        (b'{"events": []}', "1 to 1000"),
        (json.dumps({"events": [ORDER] * 1001}).encode(), "1 to 1000"),
        (b"[" * 5000, "nested too deeply"),
    ],
)
async def test_a_body_that_is_no_events_is_refused_with_the_reason(body, says):
    answer = await post(make_shop(), body)
    assert (answer.status_code, says in answer.json()["detail"]) == (400, True), answer.text


@pytest.mark.parametrize("key", [None, "", '""', "k" * 256, "k\x7f"])
async def test_without_a_usable_key_nothing_is_taken(key):
    shop = make_shop()
    assert (await post(shop, ORDER, key)).status_code == 400
    assert shop.events() == []


async def test_limits_are_those_of_webhooks():
    shop = make_shop()
    assert (await post(shop, b" " * (shop.settings.max_body_bytes + 1))).status_code == 413
    assert (await post(shop, ORDER, **{"content-type": "text/plain"})).status_code == 415
    full = make_shop(settings=IngestSettings(max_buffered_bytes=1024))
    answer = await post(full, b" " * 2000)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
