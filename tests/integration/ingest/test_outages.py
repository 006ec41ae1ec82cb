"""Ingest with Kafka or PostgreSQL away, and killed in between. Nothing that was answered 2xx is missing."""

import asyncio
from collections import Counter
from itertools import count

from prometheus_client import CollectorRegistry

from libs.events.topics import INGEST_STATUS
from libs.runtime.clock import SystemClock
from libs.runtime.status import Listener
from tests.integration.ingest.conftest import PATIENCE_S, World
from tests.unit.ingest.shop import order


async def accepted(world: World, body: dict) -> tuple[str, str]:
    """The event's id and where it became durable."""
    answer = await world.order(body)
    assert answer.status_code == 200, answer.text
    (event,) = answer.json()["events"]
    return event, answer.json()["durable"]


def numbers_of(events: list[dict], numbers: range) -> list[int]:
    """The orders among these events, by first appearance."""
    wanted = {str(number): number for number in numbers}
    seen = [wanted[one["data"]["order_id"]] for one in events if one["data"].get("order_id") in wanted]
    return list(dict.fromkeys(seen))


async def test_a_signed_order_is_on_the_topic_when_the_answer_says_so(world: World):
    async with world.ingest():
        await world.reaches_kafka(99)
        event, _ = await accepted(world, order(100))
        await world.spool_is_empty()
        found = {one["id"]: one for one in await world.events()}
        assert found[event]["type"] == "order.placed"
        assert found[event]["subject"].startswith("c_")


async def test_kafka_away_and_ingest_killed_lose_nothing_and_keep_the_order(world: World):
    numbers = range(200, 212)
    async with world.ingest() as process:
        await world.reaches_kafka(200)
        await world.stop("kafka")
        for number in numbers[1:6]:
            assert (await accepted(world, order(number)))[1] == "spool"
        process.kill()
        await process.wait()
    async with world.ingest():
        for number in numbers[6:9]:
            assert (await accepted(world, order(number)))[1] == "spool"
        await world.start_everything()
        for number in numbers[9:]:
            await accepted(world, order(number))
        await world.spool_is_empty()
        await world.reaches_kafka(299)
        assert numbers_of(await world.events(), numbers) == list(numbers)


async def test_silence_is_held_from_when_ingest_is_cut_off_until_what_it_spooled_has_come(world: World):
    kafka, clock, numbers = world.state.kafka.url, SystemClock(), range(500, 506)
    heard = Listener(kafka, INGEST_STATUS.name, clock, CollectorRegistry(), app="test", longest_s=3_600)

    async def until(held: bool) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not heard.known or heard.held() is not held:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.05)

    async with world.ingest(INGEST_KAFKA_WAIT_S="0.3"), heard.following():
        await world.reaches_kafka(500)
        await until(held=False)
        await world.stop("kafka")
        for number in numbers[1:]:
            assert (await accepted(world, order(number)))[1] == "spool"
        await until(held=True)
        await world.start_everything()
        await until(held=False)
        assert numbers_of(await world.events(), numbers) == list(numbers)


async def test_deliveries_on_their_way_when_the_broker_goes_arrive_once(world: World):
    numbers, answered, enough = count(1_000), list[tuple[str, str]](), asyncio.Event()

    async def send() -> None:
        while not enough.is_set():
            answer = await world.order(order(next(numbers)))
            if answer.status_code == 200:  # a busy machine may send some away
                answered.append((answer.json()["events"][0], answer.json()["durable"]))

    async def lands_in(durable: str) -> None:
        before = len(answered)
        async with asyncio.timeout(PATIENCE_S):
            while durable not in {where for _, where in answered[before:]}:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.1)

    async with world.ingest(INGEST_KAFKA_WAIT_S="0.3"):
        await world.reaches_kafka(400)
        senders = [asyncio.create_task(send()) for _ in range(8)]
        await lands_in("kafka")
        await world.stop("kafka")
        await lands_in("spool")
        await world.start_everything()
        await lands_in("kafka")
        enough.set()
        await asyncio.gather(*senders)
        await world.spool_is_empty()
        arrived = Counter(one["id"] for one in await world.events())
        assert {event: arrived[event] for event, _ in answered} == {event: 1 for event, _ in answered}


async def test_postgres_away_lets_known_customers_through_and_sends_unknown_ones_away(world: World):
    stranger = order(302, email="new@shopper.example", customer={"id": 7999, "email": "new@shopper.example"})
    async with world.ingest():
        await world.reaches_kafka(300)
        await world.stop("postgres")
        assert (await accepted(world, order(301)))[1] == "kafka"
        answer = await world.order(stranger)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        await world.start_everything()
        async with asyncio.timeout(60):  # on a busy machine the first connections may take too long
            while (await world.order(stranger)).status_code != 200:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.2)


async def test_a_stop_is_graceful(world: World):
    async with world.ingest() as process:
        process.terminate()
        assert await process.wait() == 0
