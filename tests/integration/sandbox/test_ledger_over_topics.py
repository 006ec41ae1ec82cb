"""The ledger over real topics: balanced as written, out of balance with one record dropped or one doubled."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import pytest

from libs.events import DeadLetter, build, encode, message_key
from libs.events.facts import Facts
from libs.events.families.commerce import OrderPlaced
from libs.events.families.customer import OutreachHeldOut, OutreachOpened, OutreachSuppressed
from libs.events.families.health import HealthChanged, HealthPoint, TriggerFired
from libs.events.types import Frozen
from libs.runtime.kafka import make_producer
from libs.runtime.stream.state import CHECKPOINT_KEY, Checkpoint
from sandbox.adapters.checkpoints import read_checkpoints
from sandbox.adapters.topics import recount
from sandbox.domain.ledger import Attempt, balance, count_sent

NOW = datetime(1998, 1, 1, tzinfo=UTC)
STEMS = (
    "customer.events",
    "scoring.dead-letters",
    "customer.triggers",
    "outreach.outcomes",
    "customer.health-changes",
    "scoring.state",
)
SENT = count_sent([Attempt(n, 200, "accepted", (f"o{n}",)) for n in range(1, 7)])
MakeTopics = Callable[..., Awaitable[list[str]]]


def _event(data: Frozen, name: str) -> bytes:
    event = build(
        data, id=name, source="shopify/sandbox", tenant="sandbox", subject="c1", time=NOW, receivedat=NOW
    )
    return encode(event)


def _order(number: int) -> bytes:
    return _event(OrderPlaced(order_id=str(number), amount="9.99", currency="USD"), f"o{number}")


def _fired(trigger: str) -> bytes:
    data = TriggerFired(
        trigger_id=trigger,
        rule="no-site-activity",
        rule_version="1",
        level="red",
        title="No activity",
        reason="63 days",
        episode=1,
        fired_at=NOW,
        score=20.0,
        band="red",
        stage="mid",
        cause="silence",
        facts=Facts(),
    )
    return _event(data, f"fired-{trigger}")


def _decision(kind: type[Frozen], trigger: str) -> bytes:
    return _event(
        kind(trigger_id=trigger, rule="no-site-activity", reason="default"), f"{kind.__name__}-{trigger}"
    )


def _checkpoint(after: int, **ledger: int) -> bytes:
    seen = Checkpoint(next=after, layout=1, rows=0, sparse=0, ledger=ledger, watermark=None, memo=b"")
    return msgspec.json.encode(seen)


class Stage:
    """Topics of this test alone, filled as healthy services would leave them, faults apart."""

    def __init__(self, bootstrap: str, names: list[str]) -> None:
        self.bootstrap = bootstrap
        self.names = dict(zip(STEMS, names, strict=True))

    async def put(self, *records: tuple[str, bytes], transactional: bool = False) -> None:
        extra = {"transactional_id": f"test-{self.names['customer.events']}"} if transactional else {}
        async with make_producer(self.bootstrap, **extra) as producer:
            if transactional:
                async with producer.transaction():
                    await self._send(producer, records)
            else:
                await self._send(producer, records)

    async def _send(self, producer: object, records: tuple[tuple[str, bytes], ...]) -> None:
        for stem, value in records:
            key = CHECKPOINT_KEY if stem == "scoring.state" else message_key("sandbox", "c1")
            await producer.send_and_wait(self.names[stem], value, key=key, partition=0)  # type: ignore[attr-defined]

    async def fill(self, *, orders: list[int], applied: int, duplicate: int) -> None:
        await self.put(*(("customer.events", _order(number)) for number in orders))
        change = HealthChanged(
            after=HealthPoint(score=50.0, band="yellow", confidence=0.5), why=(), cause="o1"
        )
        letter = DeadLetter(reason="poison", detail="x", origin="customer.events/0/5", event_id="o6", at=NOW)
        await self.put(
            ("customer.health-changes", _event(change, "h1")),
            ("scoring.dead-letters", letter.model_dump_json().encode()),
            ("scoring.state", _checkpoint(3, applied=1, duplicate=0)),
            *(("customer.triggers", _fired(trigger)) for trigger in ("t1", "t2", "t3")),
            ("scoring.state", _checkpoint(9, applied=applied, duplicate=duplicate, dead_lettered=1)),
            transactional=True,
        )
        decisions = ((OutreachOpened, "t1"), (OutreachSuppressed, "t2"), (OutreachHeldOut, "t3"))
        await self.put(*(("outreach.outcomes", _decision(kind, trigger)) for kind, trigger in decisions))

    async def ledger_line(self) -> str:
        counted = await recount(self.bootstrap, self.names.__getitem__)
        return balance(SENT, counted.topics()).line()


@pytest.fixture
async def stage(kafka: str, make_topics: MakeTopics) -> Stage:
    return Stage(kafka, await make_topics(*STEMS, partitions=2))


async def test_what_healthy_services_leave_behind_balances(stage: Stage) -> None:
    await stage.fill(orders=[1, 2, 3, 3, 4, 5, 6], applied=5, duplicate=1)
    # A relay that sends an outcome again after a crash changes nothing: its id is the same.
    await stage.put(("outreach.outcomes", _decision(OutreachOpened, "t1")))
    assert await stage.ledger_line() == (
        "ledger: sent=6 accepted=6 refused=0 unconfirmed=0 records=7 applied=5 duplicate=1 dead_lettered=1 "
        "fired=3 opened=1 suppressed=1 held_out=1 BALANCED"
    )


async def test_an_event_dropped_between_topics_is_out_of_balance(stage: Stage) -> None:
    await stage.fill(orders=[1, 2, 3, 3, 5, 6], applied=4, duplicate=1)  # 4 was answered as accepted
    assert (await stage.ledger_line()).endswith("OUT OF BALANCE")


async def test_an_event_counted_twice_is_out_of_balance(stage: Stage) -> None:
    await stage.fill(orders=[1, 2, 3, 3, 4, 5, 6], applied=6, duplicate=0)
    assert (await stage.ledger_line()).endswith("OUT OF BALANCE")


async def test_a_trigger_with_two_decisions_is_out_of_balance(stage: Stage) -> None:
    await stage.fill(orders=[1, 2, 3, 3, 4, 5, 6], applied=5, duplicate=1)
    await stage.put(("outreach.outcomes", _decision(OutreachHeldOut, "t1")))
    assert (await stage.ledger_line()).endswith("OUT OF BALANCE")


async def test_the_newest_checkpoint_is_found_however_far_from_the_end(stage: Stage) -> None:
    topic = stage.names["scoring.state"]
    assert await read_checkpoints(stage.bootstrap, topic) == {}
    await stage.put(("scoring.state", _checkpoint(7, applied=7)), transactional=True)
    async with make_producer(stage.bootstrap) as producer:
        for number in range(300):  # rows without a checkpoint, as an aborted commit would leave behind
            await producer.send(topic, b"row", key=str(number).encode(), partition=0)
    assert {n: c.next for n, c in (await read_checkpoints(stage.bootstrap, topic)).items()} == {0: 7}
