"""Triggers as it ships, hurt like the core: every firing is said once.

A customer is fine, and from some moment on in trouble: the rule is to fire once for each of them, whatever
becomes of the workers, their broker and their partitions meanwhile.
"""

import asyncio
import re
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from libs.events import decode_hot, encode, message_key
from libs.events import topics as contract
from libs.events.topics import CUSTOMER_HEALTH, CUSTOMER_TRIGGERS
from libs.runtime.stack import ChildSpec, Supervisor, ensure_topics
from libs.runtime.stack.ports import Reservations
from tests.chaos.faults import Faults, Kind, schedule
from tests.chaos.found import read
from tests.chaos.job import PARTITIONS, SESSION_S, Job
from tests.chaos.load import Load
from tests.chaos.rounds import SETTLE_S
from tests.fixtures.broker import Broker
from tests.unit.triggers.shop import START, rule_text, snapshot

SEED, CUSTOMERS, RATE = 5, 3_000, 1_500
KINDS = (Kind.KILL, Kind.ZOMBIE, Kind.USURP, Kind.STOP, Kind.BROKER_RESTART, Kind.KILL)
NAMES = ("worker-0", "worker-1")
READY_S = 90.0


def snapshots(seed: int) -> Iterator[tuple[bytes, bytes]]:
    """Everybody once as fine, then one after the other in trouble, some of them told of again and again."""
    random, at = Random(seed), START
    for customer in range(CUSTOMERS):
        yield _said(f"c{customer}", 80.0, at := at + timedelta(seconds=1))
    while True:
        yield _said(f"c{random.randrange(CUSTOMERS)}", 20.0, at := at + timedelta(seconds=1))


def _said(customer: str, score: float, at: datetime) -> tuple[bytes, bytes]:
    event = snapshot(customer, at, score=score, cause=f"{customer}-{at:%d%H%M%S}")
    return message_key("demo", customer), encode(event)


@asynccontextmanager
async def workers(kafka: str, folder: Path) -> AsyncIterator[Supervisor]:
    rules = folder / "rules.yaml"
    rules.write_text(rule_text("score < 40", "score >= 60", cooldown="0s"))
    env = {
        "GREENLINE_KAFKA": kafka,
        "GREENLINE_STREAM_SESSION_S": f"{SESSION_S}",
        "TRIGGERS_RULES_FILE": str(rules),
        "TRIGGERS_STORM_LEAST": f"{CUSTOMERS}",  # all in trouble at once: not what is tested here
    }
    ports, argv = Reservations(), (sys.executable, "-m", "services.triggers", "run")
    children = []
    for name in NAMES:
        port, data = ports.reserve(0), folder / name
        own = {"TRIGGERS_PORT": f"{port}", "GREENLINE_DATA_DIR": str(data)}
        children.append(ChildSpec(name, argv, {**env, **own}, port))
    try:
        async with Supervisor(children, folder) as supervisor:
            await supervisor.ready(READY_S)
            yield supervisor
    finally:
        ports.release()


async def troubled(kafka: str) -> set[bytes | None]:
    """Who came to be in trouble, as the log has it."""
    told = [(one.key, decode_hot(one.value)) for one in await read(kafka, CUSTOMER_HEALTH.name)]
    return {key for key, event in told if event.data.score < 40}


async def fired(kafka: str) -> Counter[bytes | None]:
    said = [(one.key, decode_hot(one.value)) for one in await read(kafka, CUSTOMER_TRIGGERS.name)]
    assert {(event.event_type, event.data.episode) for _, event in said} <= {("trigger.fired", 1)}
    return Counter(key for key, _ in said)


async def some_fired(kafka: str) -> None:
    """Until there is something to lose."""
    async with asyncio.timeout(READY_S):
        while not await fired(kafka):  # noqa: ASYNC110 (other processes)
            await asyncio.sleep(0.5)


def read_back(folder: Path) -> int:
    """How many records of their state the workers have read in takeovers, by their logs."""
    logs = "".join((folder / "logs" / f"{name}.log").read_text() for name in NAMES)
    return sum(map(int, re.findall(r'"records": (\d+).*"stream.restored"', logs)))


async def all_fired(kafka: str) -> None:
    """Until everybody is heard of. What is said twice comes within the same time or has come."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_S):
            while (await troubled(kafka)) - (await fired(kafka)).keys():  # noqa: ASYNC110 (other processes)
                await asyncio.sleep(1.0)


@pytest.mark.timeout(300)
async def test_two_workers_of_triggers_and_their_broker_are_hurt_and_each_firing_is_said_once(tmp_path: Path):
    broker = await asyncio.to_thread(Broker, tmp_path / "kafka")
    try:
        kafka = broker.url
        await ensure_topics(kafka, contract.ALL, partitions=PARTITIONS)
        load = Load(kafka, CUSTOMER_HEALTH.name, snapshots(SEED), RATE)
        async with workers(kafka, tmp_path) as supervisor:
            pouring = asyncio.create_task(load.run())
            await some_fired(kafka)
            faults = Faults(Job(kafka, "triggers"), supervisor, NAMES, broker)
            await faults.play(schedule(SEED, KINDS))
            load.stop()
            await pouring
            await all_fired(kafka)
            restarts = sum(map(supervisor.restarts, NAMES))
        wanted, said = await troubled(kafka), await fired(kafka)
    finally:
        await asyncio.to_thread(broker.stop)
    assert restarts > 0
    assert read_back(tmp_path) > 500, "no takeover with anything in it"
    assert faults.done.total() == len(KINDS)
    assert len(wanted) > CUSTOMERS / 2, "too little has happened to mean anything"
    assert said == Counter(wanted)
    shutil.rmtree(tmp_path / "kafka", ignore_errors=True)
