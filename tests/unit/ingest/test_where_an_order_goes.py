"""The region of an order: codes of country and part, and nothing finer."""

import pytest

from services.ingest.domain.reading import Node, region_of
from tests.unit.ingest.platforms import woo_order
from tests.unit.ingest.shop import Shop, order


@pytest.mark.parametrize(
    ("country", "part", "expected"),
    [
        ("US", "CA", "US-CA"),
        ("DE", "DE-BE", "DE-BE"),
        ("de", "", "DE"),
        ("DE", None, "DE"),
        ("FR", "Bretagne", "FR"),
        ("France", "BRE", None),
        (None, "CA", None),
        (7, ["CA"], None),
        ("US", "94110", "US"),
    ],
)
def test_codes_are_kept_and_names_are_not(country: object, part: object, expected: str | None) -> None:
    assert region_of(Node(country), Node(part)) == expected


async def test_an_order_of_shopifys_tells_where_it_goes() -> None:
    shop = Shop()
    body = order(shipping_address={"country_code": "US", "province_code": "CA", "zip": "94110"})
    assert (await shop.shopify("orders/create", body)).status_code == 200
    (placed,) = [event for event in shop.events() if event["type"] == "order.placed"]
    assert placed["data"]["region"] == "US-CA"


async def test_so_does_one_of_woocommerces_that_writes_the_country_before_the_part() -> None:
    shop = Shop()
    body = woo_order(shipping={"country": "DE", "state": "DE-BE", "postcode": "10115"})
    answer = await shop.post("woocommerce", body, {"x-wc-webhook-topic": "order.created"})
    assert answer.status_code == 200
    (placed,) = [event for event in shop.events() if event["type"] == "order.placed"]
    assert placed["data"]["region"] == "DE-BE"
