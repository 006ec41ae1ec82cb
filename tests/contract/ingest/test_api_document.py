"""The OpenAPI document says what the endpoint does."""

import json
from datetime import timedelta

from jsonschema import Draft202012Validator

from services.ingest.domain.posted import OPEN_TYPES
from tests.unit.ingest.shop import Shop, order
from tests.unit.ingest.test_events_api import ORDER, make_shop, post


async def document() -> dict:
    return (await Shop().request("GET", "/openapi.json")).json()


async def test_the_described_schemas_are_what_is_answered():
    shop = Shop()
    schemas = (await document())["components"]["schemas"]
    accepted = (await shop.shopify("orders/create", order())).json()
    assert set(schemas["Accepted"]["required"]) <= set(accepted) <= set(schemas["Accepted"]["properties"])
    kept = (await shop.shopify("no/such", order())).json()
    assert set(kept) == set(schemas["NotUnderstood"]["properties"])
    refused = (await shop.request("POST", "/webhooks/nobody")).json()
    assert set(refused) == set(schemas["Problem"]["properties"])
    taken = (await post(make_shop(), ORDER)).json()
    assert set(taken) == set(schemas["Taken"]["properties"])
    invalid = (await post(make_shop(), {**ORDER, "type": "none"})).json()
    assert set(invalid) == set(schemas["InvalidEvents"]["properties"])


async def test_every_reference_leads_somewhere():
    found = await document()
    text = json.dumps(found)
    named = {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert named <= set(found["components"]["schemas"])


async def test_each_type_has_its_own_data_and_the_examples_are_true():
    found = await document()
    event = found["components"]["schemas"]["Event"]
    assert [one["properties"]["type"]["const"] for one in event["oneOf"]] == list(OPEN_TYPES)
    body = found["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]
    judge = Draft202012Validator({**body["schema"], "components": found["components"]})
    for number, example in enumerate(body["examples"].values()):
        judge.validate(example["value"])
        shop = make_shop()
        shop.clock.advance(timedelta(days=3 * 365))
        assert (await post(shop, example["value"], f"k{number}")).status_code == 200
    assert not judge.is_valid({**ORDER, "data": {"order_id": "1"}})


async def test_health_and_metrics_are_served():
    shop = Shop()
    await shop.shopify("orders/create", order())
    assert (await shop.request("GET", "/healthz")).json() == {"status": "ok"}
    assert (await shop.request("GET", "/readyz")).json()["ready"] is True
    text = (await shop.request("GET", "/metrics")).text
    assert 'greenline_ingest_requests_total{outcome="accepted",source="shopify"} 1.0' in text
    assert 'greenline_ingest_events_total{type="order.placed"} 1.0' in text
    assert "shpss_" not in text
    assert "@" not in text
