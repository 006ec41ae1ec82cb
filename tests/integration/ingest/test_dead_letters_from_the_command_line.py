"""`greenline ingest dead-letters` against a running ingest, its Kafka and its PostgreSQL."""

import asyncio
import json
import os
import sys
from itertools import count

import pytest

from tests.integration.ingest.conftest import World
from tests.unit.ingest.shop import order, refund

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def letters(world: World, *words: str) -> tuple[int, str]:
    told = {
        "GREENLINE_KAFKA": world.state.kafka.url,
        "GREENLINE_DATABASE_URL": world.state.postgres.url,
        "INGEST_SOURCES_FILE": str(world.folder / "sources.yaml"),
        "GREENLINE_LOG_LEVEL": "ERROR",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.ingest", "dead-letters", *words),
        env={**os.environ, **told},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    return process.returncode or 0, (said or complained).decode()


async def listed(world: World, *words: str) -> list[dict]:
    return json.loads((await letters(world, "list", "--json", *words))[1])["letters"]


numbers = count(501)


@pytest.fixture
async def kept(world: World) -> tuple[str, str, int]:
    """A refund whose order came after it, and something nobody maps; of this order."""
    number = next(numbers)
    async with world.ingest():
        await world.reaches_kafka(500)
        headers = {"x-shopify-topic": "refunds/create", "traceparent": TRACE}
        early = await world.post("shopify", refund(number, id=number), **headers)
        odd = await world.post("shopify", order(number), **{"x-shopify-topic": "orders/teleported"})
        assert (await world.order(order(number))).status_code == 200
        await world.spool_is_empty()
    return early.json()["reference"], odd.json()["reference"], number


async def test_letters_are_listed_and_shown_without_what_proved_them(
    world: World, kept: tuple[str, str, int]
):
    early, odd, number = kept
    status, said = await letters(world, "list")
    assert status == 0
    assert max(map(len, said.splitlines())) <= 80
    assert early in said
    assert {early} <= {one["reference"] for one in await listed(world, "--topic", "refunds/create")}
    status, said = await letters(world, "show", odd)
    assert "orders/teleported" in said
    assert "verified_at" in said
    assert "hmac" not in said
    assert "ada@shopper.example" not in said
    status, said = await letters(world, "show", odd, "--raw")
    assert json.loads(said) == order(number)


async def test_a_dry_run_keeps_nothing_and_a_redrive_publishes(world: World, kept: tuple[str, str, int]):
    early, odd, number = kept
    before = await world.events()
    status, said = await letters(world, "redrive", early, odd, "--dry-run")
    assert status == 3
    assert f"{early} order.refunded" in said
    assert f"{odd} stays: unknown_topic" in said
    assert await world.events() == before

    status, said = await letters(world, "redrive", early, odd)
    assert (status, said.splitlines()[-1]) == (3, "1 redriven, 1 stay")
    (event,) = (one for one in await world.events() if one["id"] == f"shopify:refund:{number}:refunded")
    assert event["traceparent"] == TRACE
    (done,) = await listed(world, "--state", "redriven")
    assert (done["reference"], done["result"]["events"]) == (early, [event["id"]])
    assert event["receivedat"] == done["at"].replace("+00:00", "Z")


async def test_what_is_dropped_keeps_its_record_and_not_its_bytes(world: World, kept: tuple[str, str, int]):
    _, odd, _ = kept
    assert (await letters(world, "drop", odd, "--because", "a test of the shop's"))[0] == 0
    (gone,) = await listed(world, "--state", "dropped")
    assert (gone["reference"], gone["result"], gone["size"]) == (odd, {"because": "a test of the shop's"}, 0)
    assert (await letters(world, "show", odd, "--raw"))[0] == 1
    assert (await letters(world, "redrive", odd))[0] == 1


async def test_nothing_chosen_is_not_everything(world: World):
    for verb in (("redrive",), ("drop", "--because", "x")):
        assert (await letters(world, *verb))[0] == 2
    status, said = await letters(world, "list", "--older", "soon")
    assert status == 2
    assert "7d" in said
