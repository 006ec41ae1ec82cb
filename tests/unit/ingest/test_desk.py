"""Identity's memory: when the store is asked, and what goes on without it."""

import asyncio

import pytest

from services.ingest.testing import MemoryIdentities
from tests.unit.ingest.shop import Shop, klaviyo, order, refund, segment


async def test_a_known_customer_costs_no_round_trip():
    shop = Shop()
    await shop.shopify("orders/create", order(1))
    assert shop.identities.calls == 1
    for number in range(2, 6):
        assert (await shop.shopify("orders/create", order(number))).status_code == 200
    assert shop.identities.calls == 1
    assert shop.metric("greenline_ingest_identity_lookups_total", result="cached") == 4


async def test_new_orders_of_a_known_customer_are_remembered_behind_the_answer():
    shop = Shop()
    await shop.shopify("orders/create", order(1))
    await shop.shopify("orders/create", order(2))
    await shop.ingest.desk.finish()
    assert shop.identities.objects() == {"1", "2"}


async def test_a_refund_right_after_its_order_finds_the_customer():
    shop = Shop()
    await shop.shopify("orders/create", order(1))
    await shop.shopify("orders/create", order(2))
    assert (await shop.shopify("refunds/create", refund(2))).json()["events"] == [
        "shopify:refund:501:refunded"
    ]


async def test_known_customers_go_on_without_postgres_and_unknown_ones_come_again():
    shop = Shop()
    await shop.shopify("orders/create", order(1))
    shop.identities.away = True
    assert (await shop.shopify("orders/create", order(2))).status_code == 200
    unknown = await shop.shopify("orders/create", order(3, email="new@shopper.example", customer={"id": 8}))
    assert unknown.status_code == 503
    assert int(unknown.headers["retry-after"]) > 0


async def test_a_profile_that_could_not_be_saved_is_saved_by_the_next_delivery():
    shop = Shop()
    await shop.shopify("orders/create", order(1))
    shop.identities.away = True
    renamed = {"id": 7001, "email": "ada@shopper.example", "first_name": "Augusta", "last_name": "Byron"}
    assert (await shop.shopify("orders/create", order(2, customer=renamed))).status_code == 200
    assert len(shop.profiles()) == 1
    shop.identities.away = False
    await shop.shopify("orders/create", order(3, customer=renamed))
    assert shop.profiles()[-1]["name"] == "Augusta Byron"


async def test_a_profile_is_published_again_if_the_first_time_failed():
    shop = Shop()
    shop.log.away = shop.spool.away = True
    assert (await shop.shopify("orders/create", order(1))).status_code == 503
    shop.log.away = shop.spool.away = False
    shop.ingest.publisher._stop_spooling()
    assert (await shop.shopify("orders/create", order(1))).status_code == 200
    assert len(shop.profiles()) == 1


async def test_a_device_nobody_was_seen_on_is_not_asked_about_again_and_again():
    shop = Shop()
    for number in range(5):
        await shop.post("segment", segment("page", userId=None, messageId=str(number)))
    assert shop.identities.calls == 1


class SlowIdentities(MemoryIdentities):
    """A store that takes a moment, so that callers pile up."""

    async def resolve(self, claims):
        await asyncio.sleep(0.01)
        return await super().resolve(claims)


async def test_callers_that_wait_for_the_store_share_a_round_trip():
    shop = Shop(identities=SlowIdentities())
    bodies = [order(n, email=f"c{n}@shopper.example", customer={"id": n}) for n in range(1, 41)]
    answers = await asyncio.gather(*(shop.shopify("orders/create", body) for body in bodies))
    assert {answer.status_code for answer in answers} == {200}
    assert shop.identities.calls < 10
    assert len({event["subject"] for event in shop.events()}) == 40


@pytest.mark.parametrize(
    "role", ["info@shopper.example", "Sales@shopper.example", "no-reply@shopper.example"]
)
async def test_a_role_address_joins_nobody(role):
    shop = Shop()
    await shop.shopify("orders/create", order(1, email=role, customer={"id": 1, "email": role}))
    await shop.shopify("orders/create", order(2, email=role, customer={"id": 2, "email": role}))
    one, two = shop.events()
    assert one["subject"] != two["subject"]


async def test_guests_are_one_customer_by_address_or_by_phone():
    shop = Shop()
    await shop.shopify("orders/create", order(1, customer=None, phone="(212) 555-0143"))
    await shop.shopify("orders/create", order(2, customer=None, email=" ADA@shopper.example "))
    await shop.shopify("orders/create", order(3, customer=None, email="", phone="+1 212-555-0143"))
    assert len({event["subject"] for event in shop.events()}) == 1


async def test_the_elements_of_a_batch_wait_for_the_store_together():
    shop = Shop(identities=SlowIdentities())
    body = klaviyo(*(("clicked_email", f"e{n}", {"email": f"c{n}@shopper.example"}) for n in range(200)))
    for number, event in enumerate(body["data"]):
        event["payload"]["data"]["relationships"]["profile"]["data"]["id"] = f"P{number}"
    answer = await shop.post("klaviyo", body)
    assert answer.json()["events"] == [f"klaviyo:event:e{n}" for n in range(200)]
    assert shop.identities.calls < 5
