"""`greenline ingest reconcile` and a running ingest on a Kafka, a PostgreSQL and an API on loopback."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from aiohttp import web

from tests.contract.ingest.apis import LocalApi, local_api
from tests.integration.ingest.conftest import World
from tests.unit.ingest.shop import SECRETS, order
from tests.unit.ingest.test_enrichment import bigcommerce_order

ORDERS = "GET /admin/api/2024-10/orders.json"
FIRST = 88_001  # numbers of no other test's orders


@pytest.fixture
async def platform(world: World) -> AsyncIterator[LocalApi]:
    """The API of the world's shops, whose sources have a key for as long."""
    file = world.folder / "sources.yaml"
    before = file.read_text()
    async with local_api() as api:
        keyed = {"api_key": "a-key-of-the-test", "api_base": api.url}
        sources = [
            {"name": name, "provider": name, "tenant": "demo", "secrets": [secret], **keyed}
            for name, secret in SECRETS.items()
            if name in {"shopify", "bigcommerce"}
        ]
        file.write_text(yaml.safe_dump({"sources": sources}))
        yield api
    file.write_text(before)


async def reconcile(world: World, *words: str) -> tuple[int, str]:
    told = {
        "GREENLINE_KAFKA": world.state.kafka.url,
        "GREENLINE_DATABASE_URL": world.state.postgres.url,
        "INGEST_SOURCES_FILE": str(world.folder / "sources.yaml"),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.ingest", "reconcile", *words),
        env={**os.environ, **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    return process.returncode or 0, (said + complained).decode()


def listed(*orders: dict[str, Any]) -> Any:
    """Two to a page."""

    def answer(request: web.Request) -> web.Response:
        start = int(request.query.get("page_info", "0"))
        link = f'<https://x.example/orders.json?page_info={start + 2}>; rel="next"'
        more = {"Link": link} if start + 2 < len(orders) else {}
        return web.json_response({"orders": orders[start : start + 2]}, headers=more)

    return answer


def ids(events: list[dict[str, Any]]) -> list[str]:
    return sorted(one["id"] for one in events if f":{FIRST // 100}" in one["id"])


async def test_an_order_that_never_arrived_is_found_and_published_once(world: World, platform: LocalApi):
    numbers = [FIRST, FIRST + 1, FIRST + 2]
    platform.says[ORDERS] = listed(*map(order, numbers))
    async with world.ingest():
        await world.reaches_kafka(FIRST)
        await world.spool_is_empty()
    arrived = await world.events()

    status, said = await reconcile(world, "shopify", "--since", "2d", "--dry-run")
    assert (status, await world.events()) == (0, arrived), said
    assert f"shopify/order {FIRST + 1}: order.placed" in said
    assert "3 listed, 2 had not arrived, 0 only in part" in said

    status, said = await reconcile(world, "shopify", "--since", "2d")
    assert status == 0, said
    assert "2 events published" in said
    placed = [f"shopify:order:{number}:placed" for number in numbers]
    told = await world.events()
    assert set(ids(told)) == set(placed)
    assert len(ids(told)) - len(ids(arrived)) == 2

    status, said = await reconcile(world, "shopify", "--since", "2d")
    assert "3 listed, 0 had not arrived, 0 only in part" in said
    assert await world.events() == told

    gone = datetime.now(UTC) - timedelta(hours=1)
    platform.says[ORDERS] = listed(order(FIRST, cancelled_at=gone.isoformat()))
    for found in ("0 had not arrived, 1 only in part", "0 had not arrived, 0 only in part"):
        status, said = await reconcile(world, "shopify", "--since", "2d")
        assert found in said
    more = {one["id"] for one in await world.events()} - {one["id"] for one in told}
    assert more == {f"shopify:order:{FIRST}:cancelled"}
    assert len(await world.events()) == len(told) + 1
    assert platform.heard[0].headers["X-Shopify-Access-Token"] == "a-key-of-the-test"
    assert "a-key-of-the-test" not in said


async def test_a_thin_delivery_is_filled_before_it_is_answered(world: World, platform: LocalApi):
    number = FIRST + 9
    platform.says[f"GET /v2/orders/{number}"] = bigcommerce_order(id=number)
    body = {
        "scope": "store/order/created",
        "producer": "stores/x",
        "created_at": int(datetime(2024, 5, 31, tzinfo=UTC).timestamp()),
        "data": {"type": "order", "id": number},
    }
    async with world.ingest():
        answer = await world.post("bigcommerce", body, at=datetime.now(UTC))
        assert answer.json()["events"] == [f"bigcommerce:order:{number}:placed"]
        assert await world.metric("greenline_ingest_enrichments_total") == 1


async def test_what_cannot_be_asked_is_explained(world: World, platform: LocalApi):
    assert "no source is called" in (await reconcile(world, "nobody", "--since", "2d"))[1]
    platform.says[ORDERS] = web.Response(status=403)
    status, said = await reconcile(world, "shopify", "--since", "2d")
    assert status == 1
    assert "403" in said
    assert (await reconcile(world, "shopify", "--since", "yesterday"))[0] == 2
    assert (await reconcile(world, "shopify", "--since", "1h", "--until", "2h"))[0] == 2
