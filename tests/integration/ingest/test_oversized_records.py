"""A record that the broker of this shop takes for too large, by a running ingest: kept, told, sent again."""

import json

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from libs.events.topics import CUSTOMER_EVENTS
from tests.integration.ingest.conftest import World
from tests.integration.ingest.test_dead_letters_from_the_command_line import letters, listed
from tests.unit.ingest.shop import order

SMALL, USUAL = 2_000, 1_048_588  # bytes; an order is about 600, one of a hundred long product ids 7,000


async def takes(world: World, most_bytes: int) -> None:
    """What the broker takes at once on customer.events from now on."""
    admin = AIOKafkaAdminClient(bootstrap_servers=world.state.kafka.url)
    await admin.start()
    try:
        settings = {**CUSTOMER_EVENTS.config, "max.message.bytes": str(most_bytes)}
        topic = ConfigResource(ConfigResourceType.TOPIC, CUSTOMER_EVENTS.name, configs=settings)
        await admin.alter_configs([topic])
    finally:
        await admin.close()


def huge(number: int) -> dict:
    return order(number, line_items=[{"product_id": f"{one:060}", "quantity": 1} for one in range(100)])


async def told(world: World) -> list[str]:
    found = (one["data"].get("order_id") for one in await world.events())
    return [number for number in found if number is not None]


async def test_it_is_a_letter_what_is_behind_it_arrives_and_a_larger_limit_lets_it_through(world: World):
    async with world.ingest():
        await world.reaches_kafka(600)
        await takes(world, SMALL)
        answers = [await world.order(body) for body in (order(601), huge(602), order(603), order(604))]
        assert [one.status_code for one in answers] == [200] * 4
        await world.spool_is_empty()
        await world.reaches_kafka(605)
        (letter,) = await listed(world)
        assert (letter["reason"], letter["source"], letter["provider"]) == (
            "record_too_large",
            "spool",
            "shopify",
        )
        assert sorted(set(await told(world))) == ["600", "601", "603", "604", "605"]
        await takes(world, USUAL)
        status, said = await letters(world, "redrive", "--reason", "record_too_large")
        assert status == 0, said
        await world.spool_is_empty()
        (event,) = (one for one in await world.events() if one["data"].get("order_id") == "602")
        assert event["id"] == answers[1].json()["events"][0]
        assert len(json.dumps(event)) > SMALL
    assert await listed(world) == []
