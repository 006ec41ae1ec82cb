"""The OpenAPI document says what the endpoint does."""

from tests.unit.ingest.shop import Shop, order


async def document() -> dict:
    return (await Shop().request("GET", "/openapi.json")).json()


async def test_every_answer_is_described():
    operation = (await document())["paths"]["/webhooks/{source}"]["post"]
    assert set(operation["responses"]) >= {"200", "202", "400", "401", "404", "413", "415", "503"}
    for status in ("400", "401", "404", "413", "415", "503"):
        assert "application/problem+json" in operation["responses"][status]["content"]
    assert "Retry-After" in operation["responses"]["503"]["headers"]
    assert operation["requestBody"]["required"] is True


async def test_the_described_schemas_are_what_is_answered():
    shop = Shop()
    schemas = (await document())["components"]["schemas"]
    accepted = (await shop.shopify("orders/create", order())).json()
    assert set(schemas["Accepted"]["required"]) <= set(accepted) <= set(schemas["Accepted"]["properties"])
    kept = (await shop.shopify("no/such", order())).json()
    assert set(kept) == set(schemas["NotUnderstood"]["properties"])
    refused = (await shop.request("POST", "/webhooks/nobody")).json()
    assert set(refused) == set(schemas["Problem"]["properties"])


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
