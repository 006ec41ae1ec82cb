"""What strangers can send to a running ingest, and what the shop's own deliveries feel of it: nothing."""

import asyncio
import json
from urllib.parse import urlsplit

import httpx

from tests.integration.ingest.conftest import PATIENCE_S, World
from tests.integration.ingest.test_dead_letters_from_the_command_line import listed
from tests.unit.ingest.shop import NOW, order, segment, sign

IDLE = b"POST /webhooks/shopify HTTP/1.1\r\nHost: shop\r\nContent-Length: 99\r\n\r\n"


async def say_nothing(world: World) -> bytes:
    """What is answered to a request whose body never comes, until the connection is closed."""
    address = urlsplit(world.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(IDLE + b"{")
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    finally:
        writer.close()


async def test_connections_that_say_nothing_are_closed_and_hold_no_place(world: World):
    async with world.ingest(INGEST_BODY_WAIT_S="1", INGEST_MAX_IN_FLIGHT="2"):
        idle = [asyncio.create_task(say_nothing(world)) for _ in range(2)]
        for answer in await asyncio.gather(*idle):
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 408 ")
            assert b"connection: close" in head.lower()
            assert json.loads(body)["status"] == 408
        assert (await world.order(order(700))).status_code == 200


async def test_control_characters_make_nobody_wait_and_what_is_broken_is_kept(world: World):
    nobody = {"name": "\0\x85", "timezone": "Europe/\0Berlin", "email": "eve@elsewhere.example"}
    async with world.ingest():
        before = {one["reference"] for one in await listed(world)}
        answers = await asyncio.gather(
            *(world.order(order(number)) for number in range(701, 721)),
            *(
                world.post("segment", segment("identify", userId=f"u{number}\0", traits=nobody))
                for number in range(20)
            ),
        )
        assert {one.status_code for one in answers} == {200}
        raw = b'{"note": "a "quoted" word"}'
        proof = sign("shopify", raw, at=NOW)
        async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
            broken = await client.post(
                f"{world.url}/webhooks/shopify?x-topic=%00a%00%C2%85",
                content=raw,
                headers={"content-type": "application/json", **proof},
            )
        assert (broken.status_code, broken.json()["dead_letter"]) == (202, "unparsable")
        (letter,) = [one for one in await listed(world) if one["reference"] not in before]
        assert (letter["reason"], letter["topic"]) == ("unparsable", "a")
