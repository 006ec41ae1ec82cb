"""`greenline ingest dead-letters` against a running ingest, its Kafka and its PostgreSQL."""

import asyncio
import json
import os
import sys

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


@pytest.fixture
async def kept(world: World) -> tuple[str, str]:
    """A refund whose order came after it, and something nobody maps."""
    async with world.ingest():
        await world.reaches_kafka(500)
        headers = {"x-shopify-topic": "refunds/create", "traceparent": TRACE}
        early = await world.post("shopify", refund(501), **headers)
        odd = await world.post("shopify", order(501), **{"x-shopify-topic": "orders/teleported"})
        assert (await world.order(order(501))).status_code == 200
        await world.spool_is_empty()
    return early.json()["reference"], odd.json()["reference"]


async def test_letters_are_listed_shown_redriven_and_dropped(world: World, kept: tuple[str, str]):
    early, odd = kept
    status, said = await letters(world, "list")
    assert status == 0
    assert max(map(len, said.splitlines())) <= 80
    assert early in said
    assert [one["reference"] for one in await listed(world, "--topic", "refunds/create")] == [early]

    status, said = await letters(world, "show", odd)
    assert "orders/teleported" in said
    assert "verified_at" in said
    assert "hmac" not in said
    assert "ada@shopper.example" not in said
    status, said = await letters(world, "show", odd, "--raw")
    assert json.loads(said) == order(501)

    before = await world.events()
    status, said = await letters(world, "redrive", "--all", "--dry-run")
    assert status == 3
    assert f"{early} order.refunded" in said
    assert f"{odd} stays: unknown_topic" in said
    assert await world.events() == before
    assert {one["state"] for one in await listed(world)} == {"waiting"}

    status, said = await letters(world, "redrive", "--source", "shopify")
    assert (status, said.splitlines()[-1]) == (3, "1 redriven, 1 stay")
    (event,) = (one for one in await world.events() if one["type"] == "order.refunded")
    assert event["traceparent"] == TRACE
    (done,) = await listed(world, "--state", "redriven")
    assert (done["reference"], done["result"]["events"]) == (early, [event["id"]])
    assert event["receivedat"] == done["at"].replace("+00:00", "Z")

    assert (await letters(world, "drop", odd, "--because", "a test of the shop's"))[0] == 0
    assert await listed(world) == []
    (gone,) = await listed(world, "--state", "dropped")
    assert gone["result"] == {"because": "a test of the shop's"}
    assert (await letters(world, "show", odd, "--raw"))[0] == 1
    assert (await letters(world, "redrive", "--all"))[0] == 0


async def test_nothing_chosen_is_not_everything(world: World):
    for verb in (("redrive",), ("drop", "--because", "x")):
        assert (await letters(world, *verb))[0] == 2
    status, said = await letters(world, "list", "--older", "soon")
    assert status == 2
    assert "7d" in said
