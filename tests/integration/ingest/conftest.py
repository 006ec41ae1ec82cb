"""A whole ingest process on a Kafka and a PostgreSQL of its own, so that tests may stop them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from libs.events.topics import CUSTOMER_EVENTS
from libs.runtime.kafka import end_offsets, make_consumer
from libs.runtime.stack import Stack, StackConfig, StackState
from libs.runtime.stack.ports import choose
from services.ingest.adapters.migrate import migrate
from tests.fixtures.stack import JARS
from tests.unit.ingest.shop import NOW, SECRETS, order, sign

PATIENCE_S = 60.0  # the machine may be busy with other tests


@dataclass
class World:
    """The stack, and where ingest reads its sources."""

    stack: Stack
    state: StackState
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def stop(self, part: str) -> None:
        await asyncio.to_thread(self.stack.nodes(self.stack.state())[part].stop)

    async def start_everything(self) -> None:
        await asyncio.to_thread(self.stack.up)

    @asynccontextmanager
    async def ingest(self, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """`python -m services.ingest run` until the end of the block."""
        told = {
            "GREENLINE_KAFKA": self.state.kafka.url,
            "GREENLINE_DATABASE_URL": self.state.postgres.url,
            "GREENLINE_LOG_JSON": "true",
            "INGEST_PORT": str(self.port),
            "INGEST_SOURCES_FILE": str(self.folder / "sources.yaml"),
            "INGEST_KAFKA_WAIT_S": "3.0",
            **more,
        }
        log = (self.folder / "ingest.log").open("ab")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.ingest", "run", env={**os.environ, **told}, stderr=log
        )
        try:
            await self.answers()
            yield process
        finally:
            log.close()
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(process.wait(), 20)
                except TimeoutError:
                    process.kill()
                    await process.wait()

    async def answers(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return (await client.get(f"{self.url}/healthz")).raise_for_status() and None
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def post(self, name: str, body: Any, at: datetime | None = None, **headers: str) -> httpx.Response:
        """Signed at a time, where the signature has one."""
        raw = json.dumps(body).encode()
        provider = name.partition("-")[0]
        sent = {"content-type": "application/json", **headers, **sign(provider, raw, at=at or NOW)}
        async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
            return await client.post(f"{self.url}/webhooks/{name}", content=raw, headers=sent)

    async def order(self, body: Any) -> httpx.Response:
        return await self.post("shopify", body, **{"x-shopify-topic": "orders/create"})

    async def reaches_kafka(self, number: int) -> None:
        """Deliver an order until Kafka takes it: on a busy machine the first ones may be spooled."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.order(order(number))).json().get("durable") != "kafka":
                await self.spool_is_empty()

    async def metric(self, name: str) -> float:
        async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
            lines = (await client.get(f"{self.url}/metrics")).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    async def spool_is_empty(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            # Another process's state: there is nothing here to wait on.
            while await self.spooled():  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def spooled(self) -> float:
        return await self.metric("greenline_ingest_spooling") + await self.metric(
            "greenline_ingest_spool_depth"
        )

    async def events(self) -> list[dict[str, Any]]:
        """Everything on customer.events, by partition in the order of the log."""
        consumer = make_consumer(CUSTOMER_EVENTS.name, bootstrap=self.state.kafka.url)
        await consumer.start()
        try:
            partitions = consumer.assignment()
            ends = await end_offsets(consumer, CUSTOMER_EVENTS.name, [one.partition for one in partitions])
            found: list[dict[str, Any]] = []
            async with asyncio.timeout(PATIENCE_S):
                while len(found) < sum(ends.values()):
                    batches = await consumer.getmany(timeout_ms=200)
                    found += [json.loads(record.value) for batch in batches.values() for record in batch]
            return found
        finally:
            await consumer.stop()


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Path]]:
    folder = tmp_path_factory.mktemp("ingest")
    stack = Stack(StackConfig(folder / "stack", 0, 0, kafka_heap_mb=256, kafka_jars=JARS))
    stack.up()
    yield stack, folder
    stack.down()


@pytest.fixture(scope="module")
async def world(own_stack: tuple[Stack, Path]) -> World:
    stack, folder = own_stack
    state = stack.state()
    await migrate(state.postgres.url)
    sources = [
        {"name": name, "provider": name, "tenant": "demo", "secrets": [secret]}
        for name, secret in SECRETS.items()
    ]
    (folder / "sources.yaml").write_text(yaml.safe_dump({"sources": sources}))
    return World(stack, state, folder, choose(0))
