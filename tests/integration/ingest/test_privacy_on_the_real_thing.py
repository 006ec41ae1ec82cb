"""Privacy requests against a running ingest, its Kafka and its PostgreSQL; killed in the middle of a shop."""

import asyncio
import json

import asyncpg
import httpx

from libs.events.topics import CUSTOMER_PROFILES
from libs.runtime.kafka import end_offsets, make_consumer
from tests.integration.ingest.conftest import PATIENCE_S, World
from tests.unit.ingest.shop import order

TOKEN = "a token of the demo tenant"
CUSTOMERS = 2_000


async def call(world: World, method: str, **body) -> dict:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.request(
            method,
            f"{world.url}/v1/privacy/requests",
            headers={"authorization": f"Bearer {TOKEN}"},
            content=json.dumps(body) if body else None,
        )
    assert answer.status_code < 300, answer.text
    return answer.json()


async def profiles(world: World) -> dict[bytes, bytes | None]:
    """The last record of each customer on customer.profiles."""
    consumer = make_consumer(CUSTOMER_PROFILES.name, bootstrap=world.state.kafka.url)
    await consumer.start()
    try:
        ends = await end_offsets(
            consumer, CUSTOMER_PROFILES.name, [one.partition for one in consumer.assignment()]
        )
        found, number = {}, 0
        async with asyncio.timeout(PATIENCE_S):
            while number < sum(ends.values()):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    number += len(records)
                    found |= {record.key: record.value for record in records}
        return found
    finally:
        await consumer.stop()


async def test_a_person_is_told_everything_and_then_erased(world: World, monkeypatch):
    monkeypatch.setenv("INGEST_PRIVACY_TOKENS", json.dumps({"demo": TOKEN}))
    async with world.ingest():
        await world.reaches_kafka(700)
        await world.post("shopify", order(701), **{"x-shopify-topic": "orders/teleported"})
        told = await call(world, "POST", kind="data_request", email="ada@shopper.example", reference="case 1")
        assert told["profile"]["name"] == "Ada Byron"
        assert [one["elements"][0]["id"] for one in told["dead_letters"]] == [701]
        key = f"demo/{told['customer']}".encode()
        assert (await profiles(world))[key] is not None

        proof = await call(
            world, "POST", kind="redact_customer", email="ada@shopper.example", reference="case 2"
        )
        assert proof["counts"]["identities"] >= 3
        assert (proof["counts"]["customers"], proof["counts"]["dead_letters"]) == (1, 1)
        await world.spool_is_empty()
        assert (await profiles(world))[key] is None
        (end,) = (one for one in await world.events() if one["type"] == "customer.erased")
        assert end["subject"] == told["customer"]
        told = await call(world, "POST", kind="data_request", email="ada@shopper.example")
        assert (told["customer"], told["identities"], told["dead_letters"]) == (None, [], [])
        assert {one["kind"] for one in (await call(world, "GET"))["requests"]} == {
            "data_request",
            "redact_customer",
        }


async def test_a_shop_is_erased_to_the_end_though_ingest_is_killed_on_the_way(world: World, monkeypatch):
    monkeypatch.setenv("INGEST_PRIVACY_TOKENS", json.dumps({"demo": TOKEN}))
    database = await asyncpg.connect(world.state.postgres.url.replace("+asyncpg", ""))
    try:
        async with world.ingest() as process:
            await database.execute(
                "INSERT INTO ingest.customers (tenant, customer_id) "
                "SELECT 'demo', 'c_' || n FROM generate_series(1, $1) n",
                CUSTOMERS,
            )
            await call(world, "POST", kind="redact_shop", confirm="demo", reference="leaving")
            async with asyncio.timeout(PATIENCE_S):
                # Another process's progress: there is nothing here to wait on.
                while (await left(database)) > CUSTOMERS - 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            process.kill()
            await process.wait()
        async with world.ingest(), asyncio.timeout(PATIENCE_S):
            while (row := (await shop_row(world)))["state"] != "done":  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            await world.spool_is_empty()
        assert await left(database) == 0
        assert row["counts"]["customers"] >= CUSTOMERS
    finally:
        await database.close()
    erased = {one["subject"] for one in await world.events() if one["type"] == "customer.erased"}
    assert {f"c_{number}" for number in range(1, CUSTOMERS + 1)} <= erased


async def left(database: asyncpg.Connection) -> int:
    return await database.fetchval("SELECT count(*) FROM ingest.customers WHERE tenant = 'demo'")


async def shop_row(world: World) -> dict:
    return next(one for one in (await call(world, "GET"))["requests"] if one["reference"] == "leaving")
