"""A log that went through the real topic, replayed offline, is scored as it was: to the last bit."""

import asyncio
import json
import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from libs.events import AnyEvent, build, decode, decode_many, encode
from libs.events.families.commerce import OrderPlaced, OrderRefunded, SubscriptionPaused, SubscriptionStarted
from libs.events.families.customer import CustomerHealthOverridden
from libs.events.families.engagement import EmailClicked, EmailSent, SiteVisited
from libs.events.families.relationship import (
    MilestonePlanned,
    MilestoneReached,
    NoteAdded,
    SurveyAnswered,
    TicketOpened,
    TicketSolved,
    UsageRecorded,
)
from libs.events.topics import CUSTOMER_HEALTH
from libs.runtime.kafka import make_consumer, make_producer
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.snapshot import (
    Dictionary,
    describe_rows,
    facts_by_row,
    lines_of,
    snapshot_of,
)
from services.scoring.offline.log import EventLog, build_log
from services.scoring.offline.replay import Replay
from tests.integration.scoring.shop import START, Shop

CUSTOMERS, EVENTS = 30, 900
CARD = load_scorecard(STARTER)


def happens(draw: random.Random, number: int) -> Any:
    """Something of any family."""
    ident = str(number)
    return draw.choice(
        [
            OrderPlaced(order_id=ident, amount=f"{draw.randint(5, 90)}.00", currency="USD"),
            OrderRefunded(order_id=ident, refund_id="r", amount="3.00", currency="USD"),
            SubscriptionStarted(subscription_id="s", amount="9.00", currency="USD", interval_days=30),
            SubscriptionPaused(subscription_id="s"),
            SiteVisited(session_id=ident),
            EmailSent(),
            EmailClicked(),
            TicketOpened(ticket_id=str(number % 7), sentiment=draw.choice(["negative", "positive", None])),
            TicketSolved(ticket_id=str(number % 7)),
            NoteAdded(note_id=ident, sentiment="negative"),
            SurveyAnswered(survey_id="q", response_id=ident, kind="nps", score=draw.randint(0, 10)),
            UsageRecorded(feature=str(number % 9), count=draw.randint(0, 20), features_available=12),
            MilestonePlanned(milestone=str(number % 4), due_at=START + timedelta(days=draw.randint(1, 90))),
            MilestoneReached(milestone=str(number % 4)),
            CustomerHealthOverridden(score=draw.randint(0, 100), until=START + timedelta(days=number / 9)),
        ]
    )


def life(shop: Shop) -> Iterator[AnyEvent]:
    """A shop's months, in order of arrival; some events happened days before."""
    draw = random.Random(5)
    for number in range(EVENTS):
        at = START + timedelta(hours=2 * number)
        yield build(
            happens(draw, number),
            id=f"e{number}",
            source="x",
            tenant="demo",
            subject=f"{shop.customer}-{draw.randrange(CUSTOMERS)}",
            time=at - timedelta(days=draw.choice([0, 0, 0, 1, 9])),
            receivedat=at,
        )


async def send(shop: Shop, events: list[AnyEvent]) -> None:
    producer = make_producer(shop.kafka)
    await producer.start()
    try:
        for event in events:
            await producer.send(shop.wiring.source, encode(event), key=event.key)
        await producer.flush()
    finally:
        await producer.stop()


async def logged(shop: Shop) -> list[EventLog]:
    """What stands on the topic, a log a partition: what a tenant's feeds are is known to each alone."""
    consumer = make_consumer(shop.wiring.source, bootstrap=shop.kafka)
    await consumer.start()
    values: dict[int, list[bytes]] = {}
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(p) < end for p, end in ends.items()]):
            for record in chain.from_iterable((await consumer.getmany(timeout_ms=200)).values()):
                values.setdefault(record.partition, []).append(record.value)
    finally:
        await consumer.stop()
    return [build_log([decode_many(raws).events]) for raws in values.values()]


async def said(shop: Shop, events: list[AnyEvent], within_s: float = 60) -> dict[bytes, Any]:
    """The snapshot of each customer as of their last event: a catch-up, too, has its time."""
    waits = {event.key: event.receivedat for event in events}
    found: dict[bytes, Any] = {}
    consumer = make_consumer(CUSTOMER_HEALTH.name, bootstrap=shop.kafka)
    await consumer.start()
    try:
        async with asyncio.timeout(within_s):
            while len(found) < len(waits):
                record = await consumer.getone()
                if record.key in waits and decode(record.value).time == waits[record.key]:
                    found[record.key] = json.loads(record.value)["data"]
    finally:
        await consumer.stop()
    return found


def replayed(log: EventLog) -> dict[bytes, Any]:
    """Each customer's snapshot at their last event."""
    replay = Replay(log, CARD.numbers())
    replay.advance(1 << 32)
    slots = replay.seen()
    nows = replay.rows["scored_at"][slots].astype(np.int64)
    found = describe_rows(replay.rows, slots, nows, replay.world())
    facts = facts_by_row(found.facts, ["USD"] * len(slots))
    lines = lines_of(found, replay.rows["band"][slots], ["consumer"] * len(slots), ["?"] * len(slots), facts)
    words = Dictionary(CARD).of("consumer")
    told = [json.loads(msgspec.json.encode(snapshot_of(line, words))) for line in lines]
    return {log.keys[slot]: one for slot, one in zip(slots.tolist(), told, strict=True)}


async def test_a_replay_of_the_topic_gives_every_snapshot_bit_by_bit(shop: Shop) -> None:
    events = list(life(shop))
    async with shop.service():
        await send(shop, events)
        live = await said(shop, events)
    logs = await logged(shop)
    assert len(logs) > 1
    offline = {key: told for log in logs for key, told in replayed(log).items()}
    assert offline.keys() == live.keys()
    for key, told in live.items():
        assert {**offline[key], "cause": told["cause"]} == told
