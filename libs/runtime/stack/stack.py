"""The local stack: real Kafka and real PostgreSQL under one data folder, without containers."""

import asyncio
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from libs.events import topics as contract
from libs.runtime.stack import state as states
from libs.runtime.stack.errors import PortTakenError
from libs.runtime.stack.kafka import KafkaNode
from libs.runtime.stack.postgres import PostgresNode
from libs.runtime.stack.state import StackState
from libs.runtime.topics import PARTITIONS, ensure_topics

PORT_ATTEMPTS = 5  # two clones starting at once may pick the same free port

Part = Literal["kafka", "postgres", "topics"]
Report = Callable[[Part, str], None]


class Node(Protocol):
    """One server of the stack."""

    @property
    def log(self) -> Path: ...
    def alive(self) -> bool: ...
    def prepare(self) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


def _silent(_part: Part, _said: str) -> None:
    """The default report: nobody is looking."""


@dataclass(frozen=True, slots=True)
class StackConfig:
    """Where the stack lives and what it would like. A port that is taken is replaced by a free one."""

    data_dir: Path
    kafka_port: int = 19092
    postgres_port: int = 15432
    kafka_heap_mb: int = 768
    partitions: int = PARTITIONS
    kafka_jars: Path | None = None  # shared between data folders where given

    @property
    def state_file(self) -> Path:
        return self.data_dir / "stack.json"


class Stack:
    """Brings the stack up and down. Every method may be called again: what is already so stays so."""

    def __init__(self, config: StackConfig) -> None:
        self.config = config
        self._folder = config.data_dir.resolve()

    def state(self) -> StackState:
        """What is remembered, whether it runs or not."""
        return states.load(self.config.state_file)

    def nodes(self, state: StackState) -> dict[Literal["kafka", "postgres"], Node]:
        """The two servers as `state` remembers them."""
        config = self.config
        jars = config.kafka_jars or self._folder / "kafka" / "libs"
        remember = partial(states.save, config.state_file, state)
        folder = self._folder
        kafka = KafkaNode(
            folder / "kafka",
            state.kafka,
            jars_store=jars.resolve(),
            port=config.kafka_port,
            heap_mb=config.kafka_heap_mb,
            remember=remember,
        )
        postgres = PostgresNode(
            folder / "postgres", state.postgres, port=config.postgres_port, remember=remember
        )
        return {"kafka": kafka, "postgres": postgres}

    def up(self, report: Report = _silent) -> StackState:
        """Start what does not run, both at once, and make the topics that are missing."""
        with states.locked(self._folder / "stack.lock"):
            state = self.state()
            nodes = self.nodes(state)
            for name, node in nodes.items():
                if not node.alive():
                    report(name, "preparing")
                    node.prepare()
            with ThreadPoolExecutor(len(nodes)) as pool:
                starts = [pool.submit(self._start, name, node, state, report) for name, node in nodes.items()]
            for start in starts:
                start.result()
            report("topics", "creating")
            made = asyncio.run(
                ensure_topics(state.kafka.url, contract.ALL, partitions=self.config.partitions)
            )
            report("topics", f"{len(made)} created" if made else "all there")
            return state

    def down(self, report: Report = _silent) -> None:
        """Stop both servers and leave no process behind. Data and ports are kept."""
        with states.locked(self._folder / "stack.lock"):
            state = self.state()
            nodes = self.nodes(state)
            with ThreadPoolExecutor(len(nodes)) as pool:
                stops = [pool.submit(partial(self._stop, name, node, report)) for name, node in nodes.items()]
            for stop in stops:
                stop.result()
            if self.config.state_file.exists():
                states.save(self.config.state_file, state)

    def reset(self, report: Report = _silent) -> None:
        """Stop both servers and forget their data and ports; the jars stay."""
        self.down(report)
        with states.locked(self._folder / "stack.lock"):
            for data in (self._folder / "kafka" / "data", self._folder / "postgres"):
                shutil.rmtree(data, ignore_errors=True)
            self.config.state_file.unlink(missing_ok=True)

    def _start(self, name: Part, node: Node, state: StackState, report: Report) -> None:
        running = node.alive()
        report(name, "already running" if running else "starting")
        try:
            for _ in range(PORT_ATTEMPTS - 1):
                with suppress(PortTakenError):
                    node.start()
                    break
            else:
                node.start()
        finally:
            states.save(self.config.state_file, state)
        if not running:
            report(name, "ready")

    @staticmethod
    def _stop(name: Part, node: Node, report: Report) -> None:
        report(name, "stopping")
        node.stop()
        report(name, "stopped")
