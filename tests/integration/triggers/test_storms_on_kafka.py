"""Held and released on the real Kafka, by the commands, through restarts: each trigger once."""

import asyncio
import re
from collections import Counter
from dataclasses import replace

import httpx
import pytest

from libs.events import AnyEvent, decode
from libs.events.topics import CUSTOMER_TRIGGERS
from libs.runtime.kafka import make_consumer, partition_of
from services.triggers import operate
from services.triggers.adapters import operating
from tests.integration.triggers.test_rules_change_under_a_running_service import PROBE, until_measured
from tests.integration.triggers.test_triggers_on_kafka import PARTITIONS, Shop, shop
from tests.unit.triggers.shop import START, cleared, fired, snapshot

__all__ = ["shop"]  # a fixture

EACH = 10  # customers a partition
AT_ONCE = 2  # of them may fire in an hour


@pytest.fixture
def stormy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop with one rule and a narrow guard; its clock runs, slowly enough to stay within the hour."""
    monkeypatch.setenv("GREENLINE_KAFKA", shop.kafka)
    file = shop.clock_file.parent / "rules.yaml"
    file.write_text(PROBE)
    shop.set_clock(days_per_second=0.001)
    return replace(shop, rules=file, storm_least=AT_ONCE)


def names(shop: Shop) -> list[str]:
    """As many customers on each partition."""
    found: dict[int, list[str]] = {number: [] for number in range(PARTITIONS)}
    for i in range(EACH * PARTITIONS * 10):
        name = f"{shop.customer}-{i}"
        found[partition_of(f"demo/{name}".encode(), [*found], [])].append(name)
    return [name for group in found.values() for name in group[:EACH]]


async def said(shop: Shop, count: int) -> list[AnyEvent]:
    """What stands on customer.triggers about this shop's customers, once there is that much of it."""
    consumer = make_consumer(CUSTOMER_TRIGGERS.name, bootstrap=shop.kafka)
    await consumer.start()
    found: list[AnyEvent] = []
    try:
        async with asyncio.timeout(60):
            while len(found) < count:
                record = await consumer.getone()
                if record.key.startswith(f"demo/{shop.customer}-".encode()):
                    found.append(decode(record.value))
    finally:
        await consumer.stop()
    return found


async def held(shop: Shop) -> int:
    watches = await operating.watches(shop.kafka, shop.wiring.state)
    return sum(one["probe"].held for one in watches.values())


async def until_committed(shop: Shop) -> None:
    """Every partition's rules can be seen from outside."""
    async with asyncio.timeout(30):
        while len(await operating.watches(shop.kafka, shop.wiring.state)) < PARTITIONS:  # noqa: ASYNC110 (looks in from outside)
            await asyncio.sleep(0.05)


async def until_swept(shop: Shop) -> None:
    """Silence has been looked at on each partition since the start, with nothing coming in."""
    async with asyncio.timeout(60), httpx.AsyncClient() as client:
        while await evaluated(shop, client) <= EACH * PARTITIONS:  # noqa: ASYNC110 (looks in from outside)
            await asyncio.sleep(0.05)


async def evaluated(shop: Shop, client: httpx.AsyncClient) -> float:
    text = (await client.get(f"http://127.0.0.1:{shop.port}/metrics")).text
    found = re.search(r"^greenline_triggers_evaluated_total (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_a_storm_is_held_and_released_by_command_each_trigger_once_through_restarts(
    stormy: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    customers, topics = names(stormy), operate.Topics(stormy.wiring.state, stormy.wiring.requests)
    everybody, at_once = len(customers), AT_ONCE * PARTITIONS
    async with stormy.service():
        await stormy.send(*(snapshot(name, START, score=20.0) for name in customers))
        assert len(fired(await said(stormy, at_once))) == at_once
        for number in range(PARTITIONS):
            await until_measured(
                stormy, f'greenline_triggers_firings_held{{partition="{number}",rule="probe"}} 8.0'
            )
    async with stormy.service():  # what is held is held by the state
        await until_measured(stormy, 'greenline_triggers_rule_held{partition="0",rule="probe"} 1.0')
    assert await held(stormy) == everybody - at_once
    await asyncio.to_thread(operate.list_storms, topics)
    await asyncio.to_thread(operate.decide, "probe", "storm-release", topics)  # the service is down
    async with stormy.service():
        assert len(fired(await said(stormy, everybody))) == everybody
    async with stormy.service():  # and again nothing, until all are well
        await until_swept(stormy)
        await stormy.send(*(snapshot(name, START, score=70.0) for name in customers))
        events = await said(stormy, 2 * everybody)
    assert len(cleared(events)) == everybody
    ids = Counter(event.id for event in events if fired([event]))
    assert ids == Counter(f"trigger:probe:demo/{name}:1" for name in customers)
    assert await held(stormy) == 0
    printed = capsys.readouterr().out
    assert "probe: 16 firings (partition 0: 8 held, partition 1: 8 held)" in printed
    assert "asked to release 16 held firings" in printed


async def test_so_many_of_the_silently_armed_fire_a_day_through_restarts(stormy: Shop) -> None:
    customers, topics = names(stormy), operate.Topics(stormy.wiring.state, stormy.wiring.requests)
    history = [
        snapshot(name, START, backfill=True, score=20.0, spend_total=i) for i, name in enumerate(customers)
    ]
    async with stormy.service():
        await stormy.send(*history)
        await until_measured(stormy, 'greenline_triggers_moved_total{phase="silent",rule="probe"} 20.0')
        await until_committed(stormy)
        await asyncio.to_thread(operate.release, "probe", 4, topics)
        first = await said(stormy, 4)
    best = {name for start in (0, EACH) for name in customers[start : start + EACH][-2:]}
    assert {event.subject for event in first} == best
    async with stormy.service():  # the day's count is in the state: this says no more than that all are well
        await until_swept(stormy)
        await stormy.send(*(snapshot(name, START, score=70.0) for name in customers))
        events = await said(stormy, 8)
    assert {event.subject for event in events if cleared([event])} == best
    assert len(fired(events)) == len(best)


async def test_a_rule_that_is_not_in_force_cannot_be_asked_for(
    stormy: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    topics = operate.Topics(stormy.wiring.state, stormy.wiring.requests)
    async with stormy.service():
        await stormy.send(snapshot(f"{stormy.customer}-0", START, score=20.0))
        await said(stormy, 1)
    with pytest.raises(operate.typer.Exit):
        await asyncio.to_thread(operate.decide, "prob", "storm-drop", topics)
    assert "there is no rule prob in force; these are: probe" in capsys.readouterr().err
